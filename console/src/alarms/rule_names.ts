// What rules are called and in what unit their alarms' values are, from the packs in force.
import { signal } from "@preact/signals";
import { read } from "../api";
import { named } from "../language";
import type { Alarm } from "../types";
import { type RuleWords, unitOf } from "./units";

const AGAIN_AFTER_MS = 60_000;

const rules = signal<ReadonlyMap<string, RuleWords>>(new Map());
let askedAt = Number.NEGATIVE_INFINITY;

/** Ask for the rules in force, at most once a minute. */
export function loadRules(): void {
  if (performance.now() - askedAt < AGAIN_AFTER_MS) return;
  askedAt = performance.now();
  read<{ packs: { rules: (RuleWords & { rule: string })[] }[] }>("/rules").then(
    (found) => {
      rules.value = new Map(found.packs.flatMap((pack) => pack.rules).map((rule) => [rule.rule, rule]));
    },
    () => {}, // ids stand for the names until it is asked again
  );
}

/** What a rule is called, its id where it is not known (then it is asked for) or not in force any more. */
export function ruleTitle(rule: string): string {
  if (!rules.value.has(rule)) loadRules();
  const name = rules.value.get(rule)?.name;
  return named(name?.zh, name?.en, rule);
}

export const unitOfAlarm = (alarm: Pick<Alarm, "rule" | "kind">): string =>
  unitOf(rules.value.get(alarm.rule), alarm.kind);
