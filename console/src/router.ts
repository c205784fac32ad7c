// The view and its filters are the address: what is seen can be sent to a colleague, and Back goes back.
import { signal } from "@preact/signals";

const read = () => ({ path: location.pathname, query: new URLSearchParams(location.search) });

export const route = signal(read());
addEventListener("popstate", () => {
  route.value = read();
});

/** Go to another view. */
export function go(address: string): void {
  history.pushState(null, "", address);
  route.value = read();
}

/** Change parameters of the address in its place; null or empty takes one away. `push` adds a step to go back to. */
export function setQuery(changes: Record<string, string | null>, push = false): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  history[push ? "pushState" : "replaceState"](null, "", location.pathname + (text && `?${text}`));
  route.value = read();
}

/** For `<a onClick>`: ordinary clicks stay in the page, those with a modifier do what the browser does. */
export function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go((event.currentTarget as HTMLAnchorElement).getAttribute("href") ?? "/");
}
