// The time left to respond.
import { expect, test } from "vitest";
import { timeLeft } from "./time_left";

const raised = Date.parse("2026-11-22T08:00:00.000Z");
const alarm = { condition: "active" as const, raised_at: "2026-11-22T08:00:00.000Z" };

test("runs down from when it was raised, and goes on beyond", () => {
  expect(timeLeft(alarm, 300, raised)).toEqual({ state: "running", seconds: 300 });
  expect(timeLeft(alarm, 300, raised + 299_000)).toEqual({ state: "running", seconds: 1 });
  expect(timeLeft(alarm, 300, raised + 400_000)).toEqual({ state: "over", seconds: 100 });
});

test("doubt does not stop it: a sensor that fell silent may still stand in gas", () => {
  expect(timeLeft({ ...alarm, condition: "unknown" }, 300, raised + 400_000).state).toBe("over");
});

test("it ends with the condition, or with the work", () => {
  expect(timeLeft({ ...alarm, condition: "normal" }, 300, raised)).toEqual({ state: "ended" });
  expect(timeLeft({ ...alarm, handling: { step: "resolved" } }, 300, raised)).toEqual({ state: "ended" });
  expect(timeLeft({ ...alarm, handling: { step: "arrived" } }, 300, raised).state).toBe("running");
});
