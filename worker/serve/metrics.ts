/** Metrics of a worker in Prometheus's text format, version 0.0.4. */
import type { WorkerState } from "../../api/worker.ts";

/** What the service counts itself. */
export interface ServiceCounters {
  /** Queries and files that are under way, and that were asked for. */
  readonly running: number;
  readonly asked: number;
  /** Refused, for there was no room. */
  readonly refused: number;
  /** Scan threads that ended before their time. */
  readonly faults: number;
}

/** One number. */
interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly doc: string;
  readonly value: number | undefined;
}

/** What is told of formats to whoever scrapes. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** All of them as text. */
export function formatMetrics(
  { storage, capture }: WorkerState,
  counters: ServiceCounters,
): string {
  const counter = (name: string, doc: string, value: number | undefined) =>
    ({ name: `${name}_total`, type: "counter", doc, value }) as const;
  const gauge = (name: string, doc: string, value: number | undefined) =>
    ({ name, type: "gauge", doc, value }) as const;
  const metrics: Metric[] = [
    gauge("storage_bytes", "Bytes that all files have", storage.used),
    gauge("storage_limit_bytes", "Bytes they may have", storage.limit),
    gauge("stored_packets", "Packets that can be asked about", storage.packets),
    counter("packets", "Packets that were stored", capture?.packets),
    counter("packet_bytes", "Their bytes", capture?.bytes),
    counter(
      "packets_dropped",
      "Packets that the kernel had no room for",
      capture?.droppedByKernel,
    ),
    counter(
      "packets_not_stored",
      "Packets that the folder had no room for",
      capture?.notStored,
    ),
    counter("packets_copies", "Packets seen before", capture?.copies),
    counter("packets_own", "Packets of our own", capture?.ownTraffic),
    gauge(
      "capture_stopped",
      "Whether nothing is stored at the moment",
      capture && Number(capture.stopped !== undefined),
    ),
    gauge("queries", "Queries that run", counters.running),
    counter("queries", "Queries that were asked", counters.asked),
    counter("refused", "Queries refused for want of room", counters.refused),
    counter("faults", "Mistakes of ours, as the log says", counters.faults),
  ];
  return metrics.filter(({ value }) => value !== undefined).map(format)
    .join("");
}

function format({ name, type, doc, value }: Metric): string {
  const full = `thresher_worker_${name}`;
  return `# HELP ${full} ${doc}\n# TYPE ${full} ${type}\n${full} ${value}\n`;
}
