import { expect, it } from "vitest";
import { type Position, takes } from "./positions";

const position = (name: string, configured: boolean, systems: string[] = [], districts: string[] = []): Position => ({
  position: name,
  city: "jyg",
  name,
  name_zh: name,
  districts,
  systems,
  configured,
  floods: [],
});
const gas = position("gas", true, ["gas"], ["north"]);
const rest = position("jyg.default", false);
const place = (city: string, system: string, district: string) => ({ city, system, district });

it("takes what its districts and systems say", () => {
  expect(takes(gas, [gas, rest], place("jyg", "gas", "north"))).toBe(true);
  expect(takes(gas, [gas, rest], place("jyg", "gas", "south"))).toBe(false);
  expect(takes(gas, [gas, rest], place("jyg", "water", "north"))).toBe(false);
  expect(takes(gas, [gas, rest], place("other", "gas", "north"))).toBe(false);
});

it("leaves to the default one what no other takes", () => {
  expect(takes(rest, [gas, rest], place("jyg", "gas", "north"))).toBe(false);
  expect(takes(rest, [gas, rest], place("jyg", "gas", "south"))).toBe(true);
  expect(takes(rest, [rest], place("jyg", "gas", "north"))).toBe(true);
  expect(takes(rest, [rest], place("other", "gas", "north"))).toBe(false);
});
