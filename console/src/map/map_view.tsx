// The map for whoever wants one beside something else: it is loaded when it is first shown.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { frameWords } from "../words/frame";
import type { Position } from "./network";

export interface MapProps {
  /** The alarm to centre and mark; picking one on the map sets `?alarm=` in the address. */
  alarm?: string | null;
  /** For a narrow place: the list stands below the map, the legend is folded. */
  compact?: boolean;
  /** Where the reader stands: marked, and only what lies around is read. */
  own?: Position | null;
  /** The whole page is the map: filters and city stand in the address. */
  whole?: boolean;
}

export function MapView(props: MapProps) {
  const body = useSignal<{ view: ComponentType<MapProps> } | null>(null);
  const failed = useSignal(false);
  useEffect(() => {
    import("./map_body").then(
      (found) => {
        body.value = { view: found.MapBody };
      },
      () => {
        failed.value = true;
      },
    );
  }, []);
  if (failed.value)
    return (
      <p class="banner notice-banner" role="alert">
        {frameWords().notLoaded}
      </p>
    );
  const View = body.value?.view;
  return View ? <View {...props} /> : null;
}
