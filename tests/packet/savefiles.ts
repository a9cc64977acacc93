/**
 * Savefiles put together from records and blocks, for tests: independent of
 * our own writer, in either byte order.
 */
import { SavefileReader } from "../../packet/savefile.ts";
import { FrameBatch } from "../../packet/frame.ts";
import type { ByteSource } from "../../packet/source.ts";
import { concat } from "../fuzz/random.ts";

/** Writes numbers in one byte order. */
export class Numbers {
  readonly little: boolean;

  constructor(little: boolean) {
    this.little = little;
  }

  u16(...values: number[]): Uint8Array {
    return this.#write(
      2,
      values,
      (view, at, value) => view.setUint16(at, value, this.little),
    );
  }

  u32(...values: number[]): Uint8Array {
    return this.#write(
      4,
      values,
      (view, at, value) => view.setUint32(at, value, this.little),
    );
  }

  u64(value: bigint): Uint8Array {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, value, this.little);
    return bytes;
  }

  #write(
    size: number,
    values: readonly number[],
    set: (view: DataView, at: number, value: number) => void,
  ): Uint8Array {
    const bytes = new Uint8Array(values.length * size);
    const view = new DataView(bytes.buffer);
    values.forEach((value, n) => set(view, n * size, value));
    return bytes;
  }
}

/** One frame in a classic file. */
export interface Recorded {
  readonly seconds?: number;
  /** Microseconds or nanoseconds, as the file counts. */
  readonly fraction?: number;
  readonly original?: number;
  readonly frame: Uint8Array;
}

/** How a classic file is written. */
export interface PcapOptions {
  readonly little?: boolean;
  readonly magic?: number;
  readonly linkType?: number;
  readonly snapLength?: number;
}

/** A classic file. */
export function pcap(
  records: readonly Recorded[],
  options: PcapOptions = {},
): Uint8Array {
  const magic = options.magic ?? 0xa1b2c3d4;
  const numbers = new Numbers(options.little ?? true);
  return concat(
    numbers.u32(magic),
    numbers.u16(2, 4),
    numbers.u32(0, 0, options.snapLength ?? 262_144, options.linkType ?? 1),
    ...records.map(({ seconds, fraction, original, frame }) =>
      concat(
        numbers.u32(
          seconds ?? 1_700_000_000,
          fraction ?? 0,
          frame.length,
          original ?? frame.length,
        ),
        new Uint8Array(magic === 0xa1b2cd34 ? 8 : 0),
        frame,
      )
    ),
  );
}

/** Blocks of a pcapng file in one byte order. */
export class Blocks {
  readonly numbers: Numbers;

  constructor(little = true) {
    this.numbers = new Numbers(little);
  }

  block(type: number, ...body: readonly Uint8Array[]): Uint8Array {
    const content = padded(concat(...body));
    const size = content.length + 12;
    const { numbers } = this;
    return concat(numbers.u32(type, size), content, numbers.u32(size));
  }

  section(): Uint8Array {
    const { numbers } = this;
    return this.block(
      0x0a0d0d0a,
      numbers.u32(0x1a2b3c4d),
      numbers.u16(1, 0),
      numbers.u64(-1n),
    );
  }

  option(code: number, value: Uint8Array): Uint8Array {
    return concat(this.numbers.u16(code, value.length), padded(value));
  }

  interface(
    linkType = 1,
    options: {
      snapLength?: number;
      name?: string;
      resolution?: number;
      offset?: bigint;
    } = {},
  ): Uint8Array {
    const { numbers } = this;
    const parts = [
      numbers.u16(linkType, 0),
      numbers.u32(options.snapLength ?? 0),
    ];
    if (options.name !== undefined) {
      parts.push(this.option(2, new TextEncoder().encode(options.name)));
    }
    if (options.resolution !== undefined) {
      parts.push(this.option(9, Uint8Array.of(options.resolution)));
    }
    if (options.offset !== undefined) {
      parts.push(this.option(14, numbers.u64(options.offset)));
    }
    if (parts.length > 2) parts.push(numbers.u16(0, 0));
    return this.block(1, ...parts);
  }

  packet(number: number, ticks: bigint, frame: Uint8Array): Uint8Array {
    const { numbers } = this;
    return this.block(
      6,
      numbers.u32(number, ...halves(ticks), frame.length, frame.length),
      frame,
    );
  }

  simplePacket(frame: Uint8Array, original = frame.length): Uint8Array {
    return this.block(3, this.numbers.u32(original), frame);
  }

  oldPacket(number: number, ticks: bigint, frame: Uint8Array): Uint8Array {
    const { numbers } = this;
    return this.block(
      2,
      numbers.u16(number, 65_535),
      numbers.u32(...halves(ticks), frame.length, frame.length),
      frame,
    );
  }

  /** Counts of frames that an interface lost in the kernel and before it. */
  statistics(
    number: number,
    byInterface: bigint,
    bySystem: bigint,
  ): Uint8Array {
    const { numbers } = this;
    return this.block(
      5,
      numbers.u32(number, 0, 0),
      this.option(5, numbers.u64(byInterface)),
      this.option(7, numbers.u64(bySystem)),
      numbers.u16(0, 0),
    );
  }

  secrets(type: number, data: Uint8Array): Uint8Array {
    return this.block(10, this.numbers.u32(type, data.length), data);
  }
}

function padded(bytes: Uint8Array): Uint8Array {
  return concat(bytes, new Uint8Array((4 - bytes.length % 4) % 4));
}

function halves(ticks: bigint): [number, number] {
  return [Number(ticks >> 32n), Number(ticks & 0xffffffffn)];
}

/** One frame as a reader gave it. */
export interface Read {
  readonly time: number;
  readonly nanos: number;
  readonly original: number;
  readonly linkType: number;
  readonly position: number;
  readonly frame: Uint8Array;
}

/** Everything in a file, and its reader. */
export function readAll(
  source: ByteSource,
  capacity = 64,
): { frames: Read[]; reader: SavefileReader } {
  const reader = new SavefileReader(source);
  return { frames: readRest(reader, capacity), reader };
}

/** What a reader has still to give. */
export function readRest(reader: SavefileReader, capacity = 64): Read[] {
  const batch = new FrameBatch(capacity);
  const frames: Read[] = [];
  while (reader.next(batch)) {
    for (let row = 0; row < batch.count; row++) {
      const start = batch.start[row]!;
      frames.push({
        time: batch.time[row]!,
        nanos: batch.nanos[row]!,
        original: batch.original[row]!,
        linkType: reader.interfaces[batch.interface[row]!]!.linkType,
        position: batch.position[row]!,
        frame: batch.bytes.slice(start, start + batch.captured[row]!),
      });
    }
  }
  return frames;
}

/** A source that gives at most `size` bytes at a time, as pipes do. */
export function inPieces(source: ByteSource, size: number): ByteSource {
  return { read: (into) => source.read(into.subarray(0, size)) };
}
