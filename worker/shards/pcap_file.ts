/**
 * A shard's packets on the disk: classic PCAP, nanoseconds, little endian.
 */
import { FrameBatch, type Interface } from "../../packet/frame.ts";
import {
  type ByteSource,
  PCAP_HEADER,
  SavefileReader,
} from "../../packet/savefile.ts";
import type { StoredFile } from "./folder.ts";

/**
 * Captured bytes that a record may have: tcpdump and Wireshark refuse more.
 * Longer frames keep their beginning and their size on the wire.
 */
export const MAX_CAPTURED = 262_144;

/** Nanoseconds, little endian. */
const MAGIC = "4d3cb2a1";

/** Frames that are read at a time. */
const ROWS = 2048;

/** What the file of a shard begins with. */
export function encodePcapHeader(linkType: number): Uint8Array {
  const header = new Uint8Array(PCAP_HEADER);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0xa1b23c4d, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, MAX_CAPTURED, true);
  view.setUint32(20, linkType, true);
  return header;
}

/** Whether a file has the whole header that the file of a shard begins with. */
export function isShardPcap(file: StoredFile): boolean {
  const header = new Uint8Array(PCAP_HEADER);
  return file.read(header, 0) === PCAP_HEADER &&
    header.subarray(0, 4).toHex() === MAGIC;
}

/** The link type in the header of such a file. */
export function readLinkType(file: StoredFile): number {
  const header = new Uint8Array(PCAP_HEADER);
  file.read(header, 0);
  return new DataView(header.buffer).getUint32(20, true) & 0xffff;
}

/** An open file, read from any place on. */
class FileSource implements ByteSource {
  readonly #file: StoredFile;
  position = 0;

  constructor(file: StoredFile) {
    this.#file = file;
  }

  read(into: Uint8Array): number | null {
    const got = this.#file.read(into, this.position);
    this.position += got;
    return got === 0 ? null : got;
  }
}

/** Reads a shard's frames in order, also while more are written. */
export class PcapFile {
  /** The frames read last. Borrowed until {@link next}. */
  readonly batch: FrameBatch = new FrameBatch(ROWS);
  readonly #source: FileSource;
  readonly #reader: SavefileReader;

  /**
   * @param file for which {@link isShardPcap} holds; borrowed
   * @param position where a record begins; by default the first one
   */
  constructor(file: StoredFile, position?: number) {
    this.#source = new FileSource(file);
    this.#reader = new SavefileReader(this.#source);
    if (position !== undefined) this.#seek(position);
  }

  get linkType(): number {
    return this.interfaces[0]!.linkType;
  }

  /** For the batch. */
  get interfaces(): readonly Interface[] {
    return this.#reader.interfaces;
  }

  /** What is wrong with the file behind {@link position}, if it is not torn. */
  get damage(): string | undefined {
    return this.#reader.damage;
  }

  /** Bytes of the file that whole records and its header make up. */
  get position(): number {
    return this.#reader.position;
  }

  /** Reads further frames into the batch, and says whether there are any. */
  next(): boolean {
    return this.#reader.next(this.batch);
  }

  /** Looks again whether there are frames behind those that were read. */
  more(): boolean {
    this.#seek(this.position);
    return this.next();
  }

  #seek(position: number): void {
    this.#source.position = position;
    this.#reader.resumeAt(position);
  }
}
