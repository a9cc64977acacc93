/**
 * The part of the kernel's filter that looks at a packet's two ends: those of
 * the innermost packet, where VXLAN carries it between nodes.
 *
 * A load behind a packet's end would end the program, and so refuse the packet:
 * lengths are tested before.
 */
import { type Assembler, type Label, OPERATION } from "./assembler.ts";
import type { OwnPort, Words } from "./own_traffic.ts";
import { joinNearest, type Range, toRanges } from "./ranges.ts";
import {
  FRAGMENT_OFFSET,
  type Layout,
  LAYOUTS,
  PLAIN_IPV4,
  type PortedAddress,
  type TargetSet,
  VXLAN_HEADERS,
  VXLAN_PORTS,
  WITH_PORTS,
} from "./targets.ts";

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
  readonly targets?: TargetSet | undefined;
  /** Ranges of targets' addresses that are told apart; without bound. */
  readonly precision?: number | undefined;
}

const { TCP, UDP, SCTP } = WITH_PORTS;

const ETHERTYPE = { IPV4: 0x0800, IPV6: 0x86dd } as const;

/** Bytes of a transport's header that have the ports. */
const PORTS = 4;

/**
 * Beginnings of IPv6 addresses that are told apart: those of a node's pods
 * have one or two.
 */
const MAX_PREFIXES = 16;

/** Ports of some addresses that are told apart: those of a node's own pods. */
const MAX_PORTED = 256;

/** Ranges that are tested one after the other; more are halved first. */
const MAX_RUN = 8;

/** Where X is kept while it is elsewhere. */
const INNERMOST = 0;

/**
 * Tests a packet's ends; the program goes on at one of the outcomes.
 *
 * @returns whether it tells all targets exactly; if not, it takes some others
 *   for targets too
 */
export function addEnds(
  program: Assembler,
  wanted: WantedEnds,
  outcomes: Outcomes,
): boolean {
  const { own = [], targets, precision = Infinity } = wanted;
  const rest = targets ? outcomes.refused : outcomes.other;
  if (own.length === 0 && !targets) {
    program.go(outcomes.other);
    return true;
  }
  findInnermost(program, rest);
  let isExact = true;
  for (const layout of LAYOUTS) {
    const next = program.label();
    program.add(OPERATION.LOAD_BYTE_AT_X, 0);
    program.add(OPERATION.AND, 0xf0);
    program.unlessEqual(layout.version << 4, next);
    addOwn(program, layout, own, outcomes.own);
    if (targets) {
      const isTold = addTargets(program, layout, targets, precision, outcomes);
      isExact &&= isTold;
    }
    program.go(rest);
    program.place(next);
  }
  program.go(rest);
  return isExact;
}

/** Jumps where one end is a target's; says whether it is told exactly. */
function addTargets(
  program: Assembler,
  layout: Layout,
  { addresses, ported }: TargetSet,
  precision: number,
  { other, refused }: Outcomes,
): boolean {
  const ofLayout = (address: Words) => isOf(layout, address.length);
  const all = ported.filter(({ address }) => ofLayout(address));
  const ports = all.reduce((sum, { ports }) => sum + ports.length, 0);
  const hasRoom = ports <= MAX_PORTED;
  const some = hasRoom ? all : [];
  const whole = [
    ...addresses.filter(ofLayout),
    ...hasRoom ? [] : all.map(({ address }) => address),
  ];
  if (whole.length + some.length === 0) return true;
  program.add(OPERATION.LOAD_LENGTH);
  program.add(OPERATION.SUBTRACT_X);
  program.ifBelow(layout.transport, refused);
  const { groups, isExact } = toGroups(whole, precision);
  matchAny(program, layout.src, groups, other);
  matchAny(program, layout.dst, groups, other);
  if (some.length > 0) addPorted(program, layout, some, { other, refused });
  return isExact && hasRoom;
}

/** Tests what is left for some ports of some addresses. */
function addPorted(
  program: Assembler,
  layout: Layout,
  ported: readonly PortedAddress[],
  { other, refused }: Pick<Outcomes, "other" | "refused">,
): void {
  const hasPorts = program.label();
  program.add(OPERATION.LOAD_BYTE_AT_X, layout.protocol);
  for (const protocol of [TCP, UDP, SCTP]) program.ifEqual(protocol, hasPorts);
  program.go(refused);
  program.place(hasPorts);
  if (layout.version === 4) {
    // Nobody can tell whose a later fragment is.
    program.add(OPERATION.LOAD_HALF_AT_X, 6);
    program.ifAnyBit(FRAGMENT_OFFSET, refused);
  }
  program.add(OPERATION.KEEP_X, INNERMOST);
  const ends = [{ at: layout.src, port: 0 }, { at: layout.dst, port: 2 }];
  for (const { at, port } of ends) {
    for (const { address, ports } of ported) {
      const next = program.label();
      const otherPort = program.label();
      match(program, at, address, next);
      loadPort(program, layout, port);
      addSet(program, toRanges(ports), other, otherPort);
      program.place(otherPort);
      program.add(OPERATION.RECALL_X, INNERMOST);
      program.place(next);
    }
  }
}

/**
 * Loads a port, behind whatever options there are; X is elsewhere then. A
 * packet that was cut before its ports ends the program, and is refused.
 */
function loadPort(program: Assembler, layout: Layout, port: number): void {
  if (layout.version === 6) {
    return program.add(OPERATION.LOAD_HALF_AT_X, layout.transport + port);
  }
  program.add(OPERATION.LOAD_BYTE_AT_X, 0);
  program.add(OPERATION.AND, 0x0f);
  program.add(OPERATION.SHIFT_LEFT, 2);
  program.add(OPERATION.ADD_X);
  program.add(OPERATION.A_TO_X);
  program.add(OPERATION.LOAD_HALF_AT_X, port);
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
      const { groups } = toGroups(listening, Infinity, Infinity);
      matchAny(program, here, groups, yes);
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

/** Addresses that differ in their last word alone. */
interface Group {
  /** The words before; none where any will do. */
  readonly prefix: Words;
  /** Where in an address the last word is. */
  readonly lastAt: number;
  readonly last: readonly Range[];
}

/**
 * Addresses of one IP version in groups.
 *
 * @param precision ranges at most
 * @param prefixes at most; of more none is looked at
 */
function toGroups(
  addresses: readonly Words[],
  precision: number,
  prefixes: number = MAX_PREFIXES,
): { readonly groups: readonly Group[]; readonly isExact: boolean } {
  const byPrefix = Map.groupBy(
    addresses,
    (address) => address.slice(0, -1).join(" "),
  );
  const isTold = byPrefix.size <= prefixes;
  let isExact = isTold;
  const all = isTold ? [...byPrefix.values()] : [addresses];
  const groups = all.map((group): Group => {
    const exact = toRanges(group.map((address) => address.at(-1)!));
    const share = Math.floor(precision * group.length / addresses.length);
    const last = joinNearest(exact, share);
    if (last.length < exact.length) isExact = false;
    const prefix = group[0]!.slice(0, -1);
    return { prefix: isTold ? prefix : [], lastAt: 4 * prefix.length, last };
  });
  return { groups, isExact };
}

/** Jumps where the address at X plus `at` is in one of the groups. */
function matchAny(
  program: Assembler,
  at: number,
  groups: readonly Group[],
  yes: Label,
): void {
  for (const { prefix, lastAt, last } of groups) {
    const next = program.label();
    match(program, at, prefix, next);
    program.add(OPERATION.LOAD_AT_X, at + lastAt);
    addSet(program, last, yes, next);
    program.place(next);
  }
}

/** Goes on by whether A is in one of the ranges, the least of which is first. */
function addSet(
  program: Assembler,
  ranges: readonly Range[],
  yes: Label,
  no: Label,
): void {
  if (ranges.length > MAX_RUN) {
    const middle = ranges.length >> 1;
    const above = program.label();
    program.ifAtLeast(ranges[middle]!.first, above);
    addSet(program, ranges.slice(0, middle), yes, no);
    program.place(above);
    return addSet(program, ranges.slice(middle), yes, no);
  }
  // What is far is gone to from nearby: a test reaches no further.
  const [hit, miss] = [program.label(), program.label()];
  for (const { first, last } of ranges) {
    if (first === last) program.ifEqual(first, hit);
    else {
      program.ifBelow(first, miss);
      program.ifAtMost(last, hit);
    }
  }
  program.place(miss);
  program.go(no);
  program.place(hit);
  program.go(yes);
}
