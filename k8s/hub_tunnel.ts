/**
 * A port of this machine that leads to the hub in the cluster.
 *
 * Each connection to it becomes one tunnel to whichever hub pod is ready at
 * that moment, so the page only has to connect again when a pod was replaced
 * or the API server was away. The listener stays open all the while, on
 * loopback alone.
 */
import { type Client, isFault } from "./client.ts";
import { ClusterError } from "./cluster_error.ts";
import { HUB_PORT, LABELS, OURS } from "./identity.ts";
import type { Pod } from "./objects.ts";
import { PODS } from "./resource.ts";
import type { Tunnel } from "./tunnel.ts";

/** Ports that are tried after the wanted one. */
const NEXT_PORTS = 20;

/** Attempts of one connection: 0.2, 0.4, 0.8, 1, 1 … s apart, 6 s together. */
const ATTEMPTS = 9;
const FIRST_DELAY_MS = 200;
const LAST_DELAY_MS = 1000;

/** Where a tunnel is to begin on this machine. */
export interface WantedPort {
  readonly port: number;
  readonly isExact?: boolean;
}

/** What a tunnel tells those who opened it. */
export type Tell = (
  news:
    | { readonly kind: "lost"; readonly error: ClusterError }
    | { readonly kind: "found" }
    /** Another pod answers than before. */
    | { readonly kind: "moved"; readonly pod: string },
) => void;

/** The way to a hub. Close it. */
export class HubTunnel {
  readonly #client: Client;
  readonly #namespace: string;
  readonly #tell: Tell;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  /** The one that was reached last. */
  #pod: string | undefined;
  #isLost = false;
  #isClosed = false;

  /**
   * @param port the wanted one, and whether it has to be that: otherwise it is
   *     one of those after it if it is taken; 0 takes any
   * @param tell told when the hub cannot be reached any more, and can again
   * @throws Deno.errors.AddrInUse if none of those ports is free
   */
  constructor(
    client: Client,
    namespace: string,
    { port, isExact = false }: WantedPort,
    tell: Tell,
  ) {
    this.#client = client;
    this.#namespace = namespace;
    this.#tell = tell;
    this.#listener = listenNear(port, isExact ? 0 : NEXT_PORTS);
    this.#serving = this.#serve();
  }

  /** Of this machine, on 127.0.0.1. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listener.close();
    for (const conn of this.#open) closeQuietly(conn);
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const running = new Set<Promise<void>>();
    for await (const conn of this.#listener) {
      this.#open.add(conn);
      const one = this.#carry(conn).finally(() => {
        this.#open.delete(conn);
        running.delete(one);
      });
      running.add(one);
    }
    await Promise.all(running);
  }

  async #carry(conn: Deno.Conn): Promise<void> {
    const tunnel = await this.#dial();
    if (!tunnel) return closeQuietly(conn);
    // Either side's end is the connection's: HTTP knows no half-open ones.
    const over = () => {
      tunnel.close();
      closeQuietly(conn);
    };
    await Promise.allSettled([
      conn.readable.pipeTo(tunnel.writable).finally(over),
      tunnel.readable.pipeTo(conn.writable).finally(over),
    ]);
  }

  /** A tunnel to a hub, however often it takes; nothing if it takes too long. */
  async #dial(): Promise<Tunnel | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS && !this.#isClosed; attempt++) {
      try {
        const pod = await this.#readyPod();
        const tunnel = await this.#client.dial(pod, this.#namespace, HUB_PORT);
        this.#found(pod);
        return tunnel;
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        if (!this.#isLost) this.#tell({ kind: "lost", error });
        this.#isLost = true;
        if (isFault(error, "forbidden")) return undefined;
      }
      const delay = Math.min(FIRST_DELAY_MS * 2 ** attempt, LAST_DELAY_MS);
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
    return undefined;
  }

  #found(pod: string): void {
    const wasLost = this.#isLost;
    const before = this.#pod;
    this.#isLost = false;
    this.#pod = pod;
    if (wasLost) this.#tell({ kind: "found" });
    if (before !== undefined && before !== pod) {
      this.#tell({ kind: "moved", pod });
    }
  }

  async #readyPod(): Promise<string> {
    const pods = await this.#client.listAll<Pod>(PODS, {
      namespace: this.#namespace,
      labels: `${OURS},${LABELS.component}=hub`,
    });
    const ready = pods.find(({ metadata, status }) =>
      metadata?.deletionTimestamp === undefined &&
      status?.conditions?.some(({ type, status }) =>
        type === "Ready" && status === "True"
      )
    );
    if (ready?.metadata?.name !== undefined) return ready.metadata.name;
    throw new ClusterError(
      "missing",
      `No hub is ready in namespace ${this.#namespace}`,
    );
  }
}

function listenNear(wanted: number, more: number): Deno.TcpListener {
  for (let port = wanted;; port++) {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port });
    } catch (error) {
      const isTaken = error instanceof Deno.errors.AddrInUse;
      if (!isTaken || port >= wanted + more) throw error;
    }
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch (error) {
    // It closed itself when its streams did.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
