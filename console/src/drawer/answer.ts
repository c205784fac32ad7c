// What the service answers to a question of the drawer, kept while it is asked again; what failed is said.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { messageOf } from "../api";
import { localTimes } from "./actions";

export interface Answer<T> {
  value: T | null;
  /** Why it is not known, or not known anew, in words; empty where it is. */
  failed: string;
  again: () => void;
}

/** Ask at once, whenever one of `keys` changes, and, where `everyMs` is given, again and again. */
export function useAnswer<T>(ask: () => Promise<T>, keys: readonly unknown[], everyMs = 0): Answer<T> {
  const value = useSignal<T | null>(null);
  const failed = useSignal("");
  const asked = useSignal(0);
  useEffect(() => {
    let isHere = true;
    let timer = 0;
    const again = async () => {
      try {
        const found = await ask();
        if (!isHere) return;
        value.value = found;
        failed.value = "";
      } catch (error) {
        if (isHere) failed.value = localTimes(messageOf(error));
      }
      if (isHere && everyMs) timer = window.setTimeout(again, everyMs);
    };
    again();
    return () => {
      isHere = false;
      clearTimeout(timer);
    };
  }, [...keys, asked.value]);
  return {
    value: value.value,
    failed: failed.value,
    again: () => {
      asked.value += 1;
    },
  };
}
