/**
 * Live packets of this machine by an AF_PACKET socket (`packet(7)`).
 *
 * One socket hears all interfaces, also those that are yet to come, and its
 * filter picks those that were named. Since link headers differ, packets come
 * without theirs (SOCK_DGRAM) and get a cooked one, see `ring.ts`.
 */
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { check, ERRNO, lastError, libc } from "../ffi/libc.ts";
import {
  type FilterOptions,
  MAX_NAMED,
  toClosedFilter,
  toFilter,
  toOwnFilter,
} from "./filter.ts";
import { Links } from "./links.ts";
import { toOwnPorts } from "./own_traffic.ts";
import { ALL_INTERFACES, PacketSocket, RETIRE } from "./packet_socket.ts";
import { MAX_COOKED, type Ring, SLL2_HEADER } from "./ring.ts";
import { toCannotCapture } from "./failure.ts";
import {
  type Aim,
  CannotCapture,
  EVERYTHING,
  type KernelCounters,
  type LiveSource,
} from "./source.ts";
import { Targeted, type TargetSet, toTargetSet } from "./targets.ts";

const POLLIN = 1;
const POLLERR = 8;

/** Bytes of a block: several packets of the largest size fit. */
const BLOCK_SIZE = 512 * 1024;

/** Longest that the last packets may take to come after {@link AfPacket.stop}. */
export const LAST: number = 4 * RETIRE;

/** Bytes of a ring. */
export const RING_SIZE = {
  DEFAULT: 16 * 1024 * 1024,
  LEAST: 4 * BLOCK_SIZE,
  MOST: 1024 * 1024 * 1024,
} as const;

/** What is captured. */
export interface AfPacketOptions {
  /** Names of interfaces, which may come and go; `undefined` for all. */
  readonly interfaces?: readonly string[] | undefined;
  /** What `compileFilter` gave for an expression. */
  readonly expression?: Uint8Array | undefined;
  /** Bytes that are kept of a packet, without its cooked header. */
  readonly snapLength: number;
  /** Everything unless told. */
  readonly aim?: Aim | undefined;
  /** Bytes of memory for packets that were not taken yet. */
  readonly ringSize?: number | undefined;
  /** Ends {@link LiveSource.wait} when it is readable. */
  readonly wakeFd?: number | undefined;
  /** The same of other packets that are waited for with these. */
  readonly othersFd?: number | undefined;
}

/** Captures on this machine. */
export class AfPacket implements LiveSource {
  readonly interfaces: readonly Interface[];
  readonly #options: AfPacketOptions;
  readonly #socket: PacketSocket;
  readonly #links: Links;
  readonly #ring: Ring;
  readonly #polled: Polled;
  readonly #counters: KernelCounters = { accepted: 0, dropped: 0, own: 0 };
  #aim = EVERYTHING;
  #targets: TargetSet | undefined;
  /** Looks again where the kernel does not tell targets exactly. */
  #targeted: Targeted | undefined;
  /** There once something is ours. */
  #ownCounter: OwnCounter | undefined;
  #names: ReadonlyMap<number, string>;
  /** Packets that were taken out of the ring. */
  #given = 0;
  /** When to end at the latest, by the clock of `performance`. */
  #stopsAt = Infinity;

  private constructor(
    options: AfPacketOptions,
    socket: PacketSocket,
    links: Links,
    ring: Ring,
  ) {
    const { snapLength, wakeFd = NOBODY, othersFd = NOBODY } = options;
    this.interfaces = [{
      linkType: LINKTYPE.LINUX_SLL2,
      snapLength: snapLength + MAX_COOKED,
      name: "any",
    }];
    this.#options = options;
    if (options.aim) this.#setAim(options.aim);
    this.#socket = socket;
    this.#links = links;
    this.#ring = ring;
    this.#names = chosenOf(links.names, options.interfaces);
    this.#polled = new Polled([socket.fd, links.fd, wakeFd, othersFd]);
  }

  /**
   * Begins to capture.
   *
   * @throws CannotCapture
   */
  static open(options: AfPacketOptions): AfPacket {
    try {
      return AfPacket.#open(options);
    } catch (error) {
      throw toCannotCapture(error);
    }
  }

  static #open(options: AfPacketOptions): AfPacket {
    const socket = new PacketSocket();
    let links: Links | undefined;
    try {
      links = new Links();
      checkNames(links.names, options.interfaces);
      const ring = makeRing(socket, options.ringSize ?? RING_SIZE.DEFAULT);
      const capture = new AfPacket(options, socket, links, ring);
      capture.#applyFilter();
      socket.listen(ALL_INTERFACES);
      capture.#applyOwnFilter();
      return capture;
    } catch (error) {
      links?.[Symbol.dispose]();
      socket[Symbol.dispose]();
      throw error;
    }
  }

  get names(): ReadonlyMap<number, string> {
    return this.#names;
  }

  counters(): KernelCounters {
    // Reading them sets them to 0. Those accepted include those dropped.
    const { accepted, dropped } = this.#socket.take();
    this.#counters.accepted += accepted;
    this.#counters.dropped += dropped;
    this.#counters.own += this.#ownCounter?.take() ?? 0;
    return this.#counters;
  }

  aim(aim: Aim): void {
    const before = this.#aim;
    this.#setAim(aim);
    try {
      this.#applyFilter();
      this.#applyOwnFilter();
    } catch (error) {
      this.#setAim(before);
      this.#applyFilter();
      throw error;
    }
  }

  wait(timeout: number): void {
    const polled = this.#polled;
    const left = this.#stopsAt - performance.now();
    polled.wait(this.#ring.isReady ? 0 : Math.min(timeout, left));
    if (polled.has(PACKETS, POLLERR)) this.#socket.clearError();
    if (polled.has(LINKS, POLLIN | POLLERR) && this.#links.refresh()) {
      this.#follow();
    }
  }

  /** Whether others' packets ended the last {@link wait}. */
  get hasOthers(): boolean {
    return this.#polled.has(OTHERS, POLLIN);
  }

  next(batch: FrameBatch): boolean {
    const found = this.#ring.next(batch);
    this.#given += batch.count;
    if (this.#targeted) leaveOut(batch, this.#targeted);
    return found;
  }

  stop(): void {
    this.#socket.attach(toClosedFilter());
    this.#closeOwnCounter();
    this.#polled.ignore(WAKE);
    this.#stopsAt = performance.now() + LAST;
  }

  get isOver(): boolean {
    if (this.#stopsAt === Infinity || this.#ring.isReady) return false;
    const { accepted, dropped } = this.counters();
    return this.#given >= accepted - dropped ||
      performance.now() >= this.#stopsAt;
  }

  [Symbol.dispose](): void {
    this.#closeOwnCounter();
    this.#links[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }

  /** Goes by the interfaces and addresses that there are now. */
  #follow(): void {
    const { names } = this.#links;
    const chosen = chosenOf(names, this.#options.interfaces);
    this.#names = chosen;
    if (this.#stopsAt !== Infinity) return;
    this.#applyFilter();
    this.#applyOwnFilter();
  }

  #setAim(aim: Aim): void {
    this.#aim = aim;
    this.#targets = aim.targets && toTargetSet(aim.targets);
  }

  #applyFilter(): void {
    const targets = this.#targets;
    const { program, isExact } = toFilter(this.#filter());
    this.#socket.attach(program);
    this.#targeted = targets && !isExact ? new Targeted(targets) : undefined;
  }

  /** Counts what the filter leaves out from now on for being ours. */
  #applyOwnFilter(): void {
    const filter = this.#filter();
    if (filter.own?.length === 0) return this.#closeOwnCounter();
    this.#ownCounter ??= new OwnCounter();
    this.#ownCounter.count(toOwnFilter(filter));
  }

  #filter(): FilterOptions {
    const { interfaces, expression, snapLength } = this.#options;
    const { own } = this.#aim;
    return {
      interfaces: interfaces ? this.#names.keys() : undefined,
      own: toOwnPorts(own, this.#links.addresses),
      targets: this.#targets,
      expression,
      snapLength,
    };
  }

  #closeOwnCounter(): void {
    this.#counters.own += this.#ownCounter?.take() ?? 0;
    this.#ownCounter?.[Symbol.dispose]();
    this.#ownCounter = undefined;
  }
}

/** Takes out of a batch what is of no target. */
function leaveOut(batch: FrameBatch, targeted: Targeted): void {
  const { bytes } = batch;
  let kept = 0;
  for (let row = 0; row < batch.count; row++) {
    const start = batch.start[row]!;
    const type = bytes[start]! << 8 | bytes[start + 1]!;
    const isTagged = type === TPID.CUSTOMER || type === TPID.SERVICE;
    const network = start + (isTagged ? MAX_COOKED : SLL2_HEADER);
    if (!targeted.has(bytes, network, start + batch.captured[row]!)) continue;
    batch.move(row, kept);
    kept++;
  }
  batch.count = kept;
}

/** What cooked headers of tagged packets begin with (IEEE 802.1Q). */
const TPID = { CUSTOMER: 0x8100, SERVICE: 0x88a8 } as const;

/**
 * Counts packets that a filter lets by, without looking at them: a socket that
 * nobody reads. Its queue is full after a packet or two; of the others the
 * kernel keeps nothing but their number.
 */
class OwnCounter implements Disposable {
  readonly #socket = new PacketSocket();
  #isBound = false;

  /** @throws SystemCallError */
  constructor() {
    this.#socket.keepNothing();
  }

  /** Counts by this filter from now on. */
  count(filter: Uint8Array<ArrayBuffer>): void {
    this.#socket.attach(filter);
    if (!this.#isBound) this.#socket.listen(ALL_INTERFACES);
    this.#isBound = true;
  }

  /** Packets since it was asked last: those that were dropped, too. */
  take(): number {
    return this.#socket.take().accepted;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** What is waited for, in this order. */
const PACKETS = 0;
const LINKS = 1;
const WAKE = 2;
const OTHERS = 3;

/** In place of a descriptor: nothing is waited for. */
const NOBODY = -1;

/** File descriptors that are waited for (`struct pollfd`, eight bytes each). */
class Polled {
  readonly #entries: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #count: number;

  constructor(fds: readonly number[]) {
    this.#count = fds.length;
    this.#entries = new Uint8Array(8 * fds.length);
    this.#view = new DataView(this.#entries.buffer);
    for (const [i, fd] of fds.entries()) {
      this.#view.setInt32(8 * i, fd, true);
      this.#view.setInt16(8 * i + 4, POLLIN, true);
    }
  }

  /** Waits until one is ready; at most that long, ms. */
  wait(timeout: number): void {
    const ms = Math.max(0, Math.ceil(timeout));
    const result = libc().poll(this.#entries, BigInt(this.#count), ms);
    // A signal may end it early.
    if (result < 0 && lastError() !== ERRNO.EINTR) check("poll", result);
    if (result < 0) this.#forget();
  }

  /** Waits no longer for a descriptor. */
  ignore(index: number): void {
    this.#view.setInt32(8 * index, NOBODY, true);
  }

  /** Whether one of these events has come for a descriptor. */
  has(index: number, events: number): boolean {
    return (this.#view.getInt16(8 * index + 6, true) & events) !== 0;
  }

  #forget(): void {
    for (let i = 0; i < this.#count; i++) this.#view.setInt16(8 * i + 6, 0);
  }
}

/** Those of the interfaces that were named; all if none were. */
function chosenOf(
  names: ReadonlyMap<number, string>,
  chosen: readonly string[] | undefined,
): ReadonlyMap<number, string> {
  if (!chosen) return names;
  return new Map([...names].filter(([, name]) => chosen.includes(name)));
}

function checkNames(
  names: ReadonlyMap<number, string>,
  chosen: readonly string[] | undefined,
): void {
  if (chosen && chosen.length > MAX_NAMED) {
    throw new CannotCapture(
      `Cannot capture on ${chosen.length} interfaces: at most ${MAX_NAMED} ` +
        "can be named. Name none to capture on all",
      false,
    );
  }
  const all = [...names.values()];
  const unknown = chosen?.find((name) => !all.includes(name));
  if (unknown === undefined) return;
  throw new CannotCapture(
    `Cannot capture on "${unknown}": no such interface among ${all.join(", ")}`,
    false,
  );
}

/** Makes a ring of about so many bytes. */
function makeRing(socket: PacketSocket, size: number): Ring {
  const bounded = Math.min(RING_SIZE.MOST, Math.max(RING_SIZE.LEAST, size));
  return socket.makeRing(BLOCK_SIZE, Math.floor(bounded / BLOCK_SIZE));
}
