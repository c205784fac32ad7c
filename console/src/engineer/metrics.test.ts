import { expect, test } from "vitest";
import { byWord, nearness, parseMetrics, rate } from "./metrics";

const TEXT = `# HELP lifeline_behind_seconds How far
# TYPE lifeline_behind_seconds gauge
lifeline_behind_seconds 54.0
lifeline_behind_seconds_max 60.0
lifeline_ingest_queue_messages 0.0
lifeline_ingest_queue_messages_max 40000.0
lifeline_statement_seconds_peak 0.5
lifeline_ingest_rejections_total{reason="not_json"} 3.0
lifeline_ingest_rejections_total{reason="unknown_sensor"} 1e+06
lifeline_odd NaN
`;

test("figures are read by name, and those of one metric by their word, most first", () => {
  const metrics = parseMetrics(TEXT);
  expect(metrics.get("lifeline_behind_seconds")).toBe(54);
  expect(metrics.has("lifeline_odd")).toBe(false);
  expect(byWord(metrics, "lifeline_ingest_rejections_total")).toEqual([
    ["unknown_sensor", 1_000_000],
    ["not_json", 3],
  ]);
});

test("limits stand by how near they are, and a gauge without its limit is left out", () => {
  expect(nearness(parseMetrics(TEXT)).map((one) => [one.name, one.share])).toEqual([
    ["behind", 0.9],
    ["queueMessages", 0],
  ]);
});

test("a counter that began anew has no rate", () => {
  const sample = (value: number) => new Map([["c", value]]);
  expect(rate(sample(10), sample(60), "c", 5)).toBe(10);
  expect(rate(sample(60), sample(10), "c", 5)).toBeNull();
  expect(rate(null, sample(10), "c", 5)).toBeNull();
});
