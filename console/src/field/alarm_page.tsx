// One alarm on site: what and where it is, how far it is dealt with, and what the crew does about it.
import { useSignal, useSignalEffect } from "@preact/signals";
import { type Action, offered } from "../drawer/offered";
import { shortTime } from "../instant";
import { filled } from "../language";
import { follow } from "../router";
import { me, role } from "../session";
import { levelOf, SeverityChip } from "../severity";
import type { Alarm } from "../types";
import { fieldWords } from "../words/field";
import { fieldActWords } from "../words/field_acts";
import { conditionWords, modeWords, stateWords, systemWords } from "../words/shared";
import { ActForm } from "./act_form";
import { ActList } from "./act_list";
import { FIELD_ACTIONS, projected } from "./acts";
import { useKept } from "./answers";
import { AsOf, ageAtService, Due, isOld, nameOf, Permit, Refusal } from "./parts";
import { acts, done, notWritten, told } from "./queue";
import { needsOwnMeasurement, propertyOf, withUnit } from "./shown";
import { isMine, nameOfTask, task } from "./tasks";
import type { Task } from "./types";

/** Acts of who the alarm is assigned to. */
const OF_THE_HOLDER: readonly Action[] = ["accept", "decline", "arrive", "resolve"];
/** Acts that need no form. */
const AT_ONCE: readonly Action[] = ["acknowledge", "accept", "return-to-service"];

export function AlarmPage({ id }: { id: string }) {
  const asked = useKept<Task>(nameOfTask(id), () => task(id));
  useSignalEffect(() => {
    if (told.value > 0) asked.again();
  });
  const found = asked.shown.value?.data;
  const knownAt = asked.shown.value?.at ?? 0;
  const heading = found ? nameOf(found.alarm) : id;
  return (
    <>
      <h1>{heading}</h1>
      <AsOf of={asked} />
      {found && (
        <>
          <Facts found={found} knownAt={knownAt} old={isOld(asked)} />
          {needsOwnMeasurement(found.sensor?.property ?? "", found.alarm.system) && (
            <Permit sewer={found.alarm.system !== "gas"} />
          )}
          <Actions found={found} knownAt={knownAt} />
        </>
      )}
      <ActList
        acts={acts.value.filter((act) => act.alarm === id && act.name === me.value?.name)}
        title={fieldActWords().actsTitle}
        withPlace={false}
      />
    </>
  );
}

function Facts({ found, knownAt, old }: { found: Task; knownAt: number; old: boolean }) {
  const { alarm, sensor, latest } = found;
  const words = fieldWords();
  const waits = projected(alarm, acts.value, me.value?.name ?? "", knownAt);
  const step = alarm.handling?.step;
  const unit = latest?.unit ?? "";
  const handledBy = alarm.handling?.assigned_to;
  return (
    <>
      <p>
        <SeverityChip level={levelOf(alarm)} />
        {alarm.mode !== "operational" && <strong class="field-mode">{modeWords()[alarm.mode]}</strong>}
      </p>
      <dl class="field-facts">
        <dt>{words.state}</dt>
        <dd>
          {stateWords()[alarm.state]} · {conditionWords()[alarm.condition]}
        </dd>
        <dt>{words.raised}</dt>
        <dd>
          {shortTime(alarm.raised_at)} ({ageAtService(alarm.raised_at)})
        </dd>
        <dt>{words.step}</dt>
        <dd>
          {step ? words[`step_${step}`] : words.nobody}
          {waits.handling && waits.handling.step !== step && (
            <strong class="field-unsent">
              {" "}
              {filled(words.projectedStep, { step: words[`step_${waits.handling.step}`] })}
            </strong>
          )}
          {handledBy && ` · ${words.assignedTo} ${handledBy}`}
          {alarm.handling?.resolved_by && ` · ${words.resolvedBy} ${alarm.handling.resolved_by}`}
        </dd>
        {alarm.handling?.due && (
          <>
            <dt>{words.due}</dt>
            <dd>
              <Due due={alarm.handling.due} />
            </dd>
          </>
        )}
        {alarm.kind === "threshold" && alarm.value !== null && (
          <>
            <dt>{words.value}</dt>
            <dd>
              {withUnit(alarm.value, unit)} ({filled(words.limit, { limit: withUnit(alarm.limit, unit) })})
            </dd>
          </>
        )}
        <dt>{latest ? propertyOf(latest.property) : words.sensors}</dt>
        <dd>
          <Latest found={found} old={old} />
        </dd>
        <dt>{words.place}</dt>
        <dd>
          {[
            systemWords()[alarm.system as keyof ReturnType<typeof systemWords>] ?? alarm.system,
            alarm.city,
            alarm.district,
          ]
            .filter(Boolean)
            .join(" · ")}
          {sensor?.asset && ` · ${words.asset} ${sensor.asset}`}
          {alarm.longitude !== null && alarm.latitude !== null && (
            <span>
              {" "}
              {alarm.longitude.toFixed(5)}, {alarm.latitude.toFixed(5)}
            </span>
          )}
        </dd>
      </dl>
    </>
  );
}

function Latest({ found, old }: { found: Task; old: boolean }) {
  const words = fieldWords();
  const { alarm, latest } = found;
  const link = `/field?tab=near&sensor=${encodeURIComponent(alarm.sensor)}`;
  return (
    <a class="field-row" href={link} onClick={follow}>
      <span class="field-value">
        {old && <small>{words.lastKnown} </small>}
        {withUnit(latest?.reading?.value, latest?.unit ?? "")}
      </span>
      {latest?.reading && (
        <span>
          {filled(words.measuredAt, { time: shortTime(latest.reading.time), age: ageAtService(latest.reading.time) })}
        </span>
      )}
      {latest?.freshness === "silent" && <span class="field-doubt">{words.doubt_silent}</span>}
      {(!latest || latest.freshness === "never_heard") && <span class="field-doubt">{words.doubt_never_heard}</span>}
      {latest?.bad_readings && <span class="field-doubt">{words.doubt_bad}</span>}
    </a>
  );
}

function Actions({ found, knownAt }: { found: Task; knownAt: number }) {
  const words = fieldActWords();
  const open = useSignal<Action | null>(null);
  const failed = useSignal("");
  const name = me.value?.name ?? "";
  const alarm: Alarm = projected(found.alarm, acts.value, name, knownAt);
  const mayHold = role.value !== "field" || isMine(alarm);
  const possible = offered(alarm, role.value, name);
  const shown = FIELD_ACTIONS.filter(
    (action) => possible.includes(action) && (mayHold || !OF_THE_HOLDER.includes(action)),
  );
  const write = async (action: Action, body: Record<string, unknown>, position?: readonly [number, number]) => {
    try {
      await done(alarm, nameOf(alarm), action, body, position);
      open.value = null;
      failed.value = "";
    } catch (error) {
      failed.value = filled(words.notKept, { reason: String(error) });
    }
  };
  const choose = (action: Action) => {
    if (AT_ONCE.includes(action)) write(action, {});
    else open.value = action;
  };
  if (shown.length === 0) return <p>{words.noActs}</p>;
  return (
    <section class="field-actions" aria-label={words.actions}>
      {notWritten.value && <Refusal text={filled(words.notKept, { reason: notWritten.value })} />}
      {failed.value && <Refusal text={failed.value} />}
      {open.value && shown.includes(open.value) ? (
        <ActForm
          key={open.value}
          action={open.value}
          task={found}
          write={(body, position) => write(open.value as Action, body, position)}
          cancel={() => (open.value = null)}
        />
      ) : (
        shown.map((action, place) => (
          <button type="button" key={action} class={place === 0 ? "main" : ""} onClick={() => choose(action)}>
            {words[`act_${action}` as "act_accept"]}
          </button>
        ))
      )}
    </section>
  );
}
