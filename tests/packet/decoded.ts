/**
 * What the decoder makes of frames, as texts that tests compare.
 */
import { equal } from "node:assert/strict";
import { Decoder } from "../../packet/decode.ts";
import {
  OUTCOME,
  type Outcome,
  Packet,
  PROTOCOL,
  toAddress,
} from "../../packet/packet.ts";

/** How tests name outcomes. */
export const OUTCOME_NAMES: { readonly [O in Outcome]: string } = {
  [OUTCOME.PACKET]: "packet",
  [OUTCOME.FRAGMENT]: "fragment",
  [OUTCOME.OTHER]: "other",
  [OUTCOME.MALFORMED]: "malformed",
};

/** How tests name transports. */
export const PROTOCOL_NAMES: { readonly [protocol: number]: string } = {
  [PROTOCOL.ICMP]: "icmp",
  [PROTOCOL.TCP]: "tcp",
  [PROTOCOL.UDP]: "udp",
  [PROTOCOL.ICMPV6]: "icmpv6",
  [PROTOCOL.SCTP]: "sctp",
};

/** One frame's packet, or its outcome's name. */
export function decoded(
  linkType: number,
  frame: Uint8Array,
  decoder = new Decoder(),
): string {
  return decodedCut(linkType, frame, frame.length, decoder);
}

/** The same of a frame of which only `captured` bytes were captured. */
export function decodedCut(
  linkType: number,
  frame: Uint8Array,
  captured: number,
  decoder = new Decoder(),
): string {
  const packet = new Packet();
  const outcome = decoder.decode(
    frame.subarray(0, captured),
    0,
    captured,
    frame.length,
    linkType,
    1_700_000_000_000_000,
    1,
    packet,
  );
  return outcome === OUTCOME.PACKET ? describe(packet) : OUTCOME_NAMES[outcome];
}

/** A packet on one line: transport, ends, payload, and what is missing of it. */
export function describe(packet: Packet): string {
  const { bytes, ipVersion } = packet;
  const hasPorts = packet.srcPort !== 0 || packet.dstPort !== 0;
  const src = toAddress(bytes, packet.src, ipVersion);
  const dst = toAddress(bytes, packet.dst, ipVersion);
  const payload = bytes.subarray(packet.start, packet.end);
  return [
    PROTOCOL_NAMES[packet.protocol],
    hasPorts ? `${src} ${packet.srcPort}` : src,
    ">",
    hasPorts ? `${dst} ${packet.dstPort}` : dst,
    `"${new TextDecoder("latin1").decode(payload)}"`,
    ...packet.missing > 0 ? [`and ${packet.missing} more`] : [],
  ].join(" ");
}

/** A sentence, a link type, a frame, and what it must give. */
export type Case = readonly [
  sentence: string,
  linkType: number,
  frame: Uint8Array,
  expected: string,
];

/** Makes a test of each case. */
export function testEach(cases: readonly Case[]): void {
  for (const [sentence, linkType, frame, expected] of cases) {
    Deno.test(sentence, () => equal(decoded(linkType, frame), expected));
  }
}
