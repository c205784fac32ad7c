// The audit: who did what, and what was refused; filters are the address.
import { fullTime } from "../instant";
import { route, setQuery } from "../router";
import { engineerWords } from "../words/engineer";
import { engineerAccessWords } from "../words/engineer_access";
import { COMMANDS } from "./commands";
import { Freshness, usePages } from "./loaded";
import type { AuditEntry, AuditPage } from "./types";

export function Audit() {
  const words = engineerAccessWords();
  const { query } = route.value;
  const [actor, outcome] = [query.get("actor"), query.get("outcome")];
  const pages = usePages<AuditPage, AuditEntry>("/audit", { actor, outcome, limit: 100 }, (page) => page.entries);
  return (
    <section class="engineer-panel" aria-labelledby="engineer-audit">
      <header>
        <h1 id="engineer-audit">{words.audit}</h1>
        <label>
          {words.actor}{" "}
          <input value={actor ?? ""} onChange={(event) => setQuery({ actor: event.currentTarget.value.trim() })} />
        </label>
        <label>
          {words.outcome}{" "}
          <select value={outcome ?? ""} onChange={(event) => setQuery({ outcome: event.currentTarget.value })}>
            <option value="">{words.anyOutcome}</option>
            <option value="done">{words.done}</option>
            <option value="refused">{words.refused}</option>
          </select>
        </label>
        <Freshness of={pages} />
      </header>
      <table class="engineer-table">
        <thead>
          <tr>
            <th scope="col" class="number">
              {words.sequence}
            </th>
            <th scope="col">{words.time}</th>
            <th scope="col">{words.actor}</th>
            <th scope="col">{words.address}</th>
            <th scope="col">{words.action}</th>
            <th scope="col">{words.subject}</th>
            <th scope="col">{words.outcome}</th>
            <th scope="col">{words.details}</th>
          </tr>
        </thead>
        <tbody>
          {pages.rows.map((one) => (
            <tr key={one.sequence}>
              <td class="number">{one.sequence}</td>
              <td class="engineer-when">{fullTime(one.recorded_at)}</td>
              <td>{one.actor}</td>
              <td>{one.address ?? "–"}</td>
              <td>
                <code>{one.action}</code>
              </td>
              <td>{one.subject}</td>
              <td>{one.outcome === "refused" ? <strong>▲ {words.refused}</strong> : words.done}</td>
              <td>
                {Object.entries(one.details)
                  .map(([name, value]) => `${name}: ${value}`)
                  .join("; ")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {pages.first && pages.rows.length === 0 && <p>{words.noEntries}</p>}
      {pages.more && (
        <button type="button" onClick={pages.more}>
          {engineerWords().older}
        </button>
      )}
      <p class="soft">
        {words.verifyBy} <code>{COMMANDS.verifyAudit}</code>
      </p>
    </section>
  );
}
