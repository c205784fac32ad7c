// The alarms in view as a list: for the keyboard, a screen reader, and a browser that cannot draw.
import { loaded } from "../alarm_store";
import { age } from "../instant";
import { filled, named } from "../language";
import { setQuery } from "../router";
import { SeverityChip } from "../severity";
import { mapWords } from "../words/map";
import { stateWords, systemWords } from "../words/shared";
import type { Placed } from "./features";
import type { MapModel } from "./map_model";

const LISTED_MAX = 100;

export function AlarmsInView({ model, isDrawn }: { model: MapModel; isDrawn: boolean }) {
  const words = mapWords();
  const shown = isDrawn ? model.inView.value : model.placed.value;
  const elsewhere = model.known.value.filter((one) => one.city !== model.city.value && one.class === "process").length;
  const beyond = model.placed.value.length - shown.length;
  return (
    <div class="map-alarms">
      <h2>{filled(isDrawn ? words.inView : words.inCity, { count: shown.length })}</h2>
      {shown.length === 0 && <p class="soft">{loaded.value ? words.noneInView : words.alarmsNotKnown}</p>}
      <ul>
        {shown.slice(0, LISTED_MAX).map((one) => (
          <Row key={one.alarm.alarm} one={one} isSelected={model.selected.value === one.alarm.alarm} />
        ))}
      </ul>
      {shown.length > LISTED_MAX && (
        <p class="soft">{filled(words.moreInList, { count: shown.length - LISTED_MAX })}</p>
      )}
      {beyond > 0 && <p class="soft">{filled(words.outOfView, { count: beyond })}</p>}
      {elsewhere > 0 && <p class="soft">{filled(words.elsewhere, { count: elsewhere })}</p>}
    </div>
  );
}

function Row({ one: { alarm, level }, isSelected }: { one: Placed; isSelected: boolean }) {
  return (
    <li>
      <button type="button" aria-pressed={isSelected} onClick={() => setQuery({ alarm: alarm.alarm })}>
        <SeverityChip level={level} short />
        <span class="map-alarm-name">{named(alarm.name_zh, alarm.name, alarm.sensor)}</span>
        <span class="soft">
          {(systemWords() as Record<string, string>)[alarm.system] ?? alarm.system} · {stateWords()[alarm.state]} ·{" "}
          {age(alarm.raised_at)}
        </span>
      </button>
    </li>
  );
}
