// The exercises that the service plays: asked for again and again while this view is open, and steered.
import { signal } from "@preact/signals";
import { NoAnswer, Refused, read, send } from "../api";
import { role } from "../session";
import type { Exercise, ExerciseList, Playable, StartBody } from "./types";

const EVERY_MS = 1000;

export const list = signal<ExerciseList | null>(null);
export const playable = signal<Playable | null>(null);
/** Why the newest question or order was refused, in the service's words; empty when it was not. */
export const failure = signal("");
export const noAnswer = signal(false);

export const mayTrain = () => ["supervisor", "engineer"].includes(role.value);
export const isRunning = (one: Exercise) => one.ended_at === null;

let timer = 0;
let open = false;

/** Ask now and every second, until `stopAsking`. */
export function keepAsking(): void {
  open = true;
  if (!playable.peek()) {
    read<Playable>("/exercises/scenarios")
      .then((found) => (playable.value = found))
      .catch(tell);
  }
  ask();
}

export function stopAsking(): void {
  open = false;
  clearTimeout(timer);
}

function ask(): void {
  clearTimeout(timer);
  read<ExerciseList>("/exercises")
    .then((found) => {
      list.value = found;
      noAnswer.value = false;
    })
    .catch(tell)
    .finally(() => {
      if (open) timer = window.setTimeout(ask, EVERY_MS);
    });
}

function tell(error: unknown): void {
  if (error instanceof Refused) failure.value = error.message;
  else if (error instanceof NoAnswer) noAnswer.value = true;
  else throw error;
}

async function act(path: string, body?: unknown): Promise<boolean> {
  failure.value = "";
  try {
    keep(await send<Exercise>("POST", path, body));
    return true;
  } catch (error) {
    tell(error);
    return false;
  }
}

function keep(found: Exercise): void {
  const known = list.peek();
  if (!known) return;
  const others = known.exercises.filter((one) => one.exercise !== found.exercise);
  list.value = { ...known, exercises: [found, ...others] };
}

export const start = (body: Partial<StartBody>) => act("/exercises", body);
export const steer = (exercise: string, order: "play" | "pause" | "end") =>
  act(`/exercises/${encodeURIComponent(exercise)}/${order}`);
export const changeSpeed = (exercise: string, speed: number) =>
  act(`/exercises/${encodeURIComponent(exercise)}/speed`, { speed });
export const seek = (exercise: string, seconds: number) =>
  act(`/exercises/${encodeURIComponent(exercise)}/seek`, { position_s: seconds });
