// The engineer's working place: rule files being changed and their trial, kept while other tabs are looked at.
import { computed, signal } from "@preact/signals";
import { NoAnswer, Refused, request } from "../api";
import { failureOf } from "./loaded";
import { type FileProblem, fileProblems } from "./rule_problem";
import type { TrialAnswer } from "./types";

export interface File {
  name: string;
  text: string;
}
const TRIAL_MS_MAX = 600_000;
const HOUR_MS = 3_600_000;
export const FILES_MAX = 10;
/** A request is no larger (request_bytes_max of the service). */
export const REQUEST_BYTES_MAX = 65_536;

export const files = signal<File[]>([]);
export const current = signal(0);
/** Files of tests by the name of the pack they belong to. */
export const tests = signal<Record<string, string>>({});
export const from = signal(Date.now() - 24 * HOUR_MS);
export const to = signal(Date.now());
export const warmUpHours = signal("24");

/** What was tried: the texts then, the span asked for, the answer and when it came. */
interface Tried {
  texts: string[];
  answer: TrialAnswer;
  tookMs: number;
}
export const tried = signal<Tried | null>(null);
export const begunAt = signal<number | null>(null);
export const failure = signal("");
export const problems = signal<FileProblem[]>([]);
/** The answer is about what stands in the files now. */
export const isTried = computed(
  () =>
    tried.value !== null &&
    tried.value.texts.length === files.value.length &&
    files.value.every((file, place) => file.text === tried.value?.texts[place]),
);

let stopper: AbortController | null = null;

export function change(place: number, text: string): void {
  files.value = files.value.map((file, at) => (at === place ? { ...file, text } : file));
  problems.value = problems.value.filter((problem) => problem.file !== place);
}

export function addFile(file: File): void {
  const same = files.value.findIndex((one) => one.name === file.name);
  files.value = same < 0 ? [...files.value, file] : files.value.map((one, place) => (place === same ? file : one));
  current.value = same < 0 ? files.value.length - 1 : same;
  problems.value = [];
}

export function removeFile(place: number): void {
  files.value = files.value.filter((_, at) => at !== place);
  current.value = Math.max(0, Math.min(current.value, files.value.length - 1));
  problems.value = [];
}

/** Show a refusal: at the lines of the files where it names some. */
export function refuse(error: unknown): void {
  problems.value = error instanceof Refused ? fileProblems(error.problem) : [];
  failure.value = failureOf(error);
  const first = problems.value.find((problem) => typeof problem.file === "number");
  if (first) current.value = first.file as number;
}

/** Try the files over the span. It may take minutes, more than the other requests of the console have. */
export async function runTrial(): Promise<void> {
  const texts = files.value.map((file) => file.text);
  const stop = new AbortController();
  stopper = stop;
  const began = Date.now();
  begunAt.value = began;
  failure.value = "";
  problems.value = [];
  try {
    const body = {
      from: new Date(from.value).toISOString(),
      to: new Date(to.value).toISOString(),
      rules: texts,
      warm_up_s: Number(warmUpHours.value) * 3600,
    };
    const answer = await request("/rules/backtest", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(TRIAL_MS_MAX)]),
    });
    const found = await answer.json().catch(() => null);
    if (!found) throw new NoAnswer(answer.statusText);
    if (!answer.ok) throw new Refused(found);
    tried.value = { texts, answer: found as TrialAnswer, tookMs: Date.now() - began };
  } catch (error) {
    if (!stop.signal.aborted) refuse(error);
  } finally {
    if (stopper === stop) begunAt.value = stopper = null;
  }
}

export function stopTrial(): void {
  stopper?.abort();
  begunAt.value = stopper = null;
}
