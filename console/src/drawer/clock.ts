// The service's clock, by which times to respond are counted: the browser's may be wrong.
import { computed } from "@preact/signals";
import { now } from "../instant";
import { status, statusAt } from "../status";

/** Epoch milliseconds, each second; the browser's own until the service has told its time. */
export const serviceNow = computed(() => {
  const told = status.value && statusAt.value !== null ? Date.parse(status.value.time) - statusAt.value : 0;
  return now.value + told;
});
