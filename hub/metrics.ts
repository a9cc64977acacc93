/** Metrics: what the hub has done since it began, for Prometheus. */
import type { ClusterStatus } from "../api/hub.ts";

/** Counters and gauges; whoever does something counts it here. */
export class Metrics {
  /** Entries that came from workers, and that went to clients. */
  entriesIn = 0;
  entriesOut = 0;
  /** Bytes of their batches. */
  bytesIn = 0;
  bytesOut = 0;
  /** Entries that were given after what is ordered behind them. */
  late = 0;
  /** Queries that run, and that ran. */
  queries = 0;
  queriesTotal = 0;
  /** Questions that were refused for want of room. */
  refused = 0;
  /** Bytes of batches that wait in the hub for workers or clients. */
  held = 0;
  /** Workers that were lost during a query. */
  workersLost = 0;
  /** Connections that are open. */
  connections = 0;
  /** Requests, by the status of their answer. */
  readonly requests = new Map<number, number>();

  /** Counts a request that was answered. */
  answered(status: number): void {
    this.requests.set(status, (this.requests.get(status) ?? 0) + 1);
  }
}

/** What is said of each number. */
const DESCRIPTIONS = [
  ["entriesIn", "entries_received_total", "counter", "Entries from workers"],
  ["entriesOut", "entries_sent_total", "counter", "Entries to clients"],
  ["bytesIn", "batch_bytes_received_total", "counter", "Bytes of batches in"],
  ["bytesOut", "batch_bytes_sent_total", "counter", "Bytes of batches out"],
  ["late", "entries_late_total", "counter", "Entries given behind their place"],
  ["queriesTotal", "queries_total", "counter", "Queries that were begun"],
  ["refused", "refused_total", "counter", "Requests refused for want of room"],
  ["workersLost", "workers_lost_total", "counter", "Workers lost in a query"],
  ["queries", "queries", "gauge", "Queries that run"],
  ["held", "held_bytes", "gauge", "Bytes of batches that wait"],
  ["connections", "connections", "gauge", "Connections that are open"],
] as const;

/** One number of one worker. */
export interface WorkerMetric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly doc: string;
  /** By the worker's name. */
  readonly values: ReadonlyMap<string, number>;
}

/** What is said of a cluster that is watched. */
const OF_CLUSTER: readonly (readonly [
  name: string,
  type: string,
  doc: string,
  read: (status: ClusterStatus) => number,
])[] = [
  ["cluster_lost", "gauge", "Kinds not heard of", ({ lost }) => lost.length],
  ["names", "gauge", "Names kept, for a time each", ({ names }) => names.kept],
  [
    "names_dropped_total",
    "counter",
    "Names forgotten for want of room",
    ({ names }) => names.dropped,
  ],
];

/** All of it in Prometheus's text format, version 0.0.4. */
export function formatMetrics(
  metrics: Metrics,
  ofWorkers: readonly WorkerMetric[],
  cluster?: ClusterStatus,
): string {
  const lines: string[] = [];
  const begin = (name: string, type: string, doc: string) =>
    lines.push(
      `# HELP thresher_hub_${name} ${doc}`,
      `# TYPE thresher_hub_${name} ${type}`,
    );
  for (const [key, name, type, doc] of DESCRIPTIONS) {
    begin(name, type, doc);
    lines.push(`thresher_hub_${name} ${metrics[key]}`);
  }
  if (cluster) {
    for (const [name, type, doc, read] of OF_CLUSTER) {
      begin(name, type, doc);
      lines.push(`thresher_hub_${name} ${read(cluster)}`);
    }
  }
  begin("requests_total", "counter", "Requests by the status of their answer");
  for (const [status, count] of metrics.requests) {
    lines.push(`thresher_hub_requests_total{status="${status}"} ${count}`);
  }
  for (const { name, type, doc, values } of ofWorkers) {
    begin(name, type, doc);
    for (const [worker, value] of values) {
      lines.push(`thresher_hub_${name}{worker="${escape(worker)}"} ${value}`);
    }
  }
  return lines.join("\n") + "\n";
}

const escape = (label: string): string =>
  label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
