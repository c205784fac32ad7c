// Which alarms a position takes, as model/position.py has it. Pure.
import type { components } from "../generated/api";

export type Position = components["schemas"]["PositionItem"];
type Place = { city: string; system: string; district: string };

const isWithin = (position: Position, place: Place): boolean =>
  place.city === position.city &&
  (position.districts.length === 0 || position.districts.includes(place.district)) &&
  (position.systems.length === 0 || position.systems.includes(place.system));

/** Whether alarms of a place are a position's; a city's default one takes what none of its configured ones takes. */
export function takes(position: Position, all: readonly Position[], place: Place): boolean {
  if (position.configured) return isWithin(position, place);
  return place.city === position.city && !all.some((one) => one.configured && isWithin(one, place));
}
