// Packs the build's files once, as small as they get: `X.js.br` and `X.js.gz` beside `X.js`; the API sends what is taken.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin, ResolvedConfig, Rolldown } from "vite";

const TEXT = /\.(m?js|css|json|svg)$/;
const BYTES_MIN = 1000;
const PACKERS = {
  br: (content: Buffer) =>
    promisify(brotliCompress)(content, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
      },
    }),
  gz: (content: Buffer) => promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }),
};

export function packing(): Plugin {
  let config: ResolvedConfig;
  return {
    name: "lifeline-packing",
    apply: "build",
    configResolved(resolved) {
      config = resolved;
    },
    writeBundle: {
      order: "post",
      async handler({ dir = "." }, bundle) {
        const names = Object.keys(bundle).filter((name) => TEXT.test(name));
        for (const [ending, pack] of Object.entries(PACKERS)) {
          const sizes = new Map<string, number>();
          await Promise.all(
            names.map(async (name) => {
              const content = readFileSync(join(dir, name));
              const packed = content.length < BYTES_MIN ? content : await pack(content);
              if (packed !== content) writeFileSync(join(dir, `${name}.${ending}`), packed);
              sizes.set(name, packed.length);
            }),
          );
          const bytes = scriptBytes(bundle, sizes);
          config.logger.info(
            `all scripts but the map's, in one language: ${(bytes / 1000).toFixed(1)} kB as .${ending}`,
          );
        }
      },
    },
  };
}

/** What a browser is sent that opens every view but the map, with the larger of the two languages. */
function scriptBytes(bundle: Rolldown.OutputBundle, sizes: ReadonlyMap<string, number>): number {
  let bytes = 0;
  const languages: number[] = [];
  for (const [name, size] of sizes) {
    const one = bundle[name];
    if (!/\.m?js$/.test(name) || name.includes("maplibre")) continue;
    if (one?.type === "chunk" && one.moduleIds.some((id) => id.includes("maplibre-gl"))) continue;
    if (/words-(zh|en)/.test(name)) languages.push(size);
    else bytes += size;
  }
  return bytes + Math.max(0, ...languages);
}
