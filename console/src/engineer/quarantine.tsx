// Messages that could not be used: by reason, with filters in the address, one of them beside.
import { dateTime } from "../instant";
import { filled } from "../language";
import { route, setQuery } from "../router";
import { engineerWords } from "../words/engineer";
import { engineerQuarantineWords } from "../words/engineer_quarantine";
import { Freshness, usePages } from "./loaded";
import { Rejection } from "./rejection";
import { reasonText } from "./rejection_reason";
import type { RejectionItem, RejectionPage } from "./types";

const STATES = ["open", "requested", "replayed", "refused", "discarded"] as const;
const HOURS = [1, 24, 168] as const;
const EVERY_MS = 15_000;
const PAGE_ROWS = 200;

export function Quarantine() {
  const words = engineerQuarantineWords();
  const { query } = route.value;
  const [reason, hours, chosen] = [query.get("reason"), Number(query.get("hours")), Number(query.get("rejection"))];
  const state = query.get("state") ?? "open";
  // whole minutes, so that the question stays the same while it is asked again
  const since = hours ? new Date(Math.floor(Date.now() / 60_000) * 60_000 - hours * 3_600_000).toISOString() : null;
  const pages = usePages<RejectionPage, RejectionItem>(
    "/rejections",
    { reason, state: state === "any" ? null : state, since, limit: PAGE_ROWS },
    (page) => page.rejections,
    EVERY_MS,
  );
  const counts = new Map<string, number>();
  for (const one of pages.rows) counts.set(one.reason, (counts.get(one.reason) ?? 0) + 1);
  return (
    <div class={chosen ? "engineer-two" : "engineer-one"}>
      <section class="engineer-panel" aria-labelledby="engineer-quarantine">
        <header>
          <h1 id="engineer-quarantine">{words.title}</h1>
          <label>
            {words.state}{" "}
            <select value={state} onChange={(event) => setQuery({ state: event.currentTarget.value })}>
              {STATES.map((one) => (
                <option key={one} value={one}>
                  {words[`state_${one}`]}
                </option>
              ))}
              <option value="any">{words.anyState}</option>
            </select>
          </label>
          <label>
            {words.since}{" "}
            <select value={String(hours || "")} onChange={(event) => setQuery({ hours: event.currentTarget.value })}>
              <option value="">{words.always}</option>
              {HOURS.map((one) => (
                <option key={one} value={one}>
                  {filled(words.lastHours, { hours: one })}
                </option>
              ))}
            </select>
          </label>
          <Freshness of={pages} />
        </header>
        <div class="engineer-reasons" role="group" aria-label={words.byReason}>
          {reason && (
            <button type="button" aria-pressed="true" onClick={() => setQuery({ reason: null })}>
              {reasonText(reason)} {counts.get(reason) ?? 0}
              {pages.more ? "+" : ""} ×
            </button>
          )}
          {!reason &&
            [...counts]
              .sort((a, b) => b[1] - a[1])
              .map(([one, count]) => (
                <button type="button" key={one} aria-pressed="false" onClick={() => setQuery({ reason: one })}>
                  {reasonText(one)} {count}
                  {pages.more ? "+" : ""}
                </button>
              ))}
        </div>
        {pages.more && <p class="soft">{filled(words.amongNewest, { count: pages.rows.length })}</p>}
        <Counted page={pages.first} />
        {pages.first && pages.rows.length === 0 && <p>{words.none}</p>}
        {pages.rows.length > 0 && <Table rows={pages.rows} chosen={chosen} />}
        {pages.more && (
          <button type="button" onClick={pages.more}>
            {engineerWords().older}
          </button>
        )}
      </section>
      {chosen > 0 && <Rejection key={chosen} number={chosen} onHandled={pages.again} />}
    </div>
  );
}

/** Floods are counted and not kept: what is listed is not all. */
function Counted({ page }: { page: RejectionPage | null }) {
  const words = engineerQuarantineWords();
  if (!page || page.counted.length === 0) return null;
  return (
    <div class="engineer-refused">
      <strong>{words.counted}</strong>
      <ul class="engineer-lines">
        {page.counted.map((one) => (
          <li key={`${one.reason} ${one.scope}`}>
            {reasonText(one.reason)} {one.scope && <code>{one.scope}</code>}: {one.rejections.toLocaleString()} ·{" "}
            {filled(words.lastAt, { time: dateTime(one.last_minute) })}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Table({ rows, chosen }: { rows: RejectionItem[]; chosen: number }) {
  const words = engineerQuarantineWords();
  return (
    <table class="engineer-table">
      <thead>
        <tr>
          <th scope="col">{words.arrived}</th>
          <th scope="col">{words.reason}</th>
          <th scope="col">{words.topic}</th>
          <th scope="col">{words.detail}</th>
          <th scope="col">{words.state}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((one) => (
          <tr key={one.rejection} class={one.rejection === chosen ? "chosen" : undefined}>
            <td class="engineer-when">
              <button
                type="button"
                class="engineer-link"
                aria-pressed={one.rejection === chosen}
                onClick={() => setQuery({ rejection: one.rejection === chosen ? null : String(one.rejection) }, true)}
              >
                {dateTime(one.arrived_at)}
              </button>
            </td>
            <td>{reasonText(one.reason)}</td>
            <td>
              <code>{one.topic}</code>
            </td>
            <td>{one.detail}</td>
            <td class="engineer-when">{words[`state_${one.state}`]}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
