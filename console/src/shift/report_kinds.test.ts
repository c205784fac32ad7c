import { expect, it } from "vitest";
import { degreesOf, type Kind, kindOf } from "./report_kinds";

const NAMES: Partial<Record<Kind, string>> = { gas_smell: "燃气异味", sewer_smell: "下水道异味", no_water: "停水" };
const name = (kind: Kind) => NAMES[kind] ?? kind;

it("knows a kind by its number, its name, or the only part of one", () => {
  expect(kindOf("1", name)).toBe("gas_smell");
  expect(kindOf("04 停水", name)).toBe("no_water");
  expect(kindOf("停水", name)).toBe("no_water");
  expect(kindOf("燃气异", name)).toBe("gas_smell");
});

it("does not guess", () => {
  expect(kindOf("异味", name)).toBeNull();
  expect(kindOf("21", name)).toBeNull();
  expect(kindOf("", name)).toBeNull();
});

it("reads longitude and latitude", () => {
  expect(degreesOf("98.2891, 39.7732")).toEqual({ longitude: 98.2891, latitude: 39.7732 });
  expect(degreesOf("98.2891，39.7732")).toEqual({ longitude: 98.2891, latitude: 39.7732 });
  expect(degreesOf("98.2891 39.7732")).toEqual({ longitude: 98.2891, latitude: 39.7732 });
  for (const text of ["MH-0042", "198.5, 39.7", "12 34", ""]) expect(degreesOf(text)).toBeNull();
});
