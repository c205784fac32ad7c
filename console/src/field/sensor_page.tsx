// One sensor on site: its newest reading, the last hours, its alarms, and work on it.
import { useSignal } from "@preact/signals";
import { NoAnswer, orNone, Refused, send } from "../api";
import { WhyNot } from "../explanation/why_not";
import { shortTime } from "../instant";
import { filled } from "../language";
import { may } from "../session";
import { fieldWords } from "../words/field";
import { fieldActWords } from "../words/field_acts";
import { modeWords } from "../words/shared";
import { readWork, Work } from "./act_form";
import { type Asked, ask, reachable, serviceTime, useKept } from "./answers";
import { courseOf } from "./course";
import { AlarmRow, AsOf, ageAtService, isOld, nameOf, Permit, Refusal } from "./parts";
import { needsOwnMeasurement, propertyOf, withUnit } from "./shown";
import type { BriefAlarm, Bucket, LatestReading, Sensor, Suppression } from "./types";

const TREND_HOURS = 6;
const BUCKET_S_MIN = 300;
const [WIDTH, HEIGHT] = [320, 72];

interface Found {
  sensor: Sensor;
  latest: LatestReading | null;
  buckets: Bucket[];
  alarms: BriefAlarm[];
  work: Suppression[];
}

async function load(id: string): Promise<Found> {
  const path = `/sensors/${encodeURIComponent(id)}`;
  const sensor = await ask<Sensor>(path);
  // two readings in each bucket, else every other one is a gap that is none
  const bucketS = Math.max(BUCKET_S_MIN, Math.ceil(2 * sensor.interval_s));
  const from = new Date(Math.floor((serviceTime() - TREND_HOURS * 3_600_000) / 60_000) * 60_000).toISOString();
  const [latest, readings, { alarms }, { suppressions }] = await Promise.all([
    orNone(ask<LatestReading>(`${path}/latest`)),
    ask<{ buckets: Bucket[] }>(`${path}/readings`, { from, bucket: `${bucketS}s` }),
    ask<{ alarms: BriefAlarm[] }>("/alarms", { sensor: id, view: "brief", limit: 20 }),
    ask<{ suppressions: Suppression[] }>("/suppressions", { sensor: id, limit: 20 }),
  ]);
  return { sensor, latest, buckets: readings.buckets, alarms, work: suppressions };
}

export function SensorPage({ id }: { id: string }) {
  const words = fieldWords();
  const asked = useKept<Found>(`sensor:${id}`, () => load(id));
  const found = asked.shown.value?.data;
  const sensor = found?.sensor;
  return (
    <>
      <h1>{sensor ? nameOf(sensor) : id}</h1>
      <AsOf of={asked} />
      {found && sensor && (
        <>
          <p>
            {[sensor.sensor, propertyOf(sensor.property), sensor.district].filter(Boolean).join(" · ")}
            {sensor.asset && ` · ${words.asset} ${sensor.asset}`}
            {sensor.mode !== "operational" && <strong class="field-mode"> {modeWords()[sensor.mode]}</strong>}
          </p>
          <Reading found={found} old={isOld(asked)} />
          {needsOwnMeasurement(sensor.property, sensor.system) && <Permit sewer={sensor.system !== "gas"} />}
          <Trend buckets={found.buckets} unit={sensor.reading_unit} />
          <h2>{words.alarms}</h2>
          {found.alarms.length === 0 && <p>{words.noAlarms}</p>}
          <ul class="field-list">
            {found.alarms.map((one) => (
              <AlarmRow key={one.alarm} alarm={one} name={one.name ?? one.sensor} tab="near" />
            ))}
          </ul>
          <WhyNot sensors={[sensor]} time={serviceTime()} />
          <WorkOnSite asked={asked} found={found} />
        </>
      )}
    </>
  );
}

function Reading({ found: { latest }, old }: { found: Found; old: boolean }) {
  const words = fieldWords();
  const reading = latest?.reading;
  if (!latest || !reading) return <p class="field-doubt">{words.doubt_never_heard}</p>;
  return (
    <div class={old ? "field-reading old" : "field-reading"}>
      {old && <p>{words.lastKnown}</p>}
      <p class="field-value">{withUnit(reading.value, latest.unit)}</p>
      <p>{filled(words.measuredAt, { time: shortTime(reading.time), age: ageAtService(reading.time) })}</p>
      <p>{reading.flags.length ? filled(words.flag, { flags: reading.flags.join(", ") }) : words.good}</p>
      {latest.freshness === "silent" && <p class="field-doubt">{words.doubt_silent}</p>}
      {(latest.bad_readings || reading.quality === "bad") && <p class="field-doubt">{words.doubt_bad}</p>}
      {reading.quality === "uncertain" && <p class="field-doubt">{words.doubt_uncertain}</p>}
    </div>
  );
}

function Trend({ buckets, unit }: { buckets: readonly Bucket[]; unit: string }) {
  const words = fieldWords();
  const course = courseOf(buckets, WIDTH, HEIGHT);
  if (!course) return <p>{words.noTrend}</p>;
  const text = filled(words.trendText, {
    least: withUnit(course.least, unit),
    most: withUnit(course.most, unit),
    gaps: buckets.filter((one, place) => one.count === 0 && buckets[place - 1]?.count !== 0).length,
  });
  return (
    <figure class="field-trend">
      <svg viewBox={`-4 -4 ${WIDTH + 8} ${HEIGHT + 8}`} role="img" aria-label={text} preserveAspectRatio="none">
        {course.lines.map((points) => (
          <polyline key={points} points={points} />
        ))}
        {course.points.map(([x, y]) => (
          <circle key={x} cx={x} cy={y} r="2.5" />
        ))}
      </svg>
      <figcaption>{text}</figcaption>
    </figure>
  );
}

/** Bump tests and maintenance: begun and ended with the service alone, because it keeps no key by which to repeat that. */
function WorkOnSite({ asked, found }: { asked: Asked<Found>; found: Found }) {
  const words = fieldActWords();
  const open = useSignal(false);
  const busy = useSignal(false);
  const refusal = useSignal("");
  const problems = useSignal<Record<string, string>>({});
  if (!may.workOnSite()) return null;
  const work = async (path: string, body: unknown) => {
    busy.value = true;
    refusal.value = "";
    try {
      await send("POST", path, body);
      open.value = false;
    } catch (error) {
      if (error instanceof Refused) refusal.value = error.message;
      else if (error instanceof NoAnswer) refusal.value = words.workUnknown;
      else throw error;
    } finally {
      busy.value = false;
      asked.again();
    }
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const got = readWork(new FormData(event.currentTarget as HTMLFormElement));
    problems.value = got.problems ?? {};
    if (!got.body) return;
    const { until, ...rest } = got.body;
    work("/suppressions", { sensor: found.sensor.sensor, ends_at: until, ...rest });
  };
  const cannot = busy.value || !reachable.value;
  return (
    <section class="field-actions" aria-label={words.work}>
      <h2>{words.work}</h2>
      {found.work.map((one) => (
        <div key={one.suppression} class="field-work">
          <p>
            {filled(words.workOn, {
              purpose: one.purpose ? words[one.purpose] : one.reason,
              time: one.ends_at ? shortTime(one.ends_at) : "–",
            })}{" "}
            · {one.actor}
          </p>
          {one.kind === "suppressed_by_design" && (
            <button type="button" disabled={cannot} onClick={() => work(`/suppressions/${one.suppression}/end`, {})}>
              {words.endWork}
            </button>
          )}
        </div>
      ))}
      {refusal.value && <Refusal text={refusal.value} />}
      {!reachable.value && <p>{words.workOnline}</p>}
      {open.value ? (
        <form class="field-form" onSubmit={submit} noValidate aria-label={words.startWork}>
          <Work problems={problems.value} />
          <button type="submit" class="main" disabled={cannot}>
            {words.startWork}
          </button>
          <button type="button" onClick={() => (open.value = false)}>
            {words.cancel}
          </button>
        </form>
      ) : (
        <button type="button" disabled={cannot} onClick={() => (open.value = true)}>
          {words.startWork}
        </button>
      )}
    </section>
  );
}
