// What a table needs of the service: asked when it is shown and now and then after, with its age and what was refused.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { NoAnswer, type Parameters, query, Refused, read, request } from "../api";
import { age, clockTime } from "../instant";
import { filled } from "../language";
import { engineerWords } from "../words/engineer";

export function failureOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  const late = error instanceof DOMException && error.name === "TimeoutError";
  if (error instanceof NoAnswer || late) return engineerWords().noAnswer;
  return error instanceof Error ? error.message : String(error);
}

export interface Loaded<T> {
  value: T | null;
  at: number | null;
  failure: string;
  /** Ask once more, now. */
  again: () => void;
}

/** Ask for `path`, and again every so often; a path `/readyz` of the root by `ask`. */
export function useLoaded<T>(path: string, parameters: Parameters = {}, everyMs = 0, ask = read as Ask): Loaded<T> {
  const value = useSignal<T | null>(null);
  const at = useSignal<number | null>(null);
  const failure = useSignal("");
  const asked = useSignal(0);
  const text = path + query(parameters);
  useEffect(() => {
    value.value = at.value = null;
    failure.value = "";
  }, [text]);
  const turn = asked.value;
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const load = () => {
      ask<T>(text, {}, AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]))
        .then((found) => {
          if (stop.signal.aborted) return;
          value.value = found;
          at.value = Date.now();
          failure.value = "";
        })
        .catch((error: unknown) => {
          if (!stop.signal.aborted) failure.value = failureOf(error);
        })
        .finally(() => {
          if (everyMs && !stop.signal.aborted) timer = window.setTimeout(load, everyMs);
        });
    };
    load();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [text, turn, everyMs]);
  return { value: value.value, at: at.value, failure: failure.value, again: () => (asked.value = asked.peek() + 1) };
}

type Ask = <T>(path: string, parameters: Parameters, stop?: AbortSignal) => Promise<T>;

export interface Pages<P, T> extends Omit<Loaded<P>, "value"> {
  first: P | null;
  rows: T[];
  /** The next page, where there is one. */
  more: (() => void) | null;
}

/** A list by pages: the first is asked for at once, older ones by `more`. */
export function usePages<P extends { next: string | null }, T>(
  path: string,
  parameters: Parameters,
  rowsOf: (page: P) => T[],
  everyMs = 0,
): Pages<P, T> {
  const first = useLoaded<P>(path, parameters, everyMs);
  const older = useSignal<P[]>([]);
  const failure = useSignal("");
  useEffect(() => {
    older.value = [];
    failure.value = "";
  }, [first.value]);
  const pages = first.value ? [first.value, ...older.value] : [];
  const next = pages.at(-1)?.next ?? null;
  const more = async () => {
    try {
      const page = await read<P>(path, { ...parameters, after: next });
      older.value = [...older.value, page];
    } catch (error) {
      failure.value = failureOf(error);
    }
  };
  return {
    first: first.value,
    rows: pages.flatMap(rowsOf),
    more: next === null ? null : more,
    at: first.at,
    again: first.again,
    failure: first.failure || failure.value,
  };
}

/** A path beside /api/v1, whose answer is read whatever its status: `/readyz` says 503 with its reasons. */
export async function readRoot<T>(path: string, _parameters: Parameters, stop?: AbortSignal): Promise<T> {
  // the API's paths are relative to /api/v1, and a browser resolves the dots
  const answer = await request(`/../..${path}`, stop ? { signal: stop } : {});
  const text = await answer.text();
  return (answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : text) as T;
}

/** How old what is shown is, and what was refused since. */
export function Freshness({ of }: { of: { at: number | null; failure: string; again: () => void } }) {
  const words = engineerWords();
  return (
    <span class="engineer-freshness">
      {of.failure && <strong role="alert">{of.failure}</strong>}
      {of.at !== null && (
        <span class="soft" title={clockTime(of.at)}>
          {filled(words.asked, { age: age(of.at) })}
        </span>
      )}
      <button type="button" onClick={of.again}>
        {words.refresh}
      </button>
    </span>
  );
}
