/**
 * Shards: stretches of capture, each a PCAP file with others beside it.
 *
 * All of a shard's files have its number for a name. Numbers increase and are
 * never used twice in a folder, for entries have them in their ids.
 */
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { RECORDS } from "../../packet/frame.ts";
import { PCAP_HEADER, PCAP_RECORD } from "../../packet/savefile.ts";
import { PacketRows } from "./columns.ts";
import { Damaged } from "./encoding.ts";
import { Facts, readSource } from "./facts.ts";
import { type Folder, readWhole, type StoredFile } from "./folder.ts";
import { LiveIndex } from "./live_index.ts";
import { MessageTable } from "./message_table.ts";
import { isShardPcap, PcapFile, readLinkType } from "./pcap_file.ts";
import { type ShardIndex, Sidecar } from "./sidecar.ts";
import {
  decodeHeader,
  MAX_SIDECAR,
  SIDECAR_HEADER,
  type SidecarHeader,
} from "./sidecar_header.ts";

/** What a shard's files hold, which is also how their names end. */
export const PARTS = ["pcap", "idx", "facts", "msg"] as const;

export type Part = typeof PARTS[number];

/** Shards that a folder can have in its life, see `toPlace`. */
export const MAX_SHARD: number = 2 ** 29 - 1;

/** A file's name. */
export function toName(shard: number, part: Part): string {
  return `${shard}.${part}`;
}

/** What a name stands for, or `undefined` where it is none of a shard. */
export function parseName(
  name: string,
): { shard: number; part: Part } | undefined {
  const found = /^([1-9]\d{0,8})\.(pcap|idx|facts|msg)$/.exec(name);
  if (!found) return undefined;
  const shard = Number(found[1]);
  return shard > MAX_SHARD ? undefined : { shard, part: found[2] as Part };
}

/** Numbers of the shards in a folder, the oldest first. */
export function listShards(folder: Folder): number[] {
  return folder.names().flatMap((name) => {
    const found = parseName(name);
    return found?.part === "pcap" ? [found.shard] : [];
  }).sort((a, b) => a - b);
}

/** Bytes that {@link Shard.load} reads in one piece. */
const SPAN = 1024 * 1024;

/** Bytes between two wanted frames that are rather read than sought over. */
const GAP = 32 * 1024;

/**
 * A shard, open for reading. While it is, none of its files is deleted: an
 * advisory lock on the PCAP is the lease, in this process and among several.
 */
export class Shard implements Disposable {
  readonly number: number;
  readonly #folder: Folder;
  readonly #file: StoredFile;
  #linkType: number | undefined;
  #index: ShardIndex | undefined;
  #facts: { file: StoredFile | undefined; read: Facts } | undefined;
  #interfaces: Interface[] | undefined;
  #table: StoredFile | undefined;
  #buffer: Uint8Array = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));

  private constructor(folder: Folder, number: number, file: StoredFile) {
    this.#folder = folder;
    this.number = number;
    this.#file = file;
  }

  /**
   * Opens a shard; `undefined` if it is gone, or about to be.
   *
   * @throws Damaged if its PCAP does not begin as one of a shard
   */
  static open(folder: Folder, number: number): Shard | undefined {
    const file = folder.open(toName(number, "pcap"), "read");
    if (!file) return undefined;
    // One without a whole header has only just been made.
    const isThere = file.lock("shared") && !file.isRemoved() &&
      file.size() >= PCAP_HEADER;
    if (!isThere) {
      file.close();
      return undefined;
    }
    if (!isShardPcap(file)) {
      file.close();
      throw new Damaged(`${toName(number, "pcap")} is no PCAP of a shard`);
    }
    return new Shard(folder, number, file);
  }

  /** Ends the lease. */
  close(): void {
    this.#file.close();
    this.#facts?.file?.close();
    this.#table?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Times, kinds and sizes. Costs next to nothing where there is a sidecar,
   * else the PCAP is read.
   */
  get header(): SidecarHeader {
    return this.#index?.header ?? this.#readHeader() ?? this.index.header;
  }

  /** What its frames begin with. Costs next to nothing, as opposed to {@link header}. */
  get linkType(): number {
    return this.#linkType ??= readLinkType(this.#file);
  }

  /**
   * Reads its frames in the order in which they lie, also those that are yet to
   * be written.
   *
   * @param position where a record begins; by default the first one
   */
  frames(position?: number): PcapFile {
    return new PcapFile(this.#file, position);
  }

  /**
   * Where its packets came from, as in `SourceFact`. Costs next to nothing, as
   * opposed to {@link facts}.
   */
  get source(): string | undefined {
    const file = this.#folder.open(toName(this.number, "facts"), "read");
    try {
      return file && readSource(file);
    } finally {
      file?.close();
    }
  }

  /** As {@link header}, but only where there is a sidecar: then it is final. */
  get sealedHeader(): SidecarHeader | undefined {
    return this.#readHeader();
  }

  /**
   * Packets and flows as columns: from the sidecar, or from the PCAP where
   * there is none that fits it.
   */
  get index(): ShardIndex {
    return this.#index ??= this.#readSidecar() ?? new LiveIndex(this.#file);
  }

  /** Whether the columns come from a sidecar, so that nothing is added. */
  get isSealed(): boolean {
    return this.index instanceof Sidecar;
  }

  /**
   * All packets as columns.
   *
   * @param into emptied first; with one and the same no memory is made anew
   */
  columns(into: PacketRows = new PacketRows()): PacketRows {
    into.count = 0;
    try {
      this.index.columns(into);
    } catch (error) {
      // Its checksum was right and yet it makes no sense: then the PCAP must.
      if (!(error instanceof Damaged)) throw error;
      into.count = 0;
      this.#index = new LiveIndex(this.#file);
      this.#index.columns(into);
    }
    return into;
  }

  /**
   * Looks whether packets were written since the columns were made, and says
   * whether there were any. A shard that was sealed has no more.
   */
  refresh(): boolean {
    const index = this.index;
    if (!(index instanceof LiveIndex) || !index.refresh()) return false;
    // They may tell of the new packets' interfaces.
    this.#forgetFacts();
    return true;
  }

  /** What the PCAP cannot hold; read once, and again after a refresh. */
  get facts(): Facts {
    return this.#openFacts().read;
  }

  /**
   * Addresses of the pod in whose network packets were captured, by its number
   * in their cooked headers; none if nobody knows.
   */
  podIpsOf(network: number): readonly string[] {
    const { file, read } = this.#openFacts();
    const known = read.networks.get(network);
    if (known || file?.size() === read.end) return known?.ips ?? [];
    // It may have been told of since.
    this.#forgetFacts();
    return this.facts.networks.get(network)?.ips ?? [];
  }

  /** A checkpoint's bytes, see {@link Facts.checkpoint}. */
  checkpoint(name: string, key: string): Uint8Array | undefined {
    const { file, read } = this.#openFacts();
    return file && read.checkpoint(file, name, key);
  }

  /**
   * What dissections found under this key; `undefined` if there is nothing,
   * or nothing that holds. Its columns can be read until the shard is closed.
   */
  messageTable(key: string): MessageTable | undefined {
    this.#table?.close();
    this.#table = this.#folder.open(toName(this.number, "msg"), "read");
    if (!this.#table) return undefined;
    try {
      const table = MessageTable.open(this.#table);
      return table.key === key ? table : undefined;
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      return undefined;
    }
  }

  /** For batches that {@link load} fills. */
  get interfaces(): readonly Interface[] {
    return this.#interfaces ??= this.#readInterfaces();
  }

  /**
   * Reads bytes of the PCAP through one buffer.
   *
   * @returns fewer only where the file ends; borrowed until the next read
   */
  read(from: number, to: number): Uint8Array {
    const size = to - from;
    this.#reserve(size);
    const into = this.#buffer.subarray(0, size);
    return into.subarray(0, this.#file.read(into, from));
  }

  /**
   * Loads frames into a batch, in one read that goes over what lies between.
   *
   * @param rows of the columns, increasing; `from` up to `to`, which is left
   *   out, are wanted
   * @param batch its bytes are borrowed until the next read
   * @returns how many were loaded, at least one: those that lie near enough to
   *   the first, and fit the batch. 0 if the file has become too short
   */
  load(
    columns: PacketRows,
    rows: Uint32Array,
    from: number,
    to: number,
    batch: FrameBatch,
  ): number {
    const { offset, captured } = columns;
    const begin = offset[rows[from]!]! - PCAP_RECORD;
    let end = begin;
    let next = from;
    const most = Math.min(to, from + batch.capacity);
    for (; next < most; next++) {
      const row = rows[next]!;
      const frameEnd = offset[row]! + captured[row]!;
      const isFar = offset[row]! - end > GAP || frameEnd - begin > SPAN;
      if (next > from && isFar) break;
      end = frameEnd;
    }
    batch.bytes = this.read(begin, end);
    batch.records = RECORDS.NANO_LE;
    batch.count = 0;
    if (batch.bytes.length < end - begin) return 0;
    for (let n = from; n < next; n++) {
      const row = rows[n]!;
      const start = offset[row]! - begin;
      const at = batch.count++;
      batch.start[at] = start;
      batch.captured[at] = captured[row]!;
      batch.original[at] = this.#view.getUint32(start - 4, true);
      batch.time[at] = columns.time[row]!;
      batch.nanos[at] = this.#view.getUint32(start - 12, true) % 1000;
      batch.position[at] = offset[row]!;
    }
    this.#setInterfaces(batch, rows, from);
    return next - from;
  }

  #setInterfaces(batch: FrameBatch, rows: Uint32Array, from: number): void {
    const runs = this.facts.interfaceRuns;
    if (runs.packet.length === 0) {
      batch.interface.fill(0, 0, batch.count);
      return;
    }
    let run = this.facts.runOf(rows[from]!);
    const most = this.interfaces.length - 1;
    for (let at = 0; at < batch.count; at++) {
      const row = rows[from + at]!;
      while (run + 1 < runs.packet.length && runs.packet[run + 1]! <= row) {
        run++;
      }
      batch.interface[at] = Math.min(runs.interface[run] ?? 0, most);
    }
  }

  #readInterfaces(): Interface[] {
    const { linkType } = this.header;
    const { interfaceRuns, interfaces } = this.facts;
    let most = 0;
    for (const id of interfaceRuns.interface) most = Math.max(most, id);
    const count = Math.min(most, MAX_INTERFACES - 1) + 1;
    return Array.from({ length: count }, (_, id) => {
      const known = interfaces.get(id);
      const snapLength = known?.snapLength ?? 0;
      return { linkType, snapLength, name: known?.name };
    });
  }

  #forgetFacts(): void {
    this.#facts?.file?.close();
    this.#facts = this.#interfaces = undefined;
  }

  #openFacts(): { file: StoredFile | undefined; read: Facts } {
    if (this.#facts) return this.#facts;
    const file = this.#folder.open(toName(this.number, "facts"), "read");
    return this.#facts = { file, read: file ? Facts.read(file) : new Facts() };
  }

  #readHeader(): SidecarHeader | undefined {
    return this.#withSidecar((file) => {
      const bytes = new Uint8Array(SIDECAR_HEADER);
      file.read(bytes, 0);
      return decodeHeader(bytes);
    }, (header) => header);
  }

  #readSidecar(): Sidecar | undefined {
    return this.#withSidecar((file) => {
      const bytes = readWhole(file, MAX_SIDECAR);
      if (!bytes) throw new Damaged("It is too long");
      return Sidecar.decode(bytes);
    }, ({ header }) => header);
  }

  /** What the sidecar holds, if it is whole and of this PCAP. */
  #withSidecar<T>(
    read: (file: StoredFile) => T,
    headerOf: (value: T) => SidecarHeader,
  ): T | undefined {
    const file = this.#folder.open(toName(this.number, "idx"), "read");
    if (!file) return undefined;
    try {
      const value = read(file);
      const fits = headerOf(value).pcapBytes === this.#file.size();
      return fits ? value : undefined;
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      return undefined;
    } finally {
      file.close();
    }
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const buffer = new Uint8Array(Math.max(size, 2 * this.#buffer.length));
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}

/** Interfaces of one shard: facts that claim more are not believed. */
const MAX_INTERFACES = 65_536;
