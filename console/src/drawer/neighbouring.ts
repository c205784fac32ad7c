// Which sensors are the neighbours of one, and how they relate to it; pure.
import type { SensorItem } from "./types";

export type Relation = "upstream" | "downstream" | "sameAsset" | "near";
type Place = Pick<SensorItem, "sensor" | "asset" | "upstream" | "distance_m">;
const ORDER: readonly Relation[] = ["upstream", "downstream", "sameAsset", "near"];
const SHOWN = 12;

/** Neighbours in order: upstream, downstream, of the same asset, then the nearest. `upstream` is ids with spaces. */
export function neighboursOf<Item extends Place>(
  sensor: Pick<Place, "sensor" | "asset" | "upstream">,
  around: readonly Item[],
): { sensor: Item; relation: Relation }[] {
  const above = idsOf(sensor.upstream);
  const related = around
    .filter((one) => one.sensor !== sensor.sensor)
    .map((one) => ({ sensor: one, relation: relationOf(one) }));
  return related.toSorted((a, b) => place(a) - place(b)).slice(0, SHOWN);

  function relationOf(one: Item): Relation {
    if (above.includes(one.sensor)) return "upstream";
    if (idsOf(one.upstream).includes(sensor.sensor)) return "downstream";
    return sensor.asset && one.asset === sensor.asset ? "sameAsset" : "near";
  }
}

const idsOf = (text: string | undefined): string[] => (text ?? "").split(/\s+/).filter(Boolean);
/** Relation first, then distance. */
const place = (one: { sensor: Place; relation: Relation }): number =>
  ORDER.indexOf(one.relation) * 1e9 + (one.sensor.distance_m ?? 1e8);
