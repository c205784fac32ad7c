// Reports from people: the form, and those that came, each verified by another person than who sent it.
import { useSignal } from "@preact/signals";
import { mode } from "../alarm_store";
import { read, send } from "../api";
import type { components } from "../generated/api";
import { dateTime } from "../instant";
import { filled, language } from "../language";
import { districtName } from "../names";
import { may, me } from "../session";
import type { Status } from "../types";
import { systemWords } from "../words/shared";
import { reportWords } from "../words/shift_reports";
import { useAnswer } from "./answered";
import { Failed, NotYet, Outcome, Part, useAct } from "./parts";
import { ReportForm } from "./report_form";

type Report = components["schemas"]["ReportItem"];
const EVERY_MS = 30_000;

export function Reports({ cities }: { cities: Status["cities"] }) {
  const words = reportWords();
  const answer = useAnswer(
    (stop) => read<components["schemas"]["ReportPage"]>("/reports", { mode: mode.peek(), limit: 50 }, stop),
    [mode.value],
    EVERY_MS,
  );
  return (
    <div class="shift-columns">
      <Part title={words.enter}>
        {may.acknowledge() ? <ReportForm cities={cities} sent={answer.again} /> : <p class="soft">{words.deskOnly}</p>}
      </Part>
      <Part title={words.came}>
        <Failed answer={answer} />
        <NotYet answer={answer} />
        {answer.value?.reports.length === 0 && <p class="soft">{words.none}</p>}
        <ul class="shift-list">
          {(answer.value?.reports ?? []).map((one) => (
            <ReportLine key={one.report} report={one} again={answer.again} />
          ))}
        </ul>
      </Part>
    </div>
  );
}

function ReportLine({ report, again }: { report: Report; again: () => void }) {
  const words = reportWords();
  const act = useAct();
  const note = useSignal("");
  const verify = (found: boolean) =>
    act.send({ report: report.report, found, note: note.value }, async (key) => {
      await send("POST", `/reports/${report.report}/verify`, { found, note: note.value.trim() || null }, key);
      again();
      return words.verified;
    });
  const name = report.kind_names[language.value] ?? report.kind;
  return (
    <li>
      <strong>{name}</strong> · {systemWords()[report.system as "gas"] ?? report.system} ·{" "}
      {districtName(report.city, report.district)} {report.place.longitude}, {report.place.latitude}
      <br />
      {report.text && (
        <>
          {report.text}
          <br />
        </>
      )}
      <span class="soft">
        {[
          dateTime(report.time),
          words[`source_${report.source}`],
          report.reported_by,
          report.reference ? filled(words.ticket, { reference: report.reference }) : "",
          report.report,
          report.incident ? filled(words.inIncident, { incident: report.incident }) : "",
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
      <br />
      {report.found === null ? (
        <strong>{words.notVerified}</strong>
      ) : (
        <>
          {report.found ? words.foundSo : words.notFound} {report.note}{" "}
          <span class="soft">
            {report.verified_by} · {dateTime(report.verified_at)}
          </span>
        </>
      )}
      {report.found === null && may.acknowledge() && report.reported_by !== me.value?.name && (
        <span class="shift-actions">
          <input
            aria-label={words.note}
            placeholder={words.note}
            value={note.value}
            onInput={(event) => (note.value = event.currentTarget.value)}
          />
          <button type="button" disabled={act.sending} onClick={() => verify(true)}>
            {words.foundSo}
          </button>
          <button type="button" disabled={act.sending} onClick={() => verify(false)}>
            {words.notFound}
          </button>
        </span>
      )}
      <Outcome act={act} />
    </li>
  );
}
