/**
 * The node's interfaces, and with them the loopback interfaces of pods whose
 * proxy encrypts what passes the node: there it is heard in the clear.
 *
 * Each pod's network has a ring of its own, all of one thread. They are waited
 * for together, with those of the node, and take turns: however much one pod
 * says to itself, it is read a part at a time, and what it says beyond its ring
 * is lost to it alone, and counted.
 *
 * A pod has its network for as long as one of its processes is in it. A socket
 * would keep it for longer, so that is looked after; and a pod whose sandbox is
 * made anew has another network, which is found by its new processes.
 */
import type { FailedNetwork, PodNetwork } from "../../api/worker.ts";
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { ERRNO, SystemCallError } from "../ffi/libc.ts";
import { HomeNetwork } from "../ffi/network.ts";
import { Readiness } from "../ffi/readiness.ts";
import { AfPacket, type AfPacketOptions } from "./af_packet.ts";
import { toCannotCapture } from "./failure.ts";
import { toLoopbackFilter } from "./loopback_filter.ts";
import { PodCapture } from "./pod_capture.ts";
import {
  findNetworks,
  type FoundNetwork,
  PROC,
  type Processes,
  type Unfound,
} from "./pod_processes.ts";
import type {
  Aim,
  CapturedNetworks,
  KernelCounters,
  LiveSource,
} from "./source.ts";

/** Networks that are captured at once: each takes a mebibyte for its ring. */
export const MAX_OPEN = 128;

/** How often it is seen to that networks are what they were, ms. */
const LOOK = 2000;

/** How long what could not be had is not looked for again, ms. */
const PATIENCE = { LEAST: 250, MOST: 8000 } as const;

/** Packets that are taken of one ring before the next has its turn. */
const TURN = { NODE: 4096, POD: 256 } as const;

/** How pods are found, and their networks numbered. */
export interface MeshOptions extends AfPacketOptions {
  /** A number for a network, from 1 on, that no other has. */
  readonly takeNumber: () => number;
  /** By default all that `/proc` shows. */
  readonly processes?: Processes | undefined;
}

/** Captures on this machine, and in pods' own networks. */
export class MeshCapture implements LiveSource {
  readonly #options: MeshOptions;
  readonly #processes: Processes;
  readonly #node: AfPacket;
  readonly #home = new HomeNetwork();
  readonly #readiness: Readiness;
  readonly #filter: Uint8Array<ArrayBuffer>;
  readonly #counters: KernelCounters = { accepted: 0, dropped: 0, own: 0 };
  /** What networks counted that are no longer captured. */
  readonly #past = { accepted: 0, dropped: 0 };
  #pods: readonly PodCapture[] = [];
  #wanted: readonly PodNetwork[] = [];
  #networks: CapturedNetworks = { open: [], failed: [] };
  /** When networks are looked after, by the clock of `performance`. */
  #lookAt = Infinity;
  /** When those are looked for that are missing. */
  #searchAt = 0;
  #patience: number = PATIENCE.LEAST;
  /** Whose turn it is: a position among pods, or the node's. */
  #at = NODE;
  #left: number = TURN.NODE;
  #isStopping = false;

  private constructor(
    options: MeshOptions,
    node: AfPacket,
    readiness: Readiness,
  ) {
    this.#options = options;
    this.#processes = options.processes ?? PROC;
    this.#node = node;
    this.#readiness = readiness;
    this.#filter = toLoopbackFilter(options.snapLength, options.expression);
    if (options.aim) this.#want(options.aim.networks);
  }

  /**
   * Begins to capture.
   *
   * @throws CannotCapture
   */
  static open(options: MeshOptions): MeshCapture {
    try {
      using stack = new DisposableStack();
      const readiness = stack.use(new Readiness());
      const othersFd = readiness.fd;
      const node = stack.use(AfPacket.open({ ...options, othersFd }));
      const capture = new MeshCapture(options, node, readiness);
      stack.move();
      return capture;
    } catch (error) {
      throw toCannotCapture(error);
    }
  }

  get interfaces(): readonly Interface[] {
    return this.#node.interfaces;
  }

  get names(): ReadonlyMap<number, string> {
    return this.#node.names;
  }

  get networks(): CapturedNetworks {
    return this.#networks;
  }

  counters(): KernelCounters {
    const counters = this.#counters;
    const { accepted, dropped, own } = this.#node.counters();
    counters.accepted = accepted + this.#past.accepted;
    counters.dropped = dropped + this.#past.dropped;
    counters.own = own;
    for (const pod of this.#pods) {
      pod.count();
      counters.accepted += pod.accepted;
      counters.dropped += pod.dropped;
    }
    return counters;
  }

  aim(aim: Aim): void {
    this.#node.aim(aim);
    // Our own traffic changes far oftener.
    const isSame = JSON.stringify(aim.networks) ===
      JSON.stringify(this.#wanted);
    if (!isSame) this.#want(aim.networks);
  }

  wait(timeout: number): void {
    const isReady = this.#pods.some((pod) => pod.isReady);
    const due = Math.max(0, this.#lookAt - performance.now());
    this.#node.wait(isReady ? 0 : Math.min(timeout, due));
    // What makes them readable, and is no packet, is an error.
    if (this.#node.hasOthers && !this.#pods.some((pod) => pod.isReady)) {
      for (const pod of this.#pods) pod.clearError();
    }
    if (performance.now() >= this.#lookAt) this.#look();
  }

  next(batch: FrameBatch): boolean {
    // Once around, so that each is asked that may have some.
    for (let asked = 0; asked <= this.#pods.length + 1; asked++) {
      const source = this.#at === NODE ? this.#node : this.#pods[this.#at]!;
      if (this.#left > 0 && source.next(batch)) {
        this.#left -= batch.count;
        return true;
      }
      this.#passTurn();
    }
    batch.count = 0;
    return false;
  }

  stop(): void {
    this.#isStopping = true;
    this.#lookAt = Infinity;
    this.#node.stop();
    for (const pod of this.#pods) pod.stop();
  }

  get isOver(): boolean {
    return this.#node.isOver && this.#pods.every((pod) => pod.isOver);
  }

  [Symbol.dispose](): void {
    for (const pod of this.#pods) pod[Symbol.dispose]();
    this.#node[Symbol.dispose]();
    this.#readiness[Symbol.dispose]();
    this.#home[Symbol.dispose]();
  }

  #passTurn(): void {
    this.#at = this.#at + 1 < this.#pods.length ? this.#at + 1 : NODE;
    this.#left = this.#at === NODE ? TURN.NODE : TURN.POD;
  }

  /** Captures these from now on. */
  #want(wanted: readonly PodNetwork[]): void {
    if (this.#isStopping) return;
    this.#wanted = wanted;
    this.#searchSoon();
    this.#look();
  }

  /** Closes what is not wanted any more or is gone, opens what can be had. */
  #look(): void {
    const before = this.#pods;
    const kept = before.filter((pod) => this.#holds(pod));
    if (kept.length < before.length) this.#searchSoon();
    for (const pod of before) if (!kept.includes(pod)) this.#close(pod);
    this.#pods = kept;
    this.#at = NODE;
    const isDue = performance.now() >= this.#searchAt;
    const failed = isDue ? this.#search() : this.#networks.failed;
    this.#tell(failed);
    const now = performance.now();
    if (isDue) {
      this.#searchAt = now + this.#patience;
      this.#patience = Math.min(PATIENCE.MOST, 2 * this.#patience);
    }
    const isAll = failed.length === 0;
    this.#lookAt = isAll && this.#pods.length === 0
      ? Infinity
      : Math.min(now + LOOK, isAll ? Infinity : this.#searchAt);
  }

  #searchSoon(): void {
    this.#searchAt = 0;
    this.#patience = PATIENCE.LEAST;
  }

  /** Opens what is missing; says of the others why they cannot be had. */
  #search(): FailedNetwork[] {
    const open = new Set(this.#pods.map(({ pod }) => pod.uid));
    const missing = this.#wanted.filter(({ uid }) => !open.has(uid));
    const found = findNetworks(missing.map(({ uid }) => uid), this.#processes);
    const failed: FailedNetwork[] = [];
    const pods = [...this.#pods];
    for (const wanted of missing) {
      const opened = pods.length < MAX_OPEN
        ? this.#open(wanted, found.get(wanted.uid)!)
        : FULL;
      if (typeof opened !== "string") pods.push(opened);
      else {
        const { namespace, pod } = wanted;
        failed.push({ namespace, pod, reason: opened });
      }
    }
    this.#pods = pods;
    return failed;
  }

  /** Whether a network is wanted still, as it is, and lives. */
  #holds(capture: PodCapture): boolean {
    const { pod, found } = capture;
    const wanted = this.#wanted.find(({ uid }) => uid === pod.uid);
    if (!wanted || wanted.ips.join() !== pod.ips.join()) return false;
    if (this.#networkOf(found.pid) === found.network) return true;
    // Another process of the pod may be in it, as when its proxy is restarted.
    const now = findNetworks([pod.uid], this.#processes).get(pod.uid)!;
    if (typeof now === "string" || now.network !== found.network) return false;
    capture.follow(now);
    return true;
  }

  #networkOf(pid: number): string | undefined {
    try {
      return this.#processes.network(pid);
    } catch (error) {
      // The number is somebody else's now.
      if (error instanceof Deno.errors.PermissionDenied) return undefined;
      throw error;
    }
  }

  /** Captures a pod's network, or says why it cannot. */
  #open(pod: PodNetwork, found: FoundNetwork | Unfound): PodCapture | string {
    if (typeof found === "string") return REASONS[found];
    try {
      const { takeNumber } = this.#options;
      const home = this.#home;
      const filter = this.#filter;
      const capture = new PodCapture(pod, found, home, filter, takeNumber);
      this.#readiness.add(capture.fd);
      return capture;
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      return toReason(error);
    }
  }

  #close(capture: PodCapture): void {
    capture.count();
    this.#past.accepted += capture.accepted;
    this.#past.dropped += capture.dropped;
    capture[Symbol.dispose]();
  }

  /** Another object only if something has changed. */
  #tell(failed: readonly FailedNetwork[]): void {
    const open = this.#pods.map(({ number, pod }) => ({ number, pod }));
    const now = { open, failed };
    const isSame = JSON.stringify(now) === JSON.stringify(this.#networks);
    if (!isSame) this.#networks = now;
  }
}

/** In place of a pod's position: the node's own interfaces. */
const NODE = -1;

const FULL = `the networks of ${MAX_OPEN} pods of its node are captured ` +
  "already, which is the most: choose fewer pods";

const REASONS: { readonly [why in Unfound]: string } = {
  "no process": "none of its processes is to be seen on its node: either it " +
    "has yet to start, or the worker is not in the host's process namespace " +
    "(hostPID)",
  "node's network": "it uses the network of its node, which is captured as " +
    "such",
  denied: "the worker may not look at its processes: that takes the " +
    "capability CAP_SYS_PTRACE, and no security profile that forbids it",
};

/** Why a network cannot be captured that was found. */
function toReason({ errno, message }: SystemCallError): string {
  switch (errno) {
    case ERRNO.EPERM:
    case ERRNO.EACCES:
      return "to enter its network takes the capabilities CAP_SYS_ADMIN and " +
        "CAP_SYS_PTRACE";
    case ERRNO.ENOENT:
      return "it has just ended";
    case ERRNO.ENOMEM:
    case ERRNO.ENOBUFS:
      return "there is no memory for its ring";
    default:
      return message;
  }
}
