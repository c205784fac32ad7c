// The map with its controls, legend and, as the way without eyes or WebGL, the list of its alarms and the trace in words.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { mode } from "../alarm_store";
import { messageOf } from "../api";
import { clockTime } from "../instant";
import { filled, language } from "../language";
import { setQuery } from "../router";
import { status } from "../status";
import { theme } from "../theme";
import { mapWords } from "../words/map";
import { AlarmsInView } from "./alarms_in_view";
import { progress } from "./city_data";
import { Controls, Legend, Scale } from "./controls";
import { type Drawing, NoWebgl, openDrawing } from "./drawing";
import { keepDrawn } from "./keep_drawn";
import { MapFilters } from "./map_filters";
import { type MapModel, mapModel } from "./map_model";
import type { MapProps } from "./map_view";
import { TracePanel } from "./trace_panel";
import "./map.css";

/** In a narrower window the legend would cover what it explains. */
const LEGEND_PX_MIN = 1200;

export function MapBody({ alarm = null, compact = false, own = null, whole = false }: MapProps) {
  const model = useMemo(() => mapModel(whole), []);
  useEffect(() => model.end, []);
  useEffect(() => {
    model.selected.value = alarm;
  }, [alarm]);
  useEffect(() => {
    model.own.value = own;
  }, [own?.[0], own?.[1]]);
  const drawing = useSignal<Drawing | null>(null);
  const failure = useSignal("");
  const words = mapWords();
  return (
    <section
      class={compact ? "map compact" : "map"}
      aria-label={words.title}
      aria-busy={progress.value !== null || model.data.value === null}
      onKeyDown={(event) => traceKeys(event, model)}
    >
      {whole && <h1 class="unseen">{words.title}</h1>}
      <div class="map-grid">
        <MapFilters model={model} />
        <div class="map-field">
          <Field model={model} drawing={drawing} failure={failure} />
          {drawing.value && <Controls model={model} drawing={drawing.value} />}
          {drawing.value && <Legend folded={compact || innerWidth < LEGEND_PX_MIN} />}
          {failure.value && (
            <p class="map-failure" role="alert">
              {failure.value === "webgl" ? words.noWebgl : filled(words.mapFailed, { why: failure.value })}
            </p>
          )}
        </div>
        <div class="map-side">
          <What model={model} />
          <TracePanel model={model} drawing={drawing.value} whole={whole} />
          <AlarmsInView model={model} isDrawn={drawing.value !== null} />
        </div>
      </div>
    </section>
  );
}

/** U and D trace up and down the network, while no field has the focus. */
function traceKeys(event: KeyboardEvent, model: MapModel): void {
  const direction = ({ u: "upstream", d: "downstream" } as const)[event.key.toLowerCase()];
  if (!direction || event.ctrlKey || event.metaKey || event.altKey) return;
  if ((event.target as HTMLElement).closest("input, select, textarea")) return;
  model.trace(direction);
  event.stopPropagation();
}

interface FieldProps {
  model: MapModel;
  drawing: { value: Drawing | null };
  failure: { value: string };
}

/** The element that is drawn in; what is shown follows the model. */
function Field({ model, drawing, failure }: FieldProps) {
  const place = useRef<HTMLDivElement>(null);
  const scale = useSignal(0);
  useEffect(() => {
    let isOver = false;
    let ends: (() => void)[] = [];
    const told = {
      moved: (bounds: MapModel["bounds"]["value"], metresPerPixel: number) => {
        model.bounds.value = bounds;
        scale.value = metresPerPixel;
      },
      alarm: (id: string) => setQuery({ alarm: id }),
      sensor: (id: string) => {
        model.picked.value = id;
      },
      failed: (why: string) => {
        failure.value = why;
      },
    };
    openDrawing(place.current as HTMLElement, mapWords().canvas, told).then(
      (opened) => {
        if (isOver) return opened.end();
        drawing.value = opened;
        Object.assign(place.current as HTMLElement, { drawing: opened }); // for tests, and for who looks into a page
        ends = [...keepDrawn(model, opened), () => opened.end()];
      },
      (error: unknown) => {
        failure.value = error instanceof NoWebgl ? "webgl" : String(error);
      },
    );
    return () => {
      isOver = true;
      for (const end of ends) end();
      drawing.value = null;
      model.bounds.value = null;
    };
  }, []);
  useSignalEffect(() => {
    theme.value;
    mode.value;
    drawing.value?.paintAnew();
  });
  useSignalEffect(() => {
    language.value;
    drawing.value?.canvas.getCanvas().setAttribute("aria-label", mapWords().canvas);
  });
  return (
    <>
      <div ref={place} class="map-canvas" data-ready={drawing.value ? "true" : undefined} />
      {scale.value > 0 && <Scale metresPerPixel={scale.value} />}
    </>
  );
}

/** What is being read, how old it is, and what is not shown. */
function What({ model }: { model: MapModel }) {
  const words = mapWords();
  const { data, failure } = model;
  const reading = progress.value;
  const found = data.value;
  const failed = failure.value;
  const cities = status.value?.cities ?? [];
  const total = cities.find((one) => one.city === model.city.value)?.sensors ?? reading?.total ?? 0;
  const unplaced = model.placed.value.filter(({ position }) => !position).length;
  const cut = found?.networks.filter((one) => one.isCut) ?? [];
  return (
    <div class="map-what soft">
      {reading !== null && (
        <p role="status">{filled(words.loading, { done: reading.done, total: Math.max(total, reading.done) })}</p>
      )}
      {failed !== null && (
        <p role="alert">
          {filled(words.notLoaded, { why: messageOf(failed) })}{" "}
          <button type="button" onClick={model.readAgain}>
            {words.again}
          </button>
        </p>
      )}
      {found && (
        <p>
          {filled(words.sensorsAsOf, {
            time: clockTime(found.readAt),
            count: found.sensors.size,
            doubt: model.doubted.value.size,
          })}
        </p>
      )}
      {found?.sensorsCut && <p>{filled(words.tooMany, { count: found.sensors.size })}</p>}
      {found?.networksRefused && <p>{words.networkRefused}</p>}
      {found && !reading && !found.networksRefused && found.networks.length === 0 && <p>{words.noNetwork}</p>}
      {cut.map((one) => (
        <p key={one.medium}>{filled(words.networkCut, { media: mediumName(one.medium) })}</p>
      ))}
      {unplaced > 0 && <p>{filled(words.unplaced, { count: unplaced })}</p>}
    </div>
  );
}

const mediumName = (medium: string): string => (mapWords() as Record<string, string>)[medium] ?? medium;
