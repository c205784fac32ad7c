// The rule packs in force: who put them into force and when, each rule in a line, one of them in full beside.
import { useSignal } from "@preact/signals";
import { dateTime } from "../instant";
import { filled } from "../language";
import { route, setQuery } from "../router";
import { SeverityChip } from "../severity";
import { engineerRuleWords } from "../words/engineer_rules";
import { COMMANDS } from "./commands";
import { Freshness, useLoaded } from "./loaded";
import { PackVersions } from "./pack_versions";
import { RuleDetail } from "./rule_detail";
import { directionOf, inLanguage, kindText, LEVELS, limitText, selected } from "./rule_words";
import type { PackItem, Packs, Rule, TemporaryLimitPage } from "./types";

const rulesOf = (pack: PackItem): Rule[] => pack.rules as unknown as Rule[];

export function Rules() {
  const words = engineerRuleWords();
  const packs = useLoaded<Packs>("/rules");
  const limits = useLoaded<TemporaryLimitPage>("/rules/temporary-limits", { limit: 500 });
  const filter = useSignal("");
  const chosen = route.value.query.get("rule");
  const found = packs.value?.packs ?? [];
  const inForce = limits.value?.temporary_limits ?? [];
  const matches = (pack: PackItem, rule: Rule) =>
    [pack.pack, rule.rule, rule.name.zh, rule.name.en, rule.condition.kind, JSON.stringify(rule.select)]
      .join(" ")
      .toLowerCase()
      .includes(filter.value.trim().toLowerCase());
  const shown = found.flatMap(rulesOf).find((rule) => rule.rule === chosen);
  return (
    <div class={shown ? "engineer-two" : "engineer-one"}>
      <section class="engineer-panel" aria-labelledby="engineer-rules">
        <header>
          <h1 id="engineer-rules">{words.rulesInForce}</h1>
          <input
            type="search"
            aria-label={words.filterRules}
            placeholder={words.filterRules}
            value={filter.value}
            onInput={(event) => (filter.value = event.currentTarget.value)}
          />
          <Freshness of={packs} />
        </header>
        {packs.value && found.length === 0 && <p>{words.noPacks}</p>}
        {found.map((pack) => {
          const rules = rulesOf(pack).filter((rule) => matches(pack, rule));
          return rules.length === 0 ? null : (
            <div key={pack.pack}>
              <PackTable
                pack={pack}
                rules={rules}
                chosen={chosen}
                temporary={(rule) => inForce.filter((limit) => limit.rule === rule).length}
              />
              <PackVersions pack={pack.pack} />
            </div>
          );
        })}
        <p class="soft">
          {words.adviceBy} <code>{COMMANDS.adviseRules}</code>
        </p>
      </section>
      {shown && (
        <RuleDetail
          key={shown.rule}
          rule={shown}
          pack={found.find((pack) => rulesOf(pack).includes(shown)) as PackItem}
          limits={inForce.filter((limit) => limit.rule === shown.rule)}
          onLimit={limits.again}
        />
      )}
    </div>
  );
}

function PackTable({
  pack,
  rules,
  chosen,
  temporary,
}: {
  pack: PackItem;
  rules: Rule[];
  chosen: string | null;
  temporary: (rule: string) => number;
}) {
  const words = engineerRuleWords();
  const by = pack.approved_by
    ? filled(words.activatedByTwo, { by: pack.activated_by, second: pack.approved_by })
    : filled(words.activatedByOne, { by: pack.activated_by });
  return (
    <table class="engineer-table engineer-pack">
      <caption>
        <strong>{pack.pack}</strong> {inLanguage(pack.description as unknown as Rule["name"], "")}{" "}
        <span class="soft">
          {words.version} <code>{pack.version}</code> · {dateTime(pack.activated_at)} · {by}
        </span>
      </caption>
      <thead>
        <tr>
          <th scope="col">{words.rule}</th>
          <th scope="col">{words.kind}</th>
          <th scope="col">{words.binds}</th>
          {LEVELS.map((level) => (
            <th scope="col" class="number" key={level}>
              <SeverityChip level={level} short />
            </th>
          ))}
          <th scope="col">{words.unit}</th>
        </tr>
      </thead>
      <tbody>
        {rules.map((rule) => {
          const count = temporary(rule.rule);
          return (
            <tr key={rule.rule} class={rule.rule === chosen ? "chosen" : undefined}>
              <th scope="row">
                <button
                  type="button"
                  class="engineer-link"
                  aria-pressed={rule.rule === chosen}
                  onClick={() => setQuery({ rule: rule.rule === chosen ? null : rule.rule }, true)}
                >
                  {inLanguage(rule.name, rule.rule)}
                </button>
                <code class="soft">{rule.rule}</code>
                {count > 0 && <span class="engineer-mark">{filled(words.temporaryCount, { count })}</span>}
                {rule.annunciated === false && <span class="engineer-mark">{words.notAnnunciated}</span>}
                {rule.latching && <span class="engineer-mark">{words.latching}</span>}
              </th>
              <td>{kindText(rule.condition.kind)}</td>
              <td>{selected(rule.select)}</td>
              {LEVELS.map((level) => (
                <td class="number" key={level}>
                  {limitText(rule.condition.limits?.[level])}
                </td>
              ))}
              <td>
                {rule.condition.limits ? directionOf(rule) : ""} {rule.condition.unit ?? ""}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
