// What a crew keeps of its work: tasks by name and by team, what others resolved, and the facts for each of them.
import { signal } from "@preact/signals";
import { orNone } from "../api";
import { me } from "../session";
import type { Alarm, AlarmPage, Mode } from "../types";
import { ask } from "./answers";
import { keep, kept } from "./database";
import type { Cause, LatestReading, Sensor, Task } from "./types";

const TASKS_MAX = 50;
const VERIFY_MAX = 20;
const FACTS_MS_MAX = 5 * 60_000;

export interface Tasks {
  mine: Alarm[];
  toVerify: Alarm[];
  /** Names of the crew's teams; null where they could not be read. */
  teams: string[] | null;
}

/** Of the tasks read last: who the work of this phone may be assigned to. */
export const teams = signal<string[] | null>(null);

interface Rosters {
  rosters: { teams: { team: string; members: string[] }[] }[];
}

export async function tasks(mode: Mode): Promise<Tasks> {
  const name = me.peek()?.name ?? "";
  const found = await ask<Rosters>("/rosters").catch(() => null);
  const own = found?.rosters.flatMap((one) => one.teams.filter((team) => team.members.includes(name)));
  const names = own?.map((team) => team.team) ?? null;
  teams.value = names;
  const [resolved, ...lists] = await Promise.all([
    ask<AlarmPage>("/alarms", { handling: "resolved", mode, limit: VERIFY_MAX }),
    ...[name, ...(names ?? [])].map((who) => ask<AlarmPage>("/alarms", { assigned_to: who, mode, limit: TASKS_MAX })),
  ]);
  const mine = lists.flatMap((page) => page.alarms).sort(byUrgency);
  const others = (resolved?.alarms ?? []).filter(
    (one) => one.handling?.resolved_by !== name && !mine.some((own) => own.alarm === one.alarm),
  );
  keepFacts([...mine, ...others]);
  return { mine, toVerify: others, teams: names };
}

/** What is due first, then what was raised last. */
function byUrgency(one: Alarm, other: Alarm): number {
  const due = (alarm: Alarm) => (alarm.handling?.due ? Date.parse(alarm.handling.due) : Number.POSITIVE_INFINITY);
  return due(one) - due(other) || Date.parse(other.raised_at) - Date.parse(one.raised_at);
}

/** Keep what a crew out of coverage needs to open each task; what fails is tried at the next round. */
async function keepFacts(alarms: readonly Alarm[]): Promise<void> {
  try {
    await keepCauses();
    for (const alarm of alarms) {
      const before = await kept<Task>(nameOfTask(alarm.alarm));
      if (before && before.data.alarm.sequence >= alarm.sequence && Date.now() - before.at < FACTS_MS_MAX) continue;
      await keep(nameOfTask(alarm.alarm), { data: await factsOf(alarm), at: Date.now() });
    }
  } catch {
    // the task's own page asks again and says what is wrong
  }
}

export const nameOfTask = (alarm: string): string => `alarm:${alarm}`;

export async function task(alarm: string): Promise<Task> {
  keepCauses().catch(() => {}); // the form asks again
  return factsOf(await ask<Alarm>(`/alarms/${encodeURIComponent(alarm)}`));
}

async function factsOf(alarm: Alarm): Promise<Task> {
  const path = `/sensors/${encodeURIComponent(alarm.sensor)}`;
  const [sensor, latest] = await Promise.all([orNone(ask<Sensor>(path)), orNone(ask<LatestReading>(`${path}/latest`))]);
  return { alarm, sensor, latest };
}

async function keepCauses(): Promise<void> {
  if (!(await kept<Cause[]>("causes"))) await causeCodes();
}

/** Causes that a resolution can name, kept for use without network. */
export async function causeCodes(): Promise<Cause[]> {
  try {
    const data = await ask<Cause[]>("/cause-codes");
    await keep("causes", { data, at: Date.now() }).catch(() => {});
    return data;
  } catch {
    return (await kept<Cause[]>("causes").catch(() => undefined))?.data ?? [];
  }
}

/** Whether the work is this person's; where the teams are not known, it may be. */
export function isMine(alarm: Alarm): boolean {
  const holder = alarm.handling?.assigned_to;
  if (!holder) return false;
  return holder === me.value?.name || (teams.value?.includes(holder) ?? true);
}
