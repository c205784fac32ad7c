// The rows of the list: alarms in order, what a flood folds behind one row; and rows that stay where they are; pure.
import { rankOf } from "../level";
import type { Alarm } from "../types";
import { gravest } from "./filter";

/** A row by its id: an alarm's, or that of a group of folded ones. */
export type RowId = string;
const GROUP = "group:";
export const groupNamed = (incidentOrRule: string | null): RowId => `${GROUP}${incidentOrRule}`;
export const isGroup = (row: RowId): boolean => row.startsWith(GROUP);

/** How many alarms of each incident stand. */
export type Together = ReadonlyMap<string, number>;

/** The row that a folded alarm stands behind: that of several of an incident, or else of its rule; red never does. */
export function groupOf(alarm: Alarm, together: Together): RowId | null {
  if (!alarm.folded?.length || alarm.severity === "red") return null;
  const { incident } = alarm;
  return groupNamed(incident && (together.get(incident) ?? 0) > 1 ? incident : alarm.rule);
}

export interface Rows {
  ids: RowId[];
  /** Alarms behind each group's row, in order. */
  groups: Map<RowId, Alarm[]>;
}

/** Fold sorted alarms: a group stands where its first one would, `open` ones show theirs below; one alone stands itself. */
export function folded(
  sorted: readonly Alarm[],
  open: ReadonlySet<RowId>,
  unfolded: boolean,
  together: Together,
): Rows {
  const groups = new Map<RowId, Alarm[]>();
  if (unfolded) return { ids: sorted.map((one) => one.alarm), groups };
  for (const alarm of sorted) {
    const group = groupOf(alarm, together);
    if (!group) continue;
    const members = groups.get(group);
    if (members) members.push(alarm);
    else groups.set(group, [alarm]);
  }
  for (const [group, members] of groups) if (members.length < 2) groups.delete(group);
  const ids: RowId[] = [];
  const begun = new Set<RowId>();
  for (const alarm of sorted) {
    const group = groupOf(alarm, together);
    const members = group ? groups.get(group) : undefined;
    if (!group || !members) ids.push(alarm.alarm);
    else if (!begun.has(group)) {
      begun.add(group);
      ids.push(group);
      if (open.has(group)) ids.push(...members.map((one) => one.alarm));
    }
  }
  return { ids, groups };
}

/** The gravest of some alarms, and when the first and the last were raised. */
export function summary(members: readonly Alarm[]): { gravest: Alarm; oldest: string; newest: string } {
  const first = members[0] as Alarm;
  return members.reduce(
    (found, one) => ({
      gravest: rankOf(gravest(one)) > rankOf(gravest(found.gravest)) ? one : found.gravest,
      oldest: one.raised_at < found.oldest ? one.raised_at : found.oldest,
      newest: one.raised_at > found.newest ? one.raised_at : found.newest,
    }),
    { gravest: first, oldest: first.raised_at, newest: first.raised_at },
  );
}

export interface Held {
  ids: RowId[];
  /** Rows of the order before that are there no more. */
  gone: ReadonlySet<RowId>;
  /** How many rows wait to be taken in. */
  fresh: number;
  /** How many rows would stand elsewhere among those that were there. */
  moved: number;
}

const NONE: ReadonlySet<RowId> = new Set();

/**
 * The order to show: `wanted`, or while it is held the one before, with what is gone left in its place. `present` are
 * the alarms of the view, those too that stand behind a group's row.
 */
export function arranged(before: readonly RowId[], wanted: RowId[], held: boolean, present: ReadonlySet<string>): Held {
  if (!held || before.length === 0) return { ids: wanted, gone: NONE, fresh: 0, moved: 0 };
  const places = new Map(wanted.map((id, place) => [id, place]));
  const gone = new Set(before.filter((id) => !places.has(id) && !present.has(id)));
  const kept = before.filter((id) => places.has(id)).map((id) => places.get(id) as number);
  const fresh = wanted.length - kept.length;
  return { ids: before as RowId[], gone, fresh, moved: kept.length - risingLength(kept) };
}

/** How many of the numbers rise together at most: all others would have to move. */
function risingLength(numbers: readonly number[]): number {
  const ends: number[] = []; // by length, the least number that ends a rise of that length
  for (const number of numbers) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    ends[low] = number;
  }
  return ends.length;
}
