// Warnings: drafted here, approved by another person, cancelled; what one says is shown before anybody approves it.
import { useSignal } from "@preact/signals";
import { alarms, changed, mode } from "../alarm_store";
import { read, send } from "../api";
import type { components } from "../generated/api";
import { dateTime } from "../instant";
import { filled, language, named } from "../language";
import { districtName, ruleName } from "../names";
import { may, me, role } from "../session";
import { levelOf, rankOf, SEVERITIES, SeverityChip } from "../severity";
import type { Alarm, Severity } from "../types";
import { severityWords, systemWords } from "../words/shared";
import { warningWords } from "../words/shift_warnings";
import { useAnswer } from "./answered";
import { Failed, NotYet, Outcome, Part, useAct } from "./parts";

type Warning = components["schemas"]["WarningItem"];
type Content = components["schemas"]["WarningContent"];
const EVERY_MS = 20_000;
const OFFERED_MAX = 200;
const HOURS = [1, 3, 6, 12, 24] as const;

export function Warnings() {
  const words = warningWords();
  const all = useSignal(false);
  const answer = useAnswer(
    (stop) =>
      read<components["schemas"]["WarningPage"]>(
        "/warnings",
        { mode: mode.peek(), standing: !all.peek(), limit: 100 },
        stop,
      ),
    [mode.value, all.value],
    EVERY_MS,
  );
  return (
    <div class="shift-columns">
      <Part title={words.list}>
        <label class="shift-check">
          <input type="checkbox" checked={all.value} onChange={(event) => (all.value = event.currentTarget.checked)} />
          {words.ended}
        </label>
        <Failed answer={answer} />
        <NotYet answer={answer} />
        {answer.value?.warnings.length === 0 && <p class="soft">{words.none}</p>}
        {(answer.value?.warnings ?? []).map((one) => (
          <WarningView key={one.warning} warning={one} again={answer.again} />
        ))}
      </Part>
      <Part title={words.make}>
        {may.desk() ? <Draft again={answer.again} /> : <p class="soft">{words.deskOnly}</p>}
      </Part>
    </div>
  );
}

function WarningView({ warning, again }: { warning: Warning; again: () => void }) {
  const words = warningWords();
  const act = useAct();
  const comment = useSignal("");
  const content = warning.pending?.content ?? warning.content;
  const author = warning.pending?.authors.includes(me.value?.name ?? "") ?? false;
  const decides = warning.pending !== null && role.value === "supervisor" && !author;
  const stands = ["drafted", "issued", "update_drafted", "cancel_drafted"].includes(warning.state);
  const send_ = (what: "approve" | "reject" | "cancel") =>
    act.send({ warning: warning.warning, version: warning.version, what, comment: comment.value }, async (key) => {
      const body = { version: warning.version, comment: comment.value.trim() || null };
      await send("POST", `/warnings/${encodeURIComponent(warning.warning)}/${what}`, body, key);
      comment.value = "";
      again();
      return words[`done_${what}`];
    });
  return (
    <article class="shift-warning">
      <h3>
        {content?.colour && <SeverityChip level={content.colour} />} {headline(content)}
      </h3>
      <p>
        <strong>{words[`state_${warning.state}`]}</strong> ·{" "}
        {words[`scope_${warning.scope}` as "scope_Public"] ?? warning.scope} ·{" "}
        {systemWords()[warning.system as "gas"] ?? warning.system} · {districtName(warning.city, warning.district)} ·{" "}
        {warning.warning}
      </p>
      <p class="soft">
        {filled(words.changed, { by: warning.changed_by, time: dateTime(warning.changed_at) })}
        {warning.expires_at && ` · ${filled(words.expires, { time: dateTime(warning.expires_at) })}`}
        {warning.pending && ` · ${filled(words.authors, { authors: warning.pending.authors.join(", ") })}`}
      </p>
      {content && (
        <details open={warning.pending !== null}>
          <summary>{words.text}</summary>
          {content.infos.map((info) => (
            <dl class="shift-info" key={String(info.language)} lang={String(info.language)}>
              {(["headline", "description", "instruction"] as const).map((part) =>
                info[part] ? <dd key={part}>{String(info[part])}</dd> : null,
              )}
            </dl>
          ))}
        </details>
      )}
      {stands && may.desk() && (
        <p class="shift-actions">
          <input
            aria-label={words.comment}
            placeholder={words.comment}
            value={comment.value}
            onInput={(event) => (comment.value = event.currentTarget.value)}
          />
          {decides && (
            <>
              <button type="button" class="main" disabled={act.sending} onClick={() => send_("approve")}>
                {words.approve}
              </button>
              <button type="button" disabled={act.sending} onClick={() => send_("reject")}>
                {words.reject}
              </button>
            </>
          )}
          <button type="button" disabled={act.sending || !comment.value.trim()} onClick={() => send_("cancel")}>
            {warning.state === "drafted" ? words.withdraw : words.cancel}
          </button>
        </p>
      )}
      {warning.pending && !decides && <p class="soft">{author ? words.ownDraft : words.waits}</p>}
      <Outcome act={act} />
    </article>
  );
}

/** What a message is headed in the reader's language. */
function headline(content: Content | null): string {
  const infos = content?.infos ?? [];
  const mine = infos.find((info) => String(info.language).startsWith(language.value)) ?? infos[0];
  return String(mine?.headline ?? "");
}

function Draft({ again }: { again: () => void }) {
  const words = warningWords();
  changed.value;
  const act = useAct();
  const alarm = useSignal("");
  const level = useSignal<Severity | "">("");
  const scope = useSignal<"Restricted" | "Public">("Restricted");
  const hours = useSignal<number>(6);
  const offered = [...alarms.values()]
    .filter((one) => one.class === "process" && one.severity !== null)
    .sort((one, other) => rankOf(levelOf(other)) - rankOf(levelOf(one)) || other.raised_at.localeCompare(one.raised_at))
    .slice(0, OFFERED_MAX);
  const submit = async (event: Event) => {
    event.preventDefault();
    const body = {
      alarm: alarm.value,
      scope: scope.value,
      valid_s: hours.value * 3600,
      ...(level.value && { level: level.value }),
    };
    const isDone = await act.send(body, async (key) => {
      const made = await send<components["schemas"]["WarningStep"]>("POST", "/warnings", body, key);
      return filled(words.drafted, { warning: made.warning });
    });
    if (isDone) again();
  };
  return (
    <form class="shift-form" onSubmit={submit}>
      <label>
        {words.alarm}
        <select required value={alarm.value} onChange={(event) => (alarm.value = event.currentTarget.value)}>
          <option value="">{words.chooseAlarm}</option>
          {offered.map((one) => (
            <option key={one.alarm} value={one.alarm}>
              {told(one)}
            </option>
          ))}
        </select>
      </label>
      <div class="shift-row">
        <label>
          {words.level}
          <select value={level.value} onChange={(event) => (level.value = event.currentTarget.value as Severity)}>
            <option value="">{words.ownLevel}</option>
            {SEVERITIES.map((one) => (
              <option key={one} value={one}>
                {severityWords()[one]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {words.scope}
          <select value={scope.value} onChange={(event) => (scope.value = event.currentTarget.value as "Public")}>
            <option value="Restricted">{words.scope_Restricted}</option>
            <option value="Public">{words.scope_Public}</option>
          </select>
        </label>
        <label>
          {words.valid}
          <select value={String(hours.value)} onChange={(event) => (hours.value = Number(event.currentTarget.value))}>
            {HOURS.map((one) => (
              <option key={one} value={String(one)}>
                {filled(words.hours, { hours: one })}
              </option>
            ))}
          </select>
        </label>
      </div>
      <p class="soft">{words.written}</p>
      <p class="shift-actions">
        <button type="submit" class="main" disabled={act.sending || !alarm.value}>
          {words.draft}
        </button>
      </p>
      <Outcome act={act} />
    </form>
  );
}

function told(alarm: Alarm): string {
  const place = [districtName(alarm.city, alarm.district), named(alarm.name_zh, alarm.name, alarm.sensor)];
  return `${severityWords()[levelOf(alarm)]} ${ruleName(alarm.rule)} · ${place.filter(Boolean).join(" · ")}`;
}
