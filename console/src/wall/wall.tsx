// The wall of the command centre: how districts and systems stand, read from five to ten metres, touched by nobody.
import { computed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { alarms, changed, mode } from "../alarm_store";
import { connected, heardAt } from "../feed";
import { changeMode } from "../frame";
import { now } from "../instant";
import { filled } from "../language";
import { follow, route } from "../router";
import { MODES, modesThere, status, statusAt } from "../status";
import { wallWords } from "../words/wall";
import { keepFigures, partners, stopFigures } from "./figures";
import { Matrix } from "./matrix";
import { Newest } from "./newest";
import { citiesOf, type Doubts, pagesOf, rowsOf } from "./rows";
import { Foot, Head, Lost, Totals } from "./summary";
import "./wall.css";

const PAGE_MS = 15_000;
const STATUS_MS_MAX = 35_000; // three questions without an answer
const ROW_EM = 4.6;

const cities = computed(() => {
  const only = route.value.query.get("city");
  const local = status.value?.cities ?? [];
  return citiesOf(local, partners.value?.value ?? []).filter(
    (city) => city.mode === mode.value && (only === null || city.city === only),
  );
});

/** Doubtful alarms by place, of the alarms that are known here. */
const doubts = computed<Doubts>(() => {
  changed.value;
  const found = new Map<string, number>();
  for (const alarm of alarms.values()) {
    if (alarm.condition !== "unknown" || alarm.severity === null) continue;
    for (const place of [alarm.city, `${alarm.city}/${alarm.district}`]) {
      for (const name of [place, `${place}|${alarm.system}`]) found.set(name, (found.get(name) ?? 0) + 1);
    }
  }
  return found;
});

const rows = computed(() => rowsOf(cities.value, doubts.value));

/** Since when nothing newer is known, null where nothing was ever known; undefined while all is fresh. */
const asOf = computed<number | null | undefined>(() => {
  const late = statusAt.value === null || now.value - statusAt.value > STATUS_MS_MAX;
  if (connected.value && !late) return undefined;
  return Math.min(heardAt.value ?? 0, statusAt.value ?? 0) || null;
});

export function Wall() {
  useEffect(keepMode, [mode.value, status.value]);
  useEffect(() => {
    if (mode.value === null) return;
    keepFigures(mode.value);
    return stopFigures;
  }, [mode.value]);
  useEffect(stayAwake, []);
  const version = useRef("");
  useEffect(() => {
    // a new version of the service brings a new wall: nobody is there to load it
    const found = status.value?.version ?? "";
    if (version.current && found && found !== version.current) location.reload();
    version.current ||= found;
  }, [status.value?.version]);

  const isThere = status.value !== null && mode.value !== null;
  return (
    <div class="wall">
      <a class="skip" href="/" onClick={follow}>
        {wallWords().back}
      </a>
      {mode.value !== null && <Head mode={mode.value} cities={cities.value} />}
      {asOf.value !== undefined && <Lost since={asOf.value} />}
      {isThere && <Shown />}
    </div>
  );
}

function Shown() {
  const words = wallWords();
  const place = useRef<HTMLDivElement>(null);
  const fits = useSignal(6);
  useEffect(() => measure(place.current as HTMLElement, (found) => (fits.value = found)), []);
  const pages = pagesOf(rows.value, fits.value);
  const page = Math.floor(now.value / PAGE_MS) % pages.length;
  const red = rows.value.filter((row) => row.total.worst === "red").length;
  const isPinned = red < fits.value * 2;
  const lagging = status.value?.behind ? (status.value.evaluated_through.clock ?? null) : undefined;
  return (
    <>
      <Totals cities={cities.value} />
      <div class="wall-body">
        <div class="wall-rows" ref={place}>
          {rows.value.length === 0 ? (
            <p class="wall-none">{words.noCities}</p>
          ) : (
            <Matrix
              rows={pages[page] ?? []}
              all={rows.value}
              most={Math.max(...pages.map((one) => one.length))}
              asOf={asOf.value === undefined ? lagging : asOf.value}
            />
          )}
        </div>
        <Newest cities={cities.value} />
      </div>
      <Foot
        cities={cities.value}
        pages={pages.length}
        page={page}
        red={red === 0 ? "" : isPinned ? words.redPinned : filled(words.redMany, { count: red })}
      />
    </>
  );
}

/** The mode that the address asks for (`?mode=exercise`); else one that has cities, so that the wall is never empty. */
function keepMode(): void {
  const asked = MODES.find((one) => one === route.peek().query.get("mode"));
  if (asked) {
    changeMode(asked);
    return;
  }
  const shown = mode.peek();
  const totals = status.peek()?.totals;
  if (!totals || shown === null || totals[shown].cities > 0) return;
  const other = modesThere(null).find((one) => totals[one].cities > 0);
  if (other) changeMode(other);
}

/** How many rows have room, told now and whenever the screen changes. */
function measure(place: HTMLElement, told: (rows: number) => void): () => void {
  const observer = new ResizeObserver(() => {
    const em = Number.parseFloat(getComputedStyle(place).fontSize);
    const height = place.clientHeight / em;
    told(Math.max(1, Math.floor((height - 2) / ROW_EM)));
  });
  observer.observe(place);
  return () => observer.disconnect();
}

/** Ask the machine not to darken the screen, where the browser can. */
function stayAwake(): () => void {
  let lock: WakeLockSentinel | undefined;
  const ask = () => {
    if (document.visibilityState !== "visible") return;
    navigator.wakeLock?.request("screen").then(
      (given) => {
        lock = given;
      },
      () => {}, // the machine saves its battery: it says so itself
    );
  };
  ask();
  document.addEventListener("visibilitychange", ask);
  return () => {
    document.removeEventListener("visibilitychange", ask);
    lock?.release();
  };
}
