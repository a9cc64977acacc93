/**
 * The loopback interface of one pod, captured from outside: a socket hears the
 * network that its thread was in when it was opened, wherever it is read.
 */
import type { PodNetwork } from "../../api/worker.ts";
import type { FrameBatch } from "../../packet/frame.ts";
import { toInterface } from "../../packet/pod_network.ts";
import type { HomeNetwork } from "../ffi/network.ts";
import { LAST } from "./af_packet.ts";
import { toClosedFilter } from "./filter.ts";
import { PacketSocket } from "./packet_socket.ts";
import { type FoundNetwork, pathOf } from "./pod_processes.ts";
import type { Ring } from "./ring.ts";

/** The interface that the kernel makes first in every network. */
const LO = 1;

/** A ring of a mebibyte: a packet of the largest size fits into a block. */
const BLOCK_SIZE = 256 * 1024;
const BLOCKS = 4;

/** A pod whose loopback interface is captured. */
export class PodCapture implements Disposable {
  /** By which its frames are known, see `packet/pod_network.ts`. */
  readonly number: number;
  readonly pod: PodNetwork;
  /** Packets that its filter let by, and those that found no room. */
  accepted = 0;
  dropped = 0;
  #found: FoundNetwork;
  readonly #socket: PacketSocket;
  readonly #ring: Ring;
  #given = 0;
  /** When to end at the latest, by the clock of `performance`. */
  #stopsAt = Infinity;

  /**
   * Begins to capture.
   *
   * @param takeNumber called once it is certain that it can
   * @param filter as `toLoopbackFilter` makes it
   * @throws SystemCallError if the network cannot be entered, or heard
   * @throws Stranded
   */
  constructor(
    pod: PodNetwork,
    found: FoundNetwork,
    home: HomeNetwork,
    filter: Uint8Array<ArrayBuffer>,
    takeNumber: () => number,
  ) {
    this.pod = pod;
    this.#found = found;
    const path = pathOf(found.pid);
    const socket = home.leaveFor(path, () => new PacketSocket());
    try {
      this.number = takeNumber();
      const index = toInterface(this.number);
      this.#ring = socket.makeRing(BLOCK_SIZE, BLOCKS, index);
      socket.attach(filter);
      socket.listen(LO);
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
    this.#socket = socket;
  }

  /** Readable when there are packets. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** Where its network was found last. */
  get found(): FoundNetwork {
    return this.#found;
  }

  /** The same network was found by another process. */
  follow(found: FoundNetwork): void {
    this.#found = found;
  }

  /** Whether there are packets to be had. */
  get isReady(): boolean {
    return this.#ring.isReady;
  }

  /** As `LiveSource.next`. */
  next(batch: FrameBatch): boolean {
    const has = this.#ring.next(batch);
    this.#given += batch.count;
    return has;
  }

  /** Brings {@link accepted} and {@link dropped} up to date. */
  count(): void {
    const { accepted, dropped } = this.#socket.take();
    this.accepted += accepted;
    this.dropped += dropped;
  }

  /** @throws SystemCallError */
  clearError(): void {
    this.#socket.clearError();
  }

  /** Accepts no further packets; those that were are still given. */
  stop(): void {
    this.#socket.attach(toClosedFilter());
    this.#stopsAt = performance.now() + LAST;
  }

  /** Whether it was stopped and all packets have been given. */
  get isOver(): boolean {
    if (this.#stopsAt === Infinity || this.isReady) return false;
    this.count();
    return this.#given >= this.accepted - this.dropped ||
      performance.now() >= this.#stopsAt;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
