// Requests to the API: by the session's cookie or the tab's key, problems as errors, acts with an idempotency key.
import { signal } from "@preact/signals";
import { language } from "./language";
import type { ProblemDetails } from "./types";

const KEPT_KEY = "key";
export const REQUEST_MS_MAX = 30_000;

/** The API key of this tab, empty where a person is logged in by cookie. */
export const apiKey = signal(sessionStorage.getItem(KEPT_KEY) ?? "");

export function keepKey(key: string): void {
  apiKey.value = key;
  if (key) sessionStorage.setItem(KEPT_KEY, key);
  else sessionStorage.removeItem(KEPT_KEY);
}

/** What the service refused, in its own words: detail, remedy, and the problem's further members. */
export class Refused extends Error {
  constructor(readonly problem: ProblemDetails) {
    super(problem.remedy ? `${problem.detail} (${problem.remedy})` : problem.detail);
  }
  get status(): number {
    return this.problem.status;
  }
}

/** The service did not answer, or not in time. */
export class NoAnswer extends Error {}

/** What to say of something that failed. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Send a request; raises NoAnswer, never Refused. `path` is relative to /api/v1. */
export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  headers.set("Accept-Language", language.peek() === "zh" ? "zh-CN" : "en");
  if (apiKey.peek()) headers.set("Authorization", `Bearer ${apiKey.peek()}`);
  try {
    const signal = options.signal ?? AbortSignal.timeout(REQUEST_MS_MAX);
    return await fetch(`/api/v1${path}`, { cache: "no-store", ...options, headers, signal });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new NoAnswer(messageOf(error));
  }
}

/** What a refusal says; where it is not the service's, like a proxy's page, its status alone. */
export async function problemOf(answer: Response): Promise<ProblemDetails> {
  const problem: ProblemDetails | null = await answer.json().catch(() => null);
  return (
    problem ?? {
      type: "about:blank",
      title: answer.statusText,
      status: answer.status,
      detail: `${answer.status} ${answer.statusText}`,
      field: null,
      remedy: null,
    }
  );
}

async function answered<T>(answer: Response): Promise<T> {
  if (!answer.ok) throw new Refused(await problemOf(answer));
  return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
}

/** GET; raises Refused or NoAnswer. Parameters that are undefined, null or empty are left out, lists are repeated. */
export async function read<T>(path: string, parameters: Parameters = {}, stop?: AbortSignal): Promise<T> {
  return answered<T>(await request(path + query(parameters), stop ? { signal: stop } : {}));
}

/** Null where the service refuses with one of these statuses: what is not there, or not for this reader. */
export async function orNone<T>(asked: Promise<T>, statuses: readonly number[] = [404]): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refused && statuses.includes(error.status)) return null;
    throw error;
  }
}

export type Parameters = Record<string, string | number | boolean | null | undefined | readonly string[]>;

export function query(parameters: Parameters): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) found.append(name, String(one));
  }
  const text = found.toString();
  return text && `?${text}`;
}

/** POST, PUT, PATCH or DELETE with a JSON body; raises Refused or NoAnswer. */
export async function send<T>(method: string, path: string, body?: unknown, idempotencyKey?: string): Promise<T> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  return answered<T>(
    await request(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }),
  );
}

/** A random name for one act, so that it counts once however often it is sent. */
export function newIdempotencyKey(): string {
  // crypto.randomUUID wants https, which a closed network may not have
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
