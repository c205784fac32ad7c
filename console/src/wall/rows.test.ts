import { describe, expect, it } from "vitest";
import { type City, cellOf, citiesOf, pagesOf, type Row, rowsOf } from "./rows";

const STATES = {
  unacknowledged: 0,
  acknowledged: 0,
  returned_unacknowledged: 0,
  latched_unacknowledged: 0,
  latched_acknowledged: 0,
  shelved: 0,
  suppressed_by_design: 0,
  out_of_service: 0,
};
const LEVELS = ["red", "orange", "yellow", "blue", "none", "instrument", "system"] as const;
type Given = Partial<Record<(typeof LEVELS)[number], Partial<typeof STATES>>>;

function figures(sensors: number, silent: number, neverHeard: number, given: Given = {}) {
  return {
    sensors,
    freshness: { fresh: sensors - silent - neverHeard, silent, never_heard: neverHeard },
    quality: { good: sensors, bad: 0, unknown: neverHeard },
    alarms: Object.fromEntries(
      LEVELS.map((level) => [level, { ...STATES, ...given[level] }]),
    ) as City["districts"][number]["alarms"],
  };
}

function city(name: string, given: Given = {}, districts = ["a"]): City {
  const parts = districts.map((district) => ({
    district,
    ...figures(10, 0, 0, given),
    systems: [{ system: "gas", ...figures(10, 0, 0, given) }],
  }));
  return {
    city: name,
    name,
    name_zh: name,
    mode: "operational",
    time_zone: "Asia/Shanghai",
    alarms_of_other_modes: 0,
    districts: parts,
    ...figures(10 * parts.length, 0, 0, given),
  };
}

describe("what is known of a place", () => {
  it("shows the worst standing severity and how many stand there", () => {
    const cell = cellOf([
      figures(10, 0, 0, { orange: { acknowledged: 2, unacknowledged: 1 }, blue: { acknowledged: 5 } }),
    ]);
    expect([cell.kind, cell.worst, cell.count, cell.unacknowledged]).toEqual(["alarm", "orange", 3, 1]);
  });
  it("counts what is put aside apart, with its worst, and never as standing", () => {
    const cell = cellOf([figures(10, 0, 0, { red: { shelved: 1 }, yellow: { acknowledged: 1 } })]);
    expect([cell.worst, cell.aside, cell.asideWorst]).toEqual(["yellow", 1, "red"]);
  });
  it("is unknown where no sensor is heard, never quiet", () => {
    expect(cellOf([figures(10, 4, 6)]).kind).toBe("blind");
    expect(cellOf([figures(10, 5, 0)]).kind).toBe("half_blind");
    expect(cellOf([figures(10, 4, 0)]).kind).toBe("quiet");
    expect(cellOf([figures(0, 0, 0)]).kind).toBe("absent");
  });
  it("keeps an alarm whose sensors are all silent", () => {
    expect(cellOf([figures(10, 10, 0, { red: { acknowledged: 1 } })]).kind).toBe("alarm");
  });
  it("tells what returned and nobody acknowledged", () => {
    const cell = cellOf([figures(10, 0, 0, { none: { returned_unacknowledged: 2 } })]);
    expect([cell.kind, cell.worst, cell.unacknowledged, cell.returned]).toEqual(["alarm", null, 2, 2]);
  });
});

describe("rows", () => {
  it("are the districts of one city, and the cities where there are many", () => {
    expect(rowsOf([city("jyg", {}, ["a", "b"])]).map((row) => row.id)).toEqual(["jyg/a", "jyg/b"]);
    const many = Array.from({ length: 16 }, (_, n) => city(`c${n}`, {}, ["a", "b"]));
    expect(rowsOf(many).map((row) => row.id)).toEqual(many.map((one) => one.city));
    expect(rowsOf(many)[0]?.systems.get("gas")?.sensors).toBe(20);
  });
  it("take a partner's word for a city of which only the name is registered here", () => {
    const registered = { ...city("a"), sensors: 0 };
    const heard = { ...city("a", { red: { unacknowledged: 1 } }), silent: false };
    expect(citiesOf([registered, city("b")], [heard])).toEqual([city("b"), heard]);
  });
});

describe("pages", () => {
  const row = (id: string, worst: Row["total"]["worst"] = null): Row => ({
    id,
    city: city(id),
    district: null,
    total: { ...cellOf([]), worst },
    systems: new Map(),
  });
  const ids = (pages: Row[][]) => pages.map((page) => page.map((one) => one.id).join(""));

  it("hold every row once, in their order", () => {
    expect(
      ids(
        pagesOf(
          [..."abcde"].map((id) => row(id)),
          2,
        ),
      ),
    ).toEqual(["ab", "cd", "e"]);
    expect(ids(pagesOf([row("a")], 5))).toEqual(["a"]);
  });
  it("never turn away from a row with red", () => {
    const rows = [row("a"), row("b", "red"), row("c"), row("d"), row("e", "red"), row("f")];
    expect(ids(pagesOf(rows, 3))).toEqual(["abe", "bce", "bde", "bef"]);
    expect(ids(pagesOf([row("a", "red"), row("b", "red"), row("c", "red"), row("d")], 2))).toEqual(["abcd"]);
  });
  it("take turns where more rows are red than there is room for, and none is left out", () => {
    const rows = [..."abcdefg"].map((id) => row(id, "red"));
    expect(ids(pagesOf(rows, 2)).join("")).toBe("abcdefg");
  });
  it("are none without rows", () => {
    expect(ids(pagesOf([], 4))).toEqual([""]);
  });
});
