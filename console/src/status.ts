// The state of the cities, asked again and again: figures by mode, how far evaluation has come.
import { signal } from "@preact/signals";
import { Refused, read } from "./api";
import { end } from "./session";
import type { Mode, Status } from "./types";

const EVERY_MS = 10_000;
const WAITING = ["unacknowledged", "returned_unacknowledged", "latched_unacknowledged"] as const;
export const MODES: readonly Mode[] = ["operational", "exercise", "test"];

export const status = signal<Status | null>(null);
/** When the status was last answered, by the browser's clock. */
export const statusAt = signal<number | null>(null);

let timer = 0;

/** Ask now, and every ten seconds after. */
export function keepStatus(): void {
  clearTimeout(timer);
  read<Status>("/status")
    .then((found) => {
      status.value = found;
      statusAt.value = Date.now();
    })
    .catch((error: unknown) => {
      if (error instanceof Refused && error.status === 401) end("session_ended");
    })
    .finally(() => {
      timer = window.setTimeout(keepStatus, status.peek() ? EVERY_MS : 1000);
    });
}

export function stopStatus(): void {
  clearTimeout(timer);
  status.value = null;
  statusAt.value = null;
}

/** Alarms of a mode that wait for acknowledgement, whatever their severity. */
export function waitingOf(mode: Mode): number {
  const levels = status.value?.totals[mode]?.alarms;
  if (!levels) return 0;
  return Object.values(levels).reduce(
    (sum, states) => sum + WAITING.reduce((part, state) => part + (states[state] ?? 0), 0),
    0,
  );
}

/** Modes that there is something to see of. */
export function modesThere(shown: Mode | null): Mode[] {
  const totals = status.value?.totals;
  if (!totals) return [];
  const listed = (mode: Mode) =>
    Object.values(totals[mode].alarms).some((states) => Object.values(states).some((count) => count > 0));
  return MODES.filter((mode) => mode === shown || totals[mode].cities > 0 || listed(mode));
}
