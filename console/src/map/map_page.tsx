// The view `/map`: the map over the whole page.
import { route } from "../router";
import { MapView } from "./map_view";

export function MapPage() {
  return <MapView whole alarm={route.value.query.get("alarm")} />;
}
