// What people report, by number: typed as a number, a part of the name, or chosen from the list. Pure but for the words.
import type { components } from "../generated/api";

export type Kind = components["schemas"]["ReportBody"]["kind"];

/** In the order of their systems; a kind keeps its number, because people learn it. */
export const KINDS: readonly (readonly [Kind, string])[] = [
  ["gas_smell", "gas"],
  ["gas_pipe_damaged", "gas"],
  ["low_pressure", "water"],
  ["no_water", "water"],
  ["discoloured_water", "water"],
  ["water_leak", "water"],
  ["water_on_road", "drainage"],
  ["cover_open", "drainage"],
  ["cover_rattling", "drainage"],
  ["sewer_smell", "drainage"],
  ["sewer_overflow", "drainage"],
  ["ground_crack", "displacement"],
  ["subsidence", "displacement"],
  ["leaning_tree", "displacement"],
  ["rockfall", "displacement"],
  ["no_heating", "heating"],
  ["heating_leak", "heating"],
  ["bridge_damage", "bridge"],
  ["lamp_out", "lighting"],
  ["lamp_leaning", "lighting"],
];

/** The kind that a text means: its number, its whole label, or the only one that holds the text; null where unclear. */
export function kindOf(text: string, names: (kind: Kind) => string): Kind | null {
  const typed = text.trim().toLowerCase();
  if (!typed) return null;
  const number = /^(\d{1,2})(\s|$)/.exec(typed)?.[1];
  if (number) return KINDS[Number(number) - 1]?.[0] ?? null;
  const found = KINDS.filter(([kind]) => names(kind).toLowerCase().includes(typed)).map(([kind]) => kind);
  return found.find((kind) => names(kind).toLowerCase() === typed) ?? (found.length === 1 ? (found[0] ?? null) : null);
}

/** Longitude and latitude out of a text like `98.2891, 39.7732`; null for any other text. */
export function degreesOf(text: string): { longitude: number; latitude: number } | null {
  const found = /^\s*(-?\d{1,3}\.\d+)\s*[,，;\s]\s*(-?\d{1,2}\.\d+)\s*$/.exec(text);
  if (!found) return null;
  const [longitude, latitude] = [Number(found[1]), Number(found[2])];
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90 ? { longitude, latitude } : null;
}
