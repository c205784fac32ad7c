// What other rules would have changed, sorted for the eye: by the hour, and by rule and sensor.
import { type Level, rankOf, SEVERITIES } from "../level";
import type { Severity } from "../types";
import type { KeptTrial, TriedOccurrence } from "./types";

const HOUR_MS = 3_600_000;
const BUCKETS_MAX = 200;
const BUCKET_HOURS = [1, 3, 6, 12, 24];

export const CHANGES = ["gained", "lost", "earlier", "later", "graver", "milder", "returns"] as const;
/** `graver` and `milder` are about the highest severity, `returns` about alarms that end at another time. */
export type Change = (typeof CHANGES)[number];
export type Counts = Record<Change, number>;

/** One alarm that is otherwise; `before` or `after` is null where it is gained or lost. */
export interface Changed {
  change: Change;
  rule: string;
  sensor: string;
  time: number;
  before: TriedOccurrence | null;
  after: TriedOccurrence | null;
  movedS: number;
}

/** Every change that the answer tells of, in order of time. An alarm may have changed in several ways. */
export function changesOf(answer: KeptTrial): Changed[] {
  const found: Changed[] = [];
  const add = (change: Change, before: TriedOccurrence | null, after: TriedOccurrence | null, movedS = 0) => {
    const one = (after ?? before) as TriedOccurrence;
    const time = Date.parse((before ?? one).raised);
    found.push({ change, rule: one.rule, sensor: one.sensor, time, before, after, movedS });
  };
  for (const one of answer.added) add("gained", null, one);
  for (const one of answer.removed) add("lost", one, null);
  for (const { before, after, moved_s: moved } of answer.moved) {
    add((moved ?? 0) < 0 ? "earlier" : "later", before, after, moved ?? 0);
  }
  for (const { before, after } of answer.changed_peak)
    add(peak(after) > peak(before) ? "graver" : "milder", before, after);
  for (const { before, after } of answer.changed_return) add("returns", before, after);
  return found.sort((a, b) => a.time - b.time);
}

const peak = (one: TriedOccurrence): number => rankOf((one.peak_severity ?? "none") as Level);

const none = (): Counts => ({ gained: 0, lost: 0, earlier: 0, later: 0, graver: 0, milder: 0, returns: 0 });

/** How many hours stand in one bar, so that bars stay visible over a month. */
export function bucketHours(fromMs: number, toMs: number): number {
  return BUCKET_HOURS.find((hours) => (toMs - fromMs) / (hours * HOUR_MS) <= BUCKETS_MAX) ?? 24;
}

export interface Bucket extends Counts {
  start: number;
}

/** Counts by the hour (or some hours), without holes from begin to end; whole hours of UTC. */
export function buckets(changes: readonly Changed[], fromMs: number, toMs: number): Bucket[] {
  const width = bucketHours(fromMs, toMs) * HOUR_MS;
  const first = Math.floor(fromMs / width) * width;
  const count = Math.max(1, Math.ceil((toMs - first) / width));
  const found = Array.from({ length: count }, (_, place) => ({ start: first + place * width, ...none() }));
  for (const one of changes) {
    // what was raised before the span and is raised within it now stands at its begin
    const place = Math.min(count - 1, Math.max(0, Math.floor((one.time - first) / width)));
    (found[place] as Bucket)[one.change] += 1;
  }
  return found;
}

export interface Row extends Counts {
  rule: string;
  sensor: string;
  changes: Changed[];
}

/** One row for each rule and sensor, those that lose alarms first, then by how much is otherwise. */
export function rowsOf(changes: readonly Changed[]): Row[] {
  const rows = new Map<string, Row>();
  for (const one of changes) {
    const name = `${one.rule}\n${one.sensor}`;
    const row = rows.get(name) ?? { rule: one.rule, sensor: one.sensor, changes: [], ...none() };
    row[one.change] += 1;
    row.changes.push(one);
    rows.set(name, row);
  }
  return [...rows.values()].sort(
    (a, b) =>
      b.lost + b.milder - a.lost - a.milder ||
      b.changes.length - a.changes.length ||
      a.rule.localeCompare(b.rule) ||
      a.sensor.localeCompare(b.sensor),
  );
}

/** How many of the lost alarms were of each severity, the gravest first: what nobody would have been told of. */
export function lostBySeverity(changes: readonly Changed[]): [Severity, number][] {
  return SEVERITIES.map((level): [Severity, number] => [
    level,
    changes.filter((one) => one.change === "lost" && one.before?.peak_severity === level).length,
  ]).filter(([, count]) => count > 0);
}
