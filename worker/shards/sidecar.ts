/**
 * The sidecar: a shard's columns as a file, `N.idx`.
 *
 * It is a function of `N.pcap` alone: built again it has the same bytes, so
 * losing it loses time and nothing else. Packets stand in blocks, each with
 * the least and greatest of its columns (the zone map), so that a scan skips
 * blocks it need not even unpack. A record follows the one before it in the
 * PCAP, so offsets follow from sizes and are not stored.
 *
 *     header        80 bytes, with a checksum of its own: a reader that wants
 *                   only times and kinds stops here
 *     block map     per block: its size in both files, least and greatest
 *     addresses     each distinct one once, in order of appearance
 *     flow rows     in order of appearance
 *     blocks        times, captured sizes and flows of BLOCK packets each
 */
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { PCAP_HEADER, PCAP_RECORD } from "../../packet/pcap.ts";
import { MAX_NETWORK } from "../../packet/pod_network.ts";
import {
  type AddressTable,
  ColumnBuilder,
  FlowRows,
  isFlow,
  NO_FLOW,
  PacketRows,
} from "./columns.ts";
import { BLOCK, BlockMap } from "./blocks.ts";
import type { Glances } from "./glances.ts";
import { ByteReader, ByteWriter, Damaged, toChecksum } from "./encoding.ts";
import {
  checkSidecar,
  encodeHeader,
  type Layout,
  SIDECAR_HEADER,
  type SidecarHeader,
} from "./sidecar_header.ts";

/** What a shard's columns can be read from: its sidecar, or the PCAP itself. */
export interface ShardIndex {
  readonly header: SidecarHeader;
  readonly blocks: BlockMap;
  readonly flows: FlowRows;
  /**
   * Adds the packets of the blocks `from` up to `to`, which is left out, to
   * the columns; without them of all blocks.
   */
  columns(into: PacketRows, from?: number, to?: number): void;
}

/**
 * What a sidecar is built in. It has grown to what one takes when the next is
 * begun: whoever makes many, one after the other, gives all the same.
 */
export class SidecarMemory {
  readonly rows: PacketRows = new PacketRows();
  readonly blocks: ByteWriter = new ByteWriter();
}

/** Builds a sidecar while its packets are written, or read again. */
export class SidecarBuilder {
  readonly #linkType: number;
  readonly #builder = new ColumnBuilder();
  readonly #map = new BlockMap();
  /** Packets that do not fill a block yet. */
  readonly #pending: PacketRows;
  readonly #blocks: ByteWriter;
  /** Where each block ends in {@link #blocks}. */
  readonly #ends: number[] = [];

  /**
   * @param linkType of the shard's packets
   * @param memory borrowed until {@link finish}; what it holds is forgotten
   */
  constructor(linkType: number, memory: SidecarMemory = new SidecarMemory()) {
    this.#linkType = linkType;
    this.#pending = memory.rows;
    this.#pending.count = 0;
    this.#blocks = memory.blocks;
    this.#blocks.clear();
  }

  /** Packets so far. */
  get packets(): number {
    return this.#builder.packets;
  }

  /** Least time so far, µs since 1970; `Infinity` without packets. */
  get first(): number {
    return this.#builder.first;
  }

  /** Flows so far; their rows change as packets are added. */
  get flows(): FlowRows {
    return this.#builder.flows;
  }

  /**
   * Adds rows of a batch that stand in the PCAP behind those added before,
   * and whose positions are those in the PCAP.
   *
   * @param glances of the batch, if it was looked at before
   */
  add(
    batch: FrameBatch,
    interfaces: readonly Interface[],
    from: number,
    to: number,
    glances?: Glances,
  ): void {
    const pending = this.#pending;
    this.#builder.add(batch, interfaces, from, to, pending, glances);
    let done = 0;
    while (pending.count - done >= BLOCK) {
      this.#encodeBlock(done, done + BLOCK);
      done += BLOCK;
    }
    if (done > 0) pending.shift(done);
  }

  /** The file. Nothing may be added afterwards. */
  finish(): Uint8Array {
    if (this.#pending.count > 0) this.#encodeBlock(0, this.#pending.count);
    const { flows, packets, first, last, kinds } = this.#builder;
    const sections = [
      encodeMap(this.#map, this.#ends).bytes,
      encodeAddresses(flows.addresses).bytes,
      encodeFlows(flows).bytes,
      this.#blocks.bytes,
    ] as const;
    const sizes = sections.map((section) => section.length);
    const checksum = sections.reduce(
      (before, section) => toChecksum(section, before),
      0,
    );
    const header = encodeHeader({
      linkType: this.#linkType,
      packets,
      flows: flows.count,
      pcapBytes: this.#map.end[this.#map.count - 1] ?? PCAP_HEADER,
      first: packets ? first : 0,
      last: packets ? last : 0,
      kinds,
      addresses: flows.addresses.count,
      blocks: this.#map.count,
      mapBytes: sizes[0]!,
      addressBytes: sizes[1]!,
      flowBytes: sizes[2]!,
      blockBytes: sizes[3]!,
      bodyChecksum: checksum,
    });
    return concatenated([header, ...sections]);
  }

  #encodeBlock(from: number, to: number): void {
    const { time, captured, flow } = this.#pending;
    const blocks = this.#blocks;
    const block = this.#map.add(this.#pending, from, to);
    let before = this.#map.firstTime[block]!;
    for (let i = from; i < to; i++) {
      blocks.signed(time[i]! - before);
      before = time[i]!;
    }
    for (let i = from; i < to; i++) blocks.varint(captured[i]!);
    encodeFlowColumn(blocks, flow, from, to);
    this.#ends.push(blocks.size);
  }
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A sidecar that was read. */
export class Sidecar implements ShardIndex {
  readonly header: SidecarHeader;
  readonly blocks: BlockMap = new BlockMap();
  readonly flows: FlowRows = new FlowRows();
  readonly #reader: ByteReader;
  /** Where each block begins in the file; one more, where the last one ends. */
  readonly #places: Uint32Array;

  private constructor(bytes: Uint8Array, layout: Layout) {
    this.header = layout;
    const reader = this.#reader = new ByteReader(bytes);
    const addressesAt = SIDECAR_HEADER + layout.mapBytes;
    const flowsAt = addressesAt + layout.addressBytes;
    const blocksAt = flowsAt + layout.flowBytes;
    reader.seek(SIDECAR_HEADER, addressesAt);
    this.#places = decodeMap(reader, layout, blocksAt, this.blocks);
    reader.seek(addressesAt, flowsAt);
    decodeAddresses(reader, layout.addresses, this.flows.addresses);
    reader.seek(flowsAt, blocksAt);
    decodeFlows(reader, layout.flows, this.flows);
  }

  /**
   * Reads a whole file.
   *
   * @param bytes borrowed for as long as the sidecar is used
   * @throws Damaged also if it is of another version
   */
  static decode(bytes: Uint8Array): Sidecar {
    return new Sidecar(bytes, checkSidecar(bytes));
  }

  /** @throws Damaged */
  columns(
    into: PacketRows,
    from: number = 0,
    to: number = this.blocks.count,
  ): void {
    for (let block = from; block < to; block++) this.#decodeBlock(block, into);
  }

  #decodeBlock(block: number, into: PacketRows): void {
    const blocks = this.blocks;
    const reader = this.#reader;
    reader.seek(this.#places[block]!, this.#places[block + 1]!);
    const rows = blocks.to[block]! - blocks.from[block]!;
    into.reserve(rows);
    const { time, captured, flow, offset } = into;
    const begin = into.count;
    const end = begin + rows;
    let now = blocks.firstTime[block]!;
    for (let i = begin; i < end; i++) {
      now += reader.signed();
      time[i] = now;
    }
    let frame = blocks.begin[block]!;
    for (let i = begin; i < end; i++) {
      const size = reader.varint();
      captured[i] = size;
      offset[i] = frame;
      frame += size + PCAP_RECORD;
    }
    if (frame !== blocks.end[block]! + PCAP_RECORD) {
      throw new Damaged("Sizes of packets contradict their block's");
    }
    decodeFlowColumn(reader, flow, begin, end, this.flows.count);
    reader.finish();
    into.count = end;
  }
}

/**
 * A line for each block, relative to the one before: its size in the PCAP and
 * in this file, then what {@link BlockMap} says of it.
 */
function encodeMap(map: BlockMap, ends: readonly number[]): ByteWriter {
  const writer = new ByteWriter();
  let pcapEnd = PCAP_HEADER;
  let end = 0;
  let time = 0;
  for (let block = 0; block < map.count; block++) {
    writer.varint(map.end[block]! - pcapEnd);
    writer.varint(ends[block]! - end);
    writer.signed(map.firstTime[block]! - time);
    writer.varint(map.lastTime[block]! - map.firstTime[block]!);
    writer.varint(map.leastCaptured[block]!);
    writer.varint(map.greatestCaptured[block]! - map.leastCaptured[block]!);
    // 0 without flows; else how many rows they span, and the first of them.
    const span = map.greatestFlow[block]! - map.leastFlow[block]! + 1;
    writer.varint(span);
    writer.varint(span === 0 ? 0 : map.leastFlow[block]!);
    writer.u8(map.hasFragments[block]!);
    pcapEnd = map.end[block]!;
    end = ends[block]!;
    time = map.lastTime[block]!;
  }
  return writer;
}

/** Bytes that a block has at least in the map, and a row in its block. */
const LEAST = { MAP: 9, ROW: 3 } as const;

function decodeMap(
  reader: ByteReader,
  layout: Layout,
  blocksAt: number,
  map: BlockMap,
): Uint32Array {
  const { packets, blocks } = layout;
  // Before memory is made for what the counts say.
  if (
    blocks !== Math.ceil(packets / BLOCK) ||
    blocks * LEAST.MAP > layout.mapBytes ||
    packets * LEAST.ROW > layout.blockBytes
  ) throw new Damaged("Counts contradict sizes");
  const places = new Uint32Array(blocks + 1);
  let place = places[0] = blocksAt;
  let pcapEnd = PCAP_HEADER;
  let time = 0;
  let first = Infinity;
  let last = -Infinity;
  for (let n = 0; n < blocks; n++) {
    const block = map.append();
    map.from[block] = block * BLOCK;
    map.to[block] = Math.min(packets, (block + 1) * BLOCK);
    map.begin[block] = pcapEnd + PCAP_RECORD;
    map.end[block] = pcapEnd += reader.varint();
    places[block + 1] = place += reader.count(layout.blockBytes);
    time += reader.signed();
    map.firstTime[block] = time;
    first = Math.min(first, time);
    time += reader.varint();
    map.lastTime[block] = time;
    last = Math.max(last, time);
    const least = map.leastCaptured[block] = reader.varint();
    map.greatestCaptured[block] = least + reader.varint();
    const span = reader.count(layout.flows);
    const flow = reader.count(layout.flows - span);
    map.leastFlow[block] = span === 0 ? 1 : flow;
    map.greatestFlow[block] = span === 0 ? 0 : flow + span - 1;
    map.hasFragments[block] = reader.count(1);
  }
  reader.finish();
  if (pcapEnd !== layout.pcapBytes || place !== blocksAt + layout.blockBytes) {
    throw new Damaged("Blocks contradict sizes");
  }
  if (packets > 0 && (first !== layout.first || last !== layout.last)) {
    throw new Damaged("Blocks contradict times");
  }
  return places;
}

function encodeAddresses(addresses: AddressTable): ByteWriter {
  const writer = new ByteWriter();
  for (let row = 0; row < addresses.count; row++) {
    const version = addresses.version[row]!;
    const size = version === 4 ? 4 : 16;
    writer.u8(version);
    writer.raw(addresses.bytes.subarray(row * 16, row * 16 + size));
  }
  return writer;
}

function decodeAddresses(
  reader: ByteReader,
  count: number,
  into: AddressTable,
): void {
  for (let row = 0; row < count; row++) {
    const version = reader.u8();
    if (version !== 4 && version !== 6) throw new Damaged("No IP version");
    into.append(reader.raw(version === 4 ? 4 : 16), 0, version);
  }
  reader.finish();
}

function encodeFlows(flows: FlowRows): ByteWriter {
  const writer = new ByteWriter();
  let time = 0;
  for (let row = 0; row < flows.count; row++) {
    const first = flows.first[row]!;
    writer.signed(first - time);
    time = first;
    writer.varint(flows.last[row]! - first);
    writer.u8(flows.protocol[row]!);
    writer.u8(flows.seen[row]!);
    writer.varint(flows.client[row]!);
    writer.varint(flows.server[row]!);
    writer.u16(flows.clientPort[row]!);
    writer.u16(flows.serverPort[row]!);
    writer.varint(flows.network[row]!);
    writer.varint(flows.clientPackets[row]!);
    writer.varint(flows.serverPackets[row]!);
    writer.varint(flows.clientBytes[row]!);
    writer.varint(flows.serverBytes[row]!);
  }
  return writer;
}

function decodeFlows(reader: ByteReader, count: number, into: FlowRows): void {
  const addresses = into.addresses;
  if (count > 0 && addresses.count === 0) throw new Damaged("No addresses");
  let time = 0;
  for (let n = 0; n < count; n++) {
    const first = time + reader.signed();
    const last = first + reader.varint();
    const row = into.append();
    into.first[row] = time = first;
    into.last[row] = last;
    into.protocol[row] = reader.u8();
    into.seen[row] = reader.u8();
    into.client[row] = reader.count(addresses.count - 1);
    into.server[row] = reader.count(addresses.count - 1);
    into.clientPort[row] = reader.u16();
    into.serverPort[row] = reader.u16();
    into.network[row] = reader.count(MAX_NETWORK);
    into.clientPackets[row] = reader.varint();
    into.serverPackets[row] = reader.varint();
    into.clientBytes[row] = reader.varint();
    into.serverBytes[row] = reader.varint();
  }
  reader.finish();
}

/** Codes for packets without a flow; flows come behind them. */
const SPECIAL = [NO_FLOW.FRAGMENT, NO_FLOW.MALFORMED, NO_FLOW.OTHER] as const;

/**
 * The packet after one of a flow is often of the same flow, or of one that
 * began near it: rows are written as differences from the flow before.
 */
function encodeFlowColumn(
  writer: ByteWriter,
  flow: Uint32Array,
  from: number,
  to: number,
): void {
  let before = 0;
  for (let i = from; i < to; i++) {
    const row = flow[i]!;
    if (!isFlow(row)) {
      writer.varint(row - NO_FLOW.FRAGMENT);
      continue;
    }
    const change = row - before;
    before = row;
    writer.varint(SPECIAL.length + (change < 0 ? -2 * change - 1 : 2 * change));
  }
}

function decodeFlowColumn(
  reader: ByteReader,
  flow: Uint32Array,
  from: number,
  to: number,
  flows: number,
): void {
  let before = 0;
  for (let i = from; i < to; i++) {
    const code = reader.varint();
    if (code < SPECIAL.length) {
      flow[i] = SPECIAL[code]!;
      continue;
    }
    const folded = code - SPECIAL.length;
    before += folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
    if (before < 0 || before >= flows) throw new Damaged(`No flow ${before}`);
    flow[i] = before;
  }
}
