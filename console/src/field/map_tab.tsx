// The map for a crew: around its own position, loaded when it is asked for, because it is large.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { close, mode, showMode } from "../alarm_store";
import { MapView } from "../map/map_view";
import { fieldWords } from "../words/field";
import { reachable } from "./answers";
import { Refusal } from "./parts";
import { locateIfAllowed, place } from "./place";

export function MapTab({ alarm }: { alarm: string | null }) {
  const words = fieldWords();
  const following = useSignal(false);
  useEffect(() => {
    locateIfAllowed();
    return () => {
      if (!following.peek()) return;
      const shown = mode.peek();
      close();
      mode.value = shown; // it stays the mode of the phone; only its alarms are not followed any more
    };
  }, []);
  useEffect(() => {
    if (mode.value === null) return;
    following.value = true;
    showMode(mode.value);
  }, [mode.value === null]);
  const at = place.value;
  return (
    <div class="field-map">
      <h1 class="unseen">{words.map}</h1>
      {!reachable.value && <Refusal text={words.noMap} />}
      {following.value && <MapView compact alarm={alarm} own={at?.kind === "position" ? [...at.at] : null} />}
    </div>
  );
}
