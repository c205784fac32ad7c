// The feed of alarm transitions: server-sent events read by fetch (a key goes in a header), resumed without a hole.
import { signal } from "@preact/signals";
import { NoAnswer, query, request } from "./api";
import { end, meAgain } from "./session";
import type { Alarm, Mode } from "./types";

const SILENCE_MS_MAX = 45_000; // three heartbeats
const BACK_OFF_MS_MAX = 30_000;

/** A line of the journal as the feed brings it. */
export type Transition = Omit<Alarm, "state" | "changed_at" | "raised_at">;

/** When the service was last heard on the feed (browser's clock), null before the first time. */
export const heardAt = signal<number | null>(null);
export const connected = signal(false);

export interface Follower {
  /** The feed is open: what is loaded now has no hole to what comes. Raised errors open the feed anew. */
  opened: () => Promise<void>;
  /** Transitions in order, as many as came at one time; `event` is the last one's id. */
  taken: (lines: { line: Transition; event: number }[]) => void;
}

/** Follow until `stop`; reconnects by itself with growing waits. */
export async function followAlarms(mode: Mode, follower: Follower, stop: AbortSignal): Promise<void> {
  let lastEvent: number | null = null;
  let wait = 1000;
  while (!stop.aborted) {
    const attempt = new AbortController();
    const abandon = () => attempt.abort();
    stop.addEventListener("abort", abandon);
    let heard = Date.now();
    const watch = setInterval(() => Date.now() - heard > SILENCE_MS_MAX && attempt.abort(), 1000);
    try {
      const headers: HeadersInit = lastEvent === null ? {} : { "Last-Event-ID": String(lastEvent) };
      const answer = await request(`/alarms/stream${query({ mode })}`, { headers, signal: attempt.signal });
      if (answer.status === 401) {
        await meAgain();
        end("session_ended");
        return;
      }
      if (!answer.ok || !answer.body) throw new NoAnswer(answer.statusText);
      connected.value = true;
      heardAt.value = heard = Date.now();
      const loading = follower.opened();
      loading.then(() => (wait = 1000), abandon);
      for await (const events of eventsOf(answer.body)) {
        heardAt.value = heard = Date.now();
        const lines = events
          .filter((event) => event.event === "transition")
          .map((event) => ({ line: JSON.parse(event.data) as Transition, event: Number(event.id) }));
        const last = events.findLast((event) => event.id !== "");
        if (last) lastEvent = Number(last.id);
        if (lines.length) follower.taken(lines);
      }
      await loading;
    } catch {
      // whatever it was, the header says that the connection is lost, and it is tried again
    } finally {
      clearInterval(watch);
      stop.removeEventListener("abort", abandon);
      connected.value = false;
    }
    if (!stop.aborted) await new Promise((resume) => setTimeout(resume, wait * (0.5 + Math.random())));
    wait = Math.min(wait * 2, BACK_OFF_MS_MAX);
  }
}

interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** Events of a body as they arrive; a heartbeat is an empty list. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent[]> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      yield blocks.map(eventOf).filter((event) => event.id !== "" || event.data !== "");
    }
  } finally {
    reader.cancel().catch(() => {}); // it may have ended by itself
  }
}

function eventOf(block: string): ServerEvent {
  const found: ServerEvent = { id: "", event: "message", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (name === "id" || name === "event") found[name] = value;
    if (name === "data") found.data += (found.data && "\n") + value;
  }
  return found;
}
