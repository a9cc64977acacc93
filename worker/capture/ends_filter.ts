/**
 * The part of the kernel's filter that looks at a packet's two ends: those of
 * the innermost packet, where VXLAN carries it between nodes.
 *
 * A load behind a packet's end would end the program, and so refuse the packet:
 * lengths are tested before.
 */
import { type Assembler, type Label, OPERATION } from "./assembler.ts";
import type { OwnPort, Words } from "./own_traffic.ts";

/** Where a program goes on. */
export interface Outcomes {
  /** The packet is ours. */
  readonly own: Label;
  /** It is none of the targets'. */
  readonly refused: Label;
  readonly other: Label;
}

/** What ends are tested for. */
export interface WantedEnds {
  readonly own?: readonly OwnPort[] | undefined;
  readonly targets?: readonly Words[] | undefined;
}

const TCP = 6;
const UDP = 17;

/** First byte of an IPv4 header without options. */
const PLAIN_IPV4 = 0x45;

/** Bits of the offset in an IPv4 header's seventh and eighth byte. */
const FRAGMENT_OFFSET = 0x1fff;

/** Ports of VXLAN: that of RFC 7348, and Linux's own, which flannel uses. */
const VXLAN_PORTS = [4789, 8472] as const;

/** Bytes of UDP, VXLAN and Ethernet headers. */
const VXLAN_HEADERS = 8 + 8 + 14;

const ETHERTYPE = { IPV4: 0x0800, IPV6: 0x86dd } as const;

/** What is where in the headers of an IP version. */
interface Layout {
  readonly version: 4 | 6;
  readonly protocol: number;
  readonly src: number;
  readonly dst: number;
  /** Where the transport's header begins. */
  readonly transport: number;
}

const LAYOUTS: readonly Layout[] = [
  { version: 4, protocol: 9, src: 12, dst: 16, transport: 20 },
  { version: 6, protocol: 6, src: 8, dst: 24, transport: 40 },
];

/** Bytes of a transport's header that have the ports. */
const PORTS = 4;

/** Tests a packet's ends; the program goes on at one of the outcomes. */
export function addEnds(
  program: Assembler,
  wanted: WantedEnds,
  outcomes: Outcomes,
): void {
  const { own = [], targets } = wanted;
  const rest = targets ? outcomes.refused : outcomes.other;
  if (own.length === 0 && !targets) return program.go(outcomes.other);
  findInnermost(program, rest);
  for (const layout of LAYOUTS) {
    const next = program.label();
    program.add(OPERATION.LOAD_BYTE_AT_X, 0);
    program.add(OPERATION.AND, 0xf0);
    program.unlessEqual(layout.version << 4, next);
    addOwn(program, layout, own, outcomes.own);
    if (targets) {
      program.add(OPERATION.LOAD_LENGTH);
      program.add(OPERATION.SUBTRACT_X);
      program.ifBelow(layout.transport, rest);
      const words = targets.filter(({ length }) => isOf(layout, length));
      matchAny(program, layout.src, words, outcomes.other);
      matchAny(program, layout.dst, words, outcomes.other);
    }
    program.go(rest);
    program.place(next);
  }
  program.go(rest);
}

/** Sets X to where the innermost IP header begins. */
function findInnermost(program: Assembler, notIp: Label): void {
  const found = program.label();
  program.add(OPERATION.SET_X, 0);
  program.add(OPERATION.LOAD_LENGTH);
  program.ifBelow(20, notIp);
  for (const { version, protocol, transport } of LAYOUTS) {
    const next = program.label();
    const isVxlan = program.label();
    const inner = program.label();
    program.add(OPERATION.LOAD_LENGTH);
    program.ifBelow(transport + VXLAN_HEADERS + 20, next);
    program.add(OPERATION.LOAD_BYTE_AT_X, 0);
    if (version === 4) {
      program.unlessEqual(PLAIN_IPV4, next);
      program.add(OPERATION.LOAD_HALF_AT_X, 6);
      program.ifAnyBit(FRAGMENT_OFFSET, next);
    } else {
      program.add(OPERATION.AND, 0xf0);
      program.unlessEqual(0x60, next);
    }
    program.add(OPERATION.LOAD_BYTE_AT_X, protocol);
    program.unlessEqual(UDP, next);
    program.add(OPERATION.LOAD_HALF_AT_X, transport + 2);
    for (const port of VXLAN_PORTS) program.ifEqual(port, isVxlan);
    program.go(next);
    program.place(isVxlan);
    program.add(OPERATION.LOAD_HALF_AT_X, transport + VXLAN_HEADERS - 2);
    program.ifEqual(ETHERTYPE.IPV4, inner);
    program.unlessEqual(ETHERTYPE.IPV6, next);
    program.place(inner);
    program.add(OPERATION.SET_X, transport + VXLAN_HEADERS);
    program.go(found);
    program.place(next);
  }
  program.place(found);
}

/** Tests whether the packet is ours: both ways, by port and then by address. */
function addOwn(
  program: Assembler,
  layout: Layout,
  own: readonly OwnPort[],
  yes: Label,
): void {
  const ports = own.filter(({ version }) => version === layout.version);
  if (ports.length === 0) return;
  const { src, dst, transport } = layout;
  const no = program.label();
  program.add(OPERATION.LOAD_LENGTH);
  program.add(OPERATION.SUBTRACT_X);
  program.ifBelow(transport + PORTS, no);
  program.add(OPERATION.LOAD_BYTE_AT_X, layout.protocol);
  program.unlessEqual(TCP, no);
  if (layout.version === 4) {
    program.add(OPERATION.LOAD_BYTE_AT_X, 0);
    program.unlessEqual(PLAIN_IPV4, no);
    program.add(OPERATION.LOAD_HALF_AT_X, 6);
    program.ifAnyBit(FRAGMENT_OFFSET, no);
  }
  const [srcPort, dstPort] = [transport, transport + 2];
  const ways = [
    { here: dst, port: dstPort, there: src, otherPort: srcPort },
    { here: src, port: srcPort, there: dst, otherPort: dstPort },
  ] as const;
  for (const { here, port, there, otherPort } of ways) {
    for (const { port: number, listening, connections } of ports) {
      const next = program.label();
      program.add(OPERATION.LOAD_HALF_AT_X, port);
      program.unlessEqual(number, next);
      matchAny(program, here, listening, yes);
      for (const { local, remote, remotePort } of connections) {
        const another = program.label();
        program.add(OPERATION.LOAD_HALF_AT_X, otherPort);
        program.unlessEqual(remotePort, another);
        match(program, here, local, another);
        match(program, there, remote, another);
        program.go(yes);
        program.place(another);
      }
      program.place(next);
    }
  }
  program.place(no);
}

function isOf({ version }: Layout, words: number): boolean {
  return words === (version === 4 ? 1 : 4);
}

/** Goes elsewhere unless the address at X plus `at` is the one given. */
function match(
  program: Assembler,
  at: number,
  address: Words,
  otherwise: Label,
): void {
  for (const [i, word] of address.entries()) {
    program.add(OPERATION.LOAD_AT_X, at + 4 * i);
    program.unlessEqual(word, otherwise);
  }
}

/**
 * Jumps where the address at X plus `at` is among those given. Nodes have
 * hundreds: their last words, which differ most, make a tree.
 */
function matchAny(
  program: Assembler,
  at: number,
  addresses: readonly Words[],
  yes: Label,
): void {
  if (addresses.length === 0) return;
  const lastOf = (address: Words) => address.at(-1)!;
  const sorted = addresses.toSorted((a, b) => lastOf(a) - lastOf(b));
  const no = program.label();
  program.add(OPERATION.LOAD_AT_X, at + 4 * (sorted[0]!.length - 1));
  addTree(program, at, sorted, yes, no);
  program.place(no);
}

/** A has the last word. */
function addTree(
  program: Assembler,
  at: number,
  sorted: readonly Words[],
  yes: Label,
  no: Label,
): void {
  const middle = sorted.length >> 1;
  const first = sorted[0]!.at(-1)!;
  const pivot = sorted[middle]!.at(-1)!;
  // Addresses with the same last word stay together.
  const split = sorted.findIndex((address) => address.at(-1) === pivot);
  if (first === sorted.at(-1)!.at(-1)) {
    program.unlessEqual(first, no);
    for (const address of sorted) {
      const next = program.label();
      match(program, at, address.slice(0, -1), next);
      program.go(yes);
      program.place(next);
    }
    return program.go(no);
  }
  const cut = split > 0
    ? split
    : sorted.findIndex((address) => address.at(-1)! > pivot);
  const above = program.label();
  program.ifAbove(sorted[cut]!.at(-1)! - 1, above);
  addTree(program, at, sorted.slice(0, cut), yes, no);
  program.place(above);
  addTree(program, at, sorted.slice(cut), yes, no);
}
