import { defineConfig } from "vitest/config";
import { packing } from "./packing_plugin.ts";
import { serviceWorker } from "./service_worker_plugin.ts";
import { wordsByLanguage } from "./words_plugin.ts";

// The API of a running service, for `npx vite` while developing.
const service = process.env.LIFELINE_ADDRESS ?? "http://127.0.0.1:8000";

export default defineConfig(({ command }) => ({
  base: command === "build" ? "/static/console/" : "/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [wordsByLanguage(), serviceWorker(), packing()],
  build: {
    outDir: "../app/static/console",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // strict content security policy: nothing in data addresses
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200, // the map, which is loaded when needed
  },
  server: { proxy: { "/api": service, "/docs": service } },
  test: { include: ["src/**/*.test.ts"] },
}));
