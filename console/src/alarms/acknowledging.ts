// Acknowledging the active row or the selected ones: what is in sight alone, each as it was seen, never what rose since.
import { signal } from "@preact/signals";
import { alarms, listeners } from "../alarm_store";
import { messageOf } from "../api";
import { act, offered } from "../drawer/actions";
import { filled } from "../language";
import { role } from "../session";
import { levelOf, rankOf } from "../severity";
import type { Alarm } from "../types";
import { alarmWords, placeOf } from "./said";
import { active, alarmOf, selected, toggleSelected } from "./shown";

/** Who presses a key this soon after an alarm rose has not seen it risen. */
const SEEN_AFTER_MS = 1000;

/** Alarms whose acknowledgement is on its way. */
export const sending = signal<ReadonlySet<string>>(new Set());
/** What became of the last acts, a line each. */
export const said = signal<{ text: string; refused: boolean }[]>([]);
/** The rows that are in sight. */
export const inSight = signal<ReadonlySet<string>>(new Set());

const roseAt = new Map<string, number>();

listeners.add((after, before) => {
  if (!before || rankOf(levelOf(after)) <= rankOf(levelOf(before)) || !after.severity) return;
  roseAt.set(after.alarm, performance.now());
  setTimeout(() => roseAt.delete(after.alarm), SEEN_AFTER_MS * 2);
  if (!selected.peek().has(after.alarm)) return;
  toggleSelected(after.alarm, false);
  tell(filled(alarmWords().roseWhileSelected, { place: placeOf(after) }), true);
});

/** What was just seen of an alarm, null where it rose too recently to have been. */
function seen(alarm: Alarm): number | null {
  const rose = roseAt.get(alarm.alarm);
  return rose !== undefined && performance.now() - rose < SEEN_AFTER_MS ? null : alarm.sequence;
}

/** Whether the role may acknowledge the alarm as it stands. */
export const canAcknowledge = (alarm: Alarm): boolean => offered(alarm, role.value).includes("acknowledge");

export async function acknowledge(): Promise<void> {
  const words = alarmWords();
  said.value = [];
  const several = selected.peek();
  const wanted: [Alarm, number | null][] = [];
  if (several.size) {
    const beyond = [...several.keys()].filter((id) => !inSight.peek().has(id)).length;
    if (beyond) tell(filled(words.outOfSight, { count: beyond }), true);
    for (const [id, sequence] of several) {
      const alarm = alarms.get(id);
      if (alarm && inSight.peek().has(id)) wanted.push([alarm, sequence]);
    }
  } else {
    const alarm = active.peek() === null ? undefined : alarmOf(active.peek() as string);
    if (!alarm) return tell(words.noneActive, true);
    wanted.push([alarm, seen(alarm)]);
  }
  const done: Alarm[] = [];
  for (const [alarm, sequence] of wanted) {
    if (!canAcknowledge(alarm)) tell(filled(words.notForYou, { place: placeOf(alarm) }), true);
    else if (sequence === null) tell(filled(words.justRisen, { place: placeOf(alarm) }), true);
    else if (await isSent(alarm, sequence)) done.push(alarm);
    toggleSelected(alarm.alarm, false);
  }
  const first = done[0];
  if (first && done.length === 1) tell(filled(words.acknowledgedOne, { place: placeOf(first) }), false);
  else if (first) tell(filled(words.acknowledgedSeveral, { count: done.length }), false);
}

async function isSent(alarm: Alarm, sequence: number): Promise<boolean> {
  if (sending.peek().has(alarm.alarm)) return false;
  sending.value = new Set([...sending.peek(), alarm.alarm]);
  try {
    await act({ alarm: alarm.alarm, sequence }, "acknowledge");
    return true;
  } catch (error) {
    tell(`${placeOf(alarm)}: ${messageOf(error)}`, true);
    return false;
  } finally {
    sending.value = new Set([...sending.peek()].filter((id) => id !== alarm.alarm));
  }
}

export function tell(text: string, refused: boolean): void {
  said.value = [...said.peek(), { text, refused }];
}
