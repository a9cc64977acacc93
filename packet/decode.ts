/**
 * Frame to packet: link layer, IP, tunnels, transport.
 */
import { Cursor, NEXT, type Next } from "./cursor.ts";
import { BAD_HEADER, readIpv4, readIpv6 } from "./ip.ts";
import { readLink } from "./link.ts";
import { OUTCOME, type Outcome, type Packet, PROTOCOL } from "./packet.ts";
import { readIcmp, readSctp, readTcp, readUdp } from "./transport.ts";

/** Decodes frames one after the other. */
export class Decoder {
  /** Frames by what became of them. */
  packets = 0;
  fragments = 0;
  others = 0;
  malformed = 0;
  readonly #cursor = new Cursor();

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
   * @param into filled where the outcome is PACKET, else undefined
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
    into.time = time;
    into.place = place;
    const outcome = this.#decodeIp(readLink(cursor, linkType), into);
    this.#count(outcome);
    return outcome;
  }

  #decodeIp(next: Next, into: Packet): Outcome {
    const cursor = this.#cursor;
    let protocol: number;
    if (next === NEXT.IPV4) protocol = readIpv4(cursor);
    else if (next === NEXT.IPV6) protocol = readIpv6(cursor);
    else if (next === NEXT.MALFORMED) return OUTCOME.MALFORMED;
    else return OUTCOME.OTHER;
    if (protocol === BAD_HEADER) return OUTCOME.MALFORMED;
    if (cursor.fragmented) return OUTCOME.FRAGMENT;
    switch (protocol) {
      case PROTOCOL.TCP:
        return readTcp(cursor, into);
      case PROTOCOL.UDP:
        return readUdp(cursor, into);
      case PROTOCOL.SCTP:
        return readSctp(cursor, into);
      case PROTOCOL.ICMP:
      case PROTOCOL.ICMPV6:
        return readIcmp(cursor, into, protocol);
      default:
        return OUTCOME.OTHER;
    }
  }

  #count(outcome: Outcome): void {
    if (outcome === OUTCOME.PACKET) this.packets++;
    else if (outcome === OUTCOME.FRAGMENT) this.fragments++;
    else if (outcome === OUTCOME.OTHER) this.others++;
    else this.malformed++;
  }
}
