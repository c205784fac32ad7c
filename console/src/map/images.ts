// Signs of the map drawn from the tokens of console.css: alarm chips by level and handling, the arrow of the flow.
import type { Level } from "../severity";
import { rankOf } from "../severity";

export const LEVELS: readonly Level[] = ["red", "orange", "yellow", "blue", "system", "instrument", "none"];
const STANDINGS = ["waiting", "seen", "aside"] as const;
export type Standing = (typeof STANDINGS)[number];
const ROMAN: Partial<Record<Level, string>> = { red: "I", orange: "II", yellow: "III", blue: "IV" };
const [WIDTH, HEIGHT, RATIO] = [34, 22, 2];

/** A colour by the name of its token, as the theme of the moment has it. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const chipName = (rank: number | string, standing: string): string => `chip-${rank}-${standing}`;

interface Sign {
  name: string;
  width: number;
  height: number;
  data: ImageData;
  pixelRatio: number;
}

/** All signs in the colours of the theme. */
export function signs(): Sign[] {
  const chips = LEVELS.flatMap((level) =>
    STANDINGS.map((standing) =>
      drawn(chipName(rankOf(level), standing), WIDTH, HEIGHT, (pen) => chip(pen, level, standing)),
    ),
  );
  return [...chips, drawn("flow", 12, 12, arrow)];
}

function drawn(name: string, width: number, height: number, paint: (pen: CanvasRenderingContext2D) => void): Sign {
  const canvas = document.createElement("canvas");
  canvas.width = width * RATIO;
  canvas.height = height * RATIO;
  const pen = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  pen.scale(RATIO, RATIO);
  paint(pen);
  return {
    name,
    width: canvas.width,
    height: canvas.height,
    data: pen.getImageData(0, 0, canvas.width, canvas.height),
    pixelRatio: RATIO,
  };
}

function chip(pen: CanvasRenderingContext2D, level: Level, standing: Standing): void {
  const isColoured = level in ROMAN || level === "instrument";
  const colour = isColoured ? token(level) : token("ink-soft");
  const hollow = standing === "aside" || level === "none" || level === "system" || level === "instrument";
  const frame = standing === "waiting" ? 2.5 : 1;
  pen.fillStyle = token("field");
  pen.fillRect(0, 0, WIDTH, HEIGHT); // a margin between the chip and what lies beneath
  pen.fillStyle = hollow ? token("field") : colour;
  pen.fillRect(1, 1, WIDTH - 2, HEIGHT - 2);
  pen.strokeStyle = standing === "waiting" ? token("ink") : colour;
  pen.lineWidth = hollow && standing !== "waiting" ? 2 : frame;
  if (standing === "aside") pen.setLineDash([3, 2]);
  if (hollow || standing === "waiting")
    pen.strokeRect(1 + pen.lineWidth / 2, 1 + pen.lineWidth / 2, WIDTH - 2 - pen.lineWidth, HEIGHT - 2 - pen.lineWidth);
  pen.setLineDash([]);
  pen.fillStyle = pen.strokeStyle = hollow ? colour : token(`${level}-ink`);
  const letter = ROMAN[level] ?? "";
  shape(pen, level, letter ? 10 : WIDTH / 2, HEIGHT / 2);
  pen.font = "bold 12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(letter, 22.5, HEIGHT / 2 + 0.5);
}

/** The same shapes as severity.tsx has. */
function shape(pen: CanvasRenderingContext2D, level: Level, x: number, y: number): void {
  const r = 4.5;
  pen.beginPath();
  if (level === "red" || level === "instrument")
    polygon(pen, [
      [x, y - r - 1],
      [x + r, y],
      [x, y + r + 1],
      [x - r, y],
    ]);
  else if (level === "orange")
    polygon(pen, [
      [x, y - r],
      [x + r, y + r - 1],
      [x - r, y + r - 1],
    ]);
  else if (level === "yellow" || level === "system") pen.rect(x - r + 0.5, y - r + 0.5, 2 * r - 1, 2 * r - 1);
  else pen.arc(x, y, r - 0.3, 0, 2 * Math.PI);
  pen.lineWidth = 1.5;
  if (level in ROMAN) pen.fill();
  else pen.stroke();
}

function polygon(pen: CanvasRenderingContext2D, corners: [number, number][]): void {
  for (const [x, y] of corners) pen.lineTo(x, y);
  pen.closePath();
}

function arrow(pen: CanvasRenderingContext2D): void {
  pen.beginPath();
  polygon(pen, [
    [3, 1.5],
    [10, 6],
    [3, 10.5],
  ]);
  pen.fillStyle = token("ink");
  pen.strokeStyle = token("ground");
  pen.stroke();
  pen.fill();
}
