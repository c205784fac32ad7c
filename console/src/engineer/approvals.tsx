// What waits for a second person: rules, temporary limits, shelves of orange and red; decided here or withdrawn.
import { useSignal } from "@preact/signals";
import { send } from "../api";
import { dateTime, now, span } from "../instant";
import { filled } from "../language";
import { follow } from "../router";
import { me, role } from "../session";
import { SeverityChip } from "../severity";
import type { Severity } from "../types";
import { engineerWords } from "../words/engineer";
import { engineerApprovalWords } from "../words/engineer_approvals";
import { Failure, useAttempt } from "./attempt";
import { Effects } from "./effects";
import { LimitsLine } from "./limits_line";
import { Freshness, usePages } from "./loaded";
import { RequestedPacks } from "./requested_packs";
import { selected } from "./rule_words";
import { TrialResult } from "./trial_result";
import type { ApprovalItem, ApprovalPage, Effect, KeptTrial, Limits, Selector } from "./types";

export function Approvals() {
  const words = engineerApprovalWords();
  const state = useSignal("requested");
  const pages = usePages<ApprovalPage, ApprovalItem>(
    "/approvals",
    { state: state.value, limit: 50 },
    (page) => page.approvals,
    state.value === "requested" ? 10_000 : 0,
  );
  return (
    <section class="engineer-panel" aria-labelledby="engineer-approvals">
      <header>
        <h1 id="engineer-approvals">{words.title}</h1>
        <label>
          {words.state}{" "}
          <select value={state.value} onChange={(event) => (state.value = event.currentTarget.value)}>
            {(["requested", "approved", "rejected", "withdrawn", "expired", "any"] as const).map((one) => (
              <option key={one} value={one}>
                {words[`state_${one}`]}
              </option>
            ))}
          </select>
        </label>
        <Freshness of={pages} />
      </header>
      {pages.first && pages.rows.length === 0 && <p>{words.none}</p>}
      {pages.rows.map((item) => (
        <Approval key={item.approval} item={item} onDecided={pages.again} />
      ))}
      {pages.more && (
        <button type="button" onClick={pages.more}>
          {engineerWords().older}
        </button>
      )}
    </section>
  );
}

function Approval({ item, onDecided }: { item: ApprovalItem; onDecided: () => void }) {
  const words = engineerApprovalWords();
  const kind = words[`kind_${item.kind}` as keyof typeof words] ?? item.kind;
  const waits = item.state === "requested";
  return (
    <article class="engineer-approval" aria-labelledby={`approval-${item.approval}`}>
      <h2 id={`approval-${item.approval}`}>
        {filled(words.number, { number: item.approval })} · {kind} · {item.subject}
        <span class="engineer-mark">{words[`state_${item.state}`]}</span>
      </h2>
      <p>
        {filled(words.askedBy, { by: item.requested_by, at: dateTime(item.requested_at) })}{" "}
        {waits && filled(words.voidIn, { span: span((Date.parse(item.expires_at) - now.value) / 1000) })}
        {item.decided_by && filled(words.decidedBy, { by: item.decided_by, at: dateTime(item.decided_at) })}
        {item.comment && <q>{item.comment}</q>}
      </p>
      <Request item={item} />
      {waits && <Decision item={item} onDecided={onDecided} />}
    </article>
  );
}

function Request({ item }: { item: ApprovalItem }) {
  const words = engineerApprovalWords();
  const request = item.request as Record<string, unknown>;
  const trial = request.trial as KeptTrial | undefined;
  return (
    <>
      {typeof request.reason === "string" && (
        <p>
          {words.reason} <q>{request.reason}</q>
        </p>
      )}
      {item.kind === "rules" && <RequestedPacks request={request} />}
      {item.kind === "temporary_limit" && (
        <>
          <p class="engineer-limits">
            {selected(request.select as Selector)}
            <LimitsLine limits={request.limits as Limits} sign="→" unit={String(request.unit ?? "")} />
            {request.ends_at
              ? filled(words.until, { time: dateTime(String(request.ends_at)) })
              : filled(words.for, { span: span(Number(request.duration_s)) })}
            {request.loosens === true && <strong>{words.loosens}</strong>}
          </p>
          <Effects effects={request.effects as Effect[]} />
        </>
      )}
      {item.kind === "shelve" && (
        <p class="engineer-limits">
          <a href={`/?alarm=${item.subject}`} onClick={follow}>
            {words.toAlarm}
          </a>
          {filled(words.for, { span: span(Number(request.duration_s)) })}
          <SeverityChip level={request.severity_max as Severity} />
        </p>
      )}
      {trial?.not_shown && <p class="engineer-refused">{filled(words.noTrial, { why: trial.not_shown })}</p>}
      {trial?.counts && (
        <details class="engineer-details" open={(trial.judged?.counts.missed_true ?? 0) > 0}>
          <summary>
            {filled(words.trial, {
              gained: trial.counts.added ?? 0,
              lost: trial.counts.removed ?? 0,
              moved: trial.counts.moved ?? 0,
            })}
          </summary>
          <TrialResult answer={trial} />
        </details>
      )}
    </>
  );
}

function Decision({ item, onDecided }: { item: ApprovalItem; onDecided: () => void }) {
  const words = engineerApprovalWords();
  const comment = useSignal("");
  const { sending, failure, attempt } = useAttempt();
  const own = item.requested_by === me.value?.name;
  if (!own && !item.may_decide.includes(role.value))
    return <p class="soft">{filled(words.notYou, { roles: item.may_decide.join(", ") })}</p>;
  const act = (word: "approve" | "reject" | "withdraw") =>
    attempt(async () => {
      await send("POST", `/approvals/${item.approval}/${word}`, { comment: comment.value || null });
      onDecided();
    });
  return (
    <div class="engineer-acts">
      <input
        aria-label={words.comment}
        placeholder={words.comment}
        maxLength={2000}
        value={comment.value}
        onInput={(event) => (comment.value = event.currentTarget.value)}
      />
      {own ? (
        <button type="button" disabled={sending.value} onClick={() => act("withdraw")}>
          {words.withdraw}
        </button>
      ) : (
        <>
          <button type="button" class="main" disabled={sending.value} onClick={() => act("approve")}>
            {words.approve}
          </button>
          <button type="button" disabled={sending.value} onClick={() => act("reject")}>
            {words.reject}
          </button>
        </>
      )}
      {own && <span class="soft">{words.ownRequest}</span>}
      <Failure text={failure.value} />
    </div>
  );
}
