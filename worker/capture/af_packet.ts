/**
 * Live packets of this machine by an AF_PACKET socket (`packet(7)`).
 *
 * One socket hears all interfaces, also those that are yet to come, and its
 * filter picks those that were named. Since link headers differ, packets come
 * without theirs (SOCK_DGRAM) and get a cooked one, see `ring.ts`.
 */
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { LINKTYPE } from "../../packet/link.ts";
import {
  check,
  ERRNO,
  lastError,
  libc,
  map,
  SystemCallError,
  unmap,
} from "../ffi/libc.ts";
import {
  type FilterOptions,
  MAX_NAMED,
  toClosedFilter,
  toFilter,
  toOwnFilter,
} from "./filter.ts";
import { Links } from "./links.ts";
import { toOwnPorts } from "./own_traffic.ts";
import { MAX_COOKED, Ring, SLL2_HEADER } from "./ring.ts";
import { toCannotCapture } from "./failure.ts";
import {
  type Aim,
  CannotCapture,
  EVERYTHING,
  type KernelCounters,
  type LiveSource,
} from "./source.ts";
import { Targeted, type TargetSet, toTargetSet } from "./targets.ts";

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const ETH_P_ALL = 3;

const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const TPACKET_V3 = 2;

const POLLIN = 1;
const POLLERR = 8;

/** Bytes of `struct sockaddr_ll`, and of what {@link PACKET_STATISTICS} gives. */
const SOCKADDR_LL = 20;
const STATISTICS = 12;

/** Bytes of a block: several packets of the largest size fit. */
const BLOCK_SIZE = 512 * 1024;

/** Bytes of a slot. The kernel checks it, and with TPACKET_V3 ignores it. */
const FRAME_SIZE = 2048;

/** How long a packet waits in a block that does not fill, ms. */
const RETIRE = 50;

/** Longest that the last packets may take to come after {@link AfPacket.stop}. */
const LAST = 4 * RETIRE;

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
}

/** Captures on this machine. */
export class AfPacket implements LiveSource {
  readonly interfaces: readonly Interface[];
  readonly #options: AfPacketOptions;
  readonly #fd: number;
  readonly #links: Links;
  readonly #memory: Uint8Array<ArrayBuffer>;
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
    fd: number,
    links: Links,
    memory: Uint8Array<ArrayBuffer>,
  ) {
    const { snapLength, wakeFd } = options;
    this.interfaces = [{
      linkType: LINKTYPE.LINUX_SLL2,
      snapLength: snapLength + MAX_COOKED,
      name: "any",
    }];
    this.#options = options;
    if (options.aim) this.#setAim(options.aim);
    this.#fd = fd;
    this.#links = links;
    this.#memory = memory;
    this.#ring = new Ring(memory, BLOCK_SIZE);
    this.#names = chosenOf(links.names, options.interfaces);
    this.#polled = new Polled([
      fd,
      links.fd,
      ...(wakeFd === undefined ? [] : [wakeFd]),
    ]);
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
    // Of protocol 0 it hears nothing until it is bound: what the filter is not
    // attached to yet never gets in.
    const fd = check(
      "socket",
      libc().socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
    );
    let links: Links | undefined;
    let memory: Uint8Array<ArrayBuffer> | undefined;
    try {
      links = new Links();
      checkNames(links.names, options.interfaces);
      memory = makeRing(fd, options.ringSize ?? RING_SIZE.DEFAULT);
      const capture = new AfPacket(options, fd, links, memory);
      capture.#applyFilter();
      bindToAll(fd);
      capture.#applyOwnFilter();
      return capture;
    } catch (error) {
      if (memory) unmap(memory);
      links?.[Symbol.dispose]();
      libc().close(fd);
      throw error;
    }
  }

  get names(): ReadonlyMap<number, string> {
    return this.#names;
  }

  counters(): KernelCounters {
    // Reading them sets them to 0. Those accepted include those dropped.
    const bytes = new Uint32Array(STATISTICS / 4);
    getOption(this.#fd, SOL_PACKET, PACKET_STATISTICS, bytes);
    this.#counters.accepted += bytes[0]!;
    this.#counters.dropped += bytes[1]!;
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
    if (polled.has(PACKETS, POLLERR)) this.#clearError();
    if (polled.has(LINKS, POLLIN | POLLERR) && this.#links.refresh()) {
      this.#follow();
    }
  }

  next(batch: FrameBatch): boolean {
    const found = this.#ring.next(batch);
    this.#given += batch.count;
    if (this.#targeted) leaveOut(batch, this.#targeted);
    return found;
  }

  stop(): void {
    setFilter(this.#fd, toClosedFilter());
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
    unmap(this.#memory);
    this.#closeOwnCounter();
    this.#links[Symbol.dispose]();
    libc().close(this.#fd);
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
    setFilter(this.#fd, program);
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

  /** An interface that goes down leaves an error, which reading clears. */
  #clearError(): void {
    const value = new Uint32Array(1);
    getOption(this.#fd, SOL_SOCKET, SO_ERROR, value);
    const errno = value[0]!;
    if (errno !== 0 && errno !== ERRNO.ENETDOWN) {
      throw new SystemCallError("Capture", errno);
    }
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
  readonly #fd: number;
  #isBound = false;

  /** @throws SystemCallError */
  constructor() {
    const type = SOCK_DGRAM | SOCK_CLOEXEC;
    this.#fd = check("socket", libc().socket(AF_PACKET, type, 0));
    // The kernel makes it the least that it knows.
    setOption(this.#fd, SOL_SOCKET, SO_RCVBUF, new Uint32Array([0]));
  }

  /** Counts by this filter from now on. */
  count(filter: Uint8Array<ArrayBuffer>): void {
    setFilter(this.#fd, filter);
    if (!this.#isBound) bindToAll(this.#fd);
    this.#isBound = true;
  }

  /** Packets since it was asked last. */
  take(): number {
    // `struct tpacket_stats`: those that were dropped are counted as well.
    const counts = new Uint32Array(2);
    getOption(this.#fd, SOL_PACKET, PACKET_STATISTICS, counts);
    return counts[0]!;
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }
}

/** What is waited for, in this order. */
const PACKETS = 0;
const LINKS = 1;
const WAKE = 2;

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

  /** Waits no longer for a descriptor, if it did. */
  ignore(index: number): void {
    if (index < this.#count) this.#view.setInt32(8 * index, -1, true);
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

/** Makes a ring and maps it. */
function makeRing(fd: number, size: number): Uint8Array<ArrayBuffer> {
  setOption(fd, SOL_PACKET, PACKET_VERSION, new Uint32Array([TPACKET_V3]));
  const bounded = Math.min(RING_SIZE.MOST, Math.max(RING_SIZE.LEAST, size));
  const blocks = Math.floor(bounded / BLOCK_SIZE);
  // `struct tpacket_req3`; of the rest nothing is wanted.
  const request = new Uint32Array([
    ...[BLOCK_SIZE, blocks, FRAME_SIZE],
    ...[blocks * (BLOCK_SIZE / FRAME_SIZE), RETIRE, 0, 0],
  ]);
  setOption(fd, SOL_PACKET, PACKET_RX_RING, request);
  return map(fd, blocks * BLOCK_SIZE);
}

/** Begins to hear every interface. */
function bindToAll(fd: number): void {
  const address = new Uint8Array(SOCKADDR_LL);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL);
  check("bind", libc().bind(fd, address, SOCKADDR_LL));
}

/** Puts a program in place of the one before; no packet sees neither. */
function setFilter(fd: number, program: Uint8Array<ArrayBuffer>): void {
  // `struct sock_fprog`: how many instructions, and where they are.
  const description = new BigUint64Array(2);
  description[0] = BigInt(program.length / 8);
  description[1] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(program));
  setOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, description);
}

function setOption(
  fd: number,
  level: number,
  option: number,
  value: Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>,
): void {
  check(
    "setsockopt",
    libc().setsockopt(fd, level, option, value, value.byteLength),
  );
}

function getOption(
  fd: number,
  level: number,
  option: number,
  value: Uint32Array<ArrayBuffer>,
): void {
  const size = new Uint32Array([value.byteLength]);
  check("getsockopt", libc().getsockopt(fd, level, option, value, size));
}
