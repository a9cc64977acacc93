/**
 * Packet: a frame decoded to its innermost network and transport headers.
 *
 * One `Packet` is filled again and again (no object per packet). Its offsets
 * point into `bytes`, which is the frame itself or, for what arrived in IP
 * fragments, a buffer of the defragmenter; both are borrowed until the next
 * `decode`.
 */

/** IP protocol numbers that flows are made of. */
export const PROTOCOL = {
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ICMPV6: 58,
  SCTP: 132,
} as const;

/** TCP flags, as they stand in the header. */
export const TCP = {
  FIN: 1,
  SYN: 2,
  RST: 4,
  PSH: 8,
  ACK: 16,
} as const;

/** Which way a packet went through its interface. */
export const DIRECTION = { UNKNOWN: 0, IN: 1, OUT: 2 } as const;

/** What `decode` made of a frame. */
export const OUTCOME = {
  /** The `Packet` is filled. */
  PACKET: 0,
  /** A fragment, kept until the rest of its packet has come. */
  FRAGMENT: 1,
  /** Nothing that flows are made of: ARP, IGMP, unknown link types… */
  OTHER: 2,
  /** Headers that contradict themselves or are cut (of TCP the first 20 bytes). */
  MALFORMED: 3,
} as const;

export type Outcome = typeof OUTCOME[keyof typeof OUTCOME];

/** Where the fragments of a packet lie that came whole. */
export const NO_FRAGMENTS: readonly number[] = [];

/** The innermost headers of one packet. */
export class Packet {
  bytes: Uint8Array = new Uint8Array(0);
  /** Of its first captured byte's frame, µs since 1970. */
  time = 0;
  /** That frame: shard × 2^24 + number in the shard. */
  place = 0;
  /** Places of all frames it came in, where IP fragmented it; else empty. */
  fragments: readonly number[] = NO_FRAGMENTS;
  /**
   * Interface that captured it: what the frame's link header names (SLL2),
   * else what its owner set before `decode`.
   */
  interface = 0;
  /** The pod's network that it was captured in; 0 for the node's own. */
  network = 0;
  /** Which way it went through that interface, as far as the frame tells. */
  direction: number = DIRECTION.UNKNOWN;
  /** 4 or 6. */
  ipVersion = 0;
  /** Where the source address begins; it has 4 or 16 bytes. */
  src = 0;
  /** Where the destination address begins. */
  dst = 0;
  /** One of {@link PROTOCOL}. */
  protocol = 0;
  /** 0 where the transport has none. */
  srcPort = 0;
  dstPort = 0;
  /** Where the transport's payload begins (ICMP: its header). */
  start = 0;
  /** Where the captured payload ends. */
  end = 0;
  /** Bytes of the payload that were on the wire but not captured (snaplen). */
  missing = 0;
  /** TCP only, as are those below. */
  seq = 0;
  ack = 0;
  flags = 0;
  /** As sent, not scaled. */
  window = 0;
  /** Where the TCP options begin; they end at `start`. */
  options = 0;

  /** Payload bytes on the wire. */
  get size(): number {
    return this.end - this.start + this.missing;
  }
}

/** An address as users write it: RFC 5952, as `inet_ntop` does. */
export function toAddress(
  bytes: Uint8Array,
  at: number,
  ipVersion: number,
): string {
  if (ipVersion === 4) {
    return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(bytes[at + i]! << 8 | bytes[at + i + 1]!);
  }
  // inet_ntop writes IPv4-mapped and -compatible addresses with dots.
  const leading = groups.findIndex((group) => group !== 0);
  if (leading === 5 && groups[5] === 0xffff || leading === 6) {
    const prefix = leading === 5 ? "::ffff:" : "::";
    return prefix + toAddress(bytes, at + 12, 4);
  }
  let longest = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (groups[i + length] === 0) length++;
    if (length > longest.length) longest = { at: i, length };
    i += length;
  }
  const hex = (part: number[]) => part.map((g) => g.toString(16)).join(":");
  if (longest.at < 0) return hex(groups);
  return hex(groups.slice(0, longest.at)) + "::" +
    hex(groups.slice(longest.at + longest.length));
}
