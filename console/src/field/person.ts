// Who was logged in last on this device: the phone view opens for them without network, and for nobody else.
import type { Me } from "../types";

const PERSON = "person";
/** How long this device shows a person what it keeps: older answers help nobody on site. */
export const KEPT_HOURS_MAX = 72;
/** Nobody waits longer to leave, even where the service is not there to give what deletes. */
const FORGET_MS_MAX = 2000;

interface Noted {
  person: Me;
  at: number;
}

function noted(): Noted | null {
  try {
    return JSON.parse(localStorage.getItem(PERSON) ?? "null") as Noted | null;
  } catch {
    return null;
  }
}

/** The service has said who this is. What was kept for somebody else is deleted. */
export function notePerson(person: Me): void {
  const before = noted();
  if (before && before.person.name !== person.name) forgetKept();
  localStorage.setItem(PERSON, JSON.stringify({ person, at: Date.now() } satisfies Noted));
}

/** Who may see what is kept while the service does not answer; null on all views but the phone's. */
export function personWithoutNetwork(): Me | null {
  const found = noted();
  if (location.pathname !== "/field" || !found || found.person.must) return null;
  return Date.now() - found.at < KEPT_HOURS_MAX * 3_600_000 ? found.person : null;
}

/** The person leaves: nothing of what was answered stays; acts that were not sent yet do. */
export async function forgetPerson(): Promise<void> {
  localStorage.removeItem(PERSON);
  await Promise.race([forgetKept(), new Promise((resume) => setTimeout(resume, FORGET_MS_MAX))]);
}

async function forgetKept(): Promise<void> {
  // a browser that keeps nothing has nothing to forget
  await import("./database").then((found) => found.forgetAll()).catch(() => {});
}
