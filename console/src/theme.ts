// Grey by day and by night; by default as the machine has it.
import { effect, signal } from "@preact/signals";

export type Theme = "day" | "night";
const dark = matchMedia("(prefers-color-scheme: dark)");
const kept = localStorage.getItem("theme");

export const theme = signal<Theme>(kept === "day" || kept === "night" ? kept : dark.matches ? "night" : "day");
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  localStorage.setItem("theme", chosen);
}
