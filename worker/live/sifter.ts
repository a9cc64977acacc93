/**
 * Sifts packets before they are stored: one packet that passes several
 * interfaces of a node is captured at each, and kept once.
 *
 * Each direction of a flow has a home, an interface and a way through it: the
 * first at which it was captured. Elsewhere its packets are copies, unless none
 * has come home for a second, or home is gone. A repeat at home is none: it is a retransmission.
 * The innermost five-tuple is the flow, so what is captured again within VXLAN
 * on its way out is a copy too.
 *
 * What belongs to no flow, such as ARP, is kept wherever it is captured.
 */
import { Decoder } from "../../packet/decode.ts";
import type { FrameBatch } from "../../packet/frame.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { OUTCOME, Packet } from "../../packet/packet.ts";
import { EndsReader, word } from "../shards/ends_reader.ts";
import { FlowSlots, kindOf, SLOT, SLOT_WORDS } from "../shards/flow_slots.ts";

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

/** Takes copies out of batches of cooked frames (LINKTYPE_LINUX_SLL2). */
export class Sifter {
  /** Packets that were taken out, and their bytes as captured. */
  copies = 0;
  copiedBytes = 0;
  readonly #slots = new FlowSlots(
    new Uint32Array(MAX_SIFTED * SLOT_WORDS),
    crypto.getRandomValues(new Uint32Array(1))[0]!,
  );
  readonly #ends = new EndsReader(this.#slots.key);
  /** Indices of the interfaces there are: no other is a home. */
  #interfaces: ReadonlySet<number> = new Set();
  readonly #decoder = new Decoder();
  readonly #packet = new Packet();

  /** Says which interfaces there are from now on, by their index. */
  setInterfaces(interfaces: Iterable<number>): void {
    this.#interfaces = new Set(interfaces);
  }

  /** Takes out of a batch what is not to be stored. */
  sift(batch: FrameBatch): void {
    let kept = 0;
    for (let row = 0; row < batch.count; row++) {
      if (this.#isCopy(batch, row)) {
        this.copies++;
        this.copiedBytes += batch.captured[row]!;
        continue;
      }
      if (kept !== row) move(batch, row, kept);
      kept++;
    }
    batch.count = kept;
  }

  #isCopy(batch: FrameBatch, row: number): boolean {
    const { bytes } = batch;
    const start = batch.start[row]!;
    const isPlain = this.#ends.read(
      bytes,
      start,
      batch.captured[row]!,
      LINKTYPE.LINUX_SLL2,
    );
    const isKnown = isPlain || this.#decodeKey(batch, row);
    if (!isKnown) return false;
    const now = Math.trunc(batch.time[row]! / 1000) >>> 0;
    const slots = this.#slots;
    const slot = slots.find(now);
    const { words } = slots;
    const own = slots.fromLow ? 0 : 1;
    const home = slot + HOME + own;
    const homeAt = slot + HOME_AT + own;
    const here = (word(bytes, start + INTERFACE) << 1 |
      (bytes[start + PACKET_TYPE] === OUTGOING ? 1 : 0)) >>> 0;
    const before = words[home]!;
    if (before !== here && this.#interfaces.has(before >>> 1)) {
      // Below 0 if processors do not agree on the time, or it was set back.
      const silence = now - words[homeAt]! | 0;
      if (silence <= PATIENCE && silence >= -PATIENCE) return true;
    }
    words[home] = here;
    words[homeAt] = now;
    return false;
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
    const { key } = this.#slots;
    const words = ipVersion === 4 ? 1 : 4;
    for (let i = 0; i < words; i++) {
      key[i] = word(bytes, src + 4 * i);
      key[i + 4] = word(bytes, dst + 4 * i);
    }
    key[SLOT.PORTS] = srcPort << 16 | dstPort;
    key[SLOT.KIND] = kindOf(ipVersion, protocol, false);
    return true;
  }
}

/** Moves a row up to where one was taken out. */
function move(batch: FrameBatch, from: number, to: number): void {
  batch.start[to] = batch.start[from]!;
  batch.captured[to] = batch.captured[from]!;
  batch.original[to] = batch.original[from]!;
  batch.time[to] = batch.time[from]!;
  batch.nanos[to] = batch.nanos[from]!;
  batch.interface[to] = batch.interface[from]!;
  batch.position[to] = batch.position[from]!;
}
