// The look back: a city and a span, then the time in it that is looked at, played and stepped through.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { dateTime, fullTime } from "../instant";
import { filled, named } from "../language";
import { status } from "../status";
import { replayWords } from "../words/replay";
import { modeWords } from "../words/shared";
import { cityName } from "./cities";
import { SPEEDS } from "./deck";
import { local, localText } from "./local_time";
import { PastList } from "./past_list";
import {
  failed,
  go,
  type Loaded,
  load,
  loaded,
  loading,
  play,
  playing,
  speed,
  standing,
  stop,
  time,
  unload,
} from "./player";

const HOUR_MS = 3_600_000;
const DAYS_MAX = 30;

export function LookBack() {
  const words = replayWords();
  const span = loaded.value;
  const kind = span ? ` replay-past ${span.mode === "exercise" ? "replay-past-exercise" : ""}` : "";
  return (
    <section class={`replay-panel${kind}`} aria-labelledby="replay-past">
      <h2 id="replay-past">{words.past}</h2>
      {span ? <PastBanner span={span} /> : <p class="soft">{words.pastMeaning}</p>}
      <SpanForm key={span ? `${span.city} ${span.from} ${span.to}` : ""} />
      {loading.value && <p role="status">{words.loading}</p>}
      <Failed />
      {span && !loading.value && <Player span={span} />}
      {span && !loading.value && <PastList mode={span.mode} past={span.past} />}
    </section>
  );
}

function PastBanner({ span }: { span: Loaded }) {
  const words = replayWords();
  const text = span.mode === "exercise" ? words.pastBannerExercise : words.pastBanner;
  return <p class="replay-past-banner">{filled(text, { city: cityName(span.city), time: fullTime(time.value) })}</p>;
}

function Failed() {
  const words = replayWords();
  if (failed.value === "") return null;
  const text = failed.value instanceof Error ? failed.value.message : words[`failed_${failed.value}`];
  return (
    <p class="banner notice-banner" role="alert">
      {text}
    </p>
  );
}

function SpanForm() {
  const words = replayWords();
  const cities = status.value?.cities ?? [];
  const city = useSignal(loaded.peek()?.city ?? "");
  const from = useSignal(localText(loaded.peek()?.from ?? Date.now() - HOUR_MS));
  const to = useSignal(localText(loaded.peek()?.to ?? Date.now()));
  const chosen = cities.find((one) => one.city === city.value) ?? cities[0];
  const submit = (event: Event) => {
    event.preventDefault();
    if (!chosen) return;
    const begin = local(from.value);
    if (begin < Date.now() - DAYS_MAX * 24 * HOUR_MS) {
      failed.value = "too_long";
      return;
    }
    load(chosen.city, chosen.mode, begin, Math.min(local(to.value), Date.now()));
  };
  return (
    <form class="replay-span" onSubmit={submit}>
      <label>
        {words.city}
        <select value={chosen?.city} onChange={(event) => (city.value = event.currentTarget.value)}>
          {cities.map((one) => (
            <option key={one.city} value={one.city}>
              {named(one.name_zh, one.name, one.city)} · {modeWords()[one.mode]}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words.begin}
        <input
          type="datetime-local"
          step={1}
          required
          value={from.value}
          onInput={(event) => (from.value = event.currentTarget.value)}
        />
      </label>
      <label>
        {words.until}
        <input
          type="datetime-local"
          step={1}
          required
          value={to.value}
          onInput={(event) => (to.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={loading.value || !chosen}>
        {words.load}
      </button>
      {loaded.value && (
        <button type="button" onClick={unload}>
          {words.leave}
        </button>
      )}
    </form>
  );
}

function Player({ span }: { span: Loaded }) {
  const words = replayWords();
  standing.value; // the place among the steps follows the time
  const { past } = span;
  const all = useMemo(() => past.steps.filter((step) => step.at <= span.to).length, [span]);
  const known = past.known;
  const before = past.steps[known - 1];
  const after = past.steps[known];
  const stepTo = (at: number) => {
    stop();
    go(at);
  };
  return (
    <div class="replay-player">
      <input
        type="range"
        min={span.from}
        max={span.to}
        step={1000}
        value={time.value}
        aria-label={words.time}
        aria-valuetext={dateTime(time.value)}
        onInput={(event) => stepTo(Number(event.currentTarget.value))}
      />
      <div class="replay-buttons">
        <button type="button" class="main" onClick={() => (playing.value ? stop() : play())}>
          {playing.value ? words.stopPast : words.playPast}
        </button>
        <button type="button" disabled={!before} onClick={() => before && stepTo(before.at - 1)}>
          {words.stepBack}
        </button>
        <button type="button" disabled={!after || after.at > span.to} onClick={() => after && stepTo(after.at)}>
          {words.stepAhead}
        </button>
        <span class="replay-buttons" role="group" aria-label={words.speed}>
          {SPEEDS.map((one) => (
            <button type="button" key={one} aria-pressed={speed.value === one} onClick={() => (speed.value = one)}>
              {filled(words.times, { speed: one })}
            </button>
          ))}
        </span>
        <strong class="replay-time">{dateTime(time.value)}</strong>
        <span class="soft">{filled(words.lines, { known, all })}</span>
      </div>
    </div>
  );
}
