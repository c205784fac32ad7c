// The list: a grid of rows of one height of which those in sight are drawn; it stands still while somebody is in it.
import { useSignal } from "@preact/signals";
import type { ComponentChild } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { loaded } from "../alarm_store";
import type { Alarm } from "../types";
import { columnWords } from "../words/alarms";
import { inSight } from "./acknowledging";
import { AlarmRow, GroupRow, ROW_PX, rowElement } from "./alarm_row";
import { isGroup, type RowId } from "./rows";
import { alarmWords } from "./said";
import { active, alarmOf, found, keyboardInside, move, shown, toggleGroup } from "./shown";

const COLUMNS = [
  "select",
  "severity",
  "priority",
  "state",
  "place",
  "where",
  "what",
  "value",
  "raised",
  "age",
  "handling",
  "marks",
] as const;
const BEYOND_ROWS = 6;

/** Give the list the keyboard: what is new waits from then on. */
export const focusList = (): void => document.getElementById("alarm-grid")?.focus({ preventScroll: true });

export function AlarmList({ open }: { open: (row: RowId) => void }) {
  const scroller = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(0);
  const { ids } = shown.value;
  const words = alarmWords();

  useEffect(() => {
    const element = scroller.current as HTMLDivElement;
    const measured = () => (height.value = element.clientHeight - ROW_PX);
    const observer = new ResizeObserver(measured);
    observer.observe(element);
    measured();
    return () => {
      observer.disconnect();
      keyboardInside.value = false;
    };
  }, []);

  useLayoutEffect(() => {
    const place = active.value === null ? -1 : ids.indexOf(active.value);
    if (place >= 0) bringIntoSight(scroller.current as HTMLDivElement, place);
  }, [active.value]);

  const first = Math.max(0, Math.floor(top.value / ROW_PX));
  const count = Math.ceil(height.value / ROW_PX);
  useLayoutEffect(() => {
    // whole rows alone count as seen
    const from = Math.ceil(top.value / ROW_PX);
    inSight.value = new Set(ids.slice(from, from + Math.floor(height.value / ROW_PX)));
  }, [ids, top.value, height.value]);

  const from = Math.max(0, first - BEYOND_ROWS);
  const kept = useKept();
  const drawn = ids.slice(from, first + count + BEYOND_ROWS);
  const activeDrawn = active.value !== null && drawn.includes(active.value);
  return (
    <div
      ref={scroller}
      id="alarm-grid"
      class="alarm-grid"
      role="grid"
      tabIndex={0}
      aria-label={words.title}
      aria-rowcount={ids.length + 1}
      aria-colcount={COLUMNS.length}
      aria-multiselectable="true"
      aria-activedescendant={activeDrawn ? rowElement(active.value as RowId) : undefined}
      onScroll={(event) => (top.value = event.currentTarget.scrollTop)}
      onFocusIn={() => (keyboardInside.value = true)}
      onFocusOut={() => (keyboardInside.value = false)}
      onKeyDown={(event) => byKey(event, count)}
      onClick={(event) => {
        const row = rowAt(event);
        if (!row) return;
        active.value = row;
        if (isGroup(row)) toggleGroup(row);
        else open(row);
      }}
    >
      <div role="row" class="alarm-row head" aria-rowindex={1}>
        {COLUMNS.map((column) => (
          <span key={column} role="columnheader" class={`cell-${column}`}>
            {column === "select" ? <span class="unseen">{columnWords().select}</span> : columnWords()[column]}
          </span>
        ))}
      </div>
      <div role="rowgroup" class="alarm-rows" style={{ height: `${ids.length * ROW_PX}px` }}>
        {drawn.map((row, place) => kept(row, from + place))}
        {ids.length === 0 && (
          <div role="row" class="no-rows">
            <span role="gridcell">{loaded.value ? words.none : words.loading}</span>
          </div>
        )}
      </div>
    </div>
  );
}

interface Kept {
  place: number;
  alarm: Alarm | undefined;
  members: readonly Alarm[] | undefined;
  isGone: boolean;
  node: ComponentChild;
}

/** Rows as they were drawn: in a burst most of those in sight are what they were. */
function useKept(): (row: RowId, place: number) => ComponentChild {
  const kept = useRef(new Map<RowId, Kept>());
  const before = kept.current;
  const now = new Map<RowId, Kept>();
  kept.current = now;
  return (row, place) => {
    const last = before.get(row);
    const alarm = alarmOf(row);
    const members = found.peek().groups.get(row);
    const isGone = shown.peek().gone.has(row);
    const isSame =
      last && last.place === place && last.alarm === alarm && last.members === members && last.isGone === isGone;
    const node = isSame ? last.node : drawnRow(row, place, alarm, members, isGone);
    now.set(row, { place, alarm, members, isGone, node });
    return node;
  };
}

function drawnRow(
  row: RowId,
  place: number,
  alarm: Alarm | undefined,
  members: readonly Alarm[] | undefined,
  isGone: boolean,
): ComponentChild {
  if (isGroup(row)) return members && <GroupRow key={row} row={row} place={place} members={members} />;
  return alarm && <AlarmRow key={row} row={row} place={place} alarm={alarm} gone={isGone} />;
}

const rowAt = (event: MouseEvent): RowId | undefined =>
  (event.target as HTMLElement).closest<HTMLElement>("[data-row]")?.dataset.row;

function bringIntoSight(element: HTMLDivElement, place: number): void {
  const visible = element.clientHeight - ROW_PX; // the head stands above
  const rowTop = place * ROW_PX;
  if (rowTop < element.scrollTop) element.scrollTop = rowTop;
  else if (rowTop + ROW_PX > element.scrollTop + visible) element.scrollTop = rowTop + ROW_PX - visible;
}

/** Keys that grids have everywhere; the letters are in keys.ts. */
function byKey(event: KeyboardEvent, pageRows: number): void {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const steps: Record<string, number> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: pageRows - 1,
    PageUp: 1 - pageRows,
    End: Number.MAX_SAFE_INTEGER,
  };
  const by = steps[event.key];
  if (by === undefined) return;
  event.preventDefault();
  move(by);
}
