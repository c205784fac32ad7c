// What this device keeps: the last answers, and acts that are not sent yet or whose fate nobody has read.
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Act } from "./acts";
import { KEPT_HOURS_MAX } from "./person";
import type { Kept } from "./types";

const NAME = "lifeline-field";

interface Tables extends DBSchema {
  kept: { key: string; value: Kept<unknown> };
  acts: { key: number; value: Act };
}

let opened: Promise<IDBPDatabase<Tables>> | null = null;

function database(): Promise<IDBPDatabase<Tables>> {
  opened ??= openDB<Tables>(NAME, 1, {
    upgrade(made) {
      made.createObjectStore("kept");
      made.createObjectStore("acts", { keyPath: "number", autoIncrement: true });
    },
    terminated() {
      opened = null;
    },
  });
  opened.catch(() => {
    opened = null;
  });
  return opened;
}

/** The last answer under a name, undefined where there is none or it is too old. */
export async function kept<T>(name: string): Promise<Kept<T> | undefined> {
  const found = await (await database()).get("kept", name);
  return found && Date.now() - found.at < KEPT_HOURS_MAX * 3_600_000 ? (found as Kept<T>) : undefined;
}

export async function keep<T>(name: string, value: Kept<T>): Promise<void> {
  await (await database()).put("kept", value, name);
}

/** Delete the answers that are too old to be shown. */
export async function forgetOld(): Promise<void> {
  const transaction = (await database()).transaction("kept", "readwrite");
  for (let cursor = await transaction.store.openCursor(); cursor; cursor = await cursor.continue()) {
    if (Date.now() - cursor.value.at >= KEPT_HOURS_MAX * 3_600_000) await cursor.delete();
  }
  await transaction.done;
}

/** Delete all answers; acts stay, because what was done on site must not be lost. */
export async function forgetAll(): Promise<void> {
  await (await database()).clear("kept");
}

/** Everybody's acts in the order in which they were done. */
export async function storedActs(): Promise<Act[]> {
  return (await database()).getAll("acts");
}

export async function addAct(act: Omit<Act, "number">): Promise<void> {
  await (await database()).add("acts", act as Act);
}

/** Write what became of an act, unless it was deleted meanwhile. */
export async function changeAct(act: Act): Promise<void> {
  const transaction = (await database()).transaction("acts", "readwrite");
  if (await transaction.store.getKey(act.number)) await transaction.store.put(act);
  await transaction.done;
}

export async function deleteActs(numbers: readonly number[]): Promise<void> {
  const transaction = (await database()).transaction("acts", "readwrite");
  await Promise.all(numbers.map((number) => transaction.store.delete(number)));
  await transaction.done;
}
