// A rule pack in force as the text of a rule file, to begin a change from. Comments of the file are not kept anywhere.
import type { PackItem } from "./types";

const LINE_MAX = 110;
/** Words that mean the same with and without quotes; everything else is quoted. */
const PLAIN = /^[A-Za-z_][A-Za-z0-9_./-]*$/;
const OTHERWISE = /^(y|n|yes|no|true|false|on|off|null)$/i;

/** What a rule, its condition and parts of it are where nothing is written; some may not be written at all. */
const RULE_DEFAULTS = { class: "process", annunciated: true, latching: false };
const CONDITION_DEFAULTS = { deadband: 0, on_delay_s: 0, off_delay_s: 0 };
const SUPPRESSED_DEFAULTS = { per: "sensor", up_to: "orange" };
const LIMIT_DEFAULTS = { factor: 1, offset: 0 };

type Fields = Record<string, unknown>;

/** The pack as YAML, without what is empty or as it is by default. */
export function packText(pack: PackItem): string {
  const rules = (pack.rules as unknown as Fields[]).map(({ rule_version: _, ...rule }) => ({
    ...without(rule, RULE_DEFAULTS),
    ...(isFields(rule.condition) && { condition: without(rule.condition, CONDITION_DEFAULTS) }),
    ...(Array.isArray(rule.suppressed_by) && {
      suppressed_by: rule.suppressed_by.map((one: Fields) => without(one, SUPPRESSED_DEFAULTS)),
    }),
  }));
  return `${block({ pack: pack.pack, description: pack.description, rules }, 0)}\n`;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function without(fields: Fields, defaults: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => defaults[name] !== value));
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0);
}

function scalar(value: unknown): string {
  if (typeof value === "string") return PLAIN.test(value) && !OTHERWISE.test(value) ? value : JSON.stringify(value);
  const text = JSON.stringify(value);
  // YAML 1.1 takes 1e-7 for a text: a number with an exponent needs a point and a sign
  const parts = typeof value === "number" ? /^(-?[\d.]+)e([+-]\d+)$/.exec(text) : null;
  return parts ? `${parts[1]?.includes(".") ? parts[1] : `${parts[1]}.0`}e${parts[2]}` : text;
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value !== "object" || value === null) return scalar(value);
  const told = "attribute" in value ? without(value as Fields, LIMIT_DEFAULTS) : value;
  const parts = Object.entries(told).filter(([, part]) => !isEmpty(part));
  return `{${parts.map(([name, part]) => `${scalar(name)}: ${flow(part)}`).join(", ")}}`;
}

function block(value: Record<string, unknown>, depth: number): string {
  const indent = "  ".repeat(depth);
  const lines: string[] = [];
  for (const [name, part] of Object.entries(value)) {
    if (isEmpty(part)) continue;
    const short = `${indent}${scalar(name)}: ${flow(part)}`;
    const nests =
      typeof part === "object" && Object.values(part as object).some((one) => typeof one === "object" && !isEmpty(one));
    if (typeof part !== "object" || (!nests && short.length <= LINE_MAX)) lines.push(short);
    else if (!Array.isArray(part))
      lines.push(`${indent}${scalar(name)}:`, block(part as Record<string, unknown>, depth + 1));
    else lines.push(`${indent}${scalar(name)}:`, ...part.map((one) => entry(one, depth + 1)));
  }
  return lines.join("\n");
}

function entry(value: unknown, depth: number): string {
  const indent = "  ".repeat(depth);
  const short = `${indent}- ${flow(value)}`;
  if (typeof value !== "object" || value === null || Array.isArray(value) || short.length <= LINE_MAX) return short;
  const text = block(value as Record<string, unknown>, depth + 1);
  return `${indent}- ${text.slice(indent.length + 2)}`;
}
