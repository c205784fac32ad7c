import { expect, test } from "vitest";
import { localText, localTime } from "./local_time";

test("what is shown is what is typed", () => {
  const time = new Date(2026, 10, 3, 23, 5).getTime();
  expect(localText(time)).toBe("2026-11-03 23:05");
  expect(localTime(localText(time))).toBe(time);
  expect(localTime(" 2026-11-3 9:05 ")).toBe(new Date(2026, 10, 3, 9, 5).getTime());
});

test("what is no time is told apart", () => {
  for (const text of ["", "2026-02-31 10:00", "2026-11-03 24:00", "2026-11-03 10:60", "3/11/2026 10:00"]) {
    expect(localTime(text), text).toBeNull();
  }
});
