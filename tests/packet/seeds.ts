/**
 * One frame of every kind that we read: what mutations begin with.
 */
import { LINKTYPE } from "../../packet/link.ts";
import * as f from "./frames.ts";

const hi = f.text("GET / HTTP/1.1\r\n");
const tcp4 = f.ipv4(6, f.tcp(hi));
const tcp6 = f.ipv6(6, f.tcp(hi));
const frame4 = f.ethernet(0x0800, tcp4);
const SNAP = "aaaa03 000000 0800";
const wifi = (control: string) =>
  f.bytes(control, "0000", "02".repeat(18), "0000");
const over = (port: number, header: string, payload: Uint8Array) =>
  f.ipv4(17, f.udp(port, f.bytes(header, payload)));
const gre = (header: string, payload: Uint8Array) =>
  f.ipv4(47, f.bytes(header, payload));

const {
  ETHERNET,
  RAW,
  LINUX_SLL,
  LINUX_SLL2,
  NULL,
  PPP,
  PPP_HDLC,
  FRELAY,
  NFLOG,
  PFLOG,
  IEEE802_11,
  IEEE802_11_RADIOTAP,
  IEEE802_11_PRISM,
  IEEE802_11_AVS,
} = LINKTYPE;

/** Link types with a frame of each kind. */
export const SEEDS: readonly (readonly [linkType: number, Uint8Array])[] = [
  [ETHERNET, frame4],
  [ETHERNET, f.ethernet(0x86dd, tcp6)],
  [ETHERNET, f.ethernet(0x0800, f.ipv4(17, f.udp(53, hi)))],
  [ETHERNET, f.ethernet(0x8100, f.tag(0x0800, tcp4))],
  [ETHERNET, f.ethernet(0x88a8, f.tag(0x8100, f.tag(0x0800, tcp4)))],
  [ETHERNET, f.ethernet(8 + tcp4.length, f.bytes(SNAP, tcp4))],
  [ETHERNET, f.ethernet(60, f.bytes("060603", tcp4))],
  [ETHERNET, f.ethernet(0x8870, f.bytes(SNAP, tcp4))],
  [ETHERNET, f.ethernet(0x8909, f.bytes("0101 0001 0007 0800", tcp4))],
  [ETHERNET, f.ethernet(0x8864, f.bytes("1100 0001 003a 0021", tcp4))],
  [ETHERNET, f.ethernet(0x8847, f.bytes("00010040 00011140", tcp4))],
  [ETHERNET, f.ethernet(0x8847, f.bytes("00011140 00000000", frame4))],
  [ETHERNET, f.ethernet(0x894f, f.bytes("0002 0201 00000101", tcp4))],
  [ETHERNET, f.ethernet(0x894f, f.bytes("0002 0203 00000101", frame4))],
  [ETHERNET, f.ethernet(0x894f, f.bytes("0002 0205 00000101 00011140", tcp4))],
  [ETHERNET, f.ethernet(0x6558, frame4)],
  [ETHERNET, f.ethernet(0x88e7, f.bytes("00000064", frame4))],
  [ETHERNET, f.ethernet(0x892f, f.bytes("1040 0001 0800", tcp4))],
  [LINUX_SLL, f.sll(0x0800, tcp4)],
  [LINUX_SLL, f.sll(4, f.bytes(SNAP, tcp4))],
  [LINUX_SLL2, f.sll2(0x0800, tcp4)],
  [LINUX_SLL2, f.sll2(0x86dd, tcp6)],
  [RAW, tcp4],
  [RAW, tcp6],
  [LINKTYPE.DLT_RAW, tcp4],
  [LINKTYPE.DLT_RAW_OPENBSD, tcp4],
  [LINKTYPE.IPV4, tcp4],
  [LINKTYPE.IPV6, tcp6],
  [NULL, f.bytes("02000000", tcp4)],
  [NULL, f.bytes("0000001e", tcp6)],
  [NULL, f.bytes("0f000800", tcp4)],
  [LINKTYPE.LOOP, f.bytes("00000018", tcp6)],
  [LINKTYPE.ENC, f.bytes("00000002 00000000 00000000", tcp4)],
  [PPP, f.bytes("0021", tcp4)],
  [PPP, f.bytes("ff03 0281 00011140", tcp4)],
  [PPP, f.bytes("57", tcp6)],
  [PPP_HDLC, f.bytes("ff030021", tcp4)],
  [PPP_HDLC, f.bytes("0f000800", tcp4)],
  [LINKTYPE.PPP_WITH_DIRECTION, f.bytes("00 0021", tcp4)],
  [LINKTYPE.PPP_ETHER, f.bytes("1100 0001 003a 0021", tcp4)],
  [LINKTYPE.ATM_RFC1483, f.bytes(SNAP, tcp4)],
  [LINKTYPE.MPLS, f.bytes("00011140", tcp4)],
  [FRELAY, f.bytes("1841 03cc", tcp4)],
  [FRELAY, f.bytes("18404001 038e", tcp6)],
  [FRELAY, f.bytes("1841 0800", tcp4)],
  [FRELAY, f.bytes("1841 0300 80 000000 0800", tcp4)],
  [NFLOG, f.bytes("02 00 0000 0800 0100 00000000 3c00 0900", tcp4)],
  [NFLOG, f.bytes("0a 00 0000 0006 000a 6161 0000 0050 0009", tcp6)],
  [PFLOG, f.bytes("3d 02", new Uint8Array(62), tcp4)],
  [LINKTYPE.PPI, f.bytes("00 00 0800 69000000", wifi("0801"), SNAP, tcp4)],
  [IEEE802_11, f.bytes(wifi("0801"), SNAP, tcp4)],
  [IEEE802_11, f.bytes(wifi("0803"), "020202020202", SNAP, tcp4)],
  [IEEE802_11, f.bytes(wifi("8882"), "0000 00000000", SNAP, tcp4)],
  [
    IEEE802_11_RADIOTAP,
    f.bytes(
      "00 00 1900 03000080 00000080 00000000 0000000000000000 20",
      wifi("8802"),
      "0000 0000",
      SNAP,
      tcp4,
    ),
  ],
  [
    IEEE802_11_PRISM,
    f.bytes("44000000 10000000", new Uint8Array(8), wifi("0801"), SNAP, tcp4),
  ],
  [
    IEEE802_11_PRISM,
    f.bytes("80211001 00000010", new Uint8Array(8), wifi("0801"), SNAP, tcp4),
  ],
  [
    IEEE802_11_AVS,
    f.bytes("80211001 00000010", new Uint8Array(8), wifi("0801"), SNAP, tcp4),
  ],
  [RAW, f.ipv4(6, f.tcp(hi), { options: f.bytes("94040000") })],
  [RAW, f.ipv4(132, f.sctp(hi))],
  [RAW, f.ipv4(1, f.icmp(8, hi))],
  [RAW, f.ipv6(58, f.icmp(128, hi))],
  [RAW, f.ipv4(17, f.udp(53, hi).subarray(0, 16), { more: true })],
  [RAW, f.ipv4(17, f.udp(53, hi).subarray(16), { offset: 16 })],
  [
    RAW,
    f.ipv6(
      44,
      f.fragment(17, { more: true }, f.udp(53, hi).subarray(0, 16)),
    ),
  ],
  [RAW, f.ipv6(44, f.fragment(17, { offset: 16 }, hi))],
  [RAW, f.ipv6(44, f.fragment(6, {}, f.tcp(hi)))],
  [
    RAW,
    f.ipv6(
      0,
      [43, 60, 135, 139, 140, 6].reduceRight<Uint8Array>(
        (inner, next) => f.extension(next, inner),
        f.tcp(hi),
      ),
    ),
  ],
  [
    RAW,
    f.ipv4(
      51,
      f.bytes("06040000 00000001 00000001", new Uint8Array(12), f.tcp(hi)),
    ),
  ],
  [RAW, f.ipv4(4, tcp4)],
  [RAW, f.ipv4(41, tcp6)],
  [RAW, f.ipv4(137, f.bytes("00011140", tcp4))],
  [RAW, f.ipv4(97, f.bytes("3000", frame4))],
  [RAW, f.ipv6(143, frame4)],
  [RAW, gre("0000 0800", tcp4)],
  [RAW, gre("b000 0800 00000000 00000001 00000002", tcp4)],
  [RAW, gre("0000 6558", frame4)],
  [RAW, gre("0000 88be", frame4)],
  [RAW, gre("1000 88be 00000001 1001 0000 00000000", frame4)],
  [RAW, gre("1000 22eb 00000001 2001 0000 00000000 00000000", frame4)],
  [
    RAW,
    gre(
      "1000 22eb 00000001 2001 0000 00000000 00000001 0000000000000000",
      frame4,
    ),
  ],
  [RAW, gre("3081 880b 0032 0001 00000001 00000002 ff03 0021", tcp4)],
  [RAW, over(4789, "08000000 00002a00", frame4)],
  [RAW, over(8472, "08000000 00002a00", f.ethernet(0x86dd, tcp6))],
  [RAW, over(4790, "0c000001 00002a00", tcp4)],
  [RAW, over(4790, "0c000002 00002a00", tcp6)],
  [RAW, over(4790, "0c000003 00002a00", frame4)],
  [RAW, over(4790, "0c000004 00002a00 0002 0201 00000101", tcp4)],
  [RAW, over(6081, "0140 6558 00002a00 01020304", frame4)],
  [RAW, over(2152, "30ff 0038 00000001", tcp4)],
  [RAW, over(2152, "34ff 0040 00000001 0000 00 85 01 0009 00", tcp4)],
  [RAW, over(3544, "", tcp6)],
  [RAW, over(3544, "0001 0000 0102030405060708 00 0000 1234 01020304", tcp6)],
  [RAW, over(1701, "4002 0044 0001 0002 ff03 0021", tcp4)],
  [RAW, over(1701, "0a02 0001 0002 00000000 0002 0000 0021", tcp4)],
  [RAW, over(6635, "00011140", tcp4)],
];
