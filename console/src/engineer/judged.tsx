// What becomes of the alarms that people judged: true ones that would be missed first, then weaker ones, then false ones.
import type { ComponentChildren } from "preact";
import { dateTime, span } from "../instant";
import { filled } from "../language";
import { follow } from "../router";
import { SeverityChip } from "../severity";
import type { Severity } from "../types";
import { engineerTrialWords } from "../words/engineer_trial";
import type { JudgedTrial, LostAlarm, TriedOccurrence } from "./types";

const SHOWN = 20;

export function Judged({ judged }: { judged: JudgedTrial }) {
  const words = engineerTrialWords();
  const { counts } = judged;
  if (judged.true + judged.false === 0) return <p class="soft">{words.noneJudged}</p>;
  return (
    <>
      {judged.missed_true.length > 0 && (
        <div role="alert" class="engineer-refused engineer-missed">
          <p>
            <span class="severity red">
              <span aria-hidden="true">✕ {words.missedLetter}</span> {words.missed}
            </span>{" "}
            {filled(words.missedTrue, { missed: counts.missed_true ?? 0, judged: judged.true })}
          </p>
          <List all={counts.missed_true ?? 0} rows={judged.missed_true}>
            {(one) => (
              <>
                {!one.in_force && ` ${words.missedAlready}`}
                <Instead one={one} />
              </>
            )}
          </List>
        </div>
      )}
      {judged.missed_true.length === 0 && judged.true > 0 && <p>{filled(words.noneMissed, { judged: judged.true })}</p>}
      {judged.weaker_true.length > 0 && (
        <div class="engineer-refused">
          <p>
            <span aria-hidden="true">▼</span> {filled(words.weakerTrue, { count: counts.weaker_true ?? 0 })}
          </p>
          <List all={counts.weaker_true ?? 0} rows={judged.weaker_true}>
            {(one) => (
              <>
                {" → "}
                {one.later_s > 0 && filled(words.laterBy, { span: span(one.later_s) })} <Level of={one.after} />
              </>
            )}
          </List>
        </div>
      )}
      {judged.false > 0 && (
        <details class="engineer-details">
          <summary>{filled(words.goneFalse, { gone: counts.gone_false ?? 0, judged: judged.false })}</summary>
          <List all={counts.gone_false ?? 0} rows={judged.gone_false}>
            {(one) => <Instead one={one} />}
          </List>
        </details>
      )}
    </>
  );
}

function List<Row extends TriedOccurrence>({
  all,
  rows,
  children,
}: {
  all: number;
  rows: Row[];
  children: (row: Row) => ComponentChildren;
}) {
  const shown = rows.slice(0, SHOWN);
  return (
    <>
      <ul class="engineer-lines">
        {shown.map((one) => (
          <li key={one.alarm}>
            <a href={`/?alarm=${one.alarm}`} onClick={follow}>
              {dateTime(one.raised)}
            </a>{" "}
            <Level of={one} /> {one.rule} {one.sensor}
            {children(one)}
          </li>
        ))}
      </ul>
      {all > shown.length && (
        <p class="soft">{filled(engineerTrialWords().furtherRows, { count: all - shown.length })}</p>
      )}
    </>
  );
}

function Instead({ one }: { one: LostAlarm }) {
  if (!one.instead) return null;
  const { rule, raised } = one.instead;
  return <span class="soft"> {filled(engineerTrialWords().insteadAlarm, { rule, at: dateTime(raised) })}</span>;
}

function Level({ of }: { of: TriedOccurrence }) {
  return of.peak_severity ? <SeverityChip level={of.peak_severity as Severity} short /> : null;
}
