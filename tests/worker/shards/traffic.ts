/**
 * Frames of made-up traffic, for tests and benches of shards: connections and
 * datagrams over IPv4 and IPv6, with fragments, ARP and nonsense in between.
 */
import { FrameBatch, type Interface } from "../../../packet/frame.ts";
import { PROTOCOL, TCP } from "../../../packet/packet.ts";
import { Random } from "../../fuzz/random.ts";

/** One frame. */
export interface Frame {
  /** µs since 1970. */
  readonly time: number;
  readonly nanos: number;
  readonly bytes: Uint8Array;
  /** Bytes on the wire. */
  readonly original: number;
  readonly interface: number;
}

export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;

export const ETHERNET: readonly Interface[] = [
  { linkType: LINKTYPE_ETHERNET, snapLength: 262_144 },
];

/** When made-up traffic begins: 2023-11-14T22:13:20Z. */
export const BEGIN = 1_700_000_000_000_000;

/** An end of a made-up flow. */
export interface End {
  /** Four or sixteen bytes. */
  readonly address: readonly number[];
  readonly port: number;
}

/** What an IP packet carries. */
export interface Datagram {
  readonly src: End;
  readonly dst: End;
  readonly protocol: number;
  /** TCP alone. */
  readonly flags?: number;
  readonly seq?: number;
  readonly payload: number;
}

/** An IP packet, without a link header. */
export function toIpPacket(datagram: Datagram): Uint8Array {
  const { src, dst, protocol } = datagram;
  const transport = toTransport(datagram);
  const version = src.address.length === 4 ? 4 : 6;
  const head = new Uint8Array(version === 4 ? 20 : 40);
  const view = new DataView(head.buffer);
  if (version === 4) {
    head[0] = 0x45;
    view.setUint16(2, 20 + transport.length);
    head[8] = 64;
    head[9] = protocol;
    head.set(src.address, 12);
    head.set(dst.address, 16);
  } else {
    head[0] = 0x60;
    view.setUint16(4, transport.length);
    head[6] = protocol;
    head[7] = 64;
    head.set(src.address, 8);
    head.set(dst.address, 24);
  }
  const packet = new Uint8Array(head.length + transport.length);
  packet.set(head);
  packet.set(transport, head.length);
  return packet;
}

function toTransport(datagram: Datagram): Uint8Array {
  const { src, dst, protocol, flags = TCP.ACK, seq = 1, payload } = datagram;
  const size = protocol === PROTOCOL.TCP ? 20 : 8;
  const bytes = new Uint8Array(size + payload).fill(0x61);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, src.port);
  view.setUint16(2, dst.port);
  if (protocol === PROTOCOL.TCP) {
    view.setUint32(4, seq);
    view.setUint32(8, 1);
    view.setUint16(12, 5 << 12 | flags);
    view.setUint16(14, 0xffff);
    view.setUint32(16, 0);
  } else {
    view.setUint16(4, 8 + payload);
    view.setUint16(6, 0);
  }
  return bytes;
}

/** Puts an Ethernet header before an IP packet. */
export function toEthernet(packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(14 + packet.length);
  const type = packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd;
  new DataView(frame.buffer).setUint16(12, type);
  frame.set(packet, 14);
  return frame;
}

/** Random traffic: always the same for a seed. */
export function makeTraffic(
  seed: number,
  count: number,
  options: { readonly interfaces?: number; readonly most?: number } = {},
): Frame[] {
  const random = new Random(seed);
  const most = options.most ?? 300;
  const ends = Array.from({ length: 12 }, () => makeEnds(random));
  let time = BEGIN + random.int(0, 1e9);
  return Array.from({ length: count }, () => {
    time += random.chance(0.02)
      ? random.int(-2000, 90e6)
      : random.int(-20, 3000);
    const bytes = makeFrame(random, random.pick(ends), most);
    return {
      time,
      nanos: random.int(0, 999),
      bytes,
      original: bytes.length + (random.chance(0.1) ? random.int(1, 999) : 0),
      interface: random.int(0, (options.interfaces ?? 1) - 1),
    };
  });
}

function makeEnds(random: Random): [End, End] {
  const isOld = random.chance(0.7);
  const address = () =>
    isOld ? [10, 0, 0, random.int(1, 5)] : [
      0xfd,
      ...Array.from({ length: 14 }, () => 0),
      random.int(1, 5),
    ];
  return [
    { address: address(), port: random.int(32768, 32772) },
    { address: address(), port: random.pick([53, 80, 6379]) },
  ];
}

function makeFrame(
  random: Random,
  [client, server]: readonly [End, End],
  most: number,
): Uint8Array {
  if (random.chance(0.03)) return random.bytes(random.int(0, 60));
  const [src, dst] = random.chance(0.5) ? [client, server] : [server, client];
  const packet = toIpPacket({
    src,
    dst,
    protocol: random.pick([PROTOCOL.TCP, PROTOCOL.TCP, PROTOCOL.UDP]),
    flags: random.pick([TCP.ACK, TCP.ACK, TCP.SYN, TCP.FIN | TCP.ACK, TCP.RST]),
    seq: random.int(0, 9) * 100,
    payload: random.int(0, most),
  });
  // A later fragment of IPv4: no ports in it.
  if (random.chance(0.03) && packet[0] === 0x45) packet[7] = 4;
  return toEthernet(packet);
}

/**
 * The traffic of a busy server: every other packet a full segment, the rest
 * acknowledgements, 790 bytes on average.
 */
export function makeBusyServer(packets: number, flows: number): Frame[] {
  const random = new Random(1);
  const seqs = new Uint32Array(flows);
  let time = BEGIN;
  return Array.from({ length: packets }, (_, n) => {
    const flow = random.int(0, flows - 1);
    const client = {
      address: [10, 0, flow >> 8, flow & 255],
      port: 32768 + flow,
    };
    const server = { address: [10, 1, 0, flow & 7], port: 8080 };
    const isData = n % 2 === 1;
    const payload = isData ? 1460 : 0;
    const bytes = toEthernet(toIpPacket({
      src: isData ? server : client,
      dst: isData ? client : server,
      protocol: PROTOCOL.TCP,
      flags: TCP.ACK,
      seq: isData ? seqs[flow]! : 1,
      payload,
    }));
    seqs[flow]! += payload;
    time += random.int(1, 20);
    return {
      time,
      nanos: 0,
      bytes,
      original: bytes.length,
      interface: 0,
    };
  });
}

/** Frames as a batch, bare. */
export function toBatch(frames: readonly Frame[]): FrameBatch {
  const batch = new FrameBatch(frames.length);
  batch.bytes = new Uint8Array(
    frames.reduce((sum, { bytes }) => sum + bytes.length, 0),
  );
  let at = 0;
  frames.forEach((frame, row) => {
    batch.bytes.set(frame.bytes, at);
    batch.start[row] = batch.position[row] = at;
    batch.captured[row] = frame.bytes.length;
    batch.original[row] = frame.original;
    batch.time[row] = frame.time;
    batch.nanos[row] = frame.nanos;
    batch.interface[row] = frame.interface;
    at += frame.bytes.length;
  });
  batch.count = frames.length;
  return batch;
}
