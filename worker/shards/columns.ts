/**
 * Packets and flows as columns: what the early stages of a scan read instead
 * of packets.
 *
 * A {@link ColumnBuilder} makes them out of frames alone, with a flow table of
 * its own that begins empty. So the columns of a shard are a function of its
 * PCAP file, whoever computes them: the writer as it goes, recovery after a
 * crash, or a reader that found no sidecar. A savefile is read as a shard that
 * has none.
 */
import { Decoder } from "../../packet/decode.ts";
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import {
  OUTCOME,
  Packet,
  PROTOCOL,
  TCP,
  toAddress,
} from "../../packet/packet.ts";
import { FlowTable } from "../../stream/flow_table.ts";
import { EndsReader, TURNS } from "./ends_reader.ts";
import type { Glances } from "./glances.ts";
import { grown } from "./growth.ts";
import { KnownFlows } from "./known_flows.ts";

/** What stands in place of a flow's row where a packet has none. */
export const NO_FLOW = {
  /**
   * A fragment of an IP packet. Of which flow it is may only be told together
   * with others, perhaps of the shard before: whoever passes over packets for
   * their flow keeps all of these.
   */
  FRAGMENT: 0xffff_fffd,
  /** Headers that contradict themselves, or are cut. */
  MALFORMED: 0xffff_fffe,
  /** Nothing that flows are made of, such as ARP. */
  OTHER: 0xffff_ffff,
} as const;

/** Whether a packet's value in the column of flows is a row, see {@link NO_FLOW}. */
export function isFlow(row: number): boolean {
  return row < NO_FLOW.FRAGMENT;
}

/** What was seen of a flow within the shard, as bits. */
export const SEEN = {
  CLIENT_SYN: 1,
  SERVER_SYN: 2,
  CLIENT_FIN: 4,
  SERVER_FIN: 8,
  RESET: 16,
} as const;

/** What kinds of packets a shard or a block has, as bits. */
export const KIND = {
  TCP: 1,
  UDP: 2,
  ICMP: 4,
  SCTP: 8,
  FRAGMENT: 16,
  MALFORMED: 32,
  OTHER: 64,
} as const;

/** The bit of a decoded packet's transport. */
export function kindOf(protocol: number): number {
  switch (protocol) {
    case PROTOCOL.TCP:
      return KIND.TCP;
    case PROTOCOL.UDP:
      return KIND.UDP;
    case PROTOCOL.SCTP:
      return KIND.SCTP;
    default:
      return KIND.ICMP;
  }
}

/** Packets as columns; row i is valid below `count`. Grows as it is filled. */
export class PacketRows {
  count = 0;
  /** When it was captured, µs since 1970. */
  time: Float64Array = new Float64Array(0);
  /** Where its frame begins in the file, in bytes. */
  offset: Float64Array = new Float64Array(0);
  /** How many bytes of the frame were captured. */
  captured: Uint32Array = new Uint32Array(0);
  /** Row of its flow, or one of {@link NO_FLOW}. */
  flow: Uint32Array = new Uint32Array(0);

  /** Makes room for `more` rows behind those there are. */
  reserve(more: number): void {
    const wanted = this.count + more;
    if (wanted <= this.time.length) return;
    const size = Math.max(wanted, 2 * this.time.length, 1024);
    this.time = grown(this.time, new Float64Array(size));
    this.offset = grown(this.offset, new Float64Array(size));
    this.captured = grown(this.captured, new Uint32Array(size));
    this.flow = grown(this.flow, new Uint32Array(size));
  }

  /** Drops the first `rows` rows. */
  shift(rows: number): void {
    this.time.copyWithin(0, rows, this.count);
    this.offset.copyWithin(0, rows, this.count);
    this.captured.copyWithin(0, rows, this.count);
    this.flow.copyWithin(0, rows, this.count);
    this.count -= rows;
  }
}

/**
 * Distinct addresses in the order in which they were first seen, so that a
 * predicate on addresses is worked out once for each and not for each flow.
 */
export class AddressTable {
  count = 0;
  /** Sixteen bytes each; of an IPv4 address the first four. */
  bytes: Uint8Array = new Uint8Array(0);
  /** IP version of each: 4 or 6. */
  version: Uint8Array = new Uint8Array(0);
  /** Hash table of row + 1, 0 where free; made when it is first needed. */
  #slots = new Int32Array(0);
  readonly #seed: number = crypto.getRandomValues(new Uint32Array(1))[0]! | 1;

  /** The row of an address, a new one if there is none yet. */
  add(bytes: Uint8Array, at: number, version: number): number {
    if (2 * (this.count + 1) > this.#slots.length) this.#rehash();
    const size = version === 4 ? 4 : 16;
    let slot = this.#slotOf(bytes, at, size);
    const slots = this.#slots;
    while (slots[slot] !== 0) {
      const row = slots[slot]! - 1;
      if (this.version[row] === version && this.#isAt(row, bytes, at, size)) {
        return row;
      }
      slot = slot + 1 & slots.length - 1;
    }
    slots[slot] = this.count + 1;
    return this.append(bytes, at, version);
  }

  /** The row of an address that another table holds; -1 if there is none. */
  find(other: AddressTable, row: number): number {
    const slots = this.#slots;
    if (slots.length === 0) return -1;
    const version = other.version[row]!;
    const size = version === 4 ? 4 : 16;
    let slot = this.#slotOf(other.bytes, row * 16, size);
    while (slots[slot] !== 0) {
      const own = slots[slot]! - 1;
      if (
        this.version[own] === version &&
        this.#isAt(own, other.bytes, row * 16, size)
      ) return own;
      slot = slot + 1 & slots.length - 1;
    }
    return -1;
  }

  /** Adds a row without looking whether there is one. */
  append(bytes: Uint8Array, at: number, version: number): number {
    const row = this.count;
    if (row === this.version.length) {
      const size = Math.max(16, 2 * row);
      this.bytes = grown(this.bytes, new Uint8Array(size * 16));
      this.version = grown(this.version, new Uint8Array(size));
    }
    const size = version === 4 ? 4 : 16;
    for (let i = 0; i < size; i++) this.bytes[row * 16 + i] = bytes[at + i]!;
    this.version[row] = version;
    this.count = row + 1;
    return row;
  }

  /** As users write it. */
  text(row: number): string {
    return toAddress(this.bytes, row * 16, this.version[row]!);
  }

  #isAt(row: number, bytes: Uint8Array, at: number, size: number): boolean {
    for (let i = 0; i < size; i++) {
      if (this.bytes[row * 16 + i] !== bytes[at + i]) return false;
    }
    return true;
  }

  #slotOf(bytes: Uint8Array, at: number, size: number): number {
    let hash = this.#seed;
    for (let i = 0; i < size; i++) {
      hash = Math.imul(hash ^ bytes[at + i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & this.#slots.length - 1;
  }

  #rehash(): void {
    let size = 64;
    while (size < 4 * (this.count + 1)) size *= 2;
    this.#slots = new Int32Array(size);
    for (let row = 0; row < this.count; row++) {
      const size = this.version[row] === 4 ? 4 : 16;
      let slot = this.#slotOf(this.bytes, row * 16, size);
      while (this.#slots[slot] !== 0) {
        slot = slot + 1 & this.#slots.length - 1;
      }
      this.#slots[slot] = row + 1;
    }
  }
}

/**
 * Flows as columns, numbered in the order in which they began; row i is valid
 * below `count`. The client is who it is by the flow's first packet and ports.
 */
export class FlowRows {
  count = 0;
  readonly addresses: AddressTable = new AddressTable();
  /** IP protocol number, one of `PROTOCOL`. */
  protocol: Uint8Array = new Uint8Array(0);
  /** Rows of {@link addresses}. */
  client: Uint32Array = new Uint32Array(0);
  server: Uint32Array = new Uint32Array(0);
  /** 0 where the transport has none. */
  clientPort: Uint16Array = new Uint16Array(0);
  serverPort: Uint16Array = new Uint16Array(0);
  /** The pod's network that it was captured in; 0 for the node's own. */
  network: Uint16Array = new Uint16Array(0);
  /** Least and greatest time of its packets, µs since 1970. */
  first: Float64Array = new Float64Array(0);
  last: Float64Array = new Float64Array(0);
  /** Packets that each end sent, those in fragments counted once. */
  clientPackets: Uint32Array = new Uint32Array(0);
  serverPackets: Uint32Array = new Uint32Array(0);
  /** Payload bytes of the transport that each end put on the wire. */
  clientBytes: Float64Array = new Float64Array(0);
  serverBytes: Float64Array = new Float64Array(0);
  /** Bits of {@link SEEN}. */
  seen: Uint8Array = new Uint8Array(0);

  /** Rows that there is room for until the columns grow. */
  get capacity(): number {
    return this.protocol.length;
  }

  /** 4 or 6. */
  ipVersion(row: number): number {
    return this.addresses.version[this.client[row]!]!;
  }

  clientIp(row: number): string {
    return this.addresses.text(this.client[row]!);
  }

  serverIp(row: number): string {
    return this.addresses.text(this.server[row]!);
  }

  /** Whether packets after the shard's last can no longer belong to it. */
  isOver(row: number): boolean {
    const both = SEEN.CLIENT_FIN | SEEN.SERVER_FIN;
    const seen = this.seen[row]!;
    return (seen & SEEN.RESET) !== 0 || (seen & both) === both;
  }

  /** Adds a row of zeros. */
  append(): number {
    const row = this.count;
    if (row === this.protocol.length) this.#grow(Math.max(64, 2 * row));
    this.count = row + 1;
    return row;
  }

  /** Makes room for `size` rows in all. */
  #grow(size: number): void {
    this.protocol = grown(this.protocol, new Uint8Array(size));
    this.client = grown(this.client, new Uint32Array(size));
    this.server = grown(this.server, new Uint32Array(size));
    this.clientPort = grown(this.clientPort, new Uint16Array(size));
    this.serverPort = grown(this.serverPort, new Uint16Array(size));
    this.network = grown(this.network, new Uint16Array(size));
    this.first = grown(this.first, new Float64Array(size));
    this.last = grown(this.last, new Float64Array(size));
    this.clientPackets = grown(this.clientPackets, new Uint32Array(size));
    this.serverPackets = grown(this.serverPackets, new Uint32Array(size));
    this.clientBytes = grown(this.clientBytes, new Float64Array(size));
    this.serverBytes = grown(this.serverBytes, new Float64Array(size));
    this.seen = grown(this.seen, new Uint8Array(size));
  }
}

/** Bits: which end is the client, and whether each end was heard. */
const CLIENT_IS_LOW = 1;
const HEARD_LOW = 2;

/** How long a flow is not looked up again, ms. */
const KNOWN = 1000;

/**
 * Makes columns out of frames, a batch at a time.
 *
 * Most packets are of a flow whose last packet has just been met, and change
 * nothing of it: they are counted without being decoded. The flow table hears
 * of each end of a flow once in a second; so its timeouts, which are minutes,
 * may divide an open flow a second early. What comes out depends on the packets alone.
 */
export class ColumnBuilder {
  readonly flows: FlowRows = new FlowRows();
  /** Packets so far. */
  packets = 0;
  /** Least and greatest time so far; `Infinity` and `-Infinity` without any. */
  first = Infinity;
  last = -Infinity;
  /** What kinds of packets there were, bits of {@link KIND}. */
  kinds = 0;

  readonly #decoder = new Decoder();
  readonly #packet = new Packet();
  // A flow's row is its number in a table of our own. The seed changes nothing
  // that comes out.
  readonly #table = new FlowTable<never>({
    onEnd() {},
    // What a row has is counted here, in columns.
    analyzes: false,
    seed: crypto.getRandomValues(new Uint32Array(1))[0]!,
  });
  readonly #known = new KnownFlows();
  readonly #ends = new EndsReader(this.#known.key.words);
  /** Of each flow: bits of what is known, and when either end was heard, ms. */
  #states = new Uint8Array(0);
  #heardAt = new Uint32Array(0);
  /** Whether the packet met last can be known by heart from now on. */
  #isPlain = false;
  /** The row that it was known by until now; -1 if by none. */
  #found = -1;

  /**
   * Adds rows of a batch to the columns.
   *
   * Memory grows with the flows: of a long savefile every stretch wants a
   * builder of its own, as every shard has one.
   *
   * @param interfaces of the batch: what frames of each begin with
   * @param from the first row, `to` the one behind the last
   * @param glances of the batch, if it was looked at before
   */
  add(
    batch: FrameBatch,
    interfaces: readonly Interface[],
    from: number,
    to: number,
    into: PacketRows,
    glances?: Glances,
  ): void {
    into.reserve(to - from);
    let at = into.count;
    for (let row = from; row < to; row++) {
      const time = batch.time[row]!;
      if (time < this.first) this.first = time;
      if (time > this.last) this.last = time;
      into.time[at] = time;
      into.offset[at] = batch.position[row]!;
      into.captured[at] = batch.captured[row]!;
      const number = glances ? glances.flow[row]! : 0;
      let flow = number === 0
        ? -1
        : this.#recognize(number, glances!.size[row]!, time);
      if (flow < 0) {
        const { linkType } = interfaces[batch.interface[row]!]!;
        flow = this.#lookAt(batch, row, linkType);
        if (number !== 0 && this.#isPlain && isFlow(flow)) {
          this.#known.remember(number, flow);
        }
      }
      into.flow[at] = flow;
      at++;
    }
    into.count = at;
    this.packets += to - from;
  }

  /**
   * Counts a packet of which a glance tells whose it is.
   *
   * @param number of its flow; `size` as in {@link Glances}
   * @returns its flow's row; -1 if it must be looked at
   */
  #recognize(number: number, size: number, time: number): number {
    const flow = this.#known.recall(number);
    if (flow < 0) return -1;
    const fromLow = (size & 1) !== 0;
    return this.#countHeard(flow, time, size >>> 1, fromLow) ? flow : -1;
  }

  #lookAt(batch: FrameBatch, row: number, linkType: number): number {
    const known = this.#recall(batch, row, linkType);
    return known < 0 ? this.#flowOf(batch, row, linkType) : known;
  }

  /**
   * Counts a packet whose flow is known by heart.
   *
   * @returns its flow's row; -1 if it must be decoded
   */
  #recall(batch: FrameBatch, row: number, linkType: number): number {
    this.#isPlain = false;
    const ends = this.#ends;
    const start = batch.start[row]!;
    const captured = batch.captured[row]!;
    if (!ends.read(batch.bytes, start, captured, linkType)) return -1;
    const flags = ends.readTransport(start, captured, batch.original[row]!);
    if (flags < 0) return -1;
    const flow = this.#found = this.#known.find();
    if ((flags & TURNS) !== 0) {
      if (flow >= 0) this.#states[flow] = 0;
      return -1;
    }
    this.#isPlain = true;
    if (flow < 0) return -1;
    const { fromLow } = this.#known.key;
    const time = batch.time[row]!;
    return this.#countHeard(flow, time, ends.size, fromLow) ? flow : -1;
  }

  /** Counts a packet, if the flow table need not hear of it. */
  #countHeard(
    flow: number,
    time: number,
    size: number,
    fromLow: boolean,
  ): boolean {
    const state = this.#states[flow]!;
    const end = fromLow ? 0 : 1;
    const now = Math.trunc(time / 1000) >>> 0;
    const isHeard = (state & HEARD_LOW << end) !== 0 &&
      (now - this.#heardAt[2 * flow + end]! >>> 0) < KNOWN;
    if (!isHeard) return false;
    const clientIsLow = (state & CLIENT_IS_LOW) !== 0;
    this.#count(flow, time, time, size, fromLow === clientIsLow);
    return true;
  }

  /** Knows by heart from now on whose packet it was that was met last. */
  #learn(flow: number, time: number): void {
    if (!this.#isPlain) return;
    this.#isPlain = !this.flows.isOver(flow) && this.#known.set(flow);
    if (!this.#isPlain) return;
    // Its ends have another flow now: nobody counts in the one before.
    if (this.#found >= 0 && this.#found !== flow) this.#states[this.#found] = 0;
    if (flow >= this.#states.length) this.#growTo(this.flows.capacity);
    const { fromLow } = this.#known.key;
    const end = fromLow ? 0 : 1;
    const clientIsLow = this.#table.fromClient === fromLow ? CLIENT_IS_LOW : 0;
    const heard = this.#states[flow]! & ~CLIENT_IS_LOW;
    this.#states[flow] = heard | HEARD_LOW << end | clientIsLow;
    this.#heardAt[2 * flow + end] = Math.trunc(time / 1000);
  }

  #growTo(flows: number): void {
    this.#states = grown(this.#states, new Uint8Array(flows));
    this.#heardAt = grown(this.#heardAt, new Uint32Array(2 * flows));
  }

  #flowOf(batch: FrameBatch, row: number, linkType: number): number {
    const packet = this.#packet;
    const outcome = this.#decoder.decode(
      batch.bytes,
      batch.start[row]!,
      batch.captured[row]!,
      batch.original[row]!,
      linkType,
      batch.time[row]!,
      0,
      packet,
    );
    switch (outcome) {
      case OUTCOME.PACKET: {
        const flow = this.#note(packet, batch.time[row]!);
        this.#learn(flow, batch.time[row]!);
        return packet.fragments.length === 0 ? flow : NO_FLOW.FRAGMENT;
      }
      case OUTCOME.FRAGMENT:
        this.kinds |= KIND.FRAGMENT;
        return NO_FLOW.FRAGMENT;
      case OUTCOME.MALFORMED:
        this.kinds |= KIND.MALFORMED;
        return NO_FLOW.MALFORMED;
      default:
        this.kinds |= KIND.OTHER;
        return NO_FLOW.OTHER;
    }
  }

  /**
   * Counts a packet in its flow's row.
   *
   * @param time of the frame that completed it
   */
  #note(packet: Packet, time: number): number {
    const flows = this.flows;
    const flow = this.#table.find(packet);
    const row = flow.id;
    const fromClient = this.#table.fromClient;
    if (row === flows.count) this.#begin(packet, fromClient);
    this.#count(row, packet.time, time, packet.size, fromClient);
    if (packet.protocol === PROTOCOL.TCP) {
      const flags = packet.flags;
      if ((flags & (TCP.SYN | TCP.FIN | TCP.RST)) !== 0) {
        flows.seen[row]! |= seenOf(flags, fromClient);
      }
    }
    return row;
  }

  /**
   * Counts a packet of a flow.
   *
   * @param first time of its first frame, `last` of the last
   * @param size of its payload on the wire
   */
  #count(
    row: number,
    first: number,
    last: number,
    size: number,
    fromClient: boolean,
  ): void {
    const flows = this.flows;
    if (first < flows.first[row]!) flows.first[row] = first;
    if (last > flows.last[row]!) flows.last[row] = last;
    if (fromClient) {
      flows.clientPackets[row]!++;
      flows.clientBytes[row]! += size;
    } else {
      flows.serverPackets[row]!++;
      flows.serverBytes[row]! += size;
    }
  }

  #begin(packet: Packet, fromClient: boolean): void {
    const { bytes, src, dst, ipVersion } = packet;
    const flows = this.flows;
    const row = flows.append();
    const source = flows.addresses.add(bytes, src, ipVersion);
    const target = flows.addresses.add(bytes, dst, ipVersion);
    flows.protocol[row] = packet.protocol;
    flows.client[row] = fromClient ? source : target;
    flows.server[row] = fromClient ? target : source;
    flows.clientPort[row] = fromClient ? packet.srcPort : packet.dstPort;
    flows.serverPort[row] = fromClient ? packet.dstPort : packet.srcPort;
    flows.network[row] = packet.network;
    flows.first[row] = flows.last[row] = packet.time;
    this.kinds |= kindOf(packet.protocol);
  }
}

/** The bits of {@link SEEN} that a segment's flags set. */
function seenOf(flags: number, fromClient: boolean): number {
  let seen = 0;
  if ((flags & TCP.SYN) !== 0) {
    seen |= fromClient ? SEEN.CLIENT_SYN : SEEN.SERVER_SYN;
  }
  if ((flags & TCP.FIN) !== 0) {
    seen |= fromClient ? SEEN.CLIENT_FIN : SEEN.SERVER_FIN;
  }
  return (flags & TCP.RST) !== 0 ? seen | SEEN.RESET : seen;
}
