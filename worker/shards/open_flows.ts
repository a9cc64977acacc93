/**
 * Flows that went on when a shard ended, so that the next one can say which of
 * its own flows came from where.
 *
 * The flow rows of a shard know nothing of the shard before, or they would not
 * be a function of its PCAP. What ties them together goes into the facts.
 */
import {
  ATTEMPT_TIMEOUT,
  DATAGRAM_TIMEOUT,
  OPEN_TIMEOUT,
} from "../../stream/flow_table.ts";
import { PROTOCOL } from "../../packet/packet.ts";
import { AddressTable, type FlowRows, SEEN } from "./columns.ts";
import { CONTINUED, type ContinuedFlows } from "./facts.ts";
import { grown } from "./growth.ts";

/** Flows that are remembered. */
const MAX_OPEN = 1 << 19;

/** How far packets may go back in time from one shard to the next, µs. */
const MAX_REORDERING = 60e6;

const NONE = -1;

/** A set of flows, each with where its last packets are. */
export class OpenFlows {
  #count = 0;
  #addresses = new AddressTable();
  #protocol = new Uint8Array(0);
  /** The pod's network, as in {@link FlowRows.network}. */
  #network = new Uint16Array(0);
  /** The end that is called the client here, and the other. */
  #client = new Uint32Array(0);
  #server = new Uint32Array(0);
  #clientPort = new Uint16Array(0);
  #serverPort = new Uint16Array(0);
  #shard = new Uint32Array(0);
  #row = new Uint32Array(0);
  #last = new Float64Array(0);
  #timeout = new Float64Array(0);
  #fromStart = new Uint8Array(0);
  /** 1 where nothing can follow: closed, or reset. */
  #isOver = new Uint8Array(0);
  /** Hash chains: the entry that a bucket begins with, the one behind each. */
  #bucket = new Int32Array(64).fill(NONE);
  #next = new Int32Array(0);

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /**
   * Which flows of a shard, from row `from` up to `to`, came from earlier ones.
   * A flow that begins here with its client's SYN is a new one.
   */
  continued(flows: FlowRows, from: number, to: number): ContinuedFlows {
    const row: number[] = [];
    const shard: number[] = [];
    const shardRow: number[] = [];
    const known: number[] = [];
    for (let at = from; at < to; at++) {
      if ((flows.seen[at]! & SEEN.CLIENT_SYN) !== 0) continue;
      const entry = this.#find(flows, at);
      if (entry === NONE) continue;
      row.push(at);
      shard.push(this.#shard[entry]!);
      shardRow.push(this.#row[entry]!);
      known.push(
        (this.#isSwapped(entry, flows, at) ? CONTINUED.SWAPPED : 0) |
          (this.#fromStart[entry]! ? CONTINUED.FROM_START : 0),
      );
    }
    return { kind: "continued", row, shard, shardRow, known };
  }

  /**
   * The flows that are open when a shard has ended, its own and older ones.
   *
   * @param shard its number
   */
  after(shard: number, flows: FlowRows): OpenFlows {
    const later = new OpenFlows();
    let now = -Infinity;
    for (let row = 0; row < flows.count; row++) {
      if (flows.last[row]! > now) now = flows.last[row]!;
      later.#addRow(shard, flows, row, this);
    }
    for (let entry = 0; entry < this.#count; entry++) {
      const silent = now - this.#last[entry]!;
      if (this.#isOver[entry] || silent > this.#timeout[entry]!) continue;
      later.#addOlder(this, entry);
    }
    return later;
  }

  /** Adds a shard's flow; of those with the same ends the last one counts. */
  #addRow(
    shard: number,
    flows: FlowRows,
    row: number,
    earlier: OpenFlows,
  ): void {
    const client = this.#intern(flows.addresses, flows.client[row]!);
    const server = this.#intern(flows.addresses, flows.server[row]!);
    const entry = this.#put(
      flows.protocol[row]!,
      flows.network[row]!,
      client,
      flows.clientPort[row]!,
      server,
      flows.serverPort[row]!,
    );
    if (entry === NONE) return;
    // An earlier row of the same ends may have had them the other way round.
    this.#client[entry] = client;
    this.#clientPort[entry] = flows.clientPort[row]!;
    this.#server[entry] = server;
    this.#serverPort[entry] = flows.serverPort[row]!;
    const isNew = (flows.seen[row]! & SEEN.CLIENT_SYN) !== 0;
    const before = isNew ? NONE : earlier.#find(flows, row);
    if (before !== NONE && earlier.#isSwapped(before, flows, row)) {
      this.#swap(entry);
    }
    this.#shard[entry] = shard;
    this.#row[entry] = row;
    this.#last[entry] = flows.last[row]!;
    this.#timeout[entry] = timeoutOf(flows, row);
    this.#isOver[entry] = flows.isOver(row) ? 1 : 0;
    const isFromStart = isNew || flows.protocol[row] !== PROTOCOL.TCP ||
      before !== NONE && earlier.#fromStart[before] === 1;
    this.#fromStart[entry] = isFromStart ? 1 : 0;
  }

  /** Adds a flow that had no packets in the shard. */
  #addOlder(from: OpenFlows, at: number): void {
    const before = this.#count;
    const entry = this.#put(
      from.#protocol[at]!,
      from.#network[at]!,
      this.#intern(from.#addresses, from.#client[at]!),
      from.#clientPort[at]!,
      this.#intern(from.#addresses, from.#server[at]!),
      from.#serverPort[at]!,
    );
    if (this.#count === before) return;
    this.#shard[entry] = from.#shard[at]!;
    this.#row[entry] = from.#row[at]!;
    this.#last[entry] = from.#last[at]!;
    this.#timeout[entry] = from.#timeout[at]!;
    this.#fromStart[entry] = from.#fromStart[at]!;
  }

  /** The entry of a row's ends, if it can go on with the row's packets. */
  #find(flows: FlowRows, row: number): number {
    const client = this.#addresses.find(flows.addresses, flows.client[row]!);
    const server = this.#addresses.find(flows.addresses, flows.server[row]!);
    if (client === NONE || server === NONE) return NONE;
    const entry = this.#lookUp(
      flows.protocol[row]!,
      flows.network[row]!,
      client,
      flows.clientPort[row]!,
      server,
      flows.serverPort[row]!,
    );
    if (entry === NONE || this.#isOver[entry]) return NONE;
    const silent = flows.first[row]! - this.#last[entry]!;
    return silent <= this.#timeout[entry]! && silent >= -MAX_REORDERING
      ? entry
      : NONE;
  }

  /** Whether the client here is the end that the row calls the server. */
  #isSwapped(entry: number, flows: FlowRows, row: number): boolean {
    const client = this.#addresses.find(flows.addresses, flows.client[row]!);
    return this.#client[entry] !== client ||
      this.#clientPort[entry] !== flows.clientPort[row];
  }

  #swap(entry: number): void {
    const client = this.#client[entry]!;
    this.#client[entry] = this.#server[entry]!;
    this.#server[entry] = client;
    const clientPort = this.#clientPort[entry]!;
    this.#clientPort[entry] = this.#serverPort[entry]!;
    this.#serverPort[entry] = clientPort;
  }

  #intern(addresses: AddressTable, row: number): number {
    return this.#addresses.add(
      addresses.bytes,
      row * 16,
      addresses.version[row]!,
    );
  }

  /** The entry with these ends, whichever comes first. */
  #lookUp(
    protocol: number,
    network: number,
    client: number,
    clientPort: number,
    server: number,
    serverPort: number,
  ): number {
    const bucket = this.#bucketOf(client, clientPort, server, serverPort);
    let entry = this.#bucket[bucket]!;
    while (entry !== NONE) {
      const a = this.#client[entry]!;
      const b = this.#server[entry]!;
      const aPort = this.#clientPort[entry]!;
      const bPort = this.#serverPort[entry]!;
      const isSame = a === client && b === server &&
        aPort === clientPort && bPort === serverPort;
      const isReverse = a === server && b === client &&
        aPort === serverPort && bPort === clientPort;
      if (
        (isSame || isReverse) && this.#protocol[entry] === protocol &&
        this.#network[entry] === network
      ) return entry;
      entry = this.#next[entry]!;
    }
    return NONE;
  }

  /** As above, but makes an entry where there is none and room is left. */
  #put(
    protocol: number,
    network: number,
    client: number,
    clientPort: number,
    server: number,
    serverPort: number,
  ): number {
    const found = this.#lookUp(
      protocol,
      network,
      client,
      clientPort,
      server,
      serverPort,
    );
    if (found !== NONE || this.#count === MAX_OPEN) return found;
    const entry = this.#count;
    if (entry === this.#next.length) this.#grow(Math.max(64, 2 * entry));
    this.#count = entry + 1;
    this.#protocol[entry] = protocol;
    this.#network[entry] = network;
    this.#client[entry] = client;
    this.#server[entry] = server;
    this.#clientPort[entry] = clientPort;
    this.#serverPort[entry] = serverPort;
    if (this.#count > this.#bucket.length) this.#rehash();
    else this.#chain(entry);
    return entry;
  }

  #rehash(): void {
    this.#bucket = new Int32Array(2 * this.#bucket.length).fill(NONE);
    for (let entry = 0; entry < this.#count; entry++) this.#chain(entry);
  }

  #chain(entry: number): void {
    const bucket = this.#bucketOf(
      this.#client[entry]!,
      this.#clientPort[entry]!,
      this.#server[entry]!,
      this.#serverPort[entry]!,
    );
    this.#next[entry] = this.#bucket[bucket]!;
    this.#bucket[bucket] = entry;
  }

  /** The same whichever end comes first. */
  #bucketOf(a: number, aPort: number, b: number, bPort: number): number {
    const hash = hashOfEnd(a, aPort) + hashOfEnd(b, bPort);
    return (hash ^ hash >>> 15) & this.#bucket.length - 1;
  }

  #grow(size: number): void {
    this.#protocol = grown(this.#protocol, new Uint8Array(size));
    this.#network = grown(this.#network, new Uint16Array(size));
    this.#client = grown(this.#client, new Uint32Array(size));
    this.#server = grown(this.#server, new Uint32Array(size));
    this.#clientPort = grown(this.#clientPort, new Uint16Array(size));
    this.#serverPort = grown(this.#serverPort, new Uint16Array(size));
    this.#shard = grown(this.#shard, new Uint32Array(size));
    this.#row = grown(this.#row, new Uint32Array(size));
    this.#last = grown(this.#last, new Float64Array(size));
    this.#timeout = grown(this.#timeout, new Float64Array(size));
    this.#fromStart = grown(this.#fromStart, new Uint8Array(size));
    this.#isOver = grown(this.#isOver, new Uint8Array(size));
    this.#next = grown(this.#next, new Int32Array(size));
  }
}

function hashOfEnd(address: number, port: number): number {
  return Math.imul(Math.imul(address, 0x85ebca6b) ^ port, 0x9e3779b1);
}

/** Silence after which packets of the same ends are of another flow, µs. */
function timeoutOf(flows: FlowRows, row: number): number {
  const protocol = flows.protocol[row]!;
  if (protocol === PROTOCOL.SCTP) return OPEN_TIMEOUT;
  if (protocol !== PROTOCOL.TCP) return DATAGRAM_TIMEOUT;
  const isAttempt = flows.seen[row] === SEEN.CLIENT_SYN &&
    flows.serverPackets[row] === 0;
  return isAttempt ? ATTEMPT_TIMEOUT : OPEN_TIMEOUT;
}
