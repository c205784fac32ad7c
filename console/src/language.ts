// The reader's language, and texts that exist in both: a text that one of them lacks is a type error.
import { computed, signal } from "@preact/signals";

export type Language = "zh" | "en";

const kept = localStorage.getItem("language");
const preferred: Language = navigator.language.startsWith("zh") ? "zh" : "en";

export const language = signal<Language>(kept === "zh" || kept === "en" ? kept : preferred);
export const locale = computed(() => (language.value === "zh" ? "zh-CN" : "en-GB"));

/** In a build the texts of each language are a file (words_plugin.ts); while developing these are empty. */
const files = { zh: () => import("virtual:words-zh"), en: () => import("virtual:words-en") };
const loaded: Partial<Record<Language, Record<string, Record<string, string>>>> = {};

/** Show a language as soon as its texts are there. Rejects where they cannot be had; then nothing changes. */
export async function showLanguage(chosen: Language): Promise<void> {
  loaded[chosen] ??= (await files[chosen]()).default;
  language.value = chosen;
}

export function chooseLanguage(chosen: Language): void {
  showLanguage(chosen).then(
    () => localStorage.setItem("language", chosen),
    () => {}, // the connection is lost, which the page says; the language of the moment stays
  );
}

/** Give the texts of one piece of the console in the language of the moment: `words().title`. */
export function inBoth<const Zh extends Record<string, string>>(
  zh: Zh,
  en: { [Name in keyof Zh]: string },
): () => { [Name in keyof Zh]: string } {
  return () => (language.value === "zh" ? zh : en);
}

/** What a build puts in the place of `inBoth`: the texts by the name of their pair. */
export const loadedWords = (name: string) => (): Record<string, string> => loaded[language.value]?.[name] ?? {};

/** Put values in the places `{name}` of a text. */
export function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

/** Whichever of two names suits the language of the moment, or the other, or what stands in for both. */
export function named(zh: string | null | undefined, en: string | null | undefined, otherwise: string): string {
  return (language.value === "zh" ? zh || en : en || zh) || otherwise;
}
