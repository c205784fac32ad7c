// Annunciations by period as bars, with the target as a line and a sentence that says the same.
import type { components } from "../generated/api";
import { dateTime, shortTime } from "../instant";
import { filled } from "../language";
import { figureWords } from "../words/shift_figures";
import { barsOf, topOf } from "./series";

const WIDTH = 600;
const HEIGHT = 130;
const BASE = HEIGHT - 18;
const LEFT = 34;
const ROOM = 280;

type Period = components["schemas"]["PositionPerformance"]["periods"][string];

export function PeriodChart({
  name,
  period,
  target,
  from,
  to,
}: {
  name: "10_minutes" | "hour" | "day";
  period: Period;
  target: number;
  from: string;
  to: string;
}) {
  const words = figureWords();
  const peak = period.peak_at
    ? filled(words.peakAt, { peak: period.peak, time: dateTime(period.peak_at) })
    : words.noAnnunciation;
  const mean = period.mean === null ? words[`tooShort_${name}`] : filled(words.mean, { mean: rounded(period.mean) });
  const sentence = `${words[`per_${name}`]}${words.colon}${mean}${words.stop}${peak}${words.stop}${filled(words.targetLine, { target })}`;
  const bars = period.series === null ? null : barsOf(period.series, ROOM);
  const top = topOf(period.peak, target);
  const y = (value: number) => BASE - (value / top) * (BASE - 8);
  const step = bars ? (WIDTH - LEFT) / Math.max(1, bars.heights.length) : 0;
  const path = (bars?.heights ?? [])
    .map((height, place) =>
      height > 0 ? `M${LEFT + place * step} ${BASE}V${y(height)}h${Math.max(1, step * 0.8)}V${BASE}Z` : "",
    )
    .join("");
  return (
    <figure class="shift-chart">
      <figcaption>{sentence}</figcaption>
      {bars === null ? (
        <p class="soft">{words.seriesTooLong}</p>
      ) : (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={sentence}>
          <path class="shift-bars" d={path} />
          <path class="shift-axis" d={`M${LEFT} 4V${BASE}H${WIDTH}`} />
          <path class="shift-target" d={`M${LEFT} ${y(target)}H${WIDTH}`} />
          <text x={LEFT - 4} y={y(top) + 8} text-anchor="end">
            {top}
          </text>
          <text x={LEFT - 4} y={BASE} text-anchor="end">
            {"0"}
          </text>
          <text class="shift-target-label" x={LEFT + 4} y={y(target) - 3}>
            {filled(words.target, { target })}
          </text>
          <text x={LEFT} y={HEIGHT - 4}>
            {shortTime(from)}
          </text>
          <text x={WIDTH - 2} y={HEIGHT - 4} text-anchor="end">
            {shortTime(to)}
          </text>
        </svg>
      )}
      {bars && bars.each > 1 && <p class="soft">{filled(words.shared, { each: bars.each })}</p>}
    </figure>
  );
}

/** A count or mean as people read it. */
export const rounded = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 1 : 0);
