// Words by language: a build's files bear no texts; those of each language are one file, loaded when it is first shown.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ESTree, type Plugin, parseSync } from "vite";

const FOLDER = "/src/words/";
const WORDS = /\/src\/words\/(\w+)\.ts$/;
const FILE = /^virtual:words-(zh|en)$/;

/** One `inBoth({ … }, { … })` of a source: where it stands, what it is called, and the source of its texts. */
interface Pair {
  name: string;
  start: number;
  end: number;
  zh: string;
  en: string;
}

/** The pairs of texts of a source of words. Throws where one is not written as all are. */
export function pairsOf(source: string, file: string): Pair[] {
  const found: Pair[] = [];
  for (const statement of parseSync(`${file}.ts`, source).program.body) {
    const declared = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declared?.type !== "VariableDeclaration") continue;
    for (const { id, init } of declared.declarations) {
      if (!isInBoth(init)) continue;
      const [zh, en] = init.arguments;
      if (id.type !== "Identifier" || zh?.type !== "ObjectExpression" || en?.type !== "ObjectExpression") break;
      const text = ({ start, end }: { start: number; end: number }) => source.slice(start, end);
      found.push({ name: `${file}.${id.name}`, start: init.start, end: init.end, zh: text(zh), en: text(en) });
    }
  }
  if (found.length !== source.split("inBoth(").length - 1)
    throw new Error(`${FOLDER}${file}.ts: write texts as \`const name = inBoth({ … }, { … })\``);
  return found;
}

const isInBoth = (node: ESTree.Expression | null): node is ESTree.CallExpression =>
  node?.type === "CallExpression" && node.callee.type === "Identifier" && node.callee.name === "inBoth";

export function wordsByLanguage(): Plugin {
  let folder = "";
  let isBuild = false;
  return {
    name: "lifeline-words",
    enforce: "pre",
    configResolved({ root, command, mode }) {
      folder = join(root, FOLDER);
      isBuild = command === "build" && mode !== "test";
    },
    resolveId: (id) => (FILE.test(id) ? `${id}.ts` : null),
    load(id) {
      const language = /^virtual:words-(zh|en)\.ts$/.exec(id)?.[1] as "zh" | "en" | undefined;
      if (!language) return null;
      const sources = isBuild ? readdirSync(folder).filter((name) => !name.includes(".test.")) : [];
      const texts = sources.sort().flatMap((name) => {
        this.addWatchFile(join(folder, name));
        return pairsOf(readFileSync(join(folder, name), "utf8"), name.replace(".ts", ""));
      });
      return `export default {${texts.map((one) => `"${one.name}": ${one[language]}`).join(",\n")}};`;
    },
    transform(source, id) {
      const file = isBuild && WORDS.exec(id)?.[1];
      if (!file) return null;
      let code = source;
      for (const { name, start, end } of pairsOf(source, file).reverse())
        code = `${code.slice(0, start)}loadedWords("${name}")${code.slice(end)}`;
      return { code: `import { loadedWords } from "../language";\n${code}`, map: null };
    },
  };
}
