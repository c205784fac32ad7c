// What one map on the page shows and what follows from it: the city, filters, alarms, the trace.
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { alarms, changed, mode } from "../alarm_store";
import { route, setQuery } from "../router";
import { may } from "../session";
import { SEVERITIES } from "../severity";
import { status } from "../status";
import type { Alarm, Severity, Status } from "../types";
import { type CityData, isDue, progress, readCity } from "./city_data";
import {
  type Bounds,
  chosenAlarms,
  doubtedSensors,
  type Filters,
  isWithin,
  type Passed,
  type Placed,
  passed,
} from "./features";
import {
  type Direction,
  distance,
  type Foothold,
  footholdOf,
  type Network,
  type Position,
  type Traced,
  trace,
} from "./network";

const ALARMS_EVERY_MS = 500;
const DUE_EVERY_MS = 30_000;
const AROUND_M = 3000;
export const WITHIN_M = [500, 2000, 10_000] as const;

export interface TraceShown {
  traced: Traced;
  network: Network;
  passed: Passed[];
}

export interface MapModel {
  city: ReadonlySignal<string | null>;
  cities: ReadonlySignal<Status["cities"]>;
  chooseCity: (city: string) => void;
  filters: ReadonlySignal<Filters>;
  filter: (changes: Partial<Filters>) => void;
  data: ReadonlySignal<CityData | null>;
  failure: ReadonlySignal<unknown>;
  readAgain: () => void;
  /** The alarms of the mode, at most twice a second: a burst does not redraw the map at each. */
  known: ReadonlySignal<readonly Alarm[]>;
  placed: ReadonlySignal<readonly Placed[]>;
  inView: ReadonlySignal<readonly Placed[]>;
  bounds: Signal<Bounds | null>;
  selected: Signal<string | null>;
  picked: Signal<string | null>;
  foothold: ReadonlySignal<Foothold | null>;
  directions: Signal<readonly Direction[]>;
  within: Signal<number>;
  traces: ReadonlySignal<readonly TraceShown[]>;
  /** Trace this way, or no more. */
  trace: (direction: Direction) => void;
  /** Sensors that are silent, were never heard, or whose readings are bad. */
  doubted: ReadonlySignal<ReadonlySet<string>>;
  own: Signal<Position | null>;
  end: () => void;
}

const NO_FILTERS: Filters = { system: "", severity: "", instrument: false };

/** `whole`: city and filters are the address's, else this map's own. */
export function mapModel(whole: boolean): MapModel {
  const ownCity = signal<string | null>(null);
  const ownFilters = signal(NO_FILTERS);
  const data = signal<CityData | null>(null);
  const failure = signal<unknown>(null);
  const known = signal<readonly Alarm[]>([]);
  const bounds = signal<Bounds | null>(null);
  const selected = signal<string | null>(null);
  const picked = signal<string | null>(null);
  const directions = signal<readonly Direction[]>([]);
  const within = signal<number>(WITHIN_M[1]);
  const own = signal<Position | null>(null);
  const around = signal<Position | null>(null);
  const attempt = signal(0);
  const tooLarge = signal("");

  const cities = computed(() => (status.value?.cities ?? []).filter((city) => city.mode === mode.value));
  const selectedCity = computed(() => known.value.find((one) => one.alarm === selected.value)?.city ?? null);
  const asked = computed(() => (whole ? route.value.query.get("city") : ownCity.value));
  const city = computed(() => {
    const there = (name: string | null) => cities.value.some((one) => one.city === name);
    if (there(selectedCity.value)) return selectedCity.value;
    if (there(asked.value)) return asked.value;
    return cities.value[0]?.city ?? null;
  });
  const filters = computed<Filters>(() => {
    if (!whole) return ownFilters.value;
    const { query } = route.value;
    const severity = query.get("severity") as Severity | null;
    return {
      system: query.get("system") ?? "",
      severity: severity && SEVERITIES.includes(severity) ? severity : "",
      instrument: query.has("instrument"),
    };
  });
  const placed = computed(() => {
    if (!city.value) return [];
    return chosenAlarms(known.value, city.value, filters.value, data.value?.sensors ?? new Map());
  });
  const doubted = computed(() => {
    const found = doubtedSensors(known.value, city.value ?? "");
    for (const sensor of data.value?.sensors.values() ?? []) if (sensor.doubt !== null) found.add(sensor.sensor);
    return found;
  });
  const inView = computed(() => {
    const box = bounds.value;
    return box ? placed.value.filter(({ position }) => position && isWithin(position, box)) : placed.value;
  });
  const startingSensor = computed(() => {
    const alarm = known.value.find((one) => one.alarm === selected.value);
    return data.value?.sensors.get(alarm?.sensor ?? picked.value ?? "") ?? null;
  });
  const foothold = computed(() =>
    data.value && startingSensor.value ? footholdOf(startingSensor.value, data.value.networks) : null,
  );
  const traces = computed(() => {
    const from = foothold.value;
    const network = data.value?.networks.find((one) => one.medium === from?.medium);
    if (!from || !network || !data.value) return [];
    const sensors = [...data.value.sensors.values()];
    return directions.value.map((direction): TraceShown => {
      const traced = trace(network, from.asset, direction, within.value);
      return { traced, network, passed: passed(traced, network, sensors) };
    });
  });

  // a city with more sensors than are drawn is read system by system
  const onlySystem = computed(() => (tooLarge.value && tooLarge.value === city.value ? filters.value.system : ""));
  let stop = new AbortController();
  const load = async () => {
    stop.abort();
    const mine = new AbortController();
    stop = mine;
    const name = city.value;
    attempt.value;
    const near = around.value ? { near: { position: around.value, radius_m: AROUND_M } } : {};
    const system = onlySystem.value ? { system: onlySystem.value } : {};
    failure.value = null;
    if (!name) {
      data.value = null;
      return;
    }
    if (data.peek()?.city !== name) data.value = null;
    progress.value = { done: 0, total: 0 };
    try {
      const read = await readCity(
        { city: name, ...near, ...system },
        may.readNetworks(),
        (partly) => {
          if (!mine.signal.aborted) data.value = partly;
        },
        mine.signal,
      );
      if (mine.signal.aborted) return;
      if (read.sensorsCut) tooLarge.value = name;
      data.value = read;
    } catch (error) {
      if (!mine.signal.aborted) failure.value = error;
    } finally {
      if (stop === mine) progress.value = null;
    }
  };
  let waiting = 0;
  const takeAlarms = () => {
    waiting = 0;
    known.value = [...alarms.values()];
  };
  takeAlarms();
  const ends = [
    effect(() => {
      // who walks does not read the city anew at each step
      const [before, present] = [around.peek(), own.value];
      if (!before || !present || distance(before, present) > AROUND_M / 3) around.value = present;
    }),
    effect(() => void load()),
    effect(() => {
      changed.value;
      waiting ||= window.setTimeout(takeAlarms, ALARMS_EVERY_MS);
    }),
  ];
  const timer = setInterval(() => {
    const current = data.peek();
    if (current && !progress.peek() && isDue(current)) attempt.value += 1;
  }, DUE_EVERY_MS);
  return {
    city,
    cities,
    filters,
    data,
    failure,
    known,
    placed,
    inView,
    bounds,
    selected,
    picked,
    foothold,
    directions,
    within,
    traces,
    own,
    doubted,
    chooseCity: (name) => {
      if (whole) setQuery({ city: name, alarm: null });
      ownCity.value = name;
    },
    filter: (changes) => {
      const after = { ...filters.peek(), ...changes };
      if (whole)
        setQuery({ system: after.system, severity: after.severity, instrument: after.instrument ? "1" : null });
      else ownFilters.value = after;
    },
    trace: (direction) => {
      const before = directions.peek();
      directions.value = before.includes(direction)
        ? before.filter((one) => one !== direction)
        : [...before, direction];
    },
    readAgain: () => {
      attempt.value += 1;
    },
    end: () => {
      for (const end of ends) end();
      clearTimeout(waiting);
      clearInterval(timer);
      stop.abort();
      progress.value = null;
    },
  };
}
