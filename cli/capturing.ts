/** The capture of this machine, as commands have it: what happens is said. */
import { hostname } from "node:os";
import type { CaptureState, TargetEnd, TargetsOrder } from "../api/worker.ts";
import { CannotCapture } from "../worker/capture/source.ts";
import type { OwnTraffic } from "../worker/capture/own_traffic.ts";
import { keepOrder, readKeptOrder } from "../worker/live/last_order.ts";
import {
  BadFilter,
  LiveCapture,
  type LiveCaptureOptions,
  type StoreWhat,
} from "../worker/live/live_capture.ts";
import type { RecorderState } from "../worker/live/recorder.ts";
import type { Capture } from "../worker/serve/capture.ts";
import { DiskFull } from "../worker/shards/folder.ts";
import { isClean, type RecoveryReport } from "../worker/shards/recovery.ts";
import { DEFAULT_STORAGE_LIMIT } from "../worker/shards/store_writer.ts";
import { CommandError, EXIT } from "./exit.ts";
import { say } from "./output.ts";

/** What is captured, as options say it. */
export interface CapturingOptions {
  readonly interface?: readonly string[];
  readonly network?: string;
  readonly bpf?: string;
  readonly storageLimit?: number;
  readonly ringSize?: number;
  readonly store?: StoreWhat;
  /** Nothing is captured before a hub has said whose packets. */
  readonly awaitTargets?: boolean;
  /** Networks of pods are entered that a hub names. */
  readonly mesh?: boolean;
}

/** Name of this node: as Kubernetes has it, where it says so. */
export function nodeName(): string {
  return Deno.env.get("NODE_NAME") || hostname();
}

/** A capture that runs, and tells its user what becomes of packets. */
export class Capturing implements Capture {
  readonly folder: string;
  readonly node: string;
  /** When it has ended; fails with a CommandError if it could not go on. */
  readonly ended: Promise<void>;
  readonly #capture: LiveCapture;
  readonly #since = Date.now() * 1000;
  readonly #interfaces: readonly string[];
  readonly #entersPods: boolean;
  #state: RecorderState | undefined;
  /** Revision of the last order that was taken. */
  #order: string | undefined;

  private constructor(
    capture: LiveCapture,
    folder: string,
    node: string,
    { interface: interfaces = ["any"], mesh = false }: CapturingOptions,
    order: TargetsOrder | undefined,
  ) {
    this.#capture = capture;
    this.folder = folder;
    this.node = node;
    this.#interfaces = interfaces;
    this.#entersPods = mesh;
    this.#order = order?.revision;
    this.ended = capture.ended.then(
      (state) => saySummary(state, folder),
      (error) => Promise.reject(toCommandError(error)),
    );
    // Whoever waits for the end hears of it there.
    this.ended.catch(() => {});
  }

  /**
   * Begins to capture into a folder.
   *
   * @throws CommandError
   */
  static async start(
    options: CapturingOptions,
    folder: string,
    { own, dropsRights }: Pick<LiveCaptureOptions, "own" | "dropsRights"> = {},
  ): Promise<Capturing> {
    const { storageLimit = DEFAULT_STORAGE_LIMIT, awaitTargets } = options;
    const node = nodeName();
    const order = awaitTargets ? readKeptOrder(folder) : undefined;
    const troubles = new Troubles();
    let capturing: Capturing | undefined;
    try {
      const capture = await LiveCapture.start({
        interfaces: options.interface,
        network: options.network,
        entersPods: options.mesh,
        networks: order?.networks,
        bpf: options.bpf,
        ringSize: options.ringSize,
        store: options.store,
        own,
        dropsRights,
        targets: order ? endsOf(order) : awaitTargets ? [] : undefined,
        folder,
        node,
        storageLimit,
        onState: (state) => {
          if (capturing) capturing.#state = state;
          troubles.tell(state);
        },
      });
      sayMended(capture.recovery);
      capturing = new Capturing(capture, folder, node, options, order);
    } catch (error) {
      throw toCommandError(error);
    }
    const where = (options.interface?.join(", ") ?? "all interfaces") +
      (options.network === undefined ? "" : ` of "${options.network}"`);
    say(
      `thresher: capturing on ${where} into "${folder}", at most ` +
        `${toText(storageLimit)}; Ctrl-C ends it`,
    );
    if (awaitTargets && !order) {
      say("thresher: nothing is captured before a hub has said whose packets");
    }
    return capturing;
  }

  get state(): CaptureState {
    const state = this.#state;
    return {
      since: this.#since,
      order: this.#order,
      interfaces: this.#interfaces,
      packets: state?.packets ?? 0,
      bytes: state?.bytes ?? 0,
      droppedByKernel: state?.droppedByKernel ?? 0,
      notStored: state?.notStored ?? 0,
      copies: state?.copies ?? 0,
      ownTraffic: state?.own ?? 0,
      networks: this.#entersPods
        ? {
          open: state?.networks?.open.length ?? 0,
          failed: state?.networks?.failed ?? [],
        }
        : undefined,
      stopped: state?.stopped,
    };
  }

  onStored(listener: () => void): () => void {
    return this.#capture.onStored(listener);
  }

  setStorageLimit(bytes: number): Promise<void> {
    return this.#capture.setStorageLimit(bytes);
  }

  async target(order: TargetsOrder): Promise<void> {
    await this.#capture.target(endsOf(order), order.networks);
    this.#order = order.revision;
    try {
      keepOrder(this.folder, order);
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      say(
        `thresher: whose packets to capture will be forgotten: ${error.message}`,
      );
    }
  }

  /** Leaves out what is ours, as `LiveCapture.exclude`. */
  exclude(own: OwnTraffic): Promise<void> {
    return this.#capture.exclude(own);
  }

  /** Ends it; {@link ended} says when. */
  stop(): void {
    // How it ended is told there.
    void this.#capture.stop().catch(() => {});
  }
}

/** `undefined` for all. */
function endsOf(order: TargetsOrder): readonly TargetEnd[] | undefined {
  return order.all ? undefined : order.ends;
}

/** Says once when packets begin to be lost, and why. */
class Troubles {
  #stopped: RecorderState["stopped"];
  #droppedByKernel = 0;

  tell({ stopped, droppedByKernel }: RecorderState): void {
    if (stopped !== this.#stopped) {
      say(
        stopped
          ? `thresher: packets are not kept at the moment: ${stopped}`
          : "thresher: packets are kept again",
      );
      this.#stopped = stopped;
    }
    if (droppedByKernel > 0 && this.#droppedByKernel === 0) {
      say(
        "thresher: packets come faster than they can be kept; some are lost " +
          "and counted. A larger --ring-size or a --bpf filter may help",
      );
    }
    this.#droppedByKernel = droppedByKernel;
  }
}

function saySummary(state: RecorderState, folder: string): void {
  const { packets, bytes, droppedByKernel, notStored, copies } = state;
  const lost = droppedByKernel + notStored === 0
    ? "none was lost"
    : `the kernel dropped ${droppedByKernel}, ${notStored} found no room`;
  const seenAgain = copies > 0
    ? `, and ${copies} copies from other interfaces were not kept`
    : "";
  say(
    `thresher: ${packets} packets (${toText(bytes)}) were captured; ` +
      `${lost}${seenAgain}. They are kept in "${folder}"`,
  );
}

function sayMended(recovery: RecoveryReport): void {
  if (isClean(recovery)) return;
  const bytes = recovery.cut.reduce((sum, { bytes }) => sum + bytes, 0);
  say(
    "thresher: the last capture into this folder did not end cleanly: " +
      `${bytes} bytes of a torn record were cut, ` +
      `${recovery.rebuilt.length} indexes made anew, and ` +
      `${recovery.unreadable.length} shards cannot be read`,
  );
}

/** Bytes for people, in the units of `--storage-limit`. */
function toText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`;
}

function toCommandError(error: unknown): unknown {
  if (error instanceof BadFilter) {
    return new CommandError(EXIT.MISUSED, error.message, error);
  }
  if (!(error instanceof CannotCapture)) return error;
  const code = error.denied ? EXIT.NO_RIGHT : EXIT.FAILED;
  return new CommandError(code, error.message, error);
}
