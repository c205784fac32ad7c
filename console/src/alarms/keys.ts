// Keys of the alarm screen; a single letter is one only where nobody types and no dialog stands open.
import { tinykeys } from "tinykeys";
import { singleKeys } from "./key_help";

export type KeyActs = Record<
  | "next"
  | "previous"
  | "extendNext"
  | "extendPrevious"
  | "select"
  | "open"
  | "acknowledge"
  | "shelve"
  | "trend"
  | "map"
  | "comment"
  | "filter"
  | "silence"
  | "takeIn"
  | "help"
  | "escape",
  () => void
>;

const TYPED_INTO = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
const PRESSED = "button, a[href], summary, input, [role=button]";

/** Whether a press of a single letter is meant for what has the focus. */
export function isForField(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(TYPED_INTO) !== null;
}

const inDialog = (): boolean => document.querySelector("dialog[open]") !== null;
/** Space and Enter belong to what they press. */
const isPressed = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest(PRESSED) !== null;

/** Listen until the answer is called. */
export function listenToKeys(acts: KeyActs): () => void {
  const letter = (act: () => void) => (event: KeyboardEvent) => {
    if (!singleKeys.peek() || event.isComposing || isForField(event.target) || inDialog()) return;
    event.preventDefault();
    act();
  };
  const inList = (act: () => void) => (event: KeyboardEvent) => {
    if (isForField(event.target) || isPressed(event.target) || inDialog()) return;
    event.preventDefault();
    act();
  };
  return tinykeys(window, {
    j: letter(acts.next),
    k: letter(acts.previous),
    "Shift+J": letter(acts.extendNext),
    "Shift+K": letter(acts.extendPrevious),
    "Shift+ArrowDown": inList(acts.extendNext),
    "Shift+ArrowUp": inList(acts.extendPrevious),
    Space: inList(acts.select),
    Enter: inList(acts.open),
    a: letter(acts.acknowledge),
    s: letter(acts.shelve),
    t: letter(acts.trend),
    m: letter(acts.map),
    c: letter(acts.comment),
    "/": letter(acts.filter),
    x: letter(acts.silence),
    n: letter(acts.takeIn),
    Home: inList(acts.takeIn),
    // which keys make a question mark is the keyboard's matter
    "?": letter(acts.help),
    "Shift+?": letter(acts.help),
    Escape: (event: KeyboardEvent) => {
      if (event.defaultPrevented || inDialog()) return;
      acts.escape();
    },
  });
}
