// Parts of a rule in a few words: whom it binds, its limits, what its condition is made of.
import { named } from "../language";
import { SEVERITIES } from "../level";
import type { Severity } from "../types";
import { engineerRuleWords } from "../words/engineer_rules";
import { systemWords } from "../words/shared";
import type { Limit, Rule, Selector, Text } from "./types";

export const LEVELS: readonly Severity[] = [...SEVERITIES].reverse();

export const inLanguage = (text: Text | undefined, otherwise: string): string => named(text?.zh, text?.en, otherwise);

/** Whom a rule binds: `property combustible_gas, district xiongguan`; the file's own words are kept. */
export function selected(select: Selector): string {
  const words = engineerRuleWords();
  const parts = Object.entries(select).flatMap(([name, value]) => {
    if (typeof value === "object") return Object.entries(value).map(([key, one]) => `${key} = ${one}`);
    if (name === "system")
      return [`${words.system} ${systemWords()[value as keyof ReturnType<typeof systemWords>] ?? value}`];
    const label = words[name as keyof typeof words] as string | undefined;
    return [`${label ?? name} ${value}`];
  });
  return parts.join(" · ") || words.everySensor;
}

/** 10, or an attribute of the sensor: 0.8 × design_pressure + 5. */
export function limitText(limit: Limit | null | undefined): string {
  if (limit === null || limit === undefined) return "–";
  if (typeof limit === "number") return String(limit);
  const { attribute, factor = 1, offset = 0 } = limit;
  const sum = offset === 0 ? "" : ` ${offset < 0 ? "−" : "+"} ${Math.abs(offset)}`;
  return `${factor === 1 ? "" : `${factor} × `}${attribute}${sum}`;
}

/** ≥ or ≤, as the condition is reached. */
export function directionOf(rule: Rule): string {
  return rule.condition.direction === "below" ? "≤" : rule.condition.direction === "either" ? "±" : "≥";
}

/** A field's value as the file has it, for fields that each kind of condition has of its own. */
export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([name, part]) => `${name}: ${valueText(part)}`)
      .join("; ");
  }
  return String(value);
}

export function kindText(kind: string): string {
  const words = engineerRuleWords();
  return (words[`kind_${kind}` as keyof typeof words] as string | undefined) ?? kind;
}
