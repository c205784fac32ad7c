// What decides, at the top of the drawer: severity, state, place, how long, value against limit, what keeps it quiet.
import { isQuiet } from "../alarms/filter";
import { TimelineOf } from "../alarms/timeline";
import { age, fullTime, shortTime, span } from "../instant";
import { filled, named } from "../language";
import { cityName, districtName } from "../names";
import { follow } from "../router";
import { levelOf, SeverityChip } from "../severity";
import type { Severity } from "../types";
import { formWords } from "../words/actions";
import { drawerWords } from "../words/drawer";
import { kindWords, reasonWords } from "../words/journal";
import { conditionWords, modeWords, priorityWords, stateWords, systemWords } from "../words/shared";
import { serviceNow } from "./clock";
import type { Facts } from "./facts";
import { closeDrawer, isWide, keepWide } from "./opened";
import { inLanguage, ROMAN, severityText, withUnit, wordOf } from "./shown";

export function Head({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const { alarm } = facts;
  const place = named(alarm.name_zh, alarm.name, alarm.sensor);
  const where = [
    alarm.sensor !== place && alarm.sensor,
    wordOf(systemWords(), alarm.system),
    cityName(alarm.city),
    districtName(alarm.city, alarm.district),
  ].filter(Boolean);
  return (
    <header class="drawer-head">
      <div class="drawer-row">
        <SeverityChip level={levelOf(alarm)} />
        <strong>{stateWords()[alarm.state]}</strong>
        <span class="soft">{priorityWords()[alarm.priority]}</span>
        {alarm.mode !== "operational" && <span class="drawer-mode">{modeWords()[alarm.mode]}</span>}
        <span class="spacer" />
        <button
          type="button"
          class="drawer-widen"
          aria-pressed={isWide.value}
          aria-label={words.widen}
          onClick={() => keepWide(!isWide.peek())}
        >
          ⇔
        </button>
        <button type="button" class="drawer-close" aria-label={words.close} onClick={closeDrawer}>
          ✕
        </button>
      </div>
      <h2 tabIndex={-1} data-part="head">
        {inLanguage(facts.rule.value?.name, alarm.rule)} · {place}
      </h2>
      <p class="soft">{where.join(" · ")}</p>
      <p title={fullTime(alarm.raised_at)}>
        {words.since} <strong>{shortTime(alarm.raised_at)}</strong>{" "}
        {alarm.condition !== "normal" && filled(words.age, { age: age(alarm.raised_at) })}
        {alarm.condition === "unknown" && <span class="doubt"> ◇ {conditionWords().unknown}</span>}
        {alarm.condition === "normal" && ` · ${conditionWords().normal}`}
      </p>
      {alarm.retroactive && <p>{filled(words.retroactive, { time: shortTime(alarm.known_at) })}</p>}
      {alarm.expected_from && alarm.expected_to && (
        <p>{filled(words.expected, { from: shortTime(alarm.expected_from), to: shortTime(alarm.expected_to) })}</p>
      )}
      <Value facts={facts} />
      <Quiet facts={facts} />
      <Handled facts={facts} />
      <Links facts={facts} />
    </header>
  );
}

/** The value against the limit that it reached, and the whole ladder as it holds at this sensor. */
function Value({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const { alarm } = facts;
  const rule = facts.rule.value;
  const unit = rule?.value_unit;
  // a signal is made so that it grows towards danger, also where it tells of falls
  const sign = rule?.of === "readings" && rule.direction === "below" ? "≤" : "≥";
  const levels = Object.entries(rule?.limits ?? {}) as [Severity, number][];
  return (
    <p class="drawer-value">
      {alarm.value === null ? (
        <span>{wordOf(reasonWords(), alarm.reason)}</span>
      ) : (
        <span>
          <span class="soft">{words.value}</span> <strong class="drawer-figure">{withUnit(alarm.value, unit)}</strong>
          {alarm.limit !== null && (
            <>
              {" "}
              <span class="soft">{words.limit}</span> {sign} {withUnit(alarm.limit, unit)}
            </>
          )}
        </span>
      )}
      {alarm.peak_severity && alarm.peak_severity !== alarm.severity && (
        <span>
          {words.worstSoFar} {severityText(alarm.peak_severity)}
        </span>
      )}
      {levels.length > 0 && (
        <span class="drawer-ladder">
          <span class="soft">{words.limits}</span>{" "}
          {levels.map(([level, limit]) => (
            <span key={level} class={alarm.severity === level ? "drawer-level reached" : "drawer-level"}>
              {alarm.severity === level ? <SeverityChip level={level} short /> : ROMAN[level]}{" "}
              {withUnit(limit, rule?.unit)}
            </span>
          ))}
          {rule?.of === "signal" && <span class="soft">{wordOf(kindWords(), rule.kind)}</span>}
          {rule?.temporary && <strong>{words.temporary}</strong>}
        </span>
      )}
    </p>
  );
}

/** By whom, until when and why an alarm is not annunciated. */
function Quiet({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const cause = facts.journal.value?.findLast((line) => line.details?.suppressed_by)?.details?.suppressed_by;
  if (!isQuiet(facts.alarm)) return null;
  const found = facts.suppressions.value ?? [];
  return (
    <ul class="drawer-quiet" aria-label={words.quiet}>
      {found.map((one) => (
        <li key={one.suppression}>
          {filled(words.quietBy, {
            kind: one.purpose ? formWords()[`purpose_${one.purpose}`] : stateWords()[one.kind],
            who: one.actor,
            since: shortTime(one.begins_at),
            until: one.ends_at ? filled(words.untilTime, { time: shortTime(one.ends_at) }) : words.untilReturned,
            reason: one.reason,
          })}
          {one.permit && filled(words.permitOf, { permit: one.permit })}
          {one.review_at && filled(words.reviewOn, { time: shortTime(one.review_at) })}
          {one.approved_by && filled(words.approvedBy, { who: one.approved_by })}
        </li>
      ))}
      {!found.length && cause && (
        <li>
          <a href={`?alarm=${encodeURIComponent(String(cause))}`} onClick={follow}>
            {filled(words.quietRule, { alarm: String(cause) })}
          </a>
        </li>
      )}
    </ul>
  );
}

function Handled({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const { handling, judgement } = facts.alarm;
  if (!handling && !judgement) return null;
  const late = handling?.due ? (serviceNow.value - Date.parse(handling.due)) / 1000 : 0;
  return (
    <p>
      {handling && (
        <>
          <span class="soft">{words.handling}</span> {words[`step_${handling.step}`]}{" "}
          {handling.assigned_to ? filled(words.assignedTo, { who: handling.assigned_to }) : words.nobody}{" "}
          {handling.due && late <= 0 && filled(words.due, { time: shortTime(handling.due) })}
          {handling.due && late > 0 && (
            <strong class="drawer-over">{filled(words.overdue, { span: span(late) })}</strong>
          )}{" "}
        </>
      )}
      {judgement &&
        filled(words.judged, {
          verdict: formWords()[`verdict_${judgement.verdict}`],
          who: judgement.by,
          time: shortTime(judgement.time),
        })}
    </p>
  );
}

function Links({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const { alarm } = facts;
  const camera = facts.sensor.value?.camera_url ?? "";
  const opens = /^https?:\/\//i.test(camera);
  return (
    <p class="drawer-links">
      {alarm.longitude !== null && (
        <a href={`/map?alarm=${encodeURIComponent(alarm.alarm)}`} onClick={follow}>
          {words.map}
        </a>
      )}
      {camera && opens && (
        <a href={camera} target="_blank" rel="noopener noreferrer">
          {words.camera} ↗
        </a>
      )}
      {camera && !opens && <span>{filled(words.cameraOther, { url: camera })}</span>}
      {alarm.incident && (
        <a href={`/?view=incidents&incident=${encodeURIComponent(alarm.incident)}`} onClick={follow}>
          {words.incident}
        </a>
      )}
      {alarm.incident && <TimelineOf incident={alarm.incident} />}
    </p>
  );
}
