/**
 * Fragments of IP packets, kept until the packet is whole (RFC 791 §3.2,
 * RFC 8200 §4.5).
 *
 * What a fragment adds is copied and kept in order of arrival. When nothing
 * is missing any more, the pieces are laid down from the newest to the oldest:
 * of bytes that came twice the first copy wins.
 */
import type { Cursor } from "./cursor.ts";
import type { Packet } from "./packet.ts";

/** How long a packet may take to become whole, µs: as in Linux. */
const MAX_AGE = 30_000_000;

/** Packets that are incomplete at the same time. */
const MAX_INCOMPLETE = 4096;

/** Bytes of all fragments that wait. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Bytes of a packet's payload, whatever its fragments claim. */
const MAX_PAYLOAD = 65_535;

/** What a waiting piece costs beside its bytes. */
const PIECE_COST = 128;

/** Bytes of one packet's payload. */
interface Piece {
  readonly from: number;
  readonly bytes: Uint8Array;
}

/** A packet of which fragments have come, as plain data. */
export interface SavedFragments {
  /** What its fragments have in common. */
  readonly key: string;
  readonly begun: number;
  readonly addresses: Uint8Array;
  readonly pieces: readonly Piece[];
  readonly covered: readonly number[];
  readonly total: number | null;
  readonly cut: number;
  readonly protocol: number;
  readonly time: number;
  readonly place: number;
  readonly places: readonly number[];
}

/** A packet of which fragments have come. */
class Incomplete {
  /** When the first one came, µs. */
  readonly begun: number;
  /** Source and destination address. */
  readonly addresses: Uint8Array;
  pieces: Piece[] = [];
  /** What has come: beginnings and ends by turns, ascending, apart. */
  #covered: number[] = [];
  /** Bytes of the payload, once its last fragment has come. */
  total: number | undefined;
  /** The payload is known up to here: a snap length cut a fragment. */
  cut = MAX_PAYLOAD;
  /** Of the fragment at offset 0. */
  protocol = 0;
  time = 0;
  place = 0;
  /** Of every fragment, in the order they came. */
  places: number[] = [];

  constructor(begun: number, addresses: Uint8Array) {
    this.begun = begun;
    this.addresses = addresses;
  }

  static restored(saved: SavedFragments): Incomplete {
    const packet = new Incomplete(saved.begun, saved.addresses);
    packet.pieces = [...saved.pieces];
    packet.#covered = [...saved.covered];
    packet.total = saved.total ?? undefined;
    packet.cut = saved.cut;
    packet.protocol = saved.protocol;
    packet.time = saved.time;
    packet.place = saved.place;
    packet.places = [...saved.places];
    return packet;
  }

  save(key: string): SavedFragments {
    const { begun, addresses, pieces, cut, protocol, time, place } = this;
    return {
      ...{ key, begun, addresses, pieces, covered: this.#covered },
      total: this.total ?? null,
      ...{ cut, protocol, time, place, places: this.places },
    };
  }

  /** Bytes that the pieces cost. */
  get cost(): number {
    return this.pieces.reduce((sum, piece) => sum + costOf(piece), 0);
  }

  get isWhole(): boolean {
    return this.total !== undefined && this.#covered[0] === 0 &&
      this.#covered[1] === this.total;
  }

  /** Bytes of the payload before the end of what has come. */
  get reach(): number {
    return this.#covered.at(-1) ?? 0;
  }

  /** Marks a range as come; whether anything of it is new. */
  cover(from: number, to: number): boolean {
    const covered = this.#covered;
    let first = 0;
    while (first < covered.length && covered[first + 1]! < from) first += 2;
    let last = first;
    while (last < covered.length && covered[last]! <= to) last += 2;
    if (last === first + 2) {
      const isKnown = covered[first]! <= from && covered[first + 1]! >= to;
      if (isKnown) return false;
    }
    const joins = last > first;
    const low = joins ? Math.min(from, covered[first]!) : from;
    const high = joins ? Math.max(to, covered[last - 1]!) : to;
    covered.splice(first, last - first, low, high);
    return true;
  }

  /** The addresses and the payload behind them. */
  assemble(): Uint8Array {
    const start = this.addresses.length;
    const bytes = new Uint8Array(start + this.total!);
    bytes.set(this.addresses);
    for (const piece of this.pieces.reverse()) {
      bytes.set(piece.bytes, start + piece.from);
    }
    return bytes;
  }
}

/** What became of a fragment. */
export const FATE = {
  /** It waits for others, or was superfluous. */
  KEPT: 0,
  /** The cursor stands on the payload of a packet that is now whole. */
  WHOLE: 1,
  /** It contradicts itself or those before it. */
  REFUSED: 2,
  /**
   * It is the first of its packet and was cut by the snap length, so that
   * nothing after it can be of use: it stands for the packet.
   */
  CUT: 3,
} as const;

export type Fate = typeof FATE[keyof typeof FATE];

/** Reassembles packets from their fragments, in bounded memory. */
export class Defragmenter {
  /** Packets reassembled. */
  reassembled = 0;
  /** Packets given up since their fragments did not come in time. */
  expired = 0;
  /** Packets given up to make room for newer ones. */
  evicted = 0;
  /** Fragments that contradicted themselves or those before them. */
  refused = 0;
  readonly #incomplete = new Map<string, Incomplete>();
  #cost = 0;

  /** Packets that wait for fragments. */
  get waiting(): number {
    return this.#incomplete.size;
  }

  /** Bytes that they cost. */
  get cost(): number {
    return this.#cost;
  }

  /**
   * Adds the fragment whose payload the cursor stands on.
   *
   * If its packet is now whole, the cursor moves to a copy of the packet's
   * addresses and payload, with the protocol of the fragment at offset 0, and
   * `into` gets that one's time and place.
   *
   * @param into its time, place and interface are the fragment's
   */
  add(cursor: Cursor, into: Packet): Fate {
    this.#expire(into.time);
    const size = payloadSize(cursor);
    const { offset, more } = cursor;
    const to = offset + size;
    if (size < 0 || more && size === 0 || to > MAX_PAYLOAD) {
      return this.#refuse();
    }
    if (offset === 0 && cursor.end < cursor.at + size) return FATE.CUT;
    const addresses = cursor.bytes.slice(
      cursor.src,
      cursor.dst + cursor.dst - cursor.src,
    );
    const key = toKey(cursor, addresses, into.interface);
    let packet = this.#incomplete.get(key);
    if (!packet) {
      packet = new Incomplete(into.time, addresses);
      this.#incomplete.set(key, packet);
    }
    const { total, reach } = packet;
    const isBeyond = total !== undefined && (to > total || !more && to < total);
    if (isBeyond || !more && to < reach) return this.#refuse();
    if (!more) packet.total = to;
    if (offset === 0) {
      packet.protocol = cursor.protocol;
      packet.time = into.time;
      packet.place = into.place;
    }
    if (packet.cover(offset, to)) {
      packet.places.push(into.place);
      this.#keep(packet, cursor, size);
    }
    if (packet.isWhole) {
      this.#forget(key, packet);
      this.reassembled++;
      release(packet, cursor, into);
      return FATE.WHOLE;
    }
    this.#evict();
    return FATE.KEPT;
  }

  /** The packets that wait, those that have waited longest first. */
  save(): SavedFragments[] {
    return Array.from(this.#incomplete, ([key, packet]) => packet.save(key));
  }

  /** Goes on from {@link save}; to be called before any fragment comes. */
  resume(saved: readonly SavedFragments[]): void {
    for (const each of saved) {
      const packet = Incomplete.restored(each);
      this.#incomplete.set(each.key, packet);
      this.#cost += packet.cost;
    }
  }

  #refuse(): Fate {
    this.refused++;
    return FATE.REFUSED;
  }

  #keep(packet: Incomplete, cursor: Cursor, size: number): void {
    const { at, offset } = cursor;
    const captured = Math.min(size, cursor.end - at);
    if (captured < size) packet.cut = Math.min(packet.cut, offset + captured);
    const bytes = cursor.bytes.slice(at, at + captured);
    const piece = { from: offset, bytes };
    packet.pieces.push(piece);
    this.#cost += costOf(piece);
  }

  #forget(key: string, packet: Incomplete): void {
    this.#incomplete.delete(key);
    this.#cost -= packet.cost;
  }

  /** Gives up packets that are too old; the oldest come first. */
  #expire(now: number): void {
    for (const [key, packet] of this.#incomplete) {
      if (now - packet.begun <= MAX_AGE) return;
      this.#forget(key, packet);
      this.expired++;
    }
  }

  #evict(): void {
    for (const [key, packet] of this.#incomplete) {
      const fits = this.#incomplete.size <= MAX_INCOMPLETE &&
        this.#cost <= MAX_BYTES;
      if (fits) return;
      this.#forget(key, packet);
      this.evicted++;
    }
  }
}

function costOf({ bytes }: Piece): number {
  return bytes.length + PIECE_COST;
}

/** Bytes that a fragment adds to its packet, or -1 if it cannot be one. */
function payloadSize(cursor: Cursor): number {
  const size = cursor.stop - cursor.at;
  if (!cursor.more || size % 8 === 0) return size;
  // RFC 8200 §4.5 discards such a fragment; Linux trims one of IPv4.
  return cursor.version === 6 ? -1 : size - size % 8;
}

/**
 * What fragments of one packet have in common. The interface is among it:
 * where a packet was captured twice, both copies become whole.
 */
function toKey(
  cursor: Cursor,
  addresses: Uint8Array,
  interfaceIndex: number,
): string {
  // In IPv6 only the first fragment's protocol counts (RFC 8200 §4.5).
  const kind = cursor.version === 4 ? cursor.protocol : 256;
  return `${kind} ${cursor.id} ${interfaceIndex} ${addresses.toBase64()}`;
}

/** Lets the cursor stand on a whole packet's payload. */
function release(packet: Incomplete, cursor: Cursor, into: Packet): void {
  const start = packet.addresses.length;
  const total = packet.total!;
  cursor.turnTo(packet.assemble());
  cursor.src = 0;
  cursor.dst = start / 2;
  cursor.at = start;
  cursor.end = start + Math.min(total, packet.cut);
  cursor.wire = start + total;
  cursor.protocol = packet.protocol;
  into.time = packet.time;
  into.place = packet.place;
  into.fragments = into.fragments.concat(packet.places);
}
