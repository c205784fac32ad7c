// Whether the phone view opens without network: the service worker keeps its page and files.
import { signal } from "@preact/signals";

export const shell = signal<"preparing" | "ready" | "insecure">("preparing");

/** Have the page kept, where the browser allows it: by https, or on this machine. */
export async function keepShell(): Promise<void> {
  if (!isSecureContext || !("serviceWorker" in navigator)) {
    shell.value = "insecure";
    return;
  }
  if (!import.meta.env.PROD) return; // the development server has no files with fixed names
  try {
    await navigator.serviceWorker.register("/service-worker.js", { scope: "/" });
    await navigator.serviceWorker.ready;
    shell.value = "ready";
  } catch {
    // it stays "preparing": without network now, or the service is being upgraded; it is tried at the next opening
  }
}
