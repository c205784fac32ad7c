// Keeps the drawing as the model is: sensors, pipes, alarms, traces, the selected place.
import { effect } from "@preact/signals";
import type { FeatureCollection } from "geojson";
import type { CityData } from "./city_data";
import type { Drawing } from "./drawing";
import {
  alarmFeatures,
  type Bounds,
  boundsOf,
  facilityFeatures,
  linkFeatures,
  placeOf,
  ranksOf,
  sensorFeatures,
} from "./features";
import { MEDIA } from "./layers";
import type { MapModel } from "./map_model";
import type { Network, Position } from "./network";

const SENSORS_EVERY_MS = 2000;

/** All of a city on the map: its sensors and networks. */
export function overview(data: CityData | null): Bounds | null {
  if (!data) return null;
  const nodes = data.networks.flatMap((network) => [...network.nodes.values()].map((node) => node.position));
  return boundsOf([...[...data.sensors.values()].map((one) => one.position), ...nodes]);
}

/** Start; the functions returned end it. */
export function keepDrawn(model: MapModel, drawing: Drawing): (() => void)[] {
  let drawnNetworks: readonly Network[] | null = null;
  let fitted = "";
  let centred: string | null = null;
  let drawnSensors = "";
  let waiting = 0;

  const putSensors = () => {
    waiting = 0;
    const data = model.data.peek();
    const ranks = ranksOf(model.placed.peek());
    const doubted = model.doubted.peek();
    const { system } = model.filters.peek();
    const name = JSON.stringify([data?.readAt, data?.sensors.size, system, [...ranks], [...doubted]]);
    if (name === drawnSensors) return;
    drawnSensors = name;
    drawing.put("sensors", sensorFeatures(data?.sensors.values() ?? [], system, ranks, doubted));
  };

  const ends = [
    effect(() => {
      const networks = model.data.value?.networks ?? [];
      if (networks === drawnNetworks) return;
      drawnNetworks = networks;
      for (const medium of MEDIA) {
        const network = networks.find((one) => one.medium === medium);
        drawing.put(`pipes-${medium}`, network ? linkFeatures(network) : points([]));
      }
      drawing.put("facilities", facilityFeatures(networks));
    }),
    effect(() => {
      const { system } = model.filters.value;
      for (const medium of MEDIA)
        drawing.show([`pipes-${medium}`, `flow-${medium}`], !MEDIA.includes(system) || system === medium);
    }),
    effect(() => {
      // what the filters show is drawn at once, alarms that come are drawn into the sensors' rings now and then
      model.data.value;
      model.filters.value;
      putSensors();
    }),
    effect(() => {
      model.placed.value;
      model.doubted.value;
      waiting ||= window.setTimeout(putSensors, SENSORS_EVERY_MS);
    }),
    effect(() => drawing.put("alarms", alarmFeatures(model.placed.value))),
    effect(() =>
      drawing.put(
        "trace",
        joined(model.traces.value.map(({ traced, network }) => linkFeatures(network, traced.links))),
      ),
    ),
    effect(() => drawing.put("own", points([model.own.value]))),
    effect(() => {
      const data = model.data.value;
      if (!data || fitted === data.city || model.selected.peek()) return;
      const own = model.own.peek();
      const all = overview(data);
      if (own) drawing.centre(own);
      else if (all) drawing.fit(all);
      else return;
      fitted = data.city;
    }),
    effect(() => {
      const { data } = model;
      const alarm = model.known.value.find((one) => one.alarm === model.selected.value);
      const sensors = data.value?.sensors ?? new Map();
      const place = alarm ? placeOf(alarm, sensors) : (sensors.get(model.picked.value ?? "")?.position ?? null);
      drawing.put("marked", points([place]));
      // centred once: then the reader moves the map as they like
      if (!alarm || !place || centred === alarm.alarm) return;
      centred = alarm.alarm;
      fitted = data.value?.city ?? fitted;
      drawing.centre(place);
    }),
  ];
  return [...ends, () => clearTimeout(waiting)];
}

const points = (positions: readonly (Position | null)[]): FeatureCollection => ({
  type: "FeatureCollection",
  features: positions.flatMap((position) =>
    position ? [{ type: "Feature", geometry: { type: "Point", coordinates: [...position] }, properties: {} }] : [],
  ),
});

const joined = (parts: readonly FeatureCollection[]): FeatureCollection => ({
  type: "FeatureCollection",
  features: parts.flatMap((part) => part.features),
});
