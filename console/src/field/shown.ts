// How values, units, properties and ways are written for a crew.
import { written } from "../alarms/units";
import { locale } from "../language";
import { directionWords } from "../words/field";
import { propertyWords } from "../words/properties";

/** Gases that a crew meets in manholes, chambers and sewers, and the air it breathes there. */
const GASES = ["combustible_gas", "hydrogen_sulfide", "oxygen"];
/** Systems whose chambers are entered. */
const GAS_SYSTEMS = ["gas", "drainage"];

export function withUnit(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return "–";
  const number = new Intl.NumberFormat(locale.value, { maximumSignificantDigits: 6, useGrouping: false }).format(value);
  const text = written(unit);
  return text ? `${number} ${text}` : number;
}

export function propertyOf(property: string): string {
  const words: Record<string, string> = propertyWords();
  return words[property] ?? property;
}

/** Whether what is shown could be taken for an entry permit, and says that it is none. */
export const needsOwnMeasurement = (property: string, system = ""): boolean =>
  GASES.includes(property) || GAS_SYSTEMS.includes(system);

const EIGHTHS = ["n", "ne", "e", "se", "s", "sw", "w", "nw"] as const;

/** The direction of a bearing in words. */
export function directionOf(bearingDeg: number): string {
  return directionWords()[EIGHTHS[Math.round(bearingDeg / 45) % 8] ?? "n"];
}

/** Metres up to a kilometre, kilometres beyond. */
export function distanceOf(metres: number): string {
  return metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(1)} km`;
}
