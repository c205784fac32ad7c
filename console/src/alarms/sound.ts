// Sound of the alarms that are shown, and of new ones in operation while an exercise is: decided in sounding.ts.
import { computed, effect, signal } from "@preact/signals";
import { alarms, changed, isWhole, listeners, mode } from "../alarm_store";
import { me } from "../session";
import { type Level, levelOf } from "../severity";
import { status } from "../status";
import type { Alarm, Status } from "../types";
import {
  annunciated,
  due,
  FOLDED_KNOWN_MS,
  highestAudible,
  isAnnunciation,
  isAudible,
  QUIET,
  risen,
  type Sounding,
  silence,
} from "./sounding";
import { armByUse, audible, play } from "./tone";

const LOOK_MS = 250;

/** Muted by choice: until the choice is taken back, the page is loaded anew or somebody else logs in. */
export const muted = signal(false);
/** Silenced with X up to this level. */
export const silenced = signal<Level | null>(null);
/** Whether alarms can be heard, as the header shows it. */
export const soundState = (): "browser" | "muted" | "silenced" | "armed" =>
  !audible.value ? "browser" : muted.value ? "muted" : silenced.value ? "silenced" : "armed";

let state: Sounding = QUIET;
/** New alarms of which it is not known yet whether a flood folds them, by when they came. */
const undecided = new Map<string, number>();
/** The gravest that waits to be acknowledged; worked out anew when the alarms have changed. */
let highest: Level | null = null;
let seen = -1;

/** Silence what sounds; acknowledges nothing. Tells whether there was anything. */
export function silenceNow(): boolean {
  lookAtAlarms();
  decide(Date.now(), true);
  keepState(silence(state, highest));
  return state.silenced !== null;
}

function keepState(next: Sounding): void {
  state = next;
  silenced.value = next.silenced;
}

function lookAtAlarms(): void {
  if (seen === changed.peek()) return;
  seen = changed.peek();
  highest = highestAudible(alarms.values());
}

function hear(after: Alarm): void {
  if (!isAnnunciation(after)) return;
  if (after.severity === "red") keepState(annunciated(state, "red", Date.now()));
  else undecided.set(after.alarm, Date.now());
  // a tab in the background looks seldom by itself
  setTimeout(look, 0);
  setTimeout(look, FOLDED_KNOWN_MS);
}

/** Take in what is known by now to be folded or not; in doubt it is heard. */
function decide(now: number, all = false): void {
  for (const [id, since] of undecided) {
    const alarm = alarms.get(id);
    if (alarm && !isWhole(alarm) && now - since < FOLDED_KNOWN_MS && !all) continue;
    undecided.delete(id);
    if (alarm && isAudible(alarm)) keepState(annunciated(state, levelOf(alarm), now));
  }
}

function look(): void {
  if (!isShown) return;
  const now = Date.now();
  lookAtAlarms();
  decide(now);
  const next = due(state, highest, now);
  keepState(next.state);
  if (next.tone && !muted.peek()) play(next.tone);
}

/** Real alarms are heard while another mode is shown, as often as the status is asked. */
let countsBefore: Status["totals"]["operational"]["alarms"] | null = null;
function hearElsewhere(): void {
  const counts = status.value?.totals.operational.alarms ?? null;
  const level = counts && countsBefore && mode.peek() !== "operational" ? risen(countsBefore, counts) : null;
  countsBefore = counts;
  if (level) keepState(annunciated(state, level, Date.now()));
}

/** Nothing is heard where its state is not seen. */
let isShown = false;
export function showSound(): () => void {
  isShown = true;
  return () => {
    isShown = false;
  };
}

const name = computed(() => me.value?.name);

/** Called once, when the console starts. */
export function beginSound(): void {
  armByUse();
  listeners.add(hear);
  effect(hearElsewhere);
  effect(() => {
    // another mode, another person: what was silenced or muted was theirs
    mode.value;
    name.value;
    undecided.clear();
    keepState(QUIET);
    muted.value = false;
  });
  setInterval(look, LOOK_MS);
}
