// Names of rules, cities and districts as people know them; the API gives ids beside the registry's and the packs' names.
import { signal } from "@preact/signals";
import { read } from "./api";
import type { components } from "./generated/api";
import { language, named } from "./language";
import { status } from "./status";

export { ruleTitle as ruleName } from "./alarms/rule_names";

type SensorPage = components["schemas"]["SensorPage"];

const AGAIN_MS = 600_000;

const districts = new Map<string, string>();
const districtsKnown = signal(0);
const asked = new Map<string, number>();

/** A city's name, its id where the status does not know it. */
export function cityName(city: string): string {
  const found = status.value?.cities.find((one) => one.city === city);
  return named(found?.name_zh, found?.name, city);
}

/** A district's name: its id, or in Chinese what the registry calls it. Empty where there is none. */
export function districtName(city: string, district: string): string {
  if (!district || language.value !== "zh") return district;
  const place = `${city}/${district}`;
  ask(place, async () => {
    const found = await read<SensorPage>("/sensors", { city, district, limit: 1 });
    const attributes = found.sensors[0]?.attributes as Record<string, string> | undefined;
    districts.set(place, attributes?.district_zh || district);
    districtsKnown.value += 1;
  });
  districtsKnown.value;
  return districts.get(place) ?? district;
}

/** Ask now and then at most; what cannot be had leaves the ids, and is asked again. */
function ask(what: string, question: () => Promise<void>): void {
  const since = asked.get(what);
  if (since !== undefined && Date.now() - since < AGAIN_MS) return;
  asked.set(what, Date.now());
  question().catch(() => asked.set(what, Date.now() - AGAIN_MS + 30_000));
}
