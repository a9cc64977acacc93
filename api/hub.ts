/**
 * What hub and page tell each other over HTTP, as JSON; `paths.ts` says where.
 * What is refused comes with a `Failure` of `messages.ts`, as `{"error": …}`.
 */
import type { SeenValue } from "../kfl/completion.ts";
import type { NodeCoverage } from "./messages.ts";
import type { WorkerState } from "./worker.ts";

/** What `GET /api/v1/workers` gives a list of, whether it is reached or not. */
export interface WorkerStatus {
  /** Where it is, for people. */
  readonly name: string;
  /** As it was told last; absent if it never was. */
  readonly state?: WorkerState | undefined;
  /** Why it is not reached, and since when, µs since 1970. */
  readonly missing?: { readonly reason: string; readonly since: number };
}

/**
 * Which pods are captured: what `PUT /api/v1/targets` and
 * `POST /api/v1/targets/preview` take. What is absent or empty picks all.
 */
export interface TargetSelection {
  /** A regular expression (RE2), searched for in the pod's name. */
  readonly pod?: string | undefined;
  readonly namespaces?: readonly string[] | undefined;
  readonly excludeNamespaces?: readonly string[] | undefined;
  /** As kubectl's `-l`: `app=web,tier in (front, back),!canary`. */
  readonly labels?: string | undefined;
}

/** A pod that a selection picks. */
export interface TargetPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly addresses: readonly string[];
  /**
   * Of a pod on its node's own address: those it declares. Only they are
   * captured; if there are none, nothing of it can be told from its node.
   */
  readonly ports?: readonly number[] | undefined;
  /** Whose proxy is in it, beside its application. */
  readonly mesh?: Mesh | undefined;
}

/** A service mesh. */
export type Mesh = "istio" | "linkerd";

/** How many pods of a namespace a selection picks. */
export interface TargetNamespace {
  readonly namespace: string;
  readonly picked: number;
  /** Of so many that have an address. */
  readonly pods: number;
}

/** What a selection picks now. */
export interface TargetsPreview {
  readonly selection: TargetSelection;
  /** Whether it picks everything, so that nodes are captured whole. */
  readonly all: boolean;
  /** In order of namespace and name; the first {@link MAX_TARGET_PODS}. */
  readonly pods: readonly TargetPod[];
  /** All that it picks. */
  readonly picked: number;
  /** How many of them have a service mesh's proxy. */
  readonly meshed: number;
  /** Every namespace that has pods, by name. */
  readonly namespaces: readonly TargetNamespace[];
}

/** Pods that are named one by one. */
export const MAX_TARGET_PODS = 1000;

/**
 * What `GET /api/v1/targets` gives, and `PUT`: the selection in force. A hub
 * without a cluster answers 404; a selection that cannot be read is a 400
 * whose message says why.
 */
export interface TargetsStatus extends TargetsPreview {
  readonly nodes: readonly TargetNode[];
  readonly mesh: MeshStatus;
}

/**
 * What is heard inside of the captured pods that have a service mesh's proxy:
 * what it and the application say to each other, which the mesh may encrypt
 * between nodes.
 */
export interface MeshStatus {
  /** Whether workers enter the networks of pods (`--mesh`). */
  readonly isEntered: boolean;
  /** Captured pods with such a proxy. */
  readonly pods: number;
  /** Those of them in which nothing is heard. */
  readonly unheard: number;
  /** The first {@link MAX_UNHEARD_PODS} of these. */
  readonly first: readonly UnheardPod[];
}

/** A pod in which nothing is heard. */
export interface UnheardPod {
  readonly namespace: string;
  readonly pod: string;
  /** Why its network was not entered; absent without `--mesh`. */
  readonly reason?: string | undefined;
}

/** Pods that {@link MeshStatus} names one by one. */
export const MAX_UNHEARD_PODS = 100;

/** What became of the selection on one node that has a worker. */
export interface TargetNode {
  readonly node: string;
  /** Pods of this node that are picked. */
  readonly picked: number;
  /** `set` once its worker has taken all of it. */
  readonly state: "set" | "pending" | "failed";
  /** Why it is not set, in words. */
  readonly reason?: string | undefined;
}

/** How well the hub knows its cluster. */
export interface ClusterStatus {
  /** Of the API server. */
  readonly server: string;
  /** Whether everything was listed, so that ends have names. */
  readonly isReady: boolean;
  /** What may be out of date. */
  readonly lost: readonly LostKind[];
  /** Names that are kept for a time each, and that were forgotten for room. */
  readonly names: { readonly kept: number; readonly dropped: number };
}

/**
 * What `GET /api/v1/cluster` gives; `null` where the hub watches no cluster.
 */
export interface ClusterAnswer extends ClusterStatus {
  readonly mesh: MeshStatus;
}

/** A kind of object that the hub hears nothing of at the moment. */
export interface LostKind {
  readonly kind: "pods" | "services" | "slices" | "nodes";
  readonly reason: string;
  /** µs since 1970. */
  readonly since: number;
}

/** What is said of a group of entries. Sizes are bytes, durations ms. */
export interface Summary {
  readonly count: number;
  readonly failed: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Within 1 %; absent where nothing was answered. */
  readonly elapsedTime?: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
  };
}

/** What `GET /api/v1/stats` gives: what an answer amounts to. */
export interface StatsAnswer {
  readonly all: Summary;
  /** The largest first; one without a name is of all others. */
  readonly protocols: readonly (Summary & { readonly protocol: string })[];
  readonly series: TimeSteps;
  readonly coverage: readonly NodeCoverage[];
}

/** Counts over time. */
export interface TimeSteps {
  /** Width of a step, µs. */
  readonly step: number;
  /** One after the other, also where nothing was. */
  readonly steps: readonly {
    /** µs since 1970. */
    readonly from: number;
    readonly count: number;
    readonly failed: number;
    readonly bytes: number;
  }[];
}

/** By what the ends of a service map are told apart, where they have names. */
export const MAP_LEVELS = ["name", "workload", "namespace"] as const;

export type MapLevel = typeof MAP_LEVELS[number];

/** What `GET /api/v1/map` gives: who speaks with whom, the busiest first. */
export interface MapAnswer {
  readonly edges: readonly MapEdge[];
  /** Every end of an edge, in no order. */
  readonly ends: readonly MapEnd[];
  /** When the first and the last of them began, µs; absent without any. */
  readonly first?: number;
  readonly last?: number;
  /** Whether the smallest are one edge without a name. */
  readonly isCut: boolean;
  readonly coverage: readonly NodeCoverage[];
}

/** A pair of ends and a protocol. Without names it is all others. */
export interface MapEdge extends Summary {
  /** As in {@link MapEnd}. */
  readonly src?: string;
  readonly dst?: string;
  readonly protocol?: string;
}

/** Whom a filter finds by `by == value`, and in a namespace if there is one. */
export interface MapEnd {
  /** What it is called on the map: no other end is. */
  readonly end: string;
  readonly by: MapLevel | "ip";
  readonly value: string;
  /** Absent where it is in none, and where it is one. */
  readonly namespace?: string;
}

/** What `POST /api/v1/session` takes. The cookie that it sets is the session. */
export interface SessionRequest {
  readonly token: string;
}

/** What `POST /api/v1/code` gives: for `/?code=…`, once. */
export interface CodeAnswer {
  readonly code: string;
}

/** In what form matching traffic leaves. */
export type ExportFormat = "pcap" | "pcapng" | "har" | "jsonl" | "csv";

/** What `POST /api/v1/export` takes. */
export interface ExportRequest {
  readonly kfl: string;
  /** As in `QueryRequest`. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly format: ExportFormat;
  /** Of packets: only those of the matching exchanges; all of them otherwise. */
  readonly exact?: boolean | undefined;
}

/**
 * What `POST /api/v1/savefiles?name=…` gives, after it took the file itself.
 */
export interface SavefileAdded {
  /** Stands in the ids of its entries, and for `node.name` in filters. */
  readonly node: string;
  readonly packets: number;
  /** Least and greatest of their times, µs since 1970; absent without any. */
  readonly first?: number | undefined;
  readonly last?: number | undefined;
  /** Why its end is missing, if it is damaged. */
  readonly damage?: string | undefined;
}

/** What `GET /api/v1/kfl/values?path=…` gives. */
export interface SeenAnswer {
  /** The commonest first. */
  readonly values: readonly SeenValue[];
  /** The newest that have the path, so many of which were looked at. */
  readonly entries: number;
}
