// Sends an act on an alarm: counted once however often it is clicked, with what was seen, and refusals in words.
import { signal } from "@preact/signals";
import { alarms, keep, mode } from "../alarm_store";
import { isQuiet } from "../alarms/filter";
import { NoAnswer, newIdempotencyKey, Refused, read, send } from "../api";
import { shortTime } from "../instant";
import { filled } from "../language";
import type { Alarm, ProblemDetails } from "../types";
import { actedWords, actionWords } from "../words/actions";
import { stateWords } from "../words/shared";
import type { Action } from "./offered";
import type { Body, Line, Requested } from "./types";

export { ACTIONS, type Action, isUnacknowledged, offered } from "./offered";

/** An alarm as somebody saw it. */
export type Seen = Pick<Alarm, "alarm" | "sequence">;

/** What came of an act: the journal line, or, where another person has to approve it, the request. */
export type Done = { line: Line; requested: null } | { line: null; requested: Requested };

/** An act was not done; the message says why, who was first and when, in the reader's language. */
export class NotDone extends Error {
  constructor(
    message: string,
    /** What the service says is wrong by field of the body, empty where it is about the alarm. */
    readonly fields: Record<string, string> = {},
    /** The alarm as it stands, where the refusal tells. */
    readonly current: Alarm | null = null,
  ) {
    super(message);
  }
}

/** Rises with each act that was answered, done or refused: what is shown of its alarm may be old then. */
export const acted = signal(0);

const KEYS_MAX = 500;
const keys = new Map<string, string>();
const underWay = new Map<string, Promise<Done>>();
/** Acts that change how far an alarm is dealt with, or what is thought of it: their line alone does not tell. */
const REREAD: readonly Action[] = ["judge", "assign", "accept", "arrive", "resolve", "verify", "decline"];

/**
 * Do something about an alarm as it was at `sequence`; raises NotDone. The same act with the same body on the same
 * sequence has the same idempotency key, so it counts once, unless a `key` of the caller's own is given.
 */
export function act(alarm: Seen, action: Action, body: Body = {}, key?: string): Promise<Done> {
  const name = JSON.stringify([alarm.alarm, alarm.sequence, action, body, key]);
  const going = underWay.get(name);
  if (going) return going;
  const started = sendAct(alarm, action, body, key ?? keyOf(name)).finally(() => {
    underWay.delete(name);
    acted.value += 1;
  });
  underWay.set(name, started);
  return started;
}

function keyOf(name: string): string {
  const kept = keys.get(name) ?? newIdempotencyKey();
  keys.set(name, kept);
  if (keys.size > KEYS_MAX) keys.delete(keys.keys().next().value as string);
  return kept;
}

async function sendAct(alarm: Seen, action: Action, body: Body, key: string): Promise<Done> {
  let answer: Line | Requested;
  try {
    const whole = { seen_sequence: alarm.sequence, ...body };
    answer = await send<Line | Requested>("POST", `/alarms/${encodeURIComponent(alarm.alarm)}/${action}`, whole, key);
  } catch (error) {
    throw notDone(error, action);
  }
  if ("approval" in answer) return { line: null, requested: answer };
  await keepAfter(answer, action);
  return { line: answer, requested: null };
}

/** Keep what the line says at once; what it does not say is read. */
async function keepAfter(line: Line, action: Action): Promise<void> {
  if (REREAD.includes(action) || !alarms.has(line.alarm)) {
    const found = await read<Alarm>(`/alarms/${encodeURIComponent(line.alarm)}`).catch(() => null);
    if (found) return keepShown(found);
  }
  if (alarms.has(line.alarm)) keepShown({ ...line, state: line.to, changed_at: line.time } as Alarm);
}

/** Keep an alarm as it stands, unless it is of another mode than the list (invariant I8). */
export function keepShown(item: Alarm): void {
  if (item.mode === mode.peek()) keep(item);
}

function notDone(error: unknown, action: Action): NotDone {
  if (error instanceof NoAnswer) return new NotDone(filled(actedWords().noAnswer, { act: actionWords()[action] }));
  if (!(error instanceof Refused)) throw error;
  const problem = error.problem as ProblemDetails & Facts;
  if (problem.alarm) keepShown(problem.alarm);
  return new NotDone(sentence(problem, action), fieldsOf(problem), problem.alarm);
}

/** What a refusal of an act says beside the problem. */
interface Facts {
  alarm?: Alarm | null;
  last_action?: string | null;
  last_actor?: string;
  last_acted_at?: string;
  errors?: { field: string; detail: string }[];
}

const HANDLING: readonly string[] = ["assign", "accept", "arrive", "resolve", "verify", "decline"];

/** A refusal in words: who was first and when, or what the service says, with local times. */
export function sentence(problem: ProblemDetails & Facts, action: Action): string {
  const words = actedWords();
  const remedy = problem.remedy ? filled(words.remedy, { remedy: problem.remedy }) : "";
  const did = actedOf(problem.last_action);
  // the service's own words say more where it is about the work
  if (problem.status !== 409 || !problem.last_actor || !problem.alarm || !did || HANDLING.includes(action)) {
    return localTimes(problem.detail) + remedy;
  }
  const facts = {
    who: problem.last_actor,
    did,
    time: shortTime(problem.last_acted_at),
    state: stateWords()[problem.alarm.state],
  };
  return filled(words.first, facts) + (isQuiet(problem.alarm) ? remedy : "");
}

function actedOf(action: string | null | undefined): string {
  const words: Record<string, string> = actedWords();
  return words[`did_${action ?? "acknowledge"}`] ?? "";
}

const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** A sentence of the service with its instants as local times. */
export const localTimes = (text: string): string => text.replace(INSTANT, (time) => shortTime(time));

function fieldsOf(problem: ProblemDetails & Facts): Record<string, string> {
  const remedy = problem.remedy ? filled(actedWords().remedy, { remedy: problem.remedy }) : "";
  if (problem.errors?.length) {
    return Object.fromEntries(problem.errors.map((one) => [one.field, localTimes(one.detail)]));
  }
  if (problem.status !== 422 || !problem.field) return {};
  const bare = problem.detail.replace(new RegExp(`^${problem.field}[:：]\\s*`), "");
  return { [problem.field]: localTimes(bare) + remedy };
}
