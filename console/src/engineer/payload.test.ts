import { expect, test } from "vitest";
import { bytesOf, hexadecimal, visibleText } from "./payload";

test("bytes are told in hexadecimal with what is ASCII beside", () => {
  expect(hexadecimal(bytesOf('{"v": 1}\u0000', "text"))).toBe(
    '000000  7b 22 76 22 3a 20 31 7d 00                       {"v": 1}.',
  );
  expect(hexadecimal(bytesOf(btoa("\u00ff\u00fe"), "base64"))).toContain("ff fe");
});

test("what deceives the eye is written out, lines stay lines", () => {
  expect(visibleText("a\u202eb\n<img>\u0000\u200b")).toBe("a\\u{202e}b\n<img>\\u{0}\\u{200b}");
});
