/**
 * Link layers, and what stands between them and IP.
 */
import { deepEqual, equal } from "node:assert/strict";
import { Decoder } from "../../packet/decode.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { DIRECTION, OUTCOME, Packet } from "../../packet/packet.ts";
import { decoded, testEach } from "./decoded.ts";
import * as f from "./frames.ts";

const ip4 = f.ipv4(6, f.tcp(f.text("hi")));
const ip6 = f.ipv6(6, f.tcp(f.text("hi")));
const V4 = 'tcp 10.0.0.1 40000 > 10.0.0.2 80 "hi"';
const V6 = 'tcp 2001:db8::1 40000 > 2001:db8::2 80 "hi"';

const SNAP = "aaaa03 000000";
/** Frame control, duration, three addresses, sequence control. */
const wifi = (control: string, sequence = "0000") =>
  f.bytes(control, "0000", "02".repeat(18), sequence);

testEach([
  ["Ethernet carries IPv4", LINKTYPE.ETHERNET, f.ethernet(0x0800, ip4), V4],
  ["Ethernet carries IPv6", LINKTYPE.ETHERNET, f.ethernet(0x86dd, ip6), V6],
  [
    "Ethernet's padding is not payload",
    LINKTYPE.ETHERNET,
    f.ethernet(0x0800, f.bytes(ip4, "000000000000")),
    V4,
  ],
  [
    "ARP is another kind of frame",
    LINKTYPE.ETHERNET,
    f.ethernet(0x0806, f.bytes("0001 0800 06 04 0001")),
    "other",
  ],
  [
    "an Ethernet header that is cut is malformed",
    LINKTYPE.ETHERNET,
    f.bytes("02000000000b 02"),
    "malformed",
  ],
  [
    "a VLAN tag is passed over",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8100, f.tag(0x0800, ip4)),
    V4,
  ],
  [
    "stacked tags of all kinds are passed over",
    LINKTYPE.ETHERNET,
    f.ethernet(
      0x88a8,
      f.tag(0x9100, f.tag(0x8100, f.tag(0x86dd, ip6))),
    ),
    V6,
  ],
  [
    "a tag that is cut is malformed",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8100, f.bytes("0064")),
    "malformed",
  ],
  [
    "nine tags are too many",
    LINKTYPE.ETHERNET,
    f.ethernet(
      0x8100,
      Array.from({ length: 9 }).reduce<Uint8Array>(
        (inner, _, n) => f.tag(n === 0 ? 0x0800 : 0x8100, inner),
        ip4,
      ),
    ),
    "other",
  ],
  [
    "802.3 with LLC and SNAP carries IPv4",
    LINKTYPE.ETHERNET,
    f.ethernet(8 + ip4.length, f.bytes(SNAP, "0800", ip4, "0000")),
    V4,
  ],
  [
    "LLC can name IPv4 itself",
    LINKTYPE.ETHERNET,
    f.ethernet(3 + ip4.length, f.bytes("060603", ip4)),
    V4,
  ],
  [
    "SNAP of another organization is another kind of frame",
    LINKTYPE.ETHERNET,
    f.ethernet(8 + ip4.length, f.bytes("aaaa03 00000c 2000", ip4)),
    "other",
  ],
  [
    "spanning tree is another kind of frame",
    LINKTYPE.ETHERNET,
    f.ethernet(7, f.bytes("424203 00000000")),
    "other",
  ],
  [
    "LLC that is cut is malformed",
    LINKTYPE.ETHERNET,
    f.ethernet(20, f.bytes("aaaa03 0000")),
    "malformed",
  ],
  [
    "LLC that is cut before its control field is malformed",
    LINKTYPE.ETHERNET,
    f.ethernet(20, f.bytes("aa")),
    "malformed",
  ],
  [
    "a jumbo frame's LLC is read",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8870, f.bytes(SNAP, "0800", ip4)),
    V4,
  ],
  [
    "Cisco's metadata are passed over",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8909, f.bytes("0101 0001 0007 0800", ip4)),
    V4,
  ],
  [
    "Cisco's metadata that are cut are malformed",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8909, f.bytes("0101")),
    "malformed",
  ],
  [
    "redundancy tags and interface tags are passed over",
    LINKTYPE.ETHERNET,
    f.ethernet(
      0x892f,
      f.bytes("1040 0001 8926 00010001 893f 0000 0000 0000 0800", ip4),
    ),
    V4,
  ],
  [
    "a provider's backbone carries Ethernet",
    LINKTYPE.ETHERNET,
    f.ethernet(0x88e7, f.bytes("00000064", f.ethernet(0x0800, ip4))),
    V4,
  ],
  [
    "PPPoE carries PPP",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8864, f.bytes("1100 0001 002c 0021", ip4)),
    V4,
  ],
  [
    "PPPoE that is cut is malformed",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8864, f.bytes("1100")),
    "malformed",
  ],
  [
    "PPPoE of another version is another kind of frame",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8864, f.bytes("2200 0001 002c 0021", ip4)),
    "other",
  ],
  [
    "MPLS labels are passed over",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8847, f.bytes("00010040 00011140", ip4)),
    V4,
  ],
  [
    "MPLS carries IPv6",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8848, f.bytes("00011140", ip6)),
    V6,
  ],
  [
    "MPLS carries Ethernet behind a control word",
    LINKTYPE.ETHERNET,
    f.ethernet(
      0x8847,
      f.bytes("00011140 00000000", f.ethernet(0x0800, ip4)),
    ),
    V4,
  ],
  [
    "MPLS carries what we cannot tell",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8847, f.bytes("00011140 ff", ip4)),
    "other",
  ],
  [
    "MPLS without a last label is malformed",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8847, f.bytes("00010040")),
    "malformed",
  ],
  [
    "seventeen MPLS labels are too many",
    LINKTYPE.ETHERNET,
    f.ethernet(0x8847, f.bytes("00010040".repeat(16), "00011140", ip4)),
    "other",
  ],
  [
    "a network service header carries IPv4",
    LINKTYPE.ETHERNET,
    f.ethernet(0x894f, f.bytes("0002 0201 00000101", ip4)),
    V4,
  ],
  [
    "a network service header carries IPv6",
    LINKTYPE.ETHERNET,
    f.ethernet(0x894f, f.bytes("0002 0202 00000101", ip6)),
    V6,
  ],
  [
    "a network service header carries Ethernet",
    LINKTYPE.ETHERNET,
    f.ethernet(
      0x894f,
      f.bytes("0002 0203 00000101", f.ethernet(0x0800, ip4)),
    ),
    V4,
  ],
  [
    "a network service header carries MPLS",
    LINKTYPE.ETHERNET,
    f.ethernet(0x894f, f.bytes("0002 0205 00000101 00011140", ip4)),
    V4,
  ],
  [
    "a network service header that is cut is malformed",
    LINKTYPE.ETHERNET,
    f.ethernet(0x894f, f.bytes("0002 02")),
    "malformed",
  ],
  [
    "a network service header longer than the frame is malformed",
    LINKTYPE.ETHERNET,
    f.ethernet(0x894f, f.bytes("003f 0201 00000101", ip4)),
    "malformed",
  ],
  [
    "a network service header can carry something else",
    LINKTYPE.ETHERNET,
    f.ethernet(0x894f, f.bytes("0002 0209 00000101", ip4)),
    "other",
  ],
  [
    "bridged Ethernet stands behind its EtherType",
    LINKTYPE.ETHERNET,
    f.ethernet(0x6558, f.ethernet(0x0800, ip4)),
    V4,
  ],
  [
    "Ethernet nested without end is given up",
    LINKTYPE.ETHERNET,
    Array.from({ length: 20 }).reduce<Uint8Array>(
      (inner) => f.ethernet(0x6558, inner),
      f.ethernet(0x0800, ip4),
    ),
    "other",
  ],

  ["SLL carries IPv4", LINKTYPE.LINUX_SLL, f.sll(0x0800, ip4), V4],
  [
    "SLL carries tags",
    LINKTYPE.LINUX_SLL,
    f.sll(0x8100, f.tag(0x86dd, ip6)),
    V6,
  ],
  [
    "SLL carries LLC",
    LINKTYPE.LINUX_SLL,
    f.sll(4, f.bytes(SNAP, "0800", ip4)),
    V4,
  ],
  [
    "SLL carries netlink, which is another kind",
    LINKTYPE.LINUX_SLL,
    f.sll(0x0010, ip4),
    "other",
  ],
  [
    "SLL that is cut is malformed",
    LINKTYPE.LINUX_SLL,
    f.bytes("0000 0001"),
    "malformed",
  ],
  ["SLL2 carries IPv4", LINKTYPE.LINUX_SLL2, f.sll2(0x0800, ip4), V4],
  ["SLL2 carries IPv6", LINKTYPE.LINUX_SLL2, f.sll2(0x86dd, ip6), V6],
  [
    "SLL2 that is cut is malformed",
    LINKTYPE.LINUX_SLL2,
    f.bytes("0800 0000"),
    "malformed",
  ],

  ["RAW carries IPv4", LINKTYPE.RAW, ip4, V4],
  ["RAW carries IPv6", LINKTYPE.RAW, ip6, V6],
  ["RAW as some systems number it", LINKTYPE.DLT_RAW, ip4, V4],
  ["RAW as OpenBSD numbers it", LINKTYPE.DLT_RAW_OPENBSD, ip6, V6],
  ["RAW without a byte is malformed", LINKTYPE.RAW, f.bytes(), "malformed"],
  ["RAW holds neither version", LINKTYPE.RAW, f.bytes("20"), "other"],
  ["IPV4 carries IPv4", LINKTYPE.IPV4, ip4, V4],
  ["IPV6 carries IPv6", LINKTYPE.IPV6, ip6, V6],
  ["IPV4 does not carry IPv6", LINKTYPE.IPV4, ip6, "malformed"],

  ["NULL, little endian", LINKTYPE.NULL, f.bytes("02000000", ip4), V4],
  ["NULL, big endian", LINKTYPE.NULL, f.bytes("00000002", ip4), V4],
  ["NULL of Linux", LINKTYPE.NULL, f.bytes("0a000000", ip6), V6],
  ["NULL of Windows", LINKTYPE.NULL, f.bytes("17000000", ip6), V6],
  ["NULL of NetBSD", LINKTYPE.NULL, f.bytes("18000000", ip6), V6],
  ["NULL of FreeBSD", LINKTYPE.NULL, f.bytes("1c000000", ip6), V6],
  ["NULL of Darwin", LINKTYPE.NULL, f.bytes("1e000000", ip6), V6],
  ["NULL with an EtherType", LINKTYPE.NULL, f.bytes("0f000800", ip4), V4],
  ["NULL with IPv6's", LINKTYPE.NULL, f.bytes("0f0086dd", ip6), V6],
  ["NULL of no known family", LINKTYPE.NULL, f.bytes("07000000", ip4), "other"],
  ["NULL of no order", LINKTYPE.NULL, f.bytes("01020304", ip4), "other"],
  ["NULL that is cut", LINKTYPE.NULL, f.bytes("0200"), "malformed"],
  ["LOOP", LINKTYPE.LOOP, f.bytes("00000018", ip6), V6],
  [
    "ENC",
    LINKTYPE.ENC,
    f.bytes("00000002 00000000 00000000", ip4),
    V4,
  ],

  ["PPP", LINKTYPE.PPP, f.bytes("0021", ip4), V4],
  ["PPP with address and control", LINKTYPE.PPP, f.bytes("ff030057", ip6), V6],
  ["PPP with a short protocol", LINKTYPE.PPP, f.bytes("21", ip4), V4],
  ["PPP with MPLS", LINKTYPE.PPP, f.bytes("0281 00011140", ip4), V4],
  [
    "PPP's link control is another kind",
    LINKTYPE.PPP,
    f.bytes("c021 0100"),
    "other",
  ],
  ["PPP that is cut is malformed", LINKTYPE.PPP, f.bytes("ff03"), "malformed"],
  ["HDLC with PPP", LINKTYPE.PPP_HDLC, f.bytes("ff030021", ip4), V4],
  [
    "HDLC with Cisco's framing",
    LINKTYPE.PPP_HDLC,
    f.bytes("0f000800", ip4),
    V4,
  ],
  ["Cisco's HDLC", LINKTYPE.C_HDLC, f.bytes("8f0086dd", ip6), V6],
  ["HDLC that is cut", LINKTYPE.C_HDLC, f.bytes("8f00"), "malformed"],
  [
    "PPP with a direction",
    LINKTYPE.PPP_WITH_DIRECTION,
    f.bytes("00 0021", ip4),
    V4,
  ],
  [
    "PPPoE without Ethernet",
    LINKTYPE.PPP_ETHER,
    f.bytes("1100 0001 002c 0021", ip4),
    V4,
  ],
  [
    "ATM with LLC",
    LINKTYPE.ATM_RFC1483,
    f.bytes(SNAP, "0800", ip4),
    V4,
  ],
  ["MPLS as a link type", LINKTYPE.MPLS, f.bytes("00011140", ip4), V4],

  ["frame relay with IPv4", LINKTYPE.FRELAY, f.bytes("1841 03cc", ip4), V4],
  ["frame relay with IPv6", LINKTYPE.FRELAY, f.bytes("1841 038e", ip6), V6],
  [
    "frame relay with a long address",
    LINKTYPE.FRELAY,
    f.bytes("18404001 03cc", ip4),
    V4,
  ],
  [
    "frame relay with an EtherType",
    LINKTYPE.FRELAY,
    f.bytes("1841 0800", ip4),
    V4,
  ],
  [
    "frame relay with SNAP",
    LINKTYPE.FRELAY,
    f.bytes("1841 0300 80 000000 0800", ip4),
    V4,
  ],
  [
    "frame relay with another organization's SNAP",
    LINKTYPE.FRELAY,
    f.bytes("1841 0300 80 00000c 0800", ip4),
    "other",
  ],
  [
    "frame relay with SNAP that is cut",
    LINKTYPE.FRELAY,
    f.bytes("1841 0300 80"),
    "malformed",
  ],
  [
    "frame relay's management is another kind",
    LINKTYPE.FRELAY,
    f.bytes("0001 0308 0075"),
    "other",
  ],
  [
    "frame relay without end of address",
    LINKTYPE.FRELAY,
    f.bytes("18404040 4040", ip4),
    "malformed",
  ],

  [
    "NFLOG, little endian",
    LINKTYPE.NFLOG,
    f.bytes("02 00 0000", "0800 0100 00000000", "2e00 0900", ip4, "0000"),
    V4,
  ],
  [
    "NFLOG, big endian",
    LINKTYPE.NFLOG,
    f.bytes("0a 00 0000", "0006 000a 6161 0000", "0044 0009", ip6),
    V6,
  ],
  [
    "NFLOG without a payload",
    LINKTYPE.NFLOG,
    f.bytes("02 00 0000", "0800 0100 00000000"),
    "other",
  ],
  [
    "NFLOG with an impossible attribute",
    LINKTYPE.NFLOG,
    f.bytes("02 00 0000", "0300 0100 00000000"),
    "malformed",
  ],
  ["NFLOG that is cut", LINKTYPE.NFLOG, f.bytes("02 00"), "malformed"],
  [
    "PFLOG",
    LINKTYPE.PFLOG,
    f.bytes("3d 02", new Uint8Array(62), ip4),
    V4,
  ],
  ["PFLOG that is cut", LINKTYPE.PFLOG, f.bytes("3d 02"), "malformed"],
  ["PFLOG without a byte", LINKTYPE.PFLOG, f.bytes("3d"), "malformed"],
  [
    "PPI around 802.11",
    LINKTYPE.PPI,
    f.bytes("00 00 0800 69000000", wifi("0801"), SNAP, "0800", ip4),
    V4,
  ],
  ["PPI that is cut", LINKTYPE.PPI, f.bytes("00 00 0800"), "malformed"],
  [
    "PPI in PPI without end is given up",
    LINKTYPE.PPI,
    f.bytes("00000800c0000000".repeat(40), ip4),
    "other",
  ],
  ["a link type that nobody knows", 9999, ip4, "other"],

  [
    "802.11 data to an access point",
    LINKTYPE.IEEE802_11,
    f.bytes(wifi("0801"), SNAP, "0800", ip4),
    V4,
  ],
  [
    "802.11 data between access points",
    LINKTYPE.IEEE802_11,
    f.bytes(wifi("0803"), "020202020202", SNAP, "0800", ip4),
    V4,
  ],
  [
    "802.11 with quality of service",
    LINKTYPE.IEEE802_11,
    f.bytes(wifi("8802"), "0000", SNAP, "86dd", ip6),
    V6,
  ],
  [
    "802.11 with HT control",
    LINKTYPE.IEEE802_11,
    f.bytes(wifi("8882"), "0000 00000000", SNAP, "0800", ip4),
    V4,
  ],
  [
    "802.11 with quality of service that is cut",
    LINKTYPE.IEEE802_11,
    wifi("8802"),
    "malformed",
  ],
  [
    "802.11 that aggregates",
    LINKTYPE.IEEE802_11,
    f.bytes(wifi("8802"), "8000", SNAP, "0800", ip4),
    "other",
  ],
  ["802.11 beacons", LINKTYPE.IEEE802_11, wifi("8000"), "other"],
  ["802.11 without data", LINKTYPE.IEEE802_11, wifi("4801"), "other"],
  [
    "802.11 that is encrypted",
    LINKTYPE.IEEE802_11,
    f.bytes(wifi("0841"), SNAP, "0800", ip4),
    "other",
  ],
  [
    "802.11 with fragments to come",
    LINKTYPE.IEEE802_11,
    f.bytes(wifi("0805"), SNAP, "0800", ip4),
    "other",
  ],
  [
    "802.11 that is a later fragment",
    LINKTYPE.IEEE802_11,
    f.bytes(wifi("0801", "0100"), SNAP, "0800", ip4),
    "other",
  ],
  ["802.11 that is cut", LINKTYPE.IEEE802_11, f.bytes("0801"), "malformed"],
  [
    "radiotap without flags",
    LINKTYPE.IEEE802_11_RADIOTAP,
    f.bytes("00 00 0800 00000000", wifi("0801"), SNAP, "0800", ip4),
    V4,
  ],
  [
    "radiotap that says the header is padded",
    LINKTYPE.IEEE802_11_RADIOTAP,
    f.bytes(
      // Three bitmaps, the time at the next multiple of eight, the flags.
      "00 00 1900 03000080 00000080 00000000 0000000000000000 20",
      wifi("8802"),
      "0000 0000",
      SNAP,
      "0800",
      ip4,
    ),
    V4,
  ],
  [
    "radiotap longer than the frame",
    LINKTYPE.IEEE802_11_RADIOTAP,
    f.bytes("00 00 ff00 00000000"),
    "malformed",
  ],
  [
    "radiotap that is cut",
    LINKTYPE.IEEE802_11_RADIOTAP,
    f.bytes("00 00"),
    "malformed",
  ],
  [
    "Prism",
    LINKTYPE.IEEE802_11_PRISM,
    f.bytes(
      "44000000 90000000",
      new Uint8Array(136),
      wifi("0801"),
      SNAP,
      "0800",
      ip4,
    ),
    V4,
  ],
  [
    "Prism, big endian",
    LINKTYPE.IEEE802_11_PRISM,
    f.bytes(
      "00000044 00000090",
      new Uint8Array(136),
      wifi("0801"),
      SNAP,
      "0800",
      ip4,
    ),
    V4,
  ],
  [
    "AVS under Prism's link type",
    LINKTYPE.IEEE802_11_PRISM,
    f.bytes(
      "80211001 00000040",
      new Uint8Array(56),
      wifi("0801"),
      SNAP,
      "0800",
      ip4,
    ),
    V4,
  ],
  [
    "AVS",
    LINKTYPE.IEEE802_11_AVS,
    f.bytes(
      "80211001 00000040",
      new Uint8Array(56),
      wifi("0801"),
      SNAP,
      "0800",
      ip4,
    ),
    V4,
  ],
  [
    "AVS longer than the frame",
    LINKTYPE.IEEE802_11_AVS,
    f.bytes("80211001 00000fff"),
    "malformed",
  ],
  ["AVS that is cut", LINKTYPE.IEEE802_11_AVS, f.bytes("8021"), "malformed"],
  ["Prism that is cut", LINKTYPE.IEEE802_11_PRISM, f.bytes("44"), "malformed"],
]);

Deno.test("SLL2 names the interface and the direction of a packet", () => {
  const packet = new Packet();
  const frame = f.sll2(0x0800, ip4);
  const outcome = new Decoder().decode(
    frame,
    0,
    frame.length,
    frame.length,
    LINKTYPE.LINUX_SLL2,
    0,
    0,
    packet,
  );
  equal(outcome, OUTCOME.PACKET);
  deepEqual([packet.interface, packet.direction], [7, DIRECTION.OUT]);
});

Deno.test("Ethernet names neither, so the owner's interface stays", () => {
  const packet = new Packet();
  packet.interface = 3;
  const frame = f.ethernet(0x0800, ip4);
  new Decoder().decode(
    frame,
    0,
    frame.length,
    frame.length,
    LINKTYPE.ETHERNET,
    0,
    0,
    packet,
  );
  deepEqual([packet.interface, packet.direction], [3, DIRECTION.UNKNOWN]);
});

Deno.test("a frame is read where it lies, and nothing around it", () => {
  const frame = f.ethernet(0x0800, ip4);
  const inside = f.bytes("ffffffffff", frame, "ffffffffff");
  const packet = new Packet();
  const outcome = new Decoder().decode(
    inside,
    5,
    frame.length,
    frame.length,
    LINKTYPE.ETHERNET,
    0,
    0,
    packet,
  );
  equal(outcome, OUTCOME.PACKET);
  equal(packet.bytes, inside);
  equal(packet.end, 5 + frame.length);
  equal(decoded(LINKTYPE.ETHERNET, frame), V4);
});
