// Why the alarm was raised, as the service explains it, and how it stands, from what its journal says.
import { signal } from "@preact/signals";
import { isQuiet } from "../alarms/filter";
import { read } from "../api";
import { Explained } from "../explanation/explained";
import type { Explanation as Answer } from "../explanation/types";
import { WhyNot } from "../explanation/why_not";
import { fullTime, shortTime, span } from "../instant";
import { filled, language, named } from "../language";
import { drawerWords } from "../words/drawer";
import { explainWords } from "../words/explanation";
import { explanationWords, kindWords, reasonWords } from "../words/journal";
import { stateWords } from "../words/shared";
import { useAnswer } from "./answer";
import type { Facts } from "./facts";
import { inLanguage, severityText, withUnit, wordOf } from "./shown";

/** Later than this is worth saying; below it lies the way of a message. */
const AT_ONCE_S = 10;

/** The engine evaluates a thousand readings and more for it, so not for whom steps through the list. */
const isWhyWanted = signal(false);

export function Explanation({ facts }: { facts: Facts }) {
  const { alarm } = facts;
  return (
    <>
      <details
        open={isWhyWanted.value}
        onToggle={(event) => {
          isWhyWanted.value = event.currentTarget.open;
        }}
      >
        <summary>{explainWords().title}</summary>
        {isWhyWanted.value && <Why alarm={alarm.alarm} />}
      </details>
      <ol class="drawer-explanation">
        {sentences(facts).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ol>
      <WhyNot sensors={[alarm]} time={Date.parse(alarm.raised_at)} />
    </>
  );
}

function Why({ alarm }: { alarm: string }) {
  const words = explainWords();
  const path = `/alarms/${encodeURIComponent(alarm)}/explanation`;
  const why = useAnswer(() => read<Answer>(path), [alarm, language.value]);
  if (why.value) return <Explained of={why.value} />;
  if (why.failed) return <p role="alert">{filled(words.failed, { why: why.failed })}</p>;
  return <p role="status">{words.asking}</p>;
}

function sentences(facts: Facts): string[] {
  const { alarm } = facts;
  const first = facts.journal.value?.[0];
  if (!first) {
    const { failed } = facts.journal;
    return [failed ? filled(drawerWords().failed, { why: failed }) : drawerWords().loading];
  }
  const words = explanationWords();
  const rule = facts.rule.value;
  const unit = rule?.value_unit;
  const found = [
    filled(words.raised, {
      time: shortTime(first.time),
      rule: inLanguage(rule?.name, alarm.rule),
      kind: wordOf(kindWords(), first.kind),
      sensor: named(alarm.name_zh, alarm.name, alarm.sensor),
      reason: wordOf(reasonWords(), first.reason),
    }),
  ];
  if (first.value !== null && first.limit !== null) {
    found.push(filled(words.raisedValue, { value: withUnit(first.value, unit), limit: withUnit(first.limit, unit) }));
  }
  const causes: Record<string, string> = words;
  const cause = causes[`cause_${first.cause ?? "reading"}`];
  if (cause) found.push(cause);
  found.push(...delays(facts));
  const late = (Date.parse(first.known_at) - Date.parse(first.time)) / 1000;
  found.push(
    late > AT_ONCE_S
      ? filled(words.known, { time: fullTime(first.time), known: fullTime(first.known_at), span: span(late) })
      : filled(words.knownAtOnce, { time: fullTime(first.time) }),
  );
  if (first.retroactive) found.push(words.retroactive);
  if (alarm.expected_from && alarm.expected_to) {
    found.push(filled(words.expected, { from: fullTime(alarm.expected_from), to: fullTime(alarm.expected_to) }));
  }
  found.push(...standing(facts));
  const now = rule && rule.rule_version !== first.rule_version;
  const versions = filled(words.version, { version: first.rule_version });
  found.push(now ? `${versions} ${filled(words.versionNow, { version: rule.rule_version })}` : versions);
  return found;
}

function delays(facts: Facts): string[] {
  const words = explanationWords();
  const rule = facts.rule.value;
  if (!rule?.of) return [];
  const found: string[] = [];
  if (rule.on_delay_s) found.push(filled(words.onDelay, { span: span(rule.on_delay_s) }));
  else if (rule.samples) found.push(filled(words.samples, { needed: rule.samples.needed, of: rule.samples.of }));
  else if (rule.of === "readings") found.push(words.noOnDelay); // a signal is made of many readings
  if (rule.off_delay_s || rule.deadband) {
    const returns = { deadband: withUnit(rule.deadband ?? 0, rule.unit), span: span(rule.off_delay_s ?? 0) };
    found.push(filled(rule.deadband ? words.offDelay : words.offDelayOnly, returns));
  }
  return found;
}

/** How it stands now. */
function standing({ alarm, journal }: Facts): string[] {
  const words = explanationWords();
  const found: string[] = [];
  const severity = severityText(alarm.severity);
  if (alarm.condition === "unknown") found.push(words.unknown);
  if (alarm.condition === "normal") {
    const gone = journal.value?.findLast((line) => !line.actor && line.condition === "normal");
    if (gone)
      found.push(filled(words.gone, { reason: wordOf(reasonWords(), gone.reason), time: shortTime(gone.time) }));
    if (alarm.state.startsWith("latched")) found.push(words.latching);
  } else if (alarm.peak_severity && alarm.peak_severity !== alarm.severity) {
    found.push(filled(words.risen, { peak: severityText(alarm.peak_severity), severity }));
  } else if (alarm.condition === "active" && alarm.severity) {
    found.push(filled(words.stands, { severity }));
  }
  if (isQuiet(alarm)) {
    found.push(filled(words.suppressed, { state: stateWords()[alarm.state] }));
  }
  return found;
}
