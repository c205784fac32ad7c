// The phone view for crews: near me, my tasks, map, pending. One column, for thumbs and sunlight, with or without network.
import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { mode } from "../alarm_store";
import { filled } from "../language";
import { follow, route } from "../router";
import { me } from "../session";
import { modesThere, status } from "../status";
import { theme } from "../theme";
import type { Mode } from "../types";
import { fieldWords } from "../words/field";
import { Pending } from "./act_list";
import { AlarmPage } from "./alarm_page";
import { reachable } from "./answers";
import { forgetOld } from "./database";
import { Device } from "./device";
import { MapTab } from "./map_tab";
import { Near } from "./near";
import { acts, keepSending } from "./queue";
import { SensorPage } from "./sensor_page";
import { keepShell } from "./shell";
import { TaskList } from "./task_list";
import "./field.css";

const TABS = ["near", "tasks", "map", "acts"] as const;
type Tab = (typeof TABS)[number] | "device";
/** The mode that this phone showed last: without network nothing else says it. */
const KEPT_MODE = "field_mode";

export function Field() {
  const words = fieldWords();
  useEffect(() => {
    if (localStorage.getItem("theme") === null) theme.value = "day"; // screens of phones are read in sunlight
    keepShell();
    forgetOld().catch(() => {});
    return keepSending();
  }, []);
  useKeptMode();
  const query = route.value.query;
  const tab = tabOf(query.get("tab"));
  const [alarm, sensor] = [query.get("alarm"), query.get("sensor")];
  const waiting = acts.value.filter((act) => act.name === me.value?.name && act.state !== "done").length;
  return (
    <div class="field">
      <div class="field-top">
        {alarm || sensor ? (
          <a class="field-link" href={`/field?tab=${tab}`} onClick={follow}>
            {words.back}
          </a>
        ) : (
          <strong class="field-product">Lifeline · {me.value?.display_name || me.value?.name}</strong>
        )}
        {!reachable.value && (
          <strong class="field-lost" role="status">
            {words.noNetwork}
          </strong>
        )}
        <a
          class="field-link"
          href="/field?tab=device"
          onClick={follow}
          aria-current={tab === "device" ? "page" : undefined}
        >
          {words.device}
        </a>
      </div>
      <div class="field-page" key={`${tab} ${alarm} ${sensor}`}>
        {alarm ? <AlarmPage id={alarm} /> : sensor ? <SensorPage id={sensor} /> : <Page tab={tab} />}
      </div>
      <nav class="field-tabs" aria-label={words.tabs}>
        {TABS.map((one) => (
          <a key={one} href={`/field?tab=${one}`} onClick={follow} aria-current={tab === one ? "page" : undefined}>
            {words[one === "near" ? "nearTab" : one]}
            {one === "acts" && waiting > 0 && <strong> {waiting}</strong>}
          </a>
        ))}
      </nav>
      <p class="unseen" role="status">
        {waiting > 0 ? filled(words.pendingCount, { count: waiting }) : ""}
      </p>
    </div>
  );
}

function Page({ tab }: { tab: Tab }) {
  if (tab === "tasks") return <TaskList />;
  if (tab === "map") return <MapTab alarm={route.value.query.get("on")} />;
  if (tab === "acts") return <Pending />;
  return tab === "device" ? <Device /> : <Near />;
}

const tabOf = (text: string | null): Tab => ([...TABS, "device"] as const).find((one) => one === text) ?? "near";

/** Show the mode of last time until the service says which there are. */
function useKeptMode(): void {
  useEffect(() => {
    if (mode.peek() === null) mode.value = localStorage.getItem(KEPT_MODE) as Mode | null;
  }, []);
  useSignalEffect(() => {
    if (mode.value) localStorage.setItem(KEPT_MODE, mode.value);
  });
  useSignalEffect(() => {
    if (status.value && mode.peek() && !modesThere(null).includes(mode.peek() as Mode)) mode.value = null;
  });
}
