// How ingest does: readiness, age and lag of the log, limits and how near they are, silent sensors, what is kept how long.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { age, clockTime, dateTime, span } from "../instant";
import { filled, named } from "../language";
import { status, statusAt } from "../status";
import { engineerHealthWords } from "../words/engineer_health";
import { modeWords } from "../words/shared";
import { Fact } from "./fact";
import { Freshness, readRoot, useLoaded } from "./loaded";
import { byWord, type Metrics, NEAR_SHARE, type Nearness, nearness, parseMetrics, rate } from "./metrics";
import { reasonText } from "./rejection_reason";
import { Retention } from "./retention";
import { SilentSensors } from "./silent_sensors";
import type { Readiness } from "./types";

const EVERY_MS = 5_000;
const COUNTERS = [
  ["conflicts", "lifeline_ingest_conflicts_total"],
  ["late", "lifeline_evaluate_late_readings_total"],
  ["duplicates", "lifeline_ingest_duplicates_total"],
  ["storeRetries", "lifeline_ingest_store_retries_total"],
  ["queueFull", "lifeline_ingest_queue_full_total"],
  ["brokerSessions", "lifeline_ingest_connections_total"],
  ["changesRefused", "lifeline_evaluate_changes_refused_total"],
  ["consequencesFailed", "lifeline_recording_consequences_failed_total"],
  ["bindingsUnset", "lifeline_evaluate_bindings_unset"],
  ["statementTimeouts", "lifeline_statement_timeouts_total"],
  ["busy", "lifeline_api_busy_total"],
] as const;

export function Health() {
  const words = engineerHealthWords();
  const ready = useLoaded<Readiness>("/readyz", {}, EVERY_MS, readRoot);
  const text = useLoaded<string>("/metrics", {}, EVERY_MS, readRoot);
  const samples = useSignal<{ last: Metrics | null; before: Metrics | null; seconds: number; at: number }>({
    last: null,
    before: null,
    seconds: 0,
    at: 0,
  });
  useEffect(() => {
    if (!text.value || !text.at) return;
    const { last, at } = samples.peek();
    samples.value = { last: parseMetrics(text.value), before: last, seconds: (text.at - at) / 1000, at: text.at };
  }, [text.at]);
  const { last, before, seconds } = samples.value;
  return (
    <div class="engineer-health">
      <Progress ready={ready} />
      <section class="engineer-panel" aria-labelledby="engineer-limits-near">
        <header>
          <h2 id="engineer-limits-near">{words.limits}</h2>
          <Freshness of={text} />
        </header>
        {last && <Nearnesses found={nearness(last)} />}
        {last && !last.has("lifeline_ingest_messages_total") && <p class="engineer-refused">{words.notHere}</p>}
        {last?.has("lifeline_ingest_messages_total") && (
          <p>
            {words.rates} {perSecond(rate(before, last, "lifeline_ingest_messages_total", seconds))} {words.messages},{" "}
            {perSecond(rate(before, last, "lifeline_ingest_readings_total", seconds))} {words.readings}
          </p>
        )}
      </section>
      <section class="engineer-panel" aria-labelledby="engineer-counters">
        <h2 id="engineer-counters">{words.sinceStart}</h2>
        <dl class="engineer-facts">
          {COUNTERS.map(([name, metric]) => {
            const value = last?.get(metric);
            return value === undefined ? null : (
              <Fact key={name} name={words[name]}>
                {value.toLocaleString()}
              </Fact>
            );
          })}
        </dl>
        <h3>{words.rejections}</h3>
        {last && byWord(last, "lifeline_ingest_rejections_total").length === 0 && (
          <p class="soft">{words.noRejections}</p>
        )}
        <ul class="engineer-lines">
          {last &&
            byWord(last, "lifeline_ingest_rejections_total").map(([reason, count]) => (
              <li key={reason}>
                {reasonText(reason)}: {count.toLocaleString()}
              </li>
            ))}
        </ul>
      </section>
      <SilentSensors />
      <Retention />
    </div>
  );
}

const perSecond = (value: number | null): string => (value === null ? "–" : `${value.toFixed(value < 10 ? 1 : 0)}/s`);

function Progress({ ready }: { ready: ReturnType<typeof useLoaded<Readiness>> }) {
  const words = engineerHealthWords();
  const now = status.value;
  const reasons = ready.value?.reasons ?? [];
  return (
    <section class="engineer-panel" aria-labelledby="engineer-health">
      <header>
        <h1 id="engineer-health">{words.title}</h1>
        <Freshness of={ready} />
      </header>
      {ready.value && !ready.value.ready && (
        <div class="engineer-refused" role="alert">
          <strong>{words.notReady}</strong>
          <ul>
            {reasons.map((one) => (
              <li key={one}>{words[`not_${one}` as keyof typeof words] ?? one}</li>
            ))}
          </ul>
        </div>
      )}
      {ready.value?.ready && <p>{words.ready}</p>}
      {now && (
        <>
          {now.behind && (
            <p class="engineer-refused" role="alert">
              {words.behindNow}
            </p>
          )}
          <dl class="engineer-facts">
            <Fact name={words.version}>
              <code>{now.version}</code>
            </Fact>
            <Fact name={words.newestBatch}>
              {now.ingest.batch.toLocaleString()} · {dateTime(now.ingest.clock)}
            </Fact>
            <Fact name={words.ingestAge}>{now.ingest.age_s === null ? "–" : `${now.ingest.age_s.toFixed(1)} s`}</Fact>
            <Fact name={words.batchesBehind}>{now.ingest.batches_behind.toLocaleString()}</Fact>
            <Fact name={words.behindBy}>{now.ingest.behind_s === null ? "–" : span(now.ingest.behind_s)}</Fact>
            <Fact name={words.evaluatedThrough}>
              {now.evaluated_through.batch.toLocaleString()} · {dateTime(now.evaluated_through.clock)}
            </Fact>
            <Fact name={words.cities}>
              {now.cities
                .map((city) => `${named(city.name_zh, city.name, city.city)} (${modeWords()[city.mode]})`)
                .join(", ") || "–"}
            </Fact>
          </dl>
        </>
      )}
      {statusAt.value !== null && (
        <p class="soft">{filled(words.figuresAge, { age: age(statusAt.value), time: clockTime(statusAt.value) })}</p>
      )}
    </section>
  );
}

function amount(value: number, unit: Nearness["unit"]): string {
  if (unit === "bytes")
    return value >= 1_048_576 ? `${(value / 1_048_576).toFixed(1)} MiB` : `${(value / 1024).toFixed(1)} KiB`;
  return unit === "s" ? `${value.toFixed(value < 10 ? 2 : 0)} s` : value.toLocaleString();
}

function Nearnesses({ found }: { found: Nearness[] }) {
  const words = engineerHealthWords();
  return (
    <table class="engineer-table engineer-near">
      <thead>
        <tr>
          <th scope="col">{words.limit}</th>
          <th scope="col" class="number">
            {words.value}
          </th>
          <th scope="col" class="number">
            {words.most}
          </th>
          <th scope="col">{words.share}</th>
        </tr>
      </thead>
      <tbody>
        {found.map((one) => (
          <tr key={one.name} class={one.share >= NEAR_SHARE ? "near" : undefined}>
            <th scope="row">{words[`near_${one.name}`]}</th>
            <td class="number">{amount(one.value, one.unit)}</td>
            <td class="number">{amount(one.limit, one.unit)}</td>
            <td>
              <span class="engineer-bar" aria-hidden="true">
                <span style={{ width: `${Math.min(100, one.share * 100)}%` }} />
              </span>{" "}
              {Math.round(one.share * 100)} % {one.share >= NEAR_SHARE && <strong>▲ {words.isNear}</strong>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
