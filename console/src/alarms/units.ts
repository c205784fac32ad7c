// Units of the values that alarms tell, and figures as people read them; pure.

/** What of a rule decides on its name and unit. */
export interface RuleWords {
  name?: { zh?: string; en?: string };
  select?: { property?: string };
  condition?: { kind?: string; unit?: string };
}

/** The unit in which each property is kept, UCUM; as model/vocabulary.py has them. */
const PROPERTY_UNITS: Record<string, string> = {
  combustible_gas: "%{LEL}",
  gas_pressure: "kPa",
  gas_flow: "m3/h",
  hydrogen_sulfide: "mg/m3",
  oxygen: "%",
  water_pressure: "MPa",
  water_flow: "L/s",
  leak_noise: "dB",
  turbidity: "[NTU]",
  residual_chlorine: "mg/L",
  water_depth: "cm",
  manhole_level: "m",
  sewer_flow: "L/s",
  storage_level: "m",
  displacement: "mm",
  displacement_rate: "mm/d",
  tilt: "deg",
  settlement: "mm",
  crack_width: "mm",
  phreatic_level: "m",
  seepage_flow: "L/s",
  strain: "um/m",
  deflection: "mm",
  acceleration: "m/s2",
  vibration: "m/s2",
  supply_temperature: "Cel",
  return_temperature: "Cel",
  heating_pressure: "MPa",
  rainfall: "mm",
  air_temperature: "Cel",
  water_temperature: "Cel",
  temperature: "Cel",
  humidity: "%",
  wind_speed: "m/s",
  pressure: "kPa",
  lamp_power: "W",
  voltage: "V",
  current: "A",
};
/** Kinds whose values are the readings themselves, in the property's unit whatever unit the rule's limits are in. */
const OF_READINGS: readonly string[] = ["threshold", "range", "stuck"];

/** The unit of the values of a rule's alarms, as people write it; empty where there is none or it is not known. */
export function unitOf(rule: RuleWords | undefined, kind: string): string {
  const property = PROPERTY_UNITS[rule?.select?.property ?? ""];
  const own = rule?.condition?.unit;
  return written((OF_READINGS.includes(kind) ? (property ?? own) : own) ?? "");
}

/** A UCUM unit as people write it. */
export function written(unit: string): string {
  return unit
    .replace(/^1$/, "")
    .replace(/%\{(\w+)\}/, "%$1")
    .replace(/\[(\w+)\]/, "$1")
    .replace(/\bCel\b/, "°C")
    .replace(/^deg\b/, "°")
    .replace(/\bum\b/, "µm")
    .replace(/\b(m|d|s)([23])\b/g, (_, letter: string, power: string) => letter + (power === "2" ? "²" : "³"));
}

/** A figure in four digits at most, those before the point always whole. */
export function figure(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}
