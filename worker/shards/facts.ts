/**
 * A shard's facts: what its PCAP cannot hold, `N.facts`.
 *
 * A header, then records that are only ever appended, each in one write and
 * with a checksum: a process that dies leaves at most one torn record at the
 * end. Everything before the first damaged record holds; what comes after it
 * cannot be trusted and is left out. Without the file, the flows that came
 * from an earlier shard are `mid-stream`.
 */
import {
  ByteReader,
  ByteWriter,
  Damaged,
  MAX_NAME,
  toChecksum,
} from "./encoding.ts";
import { MAX_NETWORK } from "../../packet/pod_network.ts";
import type { Folder, StoredFile } from "./folder.ts";

/** `THRSFACT`, read as two little endian words. */
const MAGIC = [0x53524854, 0x54434146] as const;

const VERSION = 1;

/** Magic and version. */
const FILE_HEADER = 12;

/** Size of the content, kind, checksum. */
const RECORD_HEADER = 12;

/** Bytes of one record's content. */
export const MAX_FACT = 32 * 1024 * 1024;

/** Bytes of facts that are read, checkpoints left out. */
const MAX_FACTS = 64 * 1024 * 1024;

/** Bytes of a source's record. */
const MAX_SOURCE = MAX_NAME + 8;

/** Records of one file. */
const MAX_RECORDS = 1 << 20;

/** Where the packets came from, if not from this node's interfaces. */
export interface SourceFact {
  readonly kind: "source";
  /** File name. */
  readonly name: string;
}

/** An interface that packets were captured from. */
export interface InterfaceFact {
  readonly kind: "interface";
  /** Its index on the node, or in its savefile. */
  readonly id: number;
  readonly snapLength: number;
  readonly name?: string | undefined;
}

/**
 * A pod whose own network packets were captured in. Their cooked headers have
 * its number, see `packet/pod_network.ts`.
 */
export interface NetworkFact {
  readonly kind: "network";
  /** No other network of the folder has it, until 65,535 were captured. */
  readonly number: number;
  /** Of the pod. */
  readonly uid: string;
  readonly namespace: string;
  readonly pod: string;
  /** Its addresses, at most {@link MAX_POD_IPS}. */
  readonly ips: readonly string[];
}

/** Addresses of one pod; Kubernetes gives one of each IP version. */
export const MAX_POD_IPS = 16;

/** From which packet on packets are of which interface. */
export interface InterfaceRuns {
  readonly kind: "interfaceRuns";
  /** Rows of packets, increasing. */
  readonly packet: readonly number[];
  /** Interface of each run, as in {@link InterfaceFact.id}. */
  readonly interface: readonly number[];
}

/** Packets that were seen and not kept, or never seen. */
export interface DropFact {
  readonly kind: "drop";
  /** Row of the next packet that was kept. */
  readonly packet: number;
  /** When, µs since 1970. */
  readonly time: number;
  /** In one word or two, such as `kernel` or `disk full`. */
  readonly cause: string;
  readonly packets: number;
  /** Captured bytes; 0 where that is not known. */
  readonly bytes: number;
}

/** The clock was set while packets were captured. */
export interface ClockStepFact {
  readonly kind: "clockStep";
  /** Row of the first packet with the new time. */
  readonly packet: number;
  /** What the clock showed before and after, µs since 1970. */
  readonly before: number;
  readonly after: number;
}

/** What is known of a flow that came from an earlier shard, as bits. */
export const CONTINUED = {
  /** Its client is the end that this shard's flow row calls the server. */
  SWAPPED: 1,
  /** Its beginning (of TCP the client's SYN) was captured. */
  FROM_START: 2,
} as const;

/** Flows of this shard that go on from an earlier one, as columns. */
export interface ContinuedFlows {
  readonly kind: "continued";
  /** Row in this shard, increasing within one record. */
  readonly row: readonly number[];
  /** The last shard before this one in which it had packets, and its row. */
  readonly shard: readonly number[];
  readonly shardRow: readonly number[];
  /** Bits of {@link CONTINUED}. */
  readonly known: readonly number[];
}

/** State of parsers at the shard's begin. The last one of a name counts. */
export interface CheckpointFact {
  readonly kind: "checkpoint";
  readonly name: string;
  /** What it depends on, such as the versions of dissectors. */
  readonly key: string;
  /** Opaque, at most {@link MAX_FACT} with the two texts. */
  readonly bytes: Uint8Array;
}

/** What a savefile kept to decrypt its traffic with, such as a TLS key log. */
export interface SecretsFact {
  readonly kind: "secrets";
  /** As in `SECRETS` of savefiles. */
  readonly type: number;
  readonly data: Uint8Array;
}

/** Whoever wrote the shard died; its end may have been torn, and was cut. */
export interface TornFact {
  readonly kind: "torn";
  /** Bytes that were cut. */
  readonly bytes: number;
}

/** One record. */
export type Fact =
  | SourceFact
  | InterfaceFact
  | NetworkFact
  | InterfaceRuns
  | DropFact
  | ClockStepFact
  | ContinuedFlows
  | CheckpointFact
  | SecretsFact
  | TornFact;

/** Numbers of kinds in files. Those of a later version are passed over. */
const KINDS = {
  source: 1,
  interface: 2,
  interfaceRuns: 3,
  drop: 4,
  clockStep: 5,
  continued: 6,
  checkpoint: 7,
  secrets: 8,
  torn: 9,
  network: 10,
} as const satisfies { [K in Fact["kind"]]: number };

/** What a file begins with. */
function encodeFactsHeader(): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(MAGIC[0]);
  writer.u32(MAGIC[1]);
  writer.u32(VERSION);
  return writer.bytes;
}

/**
 * A record, to be appended in one write.
 *
 * @throws RangeError if it has more than {@link MAX_FACT} bytes
 */
export function encodeFact(fact: Fact): Uint8Array {
  const content = new ByteWriter();
  encodeContent(content, fact);
  if (content.size > MAX_FACT) {
    throw new RangeError(
      `A ${fact.kind} of ${content.size} bytes exceeds ${MAX_FACT}`,
    );
  }
  const writer = new ByteWriter();
  writer.u32(content.size);
  writer.u32(KINDS[fact.kind]);
  writer.u32(toRecordChecksum(writer.bytes, content.bytes));
  writer.raw(content.bytes);
  return writer.bytes;
}

/** Records one behind the other. */
export function encodeFacts(facts: readonly Fact[]): Uint8Array {
  const writer = new ByteWriter();
  for (const fact of facts) writer.raw(encodeFact(fact));
  return writer.bytes;
}

/**
 * Appends records to a file, in one write; makes the file where there is none.
 *
 * @returns bytes written
 * @throws DiskFull
 */
export function appendFacts(
  folder: Folder,
  name: string,
  records: Uint8Array,
): number {
  const file = folder.open(name, "append") ?? folder.open(name, "create")!;
  const writer = new ByteWriter();
  try {
    if (file.size() === 0) writer.raw(encodeFactsHeader());
    writer.raw(records);
    file.append(writer.bytes);
  } finally {
    file.close();
  }
  return writer.size;
}

/** Over size and kind too, so that no damaged size is believed. */
function toRecordChecksum(head: Uint8Array, content: Uint8Array): number {
  return toChecksum(content, toChecksum(head.subarray(0, 8)));
}

function encodeContent(writer: ByteWriter, fact: Fact): void {
  switch (fact.kind) {
    case "source":
      return writer.name(fact.name);
    case "interface":
      writer.varint(fact.id);
      writer.varint(fact.snapLength);
      return writer.name(fact.name ?? "");
    case "network":
      writer.varint(fact.number);
      writer.name(fact.uid);
      writer.name(fact.namespace);
      writer.name(fact.pod);
      writer.varint(fact.ips.length);
      for (const ip of fact.ips) writer.name(ip);
      return;
    case "interfaceRuns":
      writer.varint(fact.packet.length);
      encodeIncreasing(writer, fact.packet);
      for (const id of fact.interface) writer.varint(id);
      return;
    case "drop":
      writer.varint(fact.packet);
      writer.signed(fact.time);
      writer.varint(fact.packets);
      writer.varint(fact.bytes);
      return writer.name(fact.cause);
    case "clockStep":
      writer.varint(fact.packet);
      writer.signed(fact.before);
      return writer.signed(fact.after);
    case "continued":
      writer.varint(fact.row.length);
      encodeIncreasing(writer, fact.row);
      for (const shard of fact.shard) writer.varint(shard);
      for (const row of fact.shardRow) writer.varint(row);
      for (const known of fact.known) writer.u8(known);
      return;
    case "checkpoint":
      writer.name(fact.name);
      writer.name(fact.key);
      return writer.raw(fact.bytes);
    case "secrets":
      writer.u32(fact.type);
      return writer.raw(fact.data);
    case "torn":
      return writer.varint(fact.bytes);
  }
}

function encodeIncreasing(writer: ByteWriter, values: readonly number[]): void {
  let before = 0;
  for (const value of values) {
    writer.varint(value - before);
    before = value;
  }
}

/** All facts of a shard, as far as they could be read. */
export class Facts {
  source: string | undefined;
  readonly interfaces: Map<number, InterfaceFact> = new Map();
  /** By their numbers. */
  readonly networks: Map<number, NetworkFact> = new Map();
  readonly interfaceRuns = {
    packet: [] as number[],
    interface: [] as number[],
  };
  readonly drops: DropFact[] = [];
  readonly clockSteps: ClockStepFact[] = [];
  readonly continued = {
    row: [] as number[],
    shard: [] as number[],
    shardRow: [] as number[],
    known: [] as number[],
  };
  readonly secrets: SecretsFact[] = [];
  /** Whether its writer died before its end, and what it had yet to store. */
  isTorn = false;
  /** Bytes that recovery cut off the shard. */
  tornBytes = 0;
  /** Why not everything could be read; absent if it could. */
  damage: string | undefined;
  /** Bytes of the file that hold; a torn rest begins here. */
  end = 0;
  readonly #checkpoints = new Map<string, Checkpoint>();

  /** The run of {@link interfaceRuns} that a packet is in; -1 for none. */
  runOf(packet: number): number {
    const starts = this.interfaceRuns.packet;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (starts[middle]! <= packet) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Names of the checkpoints there are, each with its key. */
  get checkpoints(): readonly {
    readonly name: string;
    readonly key: string;
  }[] {
    return [...this.#checkpoints].map(([name, { key }]) => ({ name, key }));
  }

  /**
   * A checkpoint's bytes; `undefined` if there is none of that name and key,
   * or it is damaged.
   *
   * @param file the one that the facts were read from
   */
  checkpoint(
    file: StoredFile,
    name: string,
    key: string,
  ): Uint8Array | undefined {
    const found = this.#checkpoints.get(name);
    if (found?.key !== key) return undefined;
    const record = readRecord(file, found.at, found.size);
    return record?.subarray(record.length - found.bytes);
  }

  /** Reads a file's facts; of checkpoints only the names. */
  static read(file: StoredFile): Facts {
    const facts = new Facts();
    try {
      if (file.size() > 0) facts.#read(file);
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      facts.damage = error.message;
    }
    return facts;
  }

  #read(file: StoredFile): void {
    readFileHeader(file);
    this.end = FILE_HEADER;
    const size = file.size();
    let budget = MAX_FACTS;
    const head = new Uint8Array(RECORD_HEADER);
    for (let n = 0; this.end < size; n++) {
      if (n === MAX_RECORDS) throw new Damaged("Too many records");
      if (file.read(head, this.end) < RECORD_HEADER) {
        throw new Damaged("The last record is torn");
      }
      const reader = new ByteReader(head);
      const bytes = reader.u32();
      const kind = reader.u32();
      if (bytes > MAX_FACT || bytes > size - this.end - RECORD_HEADER) {
        throw new Damaged(`A record of ${bytes} bytes is torn or damaged`);
      }
      if (kind === KINDS.checkpoint) {
        this.#noteCheckpoint(file, bytes);
      } else {
        budget -= bytes;
        if (budget < 0) throw new Damaged(`More than ${MAX_FACTS} bytes`);
        const content = readRecord(file, this.end, bytes);
        if (!content) throw new Damaged("A record's checksum differs");
        this.#take(kind, new ByteReader(content));
      }
      this.end += RECORD_HEADER + bytes;
    }
  }

  /** Reads a checkpoint's texts; its bytes are checked when they are wanted. */
  #noteCheckpoint(file: StoredFile, size: number): void {
    const begin = new Uint8Array(Math.min(size, 2 * (MAX_NAME + 2)));
    file.read(begin, this.end + RECORD_HEADER);
    const reader = new ByteReader(begin);
    const name = reader.text(MAX_NAME);
    const key = reader.text(MAX_NAME);
    const bytes = size - (begin.length - reader.left);
    this.#checkpoints.set(name, { key, bytes, at: this.end, size });
  }

  #take(kind: number, reader: ByteReader): void {
    switch (kind) {
      case KINDS.source:
        this.source = reader.text(MAX_NAME);
        break;
      case KINDS.interface: {
        const id = reader.varint();
        const snapLength = reader.varint();
        const name = reader.text(MAX_NAME) || undefined;
        this.interfaces.set(id, { kind: "interface", id, snapLength, name });
        break;
      }
      case KINDS.network: {
        const fact: NetworkFact = {
          kind: "network",
          number: reader.count(MAX_NETWORK),
          uid: reader.text(MAX_NAME),
          namespace: reader.text(MAX_NAME),
          pod: reader.text(MAX_NAME),
          ips: Array.from(
            { length: reader.count(MAX_POD_IPS) },
            () => reader.text(MAX_NAME),
          ),
        };
        this.networks.set(fact.number, fact);
        break;
      }
      case KINDS.interfaceRuns: {
        const count = reader.count(reader.left);
        const packets = readIncreasing(reader, count);
        const interfaces = readNumbers(reader, count);
        reader.finish();
        addAll(this.interfaceRuns.packet, packets);
        addAll(this.interfaceRuns.interface, interfaces);
        break;
      }
      case KINDS.drop:
        this.drops.push({
          kind: "drop",
          packet: reader.varint(),
          time: reader.signed(),
          packets: reader.varint(),
          bytes: reader.varint(),
          cause: reader.text(MAX_NAME),
        });
        break;
      case KINDS.clockStep:
        this.clockSteps.push({
          kind: "clockStep",
          packet: reader.varint(),
          before: reader.signed(),
          after: reader.signed(),
        });
        break;
      case KINDS.continued: {
        const count = reader.count(reader.left);
        const rows = readIncreasing(reader, count);
        const shards = readNumbers(reader, count);
        const shardRows = readNumbers(reader, count);
        const known = reader.raw(count);
        reader.finish();
        addAll(this.continued.row, rows);
        addAll(this.continued.shard, shards);
        addAll(this.continued.shardRow, shardRows);
        addAll(this.continued.known, known);
        break;
      }
      case KINDS.secrets:
        this.secrets.push({
          kind: "secrets",
          type: reader.u32(),
          data: reader.raw(reader.left),
        });
        break;
      case KINDS.torn:
        this.isTorn = true;
        this.tornBytes += reader.varint();
        break;
      default:
        return;
    }
    reader.finish();
  }
}

/** Where a checkpoint's record stands, and the size of its own bytes. */
interface Checkpoint {
  readonly key: string;
  readonly bytes: number;
  readonly at: number;
  readonly size: number;
}

/**
 * Where a shard's packets came from, if not from this node's interfaces. It is
 * said before everything else, so that nothing else need be read.
 */
export function readSource(file: StoredFile): string | undefined {
  try {
    readFileHeader(file);
    const head = new Uint8Array(RECORD_HEADER);
    file.read(head, FILE_HEADER);
    const reader = new ByteReader(head);
    const bytes = reader.u32();
    const isSource = reader.u32() === KINDS.source && bytes <= MAX_SOURCE;
    if (!isSource) return undefined;
    const content = readRecord(file, FILE_HEADER, bytes);
    return content && new ByteReader(content).text(MAX_NAME);
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    return undefined;
  }
}

function readFileHeader(file: StoredFile): void {
  const bytes = new Uint8Array(FILE_HEADER);
  if (file.read(bytes, 0) < FILE_HEADER) throw new Damaged("It is cut short");
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC[0] || reader.u32() !== MAGIC[1]) {
    throw new Damaged("It holds no facts");
  }
  const version = reader.u32();
  if (version !== VERSION) throw new Damaged(`It has version ${version}`);
}

/** A record's content, or `undefined` where its checksum differs. */
function readRecord(
  file: StoredFile,
  at: number,
  size: number,
): Uint8Array | undefined {
  const record = new Uint8Array(RECORD_HEADER + size);
  if (file.read(record, at) < record.length) return undefined;
  const content = record.subarray(RECORD_HEADER);
  const checksum = new ByteReader(record, 8, RECORD_HEADER).u32();
  return toRecordChecksum(record, content) === checksum ? content : undefined;
}

function readIncreasing(reader: ByteReader, count: number): number[] {
  const values: number[] = [];
  let value = 0;
  for (let i = 0; i < count; i++) {
    value += reader.varint();
    values.push(value);
  }
  return values;
}

function readNumbers(reader: ByteReader, count: number): number[] {
  const values: number[] = [];
  for (let i = 0; i < count; i++) values.push(reader.varint());
  return values;
}

/** Spreading into `push` would put a million values on the stack. */
function addAll(into: number[], values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) into.push(values[i]!);
}
