// The levels of alarms and their order; pure.
import type { Alarm, Severity } from "./types";

export type Level = Severity | "instrument" | "system" | "none";
export const SEVERITIES: readonly Severity[] = ["red", "orange", "yellow", "blue"];
const RANK: Record<Level, number> = { red: 6, orange: 5, yellow: 4, blue: 3, system: 2, instrument: 1, none: 0 };

/** The level of an alarm: its severity, or its class where it has none, or none where it has returned. */
export function levelOf(alarm: Pick<Alarm, "severity" | "class">): Level {
  return alarm.severity ?? (alarm.class === "process" ? "none" : alarm.class);
}

export const rankOf = (level: Level): number => RANK[level];
