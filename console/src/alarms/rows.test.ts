import { describe, expect, it } from "vitest";
import type { Alarm } from "../types";
import { arranged, folded, summary } from "./rows";

const alarm = (id: string, facts: Partial<Alarm> = {}): Alarm =>
  ({
    alarm: id,
    rule: "gas",
    incident: null,
    severity: "yellow",
    peak_severity: "yellow",
    class: "process",
    folded: [],
    raised_at: "2026-11-22T08:00:00.000Z",
    ...facts,
  }) as Alarm;
const behind = (id: string, facts: Partial<Alarm> = {}) => alarm(id, { folded: ["desk"], ...facts });

describe("folding in a flood", () => {
  const none: ReadonlySet<string> = new Set();
  const together = new Map([
    ["i", 2],
    ["alone", 1],
  ]);
  it("puts folded alarms behind the row of their incident or else their rule, where the first of them would stand", () => {
    const sorted = [
      alarm("first"),
      behind("a"),
      alarm("between"),
      behind("b", { incident: "alone" }),
      behind("c", { incident: "i" }),
      behind("d", { incident: "i" }),
    ];
    const rows = folded(sorted, none, false, together);
    expect(rows.ids).toEqual(["first", "group:gas", "between", "group:i"]);
    expect(rows.groups.get("group:gas")?.map((one) => one.alarm)).toEqual(["a", "b"]);
  });
  it("shows the alarms of an opened group below its row", () =>
    expect(folded([behind("a"), behind("b")], new Set(["group:gas"]), false, together).ids).toEqual([
      "group:gas",
      "a",
      "b",
    ]));
  it("never folds red", () =>
    expect(folded([behind("r", { severity: "red" }), behind("a"), behind("b")], none, false, together).ids).toEqual([
      "r",
      "group:gas",
    ]));
  it("leaves one alone as it is, and all where each is asked for", () => {
    expect(folded([behind("a"), alarm("b")], none, false, together).ids).toEqual(["a", "b"]);
    expect(folded([behind("a"), behind("b")], none, true, together).ids).toEqual(["a", "b"]);
  });
  it("says the gravest of a group and the span in which it came", () =>
    expect(
      summary([
        alarm("a", { severity: "blue" }),
        alarm("b", { severity: "orange", raised_at: "2026-11-22T07:00:00.000Z" }),
      ]),
    ).toMatchObject({
      gravest: { alarm: "b" },
      oldest: "2026-11-22T07:00:00.000Z",
      newest: "2026-11-22T08:00:00.000Z",
    }));
});

describe("rows under the pointer", () => {
  const show = (before: string[], wanted: string[], held: boolean) => arranged(before, wanted, held, new Set(wanted));
  it("takes everything in while nobody is in the list", () =>
    expect(show(["a", "b"], ["new", "b", "a"], false)).toMatchObject({ ids: ["new", "b", "a"], fresh: 0, moved: 0 }));
  it("leaves each row where it is, counts what is new and what would move, and keeps what is gone", () => {
    const shown = show(["a", "b", "c", "d"], ["new", "d", "a", "c", "newer"], true);
    expect(shown.ids).toEqual(["a", "b", "c", "d"]);
    expect([...shown.gone]).toEqual(["b"]);
    expect([shown.fresh, shown.moved]).toEqual([2, 1]);
  });
  it("fills an empty list at once", () => expect(show([], ["a"], true).ids).toEqual(["a"]));
  it("does not call gone what a flood has folded meanwhile", () =>
    expect(arranged(["a", "b"], ["group:gas"], true, new Set(["a", "b"])).gone.size).toBe(0));
});
