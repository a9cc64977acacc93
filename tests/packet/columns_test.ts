/**
 * The law of columns: what a glance tells is what decoding tells.
 */
import { equal, ok } from "node:assert/strict";
import { PacketColumns, UNSURE } from "../../packet/columns.ts";
import { Decoder } from "../../packet/decode.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { OUTCOME, Packet } from "../../packet/packet.ts";
import { concat, Random } from "../fuzz/random.ts";
import * as f from "./frames.ts";
import { SEEDS } from "./seeds.ts";

const hi = f.text("hi");
const tcp4 = f.ipv4(6, f.tcp(hi));

/** What the columns say of one frame, or "unsure". */
function glanced(linkType: number, frame: Uint8Array): string {
  const { batch, interfaces } = toBatch([[linkType, frame]]);
  const columns = new PacketColumns(1);
  columns.fill(batch, interfaces);
  if (columns.protocol[0] === UNSURE) return "unsure";
  return `${columns.protocol[0]} ${columns.srcPort[0]} ${columns.dstPort[0]}`;
}

/** Frames with their link types as one batch. */
function toBatch(frames: readonly (readonly [number, Uint8Array])[]) {
  const batch = new FrameBatch(frames.length);
  batch.bytes = concat(...frames.map(([, frame]) => frame));
  let start = 0;
  for (const [, frame] of frames) {
    const row = batch.count++;
    batch.start[row] = start;
    batch.captured[row] = batch.original[row] = frame.length;
    batch.interface[row] = row;
    start += frame.length;
  }
  const interfaces = frames.map(([linkType]) => ({ linkType, snapLength: 0 }));
  return { batch, interfaces };
}

const { ETHERNET, LINUX_SLL, LINUX_SLL2, RAW, IPV4 } = LINKTYPE;

const PLAIN: readonly [string, number, Uint8Array, string][] = [
  ["TCP over Ethernet", ETHERNET, f.ethernet(0x0800, tcp4), "6 40000 80"],
  [
    "TCP behind a tag",
    ETHERNET,
    f.ethernet(0x8100, f.tag(0x0800, tcp4)),
    "6 40000 80",
  ],
  [
    "IPv6 behind a tag",
    ETHERNET,
    f.ethernet(0x8100, f.tag(0x86dd, f.ipv6(6, f.tcp(hi)))),
    "6 40000 80",
  ],
  [
    "UDP over SLL2",
    LINUX_SLL2,
    f.sll2(0x86dd, f.ipv6(17, f.udp(53, hi))),
    "17 40000 53",
  ],
  [
    "SCTP over SLL",
    LINUX_SLL,
    f.sll(0x0800, f.ipv4(132, f.sctp(hi))),
    "132 40000 3868",
  ],
  ["ICMP without link layer", RAW, f.ipv4(1, f.icmp(8, hi)), "1 0 0"],
  ["ICMPv6", RAW, f.ipv6(58, f.icmp(128, hi)), "58 0 0"],
];

for (const [name, linkType, frame, expected] of PLAIN) {
  Deno.test(`a glance is enough for ${name}`, () => {
    equal(glanced(linkType, frame), expected);
  });
}

const RARE: readonly [string, number, Uint8Array][] = [
  [
    "two tags",
    ETHERNET,
    f.ethernet(0x88a8, f.tag(0x8100, f.tag(0x0800, tcp4))),
  ],
  ["a fragment", RAW, f.ipv4(17, f.udp(53, hi), { more: true })],
  ["extension headers", RAW, f.ipv6(60, f.extension(6, f.tcp(hi)))],
  ["GRE", RAW, f.ipv4(47, f.bytes("0000 0800", tcp4))],
  ["VXLAN", RAW, f.ipv4(17, f.vxlan(f.ethernet(0x0800, tcp4)))],
  [
    "what comes from a tunnel",
    RAW,
    f.ipv4(17, f.udp(9, hi, { srcPort: 2152 })),
  ],
  ["ARP", ETHERNET, f.ethernet(0x0806, hi)],
  ["the wrong version", ETHERNET, f.ethernet(0x86dd, tcp4)],
  ["a rare link type", IPV4, tcp4],
  ["a TCP header that is cut", RAW, tcp4.subarray(0, 39)],
  ["TCP options that are cut", RAW, tcp4.with(32, 0x60)],
  ["an Ethernet header that is cut", ETHERNET, f.bytes("02")],
  ["an IPv6 header that is cut", RAW, f.ipv6(6, f.tcp(hi)).subarray(0, 39)],
  ["no ports", RAW, tcp4.subarray(0, 23)],
  ["UDP shorter than UDP", RAW, f.ipv4(17, f.udp(53, hi, { length: 7 }))],
  ["an unknown transport", RAW, f.ipv4(99, f.tcp(hi))],
];

for (const [name, linkType, frame] of RARE) {
  Deno.test(`a glance is not enough for ${name}`, () => {
    equal(glanced(linkType, frame), "unsure");
  });
}

Deno.test("what a glance tells is what decoding tells", () => {
  let sure = 0;
  let all = 0;
  for (let seed = 0; seed < 400; seed++) {
    const random = new Random(seed);
    const frames = Array.from({ length: 50 }, () => {
      const [linkType, frame] = random.pick(SEEDS);
      return [
        linkType,
        random.chance(0.3) ? frame : random.mutate(frame, 2),
      ] as const;
    });
    const { batch, interfaces } = toBatch(frames);
    const columns = new PacketColumns(frames.length);
    columns.fill(batch, interfaces);
    for (let row = 0; row < batch.count; row++) {
      all++;
      if (columns.protocol[row] === UNSURE) continue;
      sure++;
      equal(
        rowAsText(columns, row),
        decodedAsText(batch, row, frames[row]![0]),
      );
    }
  }
  ok(sure > all / 10, `sure of ${sure} among ${all}`);
});

function rowAsText(columns: PacketColumns, row: number): string {
  const words = columns.version[row] === 4 ? 1 : 4;
  const address = (column: Uint32Array) =>
    Array.from(column.subarray(row * 4, row * 4 + words)).join();
  return [
    columns.protocol[row],
    address(columns.src),
    columns.srcPort[row],
    address(columns.dst),
    columns.dstPort[row],
  ].join(" ");
}

function decodedAsText(
  batch: FrameBatch,
  row: number,
  linkType: number,
): string {
  const packet = new Packet();
  const outcome = new Decoder().decode(
    batch.bytes,
    batch.start[row]!,
    batch.captured[row]!,
    batch.original[row]!,
    linkType,
    0,
    0,
    packet,
  );
  if (outcome !== OUTCOME.PACKET) return `outcome ${outcome}`;
  const { bytes } = packet;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = packet.ipVersion === 4 ? 1 : 4;
  const address = (at: number) =>
    Array.from({ length: words }, (_, n) => view.getUint32(at + n * 4)).join();
  return [
    packet.protocol,
    address(packet.src),
    packet.srcPort,
    address(packet.dst),
    packet.dstPort,
  ].join(" ");
}
