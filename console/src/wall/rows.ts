// The wall's matrix out of the figures of /status: what is known of each district and system, and what is not. Pure.
import { SEVERITIES } from "../level";
import type { Severity, Status } from "../types";

export type City = Status["cities"][number];
type Figures = Omit<City["districts"][number], "district" | "systems">;
/** A city of a partner: by what it published, silent where it has not been heard. */
export type PartnerCity = City & { silent?: boolean; silent_since?: string | null; behind?: boolean | null };

export const SUPPRESSED = ["shelved", "suppressed_by_design", "out_of_service"] as const;
export const WAITING = ["unacknowledged", "returned_unacknowledged", "latched_unacknowledged"] as const;
const DISTRICT_ROWS_MAX = 12;

/**
 * What is known of a place. `absent`: it has no sensors; `blind`: none is heard, so nothing is known; `half_blind`: at
 * least half are not heard; `alarm`: something stands; `quiet`: no alarm stands, which is all that is known.
 */
export type Kind = "absent" | "blind" | "half_blind" | "alarm" | "quiet";

export interface Cell {
  kind: Kind;
  sensors: number;
  /** Silent and never heard together. */
  unheard: number;
  neverHeard: number;
  bad: number;
  worst: Severity | null;
  /** Alarms that stand at the worst severity. */
  count: number;
  unacknowledged: number;
  returned: number;
  /** Process alarms that are shelved, suppressed or out of service, and the worst of these. */
  aside: number;
  asideWorst: Severity | null;
  /** Standing alarms whose sensor is silent or measures badly. */
  doubtful: number;
}

export interface Row {
  id: string;
  city: PartnerCity;
  /** Null where the row is a whole city. */
  district: string | null;
  total: Cell;
  systems: Map<string, Cell>;
}

/** Doubtful alarms by place: `city`, `city/district`, and each with `|system`. */
export type Doubts = ReadonlyMap<string, number>;

const sum = (states: Record<string, number>, names: readonly string[]): number =>
  names.reduce((total, name) => total + (states[name] ?? 0), 0);

/** Alarms of a severity in some places together: those in the given states, else all. */
export const countOf = (parts: readonly Figures[], severity: Severity, states?: readonly string[]): number =>
  parts.reduce((total, { alarms }) => total + sum(alarms[severity], states ?? Object.keys(alarms[severity])), 0);

export function cellOf(parts: readonly Figures[], doubtful = 0): Cell {
  const cell: Cell = {
    kind: "absent",
    sensors: 0,
    unheard: 0,
    neverHeard: 0,
    bad: 0,
    worst: null,
    count: 0,
    unacknowledged: 0,
    returned: 0,
    aside: 0,
    asideWorst: null,
    doubtful,
  };
  for (const part of parts) {
    cell.sensors += part.sensors;
    cell.neverHeard += part.freshness.never_heard;
    cell.unheard += part.freshness.never_heard + part.freshness.silent;
    cell.bad += part.quality.bad;
    cell.returned += sum(part.alarms.none, WAITING);
    cell.unacknowledged += sum(part.alarms.none, WAITING) + sum(part.alarms.system, WAITING);
  }
  for (const severity of SEVERITIES) {
    const aside = countOf(parts, severity, SUPPRESSED);
    const standing = countOf(parts, severity) - aside;
    cell.unacknowledged += countOf(parts, severity, WAITING);
    cell.aside += aside;
    if (aside > 0) cell.asideWorst ??= severity;
    if (standing > 0 && cell.worst === null) [cell.worst, cell.count] = [severity, standing];
  }
  cell.kind = kindOf(cell);
  return cell;
}

function kindOf(cell: Cell): Kind {
  if (cell.worst !== null || cell.unacknowledged > 0) return "alarm";
  if (cell.sensors === 0) return "absent";
  if (cell.unheard >= cell.sensors) return "blind";
  return cell.unheard * 2 >= cell.sensors ? "half_blind" : "quiet";
}

/** Rows of the matrix: districts where they are few or one city is shown, else cities. In the order of their names. */
export function rowsOf(cities: readonly PartnerCity[], doubts: Doubts = new Map()): Row[] {
  const districts = cities.reduce((total, city) => total + city.districts.length, 0);
  const byDistrict = cities.length === 1 || districts <= DISTRICT_ROWS_MAX;
  return cities.flatMap((city) =>
    byDistrict && city.districts.length > 0
      ? city.districts.map((one) => rowOf(city, one.district, [one], doubts))
      : [rowOf(city, null, city.districts, doubts)],
  );
}

function rowOf(city: PartnerCity, district: string | null, parts: City["districts"], doubts: Doubts): Row {
  const id = district === null ? city.city : `${city.city}/${district}`;
  const systems = new Map<string, Cell>();
  for (const name of new Set(parts.flatMap((part) => part.systems.map((one) => one.system)))) {
    const figures = parts.flatMap((part) => part.systems.filter((one) => one.system === name));
    systems.set(name, cellOf(figures, doubts.get(`${id}|${name}`)));
  }
  return { id, city, district, total: cellOf(district === null ? [city] : parts, doubts.get(id)), systems };
}

/** Local cities and those of partners: who publishes here stands for the registry's entry of the same name. */
export function citiesOf(local: readonly City[], partners: readonly PartnerCity[]): PartnerCity[] {
  const published = new Set(partners.map((city) => city.city));
  return [...local.filter((city) => !(published.has(city.city) && city.sensors === 0)), ...partners];
}

/** Pages of at most `fits` rows. Rows with red stand on every page; they make room for themselves up to `most` rows. */
export function pagesOf(rows: readonly Row[], fits: number, most = fits * 2): Row[][] {
  const red = rows.filter((row) => row.total.worst === "red");
  const pinned = red.length < most ? red : [];
  const rest = rows.filter((row) => !pinned.includes(row));
  const room = Math.max(1, Math.max(fits, Math.min(most, pinned.length + 1)) - pinned.length);
  if (rest.length === 0) return [pinned];
  const order = new Map(rows.map((row, place) => [row.id, place]));
  const pages: Row[][] = [];
  const each = Math.ceil(rest.length / Math.ceil(rest.length / room)); // pages of one length, as far as it goes
  for (let first = 0; first < rest.length; first += each) {
    const page = [...pinned, ...rest.slice(first, first + each)];
    pages.push(page.sort((one, other) => (order.get(one.id) ?? 0) - (order.get(other.id) ?? 0)));
  }
  return pages;
}
