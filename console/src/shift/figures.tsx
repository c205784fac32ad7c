// The figures of the alarm system at a position, each beside its target; what is not known is a dash with the reason.
import { mode } from "../alarm_store";
import { read } from "../api";
import type { components } from "../generated/api";
import { dateTime, fullTime, span } from "../instant";
import { filled } from "../language";
import { ruleName } from "../names";
import { route, setQuery } from "../router";
import { status } from "../status";
import { stateWords } from "../words/shared";
import { figureWords } from "../words/shift_figures";
import { useAnswer } from "./answered";
import { MonthReport, Priorities, percent, seconds } from "./figure_parts";
import { Failed, NotYet, Part, Rows } from "./parts";
import { PeriodChart, rounded } from "./period_chart";
import type { Position } from "./positions";

export type Found = components["schemas"]["PositionPerformance"];
type Figure = Found["figures"][number];
const SPANS = { "8h": 8, "24h": 24, "7d": 168, "30d": 720 } as const;
const PERIODS = [
  ["10_minutes", "per_10_minutes_peak"],
  ["hour", "per_hour_mean"],
  ["day", "per_day_mean"],
] as const;
const STEPS = ["acknowledge", "arrive", "resolve"] as const;
const HOUR_MS = 3_600_000;

/** How far evaluation has come: a whole day before it is a day that figures reach over. */
const evaluated = (): number =>
  Math.min(Date.now(), Date.parse(status.peek()?.evaluated_through.clock ?? "") || Date.now());

export function Figures({ position }: { position: Position }) {
  const words = figureWords();
  const asked = route.value.query.get("span") ?? "24h";
  const hours = SPANS[asked as keyof typeof SPANS] ?? SPANS["24h"];
  const answer = useAnswer(
    (stop) =>
      read<components["schemas"]["Performance"]>(
        "/performance",
        {
          position: position.position,
          mode: mode.peek(),
          from: new Date(evaluated() - hours * HOUR_MS).toISOString(),
        },
        stop,
      ),
    [position.position, mode.value, hours],
  );
  const found = answer.value?.positions[0];
  return (
    <div>
      <div class="shift-head">
        <span class="shift-links" role="group" aria-label={words.span}>
          {Object.keys(SPANS).map((one) => (
            <button
              type="button"
              key={one}
              aria-pressed={SPANS[one as keyof typeof SPANS] === hours}
              onClick={() => setQuery({ span: one })}
            >
              {words[`span_${one}` as "span_8h"]}
            </button>
          ))}
        </span>
        <button type="button" onClick={answer.again}>
          {words.again}
        </button>
        <MonthReport position={position} />
      </div>
      <Failed answer={answer} />
      <NotYet answer={answer} />
      {answer.value && (
        <p class="soft">
          {filled(words.reaches, { from: fullTime(answer.value.from), to: fullTime(answer.value.to) })}
          {found && ` ${filled(words.hours, { hours: rounded(found.hours), count: found.annunciated })}`}
        </p>
      )}
      {answer.value && !found && <p>{words.notEvaluated}</p>}
      {found && answer.value && <All found={found} from={answer.value.from} to={answer.value.to} />}
      <p class="soft">{words.noConformity}</p>
    </div>
  );
}

function All({ found, from, to }: { found: Found; from: string; to: string }) {
  const words = figureWords();
  const target = (name: string) => found.figures.find((one) => one.figure === name)?.target ?? 0;
  const alarmRows = (rows: { rule: string; sensor: string; count?: number; raises?: number; share?: number }[]) =>
    rows.map((one) => [
      ruleName(one.rule),
      one.sensor,
      one.count ?? one.raises ?? "–",
      one.share === undefined ? "" : percent(one.share),
    ]);
  const heads = [words.rule, words.sensor, words.count, words.share];
  return (
    <div class="shift-figures">
      <Part title={words.rates} wide>
        <div class="shift-charts">
          {PERIODS.map(([name, figure]) => {
            const period = found.periods[name];
            return (
              period && (
                <PeriodChart key={name} name={name} period={period} target={target(figure)} from={from} to={to} />
              )
            );
          })}
        </div>
      </Part>
      <Part title={words.againstTargets}>
        <Rows
          heads={[words.figure, words.value, words.targetHead, words.met]}
          none={words.notEvaluated}
          rows={found.figures.map((one) => [
            words[`figure_${one.figure}` as "figure_chattering"] ?? one.figure,
            <Value key="value" figure={one} found={found} />,
            one.target === null || one.target === undefined
              ? words.noTarget
              : `${one.at_least ? "≥" : "≤"} ${written(one.target, one.unit)}`,
            one.met === null || one.met === undefined ? "–" : <Met key="met" met={one.met} />,
          ])}
        />
      </Part>
      <div>
        <Part title={words.priorities}>
          <Priorities found={found} />
        </Part>
        <Part title={words.handling}>
          <Rows
            heads={[words.step, words.count, words.median, words.p90]}
            none=""
            rows={STEPS.map((step) => [
              words[step],
              found[step].count,
              seconds(found[step].median_s),
              seconds(found[step].p90_s),
            ])}
          />
          <p class="soft">{words.noTimeTarget}</p>
        </Part>
        <Part title={words.suppressed}>
          <Rows
            heads={[words.state, words.count, words.oldest]}
            none={words.none}
            rows={Object.entries(found.suppressed).map(([state, one]) => [
              stateWords()[state as keyof ReturnType<typeof stateWords>] ?? state,
              one.count,
              one.oldest_since ? dateTime(one.oldest_since) : "–",
            ])}
          />
        </Part>
        <Part title={words.floods}>
          <Rows
            heads={[words.began, words.ended, words.count, words.folded]}
            none={words.none}
            rows={found.floods.map((one) => [
              dateTime(one.began_at),
              one.ended_at ? dateTime(one.ended_at) : words.goesOn,
              one.annunciated,
              one.folded,
            ])}
          />
        </Part>
      </div>
      <Part title={words.topTen}>
        <Rows heads={heads} none={words.none} rows={alarmRows(found.top_ten)} />
      </Part>
      <Part title={words.chattering}>
        <Rows
          heads={heads.slice(0, 3)}
          none={words.none}
          rows={alarmRows(found.chattering).map((row) => row.slice(0, 3))}
        />
      </Part>
      <Part title={words.fleeting}>
        <Rows heads={heads} none={words.none} rows={alarmRows(found.fleeting)} />
      </Part>
      <Part title={words.standing}>
        <Rows
          heads={[words.rule, words.sensor, words.began, words.ended]}
          none={words.none}
          rows={found.standing.map((one) => [
            ruleName(one.rule),
            one.sensor,
            dateTime(one.raised_at),
            one.returned_at ? dateTime(one.returned_at) : words.goesOn,
          ])}
        />
      </Part>
      <Part title={words.unauthorised}>
        <Rows
          heads={[words.alarm, words.began, words.why]}
          none={words.none}
          rows={found.unauthorised.map((one) => [one.alarm, dateTime(one.at), words[one.why]])}
        />
      </Part>
      <Part title={words.judged}>
        <Rows
          heads={[words.rule, words.count, words.judgedTrue, words.judgedFalse, words.falseShare]}
          none={words.none}
          rows={found.judged.map((one) => [
            ruleName(one.rule),
            one.judged,
            one.true,
            one.false,
            one.false_share === null ? "–" : percent(one.false_share),
          ])}
        />
      </Part>
    </div>
  );
}

function written(value: number, unit: Figure["unit"]): string {
  if (unit === "share") return percent(value);
  return unit === "seconds" ? span(value) : rounded(value);
}

/** A figure, or a dash with why it is not known: never a 0 that nobody measured. */
function Value({ figure, found }: { figure: Figure; found: Found }) {
  const words = figureWords();
  if (figure.value !== null) return <>{written(figure.value, figure.unit)}</>;
  const period = /^per_(10_minutes|hour|day)_mean$/.exec(figure.figure)?.[1] as "hour" | undefined;
  const why = period ? words[`tooShort_${period}`] : found.annunciated === 0 ? words.noAnnunciation : words.noStep;
  return (
    <>
      – <span class="soft">{why}</span>
    </>
  );
}

function Met({ met }: { met: boolean }) {
  const words = figureWords();
  return met ? <span class="soft">{words.isMet}</span> : <strong class="shift-missed">{words.isMissed}</strong>;
}
