// The alarms of one mode as the console knows them: loaded once the feed is open, then kept by its transitions.
import { signal } from "@preact/signals";
import { read } from "./api";
import { followAlarms, type Transition } from "./feed";
import type { Alarm, AlarmClass, AlarmPage, Mode } from "./types";

const PAGE_ROWS = 500;
const PAGES_MAX: [AlarmClass, number][] = [
  ["process", 20],
  ["system", 1],
  ["instrument", 1],
];
const COMPLETE_AFTER_MS = 300;
const COMPLETE_EVERY_MS = 2000;
/** What no transition tells (an incident that took an alarm in, a flood that ended) is seen after this, a page. */
const RELOAD_A_PAGE_MS = 60_000;
const SENSORS_ASKED_MAX = 20;
const TOUCH_EVERY_MS = 100;
const LONG_AGO = Number.NEGATIVE_INFINITY;
const DOUBT_KINDS: readonly string[] = ["stale", "range"];

/** Alarms by id, all that are not normal. Read `changed` to follow it; it rises at most ten times a second. */
export const alarms = new Map<string, Alarm>();
export const changed = signal(0);
/** Classes of which more alarms stand than are kept here. */
export const classesCut = signal<ReadonlySet<AlarmClass>>(new Set());
export const loaded = signal(false);
/** The mode whose alarms these are: never two of them together (invariant I8). */
export const mode = signal<Mode | null>(null);

/** Called with each transition after it was kept: sound and "new" counts hang here. */
export const listeners = new Set<(alarm: Alarm, before: Alarm | undefined) => void>();

let stop = new AbortController();
let frame = 0;
let touchedAt = 0;
/** What ended while a list was on its way, by the sequence with which it ended: the list may be older. */
const ended = new Map<string, number>();
let underWay = 0;

/** Show the alarms of another mode. */
export function showMode(chosen: Mode): void {
  close();
  mode.value = chosen;
  stop = new AbortController();
  const mine = stop.signal;
  followAlarms(chosen, { opened: () => load(chosen, mine), taken: (lines) => take(chosen, lines, mine) }, mine);
}

export function close(): void {
  stop.abort();
  clearTimeout(completion);
  clearTimeout(reload);
  completion = reload = touchedAt = 0;
  completedAt = LONG_AGO;
  since = null;
  doubted.clear();
  alarms.clear();
  loaded.value = false;
  mode.value = null;
  touch();
}

/** Keep what an answer says of an alarm, a whole one or its newest line, unless something newer is known. */
export function keep(item: Alarm): void {
  const known = alarms.get(item.alarm);
  if (known && known.sequence > item.sequence) return;
  if ((ended.get(item.alarm) ?? 0) >= item.sequence) return;
  const kept = known ? merged(known, item) : item;
  if (kept.state === "normal") {
    alarms.delete(kept.alarm);
    if (underWay) ended.set(kept.alarm, kept.sequence);
  } else alarms.set(kept.alarm, kept);
  touch();
}

/** Whether all is known of an alarm: what the feed tells lacks name, place, incident, and whether it is folded. */
export const isWhole = (alarm: Alarm): boolean => "folded" in alarm;

/** What a line says stands for that line alone; until when it is quiet stands as long as its state. */
function merged(known: Alarm, item: Alarm): Alarm {
  const { cause: _cause, actor: _actor, action: _action, comment: _comment, details: _details, ...lasting } = known;
  if (item.sequence === known.sequence) return { ...known, ...item };
  if (item.state !== known.state) delete lasting.until;
  // a line knows nothing of the sensor's silence, which is read soon after
  const condition =
    !isWhole(item) && known.condition === "unknown" && item.condition === "active" ? "unknown" : item.condition;
  if (!item.actor) {
    delete lasting.expected_from;
    delete lasting.expected_to;
  }
  return { ...lasting, ...item, condition };
}

function touch(): void {
  if (frame) return;
  // not requestAnimationFrame: a tab in the background has no frames, and its title and sound go on
  const wait = Math.max(16, touchedAt + TOUCH_EVERY_MS - performance.now());
  frame = window.setTimeout(() => {
    frame = 0;
    touchedAt = performance.now();
    changed.value += 1;
  }, wait);
}

/** Work with lists that take a while: what ends meanwhile does not come back with them. */
async function duringLists<T>(work: () => Promise<T>): Promise<T> {
  underWay += 1;
  try {
    return await work();
  } finally {
    underWay -= 1;
    if (!underWay) ended.clear();
  }
}

async function load(chosen: Mode, mine: AbortSignal): Promise<void> {
  await duringLists(() => loadAll(chosen, mine));
  if (mine.aborted) return;
  clearTimeout(reload);
  const pages = Math.max(1, Math.ceil(alarms.size / PAGE_ROWS));
  reload = window.setTimeout(() => again(chosen, mine), pages * RELOAD_A_PAGE_MS);
}

/** All anew, because something changed that no transition tells. */
export function loadAgain(): void {
  if (mode.peek() && loaded.peek()) again(mode.peek() as Mode, stop.signal);
}

let reload = 0;
function again(chosen: Mode, mine: AbortSignal): void {
  clearTimeout(reload);
  reload = window.setTimeout(() => again(chosen, mine), RELOAD_A_PAGE_MS);
  if (!mine.aborted) load(chosen, mine).catch(() => {}); // without an answer the feed breaks too, and says so
}

async function loadAll(chosen: Mode, mine: AbortSignal): Promise<void> {
  const found = new Map<string, Alarm>();
  let asOf = Number.POSITIVE_INFINITY; // the list holds everything up to this event
  const pages = async (alarmClass: AlarmClass, pagesMax: number): Promise<boolean> => {
    let after: string | null = null;
    for (let page = 0; page < pagesMax; page += 1) {
      const wanted = { mode: chosen, class: alarmClass, limit: PAGE_ROWS, after };
      const got: AlarmPage = await read<AlarmPage>("/alarms", wanted, mine);
      asOf = Math.min(asOf, got.newest_event);
      for (const item of got.alarms) found.set(item.alarm, item);
      if (!got.next) return false;
      after = got.next;
    }
    return true;
  };
  const cut = new Set<AlarmClass>();
  for (const [alarmClass, pagesMax] of PAGES_MAX) {
    if (await pages(alarmClass, pagesMax)) cut.add(alarmClass);
  }
  if (mine.aborted) return;
  classesCut.value = cut;
  for (const item of found.values()) keep(item);
  for (const [id, item] of alarms) {
    if (!found.has(id) && !cut.has(item.class) && item.event <= asOf) alarms.delete(id);
  }
  loaded.value = true;
  touch();
}

function take(chosen: Mode, lines: { line: Transition; event: number }[], mine: AbortSignal): void {
  const doubts = new Set<string>();
  for (const { line, event } of lines) {
    if (line.mode !== chosen) continue;
    const before = alarms.get(line.alarm);
    if (before && before.sequence >= line.sequence) continue;
    const raised = before?.raised_at ?? line.time;
    keep({ ...line, event, state: line.to, changed_at: line.time, raised_at: raised } as Alarm);
    const after = alarms.get(line.alarm) ?? ({ ...before, ...line, event, state: line.to } as Alarm);
    if (line.class === "instrument" && DOUBT_KINDS.includes(line.kind)) doubts.add(line.sensor);
    readFrom(line.known_at);
    for (const listener of listeners) listener(after, before);
  }
  if (doubts.size) doubt(doubts);
  if (since) completeSoon(chosen, mine);
}

/** A silent or bad sensor leaves its alarms as they are, and their condition unknown. */
function doubt(sensors: ReadonlySet<string>): void {
  for (const item of alarms.values()) {
    if (item.class === "process" && item.condition !== "normal" && sensors.has(item.sensor)) doubted.add(item.sensor);
  }
}

/** From when on the newest changes are to be read, by what became known; null: all are. */
let since: string | null = null;
/** Sensors with alarms whose condition may have become unknown, or known again. */
const doubted = new Set<string>();
let completion = 0;
let completedAt = LONG_AGO;

function readFrom(knownAt: string): void {
  if (since === null || knownAt < since) since = knownAt;
}

/** Read what the feed does not tell of what it told: of the changes alone, however many come. */
function completeSoon(chosen: Mode, mine: AbortSignal): void {
  if (completion) return;
  const wait = Math.max(COMPLETE_AFTER_MS, completedAt + COMPLETE_EVERY_MS - performance.now());
  completion = window.setTimeout(async () => {
    const [from, sensors] = [since, [...doubted]];
    since = null;
    doubted.clear();
    try {
      await duringLists(() => complete(chosen, mine, from, sensors));
    } catch {
      if (mine.aborted) return;
      if (from) readFrom(from);
      for (const sensor of sensors) doubted.add(sensor);
    }
    if (mine.aborted) return;
    completedAt = performance.now();
    completion = 0;
    if (since || doubted.size) completeSoon(chosen, mine);
  }, wait);
}

async function complete(chosen: Mode, mine: AbortSignal, from: string | null, sensors: string[]): Promise<void> {
  if (sensors.length > SENSORS_ASKED_MAX) return load(chosen, mine);
  const questions = sensors.map((sensor) => ({ sensor }) as Record<string, string>);
  if (from) questions.push({ since: from });
  for (const question of questions) {
    let after: string | null = null;
    do {
      const wanted = { mode: chosen, limit: PAGE_ROWS, after, ...question };
      const got: AlarmPage = await read<AlarmPage>("/alarms", wanted, mine);
      if (mine.aborted) return;
      for (const item of got.alarms) keep(item);
      after = got.next;
    } while (after);
  }
}
