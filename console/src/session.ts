// Who is logged in, by name or by key, and what they may do.
import { computed, signal } from "@preact/signals";
import { apiKey, keepKey, Refused, read, send } from "./api";
import { forgetPerson, notePerson } from "./field/person";
import { ACKNOWLEDGERS, DESK, OUT_OF_SERVICE_TAKERS, type Role, SITE_WORKERS } from "./roles";
import type { Me } from "./types";

export type { Role };

/** Undefined until it is known, null when nobody is logged in. */
export const me = signal<Me | null | undefined>(undefined);
export const role = computed(() => (me.value?.role ?? "viewer") as Role);
/** Why the log-in page is shown, where there is a reason. */
export const logInReason = signal<"" | "session_ended" | "wrong_key">("");

/** What is offered to who is logged in. */
export const may = {
  acknowledge: () => ACKNOWLEDGERS.includes(role.value),
  desk: () => DESK.includes(role.value),
  workOnSite: () => SITE_WORKERS.includes(role.value),
  takeOutOfService: () => OUT_OF_SERVICE_TAKERS.includes(role.value),
  readQuarantine: () => !["viewer", "field", "security_administrator"].includes(role.value),
  readNetworks: () => !["viewer", "field"].includes(role.value),
  readAlarms: () => role.value !== "security_administrator",
};

export const isInside = computed(() => Boolean(me.value && !me.value.must));

/** Ask the service who this is; a key in the address (`#key=…`) is taken over and leaves the address bar. */
export async function begin(): Promise<void> {
  const given = /^#key=([\w-]+)$/.exec(location.hash)?.[1];
  if (given) {
    history.replaceState(null, "", location.pathname + location.search);
    keepKey(given);
  }
  await meAgain();
}

/** Who am I; raises NoAnswer where the service does not answer. */
export async function meAgain(): Promise<void> {
  try {
    me.value = await read<Me>("/session");
    notePerson(me.value);
    logInReason.value = "";
  } catch (error) {
    if (!(error instanceof Refused) || error.status >= 500) throw error;
    logInReason.value = apiKey.peek() ? "wrong_key" : "";
    keepKey("");
    me.value = null;
  }
}

export async function logOff(): Promise<void> {
  await forgetPerson();
  if (!apiKey.peek()) await send("DELETE", "/session").catch(() => {}); // the service may be gone; the person is leaving
  end("");
}

/** The service says that nobody is logged in any more. */
export function end(reason: "" | "session_ended"): void {
  logInReason.value = reason === "session_ended" && apiKey.peek() ? "wrong_key" : reason;
  keepKey("");
  me.value = null;
}
