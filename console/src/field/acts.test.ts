import { describe, expect, it } from "vitest";
import type { Alarm, ProblemDetails } from "../types";
import { type Act, endsSession, isPassing, projected, rounded, waiting } from "./acts";

const act = (number: number, facts: Partial<Act> = {}): Act => ({
  number,
  key: `key-${number}`,
  name: "li",
  alarm: "a",
  action: "accept",
  body: {},
  place: "",
  at: 0,
  state: "pending",
  ...facts,
});
const problem = (status: number, type = "/docs#conflict"): ProblemDetails => ({
  type,
  title: "",
  status,
  detail: "",
  field: null,
  remedy: null,
});
const alarm = (step: "assigned" | "accepted" | "arrived", state: Alarm["state"] = "unacknowledged"): Alarm =>
  ({
    alarm: "a",
    state,
    handling: { step, assigned_to: "li", since: "", due: "2026-11-22T08:30:00.000Z", resolved_by: null },
  }) as Alarm;

describe("what waits", () => {
  it("is sent by alarm in the order in which it was done", () => {
    const acts = [act(3, { action: "arrive" }), act(2, { alarm: "b" }), act(1)];
    expect(waiting(acts, "li").map((one) => one.map((each) => each.number))).toEqual([[1, 3], [2]]);
  });
  it("is neither another person's nor what has been told", () => {
    const acts = [act(1, { name: "wang" }), act(2, { state: "refused" }), act(3, { state: "done" })];
    expect(waiting(acts, "li")).toEqual([]);
  });
});

describe("a refusal", () => {
  it("is about the act where the service has judged it", () => {
    expect([400, 403, 404, 409, 413, 422].map((status) => isPassing(problem(status)))).toEqual(Array(6).fill(false));
  });
  it("is about the moment where the service or the session is not ready", () => {
    expect([401, 408, 429, 500, 502, 503, 504].map((status) => isPassing(problem(status)))).toEqual(
      Array(7).fill(true),
    );
    expect(isPassing(problem(403, "/docs#password-change-required"))).toBe(true);
  });
  it("ends the session where nobody is logged in any more", () => {
    expect([endsSession(problem(401)), endsSession(problem(503)), endsSession(problem(403))]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("an alarm with acts that wait", () => {
  it("stands at the step that follows, so that the next one can be told", () => {
    const done = [act(1), act(2, { action: "arrive" })];
    expect(projected(alarm("assigned"), done, "li", 0).handling).toMatchObject({ step: "arrived", due: null });
  });
  it("is resolved by who resolved it, who is not asked to verify it", () => {
    const found = projected(alarm("arrived"), [act(1, { action: "resolve" })], "li", 0).handling;
    expect(found).toMatchObject({ step: "resolved", resolved_by: "li" });
  });
  it("does not mind refused acts, those of others, nor those that the answer knows already", () => {
    const acts = [act(1, { state: "refused" }), act(2, { name: "wang" }), act(3, { state: "done", toldAt: 5 })];
    expect(projected(alarm("assigned"), acts, "li", 6)).toEqual(alarm("assigned"));
    expect(projected(alarm("assigned"), acts, "li", 4).handling?.step).toBe("accepted");
  });
  it("is acknowledged but not gone where it has returned", () => {
    const acts = [act(1, { action: "acknowledge" })];
    expect(projected(alarm("assigned"), acts, "li", 0).state).toBe("acknowledged");
    expect(projected(alarm("assigned", "returned_unacknowledged"), acts, "li", 0).state).toBe("normal");
  });
});

it("rounds a position to some ten metres", () => {
  expect([rounded(98.2888812), rounded(-39.77045)]).toEqual([98.2889, -39.7704]);
});
