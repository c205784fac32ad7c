// The replay view: exercises, steered while they are played; and the look back at what stood at a time of the past.
import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { mode } from "../alarm_store";
import { filled, language } from "../language";
import { replayWords } from "../words/replay";
import { cityName } from "./cities";
import { Deck } from "./deck";
import { Earlier } from "./earlier";
import { failure, isRunning, keepAsking, list, mayTrain, noAnswer, stopAsking } from "./exercises";
import { LookBack } from "./look_back";
import { loaded, unload } from "./player";
import "./replay.css";
import { StartForm } from "./start_form";

export function Replay() {
  const words = replayWords();
  useEffect(() => {
    keepAsking();
    return () => {
      stopAsking();
      unload();
    };
  }, []);
  const all = list.value?.exercises ?? [];
  const running = all.filter(isRunning);
  useTitle(running.length > 0 || loaded.value?.mode === "exercise");
  const isExercise = running.length > 0;
  const isFramed = isExercise && mode.value !== "exercise"; // where the alarm screen shows exercises, all is framed
  const mayStart = list.value !== null && mayTrain() && running.length < list.value.exercises_max;
  return (
    <div class={isFramed ? "replay replay-exercise" : "replay"}>
      <h1 class="unseen">{words.title}</h1>
      {isFramed && (
        <p class="replay-banner" role="status">
          {filled(words.exerciseBanner, { cities: running.flatMap((one) => one.cities.map(cityName)).join(", ") })}
        </p>
      )}
      {noAnswer.value && (
        <p class="banner lag-banner" role="alert">
          {words.noAnswer}
        </p>
      )}
      {failure.value && (
        <p class="banner notice-banner" role="alert">
          {failure.value}{" "}
          <button type="button" onClick={() => (failure.value = "")}>
            {words.dismiss}
          </button>
        </p>
      )}
      <div class="replay-columns">
        <section class="replay-panel" aria-labelledby="replay-exercises">
          <h2 id="replay-exercises">{words.exercise}</h2>
          {running.map((one) => (
            <Deck key={one.exercise} exercise={one} />
          ))}
          {list.value && !isExercise && <p class="soft">{list.value.exercises_max > 0 ? words.none : words.notHere}</p>}
          {list.value && !mayTrain() && <p class="soft">{words.notForRole}</p>}
          {mayStart && <StartForm />}
          <Earlier exercises={all.filter((one) => !isRunning(one))} />
        </section>
        <LookBack />
      </div>
    </div>
  );
}

/** The tab's title says that it is an exercise, whatever mode the alarm screen shows. */
function useTitle(isExercise: boolean): void {
  useSignalEffect(() => {
    mode.value;
    language.value;
    mark(isExercise);
  });
  useEffect(() => {
    mark(isExercise);
    return () => mark(false);
  }, [isExercise, language.value]);
}

function mark(isExercise: boolean): void {
  const own = `${replayWords().exerciseTitle} `;
  const plain = document.title.startsWith(own) ? document.title.slice(own.length) : document.title;
  document.title = isExercise ? own + plain : plain;
}
