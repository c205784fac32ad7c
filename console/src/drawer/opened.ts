// Opening and closing the drawer from the list: which alarm is open is the address, the focus goes in and comes back.
import { signal } from "@preact/signals";
import { route, setQuery } from "../router";

export type Part = "head" | "trend";
let cameFrom: Element | null = null;
let wanted: Part | null = null;

/** Half of the screen for the drawer, as its reader left it. */
export const isWide = signal(localStorage.getItem("drawer") === "wide");
export function keepWide(wide: boolean): void {
  isWide.value = wide;
  localStorage.setItem("drawer", wide ? "wide" : "");
}

/** The alarm that the address names, null where none is open. */
export const openAlarm = (): string | null => route.value.query.get("alarm");

/** Move the focus into the drawer, at once or as soon as it is there. */
export function focusDrawer(part: Part = "head"): void {
  const active = document.activeElement;
  if (active && !active.closest(".drawer")) cameFrom = active;
  wanted = part;
  takeFocus();
}

/** Give the focus to what was asked for, if it is there by now. */
export function takeFocus(): void {
  const found = wanted && document.querySelector<HTMLElement>(`.drawer [data-part="${wanted}"]`);
  if (!found) return;
  wanted = null;
  found.focus();
  found.scrollIntoView({ block: "nearest" });
}

/** Close the drawer; the focus goes back to where it came from, if that is still there. */
export function closeDrawer(): void {
  const back = cameFrom;
  cameFrom = null;
  wanted = null;
  setQuery({ alarm: null });
  if (back instanceof HTMLElement && back.isConnected) back.focus();
}
