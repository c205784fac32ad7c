// The service's Prometheus text: the few figures that tell how ingest does, and how near each limit is.
export type Metrics = Map<string, number>;

/** Values by name with labels as written: `lifeline_ingest_rejections_total{reason="not_json"}`. */
export function parseMetrics(text: string): Metrics {
  const found: Metrics = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const parts = /^([a-zA-Z_:][\w:]*(?:\{.*\})?)\s+(\S+)/.exec(line);
    if (!parts) continue;
    const value = Number(parts[2]?.replace("+Inf", "Infinity").replace("-Inf", "-Infinity"));
    if (!Number.isNaN(value)) found.set(parts[1] as string, value);
  }
  return found;
}

/** The values of one metric by the words of its only label. */
export function byWord(metrics: Metrics, name: string): [string, number][] {
  const found: [string, number][] = [];
  for (const [full, value] of metrics) {
    const parts = full.startsWith(`${name}{`) ? /\{\w+="((?:[^"\\]|\\.)*)"\}$/.exec(full) : null;
    if (parts) found.push([parts[1] as string, value]);
  }
  return found.sort((a, b) => b[1] - a[1]);
}

export type Unit = "s" | "bytes" | "";
/** Limits whose gauge stands beside them: name of the words, gauge, limit, unit. */
export const NEAR = [
  ["behind", "lifeline_behind_seconds", "lifeline_behind_seconds_max", "s"],
  ["queueMessages", "lifeline_ingest_queue_messages", "lifeline_ingest_queue_messages_max", ""],
  ["queueBytes", "lifeline_ingest_queue_bytes", "lifeline_ingest_queue_bytes_max", "bytes"],
  ["connections", "lifeline_api_connections_in_use", "lifeline_api_connections_in_use_max", ""],
  ["connectionWait", "lifeline_api_connection_wait_seconds_peak", "lifeline_api_connection_wait_seconds_max", "s"],
  ["statement", "lifeline_statement_seconds_peak", "lifeline_statement_seconds_max", "s"],
  ["requestBytes", "lifeline_request_bytes_peak", "lifeline_request_bytes_max", "bytes"],
  ["streams", "lifeline_stream_clients", "lifeline_stream_clients_max", ""],
  ["catchUp", "lifeline_stream_catch_up_clients", "lifeline_stream_catch_up_clients_max", ""],
  ["exports", "lifeline_exports_in_flight", "lifeline_exports_in_flight_max", ""],
  ["exportSeconds", "lifeline_export_seconds", "lifeline_export_seconds_max", "s"],
] as const satisfies readonly (readonly [string, string, string, Unit])[];
/** From this share on a limit is said to be near. */
export const NEAR_SHARE = 0.8;

export interface Nearness {
  name: (typeof NEAR)[number][0];
  value: number;
  limit: number;
  share: number;
  unit: Unit;
}

/** Those limits that the service tells of, the nearest first. */
export function nearness(metrics: Metrics): Nearness[] {
  return NEAR.flatMap(([name, gauge, most, unit]) => {
    const value = metrics.get(gauge);
    const limit = metrics.get(most);
    return value === undefined || !limit ? [] : [{ name, value, limit, share: value / limit, unit }];
  }).sort((a, b) => b.share - a.share);
}

/** What rises by the second between two samples; null where a counter is not there or began anew. */
export function rate(before: Metrics | null, after: Metrics, name: string, seconds: number): number | null {
  const [first, last] = [before?.get(name), after.get(name)];
  return first === undefined || last === undefined || last < first || seconds <= 0 ? null : (last - first) / seconds;
}
