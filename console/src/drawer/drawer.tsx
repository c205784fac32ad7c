// The drawer of one alarm: what decides is seen without scrolling, and what can be done is always at the bottom.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { filled } from "../language";
import type { Alarm } from "../types";
import { drawerWords } from "../words/drawer";
import { ActionBar } from "./action_bar";
import { Explanation } from "./explanation";
import { useAlarm, useFacts } from "./facts";
import { Guidance } from "./guidance";
import { Head } from "./head";
import { Journal } from "./journal";
import { Neighbours } from "./neighbours";
import { closeDrawer, isWide, takeFocus } from "./opened";
import { Trend } from "./trend";
import { Waiting } from "./waiting";
import "./dialog.css";
import "./drawer.css";

export function Drawer({ alarm: id }: { alarm: string }) {
  const words = drawerWords();
  return (
    <aside
      class={isWide.value ? "drawer wide" : "drawer"}
      aria-label={words.drawer}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.preventDefault();
        closeDrawer();
      }}
    >
      <One key={id} id={id} />
    </aside>
  );
}

function One({ id }: { id: string }) {
  const words = drawerWords();
  const { alarm, failed, isMissing, again } = useAlarm(id);
  if (!alarm) {
    return (
      <div class="drawer-body">
        <div class="drawer-row">
          <h2 tabIndex={-1} data-part="head">
            {id}
          </h2>
          <button type="button" class="drawer-close" aria-label={words.close} onClick={closeDrawer}>
            ✕
          </button>
        </div>
        <p role={failed ? "alert" : "status"}>
          {isMissing ? words.notThere : failed ? filled(words.failed, { why: failed }) : words.loading}
        </p>
        {failed && (
          <button type="button" onClick={again}>
            {words.retry}
          </button>
        )}
      </div>
    );
  }
  return <Known alarm={alarm} failed={failed} />;
}

function Known({ alarm, failed }: { alarm: Alarm; failed: string }) {
  const words = drawerWords();
  const facts = useFacts(alarm);
  useEffect(takeFocus, []);
  return (
    <>
      <div class="drawer-body">
        {failed && (
          <p role="alert" class="drawer-refused">
            {filled(words.failed, { why: failed })}
          </p>
        )}
        <Head facts={facts} />
        <Waiting facts={facts} />
        <Guidance facts={facts} />
        <Trend facts={facts} />
        <More facts={facts} />
      </div>
      <ActionBar facts={facts} />
    </>
  );
}

const TABS = { explanation: Explanation, neighbours: Neighbours, journal: Journal } as const;
type Tab = keyof typeof TABS;
const NAMES = Object.keys(TABS) as Tab[];

/** Explanation, neighbours and journal, one at a time. */
function More({ facts }: { facts: ReturnType<typeof useFacts> }) {
  const words = drawerWords();
  const chosen = useSignal<Tab>("explanation");
  const Shown = TABS[chosen.value];

  function onKeyDown(event: KeyboardEvent): void {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    chosen.value = NAMES[(NAMES.indexOf(chosen.value) + by + NAMES.length) % NAMES.length] as Tab;
    document.getElementById(`drawer-tab-${chosen.value}`)?.focus();
  }

  return (
    <section class="drawer-more">
      <div class="drawer-tabs" role="tablist" aria-label={words.tabs} onKeyDown={onKeyDown}>
        {NAMES.map((name) => (
          <button
            type="button"
            role="tab"
            key={name}
            id={`drawer-tab-${name}`}
            aria-selected={chosen.value === name}
            aria-controls="drawer-panel"
            tabIndex={chosen.value === name ? 0 : -1}
            onClick={() => {
              chosen.value = name;
            }}
          >
            {words[name]}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="drawer-panel" aria-labelledby={`drawer-tab-${chosen.value}`}>
        <Shown facts={facts} />
      </div>
    </section>
  );
}
