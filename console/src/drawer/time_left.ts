// How long there is left to respond; pure.
import type { Alarm } from "../types";

export type TimeLeft = { state: "running" | "over"; seconds: number } | { state: "ended" };

const DONE = ["resolved", "verified"];

/** Time to respond less the time since it was raised; ended where its condition is gone or the work is done. */
export function timeLeft(
  alarm: Pick<Alarm, "condition" | "raised_at"> & { handling?: { step: string } | null },
  toRespondS: number,
  now: number,
): TimeLeft {
  if (alarm.condition === "normal" || DONE.includes(alarm.handling?.step ?? "")) return { state: "ended" };
  const seconds = toRespondS - (now - Date.parse(alarm.raised_at)) / 1000;
  return seconds < 0 ? { state: "over", seconds: -seconds } : { state: "running", seconds };
}
