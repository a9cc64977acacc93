/**
 * Writes the packets of one link type into one shard after the other.
 *
 * Frames are copied into a buffer as whole PCAP records and written from it in
 * one piece, so that a reader of the file never meets half a record. What is
 * *stored* is what such a write has returned for: it survives the end of the
 * process. The sidecar is built from what was written, as it was written.
 */
import { FrameBatch, type Interface, RECORDS } from "../../packet/frame.ts";
import { PCAP_HEADER, PCAP_RECORD } from "../../packet/savefile.ts";
import { appendFacts, type DropFact, encodeFacts, type Fact } from "./facts.ts";
import { DiskFull, type Folder, type StoredFile } from "./folder.ts";
import { Glances } from "./glances.ts";
import { OpenFlows } from "./open_flows.ts";
import { encodePcapHeader, MAX_CAPTURED } from "./pcap_file.ts";
import { unlessFull } from "./recovery.ts";
import type { Retention } from "./retention.ts";
import { toName } from "./shard.ts";
import { SidecarBuilder, SidecarMemory } from "./sidecar.ts";

/** Bytes that are gathered for one write. */
const BUFFER = 1024 * 1024;

/** Packets that are gathered for one write. */
const ROWS = 8192;

/** Facts, and changes of the interface, that wait for a disk that is full. */
const MAX_WAITING_FACTS = 1024;
const MAX_WAITING_RUNS = 1 << 20;

/** Sidecars that do. */
const MAX_WAITING_SIDECARS = 4;

/** So many small shards have the bytes of one that is full. */
const SMALL_SHARDS = 64;

/** The latest time that a PCAP's 32 bits of seconds can hold, µs. */
const MAX_TIME = 2 ** 32 * 1e6 - 1;

function isNetwork({ kind }: Fact): boolean {
  return kind === "network";
}

/** What the writers of a folder share. */
export interface WriterSurroundings {
  readonly folder: Folder;
  readonly retention: Retention;
  /** Bytes that a shard's PCAP may have, unless one record has more. */
  readonly shardBytes: number;
  /** Time that a shard may span, µs. */
  readonly shardDuration: number;
  /** What the facts of every shard that begins now begin with. */
  readonly commonFacts: readonly Fact[];
  /**
   * A number that no shard had.
   *
   * @throws DiskFull
   */
  takeNumber(): number;
}

/** Why packets are not stored. */
export type StopCause = "disk full" | "storage limit";

/** What a writer has done. Packets are counted once, where they ended. */
export interface WriterCounters {
  /** Written: they survive the end of the process. */
  packets: number;
  /** Their bytes in PCAPs. */
  bytes: number;
  /** Not written, for there was no room. */
  droppedPackets: number;
  droppedBytes: number;
  /** Frames whose end was cut off, see `MAX_CAPTURED`. */
  cut: number;
  /** Times that a PCAP cannot hold (before 1970, after 2106), and so changed. */
  clamped: number;
}

/** The shard that is being written. */
interface OpenShard {
  readonly number: number;
  /** Locked: neither deleted nor recovered while it is open. */
  readonly file: StoredFile;
  readonly sidecar: SidecarBuilder;
  /** Bytes written. */
  size: number;
  /** Flow rows whose origin is known. */
  rows: number;
}

/** Writes packets of one link type. */
export class ShardWriter {
  readonly counters: WriterCounters = {
    packets: 0,
    bytes: 0,
    droppedPackets: 0,
    droppedBytes: 0,
    cut: 0,
    clamped: 0,
  };
  readonly #around: WriterSurroundings;
  readonly #interfaces: readonly Interface[];
  readonly #linkType: number;
  #shard: OpenShard | undefined;
  #openFlows: OpenFlows;

  /** Rows that wait for a write, as they will stand in the PCAP. */
  readonly #pending = new FrameBatch(ROWS);
  readonly #pendingGlances = new Glances(ROWS);
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #copier = new Copier(this.#buffer, this.#view);
  readonly #sidecarMemory = new SidecarMemory();
  #used = 0;
  /** Time of the shard's first packet, written or waiting. */
  #begin = Infinity;

  /** Facts that wait for a write. */
  #facts: Fact[] = [];
  #runPackets: number[] = [];
  #runInterfaces: number[] = [];
  /** Of the packet taken last; a shard begins with 0. */
  #interface = 0;
  /** Whether that one is {@link #described}. */
  #isDescribed = false;
  /** Interfaces that the shard's facts describe. */
  readonly #described = new Set<number>();
  #drop: DropFact | undefined;
  /** Sidecars that wait for a write. */
  readonly #sidecars: { shard: number; bytes: Uint8Array }[] = [];

  /**
   * @param openFlows those that went on when the last shard of this link type
   *   ended
   */
  constructor(
    around: WriterSurroundings,
    linkType: number,
    openFlows: OpenFlows = new OpenFlows(),
  ) {
    this.#around = around;
    this.#linkType = linkType;
    this.#interfaces = [{ linkType, snapLength: MAX_CAPTURED }];
    this.#openFlows = openFlows;
    this.#pending.bytes = this.#buffer;
    this.#pending.records = RECORDS.NANO_LE;
  }

  /** Why packets are not stored at the moment; `undefined` if they are. */
  get stopped(): StopCause | undefined {
    return this.#drop?.cause as StopCause | undefined;
  }

  /** Number of the shard that is being written. */
  get shard(): number | undefined {
    return this.#shard?.number;
  }

  /**
   * Takes the rows `from` up to `to` of a batch. They are stored when enough
   * have come, or with {@link flush}: at the latest.
   *
   * @param interfaces of the batch; those of the rows have this link type
   * @param glances of the batch, if it was looked at before
   */
  append(
    batch: FrameBatch,
    interfaces: readonly Interface[],
    from: number,
    to: number,
    glances?: Glances,
  ): void {
    let row = from;
    while (row < to) {
      this.#makeRoomFor(batch.captured[row]!, batch.time[row]!);
      const own = this.#pending.count;
      const next = batch.records === RECORDS.NONE
        ? this.#copyRow(batch, row)
        : this.#copyRun(batch, row, to);
      this.#keepGlances(glances, row, next, own);
      this.#noteInterfaces(batch, interfaces, row, next);
      row = next;
    }
  }

  /**
   * Stores what was taken. Live capture calls it at least every 100 ms while
   * packets come, for only what is stored can be asked about.
   */
  flush(): void {
    if (this.#used === 0) return;
    try {
      this.#write();
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      this.#dropPending("disk full");
    }
    this.#pending.count = 0;
    this.#used = 0;
  }

  /** Notes a fact about the shard. */
  note(fact: Fact): void {
    if (this.#facts.length < MAX_WAITING_FACTS) this.#facts.push(fact);
  }

  /**
   * Notes that packets were lost before the one that comes next.
   *
   * @param cause in one word or two, such as `kernel`
   * @param time when, µs since 1970
   */
  addDrop(cause: string, packets: number, time: number): void {
    const packet = this.#next;
    this.note({ kind: "drop", packet, time, cause, packets, bytes: 0 });
  }

  /** Notes that the clock was set before the packet that comes next. */
  addClockStep(before: number, after: number): void {
    this.note({ kind: "clockStep", packet: this.#next, before, after });
  }

  /** Row in the shard of the packet that comes next. */
  get #next(): number {
    return (this.#shard?.sidecar.packets ?? 0) + this.#pending.count;
  }

  /**
   * Ends the shard if it has spanned its time, as the next packet would: on a
   * quiet interface that may be long in coming.
   *
   * @param time the packets' clock, µs since 1970
   */
  rotateIfDue(time: number): void {
    if (this.#isDue(time)) this.rotate();
  }

  /** Stores what was taken and ends the shard; the next packet begins one. */
  rotate(): void {
    this.flush();
    this.#begin = Infinity;
    this.#interface = 0;
    this.#isDescribed = false;
    this.#described.clear();
    const shard = this.#shard;
    if (!shard) return;
    this.#shard = undefined;
    this.#writeFacts(shard);
    this.#forgetFacts();
    this.#openFlows = this.#openFlows.after(
      shard.number,
      shard.sidecar.flows,
    );
    this.#sidecars.push({
      shard: shard.number,
      bytes: shard.sidecar.finish(),
    });
    this.#writeSidecars();
    shard.file.close();
  }

  /** Ends the writer's life. */
  close(): void {
    this.rotate();
  }

  /**
   * Whether the shard has spanned its time. A small one may go on: there is
   * nothing to gain, and where times jump there would be thousands.
   */
  #isDue(time: number): boolean {
    const { shardBytes, shardDuration } = this.#around;
    const bytes = (this.#shard?.size ?? 0) + this.#used;
    return time - this.#begin >= shardDuration &&
      bytes * SMALL_SHARDS >= shardBytes;
  }

  /** Sees to it that a frame fits into the buffer, and into the shard. */
  #makeRoomFor(captured: number, time: number): void {
    const size = PCAP_RECORD + Math.min(captured, MAX_CAPTURED);
    const written = this.#shard?.size ?? PCAP_HEADER;
    const isEmpty = written + this.#used === PCAP_HEADER;
    if (
      !isEmpty &&
      (written + this.#used + size > this.#around.shardBytes ||
        this.#isDue(time))
    ) this.rotate();
    if (this.#used + size > BUFFER || this.#pending.count === ROWS) {
      this.flush();
    }
  }

  /** Copies one frame. Gives the next row. */
  #copyRow(batch: FrameBatch, row: number): number {
    const captured = Math.min(batch.captured[row]!, MAX_CAPTURED);
    const from = batch.start[row]!;
    const to = this.#used + PCAP_RECORD;
    this.#copier.copy(batch.bytes, from, to, captured);
    this.#addRecord(batch, row, captured);
    return row + 1;
  }

  /** Copies frames that stand one behind the other. Gives the row after them. */
  #copyRun(batch: FrameBatch, from: number, to: number): number {
    const { start, captured } = batch;
    if (captured[from]! > MAX_CAPTURED) return this.#copyRow(batch, from);
    const begin = start[from]! - PCAP_RECORD;
    const written = this.#shard?.size ?? PCAP_HEADER;
    const { shardBytes, shardDuration } = this.#around;
    const most = begin +
      Math.min(BUFFER, shardBytes - written) - this.#used;
    const until = Math.min(this.#begin, batch.time[from]!) + shardDuration;
    const lastRow = Math.min(to, from + ROWS - this.#pending.count);
    let row = from + 1;
    let end = start[from]! + captured[from]!;
    while (
      row < lastRow && start[row] === end + PCAP_RECORD &&
      captured[row]! <= MAX_CAPTURED &&
      end + PCAP_RECORD + captured[row]! <= most && batch.time[row]! < until
    ) {
      end = start[row]! + captured[row]!;
      row++;
    }
    this.#copier.copy(batch.bytes, begin, this.#used, end - begin);
    for (let at = from; at < row; at++) {
      this.#addRecord(batch, at, captured[at]!);
    }
    return row;
  }

  /** Keeps what was seen of rows that became pending from `own` on. */
  #keepGlances(
    glances: Glances | undefined,
    from: number,
    to: number,
    own: number,
  ): void {
    const { flow, size } = this.#pendingGlances;
    for (let row = from; row < to; row++, own++) {
      flow[own] = glances ? glances.flow[row]! : 0;
      size[own] = glances ? glances.size[row]! : 0;
    }
  }

  /** Writes the record's header before a frame that was copied. */
  #addRecord(batch: FrameBatch, row: number, captured: number): void {
    const time = Math.min(Math.max(batch.time[row]!, 0), MAX_TIME);
    if (time !== batch.time[row]) this.counters.clamped++;
    if (captured !== batch.captured[row]) this.counters.cut++;
    if (time < this.#begin) this.#begin = time;
    const seconds = Math.floor(time / 1e6);
    const micros = time - seconds * 1e6;
    const nanos = batch.nanos[row]!;
    const original = batch.original[row]!;
    const view = this.#view;
    const at = this.#used;
    view.setUint32(at, seconds, true);
    view.setUint32(at + 4, micros * 1000 + nanos, true);
    view.setUint32(at + 8, captured, true);
    view.setUint32(at + 12, original, true);
    const pending = this.#pending;
    const own = pending.count++;
    const start = at + PCAP_RECORD;
    pending.start[own] = start;
    pending.captured[own] = captured;
    pending.original[own] = original;
    pending.time[own] = time;
    pending.nanos[own] = nanos;
    pending.position[own] = (this.#shard?.size ?? PCAP_HEADER) + start;
    this.#used = start + captured;
  }

  /** Remembers from which packet on the interface is another. */
  #noteInterfaces(
    batch: FrameBatch,
    interfaces: readonly Interface[],
    from: number,
    to: number,
  ): void {
    for (let row = from; row < to; row++) {
      const id = batch.interface[row]!;
      // Most packets are of the interface of the one before.
      if (id === this.#interface && this.#isDescribed) continue;
      if (!this.#described.has(id)) this.#describe(id, interfaces[id]!);
      this.#isDescribed = true;
      if (id === this.#interface) continue;
      this.#interface = id;
      if (this.#runPackets.length === MAX_WAITING_RUNS) continue;
      this.#runPackets.push(this.#next - (to - row));
      this.#runInterfaces.push(id);
    }
  }

  #describe(id: number, { snapLength, name }: Interface): void {
    this.#described.add(id);
    this.note({ kind: "interface", id, snapLength, name });
  }

  /** @throws DiskFull */
  #write(): void {
    const { retention } = this.#around;
    const pending = this.#pending;
    const shard = this.#shard ??= this.#beginShard();
    if (!retention.makeRoom(this.#used)) {
      return this.#dropPending("storage limit");
    }
    // Whoever reads a packet of a pod's network knows which pod that is.
    if (this.#facts.some(isNetwork)) this.#writeFacts(shard);
    shard.file.append(this.#buffer.subarray(0, this.#used));
    retention.add(this.#used);
    shard.size += this.#used;
    this.counters.packets += pending.count;
    this.counters.bytes += this.#used;
    this.#noteDrop(shard);
    shard.sidecar.add(
      pending,
      this.#interfaces,
      0,
      pending.count,
      this.#pendingGlances,
    );
    this.#writeFacts(shard);
    if (this.#sidecars.length > 0) this.#writeSidecars();
  }

  /** @throws DiskFull */
  #beginShard(): OpenShard {
    const { folder, retention, shardBytes } = this.#around;
    // Once for the whole shard, so that its writes need not look.
    retention.makeRoom(shardBytes + shardBytes / SIDECAR_SHARE);
    const number = this.#around.takeNumber();
    const name = toName(number, "pcap");
    const file = folder.open(name, "create")!;
    try {
      file.lock("shared");
      file.append(encodePcapHeader(this.#linkType));
    } catch (error) {
      file.close();
      folder.remove(name);
      throw error;
    }
    retention.add(PCAP_HEADER);
    const sidecar = new SidecarBuilder(this.#linkType, this.#sidecarMemory);
    this.#facts.unshift(...this.#around.commonFacts);
    return { number, file, sidecar, size: PCAP_HEADER, rows: 0 };
  }

  /**
   * Writes the sidecars that wait; on a full disk the newest few wait on. One
   * that is lost is no harm: readers go to the PCAP, and recovery makes it.
   */
  #writeSidecars(): void {
    const { folder, retention } = this.#around;
    while (this.#sidecars.length > 0) {
      const { shard, bytes } = this.#sidecars[0]!;
      const isRoom = retention.makeRoom(bytes.length);
      const pcap = folder.open(toName(shard, "pcap"), "read");
      pcap?.close();
      // Without it the shard was deleted meanwhile, perhaps just now.
      if (pcap) {
        const isWritten = isRoom &&
          unlessFull(() => folder.replace(toName(shard, "idx"), bytes));
        if (!isWritten) break;
        retention.add(bytes.length);
      }
      this.#sidecars.shift();
    }
    if (this.#sidecars.length > MAX_WAITING_SIDECARS) this.#sidecars.shift();
  }

  #dropPending(cause: StopCause): void {
    const { count, time } = this.#pending;
    const bytes = this.#used - count * PCAP_RECORD;
    this.counters.droppedPackets += count;
    this.counters.droppedBytes += bytes;
    const before = this.#drop;
    this.#drop = {
      kind: "drop",
      packet: 0,
      time: before?.time ?? time[0]!,
      cause,
      packets: (before?.packets ?? 0) + count,
      bytes: (before?.bytes ?? 0) + bytes,
    };
    // Their numbers go to the packets that come next.
    this.#runPackets = [];
    this.#runInterfaces = [];
    this.#interface = UNKNOWN;
  }

  /** Notes what was dropped before the packets that come next. */
  #noteDrop(shard: OpenShard): void {
    if (!this.#drop) return;
    this.note({ ...this.#drop, packet: shard.sidecar.packets });
    this.#drop = undefined;
  }

  /** Forgets facts that waited in vain, for they speak of another shard. */
  #forgetFacts(): void {
    this.#facts = this.#facts.flatMap((fact) =>
      fact.kind === "drop" ? [{ ...fact, packet: 0 }] : []
    );
    this.#runPackets = [];
    this.#runInterfaces = [];
  }

  /** Writes the facts that wait; on a full disk they wait on. */
  #writeFacts(shard: OpenShard): void {
    const { folder, retention } = this.#around;
    const facts = [...this.#facts];
    if (this.#runPackets.length > 0) {
      facts.push({
        kind: "interfaceRuns",
        packet: this.#runPackets,
        interface: this.#runInterfaces,
      });
    }
    const { flows } = shard.sidecar;
    const continued = this.#openFlows.continued(
      flows,
      shard.rows,
      flows.count,
    );
    if (continued.row.length > 0) facts.push(continued);
    if (facts.length > 0) {
      const bytes = encodeFacts(facts);
      const name = toName(shard.number, "facts");
      const isWritten = retention.makeRoom(bytes.length) &&
        unlessFull(() => retention.add(appendFacts(folder, name, bytes)));
      if (!isWritten) return;
    }
    shard.rows = flows.count;
    this.#facts = [];
    this.#runPackets = [];
    this.#runInterfaces = [];
  }
}

/** No interface has that number. */
const UNKNOWN = -1;

/** A sidecar takes hardly more than this part of its PCAP. */
const SIDECAR_SHARE = 32;

/** Bytes up to which a loop is faster than making a view. */
const FEW = 192;

/** Copies bytes out of the same memory again and again. */
class Copier {
  readonly #to: Uint8Array;
  readonly #toView: DataView;
  #from: Uint8Array = new Uint8Array(0);
  #fromView = new DataView(this.#from.buffer);

  constructor(to: Uint8Array, toView: DataView) {
    this.#to = to;
    this.#toView = toView;
  }

  copy(from: Uint8Array, start: number, at: number, size: number): void {
    if (size > FEW) {
      return this.#to.set(from.subarray(start, start + size), at);
    }
    if (from !== this.#from) this.#turnTo(from);
    const words = this.#fromView;
    const to = this.#toView;
    let done = 0;
    // V8 makes no objects of these numbers.
    for (; done + 8 <= size; done += 8) {
      to.setBigUint64(at + done, words.getBigUint64(start + done));
    }
    for (; done < size; done++) this.#to[at + done] = from[start + done]!;
  }

  #turnTo(from: Uint8Array): void {
    this.#from = from;
    this.#fromView = new DataView(
      from.buffer,
      from.byteOffset,
      from.byteLength,
    );
  }
}
