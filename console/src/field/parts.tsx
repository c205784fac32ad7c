// What several pages of the phone view show: how old the data is, that it is no permit, readings, ways, alarms.
import { mode } from "../alarm_store";
import { age, clockTime, now, shortTime, span } from "../instant";
import { filled, named } from "../language";
import { follow } from "../router";
import { levelOf, SeverityChip } from "../severity";
import { fieldWords } from "../words/field";
import { stateWords } from "../words/shared";
import { type Asked, reachable, serviceTime } from "./answers";
import { acts } from "./queue";
import { directionOf, distanceOf, propertyOf, withUnit } from "./shown";
import type { BriefAlarm, BriefSensor } from "./types";

/** Older than this is never shown as current, network or not. */
const CURRENT_MS_MAX = 90_000;

/** How old an instant of the service is. */
export const ageAtService = (time: string): string => {
  now.value;
  return span((serviceTime() - new Date(time).getTime()) / 1000);
};

/** Says how old what stands below is, and whether it is only what was known last. */
export function AsOf({ of }: { of: Asked<unknown> }) {
  const words = fieldWords();
  const found = of.shown.value;
  if (!found) {
    if (of.refusal.value) return <Refusal text={of.refusal.value} />;
    return <p class="field-age">{reachable.value ? words.loading : words.noneKept}</p>;
  }
  const old = isOld(of);
  const facts = { time: clockTime(found.at), age: age(found.at) };
  return (
    <>
      {of.refusal.value && <Refusal text={of.refusal.value} />}
      <p class={old ? "field-age old" : "field-age"} role="timer">
        {!reachable.value && <strong>{words.noNetwork} · </strong>}
        {filled(old ? words.old : words.asOf, facts)}
      </p>
    </>
  );
}

export const Refusal = ({ text }: { text: string }) => (
  <p class="field-refusal" role="alert">
    {text}
  </p>
);

/** What is shown is no entry permit. */
export function Permit({ sewer }: { sewer: boolean }) {
  const words = fieldWords();
  return (
    <section class="field-permit" aria-label={words.permitTitle}>
      <strong>{words.permitTitle}</strong>
      <p>{words.permit}</p>
      {sewer && <p>{words.permitSewer}</p>}
    </section>
  );
}

/** Distance and direction, with an arrow for who stands facing north. */
export function Way({ metres, bearing }: { metres: number | null | undefined; bearing: number | null | undefined }) {
  if (metres === null || metres === undefined) return null;
  return (
    <span class="field-way">
      {distanceOf(metres)}
      {bearing !== null && bearing !== undefined && (
        <>
          {" "}
          {directionOf(bearing)}
          <svg viewBox="-12 -12 24 24" aria-hidden="true">
            <path d="M0 -10 L7 9 L0 4 L-7 9 Z" transform={`rotate(${bearing})`} />
          </svg>
        </>
      )}
    </span>
  );
}

export function SensorRow({ sensor, old, tab }: { sensor: BriefSensor; old: boolean; tab: string }) {
  const words = fieldWords();
  return (
    <li>
      <a class="field-row" href={`/field?tab=${tab}&sensor=${encodeURIComponent(sensor.sensor)}`} onClick={follow}>
        <span class="field-name">{sensor.name ?? sensor.sensor}</span>
        <Way metres={sensor.distance_m} bearing={sensor.bearing_deg} />
        <span>{propertyOf(sensor.property)}</span>
        <span class="field-value">
          {old && <small>{words.lastKnown} </small>}
          {withUnit(sensor.value, sensor.unit)}
        </span>
        <span class="field-line">
          {sensor.time && filled(words.measuredAt, { time: shortTime(sensor.time), age: ageAtService(sensor.time) })}
        </span>
        {sensor.doubt && <span class="field-line field-doubt">{words[`doubt_${sensor.doubt}`]}</span>}
      </a>
    </li>
  );
}

type Listed = Pick<BriefAlarm, "alarm" | "sensor" | "state" | "condition" | "raised_at"> & {
  [Name in "class" | "severity" | "step" | "due" | "distance_m" | "bearing_deg"]?: BriefAlarm[Name] | undefined;
};

export function AlarmRow({ alarm, name, tab }: { alarm: Listed; name: string; tab: string }) {
  const words = fieldWords();
  const unsent = acts.value.filter((act) => act.alarm === alarm.alarm && act.state === "pending").length;
  return (
    <li>
      <a class="field-row alarm" href={`/field?tab=${tab}&alarm=${encodeURIComponent(alarm.alarm)}`} onClick={follow}>
        <SeverityChip level={levelOf({ severity: alarm.severity ?? null, class: alarm.class ?? "process" })} />
        <Way metres={alarm.distance_m} bearing={alarm.bearing_deg} />
        <span class="field-name">{name}</span>
        <span class="field-line">
          {stateWords()[alarm.state]} ·{" "}
          {filled(words.measuredAt, { time: shortTime(alarm.raised_at), age: ageAtService(alarm.raised_at) })}
        </span>
        {alarm.step && <span class="field-line">{words[`step_${alarm.step}`]}</span>}
        {alarm.due && (
          <span class="field-line">
            {words.due} <Due due={alarm.due} />
          </span>
        )}
        {unsent > 0 && <span class="field-unsent">{filled(words.pendingCount, { count: unsent })}</span>}
      </a>
    </li>
  );
}

/** Until when the next step is expected, and how much of that is left. */
export function Due({ due }: { due: string }) {
  const words = fieldWords();
  now.value;
  const leftS = (new Date(due).getTime() - serviceTime()) / 1000;
  const left = filled(leftS < 0 ? words.overdue : words.dueIn, { age: span(Math.abs(leftS)) });
  return (
    <span class={leftS < 0 ? "field-overdue" : ""}>
      {shortTime(due)} · {left}
    </span>
  );
}

export const nameOf = (item: { name?: string | null; name_zh?: string | null; sensor: string }): string =>
  named(item.name_zh, item.name, item.sensor);

export const isOld = (of: Asked<unknown>): boolean =>
  !reachable.value || now.value - (of.shown.value?.at ?? 0) > CURRENT_MS_MAX;

/** The mode that is shown, never two together; null until it is known. */
export const shownMode = () => mode.value;
