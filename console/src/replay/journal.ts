// The journal of a city over a span, as the API exports it, and what stands there now.
import { problemOf, Refused, read, request } from "../api";
import type { Alarm, AlarmPage } from "../types";
import type { Line } from "./past";

const LINES_MAX = 200_000;
/** Lines are asked for by the time of what they tell; what became known so much later is still found. */
const LATE_MS = 3_600_000;
const PAGE_ROWS = 1000;
const PAGES_MAX = 20;
const ANSWER_MS_MAX = 120_000;

/** More lines than a page can hold. */
export class TooMany extends Error {}

/** Raises Refused, NoAnswer, TooMany; NoAnswer also where the file breaks off. */
export async function readLines(city: string, from: number, to: number): Promise<Line[]> {
  const span = { from: new Date(from - LATE_MS).toISOString(), to: new Date(to).toISOString() };
  const query = new URLSearchParams({ city, form: "ndjson", ...span });
  const answer = await request(`/exports/alarms?${query}`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  if (!answer.ok) throw new Refused(await problemOf(answer));
  const lines: Line[] = [];
  for (const text of (await answer.text()).split("\n")) {
    if (!text) continue;
    if (lines.length >= LINES_MAX) throw new TooMany();
    const line = JSON.parse(text) as Line;
    if (Date.parse(line.known_at) > from) lines.push(line);
  }
  return lines;
}

/** All that is not normal now; raises Refused, NoAnswer, TooMany. */
export async function readPresent(city: string): Promise<Alarm[]> {
  const found: Alarm[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const got: AlarmPage = await read<AlarmPage>("/alarms", { city, limit: PAGE_ROWS, after });
    found.push(...got.alarms);
    if (!got.next) return found;
    after = got.next;
  }
  throw new TooMany();
}
