/** Capture of this machine, as whoever starts it sees it. */
import { compileFilter, SNAP_LENGTH } from "../capture/filter.ts";
import { toCannotCapture } from "../capture/failure.ts";
import { CannotCapture } from "../capture/source.ts";
import { NoLibrary } from "../ffi/libc.ts";
import { BadExpression } from "../ffi/libpcap.ts";
import { Waker } from "../ffi/waker.ts";
import type { RecoveryReport } from "../shards/recovery.ts";
import type { CaptureNews, CaptureOrder } from "./messages.ts";
import type { RecorderState } from "./recorder.ts";

/** What is captured, and where it is kept. */
export interface LiveCaptureOptions {
  /** Names of interfaces, which may come and go; `undefined` for all. */
  readonly interfaces?: readonly string[] | undefined;
  /** An expression of `pcap-filter(7)`. */
  readonly bpf?: string | undefined;
  /** Bytes of memory for packets that were not stored yet. */
  readonly ringSize?: number | undefined;
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

  private constructor(thread: Thread, recovery: RecoveryReport) {
    this.#thread = thread;
    this.ended = thread.ended;
    this.recovery = recovery;
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
    const thread = new Thread(options, expression);
    return new LiveCapture(thread, await thread.started);
  }

  /** Ends it: what was captured until now is stored. */
  stop(): Promise<RecorderState> {
    this.#thread.stop();
    return this.ended;
  }
}

/** The capture thread. */
class Thread {
  readonly started: Promise<RecoveryReport>;
  readonly ended: Promise<RecorderState>;
  readonly #waker: Waker;
  readonly #control = new Int32Array(new SharedArrayBuffer(4));

  constructor(
    { onState, ...options }: LiveCaptureOptions,
    expression: Uint8Array | undefined,
  ) {
    this.#waker = openWaker();
    const started = Promise.withResolvers<RecoveryReport>();
    const ended = Promise.withResolvers<RecorderState>();
    this.started = started.promise;
    this.ended = ended.promise;
    const fail = (error: Error) => {
      started.reject(error);
      ended.reject(error);
    };
    // Who waits for the start alone is told there.
    this.ended.catch(() => {});
    void this.ended.finally(() => this.#waker[Symbol.dispose]()).catch(
      () => {},
    );
    const worker = start();
    worker.onmessage = ({ data }: MessageEvent<CaptureNews>) => {
      switch (data.kind) {
        case "started":
          return started.resolve(data.recovery);
        case "state":
          return onState?.(data.state);
        case "ended":
          return ended.resolve(data.state);
        case "failed":
          return fail(new CannotCapture(data.message, data.denied));
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(new Error(`The capture thread failed: ${event.message}`));
    };
    const { interfaces, ringSize, folder, node, storageLimit } = options;
    const order: CaptureOrder = {
      interfaces,
      expression,
      ringSize,
      folder,
      node,
      storageLimit,
      wakeFd: this.#waker.fd,
      control: this.#control,
    };
    worker.postMessage(order);
  }

  stop(): void {
    if (Atomics.exchange(this.#control, 0, 1) === 0) this.#waker.wake();
  }
}

/** Starts it with all our permissions: with FFI it could help itself to them. */
function start(): Worker {
  return new Worker(new URL("./capture_thread.ts", import.meta.url), {
    type: "module",
    name: "capture",
  });
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
