/**
 * Scan threads, each with what it is doing.
 *
 * What goes wrong in one query is told on its channel, and to the log. What
 * nobody caught, or a thread that hangs, ends that thread and all that it was
 * doing, and another takes its place. A thread hangs that has work and says
 * nothing for a while, though it is asked. Deno cannot stop one that never
 * comes back from its loop (2.9; denoland/deno#35657): it costs a core until
 * the process ends. So their number is bounded, and told as bad health.
 */
import type { Channel, ChannelEvents, Message } from "../../api/channel.ts";
import { PortChannel } from "../../api/channel.ts";
import type { Answer, Failure } from "../../api/messages.ts";
import type { ThreadNews, ThreadOrder } from "./thread_messages.ts";

/** Threads at most, also where there are more cores. */
const MAX_THREADS = 4;

/** Queries and files that may be under way in all threads, unless told. */
const MAX_QUERIES = 256;

/** How often it is looked whether threads that have work still speak, ms. */
const LOOK = 1000;

/** Looks without a word after which a thread hangs: it may lack a processor. */
const LOOKS = 30;

/** Threads that may hang, also where there is one at a time. */
const LEAST_HUNG = 2;

/** A thread ended before its time. */
const DIED: Failure = {
  code: "internal",
  message: "The thread that answered has ended; ask again",
};

/** A thread was ended, for it did not come back. */
const HUNG: Failure = {
  code: "internal",
  message: "The thread that answered hung, and was given up; ask again",
};

/** There is no thread, and none is started. */
const STUCK: Failure = {
  code: "internal",
  message: "Too many scan threads hang; the worker must be started again",
};

/** What a pool is told. */
export interface ScanPoolOptions {
  /** The data folder that is asked about, or one in which all of them lie. */
  readonly folder: string;
  /** By default as many as there are cores, up to four. */
  readonly threads?: number | undefined;
  /** Queries and files that may be under way at once; 256. */
  readonly queries?: number | undefined;
  /** Starts a thread: one that runs `scan_thread.ts`, or what speaks like it. */
  readonly start?: ((rights: WorkerOptions) => Worker) | undefined;
  /** How often it is looked whether threads hang, ms; 1000. */
  readonly look?: number | undefined;
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
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Threads that were given up. */
  #hung = 0;
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

  /** Whether so many threads hang that no more are started. */
  get isStuck(): boolean {
    return this.#hung >= Math.max(LEAST_HUNG, this.#most);
  }

  /** Gives the asker's end of a new channel to the thread that has least to do. */
  ask(toOrder: (port: MessagePort) => ThreadOrder): Channel {
    const thread = this.#leastBusy();
    if (!thread) return failed(STUCK);
    this.#watch ??= this.#startWatch();
    return thread.ask(toOrder);
  }

  /** Tells the threads that packets were stored. */
  stored(): void {
    for (const thread of this.#threads) thread.stored();
  }

  /** Ends all threads, and what they were doing. */
  close(): void {
    this.#isClosed = true;
    this.#stopWatch();
    for (const thread of this.#threads) thread.end(DIED);
  }

  /** Looks after the threads while any has work. */
  #startWatch(): ReturnType<typeof setInterval> {
    const watch = setInterval(() => {
      for (const thread of this.#threads) {
        if (thread.isSilent()) this.#giveUp(thread);
      }
      if (this.load === 0) this.#stopWatch();
    }, this.#options.look ?? LOOK);
    // What is asked may be given up with the process.
    watch.unref();
    return watch;
  }

  #stopWatch(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  #giveUp(thread: ScanThread): void {
    this.#hung++;
    this.#options.onFault(
      `A scan thread hangs, with ${thread.load} queries under way. It was ` +
        `given up${this.isStuck ? "; no more are started" : ""}`,
    );
    thread.end(HUNG);
  }

  #leastBusy(): ScanThread | undefined {
    let best: ScanThread | undefined;
    for (const thread of this.#threads) {
      if (!best || thread.load < best.load) best = thread;
    }
    if (best && (best.load === 0 || this.#threads.size >= this.#most)) {
      return best;
    }
    return this.isStuck ? best : this.#start();
  }

  #start(): ScanThread {
    const { folder, start = startThread, onFault, onListens } = this.#options;
    const thread = new ScanThread(start(rightsFor(folder)), {
      onFault,
      onListens: () => onListens?.(this.#listens),
      onEnd: () => {
        this.#threads.delete(thread);
        if (this.#isClosed) return;
        onListens?.(this.#listens);
        if (this.#threads.size === 0 && !this.isStuck) this.#start();
      },
    });
    this.#threads.add(thread);
    return thread;
  }

  get #listens(): boolean {
    return [...this.#threads].some(({ listens }) => listens);
  }
}

function startThread(rights: WorkerOptions): Worker {
  return new Worker(new URL("./scan_thread.ts", import.meta.url), rights);
}

function rightsFor(folder: string): WorkerOptions {
  return {
    type: "module",
    name: "scan",
    deno: { permissions: permissionsOf(folder) },
  };
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
  /** Whether it said anything since it was looked after. */
  #hasSpoken = true;
  /** How often it was looked after since then. */
  #looks = 0;
  #hasEnded = false;

  constructor(worker: Worker, events: ThreadEvents) {
    this.#worker = worker;
    this.#events = events;
    this.#worker.onmessage = ({ data }: MessageEvent<ThreadNews>) =>
      this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      events.onFault(event.message);
      this.end(DIED);
    };
  }

  ask(toOrder: (port: MessagePort) => ThreadOrder): Channel {
    const { port1, port2 } = new MessageChannel();
    const channel = new AskedChannel(new PortChannel(port1), {
      onMessage: () => void (this.#hasSpoken = true),
      onEnd: () => this.#asked.delete(channel),
    });
    this.#asked.add(channel);
    this.load++;
    this.#worker.postMessage(toOrder(port2), [port2]);
    return channel;
  }

  stored(): void {
    if (this.listens) this.#worker.postMessage({ kind: "stored" });
  }

  /**
   * Whether it has work and says nothing. To be called again and again: time in
   * which this process does not run is no silence of the thread's.
   */
  isSilent(): boolean {
    if (this.#hasSpoken || this.load === 0) {
      this.#hasSpoken = false;
      this.#looks = 0;
      return false;
    }
    if (++this.#looks >= LOOKS) return true;
    this.#worker.postMessage({ kind: "ping" } satisfies ThreadOrder);
    return false;
  }

  /** Ends it; whoever waits for an answer is told why there is none. */
  end(failure: Failure): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#worker.terminate();
    for (const channel of this.#asked) channel.fail(failure);
    this.#events.onEnd();
  }

  #hear(news: ThreadNews): void {
    this.#hasSpoken = true;
    switch (news.kind) {
      case "alive":
        return;
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

/** The asker's end of a channel to a thread that there is not. */
function failed(failure: Failure): Channel {
  const way = new PortChannel(new MessageChannel().port1);
  const channel = new AskedChannel(way, { onMessage() {}, onEnd() {} });
  channel.fail(failure);
  return channel;
}

/** What a thread wants to know of what it is asked. */
interface AskedEvents {
  /** It has said something. */
  readonly onMessage: () => void;
  /** It is over for whoever asked. */
  readonly onEnd: () => void;
}

/**
 * The asker's end of a channel to a thread. Should the thread end, no port says
 * so; then this does.
 */
class AskedChannel implements Channel {
  readonly #way: Channel;
  readonly #watching: AskedEvents;
  #events: ChannelEvents | undefined;
  #failure: Failure | undefined;

  constructor(way: Channel, watching: AskedEvents) {
    this.#way = way;
    this.#watching = watching;
  }

  get buffered(): number {
    return this.#way.buffered;
  }

  send(message: Message): void {
    this.#way.send(message);
  }

  close(reason?: string): void {
    this.#watching.onEnd();
    this.#way.close(reason);
  }

  listen(events: ChannelEvents): void {
    this.#events = events;
    this.#way.listen({
      onMessage: (message) => {
        this.#watching.onMessage();
        events.onMessage(message);
      },
      onClose: (reason) => {
        this.#watching.onEnd();
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
