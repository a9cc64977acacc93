/**
 * Tunnels: the innermost packet counts, and a port alone proves nothing.
 */
import { equal } from "node:assert/strict";
import { Decoder } from "../../packet/decode.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { decoded, decodedCut, testEach } from "./decoded.ts";
import * as f from "./frames.ts";

const { RAW } = LINKTYPE;
const hi = f.text("hi");
const inside = f.ipv4(6, f.tcp(hi), { src: "172.16.0.1", dst: "172.16.0.2" });
const inside6 = f.ipv6(6, f.tcp(hi));
const frame = f.ethernet(0x0800, inside);
const V4 = 'tcp 172.16.0.1 40000 > 172.16.0.2 80 "hi"';
const V6 = 'tcp 2001:db8::1 40000 > 2001:db8::2 80 "hi"';

/** A UDP datagram to a tunnel's port, with the tunnel's header as hex. */
const over = (port: number, header: string, payload: Uint8Array) =>
  f.ipv4(17, f.udp(port, f.bytes(header, payload)));

const gre = (header: string, payload: Uint8Array) =>
  f.ipv4(47, f.bytes(header, payload));

/** The datagram itself, where nothing inside counts. */
const outside = (port: number, header: string, payload: Uint8Array) => {
  const text = new TextDecoder("latin1").decode(f.bytes(header, payload));
  return `udp 10.0.0.1 40000 > 10.0.0.2 ${port} "${text}"`;
};

testEach([
  ["IPv4 in IPv4", RAW, f.ipv4(4, inside), V4],
  ["IPv6 in IPv4", RAW, f.ipv4(41, inside6), V6],
  ["IPv4 in IPv6", RAW, f.ipv6(4, inside), V4],
  ["IPv6 in IPv6", RAW, f.ipv6(41, inside6), V6],
  ["MPLS in IP", RAW, f.ipv4(137, f.bytes("00011140", inside)), V4],
  ["Ethernet in IP", RAW, f.ipv4(97, f.bytes("3000", frame)), V4],
  ["Ethernet in a segment route", RAW, f.ipv6(143, frame), V4],
  ["a contradiction inside", RAW, f.ipv4(4, inside6), "malformed"],

  ["GRE with IPv4", RAW, gre("0000 0800", inside), V4],
  ["GRE with IPv6", RAW, gre("0000 86dd", inside6), V6],
  [
    "GRE with checksum, key and sequence number",
    RAW,
    gre("b000 0800 00000000 00000001 00000002", inside),
    V4,
  ],
  ["GRE with Ethernet", RAW, gre("0000 6558", frame), V4],
  ["GRE with MPLS", RAW, gre("0000 8847 00011140", inside), V4],
  ["GRE with routing is not read", RAW, gre("4000 0800", inside), "other"],
  ["GRE of an unknown version", RAW, gre("0002 0800", inside), "other"],
  ["GRE's keep-alive", RAW, gre("0000 0000", f.bytes()), "other"],
  ["GRE that is cut", RAW, gre("0000", f.bytes()), "malformed"],
  ["GRE cut before its key", RAW, gre("2000 0800", f.bytes()), "malformed"],
  ["ERSPAN without header", RAW, gre("0000 88be", frame), V4],
  [
    "ERSPAN with header",
    RAW,
    gre("1000 88be 00000001 1001 0000 00000000", frame),
    V4,
  ],
  [
    "ERSPAN, the third",
    RAW,
    gre("1000 22eb 00000001 2001 0000 00000000 00000000", frame),
    V4,
  ],
  [
    "ERSPAN, the third, with a subheader",
    RAW,
    gre(
      "1000 22eb 00000001 2001 0000 00000000 00000001 0000000000000000",
      frame,
    ),
    V4,
  ],
  [
    "ERSPAN that is cut",
    RAW,
    gre("1000 22eb 00000001 2001", f.bytes()),
    "malformed",
  ],
  [
    "PPTP",
    RAW,
    gre("3081 880b 0032 0001 00000001 00000002 ff03 0021", inside),
    V4,
  ],
  [
    "PPTP's acknowledgments",
    RAW,
    gre("2081 880b 0000 0001 00000002", f.bytes()),
    "other",
  ],

  ["VXLAN", RAW, over(4789, "08000000 00002a00", frame), V4],
  ["VXLAN on Linux's port", RAW, over(8472, "08000000 00002a00", frame), V4],
  ["VXLAN with a policy", RAW, over(4789, "88000007 00002a00", frame), V4],
  [
    "VXLAN with IPv6 behind a tag",
    RAW,
    over(
      4789,
      "08000000 00002a00",
      f.ethernet(0x8100, f.tag(0x86dd, inside6)),
    ),
    V6,
  ],
  [
    "VXLAN without a network is plain UDP",
    RAW,
    over(4789, "00000000 00002a00", frame),
    outside(4789, "00000000 00002a00", frame),
  ],
  [
    "VXLAN with ARP is plain UDP",
    RAW,
    over(4789, "08000000 00002a00", f.ethernet(0x0806, hi)),
    outside(4789, "08000000 00002a00", f.ethernet(0x0806, hi)),
  ],
  [
    "VXLAN with an impossible packet is plain UDP",
    RAW,
    over(4789, "08000000 00002a00", frame.with(14, 0x44)),
    outside(4789, "08000000 00002a00", frame.with(14, 0x44)),
  ],
  [
    "VXLAN with IGMP is plain UDP",
    RAW,
    over(4789, "08000000 00002a00", f.ethernet(0x0800, f.ipv4(2, hi))),
    outside(4789, "08000000 00002a00", f.ethernet(0x0800, f.ipv4(2, hi))),
  ],
  [
    "VXLAN that is cut is plain UDP",
    RAW,
    over(4789, "0800", hi),
    outside(4789, "0800", hi),
  ],
  ["VXLAN-GPE with IPv4", RAW, over(4790, "0c000001 00002a00", inside), V4],
  ["VXLAN-GPE with IPv6", RAW, over(4790, "0c000002 00002a00", inside6), V6],
  ["VXLAN-GPE with Ethernet", RAW, over(4790, "0c000003 00002a00", frame), V4],
  [
    "VXLAN-GPE without protocol",
    RAW,
    over(4790, "08000000 00002a00", frame),
    V4,
  ],
  [
    "VXLAN-GPE with a network service header",
    RAW,
    over(4790, "0c000004 00002a00 0002 0201 00000101", inside),
    V4,
  ],
  [
    "VXLAN-GPE with something else is plain UDP",
    RAW,
    over(4790, "0c000009 00002a00", hi),
    outside(4790, "0c000009 00002a00", hi),
  ],
  [
    "VXLAN-GPE without a network is plain UDP",
    RAW,
    over(4790, "00000001 00002a00", inside),
    outside(4790, "00000001 00002a00", inside),
  ],
  [
    "VXLAN-GPE that is cut is plain UDP",
    RAW,
    over(4790, "08", hi),
    outside(4790, "08", hi),
  ],
  ["Geneve", RAW, over(6081, "0000 6558 00002a00", frame), V4],
  [
    "Geneve with options",
    RAW,
    over(6081, "0140 0800 00002a00 01020304", inside),
    V4,
  ],
  [
    "Geneve of another version is plain UDP",
    RAW,
    over(6081, "4000 0800 00002a00", inside),
    outside(6081, "4000 0800 00002a00", inside),
  ],
  [
    "Geneve with something else is plain UDP",
    RAW,
    over(6081, "0000 0001 00002a00", inside),
    outside(6081, "0000 0001 00002a00", inside),
  ],
  [
    "Geneve that is cut is plain UDP",
    RAW,
    over(6081, "00", hi),
    outside(6081, "00", hi),
  ],
  ["GTP-U", RAW, over(2152, "30ff 002a 00000001", inside), V4],
  [
    "GTP-U with a sequence number",
    RAW,
    over(2152, "32ff 002e 00000001 0001 00 00", inside),
    V4,
  ],
  [
    "GTP-U with an extension header",
    RAW,
    over(2152, "34ff 0032 00000001 0000 00 85 01 0009 00", inside),
    V4,
  ],
  [
    "GTP-U with an extension header of no length is plain UDP",
    RAW,
    over(2152, "34ff 0032 00000001 0000 00 85 00 0009 00", inside),
    outside(2152, "34ff 0032 00000001 0000 00 85 00 0009 00", inside),
  ],
  [
    "GTP-U with seventeen extension headers is plain UDP",
    RAW,
    over(
      2152,
      "34ff 0072 00000001 0000 00 85" + "01000985".repeat(16) + "01000900",
      inside,
    ),
    outside(
      2152,
      "34ff 0072 00000001 0000 00 85" + "01000985".repeat(16) + "01000900",
      inside,
    ),
  ],
  [
    "GTP-U's echo is plain UDP",
    RAW,
    over(2152, "3201 0004 00000000 00000000", hi),
    outside(2152, "3201 0004 00000000 00000000", hi),
  ],
  [
    "GTP-U of another version is plain UDP",
    RAW,
    over(2152, "50ff 002a 00000001", inside),
    outside(2152, "50ff 002a 00000001", inside),
  ],
  [
    "GTP-U longer than its datagram is plain UDP",
    RAW,
    over(2152, "30ff 00ff 00000001", inside),
    outside(2152, "30ff 00ff 00000001", inside),
  ],
  ["Teredo", RAW, over(3544, "", inside6), V6],
  ["Teredo with an origin", RAW, over(3544, "0000 1234 01020304", inside6), V6],
  [
    "Teredo with authentication and an origin",
    RAW,
    over(3544, "0001 0000 0102030405060708 00 0000 1234 01020304", inside6),
    V6,
  ],
  [
    "Teredo with IPv4 is plain UDP",
    RAW,
    over(3544, "", inside),
    outside(3544, "", inside),
  ],
  ["L2TP", RAW, over(1701, "4002 0036 0001 0002 ff03 0021", inside), V4],
  [
    "L2TP with sequence numbers and an offset",
    RAW,
    over(1701, "0a02 0001 0002 00000000 0002 0000 0021", inside),
    V4,
  ],
  [
    "L2TP's control messages are plain UDP",
    RAW,
    over(1701, "c802 000c 0000 0000 0000 0000", f.bytes()),
    outside(1701, "c802 000c 0000 0000 0000 0000", f.bytes()),
  ],
  [
    "L2TP cut before its offset is plain UDP",
    RAW,
    over(1701, "0202 0001 0002", f.bytes()),
    outside(1701, "0202 0001 0002", f.bytes()),
  ],
  [
    "L2TP that is cut is plain UDP",
    RAW,
    over(1701, "00", hi),
    outside(1701, "00", hi),
  ],
  ["MPLS in UDP", RAW, over(6635, "00011140", inside), V4],
  [
    "what comes from a tunnel's port may be one",
    RAW,
    f.ipv4(
      17,
      f.udp(40000, f.bytes("30ff 002a 00000001", inside), { srcPort: 2152 }),
    ),
    V4,
  ],
  [
    "a datagram without payload is no tunnel",
    RAW,
    over(4789, "", f.bytes()),
    outside(4789, "", f.bytes()),
  ],
  [
    "tunnels in tunnels",
    RAW,
    f.ipv4(
      47,
      f.bytes(
        "0000 6558",
        f.ethernet(
          0x0800,
          f.ipv4(17, f.vxlan(f.ethernet(0x86dd, f.ipv6(4, inside)))),
        ),
      ),
    ),
    V4,
  ],
  [
    "packets nested without end are given up",
    RAW,
    Array.from({ length: 20 }).reduce<Uint8Array>(
      (inner) => f.ipv4(4, inner),
      inside,
    ),
    "other",
  ],
]);

Deno.test("of VXLAN nested without end the deepest readable is given", () => {
  const nested = Array.from({ length: 20 }).reduce<Uint8Array>(
    (inner) => f.ethernet(0x0800, f.ipv4(17, f.vxlan(inner))),
    frame,
  );
  const found = decoded(LINKTYPE.ETHERNET, nested);
  equal(found.startsWith("udp 10.0.0.1 40000 > 10.0.0.2 4789 "), true);
});

Deno.test("a tunnel cut inside its packet gives the outer datagram", () => {
  const whole = over(4789, "08000000 00002a00", frame);
  const found = decodedCut(RAW, whole, whole.length - 20);
  equal(found.startsWith("udp 10.0.0.1 40000 > 10.0.0.2 4789 "), true);
  equal(found.endsWith("and 20 more"), true);
});

Deno.test("fragments inside a tunnel become whole", () => {
  const decoder = new Decoder();
  const part = (offset: number, more: boolean, size: number) =>
    over(
      4789,
      "08000000 00002a00",
      f.ethernet(
        0x0800,
        f.ipv4(6, f.tcp(hi).subarray(offset, size), { offset, more }),
      ),
    );
  equal(decoded(RAW, part(0, true, 16), decoder), "fragment");
  equal(
    decoded(RAW, part(16, false, 22), decoder),
    'tcp 10.0.0.1 40000 > 10.0.0.2 80 "hi"',
  );
});
