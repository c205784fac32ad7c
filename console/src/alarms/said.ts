// What an alarm says of itself in words: its place, its value against the limit, who deals with it.
import { span } from "../instant";
import { named } from "../language";
import type { Alarm } from "../types";
import { alarmWords } from "../words/alarms";
import { unitOfAlarm } from "./rule_names";
import { figure } from "./units";

export { alarmWords };

export const placeOf = (alarm: Pick<Alarm, "name" | "name_zh" | "sensor">): string =>
  named(alarm.name_zh, alarm.name, alarm.sensor);

/** Value and limit with their unit; a silence is a span. */
export function valueAndLimit(alarm: Alarm): { value: string; limit: string } {
  if (alarm.value === null || alarm.value === undefined) return { value: "", limit: "" };
  if (alarm.kind === "stale") return { value: span(alarm.value), limit: alarm.limit === null ? "" : span(alarm.limit) };
  const unit = unitOfAlarm(alarm);
  const gap = unit && !/^[%°]/.test(unit) ? " " : "";
  const limit = alarm.limit === null || alarm.limit === undefined ? "" : `${figure(alarm.limit)}${gap}${unit}`;
  return { value: `${figure(alarm.value)}${gap}${unit}`, limit };
}
