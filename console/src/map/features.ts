// Sensors, alarms, pipes and traces as GeoJSON for drawing. Pure.
import type { Feature, FeatureCollection, LineString, Point } from "geojson";
import { gravest, isQuiet, isUnacknowledged } from "../alarms/filter";
import { type Level, levelOf, rankOf } from "../severity";
import type { Alarm, Severity } from "../types";
import type { MapSensor } from "./city_data";
import type { Network, Position, Traced } from "./network";

export interface Filters {
  system: string;
  /** This severity and above; empty for all. */
  severity: Severity | "";
  /** Instrument alarms as chips too; what they doubt is drawn hollow all the same. */
  instrument: boolean;
}

/** Nodes that are drawn by themselves: what can be opened, closed or looked into beyond the many junctions and manholes. */
const PLAIN: readonly string[] = ["junction", "manhole", "building"];
const isPlain = (kind: string): boolean => PLAIN.includes(kind);

export interface Placed {
  alarm: Alarm;
  level: Level;
  position: Position | null;
}

/** The alarms of a city that the filters let through, what waits first, then by severity, then the newest. */
export function chosenAlarms(
  alarms: Iterable<Alarm>,
  city: string,
  filters: Filters,
  sensors: ReadonlyMap<string, MapSensor>,
): Placed[] {
  const lowest = filters.severity ? rankOf(filters.severity) : 0;
  const found: Placed[] = [];
  for (const alarm of alarms) {
    if (alarm.city !== city || (filters.system && alarm.system !== filters.system)) continue;
    if (alarm.class === "instrument" && !filters.instrument) continue;
    const level = levelOf(alarm);
    // what has returned is still of the severity that it had reached, as far as a filter goes
    if (alarm.class === "process" && lowest && rankOf(gravest(alarm)) < lowest) continue;
    found.push({ alarm, level, position: placeOf(alarm, sensors) });
  }
  const key = ({ alarm, level }: Placed) => (isQuiet(alarm) ? 0 : isUnacknowledged(alarm) ? 2 : 1) * 10 + rankOf(level);
  return found.sort((a, b) => key(b) - key(a) || b.alarm.raised_at.localeCompare(a.alarm.raised_at));
}

export function placeOf(alarm: Alarm, sensors: ReadonlyMap<string, MapSensor>): Position | null {
  const { longitude, latitude } = alarm;
  // the feed's line alone has no place, and that of the registry may have a local grid
  const known = sensors.get(alarm.sensor);
  if (known) return known.position;
  return typeof longitude === "number" &&
    typeof latitude === "number" &&
    Math.abs(longitude) <= 180 &&
    Math.abs(latitude) <= 90
    ? [longitude, latitude]
    : null;
}

/** Sensors of a city of which instrument alarms say that they are silent, or that their readings are bad. */
export function doubtedSensors(alarms: Iterable<Alarm>, city: string): Set<string> {
  const found = new Set<string>();
  for (const alarm of alarms) {
    if (alarm.city === city && alarm.class === "instrument" && alarm.condition !== "normal") found.add(alarm.sensor);
  }
  return found;
}

/** The highest rank of the alarms of each sensor. */
export function ranksOf(placed: readonly Placed[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { alarm, level } of placed) {
    found.set(alarm.sensor, Math.max(found.get(alarm.sensor) ?? 0, rankOf(level)));
  }
  return found;
}

const points = <P extends object>(features: Feature<Point, P>[]): FeatureCollection<Point, P> => ({
  type: "FeatureCollection",
  features,
});
const point = <P extends object>(position: Position, properties: P): Feature<Point, P> => ({
  type: "Feature",
  geometry: { type: "Point", coordinates: [...position] },
  properties,
});

export function sensorFeatures(
  sensors: Iterable<MapSensor>,
  system: string,
  ranks: ReadonlyMap<string, number>,
  doubted: ReadonlySet<string>,
) {
  const found = [];
  for (const one of sensors) {
    if (!one.position || (system && one.system !== system)) continue;
    found.push(
      point(one.position, {
        sensor: one.sensor,
        rank: ranks.get(one.sensor) ?? 0,
        doubt: doubted.has(one.sensor) ? 1 : 0,
      }),
    );
  }
  return points(found);
}

export function alarmFeatures(placed: readonly Placed[]) {
  const found = [];
  for (const { alarm, level, position } of placed) {
    if (!position) continue;
    found.push(
      point(position, {
        alarm: alarm.alarm,
        worst: rankOf(level),
        waiting: isUnacknowledged(alarm) ? 1 : 0,
        aside: isQuiet(alarm) ? 1 : 0,
      }),
    );
  }
  return points(found);
}

export function linkFeatures(network: Network, only?: ReadonlySet<string>): FeatureCollection<LineString> {
  const features: Feature<LineString>[] = [];
  for (const link of network.links.values()) {
    if (link.line.length < 2 || (only && !only.has(link.link))) continue;
    features.push({
      type: "Feature",
      geometry: { type: "LineString", coordinates: link.line.map((place) => [...place]) },
      properties: { link: link.link, medium: network.medium },
    });
  }
  return { type: "FeatureCollection", features };
}

export function facilityFeatures(networks: readonly Network[]) {
  const found = [];
  for (const network of networks) {
    for (const node of network.nodes.values()) {
      if (node.position && !isPlain(node.kind))
        found.push(point(node.position, { node: node.node, kind: node.kind, medium: network.medium }));
    }
  }
  return points(found);
}

export type Bounds = [west: number, south: number, east: number, north: number];

export function boundsOf(positions: Iterable<Position | null>): Bounds | null {
  const found: Bounds = [180, 90, -180, -90];
  for (const position of positions) {
    if (!position) continue;
    found[0] = Math.min(found[0], position[0]);
    found[1] = Math.min(found[1], position[1]);
    found[2] = Math.max(found[2], position[0]);
    found[3] = Math.max(found[3], position[1]);
  }
  return found[0] <= found[2] ? found : null;
}

export const isWithin = (position: Position, [west, south, east, north]: Bounds): boolean =>
  position[0] >= west && position[0] <= east && position[1] >= south && position[1] <= north;

export interface Passed {
  node: string;
  kind: string;
  metres: number;
  sensors: MapSensor[];
}

/** What is met on the way of a trace, the nearest first: facilities, and whatever sensors stand on. */
export function passed(traced: Traced, network: Network, sensors: Iterable<MapSensor>): Passed[] {
  const standing = new Map<string, MapSensor[]>();
  for (const sensor of sensors) {
    if (!sensor.asset) continue;
    const link = traced.links.has(sensor.asset) ? network.links.get(sensor.asset) : undefined;
    const node = link ? (traced.direction === "downstream" ? link.to_node : link.from_node) : sensor.asset;
    if (!traced.nodes.has(node)) continue;
    const there = standing.get(node);
    if (there) there.push(sensor);
    else standing.set(node, [sensor]);
  }
  const found: Passed[] = [];
  for (const [node, metres] of traced.nodes) {
    const kind = network.nodes.get(node)?.kind ?? "junction";
    const there = standing.get(node) ?? [];
    if (there.length || !isPlain(kind)) found.push({ node, kind, metres, sensors: there });
  }
  return found;
}
