// "A caller says …": what, where and when, entered by keyboard in the order in which it is told.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { mode } from "../alarm_store";
import { read, send } from "../api";
import type { components } from "../generated/api";
import { filled, named } from "../language";
import { cityName } from "../names";
import type { Status } from "../types";
import { systemWords } from "../words/shared";
import { reportKindWords, reportWords } from "../words/shift_reports";
import { Outcome, useAct } from "./parts";
import { degreesOf, KINDS, type Kind, kindOf } from "./report_kinds";

type Schemas = components["schemas"];
type Sensor = Schemas["SensorItem"];
interface Where {
  longitude: number;
  latitude: number;
  city: string;
  told: string;
}
const SOURCES = ["hotline", "patrol", "grid_worker", "drone", "video", "partner", "other"] as const;
const TEXT_MAX = 2_000;
const WAIT_MS = 250;
const MINUTE_MS = 60_000;

const kindName = (kind: Kind): string => reportKindWords()[kind];

export function ReportForm({ cities, sent }: { cities: Status["cities"]; sent: () => void }) {
  const words = reportWords();
  const act = useAct();
  const first = useRef<HTMLInputElement>(null);
  const kind = useSignal("");
  const place = useSignal("");
  const offered = useSignal<Sensor[]>([]);
  const where = useSignal<Where | null>(null);
  const unknown = useSignal("");
  const text = useSignal("");
  const minutes = useSignal("0");
  const source = useSignal<(typeof SOURCES)[number]>("hotline");
  const reference = useSignal("");
  useEffect(() => first.current?.focus(), []);
  useEffect(() => {
    const asked = place.value.trim();
    where.value = null;
    unknown.value = "";
    if (!asked) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      lookUp(asked, stop.signal, cities).then(
        ([found, others]) => {
          where.value = found;
          offered.value = others;
          if (!found) unknown.value = others.length > 0 ? words.placeUnclear : words.placeUnknown;
        },
        () => {
          if (!stop.signal.aborted) unknown.value = words.placeNotAsked;
        },
      );
    }, WAIT_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [place.value]);
  const chosen = kindOf(kind.value, kindName);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!chosen || !where.value) return;
    const at = where.value;
    const body = {
      kind: chosen,
      city: at.city,
      place: { longitude: at.longitude, latitude: at.latitude },
      source: source.value,
      text: text.value.trim() || null,
      reference: reference.value.trim() || null,
    };
    const isDone = await act.send({ ...body, minutes: minutes.value }, async (key) => {
      const time = new Date(Date.now() - Number(minutes.value || "0") * MINUTE_MS).toISOString();
      const made = await send<Schemas["ReportItem"]>("POST", "/reports", { ...body, time }, key);
      return filled(made.incident ? words.sentInto : words.sent, {
        report: made.report,
        incident: made.incident ?? "",
      });
    });
    if (!isDone) return;
    for (const field of [kind, place, text, reference]) field.value = "";
    minutes.value = "0";
    first.current?.focus();
    sent();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && event.ctrlKey) (event.currentTarget as HTMLFormElement).requestSubmit();
  };
  return (
    <form class="shift-form" onSubmit={submit} onKeyDown={onKey}>
      <label>
        {words.kind}
        <input
          ref={first}
          list="report-kinds"
          value={kind.value}
          required
          autocomplete="off"
          aria-describedby="report-kind"
          onInput={(event) => (kind.value = event.currentTarget.value)}
        />
      </label>
      <datalist id="report-kinds">
        {KINDS.map(([one, system], number) => (
          <option key={one} value={`${String(number + 1).padStart(2, "0")} ${kindName(one)}`}>
            {systemWords()[system as "gas"]}
          </option>
        ))}
      </datalist>
      <p id="report-kind" class={kind.value && !chosen ? "shift-failure" : "soft"}>
        {chosen ? `✓ ${kindName(chosen)} · ${systemWords()[systemOf(chosen)]}` : words.kindHint}
      </p>
      <label>
        {words.place}
        <input
          list="report-places"
          value={place.value}
          required
          autocomplete="off"
          aria-describedby="report-place"
          onInput={(event) => (place.value = event.currentTarget.value)}
        />
      </label>
      <datalist id="report-places">
        {offered.value.map((one) => (
          <option key={one.sensor} value={one.sensor}>
            {[one.asset, named(one.name_zh, one.name, "")].filter(Boolean).join(" ")}
          </option>
        ))}
      </datalist>
      <p id="report-place" class={unknown.value ? "shift-failure" : "soft"}>
        {where.value ? `✓ ${where.value.told}` : unknown.value || words.placeHint}
      </p>
      <label>
        {words.text}
        <textarea
          rows={2}
          maxLength={TEXT_MAX}
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </label>
      <p class="soft">{words.noNames}</p>
      <div class="shift-row">
        <label>
          {words.minutes}
          <input
            type="number"
            min={0}
            max={43_200}
            value={minutes.value}
            onInput={(event) => (minutes.value = event.currentTarget.value)}
          />
        </label>
        <label>
          {words.source}
          <select value={source.value} onChange={(event) => (source.value = event.currentTarget.value as "hotline")}>
            {SOURCES.map((one) => (
              <option key={one} value={one}>
                {words[`source_${one}`]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {words.reference}
          <input
            value={reference.value}
            maxLength={64}
            onInput={(event) => (reference.value = event.currentTarget.value)}
          />
        </label>
      </div>
      <p class="shift-actions">
        <button type="submit" class="main" disabled={act.sending || !chosen || !where.value}>
          {words.send}
        </button>
        <span class="soft">{words.sendHint}</span>
      </p>
      <Outcome act={act} />
    </form>
  );
}

const systemOf = (kind: Kind) => (KINDS.find(([one]) => one === kind)?.[1] ?? "gas") as "gas";

/** Where a text is: degrees, or the sensor or asset of that number; else what it may mean. */
async function lookUp(asked: string, stop: AbortSignal, cities: Status["cities"]): Promise<[Where | null, Sensor[]]> {
  const words = reportWords();
  const degrees = degreesOf(asked);
  if (degrees) {
    const near = `${degrees.longitude},${degrees.latitude}`;
    const found = await read<Schemas["SensorPage"]>("/sensors", { near, mode: mode.peek(), limit: 1 }, stop);
    const sensor = found.sensors[0];
    const city = sensor?.city ?? (cities.length === 1 ? cities[0]?.city : undefined);
    if (!city) return [null, []];
    const told = filled(words.near, {
      sensor: sensor ? nameOf(sensor) : "–",
      metres: Math.round(sensor?.distance_m ?? 0),
    });
    return [{ ...degrees, city, told: `${cityName(city)} · ${told}` }, []];
  }
  const found = await read<Schemas["SensorPage"]>("/sensors", { q: asked, mode: mode.peek(), limit: 8 }, stop);
  const { sensors } = found;
  const typed = asked.toLowerCase();
  const exact = sensors.filter((one) => one.sensor.toLowerCase() === typed || one.asset.toLowerCase() === typed);
  const one = exact[0] ?? (sensors.length === 1 ? sensors[0] : undefined);
  if (typeof one?.longitude !== "number" || typeof one.latitude !== "number") return [null, sensors];
  const told = [cityName(one.city), one.district, nameOf(one)].filter(Boolean).join(" · ");
  return [{ longitude: one.longitude, latitude: one.latitude, city: one.city, told }, sensors];
}

const nameOf = (sensor: Sensor): string => named(sensor.name_zh, sensor.name, sensor.sensor);
