/**
 * Marks: what is the same in a packet before and after its addresses are
 * translated, and the packets that were seen lately, by their marks.
 */
import { DIRECTION, type Packet, PROTOCOL } from "../packet/packet.ts";
import type { Flow } from "./flow.ts";

/** How long a packet may take from one leg to the next, µs. */
export const PASSING = 100_000;

/** Packets that are remembered; a power of two. */
export const MAX_SEEN = 8192;

/** Of those with one mark, how many are looked at. */
const MAX_ALIKE = 16;

/** Bytes of a datagram that are compared. */
const MAX_COMPARED = 128;

const BUCKETS = 4096;

const NONE: readonly never[] = [];

/**
 * What a packet is known by on any leg: of a segment its numbers, flags, window
 * and length (translation leaves them alone), of a datagram its length and what
 * it begins with. 53 bits; `undefined` for what no leg begins with.
 */
export function markOf(packet: Packet): number | undefined {
  switch (packet.protocol) {
    case PROTOCOL.TCP: {
      const { seq, ack, flags, window, size } = packet;
      const shape = flags << 16 | window;
      return toMark(
        mixed(mixed(mixed(mixed(0x2545f491, seq), ack), shape), size),
        mixed(mixed(mixed(mixed(0x6c8e9cf5, size), shape), ack), seq),
      );
    }
    case PROTOCOL.UDP: {
      const { bytes, start, end, size } = packet;
      if (size === 0) return undefined;
      let a = mixed(0x2545f491, size);
      let b = mixed(0x6c8e9cf5, size);
      const to = Math.min(end, start + MAX_COMPARED);
      for (let at = start; at < to; at++) {
        a = Math.imul(a ^ bytes[at]!, 0x01000193);
        b = Math.imul(b ^ bytes[at]!, 0x5bd1e995) + at - start | 0;
      }
      return toMark(mixed(a, b), mixed(b, a));
    }
    default:
      return undefined;
  }
}

/** Where ICMP's message goes on behind what translation may change. */
const ICMP_REST = 8;

/**
 * What a datagram is known by wherever it is captured: 32 bits of its length
 * and of what it begins with; of ICMP without the checksum and the identifier,
 * which translation changes.
 */
export function tagOf({ protocol, bytes, start, end, size }: Packet): number {
  const isIcmp = protocol === PROTOCOL.ICMP || protocol === PROTOCOL.ICMPV6;
  let tag = mixed(size, protocol);
  if (isIcmp) tag = mixed(tag, bytes[start]! << 8 | bytes[start + 1]!);
  const from = isIcmp ? start + ICMP_REST : start;
  const to = Math.min(end, from + MAX_COMPARED);
  for (let at = from; at < to; at++) {
    tag = Math.imul(tag ^ bytes[at]!, 0x01000193);
  }
  return mixed(tag, end - from);
}

/** The same of a text. */
export function tagOfText(text: string): number {
  let tag = text.length;
  for (let at = 0; at < text.length; at++) {
    tag = Math.imul(tag ^ text.charCodeAt(at), 0x01000193);
  }
  return mixed(tag, text.length);
}

/** Two of them, or two numbers of 32 bits, as one that is not 0. */
export function joinedTag(a: number, b: number): number {
  return mixed(mixed(0x2545f491, a), b) >>> 0 || 1;
}

function mixed(hash: number, word: number): number {
  let mix = Math.imul(hash ^ word, 0x85ebca6b);
  mix = Math.imul(mix ^ mix >>> 13, 0xc2b2ae35);
  return mix ^ mix >>> 16;
}

function toMark(a: number, b: number): number {
  return (a >>> 0) * 2 ** 21 + (b >>> 11);
}

/** A packet that was seen. */
export interface Seen<T> {
  readonly flow: Flow<T>;
  /** Whether the flow's low end sent it. */
  readonly fromLow: boolean;
  readonly time: number;
}

/** {@link SeenPackets} as plain data, the oldest first. */
export interface SavedSeen {
  readonly marks: readonly number[];
  readonly times: readonly number[];
  readonly interfaces: readonly number[];
  /** `direction * 2`, and 1 if the low end sent it. */
  readonly ways: readonly number[];
  /** Positions of their flows in a list that is saved beside it. */
  readonly flows: readonly number[];
}

/** The packets seen lately: the newest {@link MAX_SEEN}. */
export class SeenPackets<T> {
  #count = 0;
  /** Time of the latest one. */
  #latest = -Infinity;
  // Made when the first packet comes: most captures have many flows, some none.
  #marks = new Float64Array(0);
  #times = new Float64Array(0);
  #interfaces = new Uint32Array(0);
  #ways = new Uint8Array(0);
  #flows: (Flow<T> | undefined)[] = [];
  /** By bucket the number of the newest packet, and of each the next older. */
  #newest = new Float64Array(0);
  #older = new Float64Array(0);

  /** Remembers a packet of a flow. */
  add(mark: number, packet: Packet, flow: Flow<T>, fromLow: boolean): void {
    this.#add(
      mark,
      packet.time,
      packet.interface,
      packet.direction * 2 + (fromLow ? 1 : 0),
      flow,
    );
  }

  /**
   * Packets of other flows which may be this one, on the leg before it or
   * after it; the newest first.
   */
  alike(mark: number, packet: Packet): readonly Seen<T>[] {
    let found: Seen<T>[] | undefined;
    let number = this.#count === 0 ? -1 : this.#newest[bucketOf(mark)]!;
    for (let alike = 0; alike < MAX_ALIKE;) {
      if (number < 0 || number < this.#count - MAX_SEEN) break;
      const at = number & MAX_SEEN - 1;
      number = this.#older[at]!;
      if (this.#marks[at] !== mark) continue;
      alike++;
      const time = this.#times[at]!;
      if (Math.abs(packet.time - time) > PASSING) continue;
      const flow = this.#flows[at]!;
      if (flow.isOver || !this.#mayPass(at, packet)) continue;
      const fromLow = (this.#ways[at]! & 1) === 1;
      (found ??= []).push({ flow, fromLow, time });
    }
    return found ?? NONE;
  }

  /** The flows of packets that may still be alike to one that comes. */
  flows(): Set<Flow<T>> {
    const flows = new Set<Flow<T>>();
    for (const at of this.#recent()) flows.add(this.#flows[at]!);
    return flows;
  }

  /** @param flows has all of {@link flows} */
  save(flows: readonly Flow<T>[]): SavedSeen {
    const positions = new Map(flows.map((flow, i) => [flow, i]));
    const recent = [...this.#recent()];
    return {
      marks: recent.map((at) => this.#marks[at]!),
      times: recent.map((at) => this.#times[at]!),
      interfaces: recent.map((at) => this.#interfaces[at]!),
      ways: recent.map((at) => this.#ways[at]!),
      flows: recent.map((at) => positions.get(this.#flows[at]!)!),
    };
  }

  /** Goes on from {@link save}. */
  resume(saved: SavedSeen, flows: readonly Flow<T>[]): void {
    for (const [i, mark] of saved.marks.entries()) {
      const { times, interfaces, ways } = saved;
      const flow = flows[saved.flows[i]!];
      if (!flow) throw new RangeError("A packet that was seen has no flow");
      this.#add(mark, times[i]!, interfaces[i]!, ways[i]!, flow);
    }
  }

  #add(
    mark: number,
    time: number,
    interfaceIndex: number,
    way: number,
    flow: Flow<T>,
  ): void {
    if (this.#count === 0) this.#reserve();
    const number = this.#count++;
    const at = number & MAX_SEEN - 1;
    const bucket = bucketOf(mark);
    this.#marks[at] = mark;
    this.#times[at] = time;
    this.#interfaces[at] = interfaceIndex;
    this.#ways[at] = way;
    this.#flows[at] = flow;
    this.#older[at] = this.#newest[bucket]!;
    this.#newest[bucket] = number;
    if (time > this.#latest) this.#latest = time;
  }

  #reserve(): void {
    this.#marks = new Float64Array(MAX_SEEN);
    this.#times = new Float64Array(MAX_SEEN);
    this.#interfaces = new Uint32Array(MAX_SEEN);
    this.#ways = new Uint8Array(MAX_SEEN);
    this.#flows = new Array(MAX_SEEN).fill(undefined);
    this.#older = new Float64Array(MAX_SEEN);
    this.#newest = new Float64Array(BUCKETS).fill(-1);
  }

  /**
   * Whether a packet may have gone on from the one at `at`, or the other way
   * round. Where a datagram came in and where it went out are known, it came in
   * first: the same text is often sent by several, and to several. Where that
   * is not known, two packets of one interface are two packets.
   */
  #mayPass(at: number, packet: Packet): boolean {
    const isElsewhere = this.#interfaces[at] !== packet.interface;
    const before = this.#ways[at]! >> 1;
    const { direction } = packet;
    if (before === DIRECTION.UNKNOWN || direction === DIRECTION.UNKNOWN) {
      return isElsewhere;
    }
    return packet.protocol === PROTOCOL.TCP
      ? isElsewhere || before !== direction
      : before === DIRECTION.IN && direction === DIRECTION.OUT;
  }

  /** Where those lie that may still be alike to one that comes. */
  *#recent(): Generator<number> {
    const first = Math.max(0, this.#count - MAX_SEEN);
    for (let number = first; number < this.#count; number++) {
      const at = number & MAX_SEEN - 1;
      const isRecent = this.#latest - this.#times[at]! <= PASSING;
      if (isRecent && !this.#flows[at]!.isOver) yield at;
    }
  }
}

/** By the highest bits, which are cheaper to come by than the lowest. */
function bucketOf(mark: number): number {
  return mark * (BUCKETS / 2 ** 53) | 0;
}
