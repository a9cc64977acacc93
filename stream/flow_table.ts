/**
 * The flows of a capture.
 *
 * The table is a chained hash over typed arrays: a packet of a known flow
 * costs no allocation.
 *
 * What belongs together depends on the packets alone: a flow that has been
 * silent for too long is over when its next packet comes, whether or not
 * {@link FlowTable.expire} was called in between. That call only makes room,
 * and reports sooner. Silence is measured on the packets' clock.
 */
import { Packet, PROTOCOL, TCP, toAddress } from "../packet/packet.ts";
import { openAnalysis, restoreAnalysis, saveAnalysis } from "./analysis.ts";
import {
  type DormantFlow,
  DormantFlows,
  KEY_WORDS,
  type Keyed,
  type SavedDormant,
} from "./dormant.ts";
import { Flow, type FlowEnding } from "./flow.ts";
import type { FlowEnd } from "./flow_end.ts";
import { Answers, NO_PODS, type PodIpsOf, REDIRECT_PORTS } from "./mesh.ts";
import type { State } from "./state.ts";

/** Flows that a table holds unless told otherwise. */
export const MAX_FLOWS = 1 << 17;

const SECOND = 1_000_000;

/** Silence after which datagrams between the same ends are another flow. */
export const DATAGRAM_TIMEOUT = 300 * SECOND;

/**
 * Silence after which a connection is given up. Idle ones live for hours;
 * Linux's connection tracking is as patient.
 */
export const OPEN_TIMEOUT = 5 * 86_400 * SECOND;

/** As above, while nothing but SYNs of one end has been seen. */
export const ATTEMPT_TIMEOUT = 300 * SECOND;

/**
 * How long a connection that was closed or reset still takes in late
 * retransmissions and acknowledgements: Linux's TIME-WAIT.
 */
export const LINGER_TIMEOUT = 60 * SECOND;

/** A clock that goes back further than this was set back. */
const MAX_REORDERING = 60 * SECOND;

/** Each flow is in one list, ordered by its last packet; lists differ in patience. */
const LIST = { ENDED: 0, ATTEMPT: 1, DATAGRAM: 2, OPEN: 3 } as const;

const TIMEOUTS = [
  LINGER_TIMEOUT,
  ATTEMPT_TIMEOUT,
  DATAGRAM_TIMEOUT,
  OPEN_TIMEOUT,
] as const;

/** What was seen of a flow; bits of `high` are those of `low`, shifted by one. */
const SEEN = {
  /** The sequence number before the end's first byte is known. */
  BASE: 1,
  FIN: 4,
  SYN: 16,
  RESET: 64,
  /** Something else than SYNs of one end. */
  ANSWERED: 128,
} as const;

const BOTH_FIN = SEEN.FIN | SEEN.FIN << 1;

/** SCTP chunk types (RFC 9260 §3.2) that open or end an association. */
const CHUNK = {
  INIT: 1,
  INIT_ACK: 2,
  ABORT: 6,
  SHUTDOWN_COMPLETE: 14,
} as const;

/**
 * In a key, after both addresses: the ports, then 16 bits of the pod's network,
 * protocol and IP version.
 */
const PORTS = 8;
const KIND = 9;

const NONE = -1;

/** What a table knows of a flow that goes on elsewhere: plain data. */
export interface FlowState extends DormantFlow {
  readonly protocol: number;
  readonly ipVersion: number;
  readonly network: number;
  readonly podIps: readonly string[];
  readonly meantFor: State;
  /** Both addresses, the lesser one first. */
  readonly addresses: Uint8Array;
  readonly lowPort: number;
  readonly highPort: number;
  readonly analysis: State;
}

/** What a table may be told. */
export interface FlowTableOptions<T> {
  /**
   * Called once for each flow when it is over. It must not use the table.
   */
  readonly onEnd: (flow: Flow<T>, ending: FlowEnding) => void;
  /** Ports from 1024 up that servers listen on, for flows that began unseen. */
  readonly knownPorts?: Iterable<number> | undefined;
  /** Whether flows have an analysis to begin with. */
  readonly analyzes?: boolean | undefined;
  /** Whether analyses keep the payload that flows begin with: up to 8 KiB. */
  readonly keepsHeads?: boolean | undefined;
  /** Addresses of the pod whose network it is; asked for each flow in one. */
  readonly podIpsOf?: PodIpsOf | undefined;
  /** Flows held at most; the longest idle one makes room. */
  readonly maxFlows?: number | undefined;
  /** Any number: makes hash collisions unpredictable to a hostile peer. */
  readonly seed?: number | undefined;
}

/** The flows of a capture. */
export class FlowTable<T = unknown> {
  /** Whether the packet last looked up was sent by its flow's client. */
  fromClient = false;
  /** Whether it was sent by the flow's low end, which never changes. */
  fromLow = false;
  /** Flows that ended before their time because the table was full. */
  evicted = 0;

  readonly #onEnd: (flow: Flow<T>, ending: FlowEnding) => void;
  readonly #isKnownPort = new Uint8Array(1 << 16);
  readonly #analyzes: boolean;
  readonly #keepsHeads: boolean;
  readonly #podIpsOf: PodIpsOf;
  readonly #maxFlows: number;
  readonly #multiplier: number;

  #size = 0;
  #nextId = 0;
  #now = 0;

  // Slots: row i of each belongs to one flow, or to the chain of free ones.
  #flows: (Flow<T> | undefined)[] = [];
  #keys = new Uint32Array(0);
  #hashes = new Int32Array(0);
  /** Next slot with the same bucket, or next free one. */
  #chain = new Int32Array(0);
  #seen = new Uint8Array(0);
  /** Of both ends: the sequence number before the first byte. */
  #base = new Uint32Array(0);
  /** The table's clock when the flow's last packet came. */
  #touched = new Float64Array(0);
  #list = new Uint8Array(0);
  #older = new Int32Array(0);
  #newer = new Int32Array(0);
  #free = NONE;

  #buckets = new Int32Array(0);
  readonly #oldest = new Int32Array(TIMEOUTS.length).fill(NONE);
  readonly #newest = new Int32Array(TIMEOUTS.length).fill(NONE);

  /** Has the ends of a flow that is saved or resumed. */
  readonly #ends = new Packet();
  /** The key looked for. */
  readonly #key = new Uint32Array(KEY_WORDS);
  #lastSlot = NONE;
  /** There once a packet of a pod's network has come. */
  #answers: Answers | undefined;
  #dormant: { readonly flows: DormantFlows; readonly state: T } | undefined;

  constructor(options: FlowTableOptions<T>) {
    this.#onEnd = options.onEnd;
    this.#analyzes = options.analyzes ?? true;
    this.#keepsHeads = options.keepsHeads ?? true;
    this.#podIpsOf = options.podIpsOf ?? NO_PODS;
    this.#maxFlows = options.maxFlows ?? MAX_FLOWS;
    // Odd, so that multiplying loses nothing.
    this.#multiplier = ((options.seed ?? 0) * 2 ^ 0x9e3779b1) | 1;
    this.#isKnownPort.fill(1, 1, 1024);
    for (const port of options.knownPorts ?? []) this.#isKnownPort[port] = 1;
  }

  /** Flows now held. */
  get size(): number {
    return this.#size;
  }

  /** Flows found so far. */
  get found(): number {
    return this.#nextId;
  }

  /**
   * The flow of a decoded packet, a new one if there is none. Sets
   * {@link fromClient} and {@link fromLow}, and counts the packet in the flow's
   * analysis. An earlier flow of the same ends is reported before.
   */
  find(packet: Packet): Flow<T> {
    this.#advance(packet.time);
    let slot = packet.network === 0 ? NONE : this.#seekAsked(packet);
    if (slot === NONE) slot = this.#seek(packet);
    if (slot !== NONE && this.#isOver(slot, packet)) {
      this.#end(slot);
      slot = NONE;
    }
    if (slot === NONE) slot = this.#begin(packet);
    const flow = this.#flows[slot]!;
    if (packet.time > flow.last) flow.last = packet.time;
    flow.lastPlace = packet.place;
    if (packet.protocol === PROTOCOL.TCP) this.#noteSegment(slot, packet);
    else if (packet.protocol === PROTOCOL.SCTP) this.#noteChunk(slot, packet);
    flow.analysis?.add(packet, this.fromLow);
    this.#touch(slot);
    this.#lastSlot = slot;
    this.fromClient = this.fromLow === flow.clientIsLow;
    return flow;
  }

  /**
   * Notes that a flow goes on, by a packet of which nothing else is wanted. It
   * has not been silent for too long before.
   */
  goesOn(flow: Flow<T>, time: number, place: number): void {
    this.#advance(time);
    if (flow.isOver) return;
    const slot = this.#slotOf(flow);
    if (time > flow.last) flow.last = time;
    flow.lastPlace = place;
    this.#touch(slot);
  }

  /** Ends the flows that have been silent for too long at `time`. */
  expire(time: number): void {
    this.#advance(time);
    for (let list = 0; list < TIMEOUTS.length; list++) {
      let slot = this.#oldest[list]!;
      while (slot !== NONE && this.#isSilent(slot)) {
        this.#end(slot);
        slot = this.#oldest[list]!;
      }
    }
  }

  /**
   * Ends every flow, in the order in which they began: no more packets come.
   * Those that were over before say so, the others are cut.
   */
  endAll(): void {
    const slots: number[] = [];
    this.#flows.forEach((flow, slot) => flow && slots.push(slot));
    const idOf = (slot: number) => this.#flows[slot]!.id;
    slots.sort((a, b) => idOf(a) - idOf(b));
    for (const slot of slots) this.#end(slot);
  }

  /** Those that are not over, in no order. */
  flows(): Flow<T>[] {
    return this.#flows.filter((flow) => flow !== undefined);
  }

  /** What {@link resume} needs to go on with a flow in another table. */
  save(flow: Flow<T>): FlowState {
    const slot = this.#slotOf(flow);
    const { bytes, srcPort, dstPort } = this.#ends;
    return {
      protocol: flow.protocol,
      ipVersion: flow.ipVersion,
      network: flow.network,
      podIps: flow.podIps,
      meantFor: flow.meantFor ? { ...flow.meantFor } : null,
      addresses: bytes,
      lowPort: srcPort,
      highPort: dstPort,
      ...this.#numbersOf(slot),
      analysis: flow.analysis ? saveAnalysis(flow.analysis) : null,
    };
  }

  /**
   * A flow that goes on where {@link save} was called in another table. To be
   * called before packets of the same ends come, in the order in which the
   * flows were last heard from.
   */
  resume(state: FlowState): Flow<T> {
    const packet = this.#ends;
    packet.bytes = state.addresses;
    packet.src = 0;
    packet.dst = state.addresses.length / 2;
    packet.ipVersion = state.ipVersion;
    packet.network = state.network;
    packet.protocol = state.protocol;
    packet.srcPort = state.lowPort;
    packet.dstPort = state.highPort;
    packet.time = state.first;
    packet.place = state.firstPlace;
    this.#readKey(packet);
    if (this.#lookUp() !== NONE) throw new Error("The flow is there already");
    this.#advance(state.last);
    const slot = this.#restore(packet, state);
    const flow = this.#flows[slot]!;
    flow.podIps = state.podIps;
    flow.meantFor = state.meantFor === null
      ? undefined
      : state.meantFor as unknown as FlowEnd;
    flow.analysis = state.analysis === null
      ? undefined
      : restoreAnalysis(flow.transport, state.analysis);
    this.#touch(slot);
    return flow;
  }

  /**
   * What {@link sleep} needs to know the packets of these flows in another
   * table; and of those that sleep here.
   */
  saveDormant(flows: Iterable<Flow<T>>): SavedDormant {
    const keyed = Array.from(flows, (flow): Keyed => {
      const slot = this.#slotOf(flow);
      const at = slot * KEY_WORDS;
      const key = this.#keys.subarray(at, at + KEY_WORDS);
      return [key, this.#numbersOf(slot)];
    });
    for (const [key, flow] of this.#dormant?.flows.left() ?? []) {
      const list = listFor(flow.seen, key[KIND]!);
      if (this.#now - flow.last <= TIMEOUTS[list]!) keyed.push([key, flow]);
    }
    return DormantFlows.save(keyed, this.#now);
  }

  /**
   * Has flows sleep until another packet of theirs comes: then they go on
   * where {@link saveDormant} was called. They have no analysis, and their end
   * is reported only if they woke. To be called after {@link resume}.
   *
   * @param state of those that wake
   */
  sleep(saved: SavedDormant, state: T): void {
    this.#dormant = { flows: new DormantFlows(saved), state };
    this.#advance(saved.clock);
  }

  /** The slot of the flow that has a packet's ends, if there is one. */
  #seek(packet: Packet): number {
    this.#readKey(packet);
    const slot = this.#lookUp();
    return slot === NONE ? this.#wake(packet) : slot;
  }

  /** The slot of the redirected flow that a packet answers, if it does. */
  #seekAsked(packet: Packet): number {
    const answers = this.#answers ??= new Answers();
    if (!answers.mayBe(packet)) return NONE;
    for (const port of REDIRECT_PORTS) {
      const slot = this.#seek(answers.asked(packet, port));
      // One that is over may have been forgotten as well.
      if (slot === NONE || this.#isOver(slot, packet)) continue;
      const flow = this.#flows[slot]!;
      flow.meantFor ??= {
        ip: toAddress(packet.bytes, packet.src, packet.ipVersion),
        port: packet.srcPort,
      };
      return slot;
    }
    return NONE;
  }

  /** Wakes the flow of the packet, whose key was read, if it sleeps. */
  #wake(packet: Packet): number {
    const found = this.#dormant?.flows.take(this.#key);
    if (!found) return NONE;
    const ends = this.#ends;
    ends.bytes = packet.bytes;
    ends.src = packet.src;
    ends.dst = packet.dst;
    ends.ipVersion = packet.ipVersion;
    ends.network = packet.network;
    ends.protocol = packet.protocol;
    ends.srcPort = packet.srcPort;
    ends.dstPort = packet.dstPort;
    ends.time = found.first;
    ends.place = found.firstPlace;
    const slot = this.#restore(ends, found);
    this.#flows[slot]!.state = this.#dormant!.state;
    this.#touch(slot);
    this.#touched[slot] = found.last;
    return slot;
  }

  /** @param ends of the flow, with the time and place of its first packet */
  #restore(ends: Packet, state: DormantFlow): number {
    const slot = this.#create(ends);
    const flow = this.#flows[slot]!;
    flow.clientIsLow = state.clientIsLow;
    flow.midStream = state.midStream;
    flow.last = state.last;
    flow.lastPlace = state.lastPlace;
    this.#seen[slot] = state.seen;
    this.#base[slot * 2] = state.lowBase;
    this.#base[slot * 2 + 1] = state.highBase;
    return slot;
  }

  /** Where a flow is kept. Leaves its ends in {@link #ends}. */
  #slotOf(flow: Flow<T>): number {
    const packet = this.#ends;
    packet.protocol = flow.protocol;
    flow.fill(packet);
    this.#readKey(packet);
    const slot = this.#lookUp();
    if (this.#flows[slot] !== flow) throw new Error("The flow is over");
    return slot;
  }

  #numbersOf(slot: number): DormantFlow {
    const { clientIsLow, midStream, first, firstPlace, last, lastPlace } = this
      .#flows[slot]!;
    return {
      clientIsLow,
      midStream,
      first,
      firstPlace,
      last,
      lastPlace,
      seen: this.#seen[slot]!,
      lowBase: this.#base[slot * 2]!,
      highBase: this.#base[slot * 2 + 1]!,
    };
  }

  #advance(time: number): void {
    if (time > this.#now || time < this.#now - MAX_REORDERING) this.#now = time;
  }

  #readKey(packet: Packet): void {
    const { bytes, src, dst, srcPort, dstPort } = packet;
    const key = this.#key;
    const words = packet.ipVersion === 4 ? 1 : 4;
    // Dormant flows are looked up by all words, also those that IPv4 leaves.
    if (words === 1 && (key[KIND]! & 0xff) !== 4) key.fill(0);
    let order = 0;
    for (let i = 0; i < words; i++) {
      const a = word(bytes, src + i * 4);
      const b = word(bytes, dst + i * 4);
      if (order === 0) order = a - b;
      key[i] = a;
      key[i + 4] = b;
    }
    if (order === 0) order = srcPort - dstPort;
    this.fromLow = order <= 0;
    if (order > 0) {
      for (let i = 0; i < words; i++) {
        const a = key[i]!;
        key[i] = key[i + 4]!;
        key[i + 4] = a;
      }
      key[PORTS] = dstPort << 16 | srcPort;
    } else {
      key[PORTS] = srcPort << 16 | dstPort;
    }
    key[KIND] = packet.network << 16 | packet.protocol << 8 | packet.ipVersion;
  }

  #lookUp(): number {
    if (this.#lastSlot !== NONE && this.#hasKey(this.#lastSlot)) {
      return this.#lastSlot;
    }
    if (this.#size === 0) return NONE;
    const hash = this.#hash();
    let slot = this.#buckets[hash & this.#buckets.length - 1]!;
    while (slot !== NONE) {
      if (this.#hashes[slot] === hash && this.#hasKey(slot)) return slot;
      slot = this.#chain[slot]!;
    }
    return NONE;
  }

  #hasKey(slot: number): boolean {
    const key = this.#key;
    const keys = this.#keys;
    const at = slot * KEY_WORDS;
    return keys[at] === key[0] && keys[at + 4] === key[4] &&
      keys[at + PORTS] === key[PORTS] && keys[at + KIND] === key[KIND] &&
      ((key[KIND]! & 0xff) === 4 ||
        keys[at + 1] === key[1] && keys[at + 2] === key[2] &&
          keys[at + 3] === key[3] && keys[at + 5] === key[5] &&
          keys[at + 6] === key[6] && keys[at + 7] === key[7]);
  }

  #hash(): number {
    const key = this.#key;
    const multiplier = this.#multiplier;
    const words = (key[KIND]! & 0xff) === 4 ? 1 : 4;
    let hash = key[PORTS]! ^ key[KIND]!;
    for (let i = 0; i < words; i++) {
      hash = Math.imul(hash ^ key[i]!, multiplier);
      hash = Math.imul(hash ^ hash >>> 15 ^ key[i + 4]!, multiplier);
      hash ^= hash >>> 13;
    }
    hash = Math.imul(hash, multiplier);
    return hash ^ hash >>> 16;
  }

  #isSilent(slot: number): boolean {
    return this.#now - this.#touched[slot]! > TIMEOUTS[this.#list[slot]!]!;
  }

  /** Whether the packet, which has the flow's ends, begins another flow. */
  #isOver(slot: number, packet: Packet): boolean {
    if (this.#isSilent(slot)) return true;
    return packet.protocol === PROTOCOL.TCP &&
      (packet.flags & (TCP.SYN | TCP.RST)) === TCP.SYN &&
      this.#opensAnother(slot, packet);
  }

  /**
   * Whether a SYN or SYN+ACK is of another connection: its sequence number is
   * not the one that the end began with. Where the capture missed or reordered
   * the end's SYN, that follows from the first sequence number seen of it, or
   * first acknowledged by the other end.
   */
  #opensAnother(slot: number, packet: Packet): boolean {
    const seen = this.#seen[slot]!;
    const own = this.fromLow ? 0 : 1;
    if ((seen & SEEN.BASE << own) === 0) return false;
    const progress = this.#base[slot * 2 + own]! - packet.seq | 0;
    if (progress === 0) return false;
    // Savefiles may be out of order: a SYN that is older than all that was seen
    // of the flow, and numbered before it, opened it.
    if (progress > 0 && packet.time < this.#flows[slot]!.first) return false;
    if ((packet.flags & TCP.ACK) === 0) return true;
    // A server may answer one SYN twice, and number its answers anew.
    const other = 1 - own;
    return (seen & SEEN.BASE << other) === 0 ||
      this.#base[slot * 2 + other] !== (packet.ack - 1 >>> 0);
  }

  #noteSegment(slot: number, packet: Packet): void {
    const { flags } = packet;
    const own = this.fromLow ? 0 : 1;
    const before = this.#seen[slot]!;
    let seen = before;
    if ((flags & TCP.SYN) !== 0) {
      seen |= SEEN.BASE << own | SEEN.SYN << own;
      this.#base[slot * 2 + own] = packet.seq;
      this.#flows[slot]!.midStream = false;
    } else if ((seen & SEEN.BASE << own) === 0 && (flags & TCP.RST) === 0) {
      // An RST's number may be made up: 0, or the other end's (RFC 9293 §3.5.2).
      seen |= SEEN.BASE << own;
      this.#base[slot * 2 + own] = packet.seq - 1;
    }
    const other = 1 - own;
    if (
      (seen & SEEN.BASE << other) === 0 &&
      (flags & (TCP.ACK | TCP.RST)) === TCP.ACK
    ) {
      seen |= SEEN.BASE << other;
      this.#base[slot * 2 + other] = packet.ack - 1;
    }
    if ((flags & TCP.FIN) !== 0) seen |= SEEN.FIN << own;
    if ((flags & TCP.RST) !== 0) seen |= SEEN.RESET;
    if (
      (flags & TCP.SYN) === 0 ||
      (seen & (SEEN.SYN | SEEN.SYN << 1)) !== SEEN.SYN << own
    ) seen |= SEEN.ANSWERED;
    if (seen !== before) this.#seen[slot] = seen;
  }

  #noteChunk(slot: number, packet: Packet): void {
    const type = packet.bytes[packet.start];
    if (type === CHUNK.ABORT) this.#seen[slot]! |= SEEN.RESET;
    else if (type === CHUNK.SHUTDOWN_COMPLETE) this.#seen[slot]! |= BOTH_FIN;
  }

  #ending(slot: number): FlowEnding {
    const seen = this.#seen[slot]!;
    if ((seen & SEEN.RESET) !== 0) return "reset";
    if ((seen & BOTH_FIN) === BOTH_FIN) return "closed";
    // Nothing but silence ends datagrams.
    const isDatagram = this.#list[slot] === LIST.DATAGRAM;
    return isDatagram && this.#isSilent(slot) ? "closed" : "cut";
  }

  #listFor(slot: number): number {
    return listFor(this.#seen[slot]!, this.#keys[slot * KEY_WORDS + KIND]!);
  }

  /** Makes the flow the one heard from last in the list it now belongs to. */
  #touch(slot: number): void {
    this.#touched[slot] = this.#now;
    const list = this.#listFor(slot);
    if (this.#list[slot] === list && this.#newest[list] === slot) return;
    this.#unlink(slot);
    this.#link(slot, list);
  }

  #link(slot: number, list: number): void {
    const newest = this.#newest[list]!;
    this.#list[slot] = list;
    this.#older[slot] = newest;
    this.#newer[slot] = NONE;
    if (newest === NONE) this.#oldest[list] = slot;
    else this.#newer[newest] = slot;
    this.#newest[list] = slot;
  }

  #unlink(slot: number): void {
    const list = this.#list[slot]!;
    const older = this.#older[slot]!;
    const newer = this.#newer[slot]!;
    if (older === NONE) this.#oldest[list] = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest[list] = older;
    else this.#older[newer] = older;
  }

  /** A flow that begins with the packet. */
  #begin(packet: Packet): number {
    const slot = this.#create(packet);
    const flow = this.#flows[slot]!;
    flow.midStream = flow.transport === "tcp";
    if (this.#analyzes) {
      flow.analysis = openAnalysis(flow.transport, this.#keepsHeads);
    }
    return slot;
  }

  #create(packet: Packet): number {
    if (this.#size === this.#maxFlows) {
      // What is evicted must not depend on when somebody called `expire`.
      this.expire(this.#now);
      if (this.#size === this.#maxFlows) this.#evict();
    }
    if (this.#free === NONE) this.#grow();
    const slot = this.#free;
    this.#free = this.#chain[slot]!;
    const hash = this.#hash();
    const bucket = hash & this.#buckets.length - 1;
    this.#keys.set(this.#key, slot * KEY_WORDS);
    this.#hashes[slot] = hash;
    this.#chain[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = slot;
    this.#seen[slot] = 0;
    const flow = new Flow<T>(
      this.#nextId++,
      packet,
      this.fromLow,
      this.#isFromClient(packet),
    );
    if (packet.network !== 0) {
      flow.podIps = this.#podIpsOf(packet.network);
    }
    this.#flows[slot] = flow;
    this.#touched[slot] = this.#now;
    this.#link(slot, this.#listFor(slot));
    this.#size++;
    return slot;
  }

  /** Whether a flow's first packet was sent by its client (FIELDS: flows). */
  #isFromClient(packet: Packet): boolean {
    if (packet.protocol === PROTOCOL.TCP && (packet.flags & TCP.SYN) !== 0) {
      return (packet.flags & TCP.ACK) === 0;
    }
    if (packet.protocol === PROTOCOL.SCTP && packet.end > packet.start) {
      const type = packet.bytes[packet.start];
      if (type === CHUNK.INIT) return true;
      if (type === CHUNK.INIT_ACK) return false;
    }
    const { srcPort, dstPort } = packet;
    const isSourceKnown = this.#isKnownPort[srcPort] === 1;
    const isTargetKnown = this.#isKnownPort[dstPort] === 1;
    if (isSourceKnown !== isTargetKnown) return isTargetKnown;
    // Both may be servers' ports, or neither: then who was heard first asks.
    return !isSourceKnown || srcPort >= dstPort;
  }

  /** Makes room: an ended flow if there is one, else the longest idle. */
  #evict(): void {
    let slot = this.#oldest[LIST.ENDED]!;
    if (slot === NONE) {
      for (const candidate of this.#oldest) {
        if (candidate === NONE) continue;
        if (
          slot === NONE || this.#touched[candidate]! < this.#touched[slot]!
        ) slot = candidate;
      }
      this.evicted++;
    }
    this.#end(slot);
  }

  /** Removes a flow and reports it. */
  #end(slot: number): void {
    const flow = this.#flows[slot]!;
    const ending = this.#ending(slot);
    flow.isOver = true;
    this.#unlink(slot);
    this.#unchain(slot);
    this.#flows[slot] = undefined;
    this.#size--;
    if (this.#lastSlot === slot) this.#lastSlot = NONE;
    this.#onEnd(flow, ending);
  }

  #unchain(slot: number): void {
    const bucket = this.#hashes[slot]! & this.#buckets.length - 1;
    let at = this.#buckets[bucket]!;
    if (at === slot) {
      this.#buckets[bucket] = this.#chain[slot]!;
    } else {
      while (this.#chain[at] !== slot) at = this.#chain[at]!;
      this.#chain[at] = this.#chain[slot]!;
    }
    this.#chain[slot] = this.#free;
    this.#free = slot;
  }

  /** Doubles the slots and buckets. */
  #grow(): void {
    const before = this.#chain.length;
    const size = Math.max(1024, before * 2);
    this.#keys = grown(this.#keys, new Uint32Array(size * KEY_WORDS));
    this.#base = grown(this.#base, new Uint32Array(size * 2));
    this.#hashes = grown(this.#hashes, new Int32Array(size));
    this.#chain = grown(this.#chain, new Int32Array(size));
    this.#older = grown(this.#older, new Int32Array(size));
    this.#newer = grown(this.#newer, new Int32Array(size));
    this.#seen = grown(this.#seen, new Uint8Array(size));
    this.#list = grown(this.#list, new Uint8Array(size));
    this.#touched = grown(this.#touched, new Float64Array(size));
    this.#buckets = new Int32Array(size).fill(NONE);
    for (let slot = 0; slot < before; slot++) {
      const bucket = this.#hashes[slot]! & size - 1;
      this.#chain[slot] = this.#buckets[bucket]!;
      this.#buckets[bucket] = slot;
    }
    for (let slot = size - 1; slot >= before; slot--) {
      this.#chain[slot] = this.#free;
      this.#free = slot;
    }
    while (this.#flows.length < size) this.#flows.push(undefined);
  }
}

/** The list of a flow by what was seen of it, and its key's last word. */
function listFor(seen: number, kind: number): number {
  if ((seen & SEEN.RESET) !== 0 || (seen & BOTH_FIN) === BOTH_FIN) {
    return LIST.ENDED;
  }
  const protocol = kind >>> 8 & 0xff;
  if (protocol === PROTOCOL.SCTP) return LIST.OPEN;
  if (protocol !== PROTOCOL.TCP) return LIST.DATAGRAM;
  return (seen & SEEN.ANSWERED) !== 0 ? LIST.OPEN : LIST.ATTEMPT;
}

/** Four bytes, big endian, unsigned. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
    bytes[at + 3]!) >>> 0;
}

function grown<A extends { set(from: A): void }>(from: A, to: A): A {
  to.set(from);
  return to;
}
