// The look back: which city and span is loaded, which time it is there, and whether it plays.
import { computed, signal } from "@preact/signals";
import { NoAnswer, Refused } from "../api";
import type { Mode } from "../types";
import { readLines, readPresent, TooMany } from "./journal";
import { Past } from "./past";
import type { Exercise } from "./types";

const TICK_MS = 100;
const AFTER_MS = 60_000; // what the last readings of an exercise raise

export interface Loaded {
  city: string;
  mode: Mode;
  from: number;
  to: number;
  past: Past;
}
type Failure = "" | "no_answer" | "too_many" | "empty_span" | "too_long";

export const loaded = signal<Loaded | null>(null);
export const loading = signal(false);
export const failed = signal<Failure | Error>("");
/** The time that is looked at (ms). */
export const time = signal(0);
export const playing = signal(false);
export const speed = signal(60);

/** What stood at the time that is looked at. */
export const standing = computed(() => {
  const past = loaded.value?.past;
  if (!past) return [];
  past.go(time.value);
  return [...past.standing.values()];
});

let timer = 0;

/** Load a span of a city's journal and stand at its begin. */
export async function load(city: string, mode: Mode, from: number, to: number): Promise<void> {
  stop();
  if (!(from < to)) {
    failed.value = "empty_span";
    return;
  }
  loading.value = true;
  failed.value = "";
  try {
    // what stands now first: a line that comes in between is then found in the journal
    const present = await readPresent(city);
    const lines = await readLines(city, from, Date.now() + 60_000);
    loaded.value = { city, mode, from, to, past: new Past(lines, present, from) };
    go(from);
  } catch (error) {
    if (error instanceof Refused) failed.value = error;
    else if (error instanceof TooMany) failed.value = "too_many";
    else if (error instanceof NoAnswer || error instanceof TypeError || error instanceof DOMException)
      failed.value = "no_answer";
    else throw error;
  } finally {
    loading.value = false;
  }
}

/** Load what has been journalled of an exercise, from its start to its end or now. */
export function lookAt(one: Exercise): void {
  const end = one.ended_at ? Date.parse(one.ended_at) + AFTER_MS : Date.now();
  load(one.cities[0] as string, "exercise", Date.parse(one.started_at), Math.min(end, Date.now()));
}

/** Look at another time, within what is loaded. */
export function go(to: number): void {
  const span = loaded.peek();
  if (span) time.value = Math.min(Math.max(to, span.from), span.to);
}

export function play(): void {
  const span = loaded.peek();
  if (!span || playing.peek()) return;
  if (time.peek() >= span.to) go(span.from);
  playing.value = true;
  let last = performance.now();
  timer = window.setInterval(() => {
    const now = performance.now();
    go(time.peek() + (now - last) * speed.peek());
    last = now;
    if (time.peek() >= span.to) stop();
  }, TICK_MS);
}

export function stop(): void {
  clearInterval(timer);
  playing.value = false;
}

/** Leave the look back. */
export function unload(): void {
  stop();
  loaded.value = null;
  failed.value = "";
}
