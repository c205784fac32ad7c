// When alarms are heard; pure. After ISA-18.2 a new alarm sounds until it is acknowledged or silenced; after the practice
// of IEC 60601-1-8 the gravest repeat: red every 10 s, orange every 30 s, while one stands unacknowledged. Others sound
// once. A burst is one tone for its gravest in FOLD_MS, a graver one at once. What is shelved, suppressed, out of service
// or folded in a flood is not heard; red is never folded. Silence (X) is no acknowledgement: it ends with the next new
// alarm of the same or a higher severity, and with the acknowledgement of what was silenced.
import { type Level, levelOf, rankOf } from "../level";
import type { Alarm } from "../types";
import { isQuiet } from "./filter";

export const FOLD_MS = 4000;
/** Whether an alarm is folded is read after its line came: those that may be, wait so long for it at most. */
export const FOLDED_KNOWN_MS = 3000;
export const REPEAT_MS: Partial<Record<Level, number>> = { red: 10_000, orange: 30_000 };

/** Whether a line shows an alarm as new: raised, risen, or no longer suppressed; as the service counts annunciations. */
export function isAnnunciation(line: Pick<Alarm, "from" | "to" | "severity" | "severity_from">): boolean {
  const rises = line.severity !== null && rankOf(line.severity) > rankOf(line.severity_from ?? "none");
  return line.to === "unacknowledged" && (line.from === "normal" || isQuiet({ state: line.from }) || rises);
}

export interface Sounding {
  /** The gravest that waits for its tone, with since when and by how many. */
  waiting: { level: Level; since: number; count: number } | null;
  /** The tone that was heard last. */
  heard: { level: Level; at: number } | null;
  /** Silenced by the operator up to this level. */
  silenced: Level | null;
}

export const QUIET: Sounding = { waiting: null, heard: null, silenced: null };

/** A new alarm of the level is to be heard. */
export function annunciated(state: Sounding, level: Level, now: number): Sounding {
  if (state.silenced && rankOf(level) < rankOf(state.silenced)) return state;
  const { waiting } = state;
  const graver = waiting && rankOf(waiting.level) >= rankOf(level) ? waiting.level : level;
  return {
    ...state,
    silenced: null,
    waiting: { level: graver, since: waiting?.since ?? now, count: (waiting?.count ?? 0) + 1 },
  };
}

/** Silence what stands: `highest` is the gravest level that waits for acknowledgement, null where none does. */
export function silence(state: Sounding, highest: Level | null): Sounding {
  const waiting = state.waiting?.level ?? null;
  const level = graverOf(highest, waiting);
  return level ? { ...state, waiting: null, silenced: graverOf(level, state.silenced) } : state;
}

const graverOf = (one: Level | null, other: Level | null): Level | null =>
  one && other ? (rankOf(one) >= rankOf(other) ? one : other) : (one ?? other);

/** What is to be heard now, if anything; `highest` as in `silence`, of alarms whose condition stands. */
export function due(state: Sounding, highest: Level | null, now: number): { state: Sounding; tone: Level | null } {
  const { heard, waiting } = state;
  if (waiting) {
    const graver = heard !== null && rankOf(waiting.level) > rankOf(heard.level);
    if (heard && !graver && now - heard.at < FOLD_MS) return { state, tone: null };
    return { state: { ...state, waiting: null, heard: { level: waiting.level, at: now } }, tone: waiting.level };
  }
  if (state.silenced) {
    // what was silenced and is seen to, no longer keeps others quiet
    const left = highest && rankOf(highest) < rankOf(state.silenced) ? highest : state.silenced;
    return { state: { ...state, silenced: highest && left }, tone: null };
  }
  if (!highest) return { state, tone: null };
  const every = REPEAT_MS[highest];
  if (every === undefined || (heard && now - heard.at < every)) return { state, tone: null };
  return { state: { ...state, heard: { level: highest, at: now } }, tone: highest };
}

const SOUNDING: readonly string[] = ["unacknowledged", "latched_unacknowledged"];

/** Whether an alarm may be heard as it stands. */
export const isAudible = (alarm: Alarm): boolean =>
  SOUNDING.includes(alarm.state) && (levelOf(alarm) === "red" || !alarm.folded?.length);

/** The gravest level of those that are to be heard, null where there is none. */
export function highestAudible(alarms: Iterable<Alarm>): Level | null {
  let found: Level | null = null;
  for (const alarm of alarms) if (isAudible(alarm)) found = graverOf(found, levelOf(alarm));
  return found;
}

type Counts = Record<string, Record<string, number>>;

/** The gravest level of which more alarms wait than before, by the counts of the status page; null where none has. */
export function risen(before: Counts, after: Counts): Level | null {
  let found: Level | null = null;
  for (const [level, states] of Object.entries(after)) {
    if ((states.unacknowledged ?? 0) > (before[level]?.unacknowledged ?? 0)) found = graverOf(found, level as Level);
  }
  return found;
}
