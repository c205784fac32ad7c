// What the forms send, held against the bodies that the API takes, and what they insist on.
import { describe, expect, test } from "vitest";
import { missingOf, needsSecondPerson, bodyOf as wholeBodyOf } from "./forms";

const bodyOf = (action: Parameters<typeof wholeBodyOf>[0], values: Record<string, string>) =>
  wholeBodyOf(action, values, Date.UTC(2026, 10, 22, 8));

describe("what is sent", () => {
  test("empty fields are left out, white space is cut off", () => {
    expect(bodyOf("comment", { comment: " the caller rang again " })).toEqual({ comment: "the caller rang again" });
    expect(bodyOf("return-to-service", { comment: "" })).toEqual({});
    expect(bodyOf("resolve", { cause_code: "gas_joint_leak", note: "", photograph: "" })).toEqual({
      cause_code: "gas_joint_leak",
    });
  });
  test("a shelf has seconds, a reason, and a level only where one was chosen", () => {
    expect(bodyOf("shelve", { duration_s: "1800", reason: "pump test", severity_max: "" })).toEqual({
      duration_s: 1800,
      reason: "pump test",
    });
    expect(bodyOf("shelve", { duration_s: "900", reason: "x", severity_max: "red" }).severity_max).toBe("red");
  });
  test("work on site has purpose and scope", () => {
    const values = { purpose: "bump_test", scope: "sensor", duration_s: "900", reason: "test gas" };
    expect(bodyOf("suppress", values)).toEqual({ ...values, duration_s: 900 });
  });
  test("days until the review become an instant, by the service's clock", () => {
    const values = { permit: "PTW-1", reason: "laboratory", scope: "rule", review_days: "7" };
    expect(bodyOf("out-of-service", values)).toEqual({
      permit: "PTW-1",
      reason: "laboratory",
      scope: "rule",
      review_at: "2026-11-29T08:00:00.000Z",
    });
  });
  test("assigning names a team, a person, or nobody", () => {
    expect(bodyOf("assign", { who: "" })).toEqual({});
    expect(bodyOf("assign", { who: "team:gas-crew:1" })).toEqual({ team: "gas-crew:1" });
    expect(bodyOf("assign", { who: "to:li.wei", comment: "fast" })).toEqual({ to: "li.wei", comment: "fast" });
    expect(bodyOf("assign", { who: "other", to: "wang" })).toEqual({ to: "wang" });
  });
  test("a judgement proposes a level only where the alarm was true", () => {
    expect(bodyOf("judge", { verdict: "true", proposed_severity: "orange" })).toEqual({
      verdict: "true",
      proposed_severity: "orange",
    });
    expect(bodyOf("judge", { verdict: "false", proposed_severity: "orange" })).toEqual({ verdict: "false" });
  });
  test("a value belongs to a measurement alone, and zero is a value", () => {
    const values = { method: "measurement", passed: "yes", value: "0", unit: "%{LEL}", note: "" };
    expect(bodyOf("verify", values)).toEqual({ method: "measurement", passed: true, value: 0, unit: "%{LEL}" });
    expect(bodyOf("verify", { ...values, method: "inspection", passed: "no", note: "still leaks" })).toEqual({
      method: "inspection",
      passed: false,
      note: "still leaks",
    });
  });
});

describe("what must be filled in", () => {
  test("reasons, also not by white space", () => {
    expect(missingOf("shelve", { duration_s: "900", reason: "  " })).toEqual(["reason"]);
    expect(missingOf("out-of-service", {})).toEqual(["permit", "reason", "review_days"]);
    expect(missingOf("return-to-service", {})).toEqual([]);
  });
  test("what was measured, what is not solved, who else", () => {
    expect(missingOf("verify", { method: "measurement", passed: "yes" })).toEqual(["value", "unit"]);
    expect(missingOf("verify", { method: "inspection", passed: "no" })).toEqual(["note"]);
    expect(missingOf("assign", { who: "other" })).toEqual(["to"]);
    expect(missingOf("resolve", { cause_code: "other" })).toEqual(["note"]);
  });
});

test("orange and red are shelved by two, and so is what may rise to them unseen", () => {
  expect(needsSecondPerson({ class: "process", severity: "yellow" })).toBe(false);
  expect(needsSecondPerson({ class: "process", severity: "orange" })).toBe(true);
  expect(needsSecondPerson({ class: "process", severity: "blue" }, "red")).toBe(true);
  expect(needsSecondPerson({ class: "instrument", severity: null })).toBe(false);
});
