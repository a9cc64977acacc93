/** Packets that have a number, so that none can be missing unnoticed. */
import { PROTOCOL } from "../../../packet/packet.ts";
import { BEGIN, toEthernet, toIpPacket } from "./traffic.ts";

/** Where a frame has its number. */
const AT = 14 + 20 + 8;

/** The packet with that number; always the same. */
export function numberedFrame(
  number: number,
): { time: number; bytes: Uint8Array } {
  const bytes = toEthernet(toIpPacket({
    src: { address: [10, 0, number >> 8 & 3, number & 255], port: 5000 },
    dst: { address: [10, 1, 0, 1], port: 9000 },
    protocol: PROTOCOL.UDP,
    payload: 8 + number * 7919 % 1400,
  }));
  new DataView(bytes.buffer).setUint32(AT, number);
  return { time: BEGIN + number * 13, bytes };
}

/** The number in a frame. */
export function numberOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(AT);
}
