// The service's explanation: its sentences, the comparison that decided, both views where they differ, limits, readings.
import { ROMAN, severityText, unitText, withUnit } from "../drawer/shown";
import { shortTime, span } from "../instant";
import { filled } from "../language";
import { SeverityChip } from "../severity";
import { explainWords } from "../words/explanation";
import type { Explanation, UsedReading, View } from "./types";
import "./explanation.css";

/** Later than this is worth saying; below it lies the way of a message. */
const AT_ONCE_S = 10;
const READINGS_SHOWN = 30;

export function Explained({ of }: { of: Explanation }) {
  const { then, now } = of;
  const differ = then.active !== now.active || then.severity !== now.severity;
  return (
    <div class="explained">
      <Decisive of={of} view={then} />
      <ol>
        {of.words.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ol>
      {differ && <Views of={of} />}
      {then.limits.length > 0 && <Limits of={of} />}
      {then.limits.length > 0 && <Sources of={of} />}
      {now.readings.length > 0 && <Readings of={of} />}
    </div>
  );
}

function Decisive({ of, view }: { of: Explanation; view: View }) {
  const { value, limit, level, direction } = view.decisive;
  if (value === null || limit === null) return null;
  const isBeyond = direction === "below" ? value <= limit : value >= limit;
  const sign = direction === "below" ? (isBeyond ? "≤" : ">") : isBeyond ? "≥" : "<";
  return (
    <p class="explained-decisive">
      {withUnit(value, of.value_unit)} {sign} {withUnit(limit, of.value_unit)}{" "}
      {of.class === "process" && level && <SeverityChip level={level} short />}
    </p>
  );
}

function Views({ of }: { of: Explanation }) {
  const words = explainWords();
  const told = (view: View) =>
    view.active
      ? [words.held, view.severity && severityText(view.severity), `${words.since} ${shortTime(view.raised)}`]
          .filter(Boolean)
          .join(" · ")
      : words.didNotHold;
  return (
    <table class="explained-views">
      <thead>
        <tr>
          <td />
          <th scope="col">{words.asThen}</th>
          <th scope="col">{words.asNow}</th>
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">{words.view}</th>
          <td>{told(of.then)}</td>
          <td>{told(of.now)}</td>
        </tr>
        <tr>
          <th scope="row">{words.value}</th>
          <td>{withUnit(of.then.decisive.value, of.value_unit)}</td>
          <td>{withUnit(of.now.decisive.value, of.value_unit)}</td>
        </tr>
      </tbody>
    </table>
  );
}

function Limits({ of }: { of: Explanation }) {
  const words = explainWords();
  return (
    <table>
      <caption>{words.limits}</caption>
      <thead>
        <tr>
          {of.class === "process" && <th scope="col">{words.level}</th>}
          <th scope="col" class="number">
            {words.limit}
          </th>
          <th scope="col" class="number">
            {words.clears}
          </th>
          <th scope="col">{words.origin}</th>
        </tr>
      </thead>
      <tbody>
        {of.then.limits.map((one) => (
          <tr key={one.level}>
            {of.class === "process" && (
              <td>
                <SeverityChip level={one.level} short />
              </td>
            )}
            <td class="number">{withUnit(one.limit, of.value_unit)}</td>
            <td class="number">{withUnit(one.clears, of.value_unit)}</td>
            <td>{filled(words[`origin_${one.origin}`], { attribute: one.attribute ?? "" })}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Why the limits are what they are, as the rule's author wrote it; each once, with its levels where it is not of all. */
function Sources({ of }: { of: Explanation }) {
  const marks: Record<string, string> = explainWords();
  const { limits } = of.then;
  const sources = new Map(limits.flatMap((one) => one.basis.map(([mark, source]) => [source, mark])));
  return (
    <ul class="soft">
      {[...sources].map(([source, mark]) => {
        const its = limits.filter((one) => one.basis.some(([, other]) => other === source));
        const levels = its.length < limits.length ? its.map((one) => ROMAN[one.level]).join(" ") : "";
        return (
          <li key={source}>
            {levels} {marks[`mark_${mark}`]}: {source}
          </li>
        );
      })}
    </ul>
  );
}

function Readings({ of }: { of: Explanation }) {
  const words = explainWords();
  const used = usedReadings(of);
  const several = used.some((one) => one.sensor !== of.sensor);
  const shown = used.slice(-READINGS_SHOWN).toReversed();
  const leftOut = used.length - shown.length + of.now.readings_left_out;
  return (
    <details>
      <summary>{filled(words.readings, { count: used.length + of.now.readings_left_out })}</summary>
      <table>
        <thead>
          <tr>
            {several && <th scope="col">{words.sensor}</th>}
            <th scope="col">{words.time}</th>
            <th scope="col" class="number">
              {words.value}
            </th>
            <th scope="col">{words.arrived}</th>
            <th scope="col">{words.use}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((one) => (
            <tr key={`${one.sensor} ${one.time}`}>
              {several && <td>{one.sensor}</td>}
              <td>{shortTime(one.time)}</td>
              <td class="number">{`${withUnit(one.value, null)} ${unitText(one.unit)}`}</td>
              <td>{arrival(one)}</td>
              <td class={one.use === "judged" ? "soft" : undefined}>{words[`use_${one.use}`]}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {leftOut > 0 && <p class="soft">{filled(words.leftOut, { count: leftOut })}</p>}
    </details>
  );
}

function arrival(one: UsedReading): string {
  const late = (Date.parse(one.arrived) - Date.parse(one.time)) / 1000;
  const came = shortTime(one.arrived);
  return late > AT_ONCE_S ? `${came} (${filled(explainWords().late, { span: span(late) })})` : came;
}

/** All that is known now, each with what was made of it then. */
function usedReadings({ then, now }: Explanation): UsedReading[] {
  const key = (one: UsedReading) => `${one.sensor} ${one.time}`;
  const uses = new Map(then.readings.map((one) => [key(one), one.use]));
  return now.readings.map((one) => ({ ...one, use: uses.get(key(one)) ?? one.use }));
}
