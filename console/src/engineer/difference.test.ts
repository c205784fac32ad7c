import { expect, test } from "vitest";
import { bucketHours, buckets, changesOf, lostBySeverity, rowsOf } from "./difference";
import type { KeptTrial } from "./types";

const HOUR = 3_600_000;
const FROM = Date.parse("2026-11-22T08:30:00.000Z");
const at = (hours: number) => new Date(FROM + hours * HOUR).toISOString();
const alarm = (sensor: string, hours: number, peak: string | null = "blue") => ({
  alarm: `r.${sensor}.${hours}`,
  rule: "r",
  sensor,
  raised: at(hours),
  ended: null,
  peak_severity: peak,
});
const answer = (lists: Partial<KeptTrial>): KeptTrial => ({
  from: at(0),
  to: at(3),
  readings: 1,
  readings_missing: 0,
  counts: {},
  added: [],
  removed: [],
  moved: [],
  changed_peak: [],
  changed_return: [],
  figures: {},
  ...lists,
});

test("each list becomes the change that it is, in order of time", () => {
  const changes = changesOf(
    answer({
      added: [alarm("A", 2)],
      removed: [alarm("B", 1, "red")],
      moved: [
        { before: alarm("C", 0), after: alarm("C", 1), moved_s: 3600 },
        { before: alarm("D", 2.5), after: alarm("D", 2.4), moved_s: -360 },
      ],
      changed_peak: [
        { before: alarm("E", 0, "orange"), after: alarm("E", 0, "yellow") },
        { before: alarm("F", 0, null), after: alarm("F", 0) },
      ],
    }),
  );
  expect(changes.map((one) => `${one.sensor} ${one.change}`)).toEqual([
    "C later",
    "E milder",
    "F graver",
    "B lost",
    "A gained",
    "D earlier",
  ]);
  expect(lostBySeverity(changes)).toEqual([["red", 1]]);
});

test("every hour of the span has a bar, and what lies at its edges is in the first and last", () => {
  const changes = changesOf(
    answer({ added: [alarm("A", -5), alarm("A", 0), alarm("A", 2.9)], removed: [alarm("B", 1)] }),
  );
  const bars = buckets(changes, FROM, FROM + 3 * HOUR);
  expect(bars.map((bar) => [bar.gained, bar.lost])).toEqual([
    [2, 0],
    [0, 1],
    [0, 0],
    [1, 0],
  ]);
  expect(bars[0]?.start).toBe(Date.parse("2026-11-22T08:00:00.000Z"));
});

test("bars stand for more hours where the span is long", () => {
  expect([1, 7, 31].map((days) => bucketHours(0, days * 24 * HOUR))).toEqual([1, 1, 6]);
});

test("rules and sensors that lose alarms stand first", () => {
  const rows = rowsOf(changesOf(answer({ added: [alarm("A", 0), alarm("A", 1)], removed: [alarm("B", 1)] })));
  expect(rows.map((row) => [row.sensor, row.gained, row.lost])).toEqual([
    ["B", 0, 1],
    ["A", 2, 0],
  ]);
});
