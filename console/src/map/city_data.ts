// What the map shows of one city: its networks and sensors, read by the page and kept while the console is open.
import { effect, signal } from "@preact/signals";
import { Refused, read } from "../api";
import { me } from "../session";
import { type Link, lengthOf, type Network, type Node, type Position } from "./network";

const PAGE_ROWS = 1000;
export const SENSORS_MAX = 30_000;
const NETWORK_PAGES_MAX = 60;
const DOUBTS_EVERY_MS = 5 * 60_000;

/** Why a sensor's readings are not to be trusted, null where they are. */
export type Doubt = "never_heard" | "silent" | "bad" | "uncertain" | null;

export interface MapSensor {
  sensor: string;
  system: string;
  district: string;
  asset: string;
  name: string;
  name_zh: string;
  position: Position | null;
  doubt: Doubt;
}

export interface CityData {
  city: string;
  sensors: ReadonlyMap<string, MapSensor>;
  networks: readonly Network[];
  /** When the sensors' state was read, by the browser's clock. */
  readAt: number;
  networksRefused: boolean;
  sensorsCut: boolean;
}

/** What is asked for: a city, and of it only what lies around a place (a telephone wants no 12,000 sensors). */
interface Wanted {
  city: string;
  system?: string;
  near?: { position: Position; radius_m: number };
}

interface SensorPage {
  sensors: {
    sensor: string;
    system: string;
    district: string;
    asset: string;
    name: string;
    name_zh: string;
    crs: string;
    longitude?: number | null;
    latitude?: number | null;
    doubt?: Doubt;
  }[];
  next: string | null;
}
interface NetworkPage {
  nodes: { node: string; kind: string; position?: Position | null; crs: string }[];
  links: {
    link: string;
    from_node: string;
    to_node: string;
    kind: string;
    line: Position[];
    length_m?: number | null;
    crs: string;
  }[];
  next: string | null;
}

/** How much has been read of what is to be read; null when nothing is being read. */
export const progress = signal<{ done: number; total: number } | null>(null);

interface Networks {
  networks: readonly Network[];
  refused: boolean;
}

const keptNetworks = new Map<string, Networks>();
const keptSensors = new Map<string, CityData>();
effect(() => {
  // who logs in next may see less
  if (me.value) return;
  keptNetworks.clear();
  keptSensors.clear();
});

/** Read the city; `partly` is called with what there is so far. Raises Refused or NoAnswer. */
export async function readCity(
  wanted: Wanted,
  seesNetworks: boolean,
  partly: (data: CityData) => void,
  stop: AbortSignal,
): Promise<CityData> {
  const name = JSON.stringify(wanted);
  const kept = keptSensors.get(name);
  if (kept) {
    partly(kept);
    if (Date.now() - kept.readAt < DOUBTS_EVERY_MS) return kept;
  }
  let networks: readonly Network[] = kept?.networks ?? [];
  let refused = !seesNetworks;
  const sensors = new Map<string, MapSensor>();
  const asItIs = (sensorsCut = false): CityData => ({
    city: wanted.city,
    sensors: new Map(sensors),
    networks,
    readAt: Date.now(),
    networksRefused: refused,
    sensorsCut,
  });
  const reading = seesNetworks ? networksOf(wanted, stop) : Promise.resolve({ networks: [], refused: true });
  const drawn = reading.then((found) => {
    ({ networks, refused } = found);
    if (!kept && !stop.aborted) partly(asItIs());
  });
  drawn.catch(() => {}); // it is awaited below
  let cut = false;
  for (let after: string | null = null, first = true; first || after; first = false) {
    const page: SensorPage = await read(
      "/sensors",
      { city: wanted.city, system: wanted.system, latest: true, limit: PAGE_ROWS, after, ...nearby(wanted) },
      stop,
    );
    for (const one of page.sensors) sensors.set(one.sensor, sensorOf(one));
    progress.value = { done: sensors.size, total: sensors.size + (page.next ? PAGE_ROWS : 0) };
    after = page.next;
    if (after && sensors.size >= SENSORS_MAX) {
      cut = true;
      break;
    }
    if (!kept && after && sensors.size % (4 * PAGE_ROWS) === 0) partly(asItIs());
  }
  await drawn;
  const found = asItIs(cut);
  keptSensors.set(name, found);
  return found;
}

export const isDue = (data: CityData): boolean => Date.now() - data.readAt >= DOUBTS_EVERY_MS;

function nearby({ near }: Wanted): { near?: string; radius_m?: number } {
  // four decimals are some ten metres: no one needs to know more of where a crew stands
  return near ? { near: near.position.map((degrees) => degrees.toFixed(4)).join(","), radius_m: near.radius_m } : {};
}

function sensorOf(one: SensorPage["sensors"][number]): MapSensor {
  const { longitude, latitude } = one;
  const placed = isDegrees(one.crs) && typeof longitude === "number" && typeof latitude === "number";
  return {
    sensor: one.sensor,
    system: one.system,
    district: one.district,
    asset: one.asset,
    name: one.name,
    name_zh: one.name_zh,
    position: placed ? [longitude, latitude] : null,
    doubt: one.doubt ?? null,
  };
}

/** WGS-84 and CGCS2000 lie within decimetres of each other; what has a local grid cannot be drawn among them. */
const isDegrees = (crs: string): boolean => ["WGS-84", "CGCS2000"].includes(crs);

async function networksOf(wanted: Wanted, stop: AbortSignal): Promise<Networks> {
  const name = JSON.stringify({ ...wanted, system: undefined });
  const kept = keptNetworks.get(name);
  if (kept) return kept;
  const found = await readNetworks(wanted, stop);
  if (!stop.aborted) keptNetworks.set(name, found);
  return found;
}

async function readNetworks(wanted: Wanted, stop: AbortSignal): Promise<Networks> {
  try {
    const { networks } = await read<{ networks: { network: string; medium: string }[] }>(
      "/networks",
      { city: wanted.city },
      stop,
    );
    return {
      networks: await Promise.all(networks.map((one) => networkOf(one.network, one.medium, wanted, stop))),
      refused: false,
    };
  } catch (error) {
    if (error instanceof Refused && error.status === 403) return { networks: [], refused: true };
    throw error;
  }
}

async function networkOf(network: string, medium: string, wanted: Wanted, stop: AbortSignal): Promise<Network> {
  const nodes = new Map<string, Node>();
  const links = new Map<string, Link>();
  let after: string | null = null;
  for (let page = 0; page < NETWORK_PAGES_MAX; page += 1) {
    const got: NetworkPage = await read(
      `/networks/${encodeURIComponent(network)}`,
      { limit: PAGE_ROWS, after, ...nearby(wanted) },
      stop,
    );
    for (const { node, kind, position, crs } of got.nodes) {
      nodes.set(node, { node, kind, position: position && isDegrees(crs) ? position : null });
    }
    for (const { link, from_node, to_node, kind, line, length_m, crs } of got.links) {
      const drawn = isDegrees(crs) ? line : [];
      links.set(link, { link, from_node, to_node, kind, line: drawn, length_m: length_m ?? lengthOf(drawn) });
    }
    after = got.next;
    if (!after) break;
  }
  return { medium, nodes, links, isCut: after !== null };
}
