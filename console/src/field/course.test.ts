import { expect, it } from "vitest";
import { courseOf } from "./course";
import type { Bucket } from "./types";

const bucket = (mean: number | null): Bucket => ({
  start: "",
  min: mean,
  mean,
  max: mean,
  count: mean === null ? 0 : 3,
  held_back: 0,
});
const course = (...means: (number | null)[]) => courseOf(means.map(bucket), 100, 10);

it("leaves a gap blank: a line ends before it and another begins after it", () => {
  expect(course(0, 10, null, 10, 0)?.lines).toEqual(["0,10 25,0", "75,0 100,10"]);
});
it("draws a value between two gaps as a point", () => {
  expect(course(null, 4, null)?.points).toEqual([[50, 5]]);
});
it("draws a value that never changes through the middle", () => {
  expect(course(7, 7)?.lines).toEqual(["0,5 100,5"]);
});
it("tells least and most", () => {
  expect(course(3, null, 1, 2)).toMatchObject({ least: 1, most: 3 });
});
it("has nothing to draw where nothing usable was heard", () => {
  expect(course(null, null)).toBeNull();
  expect(courseOf([], 100, 10)).toBeNull();
});
