// The keys, listed; and whether single letters are keys at all, for who speaks to the computer.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { keyWords } from "../words/alarms";

const KEPT = "single_keys";
/** Whether single letters are keys (WCAG 2.1.4: they can be turned off). */
export const singleKeys = signal(localStorage.getItem(KEPT) !== "off");
export const helpOpen = signal(false);

const KEYS = [
  ["J ↓", "next"],
  ["K ↑", "previous"],
  ["Shift+J Shift+K", "extend"],
  ["Space", "select"],
  ["Enter", "open"],
  ["A", "acknowledge"],
  ["S", "shelve"],
  ["T", "trend"],
  ["M", "map"],
  ["C", "comment"],
  ["/", "filter"],
  ["X", "silence"],
  ["N Home", "takeIn"],
  ["Esc", "escape"],
  ["?", "help"],
] as const;

/** The key beside a button's words, where it is one. */
export const keyHint = (key: string) =>
  singleKeys.value && (
    <span class="key" aria-hidden="true">
      {key}
    </span>
  );

function choose(on: boolean): void {
  singleKeys.value = on;
  if (on) localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, "off");
}

export function KeyHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  const words = keyWords();
  useEffect(() => {
    if (helpOpen.value) dialog.current?.showModal();
  }, [helpOpen.value]);
  if (!helpOpen.value) return null;
  return (
    <dialog ref={dialog} class="key-help" aria-labelledby="key-help-title" onClose={() => (helpOpen.value = false)}>
      <h2 id="key-help-title">{words.title}</h2>
      <dl>
        {KEYS.map(([keys, name]) => (
          <div key={name}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{words[name]}</dd>
          </div>
        ))}
      </dl>
      <p class="soft">{words.note}</p>
      <label>
        <input type="checkbox" checked={singleKeys.value} onChange={(event) => choose(event.currentTarget.checked)} />{" "}
        {words.single}
      </label>
      <form method="dialog">
        <button type="submit" class="main">
          {words.close}
        </button>
      </form>
    </dialog>
  );
}
