/**
 * Packets to be captured: frames of many flows, each numbered, as a sender in
 * another network namespace puts them on a wire.
 */
import { bytes, ethernet } from "../../packet/frames.ts";

/** Payload bytes that number a frame: the number, and its complement. */
const NUMBER = 8;

/** Where things lie in the payload's packet. */
export interface NumberedFrame {
  readonly frame: Uint8Array<ArrayBuffer>;
  /** Where its number is to be written, see {@link setNumber}. */
  readonly at: number;
}

/**
 * A frame of one of `flows` flows: UDP or TCP, in IPv4 or IPv6, every fifth
 * flow behind a VLAN tag. Checksums are right, and stay so with the number.
 */
export function makeFrame(flow: number, payload: number): NumberedFrame {
  const data = new Uint8Array(Math.max(NUMBER, payload));
  // A number and its complement add up to the same, whatever the number.
  data.fill(0xff, NUMBER / 2, NUMBER);
  const isTcp = flow % 2 === 1;
  const version = flow % 4 < 2 ? 4 : 6;
  const ip = makeIp(version, isTcp ? 6 : 17, makeTransport(isTcp, flow, data));
  const type = version === 4 ? 0x0800 : 0x86dd;
  const frame = flow % 5 === 0
    ? ethernet(0x8100, bytes([0x60, 7, type >> 8, type & 255], ip))
    : ethernet(type, ip);
  return { frame: Uint8Array.from(frame), at: frame.length - data.length };
}

/** Writes a frame's number. */
export function setNumber(
  view: DataView,
  at: number,
  number: number,
): void {
  view.setUint32(at, number);
  view.setUint32(at + 4, ~number >>> 0);
}

/** Reads it back; -1 if what stands there is none. */
export function numberAt(view: DataView, at: number): number {
  const number = view.getUint32(at);
  return view.getUint32(at + 4) === (~number >>> 0) ? number : -1;
}

function makeTransport(
  isTcp: boolean,
  flow: number,
  data: Uint8Array,
): Uint8Array {
  const header = new Uint8Array(isTcp ? 20 : 8);
  const view = new DataView(header.buffer);
  view.setUint16(0, 10_000 + flow);
  view.setUint16(2, 9_999);
  if (isTcp) {
    view.setUint32(4, flow);
    view.setUint32(8, 1);
    view.setUint16(12, 0x5010);
    view.setUint16(14, 65_535);
  } else {
    view.setUint16(4, header.length + data.length);
  }
  return bytes(header, data);
}

/** Addresses of both ends, by IP version. */
const ENDS = {
  4: ["0a140001", "0a140002"],
  6: [
    "fd200000000000000000000000000001",
    "fd200000000000000000000000000002",
  ],
} as const;

function makeIp(
  version: 4 | 6,
  protocol: number,
  transport: Uint8Array,
): Uint8Array {
  const [src, dst] = ENDS[version];
  const size = transport.length;
  const sum = sumOf(bytes(src, dst, [0, protocol, size >> 8, size & 255]));
  const segment = transport.slice();
  new DataView(segment.buffer).setUint16(
    protocol === 6 ? 16 : 6,
    fold(sum + sumOf(segment)),
  );
  if (version === 6) {
    const begin = [0x60, 0, 0, 0, size >> 8, size & 255, protocol, 64];
    return bytes(begin, src, dst, segment);
  }
  const total = 20 + size;
  const header = bytes(
    [0x45, 0, total >> 8, total & 255, 0, 0, 0x40, 0, 64, protocol, 0, 0],
    src,
    dst,
  );
  new DataView(header.buffer).setUint16(10, fold(sumOf(header)));
  return bytes(header, segment);
}

/** The sum of 16-bit words (RFC 1071). */
function sumOf(data: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    sum += i % 2 === 0 ? data[i]! << 8 : data[i]!;
  }
  return sum;
}

/** Its complement in 16 bits, as headers have it. */
function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
