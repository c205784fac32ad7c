// The phone view's shell without network: its page and the build's files. Never an answer of the API, nothing foreign.
// service_worker_plugin.ts puts the two names of this build in front of it.

declare const VERSION: string;
declare const FILES: readonly string[];

interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Lasting {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
/** What of the worker's global scope is used; the compiler's library for pages does not know it. */
interface Worker {
  addEventListener(type: "install" | "activate", heard: (event: Lasting) => void): void;
  addEventListener(type: "fetch", heard: (event: Fetching) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}

const worker = self as unknown as Worker;
const PAGE = "/field";
const PREFIX = "lifeline-shell-";
const CACHE = PREFIX + VERSION;
/** An older page that is still open loads its parts from the build before. */
const BUILDS_MAX = 2;
/** On a line that neither answers nor fails the kept page is better than none. */
const PAGE_MS_MAX = 4000;

worker.addEventListener("install", (event) => {
  event.waitUntil(install().then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(deleteOldBuilds().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (url.pathname === PAGE) event.respondWith(page(request));
  } else if (FILES.includes(url.pathname)) {
    event.respondWith(file(request));
  }
});

async function install(): Promise<void> {
  const shown = await fetch(PAGE, { cache: "no-store" });
  const text = await shown.clone().text();
  // the service may have been upgraded this very moment: page and files are of one build, or nothing is kept
  const named = text.match(/\/static\/console\/assets\/[\w.-]+/g) ?? [];
  if (!shown.ok || !named.every((one) => FILES.includes(one))) throw new Error("the page is of another build");
  const cache = await caches.open(CACHE);
  await cache.addAll([...FILES]);
  await cache.put(PAGE, shown);
}

async function deleteOldBuilds(): Promise<void> {
  const builds = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(builds.slice(0, Math.max(0, builds.length - BUILDS_MAX + 1)).map((name) => caches.delete(name)));
}

/** The service's page first, so that an upgrade is seen at once; the kept one where it does not answer. */
async function page(request: Request): Promise<Response> {
  const kept = (await caches.open(CACHE)).match(PAGE);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PAGE_MS_MAX) });
    return answer.status >= 500 ? ((await kept) ?? answer) : answer;
  } catch (error) {
    const found = await kept;
    if (found) return found;
    throw error;
  }
}

/** Files have their content's hash in their name: what is kept is right for ever. */
async function file(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
