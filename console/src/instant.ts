// Times as people read them: 24 hours, local, with the zone where it matters; ages and durations.
import { signal } from "@preact/signals";
import { language, locale } from "./language";

/** The browser's clock, once a second: what shows an age reads it. */
export const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 1000);

type Instant = string | number | null | undefined;
const formats = new Map<string, Intl.DateTimeFormat>();

function format(kind: string, options: Intl.DateTimeFormatOptions, time: Instant): string {
  if (time === null || time === undefined || time === "") return "–";
  const name = `${locale.value} ${kind}`;
  let found = formats.get(name);
  if (!found) {
    found = new Intl.DateTimeFormat(locale.value, { hourCycle: "h23", ...options });
    formats.set(name, found);
  }
  return found.format(new Date(time));
}

/** 14:05:09 */
export const clockTime = (time: Instant): string =>
  format("clock", { hour: "2-digit", minute: "2-digit", second: "2-digit" }, time);
/** 22 Nov, 14:05:09 */
export const dateTime = (time: Instant): string =>
  format("date", { month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" }, time);
/** 22/11/2026, 14:05:09 GMT+8: where it is written down */
export function fullTime(time: Instant): string {
  const options = { year: "numeric", month: "2-digit", day: "2-digit" } as const;
  const day = format("day", options, time);
  return day === "–" ? day : `${day} ${clockTime(time)} ${zone(time)}`;
}

/** GMT+8, as the reader's machine has it at that time. */
export function zone(time: Instant): string {
  const parts = new Intl.DateTimeFormat(locale.value, { timeZoneName: "short" }).formatToParts(new Date(time ?? 0));
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** Clock time today, with the date on other days. */
export function shortTime(time: Instant): string {
  if (!time) return "–";
  return new Date(time).toDateString() === new Date(now.peek()).toDateString() ? clockTime(time) : dateTime(time);
}

/** A span of seconds in at most two units: 45 s, 3 min 20 s, 2 h 5 min, 4 d 3 h. */
export function span(seconds: number): string {
  const units = language.value === "zh" ? (["天", "小时", "分", "秒"] as const) : (["d", "h", "min", "s"] as const);
  const gap = language.value === "zh" ? "" : " ";
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  const first = parts.findIndex((part) => part > 0);
  if (first < 0) return `0${gap}${units[3]}`;
  return [first, first + 1]
    .filter((place) => (parts[place] ?? 0) > 0)
    .map((place) => `${parts[place]}${gap}${units[place]}`)
    .join(gap);
}

/** How old an instant is by the browser's clock, as a span; follows the clock. */
export const age = (time: string | number): string => span((now.value - new Date(time).getTime()) / 1000);
