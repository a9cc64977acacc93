/**
 * IP headers of both versions, and the transports in them.
 */
import { deepEqual, equal } from "node:assert/strict";
import { Decoder } from "../../packet/decode.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { OUTCOME, Packet, TCP } from "../../packet/packet.ts";
import { decodedCut, testEach } from "./decoded.ts";
import * as f from "./frames.ts";

const { RAW } = LINKTYPE;
const hi = f.text("hi");
const V4 = 'tcp 10.0.0.1 40000 > 10.0.0.2 80 "hi"';
const V6 = 'tcp 2001:db8::1 40000 > 2001:db8::2 80 "hi"';
const UDP = 'udp 10.0.0.1 40000 > 10.0.0.2 53 "hi"';

/** An authentication header (RFC 4302 §2), with a value of 12 bytes. */
const authentication = (next: number, payload: Uint8Array) =>
  f.bytes([next, 4], "0000 00000001 00000001", new Uint8Array(12), payload);

testEach([
  ["UDP", RAW, f.ipv4(17, f.udp(53, hi)), UDP],
  ["TCP", RAW, f.ipv4(6, f.tcp(hi)), V4],
  [
    "SCTP's payload is its chunks",
    RAW,
    f.ipv4(132, f.sctp(hi)),
    'sctp 10.0.0.1 40000 > 10.0.0.2 3868 "hi"',
  ],
  [
    "ICMP's payload begins with its header",
    RAW,
    f.ipv4(1, f.icmp(8, hi)),
    'icmp 10.0.0.1 > 10.0.0.2 "\b\0\0\0\0\x01\0\x02hi"',
  ],
  [
    "ICMPv6's too",
    RAW,
    f.ipv6(58, f.icmp(128, hi)),
    'icmpv6 2001:db8::1 > 2001:db8::2 "€\0\0\0\0\x01\0\x02hi"',
  ],
  ["IGMP is another kind", RAW, f.ipv4(2, f.bytes("1100")), "other"],
  [
    "UDP-Lite is another kind",
    RAW,
    f.ipv4(136, f.udp(53, hi)),
    "other",
  ],
  ["ESP is opaque", RAW, f.ipv4(50, f.bytes("00000001 00000001")), "other"],

  [
    "IPv4 options are passed over",
    RAW,
    f.ipv4(6, f.tcp(hi), { options: f.bytes("94040000") }),
    V4,
  ],
  [
    "an IPv4 length of 0 means all that was captured",
    RAW,
    f.ipv4(6, f.tcp(hi), { length: 0 }),
    V4,
  ],
  [
    "an IPv4 length beyond the frame counts no more than the frame",
    RAW,
    f.ipv4(6, f.tcp(hi), { length: 1500 }),
    V4,
  ],
  [
    "an IPv4 length below its header is malformed",
    RAW,
    f.ipv4(6, f.tcp(hi), { length: 19 }),
    "malformed",
  ],
  [
    "an IPv4 length inside the ports is malformed",
    RAW,
    f.ipv4(17, f.udp(53, hi), { length: 22 }),
    "malformed",
  ],
  [
    "an IPv4 header of less than 20 bytes is malformed",
    RAW,
    f.bytes("44", f.ipv4(6, f.tcp(hi)).subarray(1)),
    "malformed",
  ],
  [
    "an IPv4 header longer than the frame is malformed",
    RAW,
    f.bytes("4f", f.ipv4(17, f.udp(53, hi)).subarray(1)),
    "malformed",
  ],
  [
    "an IPv4 header that is cut is malformed",
    RAW,
    f.bytes("4500"),
    "malformed",
  ],
  [
    "IPv4's reserved bit makes no fragment",
    RAW,
    f.ipv4(6, f.tcp(hi)).with(6, 0x80),
    V4,
  ],

  [
    "an IPv6 length of 0 means all that was captured",
    RAW,
    f.ipv6(6, f.tcp(hi), { length: 0 }),
    V6,
  ],
  [
    "what follows an IPv6 packet is not payload",
    RAW,
    f.bytes(f.ipv6(6, f.tcp(hi)), "000000000000"),
    V6,
  ],
  ["an IPv6 header that is cut is malformed", RAW, f.bytes("60"), "malformed"],
  [
    "every extension header is passed over",
    RAW,
    f.ipv6(
      0,
      [43, 60, 135, 139, 140, 6].reduceRight<Uint8Array>(
        (inner, next) => f.extension(next, inner),
        f.tcp(hi),
      ),
    ),
    V6,
  ],
  [
    "an authentication header is passed over in IPv6",
    RAW,
    f.ipv6(51, authentication(6, f.tcp(hi))),
    V6,
  ],
  [
    "an authentication header is passed over in IPv4",
    RAW,
    f.ipv4(51, authentication(6, f.tcp(hi))),
    V4,
  ],
  [
    "IPv4 has no other extension headers",
    RAW,
    f.ipv4(60, f.extension(6, f.tcp(hi))),
    "other",
  ],
  [
    "an extension header longer than the packet is malformed",
    RAW,
    f.ipv6(60, f.bytes("06ff 0000 00000000", f.tcp(hi))),
    "malformed",
  ],
  [
    "an extension header that is cut is malformed",
    RAW,
    f.ipv6(60, f.bytes("0600")),
    "malformed",
  ],
  [
    "thirty-three extension headers are too many",
    RAW,
    f.ipv6(
      60,
      Array.from({ length: 33 }).reduce<Uint8Array>(
        (inner, _, n) => f.extension(n === 0 ? 6 : 60, inner),
        f.tcp(hi),
      ),
    ),
    "malformed",
  ],
  ["IPv6 without a next header is another kind", RAW, f.ipv6(59, hi), "other"],
  [
    "an atomic fragment is a whole packet",
    RAW,
    f.ipv6(44, f.fragment(6, {}, f.tcp(hi))),
    V6,
  ],

  [
    "TCP options are passed over",
    RAW,
    f.ipv4(6, f.tcp(hi, { options: f.bytes("020405b4 01030307") })),
    V4,
  ],
  [
    "a TCP header of less than 20 bytes is malformed",
    RAW,
    f.ipv4(6, f.tcp(hi).with(12, 0x40)),
    "malformed",
  ],
  [
    "a TCP header longer than its packet is malformed",
    RAW,
    f.ipv4(6, f.tcp(hi).with(12, 0xf0)),
    "malformed",
  ],
  [
    "a TCP header that is cut is malformed",
    RAW,
    f.ipv4(6, f.tcp(hi).subarray(0, 19)),
    "malformed",
  ],
  [
    "UDP's length is honoured",
    RAW,
    f.ipv4(17, f.udp(53, f.text("hi, padding"), { length: 10 })),
    UDP,
  ],
  [
    "a UDP length beyond its packet counts no more than the packet",
    RAW,
    f.ipv4(17, f.udp(53, hi, { length: 100 })),
    UDP,
  ],
  [
    "a UDP length of 0 means the rest of the packet",
    RAW,
    f.ipv4(17, f.udp(53, hi, { length: 0 })),
    UDP,
  ],
  [
    "a UDP length below its header is malformed",
    RAW,
    f.ipv4(17, f.udp(53, hi, { length: 7 })),
    "malformed",
  ],
  [
    "a UDP header that is cut is malformed",
    RAW,
    f.ipv4(17, f.bytes("9c40 0035")),
    "malformed",
  ],
  [
    "an SCTP header that is cut is malformed",
    RAW,
    f.ipv4(132, f.bytes("9c40 0f1c 01020304")),
    "malformed",
  ],
  [
    "an ICMP header that is cut is malformed",
    RAW,
    f.ipv4(1, f.bytes("0800")),
    "malformed",
  ],
]);

Deno.test("what a snap length cut off is missing", () => {
  const frame = f.ipv4(6, f.tcp(f.text("hello, world")));
  equal(
    decodedCut(RAW, frame, frame.length - 7),
    'tcp 10.0.0.1 40000 > 10.0.0.2 80 "hello" and 7 more',
  );
});

Deno.test("a snap length inside the TCP options leaves no payload", () => {
  const frame = f.ipv4(6, f.tcp(hi, { options: f.bytes("020405b4") }));
  equal(
    decodedCut(RAW, frame, 42),
    'tcp 10.0.0.1 40000 > 10.0.0.2 80 "" and 2 more',
  );
});

Deno.test("a packet of unknown length misses no more than can be", () => {
  const frame = f.ipv4(6, f.tcp(hi), { length: 0 });
  const packet = new Packet();
  const size = frame.length;
  new Decoder().decode(frame, 0, size, 4e9, RAW, 0, 0, packet);
  equal(packet.missing, 1024 * 1024 - size);
});

Deno.test("padding that was not captured is not missing", () => {
  const frame = f.ethernet(
    0x0800,
    f.bytes(f.ipv4(17, f.udp(53, hi)), new Uint8Array(16)),
  );
  equal(
    decodedCut(LINKTYPE.ETHERNET, frame, frame.length - 4),
    UDP,
  );
});

Deno.test("all that TCP says is in the packet", () => {
  const frame = f.ipv4(
    6,
    f.tcp(hi, {
      srcPort: 65535,
      dstPort: 1,
      seq: 0xffffffff,
      ack: 0x80000000,
      flags: TCP.SYN | TCP.ACK,
      options: f.bytes("020405b4"),
    }),
  );
  const packet = new Packet();
  const decoder = new Decoder();
  const size = frame.length;
  const outcome = decoder.decode(frame, 0, size, size, RAW, 12.5, 77, packet);
  equal(outcome, OUTCOME.PACKET);
  deepEqual(
    {
      ports: [packet.srcPort, packet.dstPort],
      seq: packet.seq,
      ack: packet.ack,
      flags: packet.flags,
      window: packet.window,
      options: frame.subarray(packet.options, packet.start).toHex(),
      size: packet.size,
      when: [packet.time, packet.place],
    },
    {
      ports: [65535, 1],
      seq: 0xffffffff,
      ack: 0x80000000,
      flags: 0x12,
      window: 512,
      options: "020405b4",
      size: 2,
      when: [12.5, 77],
    },
  );
});

Deno.test("outcomes are counted", () => {
  const decoder = new Decoder();
  const packet = new Packet();
  for (
    const frame of [
      f.ipv4(6, f.tcp(hi)),
      f.ipv4(6, f.tcp(hi)),
      f.ipv4(2, hi),
      f.bytes("45"),
      f.ipv4(6, f.tcp(hi).subarray(0, 16), { more: true }),
    ]
  ) {
    const size = frame.length;
    decoder.decode(frame, 0, size, size, RAW, 0, 0, packet);
  }
  deepEqual(
    [decoder.packets, decoder.others, decoder.malformed, decoder.fragments],
    [2, 1, 1, 1],
  );
});
