import { expect, it } from "vitest";
import { barsOf, topOf } from "./series";

it("keeps the peak of periods that share a bar", () => {
  expect(barsOf([0, 7, 1, 2, 9], 3)).toEqual({ heights: [7, 2, 9], each: 2 });
  expect(barsOf([1, 2], 10)).toEqual({ heights: [1, 2], each: 1 });
  expect(barsOf([], 10)).toEqual({ heights: [], each: 1 });
});

it("scales to a round number that shows value and target", () => {
  expect(topOf(0, 6)).toBe(10);
  expect(topOf(42, 10)).toBe(50);
  expect(topOf(100, 6)).toBe(100);
  expect(topOf(0, 0)).toBe(1);
});
