// Near me: sensors and alarms around the crew, in a district, or at an asset by its number.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { orNone, Refused } from "../api";
import { filled, named } from "../language";
import { status } from "../status";
import type { Mode } from "../types";
import { fieldWords } from "../words/field";
import { ask, reachable, useKept } from "./answers";
import { AlarmRow, AsOf, isOld, Refusal, SensorRow, shownMode } from "./parts";
import { followPosition, locate, locateIfAllowed, locating, type Place, place, trouble } from "./place";
import { ScanButton } from "./scan";
import { distanceOf, needsOwnMeasurement } from "./shown";
import type { Asset, BriefAlarm, BriefSensor } from "./types";

const RADIUS_M = 5000;
const SENSORS_MAX = 30;
const ALARMS_MAX = 20;

/** What was found, and of which place: never the crew's own position. */
interface Around {
  label: string;
  isPosition: boolean;
  sensors: BriefSensor[];
  alarms: BriefAlarm[];
}

export function Near() {
  const words = fieldWords();
  const mode = shownMode();
  const asked = useKept<Around>(mode && `near:${mode}`, async () => {
    await followPosition();
    return place.peek() && mode ? around(place.peek() as Place, mode) : undefined;
  });
  useEffect(() => {
    locateIfAllowed();
  }, []);
  const before = useRef(place.peek());
  useSignalEffect(() => {
    const now = place.value;
    // a position that is only followed is asked about with the next question
    if (now && now !== before.current && !(now.kind === "position" && now.isFollowed)) asked.again();
    before.current = now;
  });
  const found = asked.shown.value?.data;
  const old = isOld(asked);
  const at = nameOfPlace(place.value);
  return (
    <>
      <h1>{words.near}</h1>
      <details class="field-place" open={!found || undefined}>
        <summary>{at ? filled(words.changePlace, { place: at }) : words.noPlaceYet}</summary>
        <PlaceBar />
      </details>
      {trouble.value && <Refusal text={words[trouble.value]} />}
      {(found || place.value || !reachable.value) && <AsOf of={asked} />}
      {found && (
        <>
          <p class="field-where">
            {found.isPosition ? filled(words.around, { metres: distanceOf(RADIUS_M) }) : found.label}
          </p>
          {found.sensors.some((one) => needsOwnMeasurement(one.property)) && (
            <p class="field-permit">{words.permitShort}</p>
          )}
          <h2>{words.alarms}</h2>
          {found.alarms.length === 0 && <p>{words.noAlarms}</p>}
          <ul class="field-list">
            {found.alarms.map((one) => (
              <AlarmRow key={one.alarm} alarm={one} name={one.name ?? one.sensor} tab="near" />
            ))}
          </ul>
          <h2>{words.sensors}</h2>
          {found.sensors.length === 0 && <p>{words.noSensors}</p>}
          <ul class="field-list">
            {found.sensors.map((one) => (
              <SensorRow key={one.sensor} sensor={one} old={old} tab="near" />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function nameOfPlace(at: Place | null): string {
  if (at?.kind === "position") return filled(fieldWords().placed, { metres: at.metres });
  return at?.kind === "district" ? at.label : (at?.text ?? "");
}

function PlaceBar() {
  const words = fieldWords();
  const text = useSignal("");
  const find = (wanted: string) => {
    if (wanted.trim()) place.value = { kind: "text", text: wanted.trim() };
  };
  return (
    <div class="field-actions">
      <button type="button" class="main" disabled={locating.value} onClick={locate}>
        {locating.value ? words.locating : words.myPlace}
      </button>
      <p>{words.placePrivacy}</p>
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          find(text.value);
        }}
      >
        <label for="field-text">{words.search}</label>
        <input
          id="field-text"
          value={text.value}
          maxLength={128}
          autocapitalize="characters"
          autocomplete="off"
          spellcheck={false}
          enterkeyhint="search"
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
        <button type="submit">{words.find}</button>
        <ScanButton
          found={(code) => {
            text.value = code;
            find(code);
          }}
        />
      </form>
      <Districts />
    </div>
  );
}

function Districts() {
  const words = fieldWords();
  const cities = (status.value?.cities ?? []).filter((city) => city.mode === shownMode());
  const listed = cities.flatMap((city) =>
    city.districts.map(({ district }) => ({
      value: `${city.city}/${district}`,
      choice: {
        kind: "district" as const,
        city: city.city,
        district,
        label: [named(city.name_zh, city.name, city.city), district].filter(Boolean).join(" · "),
      },
    })),
  );
  if (listed.length === 0) return null;
  const at = place.value;
  return (
    <label>
      {words.district}
      <select
        value={at?.kind === "district" ? `${at.city}/${at.district}` : ""}
        onChange={(event) => {
          const chosen = listed.find((one) => one.value === event.currentTarget.value);
          if (chosen) place.value = chosen.choice;
        }}
      >
        <option value="">{words.choose}</option>
        {listed.map((one) => (
          <option key={one.value} value={one.value}>
            {one.choice.label}
          </option>
        ))}
      </select>
    </label>
  );
}

async function around(at: Place, mode: Mode): Promise<Around> {
  if (at.kind === "text") return byText(at.text, mode);
  const where =
    at.kind === "position"
      ? { near: at.at.join(","), radius_m: RADIUS_M }
      : { city: at.city, ...(at.district && { district: at.district }) };
  const [{ sensors }, { alarms }] = await Promise.all([
    ask<{ sensors: BriefSensor[] }>("/sensors/latest", { ...where, mode, limit: SENSORS_MAX }),
    ask<{ alarms: BriefAlarm[] }>("/alarms", { ...where, mode, view: "brief", limit: ALARMS_MAX }),
  ]);
  return { label: at.kind === "district" ? at.label : "", isPosition: at.kind === "position", sensors, alarms };
}

/** An asset by its number, else sensors whose id, asset or name holds the text. */
async function byText(text: string, mode: Mode): Promise<Around> {
  const found = await orNone(ask<{ assets: Asset[] }>(`/assets/${encodeURIComponent(text)}`));
  const own = found?.assets.filter((one) => one.mode === mode) ?? [];
  if (own.length > 0) {
    return {
      label: own.map((one) => [one.asset, one.city, one.district].filter(Boolean).join(" · ")).join("; "),
      isPosition: false,
      sensors: own.flatMap((one) => one.sensors),
      alarms: own.flatMap((one) => one.alarms),
    };
  }
  const { sensors } = await ask<{ sensors: BriefSensor[] }>("/sensors/latest", { q: text, mode, limit: SENSORS_MAX });
  if (sensors.length === 0) throw new Refused(notFound(text));
  return { label: text, isPosition: false, sensors, alarms: [] };
}

const notFound = (text: string) => ({
  type: "/docs#not-found",
  title: "",
  status: 404,
  detail: filled(fieldWords().notFound, { text }),
  field: null,
  remedy: null,
});
