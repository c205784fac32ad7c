import { describe, expect, it } from "vitest";
import type { Alarm } from "../types";
import { type Line, Past, raisedAt } from "./past";

const NOON = Date.UTC(2026, 10, 22, 12);
const at = (minutes: number) => new Date(NOON + 60_000 * minutes).toISOString();

function line(alarm: string, sequence: number, minutes: number, more: Partial<Line>): Line {
  return {
    alarm,
    sequence,
    rule: "level",
    kind: "threshold",
    sensor: alarm,
    class: "process",
    mode: "exercise",
    time: at(minutes),
    known_at: at(minutes),
    severity: "red",
    severity_from: null,
    from: "normal",
    to: "unacknowledged",
    condition: "active",
    value: 1,
    ...more,
  } as Line;
}

const LINES = [
  line("a", 1, 1, {}),
  line("a", 2, 5, { from: "unacknowledged", to: "acknowledged", severity_from: "red" }),
  line("a", 3, 9, { from: "acknowledged", to: "normal", severity: null, severity_from: "red" }),
  line("b", 2, 3, { from: "unacknowledged", to: "unacknowledged", severity: "orange", severity_from: "blue" }),
  line("late", 1, 2, { known_at: at(7) }),
];
const PRESENT = [
  { ...line("old", 4, -100, { to: "shelved" }), state: "shelved" },
  { ...line("late", 1, 2, { known_at: at(7) }), state: "unacknowledged" },
  { ...line("younger", 1, 4, {}), state: "unacknowledged" },
] as unknown as Alarm[];

function states(past: Past): Record<string, string> {
  return Object.fromEntries([...past.standing.values()].map((one) => [one.alarm, `${one.state} ${one.severity}`]));
}

describe("the past", () => {
  const expected: [number, Record<string, string>][] = [
    [0, { b: "unacknowledged blue", old: "shelved red" }],
    [1, { a: "unacknowledged red", b: "unacknowledged blue", old: "shelved red" }],
    [3, { a: "unacknowledged red", b: "unacknowledged orange", old: "shelved red" }],
    [6, { a: "acknowledged red", b: "unacknowledged orange", old: "shelved red", younger: "unacknowledged red" }],
    [
      8,
      {
        a: "acknowledged red",
        b: "unacknowledged orange",
        old: "shelved red",
        late: "unacknowledged red",
        younger: "unacknowledged red",
      },
    ],
    [10, { b: "unacknowledged orange", old: "shelved red", late: "unacknowledged red", younger: "unacknowledged red" }],
  ];

  it("is what was known at each time, and nothing that became known later", () => {
    const past = new Past(LINES, PRESENT, NOON);
    for (const [minutes, standing] of expected) {
      past.go(NOON + 60_000 * minutes);
      expect(states(past)).toEqual(standing);
    }
  });

  it("is the same on the way back and after any jump", () => {
    const past = new Past([...LINES].reverse(), PRESENT, NOON);
    for (const place of [5, 0, 3, 1, 4, 2, 5, 4, 3, 2, 1, 0]) {
      const [minutes, standing] = expected[place] as (typeof expected)[number];
      past.go(NOON + 60_000 * minutes);
      expect(states(past)).toEqual(standing);
    }
  });

  it("does not make up what it cannot know of the time before its first line", () => {
    const past = new Past(LINES, [], NOON);
    expect(past.standing.get("b")).toMatchObject({ condition: null, value: null });
  });

  it("reads when an alarm was raised from its id", () => {
    expect(raisedAt({ alarm: "level.GAS-1.20261122T120000250Z", time: at(9) })).toBe(NOON + 250);
    expect(raisedAt({ alarm: "a", time: at(9) })).toBe(NOON + 540_000);
  });
});
