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

const TARGETS: JsonSchema = {
  type: "object",
  required: ["addresses"],
  properties: {
    addresses: {
      description: "Only what has one of them is captured; null for all",
      type: ["array", "null"],
      items: { type: "string" },
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

/** Addresses that may be captured at once. */
const MAX_TARGETS = 10_000;

/** Characters of one. */
const MAX_ADDRESS = 45;

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
    summary: "Whether any worker can be asked",
    isOpen: true,
    gives: { type: "text/plain", doc: "One can, or there is none to ask" },
    handle: ({ hub }) => {
      const { all } = hub.workers;
      const isReady = all.length === 0 || all.some(({ missing }) => !missing);
      if (isReady) return new Response("ready\n");
      throw new Refused("busy", "No worker can be reached");
    },
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
      new Response(formatMetrics(hub.metrics, metricsOf(hub.workers.all)), {
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
    method: "GET",
    path: HUB.targets,
    summary: "What is captured",
    gives: { type: "application/json", schema: TARGETS, doc: "As it was set" },
    handle: ({ hub }) =>
      Response.json(hub.workers.setting(WORKER.targets) ?? { addresses: null }),
  },
  {
    method: "PUT",
    path: HUB.targets,
    summary: "Says what is captured, on all nodes",
    takes: { type: "application/json", schema: TARGETS },
    gives: { type: "application/json", schema: TARGETS, doc: "As it is now" },
    handle: async (call) => {
      const { addresses } = await readObject(call.request);
      if (!isTargets(addresses)) {
        throw new Refused("message", '"addresses" must be a list, or null');
      }
      return await set(call, WORKER.targets, { addresses });
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

function isTargets(value: unknown): value is readonly string[] | null {
  if (value === null) return true;
  return Array.isArray(value) && value.length <= MAX_TARGETS &&
    value.every((each) =>
      typeof each === "string" && each.length <= MAX_ADDRESS
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

function metricsOf(workers: readonly HubWorker[]): WorkerMetric[] {
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
