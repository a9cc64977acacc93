/**
 * Sifts packets before they are stored.
 *
 * *Copies.* One packet that passes several interfaces of a node is captured at
 * each, and kept once.
 *
 * Each direction of a flow has a home, an interface and a way through it: the
 * first at which it was captured. Elsewhere its packets are copies, unless none
 * has come home for a second, or home is gone. A repeat at home is none: it is a retransmission.
 * The innermost five-tuple is the flow, so what is captured again within VXLAN
 * on its way out is a copy too.
 *
 * What belongs to no flow, such as ARP, is kept wherever it is captured.
 *
 * *Headers.* Of flows that no dissector speaks for the headers alone are kept.
 * Who that is, another thread finds out: it is handed the packets of flows of
 * which nothing is known, and its verdict is read in the flow's slot.
 */
import { Decoder } from "../../packet/decode.ts";
import type { FrameBatch } from "../../packet/frame.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { OUTCOME, Packet, PROTOCOL, TCP } from "../../packet/packet.ts";
import { EndsReader, TURNS, word } from "../shards/ends_reader.ts";
import { KEY, kindOf } from "../shards/flow_key.ts";
import { FlowSlots, SLOT, SLOT_WORDS } from "../shards/flow_slots.ts";
import { Glances } from "../shards/glances.ts";
import type { ProbeQueueWriter } from "./probe_queue.ts";
import { VERDICT, VERDICT_BITS } from "./verdict.ts";

/** Silence after which a direction of a flow has another home, ms. */
const PATIENCE = 1000;

/** Where the interface and the kind of packet stand in a cooked header. */
const INTERFACE = 4;
const PACKET_TYPE = 10;

const OUTGOING = 4;

/** Words of a slot: where a direction's home is, and when it was last heard. */
const HOME = SLOT.OWN;
const HOME_AT = SLOT.OWN + 2;

/** Flows that are remembered, in four mebibytes. */
export const MAX_SIFTED: number = 1 << 16;

/** Silence after which datagrams of the same ends are probed anew, ms. */
const DATAGRAM_TIMEOUT = 300e3;

/** Bytes of headers, without options. */
const TCP_HEADER = 20;
const UDP_HEADER = 8;

/** How flows are told apart that are to be kept whole. */
export interface Probing {
  readonly queue: ProbeQueueWriter;
  /** As {@link makeSlotMemory} makes it, shared with the thread that probes. */
  readonly slots: SharedArrayBuffer;
}

/** Memory for the slots of a {@link Sifter}. */
export function makeSlotMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(MAX_SIFTED * SLOT_WORDS * 4);
}

/** Takes copies out of batches of cooked frames (LINKTYPE_LINUX_SLL2). */
export class Sifter {
  /** Packets that were taken out, and their bytes as captured. */
  copies = 0;
  copiedBytes = 0;
  /** Packets of which no more than the headers were kept. */
  headersOnly = 0;
  readonly #queue: ProbeQueueWriter | undefined;
  readonly #slots: FlowSlots;
  readonly #ends: EndsReader;
  /**
   * Of the packet looked at: where its slot is, whether it is a plain one, and
   * where its transport's header is.
   */
  #slot = 0;
  #isPlain = false;
  #transport = 0;
  #protocol = 0;
  /** How long its direction was silent before it, ms. */
  #silence = 0;
  /** Indices of the interfaces there are: no other is a home. */
  #interfaces: ReadonlySet<number> = new Set();
  readonly #decoder = new Decoder();
  readonly #packet = new Packet();

  /** @param probing without it all packets are kept whole */
  constructor(probing?: Probing) {
    const memory = probing?.slots ?? makeSlotMemory();
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    this.#slots = new FlowSlots(new Uint32Array(memory), seed);
    this.#ends = new EndsReader(this.#slots.key.words);
    this.#queue = probing?.queue;
  }

  /** Says which interfaces there are from now on, by their index. */
  setInterfaces(interfaces: Iterable<number>): void {
    this.#interfaces = new Set(interfaces);
  }

  /**
   * Takes out of a batch what is not to be stored.
   *
   * @param glances get what was seen of the rows that are left
   */
  sift(batch: FrameBatch, glances: Glances = new Glances(batch.count)): void {
    let kept = 0;
    for (let row = 0; row < batch.count; row++) {
      if (this.#isCopy(batch, row)) {
        this.copies++;
        this.copiedBytes += batch.captured[row]!;
        continue;
      }
      if (this.#queue) this.#probe(this.#queue, batch, row);
      this.#glance(batch, row, glances, kept);
      batch.move(row, kept);
      kept++;
    }
    batch.count = kept;
  }

  /** Has those packets probed that were handed over for it. */
  tell(): void {
    this.#queue?.tell();
  }

  /** Notes what whoever stores the packet need not look for again. */
  #glance(
    batch: FrameBatch,
    row: number,
    { flow, size }: Glances,
    into: number,
  ): void {
    flow[into] = 0;
    if (!this.#isPlain) return;
    const ends = this.#ends;
    const flags = ends.readTransport(
      batch.start[row]!,
      batch.captured[row]!,
      batch.original[row]!,
    );
    if (flags < 0 || (flags & TURNS) !== 0) return;
    flow[into] = this.#slots.words[this.#slot + SLOT.STAMP]! >>> 2;
    size[into] = ends.size << 1 | (this.#slots.key.fromLow ? 1 : 0);
  }

  #isCopy(batch: FrameBatch, row: number): boolean {
    const { bytes } = batch;
    const start = batch.start[row]!;
    const isPlain = this.#isPlain = this.#ends.read(
      bytes,
      start,
      batch.captured[row]!,
      LINKTYPE.LINUX_SLL2,
    );
    if (isPlain) {
      this.#transport = this.#ends.transport;
      this.#protocol = this.#ends.isFragment ? 0 : this.#ends.protocol;
    } else if (
      this.#isOfPod(bytes, start) || !this.#decodeKey(batch, row)
    ) {
      this.#protocol = 0;
      return false;
    }
    const now = Math.trunc(batch.time[row]! / 1000) >>> 0;
    const slots = this.#slots;
    const slot = slots.find(now);
    const { words } = slots;
    const own = slots.key.fromLow ? 0 : 1;
    const home = slot + HOME + own;
    const homeAt = slot + HOME_AT + own;
    const { view } = this.#ends;
    const here = (view.getUint32(start + INTERFACE) << 1 |
      (view.getUint8(start + PACKET_TYPE) === OUTGOING ? 1 : 0)) >>> 0;
    const before = words[home]!;
    if (before !== here && this.#interfaces.has(before >>> 1)) {
      // Below 0 if processors do not agree on the time, or it was set back.
      const silence = now - words[homeAt]! | 0;
      if (silence <= PATIENCE && silence >= -PATIENCE) return true;
    }
    this.#slot = slot;
    this.#silence = now - words[homeAt]! >>> 0;
    words[home] = here;
    words[homeAt] = now;
    return false;
  }

  /**
   * Whether it was captured in a pod's network: there is one interface, so that
   * there are no copies; and what is said there is kept whole.
   */
  #isOfPod(bytes: Uint8Array, start: number): boolean {
    return (bytes[start + INTERFACE]! & 0x80) !== 0;
  }

  /** Cuts off the payload if nobody wants it; has it probed if none knows. */
  #probe(queue: ProbeQueueWriter, batch: FrameBatch, row: number): void {
    const protocol = this.#protocol;
    if (protocol !== PROTOCOL.TCP && protocol !== PROTOCOL.UDP) return;
    const { words } = this.#slots;
    const at = this.#slot + SLOT.STAMP;
    let stamp = words[at]!;
    const verdict = stamp & VERDICT_BITS;
    if (verdict === VERDICT.KEEP) return;
    const { bytes } = batch;
    const start = batch.start[row]!;
    const captured = batch.captured[row]!;
    if (verdict === VERDICT.HEADERS_ONLY) {
      if (!this.#isAnother(bytes)) return this.#cut(batch, row);
      stamp = this.#slots.renew(this.#slot);
    }
    const original = batch.original[row]!;
    const time = batch.time[row]!;
    queue.add(this.#slot, stamp, bytes, start, captured, original, time);
  }

  /** Whether the packet begins another flow of the same ends. */
  #isAnother(bytes: Uint8Array): boolean {
    if (this.#protocol === PROTOCOL.UDP) {
      return this.#silence > DATAGRAM_TIMEOUT;
    }
    const flags = bytes[this.#transport + 13]!;
    return (flags & (TCP.SYN | TCP.ACK)) === TCP.SYN;
  }

  #cut(batch: FrameBatch, row: number): void {
    const { bytes } = batch;
    const size = this.#protocol === PROTOCOL.UDP
      ? UDP_HEADER
      : (bytes[this.#transport + 12]! >> 4) * 4;
    const captured = this.#transport + size - batch.start[row]!;
    if (captured >= batch.captured[row]!) return;
    batch.captured[row] = captured;
    this.headersOnly++;
  }

  /** Reads the five-tuple of whatever can be decoded: tunnels, extensions… */
  #decodeKey(batch: FrameBatch, row: number): boolean {
    const packet = this.#packet;
    const outcome = this.#decoder.decode(
      batch.bytes,
      batch.start[row]!,
      batch.captured[row]!,
      batch.original[row]!,
      LINKTYPE.LINUX_SLL2,
      batch.time[row]!,
      0,
      packet,
    );
    // Fragments within a tunnel are kept, and so is what they make.
    if (outcome !== OUTCOME.PACKET || packet.fragments.length > 0) return false;
    const { bytes, src, dst, ipVersion, protocol, srcPort, dstPort } = packet;
    const key = this.#slots.key.words;
    const words = ipVersion === 4 ? 1 : 4;
    for (let i = 0; i < words; i++) {
      key[KEY.FIRST + i] = word(bytes, src + 4 * i);
      key[KEY.SECOND + i] = word(bytes, dst + 4 * i);
    }
    key[KEY.PORTS] = srcPort << 16 | dstPort;
    key[KEY.KIND] = kindOf(ipVersion, protocol, false);
    this.#protocol = protocol;
    this.#transport = protocol === PROTOCOL.TCP
      ? packet.options - TCP_HEADER
      : packet.start - UDP_HEADER;
    return true;
  }
}
