// Where the crew is, or what place they ask about. A position stays in memory, rounded, and is asked for by a button.
import { signal } from "@preact/signals";
import { rounded } from "./acts";
import type { Position } from "./types";

const POSITION_MS_MAX = 15_000;
const POSITION_AGE_MS_MAX = 20_000;

export type Place =
  | { kind: "position"; at: Position; metres: number; isFollowed: boolean }
  | { kind: "district"; city: string; district: string; label: string }
  | { kind: "text"; text: string };

export const place = signal<Place | null>(null);
export const trouble = signal<"" | "refusedPlace" | "noPlace" | "insecurePlace">("");
export const locating = signal(false);

/** Ask the device where it is; afterwards `place` or `trouble` says what came of it. */
export async function locate(): Promise<void> {
  if (!isSecureContext || !navigator.geolocation) {
    trouble.value = isSecureContext ? "noPlace" : "insecurePlace";
    return;
  }
  locating.value = true;
  trouble.value = "";
  try {
    place.value = await position(false);
  } catch (error) {
    const refused = (error as GeolocationPositionError).code === GeolocationPositionError.PERMISSION_DENIED;
    trouble.value = refused ? "refusedPlace" : "noPlace";
  } finally {
    locating.value = false;
  }
}

/** Use the position at once where the person has allowed it before. */
export async function locateIfAllowed(): Promise<void> {
  if (place.peek() || !isSecureContext || !navigator.permissions) return;
  const allowed = await navigator.permissions.query({ name: "geolocation" }).catch(() => null);
  if (allowed?.state === "granted") await locate();
}

/** Look again where the crew is now, if it is the position that is asked about. */
export async function followPosition(): Promise<void> {
  if (place.peek()?.kind !== "position") return;
  const found = await position(true).catch(() => null); // the one before stands
  if (found && place.peek()?.kind === "position") place.value = found;
}

function position(isFollowed: boolean): Promise<Place & { kind: "position" }> {
  return new Promise((resolve, reject) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) =>
        resolve({
          kind: "position",
          at: [rounded(coords.longitude), rounded(coords.latitude)],
          metres: Math.max(10, Math.round(coords.accuracy)),
          isFollowed,
        }),
      reject,
      { enableHighAccuracy: true, timeout: POSITION_MS_MAX, maximumAge: POSITION_AGE_MS_MAX },
    );
  });
}
