/**
 * A worker that answers: queries and files of one data folder, and the state of
 * the capture that fills it.
 *
 * In the hub's process it is asked directly; over the network `server.ts`
 * stands before it.
 */
import { type Channel, PortChannel } from "../../api/channel.ts";
import type { Answer } from "../../api/messages.ts";
import type { WorkerLink, WorkerState } from "../../api/worker.ts";
import { Store } from "../shards/store.ts";
import type { Capture } from "./capture.ts";
import { toResponse } from "./file_response.ts";
import { formatMetrics } from "./metrics.ts";
import { Refused } from "../../net/failure.ts";
import { route } from "./routes.ts";
import { ScanPool, type ScanPoolOptions } from "./scan_pool.ts";
import { StorageSurvey } from "./storage_survey.ts";
import type { DataSource, WantedFile } from "./thread_messages.ts";

/** What a worker is made of. */
export interface ServiceOptions {
  /** For people: where its packets come from. */
  readonly name: string;
  /** Of Thresher. */
  readonly version: string;
  /** The data folder, which has been written to. */
  readonly folder: string;
  /** What fills the folder; absent where it is filled already. */
  readonly capture?: Capture | undefined;
  /** Threads that several workers share; by default it has its own. */
  readonly pool?: ScanPool | undefined;
  /** Scan threads of its own. */
  readonly threads?: ScanPoolOptions["threads"];
  /** Told what is wrong with us, for the log. */
  readonly onFault: (text: string) => void;
}

/** A worker in this process. */
export class WorkerService implements WorkerLink, Disposable {
  readonly name: string;
  readonly #options: ServiceOptions;
  readonly #store: Store;
  readonly #survey: StorageSurvey;
  readonly #source: DataSource;
  readonly #pool: ScanPool;
  /** Ends that the threads hear of stored packets. */
  #silence: (() => void) | undefined;
  #asked = 0;
  #refused = 0;
  #faults = 0;

  /** @throws UnusableFolder */
  constructor(options: ServiceOptions) {
    const { name, folder, threads, capture } = options;
    this.name = name;
    this.#options = options;
    this.#store = Store.open(folder);
    this.#survey = new StorageSurvey(this.#store);
    const { node } = this.#store;
    this.#source = { folder, node, grows: capture !== undefined };
    this.#pool = options.pool ?? new ScanPool({
      folder,
      threads,
      onFault: (text) => {
        this.#faults++;
        options.onFault(text);
      },
      onListens: (listens) => capture && this.#hear(capture, listens),
    });
  }

  ask(): Promise<Channel> {
    const source = this.#source;
    const channel = this.#hasRoom
      ? this.#pool.ask((port) => ({ kind: "query", port, source }))
      : busy();
    return Promise.resolve(channel);
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return this.handle(new Request(new URL(path, "http://worker"), init));
  }

  /** Answers a request to one of its routes. */
  handle(request: Request): Promise<Response> {
    return route(request, {
      illness: this.#pool.isStuck ? "scan threads hang" : undefined,
      capture: this.#options.capture,
      toState: () => this.#toState(),
      toMetrics: () => this.#toMetrics(),
      file: (wanted) => this.#file(wanted),
    });
  }

  /** Ends it; running queries are told, unless others share its threads. */
  close(): void {
    this.#silence?.();
    this.#silence = undefined;
    if (!this.#options.pool) this.#pool.close();
  }

  [Symbol.dispose](): void {
    this.close();
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

  /** Whether one more can be asked; counted either way. */
  get #hasRoom(): boolean {
    this.#asked++;
    if (this.#pool.load < this.#pool.room) return true;
    this.#refused++;
    return false;
  }

  /** @throws Refused */
  async #file(wanted: WantedFile): Promise<Response> {
    if (!this.#hasRoom) throw new Refused("busy", BUSY);
    const source = this.#source;
    return await toResponse(
      this.#pool.ask((port) => ({ kind: "file", port, source, wanted })),
    );
  }

  #toState(): WorkerState {
    const { version, capture } = this.#options;
    return {
      node: this.#store.node,
      version,
      storage: this.#survey.take(),
      capture: capture?.state,
    };
  }

  #toMetrics(): string {
    return formatMetrics(this.#toState(), {
      running: this.#pool.load,
      asked: this.#asked,
      refused: this.#refused,
      faults: this.#faults,
    });
  }
}

const BUSY = "As many queries run as there is room for; try again later";

/** A channel on which there is no room for a query. */
function busy(): Channel {
  const { port1, port2 } = new MessageChannel();
  const other = new PortChannel(port2);
  const answer: Answer = { error: { code: "busy", message: BUSY } };
  other.send(JSON.stringify(answer));
  other.close();
  return new PortChannel(port1);
}
