// What stands round every view: header, banners of mode and lag, navigation, and the view that the address names.
import { computed, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { close, mode, showMode } from "./alarm_store";
import { AlarmScreen } from "./alarms/alarm_screen";
import { Header } from "./header";
import { clockTime } from "./instant";
import { named } from "./language";
import { route } from "./router";
import { may } from "./session";
import { keepStatus, modesThere, status, stopStatus, waitingOf } from "./status";
import type { Mode } from "./types";
import { frameWords } from "./words/frame";
import { modeWords } from "./words/shared";

type View = ComponentType;
/** Views by path; all but the alarm screen are loaded when they are first opened. */
const VIEWS: Record<string, () => Promise<View>> = {
  "/map": () => import("./map/map_page").then((found) => found.MapPage),
  "/wall": () => import("./wall/wall").then((found) => found.Wall),
  "/shift": () => import("./shift/shift").then((found) => found.Shift),
  "/engineer": () => import("./engineer/engineer").then((found) => found.Engineer),
  "/replay": () => import("./replay/replay").then((found) => found.Replay),
  "/field": () => import("./field/field").then((found) => found.Field),
};
/** Views with a frame of their own: the wall has no one to click, a crew has a small screen. */
const BARE = ["/wall", "/field"];
const KEPT_MODE = "view";

/** Who may read no alarms (the security administrator) has accounts to look after. */
const path = computed(() => (may.readAlarms() ? route.value.path : "/engineer"));

export function Frame() {
  useEffect(() => {
    if (may.readAlarms()) keepStatus();
    return () => {
      stopStatus();
      close();
    };
  }, []);
  useSignalEffect(() => {
    if (status.value && mode.value === null) chooseMode();
  });
  const shown = mode.value ?? "operational";
  useSignalEffect(() => {
    const current = mode.value ?? "operational";
    document.documentElement.dataset.mode = current;
    document.title =
      current === "operational" ? "Lifeline 城市生命线" : `[${modeWords()[current]}] Lifeline 城市生命线`;
  });
  const bare = BARE.includes(path.value);
  return (
    <div class={bare ? "frame bare" : "frame"}>
      {!bare && <Header />}
      <Banners mode={shown} />
      <main id="view">
        {path.value in VIEWS ? (
          <Loaded key={path.value} load={VIEWS[path.value] as () => Promise<View>} />
        ) : (
          <AlarmScreen />
        )}
      </main>
    </div>
  );
}

function chooseMode(): void {
  // what was shown last; else what is real; else what there is
  const kept = sessionStorage.getItem(KEPT_MODE) as Mode | null;
  const there = modesThere(null);
  const chosen = kept && there.includes(kept) ? kept : (there[0] ?? "operational");
  if (path.peek() === "/field")
    mode.value = chosen; // a phone on a bad line does not follow a whole city's alarms
  else changeMode(chosen);
}

export function changeMode(chosen: Mode): void {
  if (chosen === mode.peek()) return;
  sessionStorage.setItem(KEPT_MODE, chosen);
  showMode(chosen);
}

/** Banners that nobody may miss: the mode, what is real while another mode is shown, lag. */
function Banners({ mode: shown }: { mode: Mode }) {
  const words = frameWords();
  const cities = (status.value?.cities ?? []).filter((city) => city.mode === shown);
  const real = shown === "operational" ? 0 : waitingOf("operational");
  return (
    <div class="banners">
      {shown !== "operational" && (
        <p class="banner mode-banner" role="status">
          {words[`banner_${shown}`]} ({cities.map((city) => named(city.name_zh, city.name, city.city)).join(", ")})
        </p>
      )}
      {real > 0 && (
        <p class="banner real-banner" role="alert">
          {words.realElsewhere} {real}
        </p>
      )}
      {status.value?.behind && (
        <p class="banner lag-banner" role="alert">
          {words.behind} {clockTime(status.value.evaluated_through.clock)}
        </p>
      )}
    </div>
  );
}

function Loaded({ load }: { load: () => Promise<View> }) {
  const found = useSignal<{ view: View } | null>(null);
  const failed = useSignal(false);
  useEffect(() => {
    load().then(
      (view) => (found.value = { view }),
      () => (failed.value = true),
    );
  }, []);
  if (failed.value)
    return (
      <p class="banner notice-banner" role="alert">
        {frameWords().notLoaded}
      </p>
    );
  if (!found.value) return null;
  const View = found.value.view;
  return <View />;
}
