// Over which of the time in which readings arrived the rules are tried.
import { useSignal } from "@preact/signals";
import { fullTime, span } from "../instant";
import { filled } from "../language";
import { engineerTrialWords } from "../words/engineer_trial";
import { from, to, warmUpHours } from "./drafts";
import { localText, localTime } from "./local_time";

const HOUR_MS = 3_600_000;
const SPANS = [1, 6, 24, 168] as const;

export function TrialSpan() {
  const words = engineerTrialWords();
  const wrong = useSignal("");
  const set = (which: typeof from) => (event: Event & { currentTarget: HTMLInputElement }) => {
    const time = localTime(event.currentTarget.value);
    wrong.value = time === null ? filled(words.noTime, { text: event.currentTarget.value }) : "";
    if (time !== null) which.value = time;
    else event.currentTarget.value = localText(which.value);
  };
  return (
    <div class="engineer-form">
      <label>
        {words.from}
        <input value={localText(from.value)} onChange={set(from)} />
      </label>
      <label>
        {words.to}
        <input value={localText(to.value)} onChange={set(to)} />
      </label>
      <div class="engineer-presets" role="group" aria-label={words.spans}>
        {SPANS.map((hours) => (
          <button
            key={hours}
            type="button"
            onClick={() => {
              to.value = Date.now();
              from.value = to.value - hours * HOUR_MS;
            }}
          >
            {filled(words.last, { span: span(hours * 3600) })}
          </button>
        ))}
      </div>
      <label>
        {words.warmUp}
        <input
          type="number"
          min="0"
          max="168"
          step="1"
          value={warmUpHours.value}
          onInput={(event) => (warmUpHours.value = event.currentTarget.value)}
        />
      </label>
      {wrong.value && (
        <p role="alert" class="wide">
          {wrong.value}
        </p>
      )}
      <p class="soft wide">
        {words.bounds} {fullTime(from.value)} – {fullTime(to.value)}
      </p>
    </div>
  );
}
