// Temporary limits in force and ended: what they are, until when, by whom; ended before their time by one person.
import { useSignal } from "@preact/signals";
import { send } from "../api";
import { dateTime, now, span } from "../instant";
import { follow } from "../router";
import { may } from "../session";
import { engineerWords } from "../words/engineer";
import { engineerRuleWords } from "../words/engineer_rules";
import { Failure, useAttempt } from "./attempt";
import { LimitsLine } from "./limits_line";
import { Freshness, usePages } from "./loaded";
import { selected } from "./rule_words";
import type { Limits, Selector, TemporaryLimitItem, TemporaryLimitPage } from "./types";

export function TemporaryLimits() {
  const words = engineerRuleWords();
  const ended = useSignal(false);
  const pages = usePages<TemporaryLimitPage, TemporaryLimitItem>(
    "/rules/temporary-limits",
    { limit: 100, ended: ended.value || null },
    (page) => page.temporary_limits,
    15_000,
  );
  return (
    <section class="engineer-panel" aria-labelledby="engineer-limits">
      <header>
        <h1 id="engineer-limits">{words.temporaryLimits}</h1>
        <label class="engineer-check">
          <input
            type="checkbox"
            checked={ended.value}
            onChange={(event) => (ended.value = event.currentTarget.checked)}
          />
          {words.endedToo}
        </label>
        <Freshness of={pages} />
      </header>
      <p class="soft">{words.askLimitAtRule}</p>
      {pages.first && pages.rows.length === 0 && <p>{words.noTemporary}</p>}
      {pages.rows.length > 0 && <LimitsTable limits={pages.rows} onEnded={pages.again} />}
      {pages.more && (
        <button type="button" onClick={pages.more}>
          {engineerWords().older}
        </button>
      )}
    </section>
  );
}

export function LimitsTable({ limits, onEnded }: { limits: TemporaryLimitItem[]; onEnded: () => void }) {
  const words = engineerRuleWords();
  return (
    <table class="engineer-table">
      <thead>
        <tr>
          <th scope="col">{words.rule}</th>
          <th scope="col">{words.limits}</th>
          <th scope="col">{words.ends}</th>
          <th scope="col">{words.reason}</th>
          <th scope="col">{words.byWhom}</th>
          <th scope="col">{engineerWords().act}</th>
        </tr>
      </thead>
      <tbody>
        {limits.map((limit) => (
          <LimitRow key={limit.temporary_limit} limit={limit} onEnded={onEnded} />
        ))}
      </tbody>
    </table>
  );
}

function LimitRow({ limit, onEnded }: { limit: TemporaryLimitItem; onEnded: () => void }) {
  const words = engineerRuleWords();
  const asking = useSignal(false);
  const comment = useSignal("");
  const { failure, attempt } = useAttempt();
  const end = (event: Event) => {
    event.preventDefault();
    return attempt(async () => {
      await send("POST", `/rules/temporary-limits/${limit.temporary_limit}/end`, { comment: comment.value || null });
      asking.value = false;
      onEnded();
    });
  };
  return (
    <tr>
      <td>
        <a href={`/engineer?tab=rules&rule=${limit.rule}`} onClick={follow}>
          {limit.rule}
        </a>
        <div class="soft">{selected(limit.select as Selector)}</div>
      </td>
      <td>
        <LimitsLine limits={limit.limits as Limits} sign="→" unit={limit.unit ?? ""} />
      </td>
      <td>
        {limit.ended_at ? `${dateTime(limit.ended_at)} (${limit.ended_by ?? words.byItself})` : dateTime(limit.ends_at)}
        {!limit.ended_at && (
          <div class="soft">
            {words.left} {span((Date.parse(limit.ends_at) - now.value) / 1000)}
          </div>
        )}
      </td>
      <td>
        {limit.reason}
        {limit.comment && <div class="soft">{limit.comment}</div>}
      </td>
      <td>
        {limit.requested_by} / {limit.approved_by}
      </td>
      <td>
        {!limit.ended_at && may.takeOutOfService() && !asking.value && (
          <button type="button" onClick={() => (asking.value = true)}>
            {words.endLimit}
          </button>
        )}
        {asking.value && (
          <form class="engineer-inline" onSubmit={end}>
            <input
              aria-label={words.comment}
              placeholder={words.comment}
              value={comment.value}
              onInput={(event) => (comment.value = event.currentTarget.value)}
            />
            <button type="submit" class="main">
              {words.endLimit}
            </button>
            <button type="button" onClick={() => (asking.value = false)}>
              {engineerWords().cancel}
            </button>
          </form>
        )}
        <Failure text={failure.value} />
      </td>
    </tr>
  );
}
