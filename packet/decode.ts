/**
 * Frame to packet: link layer, IP, tunnels, transport.
 */
import { Cursor, MAX_DEPTH, NEXT, type Next } from "./cursor.ts";
import { Defragmenter, FATE } from "./defragment.ts";
import {
  BAD_HEADER,
  FRAGMENT,
  readExtensions,
  readIpv4,
  readIpv6,
} from "./ip.ts";
import { readLink } from "./link.ts";
import {
  NO_FRAGMENTS,
  OUTCOME,
  type Outcome,
  type Packet,
  PROTOCOL,
} from "./packet.ts";
import { networkOf } from "./pod_network.ts";
import { readIcmp, readSctp, readTcp, readUdp } from "./transport.ts";
import { readIpTunnel, readUdpTunnel, tunnelPort } from "./tunnel.ts";

/**
 * Decodes frames one after the other.
 *
 * It remembers nothing of them but fragments of IP packets that are not yet
 * whole.
 */
export class Decoder {
  /** Frames by what became of them. */
  packets = 0;
  fragments = 0;
  others = 0;
  malformed = 0;
  /** Where fragments wait; it counts what it gave up. */
  readonly defragmenter = new Defragmenter();
  readonly #cursor = new Cursor();
  /** Where the datagrams around the present packet began, by depth. */
  readonly #outside = Array.from({ length: MAX_DEPTH + 1 }, () => new Cursor());

  /**
   * Decodes one frame to its innermost headers.
   *
   * @param bytes borrowed until the next call, as is what `into` shows of them
   * @param start where the frame begins in `bytes`
   * @param captured how many of its bytes were captured
   * @param original how many were on the wire
   * @param linkType LINKTYPE_ number, see `link.ts`
   * @param time when it was captured, µs since 1970
   * @param place shard × 2^24 + number in the shard
   * @param into filled if the outcome is PACKET, else in an unknown state
   */
  decode(
    bytes: Uint8Array,
    start: number,
    captured: number,
    original: number,
    linkType: number,
    time: number,
    place: number,
    into: Packet,
  ): Outcome {
    const cursor = this.#cursor;
    cursor.begin(bytes, start, captured, original);
    const next = readLink(cursor, linkType);
    into.time = time;
    into.place = place;
    // Objects are dearer to store than to compare.
    if (into.fragments !== NO_FRAGMENTS) into.fragments = NO_FRAGMENTS;
    into.direction = cursor.direction;
    if (cursor.interface >= 0) into.interface = cursor.interface;
    into.network = networkOf(cursor.interface);
    const outcome = this.#readIp(next, into);
    if (outcome === OUTCOME.PACKET) this.packets++;
    else this.#count(outcome);
    return outcome;
  }

  /** Reads IP headers, one in another, and what the innermost carries. */
  #readIp(first: Next, into: Packet): Outcome {
    const cursor = this.#cursor;
    let next = first;
    while (true) {
      let protocol: number;
      if (next === NEXT.IPV4) protocol = readIpv4(cursor);
      else if (next === NEXT.IPV6) protocol = readIpv6(cursor);
      else return next;
      if (protocol === FRAGMENT) protocol = this.#join(into);
      if (protocol === PROTOCOL.TCP) return readTcp(cursor, into);
      if (protocol === PROTOCOL.UDP) {
        const outcome = readUdp(cursor, into);
        const port = tunnelPort(into.srcPort, into.dstPort);
        if (port === 0 || outcome !== OUTCOME.PACKET) return outcome;
        return this.#readTunnel(into, port);
      }
      switch (protocol) {
        case PROTOCOL.SCTP:
          return readSctp(cursor, into);
        case PROTOCOL.ICMP:
        case PROTOCOL.ICMPV6:
          return readIcmp(cursor, into, protocol);
        case BAD_HEADER:
          return OUTCOME.MALFORMED;
        case FRAGMENT:
          return OUTCOME.FRAGMENT;
        default:
          next = readIpTunnel(cursor, protocol);
      }
    }
  }

  /**
   * Gives a fragment to the defragmenter.
   *
   * @returns what the packet carries that is whole now; FRAGMENT if none is
   */
  #join(into: Packet): number {
    const cursor = this.#cursor;
    switch (this.defragmenter.add(cursor, into)) {
      case FATE.KEPT:
        return FRAGMENT;
      case FATE.REFUSED:
        return BAD_HEADER;
      case FATE.CUT:
        extendDatagram(cursor);
    }
    const protocol = readExtensions(cursor, cursor.protocol);
    // A whole packet that is a fragment again contradicts itself.
    return protocol === FRAGMENT ? BAD_HEADER : protocol;
  }

  /**
   * Reads the packet in a datagram's tunnel. Where there is none, the datagram
   * itself is the packet.
   */
  #readTunnel(into: Packet, port: number): Outcome {
    const cursor = this.#cursor;
    const { time, place, fragments } = into;
    const outside = this.#outside[cursor.depth]!;
    if (cursor.nest()) {
      outside.copy(cursor);
      cursor.at = into.start;
      const next = readUdpTunnel(cursor, port);
      const isTunnel = next !== NEXT.OTHER;
      const outcome = isTunnel ? this.#readIp(next, into) : OUTCOME.OTHER;
      if (outcome === OUTCOME.PACKET || outcome === OUTCOME.FRAGMENT) {
        return outcome;
      }
      cursor.copy(outside);
      into.time = time;
      into.place = place;
      into.fragments = fragments;
      readUdp(cursor, into);
    }
    return OUTCOME.PACKET;
  }

  #count(outcome: Outcome): void {
    if (outcome === OUTCOME.FRAGMENT) this.fragments++;
    else if (outcome === OUTCOME.OTHER) this.others++;
    else this.malformed++;
  }
}

/** What a UDP header says of its length holds for the fragments after it, too. */
function extendDatagram(cursor: Cursor): void {
  if (cursor.protocol !== PROTOCOL.UDP || !cursor.has(8)) return;
  cursor.wire = Math.max(cursor.wire, cursor.at + cursor.u16(4));
}
