// Exercises that have ended: what they were, and the way to look back at them.
import { shortTime } from "../instant";
import { filled, locale } from "../language";
import { replayWords } from "../words/replay";
import { whatOf } from "./deck";
import { lookAt } from "./player";
import type { Exercise } from "./types";

const SHOWN_MAX = 10;

export function Earlier({ exercises }: { exercises: readonly Exercise[] }) {
  const words = replayWords();
  if (exercises.length === 0) return null;
  return (
    <>
      <h3>{words.earlier}</h3>
      <ul class="replay-earlier">
        {exercises.slice(0, SHOWN_MAX).map((one) => (
          <li key={one.exercise}>
            <strong>{whatOf(one)}</strong> <span class="replay-tag of-exercise">{words.exercise}</span>{" "}
            {words[`state_${one.state}`]}
            {one.error && <p class="replay-error">{one.error}</p>}
            <p class="soft">
              {filled(words.figuresEnded, {
                readings: one.readings.toLocaleString(locale.value),
                begin: shortTime(one.started_at),
                end: shortTime(one.ended_at),
                by: one.started_by,
              })}
            </p>
            <button type="button" onClick={() => lookAt(one)}>
              {words.lookAtThis}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
