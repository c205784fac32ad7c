// Every text exists in Chinese and in English, and no text stands in the markup itself.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), "..");
const CHINESE = /\p{Script=Han}/u;
const LETTERS = /\p{L}/u;
/** Attributes that people read or hear. */
const READ_ALOUD = ["aria-label", "aria-description", "title", "placeholder", "alt"];
/** Names and signs that are the same in every language. */
const SAME = new Set([
  "Lifeline",
  "YAML",
  "CSV",
  "HTML",
  "JSON",
  "API",
  "CAP",
  "Esc",
  "Enter",
  "Space",
  "Home",
  "Shift",
  "NDJSON",
]);

const parsed = (path: string) =>
  ts.createSourceFile(
    path,
    readFileSync(path, "utf8"),
    ts.ScriptTarget.Latest,
    true,
    path.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  );

function files(ending: string, folder = SOURCE): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending) && !entry.name.includes(".test."))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes("generated"));
}

function each<T>(node: ts.Node, found: (node: ts.Node) => T | undefined): T[] {
  const here = found(node);
  const below: T[] = [];
  node.forEachChild((child) => void below.push(...each(child, found)));
  return here === undefined ? below : [here, ...below];
}

/** The pairs of texts of a words file: name, Chinese, English; undefined where a language lacks it. */
function pairs(path: string): [string, string | undefined, string | undefined][] {
  const calls = each(parsed(path), (node) =>
    ts.isCallExpression(node) && node.expression.getText() === "inBoth" ? node : undefined,
  );
  return calls.flatMap((call) => {
    const [zh, en] = call.arguments.map(
      (argument) =>
        new Map(
          (ts.isObjectLiteralExpression(argument) ? [...argument.properties] : []).map((property) => {
            if (!ts.isPropertyAssignment(property)) throw new Error(`${path}: ${property.getText()} is no plain text`);
            const name = property.name.getText().replaceAll('"', "");
            const value = property.initializer;
            if (!ts.isStringLiteralLike(value)) throw new Error(`${path}: ${name} is no plain text`);
            return [name, value.text] as const;
          }),
        ),
    );
    const names = new Set([...(zh?.keys() ?? []), ...(en?.keys() ?? [])]);
    return [...names].map(
      (name) => [name, zh?.get(name), en?.get(name)] as [string, string | undefined, string | undefined],
    );
  });
}

describe.each(files(".ts", join(SOURCE, "words")).map((path) => [path.slice(SOURCE.length + 1), path]))(
  "%s",
  (_, path) => {
    it("has every text in both languages, each in its own script", () => {
      const found = pairs(path);
      expect(found.length).toBeGreaterThan(0);
      for (const [name, zh, en] of found) {
        expect(zh, `${name} in Chinese`).toBeTruthy();
        expect(en, `${name} in English`).toBeTruthy();
        if (name !== "otherLanguage") {
          expect(CHINESE.test(en ?? ""), `${name} in English has no Chinese: ${en}`).toBe(false);
          const words = (zh ?? "").replace(/\{\w+\}/g, "").split(/[^\p{L}]+/u);
          const translated = CHINESE.test(zh ?? "") || words.every((word) => word.length <= 4 || SAME.has(word));
          expect(translated, `${name} in Chinese: ${zh}`).toBe(true);
        }
        const places = (text = "") => (text.match(/\{\w+\}/g) ?? []).toSorted();
        expect(places(zh), `places of ${name}`).toEqual(places(en));
      }
    });
  },
);

it("keeps texts out of the markup", () => {
  const literal = files(".tsx").flatMap((path) =>
    each(parsed(path), (node) => {
      const text = ts.isJsxText(node)
        ? node.text.trim()
        : ts.isJsxAttribute(node) &&
            READ_ALOUD.includes(node.name.getText()) &&
            node.initializer &&
            ts.isStringLiteral(node.initializer)
          ? node.initializer.text
          : "";
      const rest = text.split(/[^\p{L}]+/u).filter((word) => word.length > 1 && LETTERS.test(word) && !SAME.has(word));
      return rest.length ? `${path.slice(SOURCE.length + 1)}: ${text}` : undefined;
    }),
  );
  expect(literal).toEqual([]);
});
