// Incidents that are open: the probable cause first, and the alarms of the one that is opened with the reason for each.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { mode } from "../alarm_store";
import { messageOf, read } from "../api";
import type { components } from "../generated/api";
import { fullTime, shortTime } from "../instant";
import { filled, language, named } from "../language";
import { route, setQuery } from "../router";
import { rankOf, SeverityChip } from "../severity";
import type { AlarmClass, Severity, State } from "../types";
import { columnWords, incidentWords } from "../words/alarms";
import { stateWords } from "../words/shared";
import { systemName } from "./alarm_row";
import { ruleTitle } from "./rule_names";
import { asked } from "./shown";
import { TimelineOf } from "./timeline";

const EVERY_MS = 10_000;
const INCIDENTS_MAX = 200;
type Incident = components["schemas"]["IncidentItem"];
interface Member {
  alarm: string;
  rule: string;
  sensor: string;
  name: string | null;
  name_zh: string | null;
  class: AlarmClass;
  state: State | null;
  severity: Severity | null;
  time: string;
  standing: boolean;
  reason: { words: Record<"zh" | "en", string> };
}

/** Read again and again while it is shown; `words` is why it could not be. */
function useRead<T>(path: string, parameters: Record<string, string | number | null>) {
  const answer = useSignal<T | null>(null);
  const failure = useSignal("");
  const name = JSON.stringify([path, parameters]);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const ask = () => {
      read<T>(path, parameters, stop.signal)
        .then((found) => {
          answer.value = found;
          failure.value = "";
        })
        .catch((error: unknown) => {
          if (!stop.signal.aborted) failure.value = messageOf(error);
        })
        .finally(() => {
          if (!stop.signal.aborted) timer = window.setTimeout(ask, EVERY_MS);
        });
    };
    answer.value = null;
    ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [name]);
  return { answer: answer.value, failure: failure.value };
}

export function Incidents() {
  const words = incidentWords();
  const { filters } = asked.value;
  const chosen = route.value.query.get("incident");
  const wanted = { mode: mode.value, state: "open", system: filters.system, city: filters.city, limit: INCIDENTS_MAX };
  const { answer, failure } = useRead<{ incidents: Incident[] }>("/incidents", wanted);
  const levels = filters.severity.split(",").filter(Boolean);
  const found = answer?.incidents
    .filter((one) => levels.length === 0 || levels.includes(one.severity ?? "instrument"))
    .sort(inOrder);
  return (
    <section class="incidents" aria-label={words.title}>
      {failure && <p role="alert">{filled(words.failed, { reason: failure })}</p>}
      {!answer && !failure && <p>{words.loading}</p>}
      {found?.length === 0 && <p>{words.none}</p>}
      {found && found.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span class="unseen">{columnWords().severity}</span>
              </th>
              <th scope="col">{words.cause}</th>
              <th scope="col">{words.systems}</th>
              <th scope="col" class="number">
                {words.count}
              </th>
              <th scope="col">{words.opened}</th>
              <th scope="col">{words.newest}</th>
            </tr>
          </thead>
          <tbody>
            {found.map((one) => (
              <IncidentRow key={one.incident} one={one} isOpen={one.incident === chosen} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** The gravest first, then the largest; as the service has them, the newest first, where they are alike. */
function inOrder(one: Incident, other: Incident): number {
  const ranks = rankOf(other.severity ?? "instrument") - rankOf(one.severity ?? "instrument");
  return ranks || other.members_total - one.members_total;
}

function IncidentRow({ one, isOpen }: { one: Incident; isOpen: boolean }) {
  const cause = one.probable_cause.words;
  return (
    <>
      <tr class={isOpen ? "open" : ""}>
        <td>
          <SeverityChip level={one.severity ?? "instrument"} short />
        </td>
        <th scope="row">
          <button
            type="button"
            aria-expanded={isOpen}
            onClick={() => setQuery({ incident: isOpen ? null : one.incident })}
          >
            <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {named(cause.zh, cause.en, one.incident)}
          </button>
        </th>
        <td>{one.systems.map(systemName).join(" · ")}</td>
        <td class="number">
          {one.standing} / {one.members_total}
        </td>
        <td title={fullTime(one.opened_at)}>{shortTime(one.opened_at)}</td>
        <td title={fullTime(one.newest_at)}>{shortTime(one.newest_at)}</td>
      </tr>
      {isOpen && (
        <tr class="members">
          <td />
          <td colSpan={5}>
            <Members incident={one.incident} />
          </td>
        </tr>
      )}
    </>
  );
}

function Members({ incident }: { incident: string }) {
  const words = incidentWords();
  const { answer, failure } = useRead<{ members: Member[]; reports: Record<string, unknown>[] }>(
    `/incidents/${encodeURIComponent(incident)}`,
    {},
  );
  if (failure) return <p role="alert">{filled(words.failed, { reason: failure })}</p>;
  if (!answer) return <p>{words.loading}</p>;
  return (
    <>
      <button
        type="button"
        onClick={() => setQuery({ view: null, incident: null, q: incident, folded: "shown" }, true)}
      >
        {words.showAlarms}
      </button>{" "}
      <TimelineOf incident={incident} />
      <ul aria-label={words.membersOf}>
        {answer.members.map((one) => (
          <li key={one.alarm}>
            <button type="button" class="member" onClick={() => setQuery({ alarm: one.alarm }, true)}>
              <SeverityChip level={one.severity ?? (one.class === "process" ? "none" : one.class)} short />{" "}
              {named(one.name_zh, one.name, one.sensor)} · {ruleTitle(one.rule)}
            </button>{" "}
            <span>{one.state ? stateWords()[one.state] : ""}</span>{" "}
            <span class="soft">
              {shortTime(one.time)} · {one.reason.words[language.value]}
            </span>
          </li>
        ))}
      </ul>
      {answer.reports.length > 0 && (
        <p class="soft">
          {words.reports}: {answer.reports.length}
        </p>
      )}
    </>
  );
}
