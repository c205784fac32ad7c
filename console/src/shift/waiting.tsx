// What waits at a position: alarms nobody acknowledged, work that is overdue, approvals, suppressions that end.
import { alarms, changed, loaded, mode } from "../alarm_store";
import { read, send } from "../api";
import type { components } from "../generated/api";
import { age, dateTime, now, shortTime, span } from "../instant";
import { filled, named } from "../language";
import { districtName, ruleName } from "../names";
import { follow } from "../router";
import { me, role } from "../session";
import { levelOf, rankOf, SeverityChip } from "../severity";
import type { Alarm } from "../types";
import { roleWords, stateWords } from "../words/shared";
import { shiftWords } from "../words/shift";
import { useAnswer } from "./answered";
import { Failed, NotYet, Outcome, Part, useAct } from "./parts";
import { type Position, takes } from "./positions";

type Schemas = components["schemas"];
const EVERY_MS = 30_000;
const SHIFT_MS = 8 * 3_600_000;
const SHOWN = 12;
const STEPS = ["assigned", "accepted", "declined", "arrived", "resolved"];

export function Waiting({ position, all }: { position: Position; all: readonly Position[] }) {
  const words = shiftWords();
  changed.value;
  const mine = (place: { city: string; system: string; district: string }) => takes(position, all, place);
  const unacknowledged = [...alarms.values()]
    .filter((alarm) => alarm.state.endsWith("unacknowledged") && mine(alarm))
    .sort(
      (one, other) => rankOf(levelOf(other)) - rankOf(levelOf(one)) || one.raised_at.localeCompare(other.raised_at),
    );
  const about = [position.position, mode.value];
  const asked = { city: position.city, mode: mode.value, limit: 500 };
  const work = useAnswer(
    (stop) => read<Schemas["AlarmPage"]>("/alarms", { ...asked, handling: STEPS }, stop),
    about,
    EVERY_MS,
  );
  const suppressions = useAnswer(
    (stop) => read<Schemas["SuppressionPage"]>("/suppressions", { city: position.city, limit: 500 }, stop),
    about,
    EVERY_MS,
  );
  const approvals = useAnswer(
    (stop) => read<Schemas["ApprovalPage"]>("/approvals", { limit: 100 }, stop),
    about,
    EVERY_MS,
  );
  const warnings = useAnswer(
    (stop) =>
      read<Schemas["WarningPage"]>("/warnings", { city: position.city, mode: mode.peek(), standing: true }, stop),
    about,
    EVERY_MS,
  );
  const drafts = (warnings.value?.warnings ?? []).filter((one) => one.pending !== null).length;
  const overdue = (work.value?.alarms ?? [])
    .filter((alarm) => mine(alarm) && alarm.handling?.due && Date.parse(alarm.handling.due) < now.value + SHIFT_MS)
    .sort((one, other) => (one.handling?.due ?? "").localeCompare(other.handling?.due ?? ""));
  const ending = (suppressions.value?.suppressions ?? [])
    .filter((one) => mine(one) && one.mode === mode.value && endOf(one) < now.value + SHIFT_MS)
    .sort((one, other) => endOf(one) - endOf(other));
  const requested = (approvals.value?.approvals ?? []).filter((one) => one.city === null || one.city === position.city);
  return (
    <div>
      <Part title={filled(words.unacknowledgedNow, { count: unacknowledged.length })}>
        {unacknowledged.length === 0 ? (
          <p class="soft">{loaded.value ? words.noneUnacknowledged : words.asking}</p>
        ) : (
          <ul class="shift-list">
            {unacknowledged.slice(0, SHOWN).map((alarm) => (
              <AlarmLine
                key={alarm.alarm}
                alarm={alarm}
                tell={`${shortTime(alarm.raised_at)} · ${age(alarm.raised_at)}`}
              />
            ))}
          </ul>
        )}
        {unacknowledged.length > SHOWN && (
          <p>
            <a href="/" onClick={follow}>
              {filled(words.moreInList, { count: unacknowledged.length - SHOWN })}
            </a>
          </p>
        )}
      </Part>
      <Part title={words.workDue}>
        <Failed answer={work} />
        <NotYet answer={work} />
        {work.value && overdue.length === 0 && <p class="soft">{words.noneDue}</p>}
        <ul class="shift-list">
          {overdue.map((alarm) => (
            <AlarmLine key={alarm.alarm} alarm={alarm as Alarm} tell={dueOf(alarm as Alarm)} />
          ))}
        </ul>
      </Part>
      <Part title={words.approvals}>
        <Failed answer={approvals} />
        <NotYet answer={approvals} />
        {approvals.value && requested.length === 0 && <p class="soft">{words.noApprovals}</p>}
        <Failed answer={warnings} />
        {drafts > 0 && (
          <p>
            <a href="/shift?part=warnings" onClick={follow}>
              {filled(words.warningsWait, { count: drafts })}
            </a>
          </p>
        )}
        <ul class="shift-list">
          {requested.map((one) => (
            <Approval key={one.approval} approval={one} again={approvals.again} />
          ))}
        </ul>
      </Part>
      <Part title={words.ending}>
        <Failed answer={suppressions} />
        <NotYet answer={suppressions} />
        {suppressions.value && ending.length === 0 && <p class="soft">{words.noneEnding}</p>}
        <ul class="shift-list">
          {ending.map((one) => (
            <li key={one.suppression}>
              <strong>{stateWords()[one.kind]}</strong> {one.rule ? ruleName(one.rule) : words.allRules} ·{" "}
              {named(one.name_zh, one.name, one.sensor)} · {one.reason}{" "}
              <span class={endOf(one) < now.value ? "shift-late" : "soft"}>
                {one.ends_at
                  ? filled(words.until, { time: shortTime(one.ends_at) })
                  : filled(one.review_overdue ? words.reviewOverdue : words.reviewAt, {
                      time: dateTime(one.review_at),
                    })}
              </span>
            </li>
          ))}
        </ul>
      </Part>
    </div>
  );
}

const endOf = (one: Schemas["SuppressionItem"]): number => Date.parse(one.ends_at ?? one.review_at ?? "9999-01-01");

function dueOf(alarm: Alarm): string {
  const words = shiftWords();
  const due = Date.parse(alarm.handling?.due ?? "");
  const who = alarm.handling?.assigned_to ?? "";
  const left = (due - now.value) / 1000;
  const told = left < 0 ? filled(words.overdueBy, { span: span(-left) }) : filled(words.dueIn, { span: span(left) });
  return [words[`step_${alarm.handling?.step ?? "assigned"}`], who, told].filter(Boolean).join(" · ");
}

function AlarmLink({ alarm }: { alarm: Alarm }) {
  const place = [districtName(alarm.city, alarm.district), named(alarm.name_zh, alarm.name, alarm.sensor)];
  return (
    <a href={`/?alarm=${encodeURIComponent(alarm.alarm)}`} onClick={follow}>
      <SeverityChip level={levelOf(alarm)} short /> {ruleName(alarm.rule)} · {place.filter(Boolean).join(" · ")}
    </a>
  );
}

const AlarmLine = ({ alarm, tell }: { alarm: Alarm; tell: string }) => (
  <li>
    <AlarmLink alarm={alarm} /> <span class="soft">{tell}</span>
  </li>
);

/** A request for a second person, with the two answers where this person may give them. */
function Approval({ approval, again }: { approval: Schemas["ApprovalItem"]; again: () => void }) {
  const words = shiftWords();
  const act = useAct();
  const mayDecide = approval.may_decide.includes(role.value) && approval.requested_by !== me.value?.name;
  const isNamed = loaded.value; // nobody decides on what is not named yet, nor presses what is about to move
  const decide = (answer: "approve" | "reject") =>
    act.send({ approval: approval.approval, answer }, async () => {
      await send("POST", `/approvals/${approval.approval}/${answer}`, {});
      again();
      return words.decided;
    });
  const kind = words[`approval_${approval.kind}` as keyof typeof words] ?? approval.kind;
  const subject = alarms.get(approval.subject);
  const reason = typeof approval.request.reason === "string" ? approval.request.reason : "";
  return (
    <li>
      <strong>{kind}</strong> {subject ? <AlarmLink alarm={subject} /> : approval.subject} {reason && `· ${reason}`}{" "}
      <span class="soft">
        {filled(words.requestedBy, { by: approval.requested_by, time: shortTime(approval.expires_at) })}
      </span>
      {mayDecide ? (
        <span class="shift-actions">
          <button type="button" disabled={act.sending || !isNamed} onClick={() => decide("approve")}>
            {words.approve}
          </button>
          <button type="button" disabled={act.sending || !isNamed} onClick={() => decide("reject")}>
            {words.reject}
          </button>
        </span>
      ) : (
        <span class="soft">
          {filled(words.decidedBy, {
            roles: approval.may_decide
              .map((one) => roleWords()[one as keyof ReturnType<typeof roleWords>] ?? one)
              .join("/"),
          })}
        </span>
      )}
      <Outcome act={act} />
    </li>
  );
}
