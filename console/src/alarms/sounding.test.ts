import { describe, expect, it } from "vitest";
import type { Alarm } from "../types";
import {
  annunciated,
  due,
  FOLD_MS,
  highestAudible,
  isAnnunciation,
  QUIET,
  REPEAT_MS,
  risen,
  silence,
} from "./sounding";

describe("a new alarm", () => {
  const line = (facts: Partial<Alarm>) =>
    ({ from: "normal", to: "unacknowledged", severity: "yellow", severity_from: null, ...facts }) as Alarm;
  it.each([
    ["raised", {}, true],
    ["risen while unacknowledged", { from: "unacknowledged", severity: "red", severity_from: "yellow" }, true],
    ["risen after its acknowledgement", { from: "acknowledged", severity: "red", severity_from: "yellow" }, true],
    ["no longer shelved", { from: "shelved", severity_from: "yellow" }, true],
    ["an instrument's", { severity: null }, true],
    ["fallen", { from: "unacknowledged", severity: "blue", severity_from: "yellow" }, false],
    ["acknowledged", { from: "unacknowledged", to: "acknowledged", severity_from: "yellow" }, false],
    ["commented on", { from: "unacknowledged", severity_from: "yellow" }, false],
    [
      "returned",
      { from: "unacknowledged", to: "returned_unacknowledged", severity: null, severity_from: "yellow" },
      false,
    ],
    ["raised while shelved", { to: "shelved" }, false],
    ["suppressed by design", { to: "suppressed_by_design" }, false],
    [
      "risen while out of service",
      { from: "out_of_service", to: "out_of_service", severity: "red", severity_from: "blue" },
      false,
    ],
  ] as [string, Partial<Alarm>, boolean][])("%s: %j is heard: %s", (_, facts, heard) =>
    expect(isAnnunciation(line(facts))).toBe(heard),
  );
});

describe("what is audible", () => {
  const alarm = (facts: Partial<Alarm>) =>
    ({ state: "unacknowledged", severity: "yellow", class: "process", folded: [], ...facts }) as Alarm;
  it("is the gravest that waits for acknowledgement and whose condition stands", () => {
    const states = [
      "acknowledged",
      "shelved",
      "suppressed_by_design",
      "out_of_service",
      "returned_unacknowledged",
    ] as const;
    expect(highestAudible(states.map((state) => alarm({ state, severity: "red" })))).toBeNull();
    expect(highestAudible([alarm({}), alarm({ severity: "orange" })])).toBe("orange");
  });
  it("is not what a flood folds, but red always is", () => {
    expect(highestAudible([alarm({ folded: ["desk"] })])).toBeNull();
    expect(highestAudible([alarm({ folded: ["desk"], severity: "red" })])).toBe("red");
  });
});

describe("tones", () => {
  it("tell one alarm once", () => {
    const first = due(annunciated(QUIET, "yellow", 0), "yellow", 0);
    expect(first.tone).toBe("yellow");
    expect(due(first.state, "yellow", 3_600_000).tone).toBeNull();
  });
  it("fold a burst: one tone in a few seconds, for the gravest of those that came", () => {
    let state = due(annunciated(QUIET, "yellow", 0), "yellow", 0).state;
    for (const level of ["blue", "yellow", "blue"] as const) state = annunciated(state, level, 100);
    expect(due(state, "yellow", FOLD_MS - 1).tone).toBeNull();
    expect(due(state, "yellow", FOLD_MS).tone).toBe("yellow");
  });
  it("let a graver one through at once", () => {
    const { state } = due(annunciated(QUIET, "yellow", 0), "yellow", 0);
    expect(due(annunciated(state, "red", 100), "red", 100).tone).toBe("red");
  });
  it("repeat red and orange while one is unacknowledged, and red more often", () => {
    expect(REPEAT_MS.red).toBeLessThan(REPEAT_MS.orange as number);
    const { state } = due(annunciated(QUIET, "red", 0), "red", 0);
    expect(due(state, "red", (REPEAT_MS.red as number) - 1).tone).toBeNull();
    expect(due(state, "red", REPEAT_MS.red as number).tone).toBe("red");
    expect(due(state, null, 60_000).tone).toBeNull();
    expect(due(state, "yellow", 60_000).tone).toBeNull();
  });
  it("sound for what stood already when the alarms were first read", () =>
    expect(due(QUIET, "red", 0).tone).toBe("red"));
});

describe("silence", () => {
  const standing = due(annunciated(QUIET, "orange", 0), "orange", 0).state;
  const quiet = silence(standing, "orange");
  it("keeps what stands from repeating", () => expect(due(quiet, "orange", 600_000).tone).toBeNull());
  it("ends with a new alarm of the same or a higher severity, not with a lower one", () => {
    expect(due(annunciated(quiet, "yellow", 50_000), "orange", 50_000).tone).toBeNull();
    expect(due(annunciated(quiet, "orange", 50_000), "orange", 50_000).tone).toBe("orange");
    expect(due(annunciated(quiet, "red", 50_000), "red", 50_000).tone).toBe("red");
  });
  it("ends when what was silenced has been acknowledged", () => {
    const left = due(quiet, null, 50_000).state;
    expect(left.silenced).toBeNull();
    expect(due(annunciated(left, "blue", 60_000), "blue", 60_000).tone).toBe("blue");
    const lower = due(quiet, "yellow", 50_000).state;
    expect(due(annunciated(lower, "yellow", 60_000), "yellow", 60_000).tone).toBe("yellow");
  });
  it("keeps quiet what waits for its tone", () => {
    const waiting = annunciated(standing, "orange", 100);
    expect(due(silence(waiting, "orange"), "orange", 600_000).tone).toBeNull();
  });
  it("silences nothing where nothing waits", () => expect(silence(QUIET, null).silenced).toBeNull());
});

it("hears the gravest of which more wait, by the counts", () => {
  const before = { red: { unacknowledged: 1 }, yellow: { unacknowledged: 2 } };
  expect(risen(before, { red: { unacknowledged: 1 }, yellow: { unacknowledged: 3 } })).toBe("yellow");
  expect(risen(before, { red: { unacknowledged: 2 }, yellow: { unacknowledged: 3 } })).toBe("red");
  expect(risen(before, { red: { unacknowledged: 0 }, yellow: { unacknowledged: 2 } })).toBeNull();
});
