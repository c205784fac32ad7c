// Parts of the figures: priorities against 80/15/5, the report of a month, and how shares and times are written.
import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { mode } from "../alarm_store";
import { query } from "../api";
import { Document } from "../document";
import { span } from "../instant";
import { filled, language } from "../language";
import { priorityWords } from "../words/shared";
import { shiftWords } from "../words/shift";
import { figureWords } from "../words/shift_figures";
import type { Found } from "./figures";
import { rounded } from "./period_chart";
import type { Position } from "./positions";

const PRIORITIES = ["low", "medium", "high", "highest"] as const;

export const percent = (share: number): string => `${rounded(share * 100)} %`;
export const seconds = (value: number | null): string => (value === null ? "–" : span(value));

export function Priorities({ found }: { found: Found }) {
  const words = figureWords();
  if (found.annunciated === 0) return <p class="soft">– {words.noAnnunciation}</p>;
  return (
    <dl class="shift-shares">
      {PRIORITIES.map((priority) => {
        const share = found.priority_share[priority] ?? 0;
        const target = found.figures.find((one) => one.figure === `priority_${priority}_share`)?.target ?? 0;
        return (
          <Fragment key={priority}>
            <dt>{priorityWords()[priority]}</dt>
            <dd>
              <svg viewBox="0 0 200 14" aria-hidden="true" preserveAspectRatio="none">
                <rect class="shift-bars" x="0" y="2" width={share * 200} height="10" />
                <path class="shift-target" d={`M${target * 200} 0V14`} />
              </svg>
              {filled(words.shareAgainst, { share: percent(share), target: percent(target) })}
            </dd>
          </Fragment>
        );
      })}
    </dl>
  );
}

/** The report of a month, to read and print or as a table. */
export function MonthReport({ position }: { position: Position }) {
  const words = figureWords();
  const today = new Date();
  const month = useSignal(`${today.getFullYear()}-${String(today.getMonth() + 1).padStart(2, "0")}`);
  const path = (form: string) =>
    `/performance/report${query({ month: month.value, form, language: language.value, city: position.city, mode: mode.value })}`;
  return (
    <span class="shift-actions">
      <label>
        {words.month}{" "}
        <input
          type="month"
          value={month.value}
          onInput={(event) => (month.value = event.currentTarget.value || month.peek())}
        />
      </label>
      <Document path={path("html")} file={`lifeline-${month.value}.html`}>
        {words.reportPage}
      </Document>
      <Document path={path("csv")} file={`lifeline-${month.value}.csv`}>
        {shiftWords().csv}
      </Document>
    </span>
  );
}
