/**
 * Live packets, wherever they come from: an interface that a capture of this
 * machine, or an array in a test, stands behind.
 */
import type { FailedNetwork, PodNetwork, TargetEnd } from "../../api/worker.ts";
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { NO_OWN_TRAFFIC, type OwnTraffic } from "./own_traffic.ts";

/** Capture is not possible; the message says why and what to do. */
export class CannotCapture extends Error {
  override name = "CannotCapture";
  /** Whether what is missing is a right. */
  readonly denied: boolean;

  constructor(message: string, denied: boolean, cause?: unknown) {
    super(message, { cause });
    this.denied = denied;
  }
}

/** Packets that the kernel has seen, as its own counters have it. */
export interface KernelCounters {
  /** Packets that the filter accepted. */
  accepted: number;
  /** Those of them for which there was no room. */
  dropped: number;
  /** Packets that the filter left out, for they are ours. */
  own: number;
}

/** Which packets of the interfaces are wanted. */
export interface Aim {
  /** What is ours, and left out. */
  readonly own: OwnTraffic;
  /** Ends of which packets alone are wanted; `undefined` for all. */
  readonly targets: readonly TargetEnd[] | undefined;
  /** Pods whose loopback interface is wanted besides, if that is entered. */
  readonly networks: readonly PodNetwork[];
}

/** All of them. */
export const EVERYTHING: Aim = {
  own: NO_OWN_TRAFFIC,
  targets: undefined,
  networks: [],
};

/** Networks of pods that are captured beside the node's own. */
export interface CapturedNetworks {
  readonly open: readonly {
    /** By which its frames are known, see `packet/pod_network.ts`. */
    readonly number: number;
    readonly pod: PodNetwork;
  }[];
  readonly failed: readonly FailedNetwork[];
}

/** Packets as they come. Used by one thread, which waits in it. */
export interface LiveSource extends Disposable {
  /** What its frames begin with; the index is that of the batch's rows. */
  readonly interfaces: readonly Interface[];
  /**
   * Names of the interfaces that are captured from, by their index on the
   * node. Another object once they have changed.
   */
  readonly names: ReadonlyMap<number, string>;
  /**
   * Networks of pods that are captured from; absent where none ever is. Another
   * object once they have changed.
   */
  readonly networks?: CapturedNetworks | undefined;
  /** As of now, since the beginning. */
  counters(): KernelCounters;
  /**
   * Captures other packets from now on; those that wait already are given.
   *
   * @throws BadExpression if the kernel cannot tell so much of our own traffic
   *   apart; then nothing has changed
   */
  aim(aim: Aim): void;
  /**
   * Waits until there are packets, the names have changed or somebody wakes
   * the thread.
   *
   * @param timeout ms
   */
  wait(timeout: number): void;
  /**
   * Fills a batch with packets that wait; its bytes are borrowed until the
   * next call.
   *
   * @returns whether there were any
   */
  next(batch: FrameBatch): boolean;
  /** Accepts no further packets; those that were are still given. */
  stop(): void;
  /** Whether it was stopped and all packets have been given. */
  readonly isOver: boolean;
}
