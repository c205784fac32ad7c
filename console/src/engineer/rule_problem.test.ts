import { expect, test } from "vitest";
import type { ProblemDetails } from "../types";
import { fileProblems } from "./rule_problem";

const problem = (detail: string, further: object = {}) =>
  ({ type: "", title: "", status: 422, detail, field: null, remedy: null, ...further }) as ProblemDetails;

test("a refused file is named with its line, in both languages", () => {
  expect(fileProblems(problem("rules.0: line 12: limits: 5 is above 4; lower it"))).toEqual([
    { file: 0, line: 12, text: "limits: 5 is above 4; lower it" },
  ]);
  expect(fileProblems(problem("packs.2：第 3 行：缺少字段"))).toEqual([{ file: 2, line: 3, text: "缺少字段" }]);
});

test("all problems are told where the service lists them", () => {
  const errors = ["packs.0: line 1: a", "tests.gas: line 7: b"];
  expect(fileProblems(problem("packs.0: line 1: a", { errors })).map((one) => [one.file, one.line])).toEqual([
    [0, 1],
    ["gas", 7],
  ]);
});

test("other refusals name no line", () => {
  expect(fileProblems(problem("from: the span is longer than 31 days"))).toEqual([]);
  expect(fileProblems(problem("x", { errors: [{ field: "a", detail: "b" }] }))).toEqual([]);
});
