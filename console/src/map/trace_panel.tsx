// The selected alarm or sensor, and what lies upstream and downstream of it, in words.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { messageOf, read } from "../api";
import type { components } from "../generated/api";
import { span } from "../instant";
import { filled, named } from "../language";
import { follow } from "../router";
import { type Level, levelOf, rankOf, SeverityChip } from "../severity";
import { mapWords } from "../words/map";
import { stateWords, systemWords } from "../words/shared";
import type { Drawing } from "./drawing";
import { placeOf } from "./features";
import { type MapModel, type TraceShown, WITHIN_M } from "./map_model";

const LISTED_MAX = 60;

/** Metres as people say them. */
export function metres(length: number): string {
  const words = mapWords();
  return length < 1000
    ? filled(words.scaleM, { count: Math.round(length) })
    : filled(words.scaleKm, { count: (length / 1000).toFixed(1) });
}

const wordFor = (name: string): string => (mapWords() as Record<string, string>)[name] ?? name;
const systemName = (system: string): string => (systemWords() as Record<string, string>)[system] ?? system;

interface PanelProps {
  model: MapModel;
  drawing: Drawing | null;
  /** There is no drawer beside it: a link leads to one. */
  whole: boolean;
}

export function TracePanel({ model, drawing, whole }: PanelProps) {
  const words = mapWords();
  const selected = model.selected.value;
  const alarm = model.known.value.find((one) => one.alarm === selected);
  const sensor = model.data.value?.sensors.get(alarm?.sensor ?? model.picked.value ?? "");
  if (selected && !alarm) return <p class="map-selected soft">{words.notHere}</p>;
  if (!alarm && !sensor) return null;
  const place = alarm ? placeOf(alarm, model.data.value?.sensors ?? new Map()) : sensor?.position;
  return (
    <div class="map-selected">
      <h2>{alarm ? words.selected : words.picked}</h2>
      <p>
        {alarm && <SeverityChip level={levelOf(alarm)} />}{" "}
        <strong>
          {named(sensor?.name_zh ?? alarm?.name_zh, sensor?.name ?? alarm?.name, alarm?.sensor ?? sensor?.sensor ?? "")}
        </strong>
      </p>
      {alarm && (
        <p class="soft">
          {systemName(alarm.system)} · {stateWords()[alarm.state]} · {alarm.sensor}
        </p>
      )}
      {!alarm && sensor && <Reading key={sensor.sensor} sensor={sensor.sensor} />}
      <p class="map-acts">
        {place && drawing && (
          <button type="button" onClick={() => drawing.centre(place)}>
            {words.showSelected}
          </button>
        )}
        {alarm && whole && (
          <a class="map-open" href={`/?alarm=${encodeURIComponent(alarm.alarm)}`} onClick={follow}>
            {words.open}
          </a>
        )}
      </p>
      <Tracing model={model} system={sensor?.system ?? alarm?.system ?? ""} />
    </div>
  );
}

/** The newest reading of a picked sensor, with its age: it may be old. */
function Reading({ sensor }: { sensor: string }) {
  const found = useSignal<components["schemas"]["LatestReading"] | null>(null);
  const failed = useSignal("");
  useEffect(() => {
    read<components["schemas"]["LatestReading"]>(`/sensors/${encodeURIComponent(sensor)}/latest`).then(
      (answer) => {
        found.value = answer;
      },
      (error: unknown) => {
        failed.value = messageOf(error);
      },
    );
  }, []);
  const words = mapWords();
  const { reading, age_s, unit, freshness } = found.value ?? {};
  if (failed.value) return <p role="alert">{filled(words.notLoaded, { why: failed.value })}</p>;
  if (!found.value) return null;
  return (
    <p>
      {reading
        ? filled(words.reading, {
            value: Number(reading.value.toPrecision(6)),
            unit: unit ?? "",
            age: span(age_s ?? 0),
          })
        : words.noReading}
      {freshness && freshness !== "fresh" && <strong class="doubt"> {wordFor(freshness)}</strong>}
      {reading && reading.quality !== "good" && <strong class="doubt"> {wordFor(reading.quality)}</strong>}
    </p>
  );
}

function Tracing({ model, system }: { model: MapModel; system: string }) {
  const words = mapWords();
  const foothold = model.foothold.value;
  if (model.data.value?.networksRefused) return <p class="soft">{words.noTraceRole}</p>;
  if (!foothold) return <p class="soft">{model.data.value ? words.noTrace : ""}</p>;
  const facts = {
    asset: foothold.asset,
    medium: wordFor(foothold.medium),
    metres: Math.round(foothold.apart_m),
    system: systemName(system),
  };
  return (
    <>
      <div class="map-trace" role="group" aria-label={words.trace}>
        {(["upstream", "downstream"] as const).map((direction) => (
          <button
            key={direction}
            type="button"
            aria-pressed={model.directions.value.includes(direction)}
            aria-keyshortcuts={direction === "upstream" ? "U" : "D"}
            onClick={() => model.trace(direction)}
          >
            {words[direction]}{" "}
            <span class="map-key" aria-hidden="true">
              {direction === "upstream" ? "U" : "D"}
            </span>
          </button>
        ))}
        <label>
          {words.within}{" "}
          <select
            value={model.within.value}
            onChange={(event) => (model.within.value = Number(event.currentTarget.value))}
          >
            {WITHIN_M.map((most) => (
              <option key={most} value={most}>
                {metres(most)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <p class="soft">{filled(foothold.apart_m > 0 ? words.startNear : words.start, facts)}</p>
      {foothold.medium !== system && <p class="soft">{filled(words.otherNetwork, facts)}</p>}
      {model.traces.value.length > 0 && foothold.medium !== "drainage" && <p class="soft">{words.looped}</p>}
      <div aria-live="polite">
        {model.traces.value.map((one) => (
          <OnTheWay key={one.traced.direction} shown={one} model={model} />
        ))}
      </div>
    </>
  );
}

function OnTheWay({ shown: { traced, passed }, model }: { shown: TraceShown; model: MapModel }) {
  const words = mapWords();
  const facts = {
    medium: wordFor(traced.medium),
    direction: words[traced.direction].toLowerCase(),
    length: metres(traced.length_m),
    links: traced.links.size,
  };
  const alarmed = new Map<string, Level>();
  for (const { alarm, level } of model.placed.value) {
    if (rankOf(level) >= rankOf(alarmed.get(alarm.sensor) ?? "none")) alarmed.set(alarm.sensor, level);
  }
  return (
    <div class="map-way">
      <h3>{filled(words.traced, facts)}</h3>
      {traced.isCut && (
        <p class="soft">{filled(words.cut, { metres: metres(model.within.value), links: traced.links.size })}</p>
      )}
      <p class="soft">{passed.length ? filled(words.onTheWay, { count: passed.length }) : words.nothingOnTheWay}</p>
      <ol>
        {passed.slice(0, LISTED_MAX).map(({ node, kind, metres: way, sensors }) => (
          <li key={node}>
            <span class="map-metres">{metres(way)}</span> {wordFor(kind)} {node}
            {sensors.map((sensor) => {
              const level = alarmed.get(sensor.sensor);
              const isDoubted = sensor.doubt !== null || model.doubted.value.has(sensor.sensor);
              return (
                <div key={sensor.sensor} class="map-on-way">
                  {level && <SeverityChip level={level} short />} {named(sensor.name_zh, sensor.name, sensor.sensor)}
                  {isDoubted && <span class="doubt"> {words.silentSensor}</span>}
                </div>
              );
            })}
          </li>
        ))}
      </ol>
      {passed.length > LISTED_MAX && (
        <p class="soft">{filled(words.moreOnTheWay, { count: passed.length - LISTED_MAX })}</p>
      )}
    </div>
  );
}
