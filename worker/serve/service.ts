/**
 * A worker that answers: queries and files of one data folder, and the state of
 * the capture that fills it.
 *
 * In the hub's process it is asked directly; over the network `server.ts`
 * stands before it.
 */
import type { Channel } from "../../api/channel.ts";
import { PortChannel } from "../../api/channel.ts";
import type { Answer } from "../../api/messages.ts";
import type { WorkerLink } from "../../api/worker.ts";
import type { Capture } from "./capture.ts";
import { MAX_QUERIES, ScanPool } from "./scan_pool.ts";

/** What a worker is made of. */
export interface ServiceOptions {
  /** For people: where its packets come from. */
  readonly name: string;
  /** The data folder, which has been written to. */
  readonly folder: string;
  readonly node: string;
  /** What fills the folder; absent where it is filled already. */
  readonly capture?: Capture | undefined;
  /** Scan threads; by default as many as there are cores, up to four. */
  readonly threads?: number | undefined;
  /** Told what is wrong with us, for the log. */
  readonly onFault: (text: string) => void;
}

/** A worker in this process. */
export class WorkerService implements WorkerLink {
  readonly name: string;
  readonly #pool: ScanPool;
  /** Ends that the threads hear of stored packets. */
  #silence: (() => void) | undefined;

  constructor(options: ServiceOptions) {
    this.name = options.name;
    const { folder, node, threads, onFault, capture } = options;
    this.#pool = new ScanPool({
      folder,
      node,
      grows: capture !== undefined,
      threads,
      onFault,
      onListens: (listens) => capture && this.#hear(capture, listens),
    });
  }

  /** Has the threads told of stored packets, as long as one wants to know. */
  #hear(capture: Capture, listens: boolean): void {
    if (listens) {
      this.#silence ??= capture.onStored(() => this.#pool.stored());
    } else {
      this.#silence?.();
      this.#silence = undefined;
    }
  }

  ask(): Promise<Channel> {
    const channel = this.#pool.load < MAX_QUERIES
      ? this.#pool.ask((port) => ({ kind: "query", port }))
      : busy();
    return Promise.resolve(channel);
  }

  fetch(_path: string, _init?: RequestInit): Promise<Response> {
    return Promise.reject(new Error("not yet"));
  }

  /** Ends it; running queries are told. */
  close(): void {
    this.#silence?.();
    this.#silence = undefined;
    this.#pool.close();
  }
}

/** A channel on which there is no room for a query. */
function busy(): Channel {
  const { port1, port2 } = new MessageChannel();
  const other = new PortChannel(port2);
  const answer: Answer = {
    error: {
      code: "busy",
      message: `${MAX_QUERIES} queries run already; try again later`,
    },
  };
  other.send(JSON.stringify(answer));
  other.close();
  return new PortChannel(port1);
}
