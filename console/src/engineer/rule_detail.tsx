// One rule in full: condition, whom it binds, exceptions, suppression by design, where its limits come from, guidance.
import type { ComponentChildren } from "preact";
import { span } from "../instant";
import { follow, setQuery } from "../router";
import { role } from "../session";
import { SeverityChip } from "../severity";
import type { Severity } from "../types";
import { engineerWords } from "../words/engineer";
import { engineerRuleWords } from "../words/engineer_rules";
import { priorityWords } from "../words/shared";
import { AskLimit } from "./ask_limit";
import { Fact } from "./fact";
import { LimitsLine } from "./limits_line";
import { directionOf, inLanguage, kindText, LEVELS, selected, valueText } from "./rule_words";
import { LimitsTable } from "./temporary_limits";
import type { PackItem, Rule, TemporaryLimitItem } from "./types";

const SHOWN_APART = ["kind", "limits", "unit", "direction"];

export function RuleDetail({
  rule,
  pack,
  limits,
  onLimit,
}: {
  rule: Rule;
  pack: PackItem;
  limits: TemporaryLimitItem[];
  onLimit: () => void;
}) {
  const words = engineerRuleWords();
  const { condition, guidance } = rule;
  const further = Object.entries(condition).filter(([name]) => !SHOWN_APART.includes(name));
  return (
    <section class="engineer-panel" aria-labelledby="engineer-rule">
      <header>
        <h2 id="engineer-rule">
          {inLanguage(rule.name, rule.rule)} <code class="soft">{rule.rule}</code>
        </h2>
        <button type="button" onClick={() => setQuery({ rule: null })}>
          {engineerWords().close}
        </button>
      </header>
      <dl class="engineer-facts">
        <Fact name={words.pack}>{pack.pack}</Fact>
        <Fact name={words.version}>
          <code>{rule.rule_version}</code>
        </Fact>
        <Fact name={words.kind}>
          {kindText(condition.kind)} <code class="soft">{condition.kind}</code>
        </Fact>
        <Fact name={words.binds}>{selected(rule.select)}</Fact>
        {condition.limits && (
          <Fact name={words.limits}>
            <LimitsLine limits={condition.limits} sign={directionOf(rule)} unit={condition.unit ?? ""} />
          </Fact>
        )}
        {further.map(([name, value]) => (
          <Fact
            key={name}
            name={(words[`field_${name}` as keyof typeof words] as string | undefined) ?? <code>{name}</code>}
          >
            {valueText(value)}
            {name.endsWith("_s") && " s"}
          </Fact>
        ))}
        <Fact name={words.priority}>{priorityOf(rule)}</Fact>
        {rule.latching && <Fact name={words.latching}>{words.latchingMeans}</Fact>}
        {rule.annunciated === false && <Fact name={words.notAnnunciated}>{words.notAnnunciatedMeans}</Fact>}
      </dl>
      {rule.overrides.length > 0 && <h3>{words.overrides}</h3>}
      <ul class="engineer-lines">
        {rule.overrides.map((override) => {
          const { select, limits: own, basis: _, ...rest } = override;
          return (
            <li key={JSON.stringify(override)}>
              {selected(select)}{" "}
              {own && <LimitsLine limits={own} sign={directionOf(rule)} unit={condition.unit ?? ""} />}{" "}
              {Object.entries(rest).map(([name, value]) => (
                <code key={name}>
                  {name}: {valueText(value)}{" "}
                </code>
              ))}
            </li>
          );
        })}
      </ul>
      <h3>{words.suppressedBy}</h3>
      {rule.suppressed_by?.length ? (
        <ul class="engineer-lines">
          {rule.suppressed_by.map((one) => (
            <li key={one.rule}>
              <a href={`/engineer?tab=rules&rule=${one.rule}`} onClick={follow}>
                {one.rule}
              </a>{" "}
              {words.per} <code>{one.per}</code>
              {rule.class === "process" && (
                <>
                  , {words.upTo} <SeverityChip level={one.up_to} />
                </>
              )}
            </li>
          ))}
        </ul>
      ) : (
        <p class="soft">{words.notSuppressed}</p>
      )}
      <h3>{words.temporaryLimits}</h3>
      {limits.length > 0 ? <LimitsTable limits={limits} onEnded={onLimit} /> : <p class="soft">{words.noTemporary}</p>}
      {role.value === "engineer" && condition.limits && <AskLimit rule={rule} />}
      <h3>{words.guidance}</h3>
      <dl class="engineer-facts">
        <Fact name={words.cause}>{inLanguage(guidance.cause, "–")}</Fact>
        <Fact name={words.consequence}>{inLanguage(guidance.consequence, "–")}</Fact>
        <Fact name={words.response}>{inLanguage(guidance.response, "–")}</Fact>
        <Fact name={words.timeToRespond}>{span(guidance.time_to_respond_s)}</Fact>
      </dl>
      {rule.basis.length > 0 && <h3>{words.basis}</h3>}
      <ul class="engineer-lines">
        {rule.basis.map((one) => (
          <li key={one.source}>
            <abbr title={words[`mark_${one.mark}` as "mark_S"]}>{one.mark}</abbr>{" "}
            {one.limits?.length
              ? one.limits.map((level) => <SeverityChip key={level} level={level as Severity} short />)
              : ""}{" "}
            {one.source}
          </li>
        ))}
      </ul>
    </section>
  );
}

function priorityOf(rule: Rule): ComponentChildren {
  const words = priorityWords();
  const word = (priority: string) => words[priority as keyof typeof words] ?? priority;
  if (typeof rule.priority === "string") return word(rule.priority);
  const by = rule.priority;
  return (
    <span class="engineer-limits">
      {LEVELS.filter((level) => by[level]).map((level) => (
        <span key={level}>
          <SeverityChip level={level} short /> {word(by[level] as string)}
        </span>
      ))}
    </span>
  );
}
