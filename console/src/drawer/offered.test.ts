// Which acts are offered, held against the table of states, the steps of the work and the roles of docs/alarm-management.md.
import { describe, expect, test } from "vitest";
import type { State } from "../types";
import { ACTIONS, type Action, offered } from "./offered";

type Step = "assigned" | "accepted" | "declined" | "arrived" | "resolved" | "verified";
const alarm = (state: State, step?: Step, assignedTo = "team-gas", resolvedBy: string | null = null) => ({
  state,
  handling: step ? { step, assigned_to: step === "declined" ? null : assignedTo, resolved_by: resolvedBy } : null,
});

describe("by state, for a supervisor, while nobody handles it", () => {
  const ALWAYS: Action[] = ["assign", "judge", "comment"];
  const table: Record<State, Action[]> = {
    unacknowledged: ["acknowledge", "shelve", "suppress", "out-of-service"],
    acknowledged: ["shelve", "suppress", "out-of-service"],
    returned_unacknowledged: ["acknowledge", "suppress", "out-of-service"],
    latched_unacknowledged: ["acknowledge", "reset", "shelve", "suppress", "out-of-service"],
    latched_acknowledged: ["reset", "shelve", "suppress", "out-of-service"],
    shelved: ["unshelve", "suppress", "out-of-service"],
    suppressed_by_design: ["out-of-service", "return-to-service"],
    out_of_service: ["return-to-service"],
    normal: [],
  };
  test.each(Object.entries(table))("%s", (state, expected) => {
    expect(new Set(offered(alarm(state as State), "supervisor"))).toEqual(new Set([...ALWAYS, ...expected]));
  });
});

describe("by step of the work", () => {
  const WORK: Action[] = ["assign", "accept", "decline", "arrive", "resolve", "verify"];
  const table: [Step | undefined, Action[]][] = [
    [undefined, ["assign"]],
    ["assigned", ["assign", "accept", "decline"]],
    ["accepted", ["assign", "arrive", "decline"]],
    ["arrived", ["assign", "resolve", "decline"]],
    ["declined", ["assign"]],
    ["resolved", ["verify"]],
    ["verified", ["assign"]],
  ];
  test.each(table)("%s", (step, expected) => {
    const found = offered(alarm("acknowledged", step), "operator").filter((action) => WORK.includes(action));
    expect(new Set(found)).toEqual(new Set(expected));
  });
});

describe("by role", () => {
  test("a viewer, an auditor and the administrators look on", () => {
    for (const role of ["viewer", "auditor", "system_administrator", "security_administrator"] as const) {
      expect(offered(alarm("latched_unacknowledged", "assigned"), role)).toEqual([]);
    }
  });
  test("a crew does the work and work on site, but neither shelves nor assigns", () => {
    const found = offered(alarm("unacknowledged", "assigned"), "field");
    expect(found).toEqual(["acknowledge", "accept", "decline", "judge", "comment", "suppress"]);
    expect(offered(alarm("shelved"), "field")).not.toContain("unshelve");
  });
  test("an engineer takes out of service and works on site, and acknowledges nothing", () => {
    expect(offered(alarm("unacknowledged", "assigned"), "engineer")).toEqual(["suppress", "out-of-service"]);
    expect(offered(alarm("out_of_service"), "engineer")).toEqual(["return-to-service"]);
  });
  test("an operator shelves, and takes nothing out of service", () => {
    const found = offered(alarm("unacknowledged"), "operator");
    expect(found).toContain("shelve");
    expect(found).not.toContain("out-of-service");
  });
});

describe("who verifies", () => {
  test("not who resolved it, nor who was sent; another may", () => {
    expect(offered(alarm("acknowledged", "resolved", "li", "wang"), "operator", "wang")).not.toContain("verify");
    expect(offered(alarm("acknowledged", "resolved", "li", "wang"), "operator", "li")).not.toContain("verify");
    expect(offered(alarm("acknowledged", "resolved", "li", "wang"), "operator", "zhao")).toContain("verify");
  });
});

test("every act is offered somewhere", () => {
  const found = new Set<Action>();
  for (const state of ["unacknowledged", "latched_acknowledged", "shelved", "out_of_service"] as const) {
    for (const step of [undefined, "assigned", "accepted", "arrived", "resolved"] as const) {
      for (const action of offered(alarm(state, step), "supervisor")) found.add(action);
    }
  }
  expect(found).toEqual(new Set(ACTIONS));
});
