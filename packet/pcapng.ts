/**
 * pcapng: a file of blocks, in sections which each have their byte order.
 *
 * Source: draft-ietf-opsawg-pcapng. A section begins with its header and
 * describes its interfaces before their frames; blocks that we do not know are
 * passed over.
 */
import { Damage, type Format, MAX_FRAME, type Secrets } from "./format.ts";
import { type FrameBatch, type Interface, RECORDS } from "./frame.ts";
import type { Window } from "./source.ts";

/** Block types (§4). */
export const BLOCK = {
  SECTION: 0x0a0d0d0a,
  INTERFACE: 1,
  OLD_PACKET: 2,
  SIMPLE_PACKET: 3,
  STATISTICS: 5,
  PACKET: 6,
  SECRETS: 10,
} as const;

/** An option that every block may have (§3.5): text for people. */
export const COMMENT_OPTION = 1;

/** Options of an interface (§4.2). */
export const INTERFACE_OPTION = {
  NAME: 2,
  RESOLUTION: 9,
  OFFSET: 14,
} as const;

/** Options of an interface's statistics (§4.6). */
export const STATISTICS_OPTION = {
  DROPPED_BY_INTERFACE: 5,
  DROPPED_BY_SYSTEM: 7,
} as const;

/** What stands after a section's length, in its byte order. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** A block's type and length before its body, and the length again after it. */
const FRAMING = 12;

/** Bytes of a block that is read whole; others are passed over. */
const MAX_BLOCK = MAX_FRAME + 65_536;

/** Interfaces of a file, all its sections together. */
const MAX_INTERFACES = 65_536;

/** Bytes of an interface's name. */
const MAX_NAME = 256;

/** Bytes that all secrets of a file cost, each with what it costs by itself. */
const MAX_SECRETS = 16 * 1024 * 1024;
const SECRET_COST = 128;

/** The last microsecond that a number holds exactly, in the year 2255. */
const MAX_TIME = Number.MAX_SAFE_INTEGER;

/** How an interface counts time. */
interface Clock {
  /** Ticks in a microsecond: 1, 10, 100 or 1000; 0 for any other resolution. */
  readonly ticks: number;
  /** Whole microseconds in 2^32 ticks, and the ticks that are left. */
  readonly whole: number;
  readonly rest: number;
  /** Ticks in a second. */
  readonly perSecond: bigint;
  /** To be added, µs. */
  readonly offset: number;
}

/** Reads the blocks of a pcapng file. */
export class Pcapng implements Format {
  readonly records = RECORDS.NONE;
  readonly interfaces: Interface[] = [];
  readonly secrets: Secrets[] = [];
  #secretCost = 0;
  #little = true;
  /** Interfaces in the sections before this one. */
  #base = 0;
  readonly #clocks: Clock[] = [];
  /** Frames that each interface lost, by its latest statistics. */
  readonly #dropped: number[] = [];
  /** Of the frame before. */
  #time = 0;
  #nanos = 0;

  /** Begins to read, or gives `undefined` where the file is of another kind. */
  static open(window: Window): Pcapng | undefined {
    const isOne = window.fill(FRAMING) &&
      window.view.getUint32(0) === BLOCK.SECTION &&
      byteOrder(window.view, 8) !== undefined;
    return isOne ? new Pcapng() : undefined;
  }

  get dropped(): number {
    return this.#dropped.reduce((sum, frames) => sum + frames, 0);
  }

  read(window: Window, batch: FrameBatch): number {
    while (batch.count < batch.capacity) {
      if (window.available < FRAMING) return FRAMING;
      const { view, from } = window;
      if (view.getUint32(from) === BLOCK.SECTION) this.#begin(window);
      const type = view.getUint32(from, this.#little);
      const size = this.#blockSize(window);
      if (!isRead(type)) {
        if (window.available < size && batch.count > 0) return size;
        const { position } = window;
        if (!window.skip(size)) {
          throw new Damage("a block that is cut off", position);
        }
        continue;
      }
      if (size > MAX_BLOCK) this.#damaged(window, `a block of ${size} bytes`);
      if (window.available < size) return size;
      this.#readBlock(window, type, size, batch);
      window.from = from + size;
    }
    return 0;
  }

  /** Starts a section. */
  #begin(window: Window): void {
    const little = byteOrder(window.view, window.from + 8);
    if (little === undefined) {
      this.#damaged(window, "a section of no known byte order");
    }
    this.#little = little;
    this.#base = this.interfaces.length;
  }

  /** Bytes of the block that the window stands on. */
  #blockSize(window: Window): number {
    const size = window.view.getUint32(window.from + 4, this.#little);
    if (size < FRAMING) this.#damaged(window, `a block of ${size} bytes`);
    // Some writers leave the padding out of the length.
    return padded(size);
  }

  #readBlock(
    window: Window,
    type: number,
    size: number,
    batch: FrameBatch,
  ): void {
    const { view, from } = window;
    const end = from + size - 4;
    if (padded(view.getUint32(end, this.#little)) !== size) {
      this.#damaged(window, "a block with two lengths");
    }
    switch (type) {
      case BLOCK.PACKET:
      case BLOCK.OLD_PACKET:
        return this.#readPacket(window, type, end, batch);
      case BLOCK.SIMPLE_PACKET:
        return this.#readSimplePacket(window, end, batch);
      case BLOCK.SECTION:
        return this.#readSection(window, end);
      case BLOCK.INTERFACE:
        return this.#readInterface(window, end);
      case BLOCK.STATISTICS:
        return this.#readStatistics(window, end);
      case BLOCK.SECRETS:
        return this.#readSecrets(window, end);
    }
  }

  /** A frame in an enhanced packet block, or in the block that came before. */
  #readPacket(
    window: Window,
    type: number,
    end: number,
    batch: FrameBatch,
  ): void {
    this.#require(window, end, 20);
    const { view, from } = window;
    const little = this.#little;
    // In the older block a count of lost frames fills the other half.
    const index = this.#base +
      (type === BLOCK.OLD_PACKET
        ? view.getUint16(from + 8, little)
        : view.getUint32(from + 8, little));
    const clock = this.#clocks[index];
    if (clock) {
      const high = view.getUint32(from + 12, little);
      this.#setTime(clock, high, view.getUint32(from + 16, little));
    }
    const captured = view.getUint32(from + 20, little);
    const original = view.getUint32(from + 24, little);
    this.#add(window, batch, index, from + 28, end, captured, original);
  }

  /** A frame of the first interface, without a time: the one before's holds. */
  #readSimplePacket(window: Window, end: number, batch: FrameBatch): void {
    this.#require(window, end, 4);
    const { view, from } = window;
    const snapLength = this.interfaces[this.#base]?.snapLength;
    const original = view.getUint32(from + 8, this.#little);
    const start = from + 12;
    const captured = Math.min(original, snapLength || original, end - start);
    this.#add(window, batch, this.#base, start, end, captured, original);
  }

  #add(
    window: Window,
    batch: FrameBatch,
    index: number,
    start: number,
    end: number,
    captured: number,
    original: number,
  ): void {
    if (index >= this.interfaces.length) {
      const number = index - this.#base;
      this.#damaged(window, `a frame of the unknown interface ${number}`);
    }
    if (captured > Math.min(MAX_FRAME, end - start)) {
      this.#damaged(window, `a frame of ${captured} bytes`);
    }
    const row = batch.count++;
    batch.start[row] = start;
    batch.captured[row] = captured;
    batch.original[row] = original;
    batch.time[row] = this.#time;
    batch.nanos[row] = this.#nanos;
    batch.interface[row] = index;
    batch.position[row] = window.base + start;
  }

  /** Converts a count of an interface's ticks, given as two halves. */
  #setTime(clock: Clock, high: number, low: number): void {
    const { ticks, offset } = clock;
    let micros: number;
    if (ticks > 0) {
      // In halves, for 64 bits are more than a number holds exactly.
      const rest = high * clock.rest + low;
      const restMicros = Math.floor(rest / ticks);
      micros = high * clock.whole + restMicros;
      this.#nanos = (rest - restMicros * ticks) * (1000 / ticks);
    } else {
      const count = BigInt(high) << 32n | BigInt(low);
      const nanos = count * 1_000_000_000n / clock.perSecond;
      micros = Number(nanos / 1000n);
      this.#nanos = Number(nanos % 1000n);
    }
    this.#time = Math.max(0, Math.min(MAX_TIME, micros + offset));
  }

  #readSection(window: Window, end: number): void {
    this.#require(window, end, 16);
    const version = window.view.getUint16(window.from + 12, this.#little);
    if (version !== 1) {
      this.#damaged(window, `a section of the unknown version ${version}`);
    }
  }

  #readInterface(window: Window, end: number): void {
    this.#require(window, end, 8);
    if (this.interfaces.length >= MAX_INTERFACES) {
      this.#damaged(window, `more than ${MAX_INTERFACES} interfaces`);
    }
    const { view, from, bytes } = window;
    let name: string | undefined;
    let perSecond = 1_000_000n;
    let offset = 0;
    for (const [code, at, length] of this.#options(view, from + 16, end)) {
      if (code === INTERFACE_OPTION.NAME) {
        name = toName(bytes.subarray(at, at + Math.min(length, MAX_NAME)));
      } else if (code === INTERFACE_OPTION.RESOLUTION && length === 1) {
        perSecond = toTicksPerSecond(view.getUint8(at));
      } else if (code === INTERFACE_OPTION.OFFSET && length === 8) {
        offset = Number(view.getBigInt64(at, this.#little)) * 1e6;
      }
    }
    this.interfaces.push({
      linkType: view.getUint16(from + 8, this.#little),
      snapLength: view.getUint32(from + 12, this.#little),
      name,
    });
    this.#clocks.push(toClock(perSecond, offset));
    this.#dropped.push(0);
  }

  #readStatistics(window: Window, end: number): void {
    this.#require(window, end, 12);
    const { view, from } = window;
    const index = this.#base + view.getUint32(from + 8, this.#little);
    if (index >= this.#dropped.length) return;
    let dropped = 0;
    for (const [code, at, length] of this.#options(view, from + 20, end)) {
      const isCount = code === STATISTICS_OPTION.DROPPED_BY_INTERFACE ||
        code === STATISTICS_OPTION.DROPPED_BY_SYSTEM;
      if (isCount && length === 8) {
        dropped += Number(view.getBigUint64(at, this.#little));
      }
    }
    this.#dropped[index] = dropped;
  }

  #readSecrets(window: Window, end: number): void {
    this.#require(window, end, 8);
    const { view, from, bytes } = window;
    const start = from + 16;
    const size = view.getUint32(from + 12, this.#little);
    this.#secretCost += size + SECRET_COST;
    if (start + size > end || this.#secretCost > MAX_SECRETS) {
      this.#damaged(window, `secrets of ${size} bytes`);
    }
    this.secrets.push({
      type: view.getUint32(from + 8, this.#little),
      data: bytes.slice(start, start + size),
    });
  }

  /** A block's options: code, where the value begins, and its length. */
  *#options(
    view: DataView,
    start: number,
    end: number,
  ): Iterable<[code: number, at: number, length: number]> {
    let at = start;
    while (at + 4 <= end) {
      const code = view.getUint16(at, this.#little);
      const length = view.getUint16(at + 2, this.#little);
      at += 4;
      if (code === 0 || at + length > end) return;
      yield [code, at, length];
      at += padded(length);
    }
  }

  /** Holds a block to at least `size` bytes of body. */
  #require(window: Window, end: number, size: number): void {
    const body = end - window.from - 8;
    if (body < size) {
      this.#damaged(window, `a block with a body of ${body} bytes`);
    }
  }

  #damaged(window: Window, what: string): never {
    throw new Damage(what, window.position);
  }
}

/** A size with the padding to the next multiple of four. */
function padded(size: number): number {
  return size + (-size & 3);
}

/** Whether blocks of that type are read, and not passed over. */
function isRead(type: number): boolean {
  return type === BLOCK.PACKET || type === BLOCK.INTERFACE ||
    type === BLOCK.SIMPLE_PACKET || type === BLOCK.OLD_PACKET ||
    type === BLOCK.STATISTICS || type === BLOCK.SECRETS ||
    type === BLOCK.SECTION;
}

/** Whether the magic at `at` is little endian; `undefined` if it is none. */
function byteOrder(view: DataView, at: number): boolean | undefined {
  if (view.getUint32(at, true) === BYTE_ORDER_MAGIC) return true;
  if (view.getUint32(at, false) === BYTE_ORDER_MAGIC) return false;
  return undefined;
}

function toClock(perSecond: bigint, offset: number): Clock {
  const ticks =
    [1, 10, 100, 1000].find((ticks) =>
      BigInt(ticks) * 1_000_000n === perSecond
    ) ?? 0;
  return {
    ticks,
    whole: ticks > 0 ? Math.floor(2 ** 32 / ticks) : 0,
    rest: ticks > 0 ? 2 ** 32 % ticks : 0,
    perSecond,
    offset,
  };
}

/** What if_tsresol stands for: a power of ten, or of two if its top bit is set. */
function toTicksPerSecond(resolution: number): bigint {
  const exponent = BigInt(resolution & 0x7f);
  return resolution & 0x80 ? 2n ** exponent : 10n ** exponent;
}

/** A text that may end with a zero byte; empty is none. */
function toName(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  const text = end < 0 ? bytes : bytes.subarray(0, end);
  return new TextDecoder().decode(text) || undefined;
}
