// Builds the service worker: service_worker.ts with the names of this build's files that the phone view needs.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Plugin, type Rolldown, transformWithOxc } from "vite";

const SOURCE = "src/service_worker.ts";
const VIEW = "/src/field/field.tsx";
/** Too large to be kept on every phone, and without network there is nothing to draw on it. */
const LEFT_OUT = /\/src\/map\//;

export function serviceWorker(): Plugin {
  let base = "/";
  let root = ".";
  return {
    name: "lifeline-service-worker",
    apply: "build",
    configResolved(resolved) {
      base = resolved.base;
      root = resolved.root;
    },
    generateBundle: {
      order: "post",
      async handler(_options, bundle) {
        const files = filesOf(bundle).map((name) => base + name);
        const source = readFileSync(join(root, SOURCE), "utf8");
        const { code } = await transformWithOxc(source, SOURCE);
        const version = createHash("sha256")
          .update([...files, code].join("\n"))
          .digest("hex");
        const head = `const VERSION = "${version.slice(0, 16)}";\nconst FILES = ${JSON.stringify(files, null, 1)};\n`;
        this.emitFile({ type: "asset", fileName: "service-worker.js", source: head + code });
      },
    },
  };
}

const isLeftOut = (one: Rolldown.OutputBundle[string] | undefined): boolean =>
  one?.type === "chunk" && one.moduleIds.some((id) => LEFT_OUT.test(id));

/** The scripts and style sheets of the start and of the phone view, with what they import. */
function filesOf(bundle: Rolldown.OutputBundle): string[] {
  const chunks = Object.values(bundle).filter((one) => one.type === "chunk");
  const view = chunks.find((one) => one.facadeModuleId?.endsWith(VIEW));
  if (!view) throw new Error(`${VIEW} is no chunk of its own`);
  const found = new Set<string>();
  const add = (chunk: Rolldown.OutputChunk, withLazy: boolean) => {
    if (found.has(chunk.fileName) && !withLazy) return;
    found.add(chunk.fileName);
    for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style);
    const lazy = withLazy ? chunk.dynamicImports.filter((name) => !isLeftOut(bundle[name])) : [];
    for (const name of [...chunk.imports, ...lazy]) {
      const imported = bundle[name];
      if (imported?.type === "chunk") add(imported, false);
    }
  };
  for (const chunk of chunks) if (chunk.isEntry) add(chunk, false);
  add(view, true);
  // what the start loads when somebody leaves, and the texts of both languages
  const later = /\/src\/field\/database\.ts$|^virtual:words-/;
  for (const chunk of chunks) if (chunk.moduleIds.some((id) => later.test(id))) add(chunk, false);
  return [...found].sort();
}
