// Above the list, always of one height: what waits to be taken in, what became of the last act, and the acts.

import { classesCut } from "../alarm_store";
import type { Action } from "../drawer/actions";
import { filled } from "../language";
import { route } from "../router";
import { viewWords } from "../words/alarms";
import { acknowledge, canAcknowledge, said, sending } from "./acknowledging";
import { focusList } from "./alarm_list";
import { keyHint } from "./key_help";
import { alarmWords } from "./said";
import { active, alarmOf, asked, selected, shown, takeIn } from "./shown";

interface Acts {
  open: () => void;
  act: (action: Action) => void;
  map: () => void;
  help: () => void;
}

export function Toolbar({ open, act, map, help }: Acts) {
  const words = alarmWords();
  const isMapOpen = route.value.query.get("map") === "1";
  const isList = asked.value.view !== "incidents";
  const alarm = active.value === null ? undefined : alarmOf(active.value);
  const count = selected.value.size;
  return (
    <div class="toolbar" role="group" aria-label={viewWords().acts}>
      {isList && <Waiting />}
      <Said />
      <span class="spacer" />
      {count > 0 && (
        <>
          <span>{filled(words.selectedCount, { count })}</span>
          <button type="button" onClick={() => (selected.value = new Map())}>
            {words.clear}
          </button>
        </>
      )}
      {isList && (
        <>
          <button
            type="button"
            class="main"
            aria-keyshortcuts="a"
            onClick={acknowledge}
            disabled={sending.value.size > 0 || !(count > 0 || (alarm && canAcknowledge(alarm)))}
          >
            {words.acknowledge} {keyHint("A")}
          </button>
          <button type="button" aria-keyshortcuts="s" disabled={!alarm} onClick={() => act("shelve")}>
            {words.shelve} {keyHint("S")}
          </button>
          <button type="button" aria-keyshortcuts="c" disabled={!alarm} onClick={() => act("comment")}>
            {words.comment} {keyHint("C")}
          </button>
          <button type="button" aria-keyshortcuts="t" disabled={!alarm} onClick={open}>
            {words.trend} {keyHint("T")}
          </button>
        </>
      )}
      <button type="button" aria-keyshortcuts="m" aria-pressed={isMapOpen} onClick={map}>
        {words.map} {keyHint("M")}
      </button>
      <button type="button" aria-keyshortcuts="?" onClick={help}>
        {words.help} {keyHint("?")}
      </button>
    </div>
  );
}

/** What the list would show if nobody were in it. */
function Waiting() {
  const words = alarmWords();
  const { ids, fresh, moved } = shown.value;
  if (fresh + moved === 0) {
    return (
      <span class="soft rows-count">
        {filled(words.rows, { count: ids.length })}
        {classesCut.value.size > 0 && ` · ${words.cut}`}
      </span>
    );
  }
  const told = [fresh && filled(words.fresh, { count: fresh }), moved && filled(words.moved, { count: moved })];
  return (
    <button
      type="button"
      class="take-in"
      title={words.still}
      aria-keyshortcuts="n"
      onClick={(event) => {
        takeIn();
        if (event.detail === 0) focusList(); // by keyboard: the button is gone
      }}
    >
      {told.filter(Boolean).join(" · ")} — {words.takeIn} {keyHint("N")}
    </button>
  );
}

function Said() {
  const lines = said.value;
  const refused = lines.some((line) => line.refused);
  const text = lines.map((line) => line.text).join(" ");
  return (
    <span class={`said ${refused ? "refused" : ""}`} role="status" title={text}>
      {refused && <strong>{alarmWords().refused} </strong>}
      {text}
    </span>
  );
}
