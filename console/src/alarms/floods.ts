// Floods of alarms at the positions of the mode that is shown, asked again and again.
import { effect, signal } from "@preact/signals";
import { alarms, loadAgain, loaded, mode } from "../alarm_store";
import { read } from "../api";
import type { components } from "../generated/api";

const EVERY_MS = 10_000;
type Position = components["schemas"]["PositionItem"];
export interface Flood {
  position: Position;
  first_out: string;
  folded: number;
  annunciated: number;
}

export const floods = signal<Flood[]>([]);
let timer = 0;
let foldedAs = "";

/** Ask now and go on; the answer ends it. */
export function followFloods(): () => void {
  const leave = effect(() => {
    if (loaded.value && mode.value) ask();
    else floods.value = [];
  });
  return () => {
    leave();
    clearTimeout(timer);
  };
}

function ask(): void {
  clearTimeout(timer);
  timer = window.setTimeout(ask, EVERY_MS);
  const shown = mode.peek();
  if (!shown) return;
  read<{ positions: Position[] }>("/positions").then(
    ({ positions }) => shown === mode.peek() && take(positions),
    () => {}, // the alarms come one by one meanwhile, and the header tells that the service does not answer
  );
}

function take(positions: Position[]): void {
  const standing = positions.flatMap((position) =>
    position.floods.filter((flood) => flood.mode === mode.peek()).map((flood) => ({ position, ...flood })),
  );
  floods.value = standing;
  // no transition tells that a flood's beginning folds those before it, that red folds orange, that its end unfolds all
  const began = standing.map((one) => one.began_at).toSorted()[0];
  const red = began && [...alarms.values()].some((one) => one.severity === "red" && one.changed_at >= began);
  const folds = `${mode.peek()} ${standing.map((one) => one.flood).join(" ")} ${Boolean(red)}`;
  if (foldedAs !== folds && (foldedAs.startsWith(`${mode.peek()} `) || standing.length)) loadAgain();
  foldedAs = folds;
}
