/** Scan threads, each with what it is doing. */
import type { Channel, ChannelEvents, Message } from "../../api/channel.ts";
import { PortChannel } from "../../api/channel.ts";
import type { Answer, Failure } from "../../api/messages.ts";
import type { ThreadNews, ThreadOrder } from "./thread_messages.ts";

/** Threads at most, also where there are more cores. */
const MAX_THREADS = 4;

/** Queries and files that may be under way in all threads, unless told. */
const MAX_QUERIES = 256;

/** A thread ended before its time. */
const DIED: Failure = {
  code: "internal",
  message: "The thread that answered has ended; ask again",
};

/** What a pool is told. */
export interface ScanPoolOptions {
  /** The data folder that is asked about, or one in which all of them lie. */
  readonly folder: string;
  /** By default as many as there are cores, up to four. */
  readonly threads?: number | undefined;
  /** Queries and files that may be under way at once; 256. */
  readonly queries?: number | undefined;
  /** Told what is wrong with us, for the log. */
  readonly onFault: (text: string) => void;
  /** Whether any thread wants to know that packets were stored. */
  readonly onListens?: (listens: boolean) => void;
}

/** Threads that answer. */
export class ScanPool {
  readonly #options: ScanPoolOptions;
  /** Queries and files that may be under way at once. */
  readonly room: number;
  readonly #most: number;
  readonly #threads = new Set<ScanThread>();
  #isClosed = false;

  constructor(options: ScanPoolOptions) {
    this.#options = options;
    this.room = options.queries ?? MAX_QUERIES;
    this.#most = options.threads ??
      Math.min(MAX_THREADS, navigator.hardwareConcurrency);
    // The first question then finds somebody.
    this.#start();
  }

  /** What is under way. */
  get load(): number {
    let load = 0;
    for (const thread of this.#threads) load += thread.load;
    return load;
  }

  /** Gives the asker's end of a new channel to the thread that has least to do. */
  ask(toOrder: (port: MessagePort) => ThreadOrder): Channel {
    return this.#leastBusy().ask(toOrder);
  }

  /** Tells the threads that packets were stored. */
  stored(): void {
    for (const thread of this.#threads) thread.stored();
  }

  /** Ends all threads, and what they were doing. */
  close(): void {
    this.#isClosed = true;
    for (const thread of this.#threads) thread.end();
  }

  #leastBusy(): ScanThread {
    let best: ScanThread | undefined;
    for (const thread of this.#threads) {
      if (!best || thread.load < best.load) best = thread;
    }
    if (best && (best.load === 0 || this.#threads.size >= this.#most)) {
      return best;
    }
    return this.#start();
  }

  #start(): ScanThread {
    const { folder, onFault, onListens } = this.#options;
    const thread = new ScanThread(folder, {
      onFault,
      onListens: () => onListens?.(this.#listens),
      onEnd: () => {
        this.#threads.delete(thread);
        if (this.#isClosed) return;
        onListens?.(this.#listens);
        if (this.#threads.size === 0) this.#start();
      },
    });
    this.#threads.add(thread);
    return thread;
  }

  get #listens(): boolean {
    return [...this.#threads].some(({ listens }) => listens);
  }
}

/** What a thread may do: what it reads comes from strangers. */
export function permissionsOf(folder: string): Deno.PermissionOptionsObject {
  return {
    read: [folder],
    write: [folder],
    env: false,
    ffi: false,
    import: false,
    net: false,
    run: false,
    sys: false,
  };
}

/** Whom a thread tells. */
interface ThreadEvents {
  readonly onFault: (text: string) => void;
  readonly onListens: () => void;
  readonly onEnd: () => void;
}

/** One thread. */
class ScanThread {
  /** Queries and files that are under way. */
  load = 0;
  /** Whether it wants to know that packets were stored. */
  listens = false;
  readonly #worker: Worker;
  readonly #events: ThreadEvents;
  readonly #asked = new Set<AskedChannel>();
  #hasEnded = false;

  constructor(folder: string, events: ThreadEvents) {
    this.#events = events;
    this.#worker = new Worker(new URL("./scan_thread.ts", import.meta.url), {
      type: "module",
      name: "scan",
      deno: { permissions: permissionsOf(folder) },
    });
    this.#worker.onmessage = ({ data }: MessageEvent<ThreadNews>) =>
      this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      events.onFault(event.message);
      this.end();
    };
  }

  ask(toOrder: (port: MessagePort) => ThreadOrder): Channel {
    const { port1, port2 } = new MessageChannel();
    const channel = new AskedChannel(
      new PortChannel(port1),
      () => this.#asked.delete(channel),
    );
    this.#asked.add(channel);
    this.load++;
    this.#worker.postMessage(toOrder(port2), [port2]);
    return channel;
  }

  stored(): void {
    if (this.listens) this.#worker.postMessage({ kind: "stored" });
  }

  /** Ends it; whoever waits for an answer is told. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#worker.terminate();
    for (const channel of this.#asked) channel.fail(DIED);
    this.#events.onEnd();
  }

  #hear(news: ThreadNews): void {
    switch (news.kind) {
      case "over":
        this.load--;
        return;
      case "listens":
        this.listens = news.listens;
        return this.#events.onListens();
      case "fault":
        return this.#events.onFault(news.text);
    }
  }
}

/**
 * The asker's end of a channel to a thread. Should the thread end, no port says
 * so; then this does.
 */
class AskedChannel implements Channel {
  readonly #way: Channel;
  readonly #onEnd: () => void;
  #events: ChannelEvents | undefined;
  #failure: Failure | undefined;

  constructor(way: Channel, onEnd: () => void) {
    this.#way = way;
    this.#onEnd = onEnd;
  }

  get buffered(): number {
    return this.#way.buffered;
  }

  send(message: Message): void {
    this.#way.send(message);
  }

  close(reason?: string): void {
    this.#onEnd();
    this.#way.close(reason);
  }

  listen(events: ChannelEvents): void {
    this.#events = events;
    this.#way.listen({
      onMessage: events.onMessage,
      onClose: (reason) => {
        this.#onEnd();
        events.onClose(reason);
      },
    });
    if (this.#failure) this.fail(this.#failure);
  }

  /** The other end is gone: nothing more comes. */
  fail(failure: Failure): void {
    this.#failure = failure;
    if (!this.#events) return;
    this.#events.onMessage(
      JSON.stringify({ error: failure } satisfies Answer),
    );
    this.close(failure.message);
  }
}
