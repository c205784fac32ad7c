// What the trend draws and says of itself, made of the drawer's facts.
import { fullTime, shortTime } from "../instant";
import { filled } from "../language";
import { SEVERITIES } from "../severity";
import { drawerWords } from "../words/drawer";
import { propertyWords } from "../words/properties";
import type { Drawing, LimitLine } from "./chart";
import type { Facts } from "./facts";
import { ROMAN, withUnit, wordOf } from "./shown";
import { beginOf, type Columns, marksOf, type Range } from "./trend_data";
import type { Readings, SensorRule } from "./types";

export function drawingOf({
  facts,
  columns,
  found,
  range,
}: {
  facts: Facts;
  columns: Columns;
  found: Readings;
  range: Range;
}): Drawing {
  const { alarm } = facts;
  const to = Date.parse(found.to);
  const from = beginOf(range, Date.parse(alarm.raised_at), to) / 1000;
  const { expected_from: earliest, expected_to: latest } = alarm;
  const isAhead = earliest && latest && alarm.condition !== "normal";
  const forecast = isAhead
    ? { from: Date.parse(earliest) / 1000, to: Date.parse(latest) / 1000, label: drawerWords().forecast }
    : null;
  // a forecast far ahead must not press the past into a corner
  const ahead = forecast ? Math.min(forecast.to, to / 1000 + (to / 1000 - from)) : to / 1000;
  return {
    columns,
    from,
    to: Math.max(ahead, to / 1000),
    limits: limitsOf(facts.rule.value, alarm.severity),
    marks: marksOf(facts.journal.value ?? []),
    forecast,
  };
}

/** Limits of the readings themselves; a signal's have no place beside them. */
export function limitsOf(rule: SensorRule | null, reached: string | null = null): LimitLine[] {
  if (rule?.of !== "readings") return [];
  return SEVERITIES.flatMap((level) => {
    const limit = rule.limits[level];
    if (limit === undefined) return [];
    const label = `${ROMAN[level]} ${withUnit(limit, rule.unit)}`;
    return [
      {
        level,
        limit,
        deadband: rule.deadband ?? 0,
        above: rule.direction !== "below",
        isReached: level === reached,
        label,
      },
    ];
  });
}

/** The trend in one sentence. */
export function trendText(columns: Columns, found: Readings): string {
  const values = columns.value.filter((one): one is number => one !== null);
  const words = drawerWords();
  if (!values.length) return words.noReadings;
  const last = columns.value.findLastIndex((one) => one !== null);
  const isGap = (place: number) => columns.value[place] === null && columns.bad[place] === null;
  return filled(words.trendText, {
    property: wordOf(propertyWords(), found.property),
    from: fullTime(found.from),
    to: fullTime(found.to),
    least: withUnit(Math.min(...values), found.unit),
    most: withUnit(Math.max(...values), found.unit),
    newest: withUnit(columns.value[last], found.unit),
    time: shortTime((columns.time[last] ?? 0) * 1000),
    gaps: columns.time.filter((_, place) => isGap(place) && !isGap(place - 1)).length,
    bad: columns.bad.filter((one) => one !== null).length,
  });
}
