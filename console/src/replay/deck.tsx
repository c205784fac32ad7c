// One exercise while it is played: where it stands, and what steers it.
import { useSignal } from "@preact/signals";
import { changeMode } from "../frame";
import { dateTime, shortTime, span } from "../instant";
import { filled, locale } from "../language";
import { go } from "../router";
import { replayWords } from "../words/replay";
import { markerWords, nameIn, scenarioWords } from "../words/replay_scenarios";
import { changeSpeed, mayTrain, seek, steer } from "./exercises";
import { lookAt } from "./player";
import type { Exercise } from "./types";

export const SPEEDS = [1, 10, 60, 300, 1000] as const;
const JUMP_S = 600;
const SLOWER = 0.9; // of what was asked for

export const whatOf = (one: Exercise): string => one.recording ?? nameIn(scenarioWords(), one.scenario ?? one.exercise);

export function Deck({ exercise: one }: { exercise: Exercise }) {
  const words = replayWords();
  const mine = mayTrain();
  const ready = one.state === "playing" || one.state === "paused";
  const length = one.length_s ?? 0;
  const isSlow = one.speed_reached !== null && one.speed_reached < SLOWER * one.speed;
  return (
    <article class="replay-deck" aria-label={whatOf(one)}>
      <p class="replay-what">
        <strong>{whatOf(one)}</strong>
        <span class="replay-tag of-exercise">{words.exercise}</span>
      </p>
      <p role="status" class="replay-state">
        {words[`state_${one.state}`]}
      </p>
      {one.length_s !== null && <Position one={one} length={length} enabled={mine && ready} />}
      {mine && (
        <div class="replay-buttons">
          <button
            type="button"
            class="main"
            disabled={!ready}
            onClick={() => steer(one.exercise, one.state === "paused" ? "play" : "pause")}
          >
            {one.state === "paused" ? words.play : words.pause}
          </button>
          <button
            type="button"
            disabled={!ready}
            onClick={() => seek(one.exercise, Math.max(0, one.position_s - JUMP_S))}
          >
            {filled(words.jumpBack, { span: span(JUMP_S) })}
          </button>
          <button
            type="button"
            disabled={!ready || one.position_s + JUMP_S >= length}
            onClick={() => seek(one.exercise, one.position_s + JUMP_S)}
          >
            {filled(words.jumpAhead, { span: span(JUMP_S) })}
          </button>
          <End one={one} />
        </div>
      )}
      <Speed one={one} enabled={mine && ready} />
      {isSlow && <p>{words.slower}</p>}
      <p class="soft">
        {filled(words.figures, {
          readings: one.readings.toLocaleString(locale.value),
          sensors: one.sensors?.toLocaleString(locale.value) ?? "–",
          by: one.started_by,
          time: shortTime(one.started_at),
        })}
      </p>
      <div class="replay-buttons">
        <button type="button" onClick={showAlarms}>
          {words.alarms}
        </button>
        <button type="button" onClick={() => lookAt(one)}>
          {words.lookAtThis}
        </button>
      </div>
      <Markers one={one} enabled={mine && ready} />
      <p class="soft">{words.meaning}</p>
      <p class="soft">{words.seekMeaning}</p>
    </article>
  );
}

function showAlarms(): void {
  changeMode("exercise");
  go("/");
}

function Position({ one, length, enabled }: { one: Exercise; length: number; enabled: boolean }) {
  const words = replayWords();
  const held = useSignal<number | null>(null);
  const position = held.value ?? one.position_s;
  const text = filled(words.positionNow, { position: span(position), length: span(length) });
  return (
    <div class="replay-position">
      <input
        type="range"
        min={0}
        max={length}
        step={10}
        value={position}
        disabled={!enabled}
        aria-label={words.position}
        aria-valuetext={text}
        onInput={(event) => (held.value = Number(event.currentTarget.value))}
        onChange={async (event) => {
          await seek(one.exercise, Number(event.currentTarget.value));
          held.value = null;
        }}
      />
      <span>{text}</span>
      {one.begins && (
        <span class="soft">{filled(words.ownClock, { time: dateTime(Date.parse(one.begins) + 1000 * position) })}</span>
      )}
    </div>
  );
}

function Speed({ one, enabled }: { one: Exercise; enabled: boolean }) {
  const words = replayWords();
  const speeds = SPEEDS.some((speed) => speed === one.speed) ? SPEEDS : [...SPEEDS, one.speed].sort((a, b) => a - b);
  return (
    <div class="replay-buttons" role="group" aria-label={words.speed}>
      {speeds.map((speed) => (
        <button
          type="button"
          key={speed}
          disabled={!enabled}
          aria-pressed={speed === one.speed}
          onClick={() => changeSpeed(one.exercise, speed)}
        >
          {filled(words.times, { speed })}
        </button>
      ))}
      {one.speed_reached !== null && <span>{filled(words.reached, { speed: one.speed_reached })}</span>}
    </div>
  );
}

function End({ one }: { one: Exercise }) {
  const words = replayWords();
  const asked = useSignal(false);
  const ending = useSignal(false);
  const end = async () => {
    ending.value = true;
    await steer(one.exercise, "end");
    ending.value = false;
  };
  if (!asked.value) {
    return (
      <button type="button" onClick={() => (asked.value = true)}>
        {words.end}
      </button>
    );
  }
  return (
    <>
      <button type="button" class="main" disabled={ending.value} onClick={end}>
        {ending.value ? words.ending : words.endSure}
      </button>
      <button type="button" disabled={ending.value} onClick={() => (asked.value = false)}>
        {words.keepOn}
      </button>
    </>
  );
}

function Markers({ one, enabled }: { one: Exercise; enabled: boolean }) {
  const words = replayWords();
  if (one.markers.length === 0) return null;
  return (
    <details class="replay-markers" open={one.markers.length <= 8}>
      <summary>{words.markers}</summary>
      <ul>
        {one.markers.map((marker) => (
          <li key={`${marker.position_s} ${marker.what}`}>
            <button type="button" disabled={!enabled} onClick={() => seek(one.exercise, marker.position_s)}>
              {filled(words.goTo, { position: span(marker.position_s), what: nameIn(markerWords(), marker.what) })}
              {marker.places > 1 && ` · ${filled(words.places, { count: marker.places })}`}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
