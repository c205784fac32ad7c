// Acts of a crew, from done on site to told by the service; pure. The service decides what counts.
import type { Action } from "../drawer/offered";
import type { Alarm, ProblemDetails } from "../types";
import type { Step } from "./types";

export interface Act {
  /** Its place in the order on this device. */
  number: number;
  /** The idempotency key: made once, before anything is sent. */
  key: string;
  /** Who did it; sent by nobody else. */
  name: string;
  alarm: string;
  action: Action;
  /** All of the request: `seen_sequence`, `acted_at` and what the form says. */
  body: Record<string, unknown>;
  /** Of the place, as it is shown in the list of acts. */
  place: string;
  /** When it was done, by this device's clock. */
  at: number;
  state: "pending" | "done" | "refused";
  /** When the service told what became of it, by this device's clock. */
  toldAt?: number;
  /** Why it was refused, or why it is not sent yet. */
  problem?: ProblemDetails;
}

/** What crews do from their phone, in the order of the work. */
export const FIELD_ACTIONS: readonly Action[] = [
  "acknowledge",
  "accept",
  "arrive",
  "resolve",
  "verify",
  "suppress",
  "return-to-service",
  "comment",
  "decline",
];

/** Acts whose body says when they were done. */
export const DATED: readonly Action[] = ["accept", "decline", "arrive", "resolve", "verify"];

const TRY_AGAIN = [401, 408, 425, 429];
const SESSION = ["/docs#password-change-required", "/docs#second-factor-required"];

/** Whether a refusal is about the moment, so that the act stays pending, and not about the act. */
export const isPassing = (problem: ProblemDetails): boolean =>
  problem.status >= 500 || TRY_AGAIN.includes(problem.status) || SESSION.includes(problem.type);

/** Whether the session must be renewed before anything else can be sent. */
export const endsSession = (problem: ProblemDetails): boolean =>
  problem.status === 401 || SESSION.includes(problem.type);

/** Acts of `name` that wait, by alarm, each alarm's in the order in which they were done. */
export function waiting(acts: readonly Act[], name: string): Act[][] {
  const byAlarm = new Map<string, Act[]>();
  for (const act of [...acts].sort((one, other) => one.number - other.number)) {
    if (act.name !== name || act.state !== "pending") continue;
    const before = byAlarm.get(act.alarm);
    if (before) before.push(act);
    else byAlarm.set(act.alarm, [act]);
  }
  return [...byAlarm.values()];
}

const STEP_AFTER: Partial<Record<Action, Step>> = {
  accept: "accepted",
  decline: "declined",
  arrive: "arrived",
  resolve: "resolved",
};

/**
 * The alarm, known as of `knownAt` (this device's clock), as it will stand once the acts count that wait or were told
 * of since: so that the next step can be told out of coverage, and none is offered twice.
 */
export function projected(alarm: Alarm, acts: readonly Act[], name: string, knownAt: number): Alarm {
  let stands = alarm;
  for (const act of acts) {
    if (act.alarm !== alarm.alarm || act.name !== name) continue;
    if (act.state === "pending" || (act.state === "done" && (act.toldAt ?? 0) >= knownAt)) {
      stands = afterwards(stands, act);
    }
  }
  return stands;
}

function afterwards(alarm: Alarm, act: Act): Alarm {
  if (act.action === "acknowledge") return { ...alarm, state: acknowledged(alarm.state) };
  const passed = act.body.passed !== false;
  const step = act.action === "verify" ? (passed ? "verified" : "assigned") : STEP_AFTER[act.action];
  if (!step || !alarm.handling) return alarm;
  const resolvedBy = step === "resolved" ? act.name : alarm.handling.resolved_by;
  return { ...alarm, handling: { ...alarm.handling, step, due: null, resolved_by: resolvedBy } };
}

function acknowledged(state: Alarm["state"]): Alarm["state"] {
  if (state === "unacknowledged") return "acknowledged";
  if (state === "latched_unacknowledged") return "latched_acknowledged";
  return state === "returned_unacknowledged" ? "normal" : state;
}

/** Longitude and latitude rounded to some ten metres: no finer position leaves the device. */
export const rounded = (degrees: number): number => Math.round(degrees * 1e4) / 1e4;
