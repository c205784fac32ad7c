// How a position stood when it was handed over: counts, and the gravest of each list.
import { dateTime } from "../instant";
import { filled, named } from "../language";
import { districtName, ruleName } from "../names";
import { SEVERITIES, SeverityChip } from "../severity";
import type { Severity } from "../types";
import { stateWords } from "../words/shared";
import { shiftWords } from "../words/shift";
import type { HandOver } from "./hand_over";

const SHOWN = 8;

/** A row of the snapshot's lists, with what the lists have in common or one of them has. */
interface Row {
  alarm?: string;
  rule: string | null;
  sensor: string;
  name?: string | null;
  name_zh?: string | null;
  district?: string;
  severity?: number;
  raised_at?: string;
  kind?: keyof ReturnType<typeof stateWords>;
  reason?: string;
  ends_at?: string | null;
  review_at?: string | null;
  handling?: string;
  assigned_to?: string | null;
  deadline_at?: string | null;
}
interface Listed {
  total: number;
  rows: Row[];
}
interface Kept {
  open?: { severity: number; class: string; state: string; alarms: number }[];
  unacknowledged?: Listed;
  suppressed?: Listed;
  work?: Listed;
  incidents?: Listed;
  floods?: unknown[];
}

/** The severities as the snapshot numbers them: 1 blue to 4 red. */
const severityOf = (number: number | undefined): Severity | undefined =>
  number ? SEVERITIES[SEVERITIES.length - number] : undefined;

export function Snapshot({ handOver }: { handOver: HandOver }) {
  const words = shiftWords();
  const kept = handOver.snapshot as Kept;
  const open = (severity: Severity) =>
    (kept.open ?? []).filter((row) => severityOf(row.severity) === severity).reduce((sum, row) => sum + row.alarms, 0);
  return (
    <>
      <p class="shift-counts">
        {SEVERITIES.filter((severity) => open(severity) > 0).map((severity) => (
          <span key={severity}>
            <SeverityChip level={severity} /> <strong>{open(severity)}</strong>
          </span>
        ))}
        <span>{filled(words.floodsThen, { count: kept.floods?.length ?? 0 })}</span>
        <span>{filled(words.incidentsThen, { count: kept.incidents?.total ?? 0 })}</span>
      </p>
      <List
        title={words.unacknowledgedThen}
        listed={kept.unacknowledged}
        city={handOver.city}
        tell={(row) => dateTime(row.raised_at)}
      />
      <List
        title={words.suppressedThen}
        listed={kept.suppressed}
        city={handOver.city}
        tell={(row) =>
          [
            row.kind ? stateWords()[row.kind] : "",
            row.reason,
            row.ends_at ? filled(words.until, { time: dateTime(row.ends_at) }) : "",
            !row.ends_at && row.review_at ? filled(words.reviewAt, { time: dateTime(row.review_at) }) : "",
          ]
            .filter(Boolean)
            .join(" · ")
        }
      />
      <List
        title={words.workThen}
        listed={kept.work}
        city={handOver.city}
        tell={(row) =>
          [row.assigned_to, row.deadline_at ? filled(words.due, { time: dateTime(row.deadline_at) }) : ""]
            .filter(Boolean)
            .join(" · ")
        }
      />
    </>
  );
}

interface ListProps {
  title: string;
  listed: Listed | undefined;
  city: string;
  tell: (row: Row) => string;
}

function List({ title, listed, city, tell }: ListProps) {
  const words = shiftWords();
  if (!listed || listed.total === 0) return null;
  return (
    <details open={listed.total <= SHOWN}>
      <summary>{filled(title, { count: listed.total })}</summary>
      <ul class="shift-list">
        {listed.rows.slice(0, SHOWN).map((row, place) => (
          <li key={row.alarm ?? `${row.sensor} ${place}`}>
            {severityOf(row.severity) && <SeverityChip level={severityOf(row.severity) as Severity} short />}{" "}
            {row.rule ? ruleName(row.rule) : words.allRules} ·{" "}
            {[districtName(city, row.district ?? ""), named(row.name_zh, row.name, row.sensor)]
              .filter(Boolean)
              .join(" · ")}{" "}
            <span class="soft">{tell(row)}</span>
          </li>
        ))}
      </ul>
      {listed.total > SHOWN && <p class="soft">{filled(words.moreInPrint, { count: listed.total - SHOWN })}</p>}
    </details>
  );
}
