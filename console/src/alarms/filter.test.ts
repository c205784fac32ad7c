import { describe, expect, it } from "vitest";
import type { Alarm, State } from "../types";
import { askedOf, inOrder, inView, matcher, VIEWS } from "./filter";

const alarm = (facts: Partial<Alarm>): Alarm =>
  ({
    alarm: "a",
    rule: "gas",
    sensor: "GAS-1",
    state: "unacknowledged",
    severity: "yellow",
    peak_severity: "yellow",
    class: "process",
    priority: "medium",
    raised_at: "2026-11-22T08:00:00.000Z",
    system: "gas",
    district: "east",
    city: "jinchang",
    name: "Valve chamber 7",
    name_zh: "七号阀室",
    handling: null,
    incident: null,
    ...facts,
  }) as Alarm;

describe("the order", () => {
  const ordered = (...alarms: Partial<Alarm>[]) =>
    alarms
      .map(alarm)
      .sort(inOrder)
      .map((one) => one.alarm);

  it("puts what is unacknowledged first, whatever its priority", () => {
    expect(
      ordered(
        { alarm: "seen", state: "acknowledged", priority: "highest" },
        { alarm: "latched", state: "latched_unacknowledged", priority: "low" },
        { alarm: "returned", state: "returned_unacknowledged", priority: "low", raised_at: "2026-11-22T07:00:00.000Z" },
      ),
    ).toEqual(["latched", "returned", "seen"]);
  });
  it("puts what stands before what has returned, whatever its priority, and doubt is no return", () => {
    expect(
      ordered(
        { alarm: "returned", state: "returned_unacknowledged", condition: "normal", priority: "highest" },
        { alarm: "standing", condition: "active", priority: "low" },
        { alarm: "unknown", condition: "unknown", priority: "medium" },
        { alarm: "seen", state: "acknowledged", condition: "active", priority: "highest" },
      ),
    ).toEqual(["unknown", "standing", "returned", "seen"]);
  });
  it("then goes by priority, then puts the newest first, and is the same for the same alarms", () => {
    expect(
      ordered(
        { alarm: "b" },
        { alarm: "old", priority: "high", raised_at: "2026-11-22T06:00:00.000Z" },
        { alarm: "a" },
        { alarm: "new", priority: "high", raised_at: "2026-11-22T09:00:00.000Z" },
      ),
    ).toEqual(["new", "old", "a", "b"]);
  });
});

describe("the views", () => {
  const views = (state: State) => VIEWS.filter((view) => inView({ state }, view));
  it.each([
    ["unacknowledged", ["current", "unacknowledged"]],
    ["returned_unacknowledged", ["current", "unacknowledged"]],
    ["latched_unacknowledged", ["current", "unacknowledged"]],
    ["acknowledged", ["current", "acknowledged"]],
    ["latched_acknowledged", ["current", "acknowledged"]],
    ["shelved", ["shelved"]],
    ["suppressed_by_design", ["suppressed"]],
    ["out_of_service", ["out_of_service"]],
  ] as [State, string[]][])("shows %s in %j", (state, expected) => expect(views(state)).toEqual(expected));
});

describe("the filters of the address", () => {
  const fits = (query: string, facts: Partial<Alarm> = {}) =>
    matcher(askedOf(new URLSearchParams(query)).filters, () => "可燃气体浓度")(alarm(facts));

  it("lets all through where none is set", () => expect(fits("")).toBe(true));
  it("takes one severity or several, classes among them", () => {
    expect(fits("severity=red,yellow")).toBe(true);
    expect(fits("severity=red")).toBe(false);
    expect(fits("severity=instrument", { class: "instrument", severity: null, peak_severity: null })).toBe(true);
  });
  it("finds a returned alarm under the severity that it had", () =>
    expect(fits("severity=orange", { severity: null, peak_severity: "orange" })).toBe(true));
  it("looks for every word in names, ids and the rule's title", () => {
    expect(fits("q=VALVE gas-1")).toBe(true);
    expect(fits("q=七号")).toBe(true);
    expect(fits("q=可燃气体")).toBe(true);
    expect(fits("q=valve pump")).toBe(false);
  });
  it("asks all filters together", () => {
    expect(fits("system=gas&district=east&city=jinchang")).toBe(true);
    expect(fits("system=gas&district=west")).toBe(false);
  });
  it("knows whom an alarm is assigned to", () => {
    const handling = { step: "assigned", assigned_to: "crew-3" } as Alarm["handling"];
    expect(fits("assigned=crew-3", { handling })).toBe(true);
    expect(fits("assigned=crew-3")).toBe(false);
  });
  it("shows the current alarms where the view is not known", () =>
    expect(askedOf(new URLSearchParams("view=nonsense")).view).toBe("current"));
});
