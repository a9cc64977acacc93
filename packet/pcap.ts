/**
 * Classic PCAP: a header of 24 bytes, then records of 16 bytes and a frame.
 *
 * Source: draft-ietf-opsawg-pcap. The magic number gives byte order and
 * resolution. A third one, of A. Kuznetzov's patched libpcap, announces 8
 * bytes more in each record.
 */
import { Damage, type Format, MAX_FRAME } from "./format.ts";
import {
  type FrameBatch,
  type Interface,
  RECORDS,
  type Records,
} from "./frame.ts";
import type { Window } from "./source.ts";

/** Bytes of the file's header. */
export const PCAP_HEADER = 24;

/** Bytes of a record before its frame. */
export const PCAP_RECORD = 16;

/** The same in modified files. */
const MODIFIED_RECORD = 24;

/** Frames of that size are believed whatever the snap length says (libpcap). */
const MAX_SNAP_LENGTH = 262_144;

/** What a file begins with. */
export const PCAP_MAGIC = {
  MICRO: 0xa1b2c3d4,
  NANO: 0xa1b23c4d,
  MODIFIED: 0xa1b2cd34,
} as const;

/** Reads the records of a classic file. */
export class Pcap implements Format {
  readonly records: Records;
  readonly interfaces: readonly Interface[];
  readonly secrets = [];
  readonly dropped = 0;
  readonly #little: boolean;
  /** Nanoseconds in a unit of the records' fractions. */
  readonly #unit: number;
  /** Bytes of a record before its frame. */
  readonly recordSize: number;
  readonly #maxFrame: number;

  private constructor(view: DataView, little: boolean, magic: number) {
    const snapLength = view.getUint32(16, little);
    // The upper half tells whether frames end with a checksum.
    const linkType = view.getUint32(20, little) & 0xffff;
    this.interfaces = [{ linkType, snapLength }];
    this.records = toRecords(magic, little);
    this.#little = little;
    this.#unit = magic === PCAP_MAGIC.NANO ? 1 : 1000;
    this.recordSize = magic === PCAP_MAGIC.MODIFIED
      ? MODIFIED_RECORD
      : PCAP_RECORD;
    this.#maxFrame = Math.min(
      MAX_FRAME,
      Math.max(MAX_SNAP_LENGTH, snapLength),
    );
  }

  /** Reads a file's header and moves over it; `undefined` if it is another's. */
  static open(window: Window): Pcap | undefined {
    if (!window.fill(PCAP_HEADER)) return undefined;
    const { view } = window;
    for (const little of [true, false]) {
      const magic = view.getUint32(0, little);
      if (!Object.values<number>(PCAP_MAGIC).includes(magic)) continue;
      window.from += PCAP_HEADER;
      return new Pcap(view, little, magic);
    }
    return undefined;
  }

  read(window: Window, batch: FrameBatch): number {
    const recordSize = this.recordSize;
    const little = this.#little;
    const unit = this.#unit;
    const { view, to, base } = window;
    let at = window.from;
    let row = batch.count;
    let needed = 0;
    let captured = 0;
    let isBlank = false;
    while (row < batch.capacity) {
      const start = at + recordSize;
      needed = recordSize;
      if (start > to) break;
      captured = view.getUint32(at + 8, little);
      needed = recordSize + captured;
      if (start + captured > to) break;
      if (captured === 0 && isZero(view, at, recordSize)) {
        isBlank = true;
        break;
      }
      const fraction = view.getUint32(at + 4, little) * unit;
      const micros = Math.floor(fraction / 1000);
      batch.start[row] = start;
      batch.captured[row] = captured;
      batch.original[row] = view.getUint32(at + 12, little);
      batch.time[row] = view.getUint32(at, little) * 1e6 + micros;
      batch.nanos[row] = fraction - micros * 1000;
      batch.interface[row] = 0;
      batch.position[row] = base + start;
      at = start + captured;
      needed = 0;
      row++;
    }
    window.from = at;
    batch.count = row;
    if (captured > this.#maxFrame) {
      throw new Damage(`a frame of ${captured} bytes`, window.position);
    }
    // What a file system leaves of a file that grew when the machine stopped.
    if (isBlank) throw new Damage("a record of zeros", window.position);
    return needed;
  }
}

function toRecords(magic: number, little: boolean): Records {
  if (magic === PCAP_MAGIC.MICRO) {
    return little ? RECORDS.MICRO_LE : RECORDS.MICRO_BE;
  }
  if (magic === PCAP_MAGIC.NANO) {
    return little ? RECORDS.NANO_LE : RECORDS.NANO_BE;
  }
  return RECORDS.NONE;
}

function isZero(view: DataView, at: number, size: number): boolean {
  for (let n = 0; n < size; n += 4) {
    if (view.getUint32(at + n) !== 0) return false;
  }
  return true;
}
