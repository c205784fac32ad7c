// One row of the list: an alarm, or a line that folded alarms stand behind.
import { useComputed } from "@preact/signals";
import { age, clockTime, fullTime, now, shortTime } from "../instant";
import { filled, named } from "../language";
import { districtName } from "../names";
import { go, route } from "../router";
import { levelOf, SeverityChip } from "../severity";
import type { Alarm } from "../types";
import { stepWords } from "../words/alarms";
import { priorityWords, severityWords, stateWords, systemWords } from "../words/shared";
import { sending } from "./acknowledging";
import { gravest, isQuiet, isUnacknowledged } from "./filter";
import { groupNamed, type RowId, summary } from "./rows";
import { ruleTitle } from "./rule_names";
import { alarmWords, placeOf, valueAndLimit } from "./said";
import { active, found, opened, selected, toggleSelected } from "./shown";

export const ROW_PX = 26;
export const rowElement = (row: RowId): string => `row-${row}`;

/** Systems that a city adds are shown by their id. */
export const systemName = (system: string): string => (systemWords() as Record<string, string>)[system] ?? system;

interface Place {
  row: RowId;
  /** From 0, of all rows. */
  place: number;
}

function useMarks(row: RowId) {
  const isActive = useComputed(() => active.value === row);
  const isSelected = useComputed(() => selected.value.has(row));
  return { isActive: isActive.value, isSelected: isSelected.value };
}

export function AlarmRow({ row, place, alarm, gone }: Place & { alarm: Alarm; gone: boolean }) {
  const words = alarmWords();
  const { isActive, isSelected } = useMarks(row);
  const isOpen = useComputed(() => route.value.query.get("alarm") === row);
  const { value, limit } = valueAndLimit(alarm);
  const waits = isUnacknowledged(alarm);
  const kind = [
    gone && "gone",
    waits && "waits",
    isQuiet(alarm) && "quiet",
    isOpen.value && "open",
    isActive && "active",
  ];
  return (
    <div
      role="row"
      id={rowElement(row)}
      class={`alarm-row ${kind.filter(Boolean).join(" ")}`}
      style={{ top: `${place * ROW_PX}px` }}
      aria-rowindex={place + 2}
      aria-selected={isSelected}
      data-row={row}
      data-sequence={alarm.sequence}
    >
      <span role="gridcell" class="cell-select">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={isSelected}
          aria-label={filled(words.selectRow, { place: placeOf(alarm) })}
          onClick={(event) => {
            event.stopPropagation();
            toggleSelected(row);
          }}
        />
      </span>
      <span role="gridcell" class="cell-severity">
        <SeverityChip level={levelOf(alarm)} short />
      </span>
      <span role="gridcell" class="cell-priority">
        {priorityWords()[alarm.priority]}
      </span>
      <span role="gridcell" class="cell-state">
        <StateCell alarm={alarm} gone={gone} />
      </span>
      <span role="gridcell" class="cell-place" title={alarm.sensor}>
        <span class="main-text">{placeOf(alarm)}</span>
        {placeOf(alarm) !== alarm.sensor && <span class="soft"> {alarm.sensor}</span>}
      </span>
      <span role="gridcell" class="cell-where">
        {[districtName(alarm.city, alarm.district), systemName(alarm.system)].filter(Boolean).join(" · ")}
      </span>
      <span role="gridcell" class="cell-what" title={alarm.rule}>
        {ruleTitle(alarm.rule)}
      </span>
      <span role="gridcell" class="cell-value">
        {value}
        {limit && <span class="soft"> / {limit}</span>}
      </span>
      <span role="gridcell" class="cell-raised" title={fullTime(alarm.raised_at)}>
        {shortTime(alarm.raised_at)}
      </span>
      <span role="gridcell" class="cell-age">
        <Age since={alarm.raised_at} />
      </span>
      <span role="gridcell" class="cell-handling">
        <Handling alarm={alarm} />
      </span>
      <span role="gridcell" class="cell-marks">
        <Marks alarm={alarm} />
      </span>
    </div>
  );
}

/** A component of its own: each second this alone is drawn again. */
function Age({ since }: { since: string }) {
  return <>{age(since)}</>;
}

function StateCell({ alarm, gone }: { alarm: Alarm; gone: boolean }) {
  const words = alarmWords();
  if (sending.value.has(alarm.alarm)) return <strong>{words.sending}</strong>;
  const was = alarm.class === "process" && alarm.severity === null && alarm.peak_severity;
  return (
    <>
      {stateWords()[alarm.state]}
      {alarm.until && isQuiet(alarm) && (
        <span class="soft"> {filled(words.until, { time: clockTime(alarm.until) })}</span>
      )}
      {was && <span class="soft"> {filled(words.was, { level: severityWords()[was] })}</span>}
      {gone && alarm.state !== "normal" && <span class="unseen"> {words.gone}</span>}
    </>
  );
}

function Handling({ alarm }: { alarm: Alarm }) {
  const { handling } = alarm;
  if (!handling) return null;
  const step = stepWords()[handling.step];
  return (
    <>
      {handling.assigned_to} {handling.due ? <Due step={step} due={handling.due} /> : <span class="soft">{step}</span>}
    </>
  );
}

function Due({ step, due }: { step: string; due: string }) {
  const words = alarmWords();
  const isLate = useComputed(() => new Date(due).getTime() < now.value).value;
  const told = filled(isLate ? words.overdue : words.due, { step, time: clockTime(due) });
  return <span class={isLate ? "late" : "soft"}>{told}</span>;
}

function Marks({ alarm }: { alarm: Alarm }) {
  const words = alarmWords();
  const { judgement, incident } = alarm;
  const together = useComputed(() => found.value.incidents.get(incident ?? "") ?? 0).value;
  return (
    <>
      {alarm.condition === "unknown" && <span class="mark doubt">? {words.doubt}</span>}
      {alarm.retroactive && <span class="mark">↺ {words.retroactive}</span>}
      {alarm.expected_from && (
        <span class="mark">⇢ {filled(words.expected, { time: shortTime(alarm.expected_from) })}</span>
      )}
      {incident && together > 1 && (
        <a
          class="mark"
          tabIndex={-1}
          title={incident}
          href={`/?view=incidents&incident=${encodeURIComponent(incident)}`}
          onClick={(event) => {
            event.stopPropagation();
            event.preventDefault();
            go(`/?view=incidents&incident=${encodeURIComponent(incident)}`);
          }}
        >
          {words.incident} {together}
        </a>
      )}
      {judgement && <span class="mark">{words[`judged_${judgement.verdict}`]}</span>}
      {alarm.folded?.length > 0 && alarm.severity !== "red" && <span class="mark">{words.foldedMark}</span>}
    </>
  );
}

/** What an incident or a rule is called by one of its alarms: the service names incidents by their first alarm. */
export function GroupRow({ row, place, members }: Place & { members: readonly Alarm[] }) {
  const words = alarmWords();
  const { isActive } = useMarks(row);
  const isOpen = opened.value.has(row);
  const told = summary(members);
  const { gravest: first } = told;
  const rules = [...new Set(members.map((one) => one.rule))];
  const title = rules.length === 1 ? ruleTitle(first.rule) : [ruleTitle(first.rule), "…"].join(" ");
  return (
    <div
      role="row"
      id={rowElement(row)}
      class={`alarm-row group ${isActive ? "active" : ""}`}
      style={{ top: `${place * ROW_PX}px` }}
      aria-rowindex={place + 2}
      data-row={row}
    >
      <span role="gridcell" class="cell-select" aria-hidden="true">
        {isOpen ? "▾" : "▸"}
      </span>
      <span role="gridcell" class="cell-severity">
        <SeverityChip level={gravest(first)} short />
      </span>
      <span role="gridcell" class="cell-group" aria-expanded={isOpen}>
        {row === groupNamed(first.incident) && `${words.incident} · `}
        {filled(words.group, { title, count: members.length })}
        <span class="soft">
          {" "}
          {named(first.name_zh, first.name, first.sensor)} …{" "}
          {filled(words.since, { from: shortTime(told.oldest), to: shortTime(told.newest) })}
        </span>
      </span>
    </div>
  );
}
