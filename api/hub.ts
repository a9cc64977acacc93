/**
 * What hub and page tell each other over HTTP, as JSON; `paths.ts` says where.
 * What is refused comes with a `Failure` of `messages.ts`, as `{"error": …}`.
 */
import type { SeenValue } from "../kfl/completion.ts";
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

/** What `POST /api/v1/session` takes. The cookie that it sets is the session. */
export interface SessionRequest {
  readonly token: string;
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
