// A question to the API as a view asks it: the answer, when it came, and what was said where it did not.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { messageOf as asSaid, NoAnswer, Refused } from "../api";
import { shiftWords } from "../words/shift";

export interface Answer<T> {
  /** The newest answer, null before the first; it stays while a later question fails. */
  value: T | null;
  /** Why the newest question has no answer, empty where it has. */
  failure: string;
  /** When the value was answered, by the browser's clock. */
  at: number | null;
  again: () => void;
}

const AGAIN_MS = 3_000;

/** Ask when the view opens and when what it is about changes; with `everyMs` again and again. */
export function useAnswer<T>(
  question: (stop: AbortSignal) => Promise<T>,
  about: readonly unknown[],
  everyMs = 0,
): Answer<T> {
  const found = useSignal<Omit<Answer<T>, "again">>({ value: null, failure: "", at: null });
  const round = useSignal(0);
  useEffect(() => {
    found.value = { value: null, failure: "", at: null };
  }, about);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const ask = () => {
      question(stop.signal)
        .then(
          (value) => ({ value, failure: "", at: Date.now(), isBusy: false }),
          (error: unknown) => ({ ...found.peek(), failure: messageOf(error), isBusy: isBusy(error) }),
        )
        .then((answer) => {
          if (stop.signal.aborted) return;
          found.value = answer;
          // a busy service says so within seconds, and is asked again
          const wait = answer.isBusy ? AGAIN_MS : everyMs;
          if (wait) timer = window.setTimeout(ask, wait);
        });
    };
    ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [...about, round.value]);
  return { ...found.value, again: () => (round.value += 1) };
}

const isBusy = (error: unknown): boolean =>
  error instanceof NoAnswer || (error instanceof Refused && error.status === 503);

/** What to say of something that failed, with the service's own remedy. */
export const messageOf = (error: unknown): string =>
  error instanceof NoAnswer ? shiftWords().noAnswer : asSaid(error);
