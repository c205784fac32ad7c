// What the list shows: the alarms that the address asks for, in order, and held still while somebody is in the list.
import { batch, computed, effect, signal } from "@preact/signals";
import { alarms, changed, loaded, mode } from "../alarm_store";
import { route } from "../router";
import type { Alarm } from "../types";
import { askedOf, FILTERS, inOrder, inView, matcher, VIEWS } from "./filter";
import { arranged, folded, type Held, isGroup, type RowId, type Rows } from "./rows";
import { ruleTitle } from "./rule_names";

const address = computed(() => {
  const query = new URLSearchParams();
  for (const name of ["view", "folded", ...FILTERS]) {
    const value = route.value.query.get(name);
    if (value) query.set(name, value);
  }
  return query.toString();
});
export const asked = computed(() => askedOf(new URLSearchParams(address.value)));

/** Groups that are opened. */
export const opened = signal<ReadonlySet<RowId>>(new Set());

interface Found extends Rows {
  /** Alarms of each view that the filters let through. */
  counts: Record<(typeof VIEWS)[number], number>;
  /** All alarms of the view, folded ones too. */
  present: ReadonlySet<string>;
  /** How many alarms of each incident stand, of whatever view. */
  incidents: ReadonlyMap<string, number>;
}

export const found = computed((): Found => {
  changed.value;
  const { view, filters, unfolded } = asked.value;
  const fits = matcher(filters, ruleTitle);
  const counts = Object.fromEntries(VIEWS.map((one) => [one, 0])) as Found["counts"];
  const sorted: Alarm[] = [];
  const incidents = new Map<string, number>();
  for (const alarm of alarms.values()) {
    if (alarm.incident) incidents.set(alarm.incident, (incidents.get(alarm.incident) ?? 0) + 1);
    if (!fits(alarm)) continue;
    for (const one of VIEWS) if (inView(alarm, one)) counts[one] += 1;
    if (inView(alarm, view)) sorted.push(alarm);
  }
  sorted.sort(inOrder);
  const rows = folded(sorted, opened.value, unfolded, incidents);
  return { ...rows, counts, present: new Set(sorted.map((one) => one.alarm)), incidents };
});

/** Somebody is in the list, by pointer or by keyboard: its rows stay where they are. */
export const pointerInside = signal(false);
export const keyboardInside = signal(false);

/** The row that the keys are about. */
export const active = signal<RowId | null>(null);
/** Alarms selected to be acknowledged together, by the sequence that was seen. */
export const selected = signal<ReadonlyMap<string, number>>(new Map());

export const shown = signal<Held>({ ids: [], gone: new Set(), fresh: 0, moved: 0 });
/** The alarms of the rows, as they stand; what ended meanwhile as it was last known. */
let known = new Map<string, Alarm>();
let shownFor = "";
const wholly = computed(() => `${mode.value} ${loaded.value} ${address.value} ${[...opened.value].join(" ")}`);

effect(() => {
  const { ids, present } = found.value;
  const held = (pointerInside.value || keyboardInside.value) && wholly.value === shownFor;
  shownFor = wholly.value;
  show(arranged(shown.peek().ids, ids, held, present));
});

/** Take in what waits: new rows, and those that have to move. */
export function takeIn(): void {
  const { ids, present } = found.peek();
  show(arranged([], ids, false, present));
}

function show(next: Held): void {
  const before = known;
  known = new Map();
  for (const id of next.ids) {
    if (isGroup(id)) continue;
    const last = before.get(id);
    const alarm = alarms.get(id) ?? (last && ended(last));
    if (alarm) known.set(id, alarm);
  }
  batch(() => {
    shown.value = next;
    if (active.peek() === null || !next.ids.includes(active.peek() as RowId)) active.value = null;
    const left = [...selected.peek()].filter(([id]) => known.has(id));
    if (left.length !== selected.peek().size) selected.value = new Map(left);
  });
}

const ended = (alarm: Alarm): Alarm =>
  alarm.state === "normal" ? alarm : { ...alarm, state: "normal", condition: "normal" };

/** The alarm of a row; undefined for a group's row. */
export const alarmOf = (row: RowId): Alarm | undefined => known.get(row);

/** Move the active row by so many; the first one where none is active. */
export function move(by: number): void {
  const { ids } = shown.peek();
  if (ids.length === 0) return;
  const place = active.peek() === null ? -1 : ids.indexOf(active.peek() as RowId);
  const next = place < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, place + by));
  active.value = ids[next] as RowId;
}

export function toggleSelected(row: RowId, chosen = !selected.peek().has(row)): void {
  const alarm = known.get(row);
  if (!alarm) return;
  const next = new Map(selected.peek());
  if (chosen) next.set(row, alarm.sequence);
  else next.delete(row);
  selected.value = next;
}

export function toggleGroup(row: RowId): void {
  const next = new Set(opened.peek());
  if (!next.delete(row)) next.add(row);
  opened.value = next;
}
