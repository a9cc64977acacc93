/** Where hub and workers are asked what. */

/** The hub's routes (DESIGN §7). */
export const HUB = {
  health: "/healthz",
  ready: "/readyz",
  metrics: "/metrics",
  openapi: "/api/v1/openapi.json",
  schema: "/api/v1/schema",
  query: "/api/v1/query",
  entries: "/api/v1/entries",
  export: "/api/v1/export",
  check: "/api/v1/kfl/check",
  complete: "/api/v1/kfl/complete",
  explain: "/api/v1/kfl/explain",
  values: "/api/v1/kfl/values",
  workers: "/api/v1/workers",
  cluster: "/api/v1/cluster",
  targets: "/api/v1/targets",
  targetsPreview: "/api/v1/targets/preview",
  storageLimit: "/api/v1/storage-limit",
  stats: "/api/v1/stats",
  map: "/api/v1/map",
  savefiles: "/api/v1/savefiles",
  session: "/api/v1/session",
  code: "/api/v1/code",
} as const;

/** A worker's routes. */
export const WORKER = {
  health: "/healthz",
  metrics: "/metrics",
  /** `WorkerState` of `worker.ts`. */
  state: "/v1/state",
  /** PUT `TargetsOrder` of `worker.ts`. */
  targets: "/v1/targets",
  /** PUT `{"limit": BYTES}`. */
  storageLimit: "/v1/storage-limit",
  /**
   * What answers (of DNS) in the packets kept here called which address: a list
   * of `Answered` of `entry/answered_names.ts`. `?since=` has a time (µs):
   * those that were seen last before it are left out.
   */
  names: "/v1/names",
  /** A WebSocket: one channel of `messages.ts` is one query. */
  query: "/v1/query",
  /**
   * `/v1/entries/{id}`, and of it `/packets` and `/body/{request|response}`.
   * `?redact=` has the plan's `redact` as JSON, for entries and bodies.
   */
  entries: "/v1/entries",
  /**
   * POST `PacketsAsk` of `messages.ts`: the packets as they are stored, as
   * classic PCAP in nanoseconds where all have one link type, else as pcapng.
   */
  packets: "/v1/packets",
} as const;

/** The header in which a hub shows workers the shared secret. */
export const SECRET_HEADER = "x-thresher-secret";

/**
 * The header in which a worker says how many packets it lost while it captured
 * those that it sends.
 */
export const LOST_HEADER = "x-thresher-lost";
