// What the forms of the acts ask for and what they send; pure.
import type { Action } from "./offered";
import type { Body } from "./types";

/** Fields of a form by name, as they were filled in. */
export type Values = Record<string, string>;

/** Acts that ask for something before they are sent; the others are sent by their button. */
export const ASKING: readonly Action[] = [
  "assign",
  "resolve",
  "verify",
  "decline",
  "judge",
  "comment",
  "shelve",
  "suppress",
  "out-of-service",
  "return-to-service",
];

export const SHELVE_S = [900, 1800, 3600, 7200, 14_400, 28_800] as const;
export const SHELVE_S_DEFAULT = 1800;
export const WORK_S = {
  bump_test: [600, 900, 1800, 3600],
  maintenance: [1800, 3600, 7200, 14_400, 28_800, 86_400],
} as const;
export const REVIEW_DAYS = [1, 3, 7, 14, 30, 60, 90] as const;
const DAY_MS = 86_400_000;

const REQUIRED: Partial<Record<Action, readonly string[]>> = {
  comment: ["comment"],
  judge: ["verdict"],
  shelve: ["duration_s", "reason"],
  suppress: ["purpose", "duration_s", "reason"],
  "out-of-service": ["permit", "reason", "review_days"],
  decline: ["reason"],
  resolve: ["cause_code"],
  verify: ["method"],
};

/** Names of the fields that are still empty and must not be. */
export function missingOf(action: Action, values: Values): string[] {
  const names = [...(REQUIRED[action] ?? [])];
  if (action === "assign" && values.who === "other") names.push("to");
  if (action === "verify" && values.method === "measurement") names.push("value", "unit");
  if (action === "verify" && values.passed === "no") names.push("note");
  if (action === "resolve" && values.cause_code === "other") names.push("note");
  return names.filter((name) => !values[name]?.trim());
}

/** The body that is sent at `now` (epoch milliseconds of the service), without what all acts have. */
export function bodyOf(action: Action, values: Values, now: number): Body {
  switch (action) {
    case "assign":
      return { ...whoOf(values), ...given(values, "comment") };
    case "judge":
      return {
        verdict: values.verdict ?? "",
        ...(values.verdict === "true" && given(values, "proposed_severity")),
        ...given(values, "comment"),
      };
    case "shelve":
      return { duration_s: Number(values.duration_s), ...given(values, "reason", "severity_max") };
    case "suppress":
      return { duration_s: Number(values.duration_s), ...given(values, "purpose", "scope", "reason") };
    case "out-of-service":
      return {
        ...given(values, "permit", "reason", "scope"),
        review_at: new Date(now + Number(values.review_days) * DAY_MS).toISOString(),
      };
    case "verify":
      return {
        ...given(values, "method", "note"),
        passed: values.passed !== "no",
        ...(values.method === "measurement" && { value: Number(values.value), ...given(values, "unit") }),
      };
    case "resolve":
      return given(values, "cause_code", "note", "photograph");
    case "decline":
      return given(values, "reason");
    default:
      return given(values, "comment");
  }
}

/** Whom to send: `team:NAME`, `to:NAME`, `other` with the field `to`, or nobody named: then the roster chooses. */
function whoOf(values: Values): Body {
  const who = values.who ?? "";
  if (who === "other") return given(values, "to");
  const colon = who.indexOf(":");
  return colon < 0 ? {} : { [who.slice(0, colon)]: who.slice(colon + 1) };
}

function given(values: Values, ...names: string[]): Body {
  const found = names.map((name) => [name, values[name]?.trim() ?? ""] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== ""));
}

/** Whether shelving asks for a second person: an alarm of orange or red, or a shelf that would hold such. */
export function needsSecondPerson(alarm: { class: string; severity: string | null }, severityMax = ""): boolean {
  const grave = ["orange", "red"];
  return alarm.class === "process" && (grave.includes(alarm.severity ?? "") || grave.includes(severityMax));
}
