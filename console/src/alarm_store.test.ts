import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Follower } from "./feed";
import type { Alarm, AlarmPage } from "./types";

type Question = Record<string, string | number | null>;
const asked: Question[] = [];
let answer: (question: Question) => Alarm[] | Promise<Alarm[]> = () => [];
let follower: Follower;

vi.stubGlobal("window", globalThis);
vi.mock("./api", () => ({
  read: async (_: string, question: Question): Promise<Partial<AlarmPage>> => {
    asked.push(question);
    return { alarms: await answer(question), newest_event: 100, next: null };
  },
}));
vi.mock("./feed", () => ({
  followAlarms: (_: string, given: Follower) => {
    follower = given;
  },
}));
const { alarms, close, keep, listeners, showMode } = await import("./alarm_store");

const line = (facts: Partial<Alarm> = {}): Alarm =>
  ({
    alarm: "a",
    sequence: 1,
    sensor: "S",
    kind: "threshold",
    class: "process",
    mode: "operational",
    from: "normal",
    to: "unacknowledged",
    condition: "active",
    time: "2026-11-22T08:00:00.000Z",
    known_at: "2026-11-22T08:00:01.000Z",
    ...facts,
  }) as Alarm;
/** As the list has it: with all that the feed does not tell. */
const listed = (facts: Partial<Alarm> = {}): Alarm =>
  ({
    ...line(facts),
    state: facts.to ?? "unacknowledged",
    event: 1,
    name: "Valve chamber 7",
    incident: "i",
    folded: [],
    raised_at: "2026-11-22T08:00:00.000Z",
    ...facts,
  }) as Alarm;
const told = (...lines: Alarm[]) => follower.taken(lines.map((one, place) => ({ line: one, event: 200 + place })));

beforeEach(async () => {
  vi.useFakeTimers();
  answer = () => [];
  showMode("operational");
  await follower.opened();
  asked.length = 0;
});
afterEach(() => {
  close();
  vi.useRealTimers();
});

it("shows what the feed tells at once, then reads of the changes alone what it does not tell", async () => {
  answer = () => [listed()];
  told(line());
  expect(alarms.get("a")).toMatchObject({ state: "unacknowledged" });
  expect(alarms.get("a")?.name).toBeUndefined();
  await vi.advanceTimersByTimeAsync(500);
  expect(alarms.get("a")).toMatchObject({ name: "Valve chamber 7", incident: "i" });
  expect(asked).toEqual([expect.objectContaining({ since: "2026-11-22T08:00:01.000Z", mode: "operational" })]);
});

it("asks once for many, from the oldest of them on, and again where there was no answer", async () => {
  answer = () => Promise.reject(new Error("no answer"));
  told(line({ known_at: "2026-11-22T08:00:05.000Z" }), line({ alarm: "b" }));
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toHaveLength(1);
  answer = () => [listed(), listed({ alarm: "b" })];
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked.map((question) => question.since)).toEqual(["2026-11-22T08:00:01.000Z", "2026-11-22T08:00:01.000Z"]);
  expect(alarms.get("b")?.name).toBe("Valve chamber 7");
});

it("does not bring back what ended while a list was on its way", async () => {
  let arrive: (found: Alarm[]) => void = () => {};
  answer = () => new Promise((resolve) => (arrive = resolve));
  told(line());
  await vi.advanceTimersByTimeAsync(500);
  told(line({ sequence: 2, from: "unacknowledged", to: "normal", condition: "normal" }));
  arrive([listed()]);
  await vi.advanceTimersByTimeAsync(0);
  expect(alarms.has("a")).toBe(false);
});

it("tells listeners of each transition once, with what was before", () => {
  const heard = vi.fn();
  listeners.add(heard);
  told(
    line(),
    line({ sequence: 2, from: "unacknowledged", to: "acknowledged" }),
    line({ sequence: 2, to: "acknowledged" }),
  );
  listeners.delete(heard);
  expect(heard.mock.calls.map(([after, before]) => [after.state, before?.state])).toEqual([
    ["unacknowledged", undefined],
    ["acknowledged", "unacknowledged"],
  ]);
});

describe("a newer line", () => {
  it("leaves until when an alarm is quiet, as long as it is", () => {
    keep(listed({ state: "shelved", to: "shelved", until: "2026-11-22T10:00:00.000Z" }));
    told(line({ sequence: 2, from: "shelved", to: "shelved", action: "comment", comment: "rang again" }));
    expect(alarms.get("a")).toMatchObject({ until: "2026-11-22T10:00:00.000Z", comment: "rang again" });
    told(line({ sequence: 3, from: "shelved", to: "unacknowledged" }));
    expect(alarms.get("a")?.until).toBeUndefined();
    expect(alarms.get("a")?.comment).toBeUndefined();
  });
  it("does not take a doubt away, for it knows nothing of the sensor's silence", () => {
    keep(listed({ condition: "unknown" }));
    told(line({ sequence: 2, from: "unacknowledged", to: "acknowledged", action: "acknowledge" }));
    expect(alarms.get("a")).toMatchObject({ state: "acknowledged", condition: "unknown" });
  });
  it("of a silent sensor has the alarms of that sensor read", async () => {
    keep(listed());
    answer = ({ sensor }) => (sensor === "S" ? [listed({ condition: "unknown" })] : []);
    told(line({ alarm: "silent", class: "instrument", kind: "stale" }));
    await vi.advanceTimersByTimeAsync(500);
    expect(alarms.get("a")?.condition).toBe("unknown");
  });
  it("never gives way to an older one", () => {
    keep(listed({ sequence: 3, to: "acknowledged", state: "acknowledged" }));
    keep(listed({ sequence: 2 }));
    expect(alarms.get("a")?.state).toBe("acknowledged");
  });
});
