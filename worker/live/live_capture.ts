/** Capture of this machine, as whoever starts it sees it. */
import type { PodNetwork, TargetEnd } from "../../api/worker.ts";
import { compileFilter, SNAP_LENGTH } from "../capture/filter.ts";
import { toCannotCapture } from "../capture/failure.ts";
import { NO_OWN_TRAFFIC, type OwnTraffic } from "../capture/own_traffic.ts";
import { type Aim, CannotCapture } from "../capture/source.ts";
import { dropRights } from "../ffi/capabilities.ts";
import { NoLibrary } from "../ffi/libc.ts";
import { BadExpression } from "../ffi/libpcap.ts";
import { giveWay } from "../ffi/priority.ts";
import { Waker } from "../ffi/waker.ts";
import type { RecoveryReport } from "../shards/recovery.ts";
import type {
  CaptureNews,
  CaptureOrder,
  CaptureStart,
  SharedProbing,
} from "./messages.ts";
import { closeQueue, makeQueueMemory } from "./probe_queue.ts";
import type { RecorderState } from "./recorder.ts";
import { makeSlotMemory } from "./sifter.ts";

/** What is kept of packets. */
export type StoreWhat = "all" | "dissectable";

/** What is captured, and where it is kept. */
export interface LiveCaptureOptions {
  /** Names of interfaces, which may come and go; `undefined` for all. */
  readonly interfaces?: readonly string[] | undefined;
  /**
   * Another network than this process is in, such as `/run/netns/NAME`, or a
   * pod's as `/proc/PID/ns/net`.
   */
  readonly network?: string | undefined;
  /**
   * Whether the loopback interfaces of pods are captured besides, those that
   * {@link LiveCapture.target} names. That takes `CAP_SYS_ADMIN` and
   * `CAP_SYS_PTRACE`, and to see the node's processes.
   */
  readonly entersPods?: boolean | undefined;
  /** Those of the beginning. */
  readonly networks?: readonly PodNetwork[] | undefined;
  /** An expression of `pcap-filter(7)`. */
  readonly bpf?: string | undefined;
  /** What is ours, and left out; see {@link LiveCapture.exclude}. */
  readonly own?: OwnTraffic | undefined;
  /** Whose packets alone are captured; see {@link LiveCapture.target}. */
  readonly targets?: readonly TargetEnd[] | undefined;
  /**
   * `all`: every packet whole. `dissectable`, the default: of flows that no
   * dissector speaks for, once that is known, the headers alone.
   */
  readonly store?: StoreWhat | undefined;
  /** Bytes of memory for packets that were not stored yet. */
  readonly ringSize?: number | undefined;
  /**
   * Whether the thread that calls, and those that it starts from then on, no
   * longer need what capturing takes: the capture thread alone keeps it, and
   * they give way to it. There is no way back.
   */
  readonly dropsRights?: boolean | undefined;
  /** The data folder. */
  readonly folder: string;
  /** Name of this node. */
  readonly node: string;
  /** Bytes that all files of the folder may have. */
  readonly storageLimit: number;
  /** Told at most once a second, and only what has changed. */
  readonly onState?: ((state: RecorderState) => void) | undefined;
}

/** An expression for `--bpf` that is wrong, or that nothing here can compile. */
export class BadFilter extends Error {
  override name = "BadFilter";
}

/** A running capture. It goes on until {@link stop}, or until it fails. */
export class LiveCapture {
  /** What was found and mended in the folder. */
  readonly recovery: RecoveryReport;
  /**
   * Its last state, once it has ended.
   *
   * @throws CannotCapture if it could not go on
   */
  readonly ended: Promise<RecorderState>;
  readonly #thread: Thread;
  readonly #listeners = new Set<() => void>();
  #aim: Aim;

  private constructor(thread: Thread, recovery: RecoveryReport, aim: Aim) {
    this.#thread = thread;
    this.#aim = aim;
    this.ended = thread.ended;
    this.recovery = recovery;
    thread.onStored = () => {
      for (const listener of this.#listeners) listener();
    };
  }

  /**
   * Begins to capture.
   *
   * @throws BadFilter
   * @throws CannotCapture also if the folder cannot be used
   */
  static async start(options: LiveCaptureOptions): Promise<LiveCapture> {
    const expression = options.bpf === undefined
      ? undefined
      : toProgram(options.bpf);
    const { own = NO_OWN_TRAFFIC, targets, networks = [] } = options;
    const aim: Aim = { own, targets, networks };
    const thread = new Thread(options, expression, aim);
    return new LiveCapture(thread, await thread.started, aim);
  }

  /**
   * Leaves out what is ours from now on, in the kernel, in place of what was
   * left out before. It is counted: `RecorderState.own`.
   *
   * @returns when it is so
   * @throws CannotCapture if it is too much for the kernel to tell apart; then
   *   all is as before
   */
  exclude(own: OwnTraffic): Promise<void> {
    return this.#setAim({ ...this.#aim, own });
  }

  /**
   * Captures from now on only what is from or to one of these ends; all packets
   * again if they are not given.
   *
   * @param networks pods whose loopback interface is captured besides, if that
   *   is entered; what became of them is in `RecorderState.networks`
   * @returns when it is so
   * @throws CannotCapture as {@link exclude}
   */
  target(
    ends: readonly TargetEnd[] | undefined,
    networks: readonly PodNetwork[] = [],
  ): Promise<void> {
    return this.#setAim({ ...this.#aim, targets: ends, networks });
  }

  /**
   * Changes the bytes that all files of the folder may have.
   *
   * @returns when it is so
   * @throws CannotCapture if it is too little
   */
  setStorageLimit(storageLimit: number): Promise<void> {
    return this.#thread.order({ kind: "storage limit", storageLimit });
  }

  /**
   * Calls the listener when packets were stored, at most every 50 ms, from when
   * they can be read on. Costs nothing while none come.
   *
   * @returns ends that
   */
  onStored(listener: () => void): () => void {
    // Its own object, should the same be given twice.
    const own = () => listener();
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#hear(true);
    return () => {
      const wasHeard = this.#listeners.delete(own);
      if (wasHeard && this.#listeners.size === 0) this.#hear(false);
    };
  }

  /** Ends it: what was captured until now is stored. */
  stop(): Promise<RecorderState> {
    this.#thread.stop();
    return this.ended;
  }

  async #setAim(aim: Aim): Promise<void> {
    const before = this.#aim;
    this.#aim = aim;
    try {
      await this.#thread.order({ kind: "aim", aim });
    } catch (error) {
      if (this.#aim === aim) this.#aim = before;
      throw error;
    }
  }

  #hear(isHeard: boolean): void {
    // What ends the capture is told to those who wait for its end.
    this.#thread.order({ kind: "listen", isHeard }).catch(() => {});
  }
}

/** The capture thread. */
class Thread {
  readonly started: Promise<RecoveryReport>;
  readonly ended: Promise<RecorderState>;
  onStored: () => void = () => {};
  readonly #waker: Waker;
  readonly #worker: Worker;
  readonly #probing: SharedProbing | undefined;
  /** Orders that were not answered yet. */
  readonly #unanswered: PromiseWithResolvers<void>[] = [];
  #isStopping = false;
  #isOver = false;

  constructor(
    { onState, ...options }: LiveCaptureOptions,
    expression: Uint8Array | undefined,
    aim: Aim,
  ) {
    this.#waker = openWaker();
    const started = Promise.withResolvers<RecoveryReport>();
    const ended = Promise.withResolvers<RecorderState>();
    this.started = started.promise;
    this.ended = ended.promise;
    const fail = (error: Error) => {
      this.#end();
      started.reject(error);
      ended.reject(error);
    };
    // Who waits for the start alone is told there.
    this.ended.catch(() => {});
    const worker = this.#worker = start();
    if (options.dropsRights) {
      dropRights();
      // What probes and scans must not make packets wait that nobody has taken.
      giveWay();
    }
    worker.onmessage = ({ data }: MessageEvent<CaptureNews>) => {
      switch (data.kind) {
        case "started":
          return started.resolve(data.recovery);
        case "state":
          return onState?.(data.state);
        case "stored":
          return this.onStored();
        case "answer":
          return this.#hear(data.refusal);
        case "ended":
          this.#end();
          return ended.resolve(data.state);
        case "failed":
          return fail(new CannotCapture(data.message, data.denied));
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(new Error(`The capture thread failed: ${event.message}`));
    };
    const { interfaces, network, ringSize, folder, node, storageLimit } =
      options;
    const { entersPods = false } = options;
    this.#probing = options.store === "all" ? undefined : startProbing(fail);
    const first: CaptureStart = {
      interfaces,
      network,
      entersPods,
      expression,
      aim,
      ringSize,
      probing: this.#probing,
      folder,
      node,
      storageLimit,
      wakeFd: this.#waker.fd,
    };
    worker.postMessage(first);
  }

  /**
   * Has it do something.
   *
   * @returns when it has
   * @throws CannotCapture if it cannot, or has ended
   */
  order(order: CaptureOrder): Promise<void> {
    const answer = Promise.withResolvers<void>();
    if (this.#isStopping) {
      answer.reject(new CannotCapture("The capture has ended", false));
    } else {
      this.#unanswered.push(answer);
      this.#send(order);
    }
    return answer.promise;
  }

  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#send({ kind: "stop" });
  }

  /** It is woken when the message waits for it. */
  #send(order: CaptureOrder): void {
    this.#worker.postMessage(order);
    this.#waker.wake();
  }

  #hear(refusal: string | undefined): void {
    const answer = this.#unanswered.shift()!;
    if (refusal === undefined) answer.resolve();
    else answer.reject(new CannotCapture(refusal, false));
  }

  /** The thread is gone, and the descriptor no longer used. */
  #end(): void {
    if (!this.#isOver) this.#waker[Symbol.dispose]();
    if (this.#probing) closeQueue(this.#probing.queue);
    this.#isOver = this.#isStopping = true;
    while (this.#unanswered.length > 0) this.#hear("The capture has ended");
  }
}

/** Starts it with all our permissions: with FFI it could help itself to them. */
function start(): Worker {
  return new Worker(new URL("./capture_thread.ts", import.meta.url), {
    type: "module",
    name: "capture",
  });
}

/** Starts the thread that probes flows: without any permission. */
function startProbing(fail: (error: Error) => void): SharedProbing {
  const probing = { queue: makeQueueMemory(), slots: makeSlotMemory() };
  const worker = new Worker(new URL("./probe_thread.ts", import.meta.url), {
    type: "module",
    name: "probe",
    deno: { permissions: "none" },
  });
  worker.onerror = (event) => {
    event.preventDefault();
    fail(new Error(`The thread that probes flows failed: ${event.message}`));
  };
  worker.postMessage(probing);
  return probing;
}

/** @throws CannotCapture */
function openWaker(): Waker {
  try {
    return new Waker();
  } catch (error) {
    throw toCannotCapture(error);
  }
}

/** @throws BadFilter */
function toProgram(expression: string): Uint8Array {
  try {
    return compileFilter(expression, SNAP_LENGTH);
  } catch (error) {
    if (error instanceof BadExpression) {
      throw new BadFilter(
        `Cannot use the filter "${expression}": ${error.message}`,
        { cause: error },
      );
    }
    if (error instanceof NoLibrary) {
      throw new BadFilter(
        "Cannot use --bpf: libpcap, which compiles such filters, is not " +
          "installed here (on Debian: apt install libpcap0.8)",
        { cause: error },
      );
    }
    throw error;
  }
}
