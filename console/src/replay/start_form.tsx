// What to exercise, where to begin in it, and how fast.
import { useSignal } from "@preact/signals";
import { span } from "../instant";
import { filled, named } from "../language";
import { replayWords } from "../words/replay";
import { nameIn, scenarioWords } from "../words/replay_scenarios";
import { SPEEDS } from "./deck";
import { playable, start } from "./exercises";

type Size = "full" | "small";
const FIRST_SCENARIO = "gas-leak";

export function StartForm() {
  const words = replayWords();
  const ofRecording = useSignal(false);
  const platform = useSignal("");
  const scenario = useSignal(FIRST_SCENARIO);
  const size = useSignal<Size>("small");
  const seed = useSignal(1);
  const recording = useSignal("");
  const minute = useSignal(0);
  const speed = useSignal(10);
  const sending = useSignal(false);
  const found = playable.value;
  if (!found) return null;
  const chosen = platform.value || (found.platforms[0]?.platform ?? "");
  const recordings = found.recordings.filter((one) => one.has_sensors);
  const played = recording.value || (recordings[0]?.recording ?? "");
  const length = found.scenarios.find((one) => one.scenario === scenario.value)?.length_s ?? 0;
  const submit = async (event: Event) => {
    event.preventDefault();
    sending.value = true;
    const where = { speed: speed.value, position_s: 60 * minute.value };
    const what = ofRecording.value
      ? { recording: played }
      : { platform: chosen, scenario: scenario.value, size: size.value, seed: seed.value };
    await start({ ...what, ...where });
    sending.value = false;
  };
  return (
    <form class="replay-form" onSubmit={submit}>
      <div role="group" aria-label={words.what} class="replay-buttons">
        <button type="button" aria-pressed={!ofRecording.value} onClick={() => (ofRecording.value = false)}>
          {words.ofScenario}
        </button>
        <button type="button" aria-pressed={ofRecording.value} onClick={() => (ofRecording.value = true)}>
          {words.ofRecording}
        </button>
      </div>
      {ofRecording.value ? (
        <label>
          {words.recording}
          <select value={played} onChange={(event) => (recording.value = event.currentTarget.value)}>
            {found.recordings.map((one) => (
              <option key={one.recording} value={one.recording} disabled={!one.has_sensors}>
                {one.has_sensors ? one.recording : filled(words.noSensors, { recording: one.recording })}
              </option>
            ))}
          </select>
          {found.recordings.length === 0 && <span class="soft">{words.noRecordings}</span>}
        </label>
      ) : (
        <>
          <label>
            {words.platform}
            <select value={chosen} onChange={(event) => (platform.value = event.currentTarget.value)}>
              {found.platforms.map((one) => (
                <option key={one.platform} value={one.platform}>
                  {named(one.name_zh, one.name, one.platform)}
                </option>
              ))}
            </select>
          </label>
          <label>
            {words.scenario}
            <select value={scenario.value} onChange={(event) => (scenario.value = event.currentTarget.value)}>
              {found.scenarios.map((one) => (
                <option key={one.scenario} value={one.scenario} title={one.summary}>
                  {nameIn(scenarioWords(), one.scenario)}
                </option>
              ))}
            </select>
            <span class="soft">{filled(words.length, { length: span(length) })}</span>
          </label>
          <label>
            {words.size}
            <select value={size.value} onChange={(event) => (size.value = event.currentTarget.value as Size)}>
              <option value="small">{words.size_small}</option>
              <option value="full">{words.size_full}</option>
            </select>
          </label>
          <label>
            {words.seed}
            <input
              type="number"
              min={0}
              max={2 ** 31}
              step={1}
              required
              value={seed.value}
              onInput={(event) => (seed.value = event.currentTarget.valueAsNumber)}
            />
          </label>
        </>
      )}
      <label>
        {words.from}
        <input
          type="number"
          min={0}
          max={ofRecording.value ? undefined : Math.max(0, Math.ceil(length / 60) - 1)}
          step={1}
          required
          value={minute.value}
          onInput={(event) => (minute.value = event.currentTarget.valueAsNumber)}
        />
      </label>
      <label>
        {words.speed}
        <select value={speed.value} onChange={(event) => (speed.value = Number(event.currentTarget.value))}>
          {SPEEDS.map((one) => (
            <option key={one} value={one}>
              {filled(words.times, { speed: one })}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="main" disabled={sending.value || (ofRecording.value ? !played : !chosen)}>
        {words.start}
      </button>
    </form>
  );
}
