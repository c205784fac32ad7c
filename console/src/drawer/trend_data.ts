// What the trend shows, made of the answers: values with gaps, what is doubtful, marks, and how dense to ask; pure.
import { rankOf } from "../level";
import type { Severity } from "../types";
import type { Line, Reading, Readings } from "./types";

export const RANGES = ["event", "1h", "6h", "24h", "7d"] as const;
export type Range = (typeof RANGES)[number];

const HOUR_MS = 3_600_000;
const SPAN_MS: Record<Exclude<Range, "event">, number> = {
  "1h": HOUR_MS,
  "6h": 6 * HOUR_MS,
  "24h": 24 * HOUR_MS,
  "7d": 168 * HOUR_MS,
};
const BEFORE_MS = 2 * HOUR_MS;
const AFTER_MS = HOUR_MS;
const EVENT_MS_MAX = 31 * 24 * HOUR_MS;
/** Beyond so many readings they are asked for in buckets; more than a screen has columns. */
const READINGS_MAX = 2500;
const BUCKETS_MAX = 1200;
const BUCKETS_S = [60, 300, 900, 3600, 21_600, 86_400] as const;
const STALE_INTERVALS = 3;

/** From when on: the event from two hours before it was raised, or so long before now (epoch milliseconds). */
export function beginOf(range: Range, raisedMs: number, nowMs: number): number {
  if (range !== "event") return nowMs - SPAN_MS[range];
  return Math.max(Math.min(raisedMs, nowMs) - BEFORE_MS, nowMs - EVENT_MS_MAX);
}

/** Until when: an event that is over ends an hour after it; null is now, which goes on. */
export function endOf(
  range: Range,
  alarm: { condition: string; state: string; changed_at: string },
  nowMs: number,
): number | null {
  const isOver = alarm.condition === "normal" && alarm.state === "normal";
  const end = Date.parse(alarm.changed_at) + AFTER_MS;
  return range === "event" && isOver && end < nowMs ? end : null;
}

/** Seconds of a bucket, 0 for the readings one by one. */
export function bucketOf(spanMs: number, intervalS: number): number {
  if (spanMs / 1000 / intervalS <= READINGS_MAX) return 0;
  return BUCKETS_S.find((one) => spanMs / 1000 / one <= BUCKETS_MAX) ?? (BUCKETS_S.at(-1) as number);
}

/** After how long without a reading the line ends: as the sensor's silence is judged; infinite by exception. */
export function holdMs(sensor: { interval_s: number; reporting?: string; silence_s_max?: number | null }): number {
  if (sensor.silence_s_max != null) return sensor.silence_s_max * 1000;
  return sensor.reporting === "by_exception" ? Number.POSITIVE_INFINITY : sensor.interval_s * STALE_INTERVALS * 1000;
}

/** Columns of the trend; times in epoch seconds, null where nothing is drawn. */
export interface Columns {
  time: number[];
  /** Good and uncertain values; a gap is a null between two of them. */
  value: (number | null)[];
  least: (number | null)[];
  most: (number | null)[];
  uncertain: (number | null)[];
  bad: (number | null)[];
}

const empty = (): Columns => ({ time: [], value: [], least: [], most: [], uncertain: [], bad: [] });

function add(columns: Columns, time: number, row: Partial<Record<keyof Omit<Columns, "time">, number | null>>): void {
  columns.time.push(time);
  for (const name of ["value", "least", "most", "uncertain", "bad"] as const) columns[name].push(row[name] ?? null);
}

/** Columns of readings one by one: bad ones are apart, and silence longer than `hold` is a gap. */
export function columnsOfReadings(readings: readonly Reading[], hold: number): Columns {
  const columns = empty();
  let last = Number.NaN; // the newest usable one
  for (const reading of readings) {
    const time = Date.parse(reading.time);
    if (reading.quality === "bad") {
      add(columns, time / 1000, { bad: reading.value });
      continue;
    }
    if (time - last > hold) add(columns, (last + hold) / 1000, {});
    add(columns, time / 1000, {
      value: reading.value,
      ...(reading.quality === "uncertain" && { uncertain: reading.value }),
    });
    last = time;
  }
  return sorted(columns);
}

/** A gap may begin before a bad reading that is in it. */
function sorted(columns: Columns): Columns {
  const order = columns.time.map((_, place) => place).sort((a, b) => (columns.time[a] ?? 0) - (columns.time[b] ?? 0));
  const pick = <T>(list: T[]): T[] => order.map((place) => list[place] as T);
  return {
    time: pick(columns.time),
    value: pick(columns.value),
    least: pick(columns.least),
    most: pick(columns.most),
    uncertain: pick(columns.uncertain),
    bad: pick(columns.bad),
  };
}

/** Columns of buckets, each in its middle; one without usable readings is a gap. */
export function columnsOfBuckets(answer: Pick<Readings, "buckets" | "bucket_s">): Columns {
  const columns = empty();
  for (const bucket of answer.buckets ?? []) {
    const middle = Date.parse(bucket.start) / 1000 + (answer.bucket_s ?? 0) / 2;
    if (bucket.count) add(columns, middle, { value: bucket.mean, least: bucket.min, most: bucket.max });
    else add(columns, middle, {});
  }
  return columns;
}

/** Put what was asked for later behind what there is, from its first one on. */
export function joined(before: Readings, later: Readings): Readings {
  const first = later.readings?.[0]?.time ?? later.buckets?.[0]?.start;
  if (first === undefined) return { ...before, to: later.to };
  return {
    ...before,
    to: later.to,
    ...(before.readings && {
      readings: [...before.readings.filter((one) => one.time < first), ...(later.readings ?? [])],
    }),
    ...(before.buckets && {
      buckets: [...before.buckets.filter((one) => one.start < first), ...(later.buckets ?? [])],
    }),
  };
}

/** From when on to ask for what is new: after the newest reading, or again from the last two buckets. */
export function askFrom(answer: Readings): string {
  const newest = answer.readings?.at(-1)?.time;
  if (newest) return new Date(Date.parse(newest) + 1).toISOString();
  return answer.buckets?.at(-2)?.start ?? answer.from;
}

/** A vertical mark: what happened when, by a letter. */
export interface Mark {
  /** Epoch seconds. */
  time: number;
  letter: string;
  line: Line;
}

const LETTERS: Record<string, string> = {
  acknowledge: "A",
  reset: "R",
  comment: "C",
  judge: "J",
  shelve: "S",
  unshelve: "U",
  suppress: "W",
  "out-of-service": "O",
  "return-to-service": "I",
  assign: "D",
  accept: "D",
  decline: "D",
  arrive: "D",
  resolve: "D",
  verify: "V",
};

/** Marks of a journal: acts by their letters, rises and returns by arrows. */
export function marksOf(journal: readonly Line[]): Mark[] {
  return journal.flatMap((line) => {
    const letter = line.action ? LETTERS[line.action] : arrowOf(line);
    return letter ? [{ time: Date.parse(line.time) / 1000, letter, line }] : [];
  });
}

function arrowOf(line: Line): string | undefined {
  if (line.actor) return undefined;
  if (line.from === "normal" || rank(line.severity) > rank(line.severity_from)) return "↑";
  if (rank(line.severity) < rank(line.severity_from) || (line.condition === "normal" && line.from !== line.to))
    return "↓";
  return undefined;
}

const rank = (severity: Severity | null): number => rankOf(severity ?? "none");
