// The trend of the alarm's sensor: follows what comes, says its age, and is there in words and as a table too.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { messageOf, read } from "../api";
import { clockTime, fullTime, shortTime, span } from "../instant";
import { filled, locale } from "../language";
import { theme } from "../theme";
import type { Alarm } from "../types";
import { actionWords } from "../words/actions";
import { drawerWords } from "../words/drawer";
import { kindWords, reasonWords } from "../words/journal";
import { propertyWords } from "../words/properties";
import { localTimes } from "./actions";
import type { Chart, Drawing } from "./chart";
import { serviceNow } from "./clock";
import type { Facts } from "./facts";
import { withUnit, wordOf } from "./shown";
import {
  askFrom,
  beginOf,
  bucketOf,
  type Columns,
  columnsOfBuckets,
  columnsOfReadings,
  endOf,
  holdMs,
  joined,
  RANGES,
  type Range,
} from "./trend_data";
import { drawingOf, limitsOf, trendText } from "./trend_drawing";
import { TrendTable } from "./trend_table";
import type { Readings, SensorItem } from "./types";

const FOLLOW_MS = 10_000;

export function Trend({ facts }: { facts: Facts }) {
  const words = drawerWords();
  const range = useSignal<Range>("event");
  const sensor = facts.sensor.value;
  return (
    <section class="drawer-trend" aria-label={words.trend}>
      <div class="drawer-row">
        <h3 tabIndex={-1} data-part="trend">
          {words.trend}
          {sensor && ` · ${wordOf(propertyWords(), sensor.property)}`}
        </h3>
        <span class="spacer" />
        <div class="drawer-ranges" role="group" aria-label={words.range}>
          {RANGES.map((one) => (
            <button
              type="button"
              key={one}
              aria-pressed={range.value === one}
              onClick={() => {
                range.value = one;
              }}
            >
              {words[`range_${one}`]}
            </button>
          ))}
        </div>
      </div>
      {sensor ? (
        <Followed key={`${sensor.sensor} ${range.value}`} facts={facts} sensor={sensor} range={range.value} />
      ) : (
        <p class="soft">
          {facts.sensor.failed ? filled(words.failed, { why: facts.sensor.failed }) : words.noReadings}
        </p>
      )}
    </section>
  );
}

function Followed({ facts, sensor, range }: { facts: Facts; sensor: SensorItem; range: Range }) {
  const words = drawerWords();
  const answer = useSignal<Readings | null>(null);
  const failed = useSignal("");
  const { alarm } = facts;
  useEffect(
    () => follow(alarm, sensor, range, answer, failed),
    [alarm.sequence], // what came late may have changed the past
  );
  const found = answer.value;
  if (!found) return <p class="soft">{failed.value ? filled(words.failed, { why: failed.value }) : words.loading}</p>;
  const columns = found.buckets ? columnsOfBuckets(found) : columnsOfReadings(found.readings ?? [], holdMs(sensor));
  const hasValues = columns.value.some((one) => one !== null);
  return (
    <>
      <Picture facts={facts} columns={columns} found={found} range={range} />
      {!hasValues && <p>{words.noReadings}</p>}
      <p class="drawer-keys soft">
        {found.bucket_s ? filled(words.buckets, { span: span(found.bucket_s) }) : words.keyUncertain}
        {" · "}
        {!found.bucket_s && `${words.keyBad} · `}
        {words.keyGap}
        {limitsOf(facts.rule.value).length > 0 && ` · ${words.keyDeadband}`}
        {" · "}
        <span title={fullTime(found.to)}>{filled(words.asOf, { time: clockTime(found.to) })}</span>
      </p>
      {failed.value && <p role="alert">{filled(words.notFollowing, { why: failed.value })}</p>}
      {facts.rule.value?.of === "signal" && (
        <p class="soft">{filled(words.signalLimits, { kind: wordOf(kindWords(), facts.rule.value.kind) })}</p>
      )}
      <TrendTable found={found} />
    </>
  );
}

/** Read the span, then what is new, until the answer is called. */
function follow(
  alarm: Alarm,
  sensor: SensorItem,
  range: Range,
  answer: { value: Readings | null },
  failed: { value: string },
): () => void {
  const stop = new AbortController();
  const path = `/sensors/${encodeURIComponent(sensor.sensor)}/readings`;
  let timer = 0;
  let isWhole = false;
  const again = async () => {
    try {
      const now = serviceNow.peek();
      const end = endOf(range, alarm, now);
      const begin = beginOf(range, Date.parse(alarm.raised_at), end ?? now);
      const bucket = bucketOf((end ?? now) - begin, sensor.interval_s);
      const before = answer.value;
      const from = isWhole && before ? askFrom(before) : new Date(begin).toISOString();
      const span = { from, to: end && new Date(end).toISOString(), bucket: bucket ? `${bucket}s` : null };
      const found = await read<Readings>(path, span, stop.signal);
      answer.value = isWhole && before ? joined(before, found) : found;
      isWhole = true;
      failed.value = "";
      if (end) return;
    } catch (error) {
      if (stop.signal.aborted) return;
      failed.value = localTimes(messageOf(error));
    }
    timer = window.setTimeout(again, FOLLOW_MS);
  };
  again();
  return () => {
    stop.abort();
    clearTimeout(timer);
  };
}

function Picture(given: { facts: Facts; columns: Columns; found: Readings; range: Range }) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const at = useSignal<number | null>(null);
  const drawing = drawingOf(given);
  const newest = useRef(drawing);
  newest.current = drawing;
  useEffect(() => {
    let isHere = true;
    import("./chart").then(({ makeChart }) => {
      if (!isHere || !host.current) return;
      chart.current = makeChart(host.current, locale.peek(), newest.current, (place) => {
        at.value = place;
      });
    });
    return () => {
      isHere = false;
      chart.current?.destroy();
      chart.current = null;
    };
  }, [theme.value, locale.value, drawing.limits.length > 0]);
  useEffect(() => {
    chart.current?.draw(drawing);
  });
  const { columns, found } = given;
  const time = at.value === null ? undefined : columns.time[at.value];
  const value = at.value === null ? null : (columns.value[at.value] ?? columns.bad[at.value] ?? null);
  return (
    <figure class="drawer-figure-of">
      <div class="drawer-chart" ref={host} role="img" aria-label={trendText(columns, found)} />
      <figcaption>
        {time !== undefined && value !== null ? (
          <span>
            {shortTime(time * 1000)} <strong>{withUnit(value, found.unit)}</strong>
          </span>
        ) : (
          <Marks drawing={drawing} />
        )}
      </figcaption>
    </figure>
  );
}

/** What the letters stand for, newest first as far as there is room. */
function Marks({ drawing }: { drawing: Drawing }) {
  const here = drawing.marks.filter((mark) => mark.time >= drawing.from && mark.time <= drawing.to);
  return (
    <span class="soft">
      {drawerWords().marks}:{" "}
      {here
        .slice(-5)
        .map(({ letter, line }) => {
          const what = line.action ? wordOf(actionWords(), line.action) : wordOf(reasonWords(), line.reason);
          return `${letter} ${shortTime(line.time)} ${what}${line.actor ? ` (${line.actor})` : ""}`;
        })
        .join(" · ") || "–"}
    </span>
  );
}
