/**
 * Packets as cases write them, one a line:
 *
 *     C SYN seq=99
 *     S SYN ACK seq=299 ack=100 @0.5
 *     C seq=100 ack=300 "GET /"
 *
 * `C` and `S` are the ends of one connection; others are written out, as in
 * `10.0.0.1:5353>224.0.0.251:5353`. Words are TCP's flags (ACK is set where
 * there is `ack=`), or `UDP`, `SCTP`, `ICMP`. `win=` is the window (1000 unless
 * said), `cut=` the bytes that the snapshot length cut off, `hex=` the payload
 * in another way, `@` the time in seconds; without it a packet comes 1 ms after
 * the one before.
 */
import { isIPv6 } from "node:net";
import { Packet, PROTOCOL, TCP } from "../../packet/packet.ts";

const SHORT: { readonly [end: string]: string } = {
  C: "10.0.0.1:40000>10.0.0.2:80",
  S: "10.0.0.2:80>10.0.0.1:40000",
};

const FLAGS: { readonly [word: string]: number } = TCP;

const PROTOCOLS: { readonly [word: string]: number } = PROTOCOL;

/** The packets of a case; their places count from 1. */
export function toPackets(lines: readonly string[]): Packet[] {
  let time = 0;
  return lines.map((line, index) => {
    const packet = toPacket(line, time + 1000);
    time = packet.time;
    packet.place = index + 1;
    return packet;
  });
}

/** The packet that a line says. */
export function toPacket(line: string, time: number): Packet {
  const packet = new Packet();
  const [ends, ...words] = line.match(/"[^"]*"|\S+/g)!;
  const [source, target] = (SHORT[ends!] ?? ends!).split(">");
  const from = toEnd(source!);
  const to = toEnd(target!);
  let payload: Uint8Array = new Uint8Array();
  packet.protocol = PROTOCOL.TCP;
  packet.time = time;
  packet.window = 1000;
  for (const word of words) {
    const [name, value] = word.split("=");
    if (word.startsWith('"')) payload = toBytes(word.slice(1, -1));
    else if (word.startsWith("@")) packet.time = Number(word.slice(1)) * 1e6;
    else if (word in FLAGS) packet.flags |= FLAGS[word]!;
    else if (word in PROTOCOLS) packet.protocol = PROTOCOLS[word]!;
    else if (name === "seq") packet.seq = Number(value) >>> 0;
    else if (name === "win") packet.window = Number(value);
    else if (name === "cut") packet.missing = Number(value);
    else if (name === "hex") payload = Uint8Array.fromHex(value!);
    else if (name === "ack") {
      packet.ack = Number(value) >>> 0;
      packet.flags |= TCP.ACK;
    } else throw new Error(`What is "${word}" in "${line}"?`);
  }
  packet.ipVersion = from.address.length === 4 ? 4 : 6;
  packet.bytes = new Uint8Array([...from.address, ...to.address, ...payload]);
  packet.dst = from.address.length;
  packet.srcPort = from.port;
  packet.dstPort = to.port;
  packet.start = from.address.length + to.address.length;
  packet.end = packet.bytes.length;
  return packet;
}

function toBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`, or without a port. */
function toEnd(text: string): { address: Uint8Array; port: number } {
  const [, ip, port] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(text)!;
  return { address: toAddressBytes(ip!), port: Number(port ?? 0) };
}

function toAddressBytes(ip: string): Uint8Array {
  if (!isIPv6(ip)) return new Uint8Array(ip.split(".").map(Number));
  const [head, tail] = ip.split("::").map((half) =>
    half.split(":").filter(Boolean).map((group) => parseInt(group, 16))
  );
  const zeros = 8 - head!.length - (tail?.length ?? 0);
  const groups = [...head!, ...Array(zeros).fill(0), ...tail ?? []];
  return new Uint8Array(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
