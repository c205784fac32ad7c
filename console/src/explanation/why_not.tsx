// "Why was there no alarm?": a rule and a time at a sensor, asked of the service.
import { useSignal } from "@preact/signals";
import { messageOf, read } from "../api";
import { localTimes } from "../drawer/actions";
import { useAnswer } from "../drawer/answer";
import { inLanguage } from "../drawer/shown";
import type { SensorRule } from "../drawer/types";
import { localText, localTime } from "../engineer/local_time";
import { filled, named } from "../language";
import { explainWords } from "../words/explanation";
import { Explained } from "./explained";
import type { Explanation } from "./types";
import "./explanation.css";

interface Asked {
  sensors: readonly { sensor: string; name: string | null; name_zh: string | null }[];
  /** What the form begins with, epoch milliseconds. */
  time: number;
}

export function WhyNot(asked: Asked) {
  const isOpen = useSignal(false);
  return (
    <details
      class="explained-ask"
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>{explainWords().why}</summary>
      {isOpen.value && <Ask {...asked} />}
    </details>
  );
}

function Ask({ sensors, time }: Asked) {
  const words = explainWords();
  const sensor = useSignal(sensors[0]?.sensor ?? "");
  const path = `/sensors/${encodeURIComponent(sensor.value)}/rules`;
  const rules = useAnswer(async () => (await read<{ rules: SensorRule[] }>(path)).rules, [sensor.value]);
  const found = useSignal<Explanation | null>(null);
  const said = useSignal("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const at = localTime(String(given.get("time")));
    found.value = null;
    said.value = at === null ? words.badTime : words.asking;
    if (at === null) return;
    try {
      const asked = { sensor: sensor.value, rule: String(given.get("rule")), time: new Date(at).toISOString() };
      found.value = await read<Explanation>("/explanation", asked);
      said.value = "";
    } catch (error) {
      said.value = filled(words.failed, { why: localTimes(messageOf(error)) });
    }
  };
  return (
    <>
      <form onSubmit={submit} noValidate>
        {sensors.length > 1 && (
          <label>
            {words.sensor}
            <select
              onChange={(event) => {
                sensor.value = event.currentTarget.value;
              }}
            >
              {sensors.map((one) => (
                <option key={one.sensor} value={one.sensor}>
                  {named(one.name_zh, one.name, one.sensor)}
                </option>
              ))}
            </select>
          </label>
        )}
        <label>
          {words.rule}
          <select name="rule">
            {(rules.value ?? []).map((one) => (
              <option key={one.rule} value={one.rule}>
                {inLanguage(one.name, one.rule)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {words.at}
          <input name="time" autocomplete="off" defaultValue={localText(time)} />
        </label>
        <button type="submit" disabled={!rules.value?.length}>
          {words.ask}
        </button>
      </form>
      {rules.failed && <p role="alert">{filled(words.failed, { why: rules.failed })}</p>}
      {rules.value?.length === 0 && <p>{words.noRules}</p>}
      <p role="status">{said.value}</p>
      {found.value && <Explained of={found.value} />}
    </>
  );
}
