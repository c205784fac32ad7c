// What is drawn over and under the line of the trend: limits with deadbands, doubt, acts, forecasts.
import uPlot from "uplot";
import type { Drawing, LimitLine } from "./chart";
import type { Columns, Mark } from "./trend_data";

export const FONT = "system-ui, 'Noto Sans SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif";
/** Gives the colour of a token. */
type Token = (name: string) => string;

export function drawLimits(plot: uPlot, { limits }: Drawing, token: Token): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const one of limits) {
    const y = plot.valToPos(one.limit, "y", true);
    const inside = plot.valToPos(one.above ? one.limit - one.deadband : one.limit + one.deadband, "y", true);
    ctx.globalAlpha = 0.16;
    ctx.fillStyle = token(one.level);
    ctx.fillRect(bbox.left, Math.min(y, inside), bbox.width, Math.abs(inside - y));
    ctx.globalAlpha = 1;
    ctx.strokeStyle = token(one.level);
    ctx.lineWidth = 1.4 * ratio;
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  ctx.restore();
  nameLimits(plot, limits, token);
}

/** The limits' names beside the picture, no two in the same place; the level that is reached bears its colour. */
function nameLimits(plot: uPlot, limits: LimitLine[], token: Token): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const high = 16 * ratio;
  const left = bbox.left + bbox.width + 4 * ratio;
  let above = Number.POSITIVE_INFINITY;
  ctx.save();
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const one of limits.toSorted((a, b) => a.limit - b.limit)) {
    const y = Math.min(plot.valToPos(one.limit, "y", true), above - high);
    above = y;
    ctx.font = `${one.isReached ? 700 : 400} ${12 * ratio}px ${FONT}`;
    if (one.isReached) {
      ctx.fillStyle = token(one.level);
      ctx.fillRect(left - 2 * ratio, y - high / 2, ctx.measureText(one.label).width + 6 * ratio, high);
    }
    ctx.fillStyle = token(one.isReached ? `${one.level}-ink` : "ink");
    ctx.fillText(one.label, left, y);
  }
  ctx.restore();
}

export function drawForecast(plot: uPlot, { forecast }: Drawing, token: Token): void {
  if (!forecast) return;
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const left = plot.valToPos(forecast.from, "x", true);
  const right = plot.valToPos(forecast.to, "x", true);
  ctx.save();
  ctx.strokeStyle = token("ink");
  ctx.setLineDash([2 * ratio, 3 * ratio]);
  ctx.lineWidth = ratio;
  ctx.strokeRect(left, bbox.top, Math.max(right - left, 2 * ratio), bbox.height);
  ctx.fillStyle = token("ink");
  ctx.font = `${12 * ratio}px ${FONT}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  ctx.fillText(forecast.label, left - 4 * ratio, bbox.top + bbox.height - 4 * ratio);
  ctx.restore();
}

/** A hollow diamond for what is uncertain, a cross for what is bad: shapes, for who cannot tell colours apart. */
export function drawDoubt(plot: uPlot, columns: Columns, token: Token): void {
  const { ctx, bbox } = plot;
  const size = 4 * uPlot.pxRatio;
  ctx.save();
  ctx.strokeStyle = token("doubt");
  ctx.lineWidth = 1.5 * uPlot.pxRatio;
  columns.time.forEach((time, place) => {
    const uncertain = columns.uncertain[place] ?? null;
    const bad = columns.bad[place] ?? null;
    if (uncertain === null && bad === null) return;
    const x = plot.valToPos(time, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    const wanted = plot.valToPos(uncertain ?? (bad as number), "y", true);
    const y = Math.min(Math.max(wanted, bbox.top + size), bbox.top + bbox.height - size); // bad ones may lie anywhere
    ctx.beginPath();
    if (bad !== null) {
      ctx.moveTo(x - size, y - size);
      ctx.lineTo(x + size, y + size);
      ctx.moveTo(x - size, y + size);
      ctx.lineTo(x + size, y - size);
    } else {
      ctx.moveTo(x, y - size);
      ctx.lineTo(x + size, y);
      ctx.lineTo(x, y + size);
      ctx.lineTo(x - size, y);
      ctx.closePath();
    }
    ctx.stroke();
  });
  ctx.restore();
}

/** A dot for a value with blanks on both sides: a line has no length there. */
export function drawAlone(plot: uPlot, columns: Columns, token: Token): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = token("trend");
  columns.value.forEach((value, place) => {
    const isAlone = (columns.value[place - 1] ?? null) === null && (columns.value[place + 1] ?? null) === null;
    if (value === null || !isAlone) return;
    const x = plot.valToPos(columns.time[place] as number, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.beginPath();
    ctx.arc(x, plot.valToPos(value, "y", true), 2.5 * uPlot.pxRatio, 0, 2 * Math.PI);
    ctx.fill();
  });
  ctx.restore();
}

const MARK_ROWS = 3;

export function drawMarks(plot: uPlot, marks: Mark[], token: Token): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const box = 16 * ratio;
  const taken = Array<number>(MARK_ROWS).fill(Number.NEGATIVE_INFINITY);
  ctx.save();
  ctx.font = `700 ${12 * ratio}px ${FONT}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineWidth = ratio;
  for (const mark of marks) {
    const x = plot.valToPos(mark.time, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const free = taken.findIndex((end) => end < x - box / 2);
    const row = free < 0 ? MARK_ROWS - 1 : free;
    taken[row] = x + box / 2;
    const top = bbox.top + row * (box + 2 * ratio);
    ctx.strokeStyle = token("ink");
    ctx.beginPath();
    ctx.moveTo(x, top + box);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillStyle = token("ink");
    ctx.fillRect(x - box / 2, top, box, box);
    ctx.fillStyle = token("ground");
    ctx.fillText(mark.letter, x, top + box / 2);
  }
  ctx.restore();
}
