// Which alarms are looked at: the view and the filters of the address bar; pure.
import { isUnacknowledged } from "../drawer/offered";
import type { Level } from "../level";
import type { Alarm, State } from "../types";

export const VIEWS = ["current", "unacknowledged", "acknowledged", "shelved", "suppressed", "out_of_service"] as const;
export type View = (typeof VIEWS)[number] | "incidents";
/** The filters that stand in the address beside the view, by their names there. */
export const FILTERS = ["severity", "system", "district", "city", "assigned", "q"] as const;
export type Filters = Record<(typeof FILTERS)[number], string>;
export interface Asked {
  view: View;
  filters: Filters;
  /** Folded alarms one by one, not behind the line of their incident or rule. */
  unfolded: boolean;
}

const QUIET: readonly State[] = ["shelved", "suppressed_by_design", "out_of_service"];
/** Shelved, suppressed by design, or out of service: not annunciated. */
export const isQuiet = (alarm: Pick<Alarm, "state">): boolean => QUIET.includes(alarm.state);
export { isUnacknowledged };

/** What the address asks for. */
export function askedOf(query: URLSearchParams): Asked {
  const view = query.get("view") ?? "current";
  const known = view === "incidents" || (VIEWS as readonly string[]).includes(view);
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""])) as Filters;
  return { view: known ? (view as View) : "current", filters, unfolded: query.get("folded") === "shown" };
}

/** Whether the alarm's state belongs in the view. */
export function inView(alarm: Pick<Alarm, "state">, view: View): boolean {
  switch (view) {
    case "current":
      return !isQuiet(alarm);
    case "unacknowledged":
      return isUnacknowledged(alarm);
    case "acknowledged":
      return !isQuiet(alarm) && !isUnacknowledged(alarm);
    case "suppressed":
      return alarm.state === "suppressed_by_design";
    default:
      return alarm.state === view;
  }
}

/** The level that an alarm is looked for under: that of its highest severity, though its condition has returned. */
export const gravest = (alarm: Pick<Alarm, "severity" | "peak_severity" | "class">): Level =>
  alarm.severity ?? alarm.peak_severity ?? (alarm.class === "process" ? "none" : alarm.class);

/** A test for the filters; `titles` are what a rule is called. */
export function matcher(filters: Filters, titles: (rule: string) => string): (alarm: Alarm) => boolean {
  const levels = filters.severity.split(",").filter(Boolean);
  const words = filters.q.toLowerCase().split(/\s+/).filter(Boolean);
  return (alarm) =>
    (levels.length === 0 || levels.includes(gravest(alarm))) &&
    (!filters.system || alarm.system === filters.system) &&
    (!filters.district || alarm.district === filters.district) &&
    (!filters.city || alarm.city === filters.city) &&
    (!filters.assigned || alarm.handling?.assigned_to === filters.assigned) &&
    (words.length === 0 || hasWords(alarm, words, titles));
}

function hasWords(alarm: Alarm, words: readonly string[], titles: (rule: string) => string): boolean {
  const { name, name_zh, sensor, rule, district, city, handling, incident } = alarm;
  const said = [
    name,
    name_zh,
    sensor,
    rule,
    titles(rule),
    district,
    city,
    handling?.assigned_to,
    incident,
    alarm.alarm,
  ];
  const text = said.filter(Boolean).join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

const PRIORITIES: Record<Alarm["priority"], number> = { highest: 0, high: 1, medium: 2, low: 3 };
/** What has returned is behind what stands; a condition that is unknown stands. */
const rankIn = (alarm: Alarm): number =>
  (isUnacknowledged(alarm) ? (alarm.condition === "normal" ? 10 : 0) : 20) + PRIORITIES[alarm.priority];

/** Unacknowledged first, of those what stands, then by priority, then the newest first. */
export function inOrder(one: Alarm, other: Alarm): number {
  const ranks = rankIn(one) - rankIn(other);
  if (ranks) return ranks;
  if (one.raised_at !== other.raised_at) return one.raised_at < other.raised_at ? 1 : -1;
  return one.alarm < other.alarm ? -1 : 1;
}
