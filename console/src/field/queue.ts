// The queue of acts: written down before anything is sent, sent in order, each told what became of it.
import { signal } from "@preact/signals";
import { newIdempotencyKey, problemOf, request } from "../api";
import type { Action } from "../drawer/offered";
import { end, me } from "../session";
import type { Alarm, Me, ProblemDetails } from "../types";
import { type Act, DATED, endsSession, isPassing, waiting } from "./acts";
import { heard, reachable, serviceTime } from "./answers";
import { addAct, changeAct, deleteActs, storedActs } from "./database";
import type { Position } from "./types";

const EVERY_MS = 30_000;
/** After the service did not answer, or said that it cannot at the moment. */
const SOON_MS = 5000;
const LOCK = "lifeline-field-acts";

/** All acts on this device, those of others too. */
export const acts = signal<Act[]>([]);
/** The act that is being sent. */
export const sending = signal<number | null>(null);
/** Rises when the service has told of acts: what is shown is asked for again. */
export const told = signal(0);
/** Why nothing can be written down on this device; empty where it can. */
export const notWritten = signal("");

/** Positions go with the act if it is sent soon; they are never written down. */
const positions = new Map<string, Position>();
const otherTabs = new BroadcastChannel(LOCK);
let busy = false;

export async function loadActs(): Promise<void> {
  acts.value = await storedActs();
}

/** Write down what was done, then try to send it. Raises where this device cannot keep it. */
export async function done(
  alarm: Alarm,
  place: string,
  action: Action,
  body: Record<string, unknown>,
  position?: Position,
): Promise<void> {
  const key = newIdempotencyKey();
  const dated = DATED.includes(action) && { acted_at: actedAt(alarm) };
  if (position) positions.set(key, position);
  await addAct({
    key,
    name: me.peek()?.name ?? "",
    alarm: alarm.alarm,
    action,
    body: { seen_sequence: alarm.sequence, ...dated, ...body },
    place,
    at: Date.now(),
    state: "pending",
  });
  await changed();
  sendWaiting();
}

/** When it is done, by the service's clock as far as it is known; nothing is done before the alarm was raised. */
const actedAt = (alarm: Alarm): string =>
  new Date(Math.max(serviceTime(), new Date(alarm.raised_at).getTime())).toISOString();

export async function dismiss(numbers: readonly number[]): Promise<void> {
  await deleteActs(numbers);
  await changed();
}

async function changed(): Promise<void> {
  await loadActs();
  otherTabs.postMessage("changed");
}

/** Send what waits, if the service can be reached and it is the same person who is logged in. */
export async function sendWaiting(): Promise<void> {
  if (busy) return;
  busy = true;
  try {
    // another tab of this device may be at it; the keys would make it count once all the same
    if (navigator.locks) {
      await navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
        if (lock) await sendAll();
      });
    } else await sendAll();
  } finally {
    busy = false;
    sending.value = null;
  }
}

async function sendAll(): Promise<void> {
  await loadActs();
  if (!acts.peek().some((act) => act.state === "pending" && act.name === me.peek()?.name)) return;
  // who is logged in may have changed in another tab: the cookie is theirs
  const name = await nameAtService();
  if (name === null) soon();
  if (name === null || name !== me.peek()?.name) return;
  let count = 0;
  for (const ofOneAlarm of waiting(acts.peek(), name)) {
    for (const act of ofOneAlarm) {
      sending.value = act.number;
      const outcome = await sendOne(act);
      if (outcome === "unreached") soon();
      if (outcome === "unreached" || (outcome !== "done" && endsSession(outcome))) return finish(count);
      await changeAct(after(act, outcome));
      await changed();
      if (outcome !== "done" && isPassing(outcome)) {
        soon();
        break; // the later ones of this alarm wait for it
      }
      count += 1;
    }
  }
  finish(count);
  if (waiting(acts.peek(), name).some((one) => one[0] && !one[0].problem)) await sendAll(); // done meanwhile
}

let timer = 0;

function soon(): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => me.peek() && sendWaiting(), SOON_MS);
}

function finish(count: number): void {
  if (count > 0) told.value = told.peek() + 1;
}

function after(act: Act, outcome: "done" | ProblemDetails): Act {
  if (outcome === "done") return { ...act, state: "done", toldAt: Date.now() };
  return isPassing(outcome)
    ? { ...act, problem: outcome }
    : { ...act, state: "refused", toldAt: Date.now(), problem: outcome };
}

async function nameAtService(): Promise<string | null> {
  const answer = await heard(request("/session")).catch(() => null);
  if (answer?.status === 401) end("session_ended");
  return answer?.ok ? ((await answer.json()) as Me).name : null;
}

async function sendOne(act: Act): Promise<"done" | "unreached" | ProblemDetails> {
  const position = positions.get(act.key);
  const body = position ? { ...act.body, position: { longitude: position[0], latitude: position[1] } } : act.body;
  const asked = request(`/alarms/${encodeURIComponent(act.alarm)}/${act.action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": act.key },
    body: JSON.stringify(body),
  });
  const answer = await heard(asked).catch(() => null);
  if (!answer) return "unreached";
  if (answer.ok) {
    positions.delete(act.key);
    return "done";
  }
  const problem = await problemOf(answer);
  if (answer.status === 401) end("session_ended");
  return problem;
}

/** Send when the service is reached again, when the page is looked at, every half minute. Returns how to stop. */
export function keepSending(): () => void {
  const look = () => {
    if (document.visibilityState === "visible") sendWaiting();
  };
  const timer = setInterval(look, EVERY_MS);
  const hear = () => loadActs();
  loadActs().then(sendWaiting, (error: unknown) => {
    notWritten.value = String(error);
  });
  const stopWatching = reachable.subscribe((is) => is && sendWaiting());
  addEventListener("online", look);
  document.addEventListener("visibilitychange", look);
  otherTabs.addEventListener("message", hear);
  return () => {
    clearInterval(timer);
    stopWatching();
    removeEventListener("online", look);
    document.removeEventListener("visibilitychange", look);
    otherTabs.removeEventListener("message", hear);
  };
}
