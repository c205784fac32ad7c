// What came of a trial: counts, charts over time, figures before and after, and a line for each rule and sensor.
import { useSignal } from "@preact/signals";
import { dateTime, fullTime, span } from "../instant";
import { filled } from "../language";
import { follow } from "../router";
import { SeverityChip } from "../severity";
import type { Severity } from "../types";
import { engineerTrialWords } from "../words/engineer_trial";
import { buckets, CHANGES, type Change, type Changed, changesOf, lostBySeverity, type Row, rowsOf } from "./difference";
import { DifferenceChart } from "./difference_chart";
import { Judged } from "./judged";
import { PositionLoads } from "./position_load";
import type { KeptTrial, TriedOccurrence } from "./types";

/** What goes up and down in a chart, and the lists of the answer that it is made of. */
const PAIRS: [Change, Change, ...Listed[]][] = [
  ["gained", "lost", "added", "removed"],
  ["earlier", "later", "moved"],
  ["graver", "milder", "changed_peak"],
];
type Listed = "added" | "removed" | "moved" | "changed_peak";
const isCut = (answer: KeptTrial, list: Listed) => answer[list].length < (answer.counts[list] ?? 0);
const ROWS_SHOWN = 100;
const ALARMS_SHOWN = 50;
const FIGURES = [
  "annunciated",
  "annunciated_per_hour",
  "per_10_minutes_mean",
  "per_10_minutes_peak",
  "flood_share",
  "ten_alarms_share",
  "standing",
  "standing_peak",
] as const;

/** Trials that were kept before the judged alarms and the positions were told of do not have these. */
export function TrialResult({ answer, tookMs }: { answer: KeptTrial; tookMs?: number }) {
  const words = engineerTrialWords();
  const changes = changesOf(answer);
  const [fromMs, toMs] = [Date.parse(answer.from), Date.parse(answer.to)];
  const bars = buckets(changes, fromMs, toMs);
  const lost = lostBySeverity(changes);
  const whole = {
    added: "gained",
    removed: "lost",
    moved: "moved",
    changed_peak: "peaks",
    changed_return: "returns",
    unchanged: "unchanged",
  } as const;
  const told =
    answer.added.length +
    answer.removed.length +
    answer.moved.length +
    answer.changed_peak.length +
    answer.changed_return.length;
  const all = Object.entries(answer.counts).reduce((sum, [name, count]) => sum + (name === "unchanged" ? 0 : count), 0);
  return (
    <div class="engineer-result">
      <p>
        {filled(words.covered, {
          from: fullTime(answer.from),
          to: fullTime(answer.to),
          readings: answer.readings.toLocaleString(),
        })}
        {tookMs !== undefined && ` ${filled(words.took, { span: span(tookMs / 1000) })}`}
      </p>
      {answer.readings === 0 && (
        <p role="alert" class="engineer-refused">
          {words.noReadings}
        </p>
      )}
      {answer.readings_missing > 0 && (
        <p role="alert" class="engineer-refused">
          {filled(words.missing, { count: answer.readings_missing.toLocaleString() })}
        </p>
      )}
      {answer.judged && <Judged judged={answer.judged} />}
      {told < all && <p class="engineer-refused">{filled(words.cut, { told, all })}</p>}
      <dl class="engineer-counts">
        {(Object.keys(whole) as (keyof typeof whole)[]).map((name) => (
          <div key={name} data-count={name}>
            <dt>{words[whole[name]]}</dt>
            <dd>{answer.counts[name] ?? 0}</dd>
          </div>
        ))}
      </dl>
      {lost.length > 0 && (
        <p class="engineer-limits">
          <strong>{words.lostWere}</strong>
          {lost.map(([level, count]) => (
            <span key={level}>
              <SeverityChip level={level} /> {count}
              {isCut(answer, "removed") && "+"}
            </span>
          ))}
        </p>
      )}
      {PAIRS.map(([up, down, ...lists]) => {
        const any = changes.some((one) => one.change === up || one.change === down);
        return any && !lists.some((list) => isCut(answer, list)) ? (
          <DifferenceChart key={up} buckets={bars} fromMs={fromMs} toMs={toMs} up={up} down={down} />
        ) : null;
      })}
      {changes.length === 0 && <p>{words.nothingOtherwise}</p>}
      {changes.length > 0 && <Rows changes={changes} />}
      {answer.positions && <PositionLoads loads={answer.positions} />}
      <Figures answer={answer} />
    </div>
  );
}

function Rows({ changes }: { changes: Changed[] }) {
  const words = engineerTrialWords();
  const open = useSignal<string | null>(null);
  const rows = rowsOf(changes);
  return (
    <>
      <table class="engineer-table">
        <caption>{words.bySensor}</caption>
        <thead>
          <tr>
            <th scope="col">{words.rule}</th>
            <th scope="col">{words.sensor}</th>
            {CHANGES.map((change) => (
              <th scope="col" class="number" key={change}>
                {words[change]}
              </th>
            ))}
            <th scope="col">{words.alarms}</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_SHOWN).flatMap((row) => {
            const name = `${row.rule} ${row.sensor}`;
            return [
              <tr key={name}>
                <td>{row.rule}</td>
                <td>{row.sensor}</td>
                {CHANGES.map((change) => (
                  <td class="number" key={change}>
                    {row[change] || ""}
                  </td>
                ))}
                <td>
                  <button
                    type="button"
                    class="engineer-link"
                    aria-expanded={open.value === name}
                    onClick={() => (open.value = open.value === name ? null : name)}
                  >
                    {filled(words.showAlarms, { count: row.changes.length })}
                  </button>
                </td>
              </tr>,
              open.value === name && <AlarmsOf key={`${name} alarms`} row={row} />,
            ];
          })}
        </tbody>
      </table>
      {rows.length > ROWS_SHOWN && <p class="soft">{filled(words.furtherRows, { count: rows.length - ROWS_SHOWN })}</p>}
    </>
  );
}

function AlarmsOf({ row }: { row: Row }) {
  const words = engineerTrialWords();
  return (
    <tr>
      <td colSpan={CHANGES.length + 3}>
        <ul class="engineer-lines">
          {row.changes.slice(0, ALARMS_SHOWN).map((one) => (
            <li key={`${one.change} ${one.time}`}>
              {words[one.change]}
              {one.movedS !== 0 && ` (${span(Math.abs(one.movedS))})`}:{" "}
              {one.before && <Occurrence one={one.before} inJournal />}
              {one.before && one.after && " → "}
              {one.after && <Occurrence one={one.after} inJournal={false} />}
            </li>
          ))}
        </ul>
        {row.changes.length > ALARMS_SHOWN && (
          <p class="soft">{filled(words.furtherRows, { count: row.changes.length - ALARMS_SHOWN })}</p>
        )}
      </td>
    </tr>
  );
}

function Occurrence({ one, inJournal }: { one: TriedOccurrence; inJournal: boolean }) {
  const words = engineerTrialWords();
  const times = `${dateTime(one.raised)} – ${one.ended ? dateTime(one.ended) : words.stands}`;
  return (
    <>
      {inJournal ? (
        <a href={`/?alarm=${one.alarm}`} onClick={follow}>
          {times}
        </a>
      ) : (
        times
      )}{" "}
      {one.peak_severity && <SeverityChip level={one.peak_severity as Severity} short />}
    </>
  );
}

function Figures({ answer }: { answer: KeptTrial }) {
  const words = engineerTrialWords();
  const value = (side: "before" | "after", name: string) => {
    const found = answer.figures[side]?.[name];
    if (typeof found !== "number") return "–";
    return name.endsWith("_share") ? `${(found * 100).toFixed(1)} %` : Number(found.toFixed(2)).toLocaleString();
  };
  return (
    <table class="engineer-table">
      <caption>{words.figures}</caption>
      <thead>
        <tr>
          <th scope="col">{words.figure}</th>
          <th scope="col" class="number">
            {words.before}
          </th>
          <th scope="col" class="number">
            {words.after}
          </th>
        </tr>
      </thead>
      <tbody>
        {FIGURES.map((name) => (
          <tr key={name}>
            <th scope="row">{words[`figure_${name}`]}</th>
            <td class="number">{value("before", name)}</td>
            <td class="number">{value("after", name)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
