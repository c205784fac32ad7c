// The trend: gaps, doubt, density, marks.
import { describe, expect, test } from "vitest";
import {
  askFrom,
  beginOf,
  bucketOf,
  columnsOfBuckets,
  columnsOfReadings,
  endOf,
  holdMs,
  joined,
  marksOf,
} from "./trend_data";
import type { Line, Reading, Readings } from "./types";

const at = (second: number) => new Date(Date.UTC(2026, 10, 22, 8) + second * 1000).toISOString();
const base = Date.UTC(2026, 10, 22, 8) / 1000;
const reading = (second: number, value: number, quality: Reading["quality"] = "good"): Reading => ({
  time: at(second),
  value,
  quality,
  flags: [],
});

describe("readings one by one", () => {
  test("a silence longer than the sensor may be silent is left blank", () => {
    const columns = columnsOfReadings([reading(0, 1), reading(60, 2), reading(600, 3)], 180_000);
    expect(columns.time.map((time) => time - base)).toEqual([0, 60, 240, 600]);
    expect(columns.value).toEqual([1, 2, null, 3]);
  });
  test("a bad reading is no part of the line, and does not end a silence", () => {
    const columns = columnsOfReadings([reading(0, 1), reading(60, 99, "bad"), reading(400, 2)], 180_000);
    expect(columns.time.map((time) => time - base)).toEqual([0, 60, 180, 400]);
    expect(columns.value).toEqual([1, null, null, 2]);
    expect(columns.bad).toEqual([null, 99, null, null]);
  });
  test("an uncertain reading is in the line, and marked", () => {
    const columns = columnsOfReadings([reading(0, 1), reading(60, 100, "uncertain")], 180_000);
    expect(columns.value).toEqual([1, 100]);
    expect(columns.uncertain).toEqual([null, 100]);
  });
  test("who reports by exception has no gaps", () => {
    const hold = holdMs({ interval_s: 60, reporting: "by_exception" });
    expect(columnsOfReadings([reading(0, 1), reading(90_000, 2)], hold).value).toEqual([1, 2]);
  });
});

test("silence is judged as the service judges it", () => {
  expect(holdMs({ interval_s: 60, reporting: "periodic" })).toBe(180_000);
  expect(holdMs({ interval_s: 60, silence_s_max: 30 })).toBe(30_000);
});

test("buckets without usable readings are gaps", () => {
  const bucket = (second: number, count: number) =>
    count
      ? { start: at(second), min: 1, mean: 2, max: 3, count, held_back: 0 }
      : { start: at(second), min: null, mean: null, max: null, count, held_back: 4 };
  const columns = columnsOfBuckets({ bucket_s: 60, buckets: [bucket(0, 5), bucket(60, 0), bucket(120, 5)] });
  expect(columns.time.map((time) => time - base)).toEqual([30, 90, 150]);
  expect(columns.value).toEqual([2, null, 2]);
  expect(columns.most).toEqual([3, null, 3]);
});

test("the event begins two hours before it was raised; a week is asked for in buckets", () => {
  const now = Date.UTC(2026, 10, 22, 12);
  expect(beginOf("event", now - 600_000, now)).toBe(now - 600_000 - 7_200_000);
  expect(beginOf("6h", now - 600_000, now)).toBe(now - 21_600_000);
  expect(bucketOf(7_200_000, 60)).toBe(0);
  expect(bucketOf(7_200_000, 1)).toBe(60);
  expect(bucketOf(7 * 86_400_000, 60)).toBe(900);
});

test("an event that is over ends an hour after it, any other span goes on", () => {
  const now = Date.UTC(2026, 10, 22, 12);
  const over = { condition: "normal", state: "normal", changed_at: at(0) };
  expect(endOf("event", over, now)).toBe(base * 1000 + 3_600_000);
  expect(endOf("6h", over, now)).toBeNull();
  expect(endOf("event", { ...over, state: "returned_unacknowledged" }, now)).toBeNull();
  expect(endOf("event", over, base * 1000 + 60_000)).toBeNull();
});

describe("following", () => {
  const whole = (...readings: Reading[]) => ({ readings, from: at(0), to: at(100) }) as unknown as Readings;
  test("asks for what came after the newest, and puts it behind", () => {
    const before = whole(reading(0, 1), reading(60, 2));
    expect(askFrom(before)).toBe(at(60.001));
    expect(joined(before, whole(reading(120, 3))).readings?.map((one) => one.value)).toEqual([1, 2, 3]);
    expect(joined(before, whole()).readings).toHaveLength(2);
  });
  test("asks again for the last buckets, which were not whole", () => {
    const bucket = (second: number, mean: number) => ({ start: at(second), mean }) as never;
    const before = {
      buckets: [bucket(0, 1), bucket(60, 2), bucket(120, 3)],
      from: at(0),
      to: at(130),
    } as unknown as Readings;
    expect(askFrom(before)).toBe(at(60));
    const later = {
      buckets: [bucket(60, 5), bucket(120, 6), bucket(180, 7)],
      from: at(60),
      to: at(190),
    } as unknown as Readings;
    expect(joined(before, later).buckets?.map((one) => one.mean)).toEqual([1, 5, 6, 7]);
  });
});

test("acts are marked by their letter, rises and returns by arrows", () => {
  const line = (facts: Partial<Line>) =>
    ({
      time: at(0),
      from: "unacknowledged",
      to: "unacknowledged",
      severity: "red",
      severity_from: "red",
      ...facts,
    }) as Line;
  const journal = [
    line({ from: "normal", severity_from: null, condition: "active" }),
    line({ action: "acknowledge", actor: "wang", to: "acknowledged" }),
    line({ action: "comment", actor: "wang" }),
    line({ severity: null, to: "normal", condition: "normal" }),
  ];
  expect(marksOf(journal).map((mark) => mark.letter)).toEqual(["↑", "A", "C", "↓"]);
});
