// What the rule's author wrote for the operator: cause, consequence, response, and the time that is left.
import { span } from "../instant";
import { filled } from "../language";
import { drawerWords } from "../words/drawer";
import { serviceNow } from "./clock";
import type { Facts } from "./facts";
import { inLanguage } from "./shown";
import { timeLeft } from "./time_left";

export function Guidance({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const rule = facts.rule.value;
  if (!rule) {
    return (
      <section class="drawer-guidance" aria-label={words.guidance}>
        <p>{facts.rule.failed ? filled(words.failed, { why: facts.rule.failed }) : words.noRule}</p>
      </section>
    );
  }
  const { cause, consequence, response, time_to_respond_s } = rule.guidance;
  return (
    <section class="drawer-guidance" aria-label={words.guidance}>
      <dl>
        <dt>{words.timeLeft}</dt>
        <dd>
          <Left facts={facts} toRespondS={time_to_respond_s} />
        </dd>
        <dt>{words.response}</dt>
        <dd class="drawer-response">{inLanguage(response)}</dd>
        <dt>{words.cause}</dt>
        <dd>{inLanguage(cause)}</dd>
        <dt>{words.consequence}</dt>
        <dd>{inLanguage(consequence)}</dd>
      </dl>
      {rule.rule_version !== facts.alarm.rule_version && <p class="soft">{words.ruleChanged}</p>}
    </section>
  );
}

function Left({ facts, toRespondS }: { facts: Facts; toRespondS: number }) {
  const words = drawerWords();
  const left = timeLeft(facts.alarm, toRespondS, serviceNow.value);
  if (left.state === "ended") return <span class="soft">{words.ended}</span>;
  if (left.state === "over") {
    return <strong class="drawer-over">{filled(words.over, { span: span(left.seconds) })}</strong>;
  }
  return <strong role="timer">{filled(words.left, { span: span(left.seconds), whole: span(toRespondS) })}</strong>;
}
