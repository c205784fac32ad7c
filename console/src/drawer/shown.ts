// How values, units and words of the drawer are written.
import { figure, written } from "../alarms/units";
import { fullTime } from "../instant";
import { filled, named } from "../language";
import type { Level } from "../severity";
import { detailWords } from "../words/journal";
import { severityWords } from "../words/shared";

/** The levels' numbers. */
export const ROMAN = { red: "Ⅰ", orange: "Ⅱ", yellow: "Ⅲ", blue: "Ⅳ" } as const;

export const unitText = (unit: string | null | undefined): string => written(unit ?? "");

/** 62.5 %LEL; a dash where there is none. */
export function withUnit(value: number | null | undefined, unit: string | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const text = unitText(unit);
  return text ? `${figure(value)} ${text}` : figure(value);
}

export const inLanguage = (text: { zh?: string; en?: string } | undefined, otherwise = ""): string =>
  named(text?.zh, text?.en, otherwise);

/** A word of a list of words, or what stands for it where the list lacks it. */
export const wordOf = (words: Record<string, string>, name: string | null | undefined): string =>
  words[name ?? ""] ?? (name ?? "").replaceAll("_", " ");

export const severityText = (severity: string | null | undefined): string =>
  severity ? severityWords()[severity as Level] : "–";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** A member of a line's details in words. */
export function detailText(name: string, value: unknown): string {
  const words: Record<string, string> = detailWords();
  const text = typeof value === "string" && INSTANT.test(value) ? fullTime(value) : String(value);
  const place = words[name];
  return place ? filled(place, { value: text }) : `${name.replaceAll("_", " ")} ${text}`;
}
