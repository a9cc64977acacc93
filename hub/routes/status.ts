/** How the hub and its workers are: health, metrics, workers and what they do. */
import type { WorkerStatus } from "../../api/hub.ts";
import { HUB, WORKER } from "../../api/paths.ts";
import { toSchemaMessage } from "../../api/schema.ts";
import type { CaptureState, StorageState } from "../../api/worker.ts";
import { SCHEMA } from "../../dissectors/registry.ts";
import { Refused } from "../../net/failure.ts";
import { formatMetrics, type WorkerMetric } from "../metrics.ts";
import {
  type Call,
  type Hub,
  type JsonSchema,
  readObject,
  type Route,
} from "../route.ts";
import type { HubWorker } from "../workers.ts";

const WORKER_STATUS: JsonSchema = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", description: "Where it is" },
    state: { type: "object", description: "As it was told last" },
    missing: {
      type: "object",
      properties: { reason: { type: "string" }, since: { type: "integer" } },
    },
  },
};

const LIMIT: JsonSchema = {
  type: "object",
  required: ["limit"],
  properties: {
    limit: { type: "integer", minimum: 1, description: "Bytes on each node" },
  },
};

export const statusRoutes: readonly Route[] = [
  {
    method: "GET",
    path: HUB.health,
    summary: "Whether the hub runs",
    isOpen: true,
    gives: { type: "text/plain", doc: "It does" },
    handle: () => new Response("ok\n"),
  },
  {
    method: "GET",
    path: HUB.ready,
    summary: "Whether it is worth asking",
    description:
      "In a cluster that is once ends have names. Elsewhere, once any worker " +
      "can be asked, or there is none to ask.",
    isOpen: true,
    gives: { type: "text/plain", doc: "It is, and what may be out of date" },
    handle: ({ hub }) => new Response(readinessOf(hub)),
  },
  {
    method: "GET",
    path: HUB.metrics,
    summary: "Metrics for Prometheus",
    gives: {
      type: "text/plain; version=0.0.4",
      doc: "Counters and gauges of the hub, and of its workers",
    },
    handle: ({ hub }) =>
      new Response(metricsOf(hub), {
        headers: { "content-type": "text/plain; version=0.0.4" },
      }),
  },
  {
    method: "GET",
    path: HUB.schema,
    summary: "Every protocol and field that a filter can name",
    gives: {
      type: "application/json",
      schema: { type: "array", items: { type: "object" } },
      doc: "Protocols with their fields",
    },
    handle: () => Response.json(toSchemaMessage(SCHEMA)),
  },
  {
    method: "GET",
    path: HUB.workers,
    summary: "Workers, what they keep and whether they are reached",
    gives: {
      type: "application/json",
      schema: { type: "array", items: WORKER_STATUS },
      doc: "A worker each",
    },
    handle: async ({ hub }) => {
      await hub.workers.refresh();
      return Response.json(hub.workers.all.map(statusOf));
    },
  },
  {
    method: "PUT",
    path: HUB.storageLimit,
    summary: "Says how much each node may keep",
    takes: { type: "application/json", schema: LIMIT },
    gives: { type: "application/json", schema: LIMIT, doc: "As it is now" },
    handle: async (call) => {
      const { limit } = await readObject(call.request);
      if (!Number.isSafeInteger(limit) || (limit as number) < 1) {
        throw new Refused("message", '"limit" must be a number of bytes');
      }
      return await set(call, WORKER.storageLimit, { limit });
    },
  },
];

/** @throws Refused if it is not ready */
function readinessOf({ workers: { all }, cluster }: Hub): string {
  if (!cluster) {
    const isReady = all.length === 0 || all.some(({ missing }) => !missing);
    if (isReady) return "ready\n";
    throw new Refused("busy", "No worker can be reached");
  }
  const { isReady, lost } = cluster.view.status();
  const reasons = lost.map(({ kind, reason }) => `${kind}: ${reason}\n`);
  if (isReady) return ["ready\n", ...reasons].join("");
  throw new Refused(
    "busy",
    `The cluster is not known yet${reasons.length ? `: ${reasons[0]}` : ""}`
      .trim(),
  );
}

/** Tells all workers, and those that come or come back later. */
async function set(
  { hub }: Call,
  path: string,
  value: object,
): Promise<Response> {
  const failed = await hub.workers.set(path, value);
  if (failed.length === 0) return Response.json(value);
  throw new Refused(
    "worker",
    `Not set on all nodes: ${
      failed.map(({ name, reason }) => `${name}: ${reason}`).join("; ")
    }`,
  );
}

function statusOf({ link, state, missing }: HubWorker): WorkerStatus {
  return {
    name: link.name,
    ...state && { state },
    ...missing && { missing },
  };
}

/** A number of a worker's state, and what it is called. */
type Reading = [
  name: string,
  type: "counter" | "gauge",
  doc: string,
  read: (storage: StorageState, capture?: CaptureState) => number | undefined,
];

const READINGS: readonly Reading[] = [
  ["worker_packets_total", "counter", "Packets captured", (_, c) => c?.packets],
  ["worker_bytes_total", "counter", "Bytes captured", (_, c) => c?.bytes],
  [
    "worker_kernel_drops_total",
    "counter",
    "Packets that the kernel dropped",
    (_, c) => c?.droppedByKernel,
  ],
  [
    "worker_not_stored_total",
    "counter",
    "Packets that found no room",
    (_, c) => c?.notStored,
  ],
  ["worker_copies_total", "counter", "Copies left out", (_, c) => c?.copies],
  ["worker_storage_bytes", "gauge", "Bytes that are kept", ({ used }) => used],
  ["worker_storage_limit_bytes", "gauge", "Most of them", ({ limit }) => limit],
];

function metricsOf({ metrics, workers, cluster }: Hub): string {
  return formatMetrics(
    metrics,
    metricsOfWorkers(workers.all),
    cluster?.view.status(),
  );
}

function metricsOfWorkers(workers: readonly HubWorker[]): WorkerMetric[] {
  const up: WorkerMetric = {
    name: "worker_up",
    type: "gauge",
    doc: "Whether it is reached",
    values: new Map(workers.map((each) => [each.name, each.missing ? 0 : 1])),
  };
  return [
    up,
    ...READINGS.map(([name, type, doc, read]): WorkerMetric => ({
      name,
      type,
      doc,
      values: new Map(
        workers.flatMap(({ name, state }) => {
          const value = state && read(state.storage, state.capture);
          return value === undefined ? [] : [[name, value] as const];
        }),
      ),
    })),
  ];
}
