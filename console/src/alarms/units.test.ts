import { expect, it } from "vitest";
import { figure, unitOf, written } from "./units";

it("shows readings in the property's unit, whatever unit the limits are written in", () => {
  const rule = { select: { property: "gas_pressure" }, condition: { kind: "threshold", unit: "MPa" } };
  expect(unitOf(rule, "threshold")).toBe("kPa");
});
it("shows a signal in the unit of its rule", () =>
  expect(
    unitOf({ select: { property: "gas_pressure" }, condition: { kind: "deviation", unit: "%" } }, "deviation"),
  ).toBe("%"));
it.each(["combination", "median_distance", "noisy", "seasonal"])("shows a count or a multiple bare: %s", (kind) =>
  expect(unitOf({ select: { property: "combustible_gas" }, condition: { kind } }, kind)).toBe(""),
);
it("shows no unit where the rule is not known", () => expect(unitOf(undefined, "threshold")).toBe(""));
it.each([
  ["%{LEL}", "%LEL"],
  ["m3/h", "m³/h"],
  ["Cel", "°C"],
  ["[NTU]", "NTU"],
  ["um/m", "µm/m"],
  ["mm/d2", "mm/d²"],
  ["1", ""],
  ["MPa", "MPa"],
  ["mg/m3", "mg/m³"],
])("writes %s as %s", (unit, told) => expect(written(unit)).toBe(told));
it.each([
  [62.4999, "62.5"],
  [0.11239, "0.112"],
  [1234.56, "1235"],
  [3, "3"],
  [-2.346, "-2.35"],
  [0, "0"],
])("writes %d as %s", (value, told) => expect(figure(value)).toBe(told));
