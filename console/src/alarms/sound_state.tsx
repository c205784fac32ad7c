// Whether alarms can be heard, in the header; a click changes it.
import { useEffect } from "preact/hooks";
import { soundWords } from "../words/alarms";
import "./sound_state.css";
import { beginSound, muted, showSound, soundState } from "./sound";
import { arm } from "./tone";

beginSound();

export function SoundState() {
  useEffect(showSound, []);
  const state = soundState();
  const words = soundWords();
  const change = () => {
    if (state === "browser") arm();
    else muted.value = state !== "muted";
  };
  return (
    <button
      type="button"
      class={`sound ${state}`}
      aria-describedby="sound-hint"
      title={words[`${state}_hint`]}
      onClick={change}
    >
      <span aria-hidden="true">{state === "armed" ? "♪" : "✕"}</span> {words[state]}
      <span id="sound-hint" class="unseen">
        {words[`${state}_hint`]}
      </span>
    </button>
  );
}
