// The alarms as they stood, gravest and unacknowledged first, each marked as what it is; and what had happened before.
import { useEffect } from "preact/hooks";
import { loadRules, ruleTitle, unitOfAlarm } from "../alarms/rule_names";
import { figure } from "../alarms/units";
import { dateTime, span as spanText } from "../instant";
import { filled } from "../language";
import { levelOf, rankOf, SEVERITIES, SeverityChip } from "../severity";
import type { Mode } from "../types";
import { replayWords } from "../words/replay";
import { stateWords } from "../words/shared";
import type { Past, Stood } from "./past";
import { standing, time } from "./player";

const ROWS_MAX = 300;
const COURSE_ROWS = 12;

const waits = (one: Stood): boolean => one.state.endsWith("unacknowledged");

/** Unacknowledged first, then the gravest, then the newest. */
export function inOrder(one: Stood, other: Stood): number {
  return (
    Number(waits(other)) - Number(waits(one)) ||
    rankOf(levelOf(other)) - rankOf(levelOf(one)) ||
    other.raised - one.raised ||
    (one.alarm < other.alarm ? -1 : 1)
  );
}

export function PastList({ mode, past }: { mode: Mode; past: Past }) {
  const words = replayWords();
  useEffect(loadRules, []);
  const rows = [...standing.value].sort(inOrder);
  return (
    <>
      <p class="replay-counts" aria-live="off">
        {SEVERITIES.map((level) => {
          const own = rows.filter((one) => levelOf(one) === level);
          if (own.length === 0) return null;
          return (
            <span key={level}>
              <SeverityChip level={level} /> {filled(words.standing, { count: own.length })} ·{" "}
              {filled(words.waiting, { count: own.filter(waits).length })}
            </span>
          );
        })}
      </p>
      {rows.length === 0 ? <p>{words.noneStood}</p> : <Table rows={rows} mode={mode} />}
      <Course past={past} known={past.known} />
    </>
  );
}

function Table({ rows, mode }: { rows: readonly Stood[]; mode: Mode }) {
  const words = replayWords();
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys too */}
      <div class="replay-scroll" role="group" tabIndex={0} aria-label={words.listLabel}>
        <table class="replay-table">
          <caption class="unseen">{filled(words.listCaption, { time: dateTime(time.value) })}</caption>
          <thead>
            <tr>
              <th scope="col">{words.column_severity}</th>
              <th scope="col">{words.column_state}</th>
              <th scope="col">{words.column_rule}</th>
              <th scope="col">{words.column_sensor}</th>
              <th scope="col" class="number">
                {words.column_value}
              </th>
              <th scope="col">{words.column_raised}</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, ROWS_MAX).map((one) => (
              <tr key={one.alarm} class={waits(one) ? "replay-waits" : ""}>
                <td>
                  <SeverityChip level={levelOf(one)} />
                </td>
                <td>{stateWords()[one.state]}</td>
                <td>
                  <span class={mode === "exercise" ? "replay-tag of-exercise" : "replay-tag"}>
                    {mode === "exercise" ? words.exercise : words.replayTag}
                  </span>{" "}
                  {ruleTitle(one.rule)}
                </td>
                <td>{one.sensor}</td>
                <td class="number">{valueText(one)}</td>
                <td>{dateTime(one.raised)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > ROWS_MAX && <p>{filled(words.more, { count: rows.length - ROWS_MAX })}</p>}
    </>
  );
}

function valueText(one: Stood): string {
  if (one.value === null || one.value === undefined) return "–";
  return one.kind === "stale" ? spanText(one.value) : `${figure(one.value)} ${unitOfAlarm(one)}`;
}

function Course({ past, known }: { past: Past; known: number }) {
  const words = replayWords();
  const steps = past.steps.slice(Math.max(0, known - COURSE_ROWS), known).reverse();
  if (steps.length === 0) return null;
  return (
    <>
      <h3>{words.course}</h3>
      <ol class="replay-course">
        {steps.map(({ at, line }) => (
          <li key={`${line.alarm} ${line.sequence}`}>
            <span>{dateTime(at)}</span>
            <span>{ruleTitle(line.rule)}</span>
            <span>{line.sensor}</span>
            <span>
              {stateWords()[line.from]} → {stateWords()[line.to]}
            </span>
            <span class="soft">{line.actor ?? words.byEngine}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
