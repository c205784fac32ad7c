// The map itself: MapLibre on our own data alone. Nothing is fetched; the worker is a file of the console's own.
import type { FeatureCollection } from "geojson";
import {
  Map as Canvas,
  type GeoJSONSource,
  GPUInitializationError,
  type MapMouseEvent,
  setWorkerUrl,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import type { Bounds } from "./features";
import { signs } from "./images";
import { layers, MAX_ZOOM, style } from "./layers";
import type { Position } from "./network";
import { coarserWhileMoved } from "./software";

setWorkerUrl(workerUrl);

export interface Told {
  /** What is in view changed. */
  moved: (bounds: Bounds, metresPerPixel: number) => void;
  alarm: (alarm: string) => void;
  sensor: (sensor: string) => void;
  failed: (why: string) => void;
}

/** The browser has no WebGL 2: there is no map, only the list. */
export class NoWebgl extends Error {}

export interface Drawing {
  canvas: Canvas;
  put: (source: string, data: FeatureCollection) => void;
  show: (layers: readonly string[], isShown: boolean) => void;
  fit: (bounds: Bounds) => void;
  centre: (position: Position) => void;
  paintAnew: () => void;
  end: () => void;
}

const ALARM_ZOOM = 16;
const PICKED_PX = 6;

/** Draw in an element; resolves when the style is there. Raises NoWebgl. */
export async function openDrawing(container: HTMLElement, title: string, told: Told): Promise<Drawing> {
  const canvas = opened(container, title);
  canvas.on("error", ({ error }) => told.failed(error.message));
  canvas.once("style.load", () => addSigns(canvas));
  await new Promise<void>((resolve) => canvas.once("load", () => resolve()));
  const tellMoved = () => {
    const box = canvas.getBounds();
    const centre = canvas.getCenter();
    const metresPerPixel = (40_075_016.7 * Math.cos((centre.lat * Math.PI) / 180)) / 512 / 2 ** canvas.getZoom();
    told.moved([box.getWest(), box.getSouth(), box.getEast(), box.getNorth()], metresPerPixel);
  };
  canvas.on("moveend", tellMoved);
  canvas.on("resize", tellMoved);
  canvas.on("click", (event) => pick(canvas, event, told));
  canvas.on("mousemove", ({ point }) => {
    if (canvas.isMoving()) return;
    canvas.getCanvas().style.cursor = canvas.queryRenderedFeatures(point, { layers: ["alarms", "sensors", "clusters"] })
      .length
      ? "pointer"
      : "";
  });
  coarserWhileMoved(canvas);
  tellMoved();
  return {
    canvas,
    put: (source, data) => canvas.getSource<GeoJSONSource>(source)?.setData(data),
    show: (names, isShown) => {
      for (const name of names) canvas.setLayoutProperty(name, "visibility", isShown ? "visible" : "none");
    },
    fit: (bounds) => canvas.fitBounds(bounds, { padding: 30, maxZoom: ALARM_ZOOM, animate: false }),
    centre: (position) => canvas.jumpTo({ center: [...position], zoom: Math.max(canvas.getZoom(), ALARM_ZOOM) }),
    paintAnew: () => paintAnew(canvas),
    end: () => canvas.remove(),
  };
}

function opened(container: HTMLElement, title: string): Canvas {
  try {
    return new Canvas({
      container,
      style: style(),
      center: [104, 36],
      zoom: 3,
      minZoom: 2,
      maxZoom: MAX_ZOOM,
      maxPitch: 0,
      attributionControl: false,
      renderWorldCopies: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      crossSourceCollisions: false,
      pixelRatio: Math.min(devicePixelRatio, 2),
      validateStyle: import.meta.env.DEV,
      transformRequest: (url) => {
        throw new Error(`the map fetches nothing, and not ${url}`);
      },
      locale: { "Map.Title": title },
    });
  } catch (error) {
    if (error instanceof GPUInitializationError) throw new NoWebgl(error.message);
    throw error;
  }
}

function addSigns(canvas: Canvas): void {
  for (const { name, width, height, data, pixelRatio } of signs()) {
    const image = { width, height, data: new Uint8Array(data.data.buffer) };
    if (canvas.hasImage(name)) canvas.updateImage(name, image);
    else canvas.addImage(name, image, { pixelRatio });
  }
}

/** The theme has changed: the same things in its colours. */
function paintAnew(canvas: Canvas): void {
  addSigns(canvas);
  for (const layer of layers()) {
    for (const [name, value] of Object.entries(layer.paint ?? {})) {
      canvas.setPaintProperty(layer.id, name as Parameters<Canvas["setPaintProperty"]>[1], value);
    }
  }
}

async function pick(canvas: Canvas, { point }: MapMouseEvent, told: Told): Promise<void> {
  const around: [[number, number], [number, number]] = [
    [point.x - PICKED_PX, point.y - PICKED_PX],
    [point.x + PICKED_PX, point.y + PICKED_PX],
  ];
  const found = canvas.queryRenderedFeatures(around, { layers: ["alarms", "clusters", "sensors"] })[0];
  if (found?.geometry.type !== "Point") return;
  const at = found.geometry.coordinates as [number, number];
  const {
    cluster_id: cluster,
    alarm,
    sensor,
  } = found.properties as { cluster_id?: number; alarm?: string; sensor?: string };
  if (cluster !== undefined)
    await openCluster(canvas, found.source, cluster, at, told).catch(() => {}); // it is of a moment ago
  else if (alarm) told.alarm(alarm);
  else if (sensor) told.sensor(sensor);
}

/** Go nearer until the cluster falls apart; where it never does, it is one place, and its first alarm stands for it. */
async function openCluster(
  canvas: Canvas,
  name: string,
  cluster: number,
  at: [number, number],
  told: Told,
): Promise<void> {
  const source = canvas.getSource<GeoJSONSource>(name) as GeoJSONSource;
  const zoom = await source.getClusterExpansionZoom(cluster);
  canvas.jumpTo({ center: at, zoom: Math.min(zoom, MAX_ZOOM) });
  if (zoom <= MAX_ZOOM || name !== "alarms") return;
  const [first] = await source.getClusterLeaves(cluster, 1, 0);
  if (first?.properties?.alarm) told.alarm(first.properties.alarm);
}
