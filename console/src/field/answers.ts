// Answers for the phone view: kept on the device with their time, asked for again and again, shown with their age.
import { type Signal, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { NoAnswer, type Parameters, problemOf, query, Refused, request } from "../api";
import { end } from "../session";
import { keep, kept } from "./database";
import type { Kept } from "./types";

const EVERY_MS = 30_000;
/** Where the service was not reached, or was busy. */
const SOON_MS = 10_000;
const REQUEST_MS_MAX = 15_000;

/** Whether the service answered when it was asked last. */
export const reachable = signal(navigator.onLine);
/** How much the service's clock is ahead of this device's. */
let clockAheadMs = 0;

/** The service's time as far as this device knows. */
export const serviceTime = (): number => Date.now() + clockAheadMs;

/** GET; raises Refused or NoAnswer, notes whether the service can be reached and what its clock says. */
export async function ask<T>(path: string, parameters: Parameters = {}): Promise<T> {
  const answer = await heard(request(path + query(parameters), { signal: AbortSignal.timeout(REQUEST_MS_MAX) }));
  if (answer.ok) return (await answer.json().catch(unheard)) as T;
  const problem = await problemOf(answer);
  if (answer.status === 401) end("session_ended");
  throw new Refused(problem);
}

/** Note whether a request was answered. */
export async function heard(asked: Promise<Response>): Promise<Response> {
  const answer = await asked.catch(unheard);
  // what stands between may answer for a service that is down
  if (answer.status >= 500 && !answer.headers.get("Content-Type")?.includes("json")) unheard(answer.statusText);
  reachable.value = true;
  const said = Date.parse(answer.headers.get("Date") ?? "");
  if (!Number.isNaN(said)) clockAheadMs = said - Date.now();
  return answer;
}

function unheard(error: unknown): never {
  reachable.value = false;
  throw error instanceof NoAnswer ? error : new NoAnswer(String(error));
}

addEventListener("offline", () => {
  reachable.value = false;
});

export interface Asked<T> {
  /** The newest answer, of now or kept; null where there is none. */
  shown: Signal<Kept<T> | null>;
  /** Why the service refused the last question; empty where it did not. */
  refusal: Signal<string>;
  again: () => void;
}

/** Show what is kept under a name, ask now and every half minute, keep what is answered; undefined: nothing to ask. */
export function useKept<T>(name: string | null, load: () => Promise<T | undefined>): Asked<T> {
  const shown = useSignal<Kept<T> | null>(null);
  const refusal = useSignal("");
  const attempt = useSignal(0);
  useEffect(() => {
    shown.value = null;
    refusal.value = "";
  }, [name]);
  useEffect(() => {
    if (name === null) return;
    let gone = false;
    let timer = 0;
    let isAsking = false;
    const once = async () => {
      if (isAsking) return;
      isAsking = true;
      clearTimeout(timer);
      let isBusy = false;
      const before = await kept<T>(name).catch(() => undefined); // no database: then only what is answered
      if (!gone && before && before.at > (shown.value?.at ?? 0)) shown.value = before;
      try {
        const data = await load();
        const got = data === undefined ? null : { data, at: Date.now() };
        if (got) await keep(name, got).catch(() => {});
        if (!gone) {
          shown.value = got ?? shown.value;
          refusal.value = "";
        }
      } catch (error) {
        if (!(error instanceof NoAnswer || error instanceof Refused)) throw error;
        isBusy = !(error instanceof Refused) || error.status >= 500;
        if (!gone && error instanceof Refused) refusal.value = error.message;
      } finally {
        isAsking = false;
        if (!gone) {
          timer = window.setTimeout(once, isBusy ? SOON_MS : EVERY_MS);
        }
      }
    };
    const look = () => document.visibilityState === "visible" && once();
    once();
    let before = reachable.peek();
    const stopWatching = reachable.subscribe((is) => {
      if (is && !before) look();
      before = is;
    });
    addEventListener("online", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      gone = true;
      clearTimeout(timer);
      stopWatching();
      removeEventListener("online", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, [name, attempt.value]);
  const again = () => {
    attempt.value = attempt.peek() + 1; // who calls it from an effect must not follow it
  };
  return { shown, refusal, again };
}
