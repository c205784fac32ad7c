// The drawing of the trend by uPlot: values, limits with their deadbands, gaps, doubt, acts and forecasts. Loaded when needed.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { drawAlone, drawDoubt, drawForecast, drawLimits, drawMarks, FONT } from "./chart_parts";
import type { Columns, Mark } from "./trend_data";

export interface LimitLine {
  level: "red" | "orange" | "yellow" | "blue";
  limit: number;
  /** How far inside the limit the level is left. */
  deadband: number;
  /** Of danger: above the limit, below it. */
  above: boolean;
  /** The alarm stands at this level. */
  isReached: boolean;
  label: string;
}

export interface Drawing {
  columns: Columns;
  /** Epoch seconds. */
  from: number;
  to: number;
  limits: LimitLine[];
  marks: Mark[];
  forecast: { from: number; to: number; label: string } | null;
}

export interface Chart {
  draw(drawing: Drawing): void;
  destroy(): void;
}

type Read = (place: number | null) => void;
const HEIGHT = 210;
const NAMES_WIDTH = 92; // beside the picture, for the limits

/** Draw into a host; `told` hears which place of the columns the pointer is at. `locale` writes the times. */
export function makeChart(host: HTMLElement, locale: string, first: Drawing, told: Read): Chart {
  let drawing = first;
  const token = (name: string) => getComputedStyle(host).getPropertyValue(`--${name}`).trim();
  const ink = token("ink-soft");
  const axis = { stroke: ink, grid: { stroke: token("line"), width: 0.5 }, ticks: { stroke: token("line") } };
  const chart = new uPlot(
    {
      width: Math.max(host.clientWidth, 200),
      height: HEIGHT,
      padding: [8, first.limits.length ? NAMES_WIDTH : 12, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
      scales: {
        x: { time: true, range: () => [drawing.from, drawing.to] },
        y: { range: () => rangeOf(drawing) },
      },
      axes: [
        {
          ...axis,
          font: `12px ${FONT}`,
          space: 70,
          size: 30,
          values: (_, splits) => splits.map((one) => timeText(one, locale, drawing)),
        },
        { ...axis, font: `12px ${FONT}`, size: 48 },
      ],
      series: [
        {},
        { stroke: token("trend"), width: 1.6, spanGaps: false, points: { show: false } },
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
      ],
      bands: [{ series: [3, 2], fill: token("gap") }],
      hooks: {
        drawAxes: [(plot) => drawLimits(plot, drawing, token)],
        draw: [
          (plot) => {
            drawForecast(plot, drawing, token);
            drawAlone(plot, drawing.columns, token);
            drawDoubt(plot, drawing.columns, token);
            drawMarks(plot, drawing.marks, token);
          },
        ],
        setCursor: [(plot) => told(plot.cursor.idx ?? null)],
      },
    },
    dataOf(drawing.columns),
    host,
  );
  const observer = new ResizeObserver(() => {
    if (host.clientWidth && host.clientWidth !== chart.width)
      chart.setSize({ width: host.clientWidth, height: HEIGHT });
  });
  observer.observe(host);
  return {
    draw(next) {
      drawing = next;
      chart.setData(dataOf(next.columns));
    },
    destroy() {
      observer.disconnect();
      chart.destroy();
    },
  };
}

const dataOf = (columns: Columns): uPlot.AlignedData => [
  columns.time,
  columns.value,
  columns.least,
  columns.most,
  columns.uncertain,
  columns.bad,
];

/** Values and limits, with some room; bad readings may lie anywhere and do not count. */
function rangeOf({ columns, limits }: Drawing): [number, number] {
  const known = [columns.value, columns.least, columns.most].flat().filter((one): one is number => one !== null);
  for (const one of limits) known.push(one.limit);
  if (!known.length) return [0, 1];
  const least = known.reduce((a, b) => Math.min(a, b));
  const most = known.reduce((a, b) => Math.max(a, b));
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  return [least >= 0 && least - room < 0 ? 0 : least - room, most + room];
}

function timeText(seconds: number, locale: string, { from, to }: Drawing): string {
  const options: Intl.DateTimeFormatOptions =
    to - from > 2 * 86_400
      ? { month: "2-digit", day: "2-digit", hour: "2-digit", hourCycle: "h23" }
      : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(locale, options).format(new Date(seconds * 1000));
}
