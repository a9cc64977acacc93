/**
 * A watch that lasts: a list, and then everything that happens, over as many
 * connections as it takes.
 *
 *     list ──page, page─► watch from there ─► ended in order: watch again
 *      ▲                       │
 *      │                       ├─► broken, busy, not let in: wait, watch again
 *      └── the place is too old ◄┘
 *
 * A server forgets what happened some minutes ago. Bookmarks move the place
 * forward while nothing happens, so a new list is rare. A connection may also
 * fall silent without ending; no byte for longer than bookmarks are apart is
 * taken for that. Whoever reads slowly holds up the connection, and nothing
 * piles up here.
 */
import { type Client, isFault, type Selection } from "./client.ts";
import {
  ClusterError,
  type ClusterFault,
  toClusterError,
} from "./cluster_error.ts";
import type { KubeObject } from "./objects.ts";
import type { Resource } from "./resource.ts";

/** What a watch tells, in order. */
export type Change<T> =
  /** A list begins: what it does not name until `listed` is gone. */
  | { readonly kind: "listing" }
  | { readonly kind: "listed" }
  /** There, new or changed or as before. */
  | { readonly kind: "present"; readonly object: T }
  /** No longer there; the object is as it was last. */
  | { readonly kind: "gone"; readonly object: T }
  /** What is known may be out of date. Said again for another reason only. */
  | { readonly kind: "lost"; readonly error: ClusterError }
  /** The connection is back. What was missed follows. */
  | { readonly kind: "found" };

/** How patient a watch is. */
export interface Patience {
  /** When the server ends a connection in order. */
  readonly timeoutSeconds: number;
  /** A connection without a byte for this long is dead. */
  readonly silenceMs: number;
  /** Before the first and at most before any further attempt. */
  readonly firstDelayMs: number;
  readonly mostDelayMs: number;
}

/** Bookmarks come each minute. */
export const PATIENCE: Patience = {
  timeoutSeconds: 300,
  silenceMs: 90_000,
  firstDelayMs: 200,
  mostDelayMs: 10_000,
};

/** What a server may ask us to wait, at most, in ms. */
const MAX_RETRY_AFTER_MS = 60_000;

/** A connection that ends sooner, and told nothing, is no good one, in ms. */
const SHORTEST_MS = 500;

/** Lists in pages that expired half-way before one is asked for whole. */
const MAX_EXPIRED_LISTS = 2;

/**
 * Watches until the signal says so; returns then, and never fails otherwise.
 *
 * @param signal ends it, also while it waits
 */
export async function* follow<T extends KubeObject>(
  client: Client,
  resource: Resource,
  selection: Selection,
  signal: AbortSignal,
  patience: Patience = PATIENCE,
): AsyncGenerator<Change<T>, void> {
  const watch = new Watch<T>(client, resource, selection, signal, patience);
  while (!signal.aborted) {
    try {
      yield* watch.connect();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ClusterError)) throw error;
      const lost = watch.failed(error);
      if (lost) yield { kind: "lost", error };
      await sleep(watch.delay(error), signal);
    }
  }
}

/** Where a watch is. */
class Watch<T extends KubeObject> {
  /** The place to go on from; absent where only a list helps. */
  #place: string | undefined;
  /** Why nothing is heard; absent if all is well. */
  #lostBy: ClusterFault | undefined;
  #failures = 0;
  #expiredLists = 0;
  /** Whether the last connection ended without having told anything. */
  #wasSilent = false;

  readonly #client: Client;
  readonly #resource: Resource;
  readonly #selection: Selection;
  readonly #signal: AbortSignal;
  readonly #patience: Patience;

  constructor(
    client: Client,
    resource: Resource,
    selection: Selection,
    signal: AbortSignal,
    patience: Patience,
  ) {
    this.#client = client;
    this.#resource = resource;
    this.#selection = selection;
    this.#signal = signal;
    this.#patience = patience;
  }

  /** One connection, with the list before it if one is needed. */
  async *connect(): AsyncGenerator<Change<T>, void> {
    if (this.#place === undefined) yield* this.#list();
    const lines = await this.#client.watch<T>(this.#resource, {
      ...this.#selection,
      resourceVersion: this.#place!,
      timeoutSeconds: this.#patience.timeoutSeconds,
      silenceMs: this.#patience.silenceMs,
      signal: this.#signal,
    });
    if (this.#lostBy) yield this.#found();
    const begun = Date.now();
    let told = false;
    try {
      for await (const line of lines) {
        if (line.type === "ERROR") throw fromLine(this.#resource, line.object);
        told = true;
        this.#failures = 0;
        this.#place = line.object.metadata?.resourceVersion ?? this.#place;
        if (line.type === "BOOKMARK") continue;
        const kind = line.type === "DELETED" ? "gone" : "present";
        yield { kind, object: line.object };
      }
      if (!told && Date.now() - begun < SHORTEST_MS) {
        throw new ClusterError("server", "The API server ends watches at once");
      }
      this.#failures = 0;
      this.#wasSilent = false;
    } catch (error) {
      // A place in the future, after a restored backup, gives silence for ever.
      if (!told && this.#wasSilent) this.#place = undefined;
      this.#wasSilent = !told;
      throw error;
    }
  }

  /** @returns whether that is news */
  failed(error: ClusterError): boolean {
    if (error.fault === "expired") this.#place = undefined;
    this.#failures++;
    // The first list may be late, and a place too old is no loss by itself.
    const isNews = this.#lostBy !== error.fault && error.fault !== "expired";
    if (isNews) this.#lostBy = error.fault;
    return isNews;
  }

  /** How long to wait after that failure, in ms. */
  delay({ fault, retryAfterMs }: ClusterError): number {
    if (fault === "expired" && this.#failures === 1) return 0;
    const { firstDelayMs, mostDelayMs } = this.#patience;
    const backOff = Math.min(
      firstDelayMs * 2 ** (this.#failures - 1),
      mostDelayMs,
    );
    const asked = Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
    // Apart from each other, so that many watches do not come back at once.
    return Math.max(backOff, asked) * (1 + Math.random() / 4);
  }

  async *#list(): AsyncGenerator<Change<T>, void> {
    const whole = this.#expiredLists >= MAX_EXPIRED_LISTS;
    yield { kind: "listing" };
    let place: string | undefined;
    try {
      const pages = this.#client.list<T>(this.#resource, this.#selection, {
        signal: this.#signal,
        whole,
      });
      for await (const { items, resourceVersion } of pages) {
        place = resourceVersion;
        for (const object of items) yield { kind: "present", object };
      }
    } catch (error) {
      if (isFault(error, "expired")) this.#expiredLists++;
      throw error;
    }
    this.#expiredLists = 0;
    this.#failures = 0;
    this.#place = place;
    yield { kind: "listed" };
    if (this.#lostBy) yield this.#found();
  }

  #found(): Change<T> {
    this.#lostBy = undefined;
    return { kind: "found" };
  }
}

function fromLine(
  resource: Resource,
  status: { readonly code?: number },
): ClusterError {
  return toClusterError(
    `watch ${resource.plural}`,
    status.code ?? 500,
    JSON.stringify(status),
  );
}

/** Waits, unless the signal comes first. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
