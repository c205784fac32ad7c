// The alarm screen: banner, views and filters, the list or the incidents, the map beside it and the drawer of one alarm.
import { useEffect } from "preact/hooks";
import { loaded } from "../alarm_store";
import { openAction } from "../drawer/action_dialog";
import { type Action, offered } from "../drawer/actions";
import { Drawer } from "../drawer/drawer";
import { closeDrawer, focusDrawer, type Part } from "../drawer/opened";
import { filled } from "../language";
import { MapView } from "../map/map_view";
import { route, setQuery } from "../router";
import { me, role } from "../session";
import type { Alarm } from "../types";
import "./alarms.css";
import { acknowledge, said, tell } from "./acknowledging";
import { AlarmList, focusList } from "./alarm_list";
import { Banner } from "./banner";
import { FilterBar, focusFilter } from "./filter_bar";
import { followFloods } from "./floods";
import { Incidents } from "./incidents";
import { helpOpen, KeyHelp } from "./key_help";
import { listenToKeys } from "./keys";
import { isGroup, type RowId } from "./rows";
import { loadRules } from "./rule_names";
import { alarmWords, placeOf } from "./said";
import {
  active,
  alarmOf,
  asked,
  move,
  pointerInside,
  selected,
  shown,
  takeIn,
  toggleGroup,
  toggleSelected,
} from "./shown";
import { silenceNow } from "./sound";
import { Toolbar } from "./toolbar";

const FOLLOW_MS = 200;
let following = 0;

export function AlarmScreen() {
  const words = alarmWords();
  const { query } = route.value;
  const alarm = query.get("alarm");
  const isMapOpen = query.get("map") === "1";
  useEffect(() => {
    // whatever opened it, the keys are about the alarm that is open
    if (alarm && shown.peek().ids.includes(alarm)) active.value = alarm;
  }, [alarm, loaded.value]);
  useEffect(followFloods, []);
  useEffect(() => listenToKeys(acts), []);
  useEffect(
    () => () => {
      pointerInside.value = false;
    },
    [],
  );
  useEffect(loadRules, []);
  return (
    <div class="alarms">
      <h1 class="unseen">{words.title}</h1>
      <Banner />
      <FilterBar />
      <div class={`beside ${alarm ? "with-drawer" : ""}`}>
        <div class={`left ${isMapOpen ? "with-map" : ""}`}>
          <div
            class="listing"
            onPointerEnter={(event) => {
              pointerInside.value = event.pointerType !== "touch";
            }}
            onPointerLeave={() => {
              pointerInside.value = false;
            }}
          >
            <Toolbar open={acts.trend} act={openFor} map={acts.map} help={acts.help} />
            {asked.value.view === "incidents" ? <Incidents /> : <AlarmList open={show} />}
          </div>
          {isMapOpen && (
            <section class="map-panel" aria-label={words.map}>
              <MapView alarm={alarm ?? active.value} compact />
            </section>
          )}
        </div>
        {alarm && <Drawer alarm={alarm} />}
      </div>
      <KeyHelp />
    </div>
  );
}

const show = (row: RowId): void => setQuery({ alarm: row });

/** The drawer and the map go with the active row, once it stays for a moment. */
function follow(): void {
  clearTimeout(following);
  following = window.setTimeout(() => {
    const row = active.peek();
    if (row && !isGroup(row) && route.peek().query.get("alarm")) show(row);
  }, FOLLOW_MS);
}

function step(by: number): void {
  focusList();
  move(by);
  follow();
}

/** Select on: the row that is left and the one that is come to. */
function extend(by: number): void {
  focusList();
  if (active.peek()) toggleSelected(active.peek() as RowId, true);
  move(by);
  if (active.peek()) toggleSelected(active.peek() as RowId, true);
}

const isOffered = (alarm: Alarm, action: Action): boolean =>
  offered(alarm, role.peek(), me.peek()?.name).includes(action);

function openFor(action: Action): void {
  const alarm = active.peek() === null ? undefined : alarmOf(active.peek() as RowId);
  said.value = [];
  if (alarm && !isOffered(alarm, action)) tell(filled(alarmWords().notPossible, { place: placeOf(alarm) }), true);
  else if (alarm) openAction(alarm, action);
  else tell(active.peek() ? alarmWords().groupFirst : alarmWords().noneActive, true);
}

function open(part: Part): void {
  const row = active.peek();
  if (!row) return;
  if (isGroup(row)) {
    toggleGroup(row);
    return;
  }
  clearTimeout(following);
  show(row);
  focusDrawer(part);
}

const acts = {
  next: () => step(1),
  previous: () => step(-1),
  extendNext: () => extend(1),
  extendPrevious: () => extend(-1),
  select: () => active.peek() && toggleSelected(active.peek() as RowId),
  open: () => open("head"),
  acknowledge: () => void acknowledge(),
  shelve: () => openFor("shelve"),
  trend: () => open("trend"),
  map: () => setQuery({ map: route.peek().query.get("map") ? null : "1" }),
  comment: () => openFor("comment"),
  filter: focusFilter,
  silence: () => tellSilence(),
  takeIn: () => {
    takeIn();
    document.getElementById("alarm-grid")?.scrollTo({ top: 0 });
  },
  help: () => {
    helpOpen.value = true;
  },
  escape: () => {
    if (selected.peek().size) selected.value = new Map();
    else if (route.peek().query.get("alarm")) {
      closeDrawer();
      focusList();
    }
  },
};

function tellSilence(): void {
  said.value = [];
  const isSilenced = silenceNow();
  tell(isSilenced ? alarmWords().isSilenced : alarmWords().nothingToSilence, false);
}
