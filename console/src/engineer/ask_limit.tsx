// Ask a second person for other limits of a rule, for a time and at some sensors.
import { useSignal } from "@preact/signals";
import { send } from "../api";
import { dateTime } from "../instant";
import { filled } from "../language";
import { SeverityChip } from "../severity";
import type { Severity } from "../types";
import { engineerRuleWords } from "../words/engineer_rules";
import { Failure, useAttempt } from "./attempt";
import { Effects } from "./effects";
import { LEVELS, limitText } from "./rule_words";
import type { Effect, RequestedChange, Rule } from "./types";

const HOURS_MAX = 30 * 24;

export function AskLimit({ rule }: { rule: Rule }) {
  const words = engineerRuleWords();
  const where = useSignal("sensor");
  const value = useSignal("");
  const limits = useSignal<Partial<Record<Severity, string>>>({});
  const hours = useSignal("8");
  const reason = useSignal("");
  const { sending, failure, attempt } = useAttempt();
  const asked = useSignal<RequestedChange | null>(null);
  const ask = (event: Event) => {
    event.preventDefault();
    asked.value = null;
    return attempt(async () => {
      const given = Object.entries(limits.value).filter(([, text]) => text.trim() !== "");
      asked.value = await send<RequestedChange>("POST", `/rules/${rule.rule}/temporary-limits`, {
        ...(where.value === "sensor"
          ? { sensor: value.value.trim() }
          : { select: { [where.value]: value.value.trim() } }),
        limits: Object.fromEntries(given.map(([level, text]) => [level, Number(text)])),
        unit: rule.condition.unit,
        duration_s: Math.round(Number(hours.value) * 3600),
        reason: reason.value,
      });
    });
  };
  return (
    <details class="engineer-details">
      <summary>{words.askLimit}</summary>
      <form class="engineer-form" onSubmit={ask}>
        <label>
          {words.at}
          <select value={where.value} onChange={(event) => (where.value = event.currentTarget.value)}>
            {(["sensor", "district", "city"] as const).map((name) => (
              <option key={name} value={name}>
                {words[name]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {words[where.value as "sensor"]}
          <input required value={value.value} onInput={(event) => (value.value = event.currentTarget.value)} />
        </label>
        {LEVELS.filter((level) => rule.condition.limits?.[level] !== undefined).map((level) => (
          <label key={level}>
            <span>
              <SeverityChip level={level} />{" "}
              {filled(words.asDesigned, { limit: limitText(rule.condition.limits?.[level]) })}
            </span>
            <input
              type="number"
              step="any"
              value={limits.value[level] ?? ""}
              aria-label={`${level} (${rule.condition.unit ?? ""})`}
              onInput={(event) => (limits.value = { ...limits.value, [level]: event.currentTarget.value })}
            />
          </label>
        ))}
        <label>
          {words.forHours}
          <input
            type="number"
            required
            min="1"
            max={HOURS_MAX}
            step="1"
            value={hours.value}
            onInput={(event) => (hours.value = event.currentTarget.value)}
          />
        </label>
        <label class="wide">
          {words.reason}
          <input
            required
            maxLength={2000}
            value={reason.value}
            onInput={(event) => (reason.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="main" disabled={sending.value}>
          {sending.value ? words.sending : words.askSecond}
        </button>
        <Failure text={failure.value} />
      </form>
      {asked.value && (
        <div role="status">
          <p>{filled(words.limitAsked, { number: asked.value.approval, expires: dateTime(asked.value.expires_at) })}</p>
          <Effects effects={(asked.value as RequestedChange & { effects?: Effect[] }).effects ?? []} />
        </div>
      )}
    </details>
  );
}
