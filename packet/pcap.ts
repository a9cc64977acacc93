/**
 * Classic PCAP: a header of 24 bytes, then records of 16 bytes and a frame.
 *
 * Source: draft-ietf-opsawg-pcap. Its four magic numbers give byte order and
 * resolution; a fifth, of A. Kuznetzov's patched libpcap, has 8 bytes more in
 * each record.
 */
import { type FrameBatch, RECORDS, type Records } from "./frame.ts";
import type { Window } from "./source.ts";

/** Bytes of the file's header. */
export const PCAP_HEADER = 24;

/** Bytes before each frame. */
export const PCAP_RECORD = 16;

/** Bytes of one frame: more than any interface sends, even with GSO. */
export const MAX_FRAME = 16 * 1024 * 1024;

/** Frames up to here are believed whatever the snap length says (libpcap). */
const MAX_SNAP_LENGTH = 262_144;

const MAGIC = {
  MICRO: 0xa1b2c3d4,
  NANO: 0xa1b23c4d,
  MODIFIED: 0xa1b2cd34,
} as const;

/** What a classic file's header says. */
export interface PcapHeader {
  readonly little: boolean;
  /** Nanoseconds in a unit of the records' fractions: 1 or 1000. */
  readonly unit: 1 | 1000;
  /** Bytes before each frame: 24 in modified files. */
  readonly recordSize: number;
  readonly records: Records;
  readonly linkType: number;
  readonly snapLength: number;
}

/** Reads a file's header, or gives `undefined` where the magic is another. */
export function readPcapHeader(view: DataView): PcapHeader | undefined {
  for (const little of [true, false]) {
    const magic = view.getUint32(0, little);
    if (
      magic !== MAGIC.MICRO && magic !== MAGIC.NANO && magic !== MAGIC.MODIFIED
    ) continue;
    return {
      little,
      unit: magic === MAGIC.NANO ? 1 : 1000,
      recordSize: magic === MAGIC.MODIFIED ? 24 : PCAP_RECORD,
      records: recordsOf(magic, little),
      // The upper half tells whether frames end with a checksum.
      linkType: view.getUint32(20, little) & 0xffff,
      snapLength: view.getUint32(16, little),
    };
  }
  return undefined;
}

function recordsOf(magic: number, little: boolean): Records {
  if (magic === MAGIC.MICRO) {
    return little ? RECORDS.MICRO_LE : RECORDS.MICRO_BE;
  }
  if (magic === MAGIC.NANO) return little ? RECORDS.NANO_LE : RECORDS.NANO_BE;
  return RECORDS.NONE;
}

/**
 * Adds the records in the window to the batch, until either is exhausted.
 *
 * @returns bytes that the next record needs, or what is wrong with it
 */
export function readPcapRecords(
  header: PcapHeader,
  window: Window,
  batch: FrameBatch,
): number | string {
  const { little, unit, recordSize } = header;
  const { view, to, base } = window;
  const limit = Math.min(
    MAX_FRAME,
    Math.max(MAX_SNAP_LENGTH, header.snapLength),
  );
  let at = window.from;
  let row = batch.count;
  let needed = recordSize;
  while (row < batch.capacity && at + recordSize <= to) {
    const captured = view.getUint32(at + 8, little);
    if (captured > limit) {
      window.from = at;
      batch.count = row;
      return `a frame of ${captured} bytes`;
    }
    const start = at + recordSize;
    if (start + captured > to) {
      needed = recordSize + captured;
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
    row++;
    at = start + captured;
  }
  window.from = at;
  batch.count = row;
  return needed;
}
