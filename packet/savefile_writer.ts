/**
 * Savefiles as we write them: classic PCAP or pcapng, little endian.
 *
 * Records are put together in one buffer, used again and again. Frames that
 * lie behind record headers of classic PCAP are copied with them, neighbours
 * in one go, and the headers are rewritten only if the formats differ: an
 * export that keeps most of a file costs little more than copying it.
 */
import type { Secrets } from "./format.ts";
import { type FrameBatch, type Interface, RECORDS } from "./frame.ts";
import { PCAP_HEADER, PCAP_MAGIC, PCAP_RECORD } from "./pcap.ts";
import {
  BLOCK,
  BYTE_ORDER_MAGIC,
  COMMENT_OPTION,
  INTERFACE_OPTION,
  STATISTICS_OPTION,
} from "./pcapng.ts";

/** Where a savefile's bytes go: an open file, or an array. */
export interface ByteSink {
  /** Takes all of `bytes`; they are borrowed until it returns. */
  write(bytes: Uint8Array): void;
}

/** Classic PCAP in nanoseconds or microseconds, or pcapng in nanoseconds. */
export type SavefileFormat = "pcap" | "pcap-micro" | "pcapng";

/** Bytes that are put together before the sink gets them. */
const BUFFER = 256 * 1024;

/** Runs of that size go to the sink from where they lie. */
const LONG_RUN = 64 * 1024;

/** Bytes of a pcapng packet block around its frame. */
const PACKET_BLOCK = 32;

/** The snap length where the interface does not tell it. */
const SNAP_LENGTH = 262_144;

/** Bytes of a comment; the rest is cut. */
const MAX_COMMENT = 32_768;

/** Writes frames of batches to a sink. Nothing is kept of the batches. */
export class SavefileWriter {
  readonly format: SavefileFormat;
  /** Frames written. */
  frames = 0;
  /** Bytes of the file so far, of which some may still be in the buffer. */
  size = 0;
  readonly #sink: ByteSink;
  readonly #interfaces: Interface[] = [];
  #buffer = new Uint8Array(BUFFER);
  #view = new DataView(this.#buffer.buffer);
  #end = 0;

  /**
   * Begins a file.
   *
   * @param sink gets bytes when the buffer is full, and on {@link flush}
   * @param first the interface with number 0, the only one of a classic file
   * @param comment what people should know of a pcapng file
   */
  constructor(
    sink: ByteSink,
    format: SavefileFormat,
    first: Interface,
    comment?: string,
  ) {
    this.#sink = sink;
    this.format = format;
    if (format === "pcapng") {
      this.#writeSection(comment);
      this.addInterface(first);
    } else {
      this.#writeHeader(first);
    }
  }

  /**
   * Describes another interface in a pcapng file.
   *
   * @returns its number
   */
  addInterface(added: Interface): number {
    this.#requirePcapng("a second interface");
    const name = new TextEncoder().encode(added.name ?? "");
    const hasName = name.length > 0 && name.length <= 0xffff;
    const padded = Math.ceil(name.length / 4) * 4;
    const body = 8 + (hasName ? 4 + padded : 0) + 8 + 4;
    let at = this.#beginBlock(BLOCK.INTERFACE, body);
    const view = this.#view;
    view.setUint16(at, added.linkType, true);
    view.setUint32(at + 4, added.snapLength, true);
    at += 8;
    if (hasName) {
      view.setUint16(at, INTERFACE_OPTION.NAME, true);
      view.setUint16(at + 2, name.length, true);
      this.#buffer.set(name, at + 4);
      at += 4 + padded;
    }
    view.setUint16(at, INTERFACE_OPTION.RESOLUTION, true);
    view.setUint16(at + 2, 1, true);
    view.setUint8(at + 4, 9); // 10^-9 s
    return this.#interfaces.push(added) - 1;
  }

  /** Adds what decrypts the frames that follow to a pcapng file. */
  addSecrets(secrets: Secrets): void {
    this.#requirePcapng("secrets");
    const { type, data } = secrets;
    const at = this.#beginBlock(BLOCK.SECRETS, 8 + data.length);
    this.#view.setUint32(at, type, true);
    this.#view.setUint32(at + 4, data.length, true);
    this.#buffer.set(data, at + 8);
  }

  /**
   * Says in a pcapng file how many packets an interface lost.
   *
   * @param time up to which, µs since 1970
   */
  addLosses(number: number, packets: number, time: number): void {
    this.#requirePcapng("losses");
    const at = this.#beginBlock(BLOCK.STATISTICS, 12 + 12 + 4);
    const view = this.#view;
    view.setUint32(at, number, true);
    this.#setTime(at + 4, time, 0);
    view.setUint16(at + 12, STATISTICS_OPTION.DROPPED_BY_SYSTEM, true);
    view.setUint16(at + 14, 8, true);
    view.setBigUint64(at + 16, BigInt(packets), true);
  }

  /** Copies one frame; to a pcapng file as one of interface `number`. */
  copy(batch: FrameBatch, row: number, number = 0): void {
    if (this.format === "pcapng") this.#writePacket(batch, row, number);
    else this.#writeRecord(batch, row);
    this.frames++;
  }

  /**
   * Copies many frames.
   *
   * @param rows their rows in the batch, in the order to write them; neighbours
   *   in the batch are cheapest
   * @param count how many of `rows` are meant
   * @param numbers the interface here of each interface in the batch; not
   *   needed in a classic file
   */
  copyRows(
    batch: FrameBatch,
    rows: Uint32Array,
    count: number,
    numbers?: Uint32Array,
  ): void {
    if (this.format !== "pcapng" && batch.records !== RECORDS.NONE) {
      this.#copyRuns(batch, rows, count);
      return;
    }
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      this.copy(batch, row, numbers?.[batch.interface[row]!]);
    }
  }

  /** Gives the sink everything written so far. */
  flush(): void {
    if (this.#end === 0) return;
    this.#sink.write(this.#buffer.subarray(0, this.#end));
    this.#end = 0;
  }

  /** Copies records with their headers, neighbours together. */
  #copyRuns(batch: FrameBatch, rows: Uint32Array, count: number): void {
    const { start, captured } = batch;
    const isSame = batch.records === this.#records;
    for (let i = 0; i < count;) {
      const first = i;
      const from = start[rows[i]!]! - PCAP_RECORD;
      let to = from;
      do {
        const row = rows[i]!;
        to = start[row]! + captured[row]!;
        i++;
      } while (
        i < count && start[rows[i]!]! - PCAP_RECORD === to &&
        to - from < LONG_RUN
      );
      if (isSame && to - from >= LONG_RUN) {
        this.flush();
        this.#sink.write(batch.bytes.subarray(from, to));
        this.size += to - from;
        continue;
      }
      const at = this.#reserve(to - from);
      this.#buffer.set(batch.bytes.subarray(from, to), at);
      if (isSame) continue;
      for (let k = first; k < i; k++) {
        const row = rows[k]!;
        this.#setRecord(at + start[row]! - PCAP_RECORD - from, batch, row);
      }
    }
    this.frames += count;
  }

  /** How our own records stand in a classic file. */
  get #records(): number {
    return this.format === "pcap" ? RECORDS.NANO_LE : RECORDS.MICRO_LE;
  }

  #writeHeader(first: Interface): void {
    const at = this.#reserve(PCAP_HEADER);
    const view = this.#view;
    const magic = this.format === "pcap" ? PCAP_MAGIC.NANO : PCAP_MAGIC.MICRO;
    view.setUint32(at, magic, true);
    view.setUint16(at + 4, 2, true); // version 2.4
    view.setUint16(at + 6, 4, true);
    view.setUint32(at + 16, first.snapLength || SNAP_LENGTH, true);
    view.setUint32(at + 20, first.linkType, true);
  }

  #writeRecord(batch: FrameBatch, row: number): void {
    const captured = batch.captured[row]!;
    const at = this.#reserve(PCAP_RECORD + captured);
    this.#setRecord(at, batch, row);
    this.#copyFrame(batch, row, at + PCAP_RECORD);
  }

  #setRecord(at: number, batch: FrameBatch, row: number): void {
    const view = this.#view;
    const time = batch.time[row]!;
    const seconds = Math.floor(time / 1e6);
    const micros = time - seconds * 1e6;
    const fraction = this.format === "pcap"
      ? micros * 1000 + batch.nanos[row]!
      : micros;
    view.setUint32(at, seconds, true);
    view.setUint32(at + 4, fraction, true);
    view.setUint32(at + 8, batch.captured[row]!, true);
    view.setUint32(at + 12, batch.original[row]!, true);
  }

  #writeSection(comment = ""): void {
    const text = new TextEncoder().encode(comment).subarray(0, MAX_COMMENT);
    const padded = Math.ceil(text.length / 4) * 4;
    const options = text.length > 0 ? 4 + padded + 4 : 0;
    const at = this.#beginBlock(BLOCK.SECTION, 16 + options);
    const view = this.#view;
    view.setUint32(at, BYTE_ORDER_MAGIC, true);
    view.setUint16(at + 4, 1, true); // version 1.0
    view.setBigInt64(at + 8, -1n, true); // of unknown length
    if (options === 0) return;
    view.setUint16(at + 16, COMMENT_OPTION, true);
    view.setUint16(at + 18, text.length, true);
    this.#buffer.set(text, at + 20);
  }

  #writePacket(batch: FrameBatch, row: number, number: number): void {
    if (number >= this.#interfaces.length) {
      throw new Error(`The file has no interface ${number}`);
    }
    const captured = batch.captured[row]!;
    const size = PACKET_BLOCK - 12 + captured;
    const at = this.#beginBlock(BLOCK.PACKET, size);
    const view = this.#view;
    view.setUint32(at, number, true);
    this.#setTime(at + 4, batch.time[row]!, batch.nanos[row]!);
    view.setUint32(at + 12, captured, true);
    view.setUint32(at + 16, batch.original[row]!, true);
    this.#copyFrame(batch, row, at + 20);
  }

  /** Writes a time as pcapng has it. */
  #setTime(at: number, time: number, nanos: number): void {
    // 2^53 µs are more nanoseconds than a number holds: two halves of them.
    const high = Math.floor(time / 2 ** 32);
    const low = (time - high * 2 ** 32) * 1000 + nanos;
    const carried = Math.floor(low / 2 ** 32);
    this.#view.setUint32(at, high * 1000 + carried, true);
    this.#view.setUint32(at + 4, low - carried * 2 ** 32, true);
  }

  #copyFrame(batch: FrameBatch, row: number, at: number): void {
    const start = batch.start[row]!;
    const end = start + batch.captured[row]!;
    this.#buffer.set(batch.bytes.subarray(start, end), at);
  }

  /**
   * Writes a block's type and both its lengths, with `body` zero bytes between,
   * padded to a multiple of four.
   *
   * @returns where the body begins in the buffer
   */
  #beginBlock(type: number, body: number): number {
    const size = 12 + Math.ceil(body / 4) * 4;
    const at = this.#reserve(size);
    this.#buffer.fill(0, at, at + size);
    this.#view.setUint32(at, type, true);
    this.#view.setUint32(at + 4, size, true);
    this.#view.setUint32(at + size - 4, size, true);
    return at + 8;
  }

  /** Makes room for `size` bytes, and counts them as written. */
  #reserve(size: number): number {
    if (this.#end + size > this.#buffer.length) {
      this.flush();
      if (size > this.#buffer.length) {
        this.#buffer = new Uint8Array(2 ** Math.ceil(Math.log2(size)));
        this.#view = new DataView(this.#buffer.buffer);
      }
    }
    const at = this.#end;
    this.#end += size;
    this.size += size;
    return at;
  }

  #requirePcapng(what: string): void {
    if (this.format === "pcapng") return;
    throw new Error(`A classic savefile has no place for ${what}`);
  }
}
