// What is drawn and how: grey pipes told apart by pattern and width, grey dots, chips on top; by the theme's tokens.
import type {
  ExpressionSpecification,
  FilterSpecification,
  LayerSpecification,
  SourceSpecification,
  StyleSpecification,
} from "maplibre-gl";
import { rankOf } from "../severity";
import { token } from "./images";

const NOTHING = { type: "FeatureCollection" as const, features: [] };
export const MAX_ZOOM = 19;
/** Strokes of lines; dashes are in their widths, solid where there are none. */
interface Pattern {
  width: number;
  dash: number[] | null;
  /** Pixels beside the surveyed line when near, since plans often draw the pipes of one street upon each other. */
  beside: number;
}
const PATTERNS: Record<string, Pattern> = {
  gas: { width: 1.6, dash: null, beside: 0 },
  water: { width: 2.4, dash: [4, 1.2], beside: 5 },
  drainage: { width: 1.6, dash: [1, 1.2], beside: -5 },
  heating: { width: 2.2, dash: [5, 1, 1, 1], beside: 10 },
};
export const MEDIA = Object.keys(PATTERNS);

function sources(): Record<string, SourceSpecification> {
  const empty = { type: "geojson" as const, data: NOTHING };
  return {
    ...Object.fromEntries(MEDIA.map((medium) => [`pipes-${medium}`, { ...empty, tolerance: 0.5 }])),
    trace: empty,
    facilities: empty,
    sensors: {
      ...empty,
      cluster: true,
      clusterRadius: 44,
      clusterMaxZoom: 14,
      clusterProperties: { rank: ["max", ["get", "rank"]], doubt: ["+", ["get", "doubt"]] },
    },
    // chips never cover each other: what is close together is one chip of the worst with its number, at every zoom
    alarms: {
      ...empty,
      cluster: true,
      clusterRadius: 30,
      maxzoom: MAX_ZOOM + 1,
      clusterMaxZoom: MAX_ZOOM,
      clusterProperties: {
        worst: ["max", ["get", "worst"]],
        waiting: ["+", ["get", "waiting"]],
        aside: ["+", ["get", "aside"]],
      },
    },
    marked: empty,
    own: empty,
  };
}

const get = (name: string): ExpressionSpecification => ["get", name];
const count: ExpressionSpecification = ["coalesce", ["get", "point_count"], 1];
const isCluster: FilterSpecification = ["has", "point_count"];
const isSingle: FilterSpecification = ["!", ["has", "point_count"]];

const byZoom = (...stops: number[]): ExpressionSpecification =>
  ["interpolate", ["exponential", 1.5], ["zoom"], ...stops] as ExpressionSpecification;
const bySeverity = (otherwise: string): ExpressionSpecification => [
  "match",
  get("rank"),
  rankOf("red"),
  token("red"),
  rankOf("orange"),
  token("orange"),
  rankOf("yellow"),
  token("yellow"),
  rankOf("blue"),
  token("blue"),
  otherwise,
];

const FONT = ["system-ui, Noto Sans CJK SC, Microsoft YaHei, sans-serif"];

export function layers(): LayerSpecification[] {
  const pipe = token("ink-soft");
  return [
    { id: "ground", type: "background", paint: { "background-color": token("ground") } },
    ...MEDIA.map((medium): LayerSpecification => {
      const { width, dash, beside } = PATTERNS[medium] as Pattern;
      return {
        id: `pipes-${medium}`,
        type: "line",
        source: `pipes-${medium}`,
        paint: {
          "line-color": pipe,
          "line-width": byZoom(11, width * 0.35, 14, width * 0.7, 17, width * 1.5),
          "line-opacity": byZoom(11, 0.55, 14, 0.85),
          "line-offset": byZoom(14, 0, 16, beside),
          ...(dash && { "line-dasharray": dash }),
        },
      };
    }),
    {
      id: "trace",
      type: "line",
      source: "trace",
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": token("focus"), "line-width": byZoom(11, 3, 15, 5, 18, 8), "line-opacity": 0.9 },
    },
    ...[...MEDIA, "trace"].map(
      (name): LayerSpecification => ({
        id: `flow-${name}`,
        type: "symbol",
        source: name === "trace" ? name : `pipes-${name}`,
        minzoom: name === "trace" ? 14 : 16,
        layout: {
          "symbol-placement": "line-center",
          "icon-image": "flow",
          "icon-rotation-alignment": "map",
          "icon-offset": [0, PATTERNS[name]?.beside ?? 0],
          "icon-allow-overlap": name === "trace",
          "icon-size": byZoom(14, 0.7, 18, 1.1),
        },
      }),
    ),
    {
      id: "facilities",
      type: "circle",
      source: "facilities",
      minzoom: 14.5,
      paint: {
        "circle-radius": byZoom(14, 2.5, 18, 6),
        "circle-color": token("ground"),
        "circle-stroke-color": token("ink"),
        "circle-stroke-width": 1.5,
      },
    },
    {
      id: "sensors",
      type: "circle",
      source: "sensors",
      filter: isSingle,
      paint: {
        "circle-radius": byZoom(11, 2, 15, 3.5, 18, 6),
        "circle-color": ["case", ["==", get("doubt"), 1], token("ground"), token("ink-soft")],
        "circle-stroke-color": ["case", ["==", get("doubt"), 1], token("ink"), token("ground")],
        "circle-stroke-width": ["case", ["==", get("doubt"), 1], 1.5, 0.5],
      },
    },
    {
      id: "clusters",
      type: "circle",
      source: "sensors",
      filter: isCluster,
      paint: {
        "circle-radius": ["step", count, 12, 20, 13, 100, 16, 1000, 20],
        "circle-color": token("panel"),
        "circle-stroke-color": bySeverity(pipe),
        "circle-stroke-width": ["case", [">=", get("rank"), rankOf("blue")], 3, 1],
      },
    },
    {
      id: "cluster-counts",
      type: "symbol",
      source: "sensors",
      filter: isCluster,
      layout: {
        // how many of them are in doubt stands with the number: what is not heard is never merely small
        "text-field": [
          "case",
          [">", get("doubt"), 0],
          ["concat", get("point_count_abbreviated"), "\n?", ["to-string", get("doubt")]],
          ["to-string", get("point_count_abbreviated")],
        ],
        "text-font": FONT,
        "text-size": 11,
        "text-allow-overlap": true,
      },
      paint: { "text-color": token("ink") },
    },
    {
      id: "own",
      type: "circle",
      source: "own",
      paint: {
        "circle-radius": 8,
        "circle-color": token("focus"),
        "circle-stroke-color": token("field"),
        "circle-stroke-width": 3,
      },
    },
    {
      id: "marked",
      type: "circle",
      source: "marked",
      paint: {
        "circle-radius": 24,
        "circle-color": token("focus"),
        "circle-opacity": 0.12,
        "circle-stroke-color": token("focus"),
        "circle-stroke-width": 3,
      },
    },
    {
      id: "alarms",
      type: "symbol",
      source: "alarms",
      layout: {
        "icon-image": [
          "concat",
          "chip-",
          ["to-string", get("worst")],
          "-",
          ["case", [">", get("waiting"), 0], "waiting", ["==", get("aside"), count], "aside", "seen"],
        ],
        "icon-allow-overlap": true,
        "text-allow-overlap": true,
        "symbol-sort-key": get("worst"),
        "text-field": ["case", [">", count, 1], ["concat", "×", ["to-string", count]], ""],
        "text-font": FONT,
        "text-size": 13,
        "text-anchor": "left",
        "text-offset": [1.5, 0],
      },
      paint: { "text-color": token("ink"), "text-halo-color": token("ground"), "text-halo-width": 2 },
    },
  ];
}

/** A style without tiles, glyphs or sprites: letters are drawn from the machine's fonts, signs by images.ts. */
export const style = (): StyleSpecification => ({ version: 8, sources: sources(), layers: layers() });
