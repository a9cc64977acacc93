/**
 * What the kernel lets into the ring: a classic BPF program, made of our own
 * tests and the user's expression.
 *
 * Our socket sees packets without their link header, so an expression is
 * compiled for cooked packets (SLL2) and then moved to where things are, as
 * libpcap does for its own cooked captures (`fix_program` in `pcap-linux.c`):
 * fields of the cooked header become what the kernel tells beside the packet.
 */
import {
  BadExpression,
  compileExpression,
  MAX_INSTRUCTIONS,
} from "../ffi/libpcap.ts";
import { Assembler, INSTRUCTION, type Label, OPERATION } from "./assembler.ts";
import { addEnds } from "./ends_filter.ts";
import type { OwnPort } from "./own_traffic.ts";
import { MAX_COOKED, SLL2_HEADER } from "./ring.ts";
import type { TargetSet } from "./targets.ts";

/**
 * Bytes of a packet that are kept: with its cooked header it then has no more
 * than the 262,144 that tcpdump and Wireshark accept in a savefile.
 */
export const SNAP_LENGTH: number = 262_144 - MAX_COOKED;

/** LINKTYPE_LINUX_SLL2, which is its DLT_ as well. */
const DLT_LINUX_SLL2 = 276;

/** Interfaces that can be named. */
export const MAX_NAMED = 64;

/** What the kernel tells beside a packet (`SKF_AD_OFF` and what is added). */
const BESIDE = 0xffff_f000;
export const PROTOCOL: number = BESIDE;
export const PACKET_TYPE: number = BESIDE + 4;
const INTERFACE = BESIDE + 8;
export const HARDWARE: number = BESIDE + 28;

/** Where the cooked header has the same. */
const COOKED: ReadonlyMap<number, number> = new Map([
  [0, PROTOCOL],
  [4, INTERFACE],
  [8, HARDWARE],
  [10, PACKET_TYPE],
]);

/** Parts of an operation's code. */
const CLASS = 7;
const CLASSES = { LD: 0, LDX: 1 } as const;
const MODE = 0xe0;
const MODES = { ABSOLUTE: 0x20, INDIRECT: 0x40, HEADER_SIZE: 0xa0 } as const;

/** Of {@link PACKET_TYPE}, and of {@link HARDWARE} (`ARPHRD_LOOPBACK`). */
export const OUTGOING = 4;
export const LOOPBACK = 772;

/** What a filter lets by. */
export interface FilterOptions {
  /** Indices of interfaces; `undefined` for all. */
  readonly interfaces: Iterable<number> | undefined;
  /** What is ours, and left out. */
  readonly own?: readonly OwnPort[] | undefined;
  /** Ends of which packets alone are let by; `undefined` for all. */
  readonly targets?: TargetSet | undefined;
  /** What {@link compileFilter} gave for an expression. */
  readonly expression?: Uint8Array | undefined;
  /** Bytes that are kept of a packet. */
  readonly snapLength: number;
}

/**
 * Compiles an expression of `pcap-filter(7)`.
 *
 * @returns a program for {@link toFilter}, whose snap length it has to have
 * @throws BadExpression, NoLibrary
 */
export function compileFilter(
  expression: string,
  snapLength: number,
): Uint8Array {
  const program = compileExpression(expression, DLT_LINUX_SLL2, snapLength);
  const view = new DataView(program.buffer);
  for (let at = 0; at < program.length; at += INSTRUCTION) {
    const code = view.getUint16(at, true);
    if (!loadsFromPacket(code)) continue;
    view.setUint32(at + 4, toBare(view.getUint32(at + 4, true)), true);
  }
  return program;
}

function loadsFromPacket(code: number): boolean {
  const kind = code & CLASS;
  const mode = code & MODE;
  return (kind === CLASSES.LD || kind === CLASSES.LDX) &&
    (mode === MODES.ABSOLUTE || mode === MODES.INDIRECT ||
      mode === MODES.HEADER_SIZE);
}

/** Where something of a cooked packet is, as the kernel's filter sees it. */
function toBare(offset: number): number {
  if (offset >= BESIDE) return offset;
  if (offset >= SLL2_HEADER) return offset - SLL2_HEADER;
  const beside = COOKED.get(offset);
  if (beside !== undefined) return beside;
  throw new BadExpression(
    "it asks for a part of the link header that is not there on all interfaces",
  );
}

/** A program for the kernel. */
export interface KernelFilter {
  readonly program: Uint8Array<ArrayBuffer>;
  /** Whether it tells targets exactly; if not, others are let by with them. */
  readonly isExact: boolean;
}

/**
 * Ranges of targets' addresses that are told apart, as many as there is room
 * for: some 1,400 of IPv4.
 */
const PRECISIONS = [1400, 1200, 1000, 800, 500, 250, 100, 16] as const;

/**
 * The whole program of a socket.
 *
 * What leaves by a loopback interface is left out, for it comes in again there.
 *
 * @throws BadExpression if it is too long, however few targets it told apart
 */
export function toFilter(options: FilterOptions): KernelFilter {
  for (const precision of PRECISIONS) {
    const filter = toFilterOf(options, precision);
    if (fits(filter.program)) return filter;
    if (!options.targets) break;
  }
  throw tooLong();
}

function toFilterOf(options: FilterOptions, precision: number): KernelFilter {
  const program = new Assembler();
  const [other, own, refused] = labels(program);
  addChoice(program, options, refused);
  const wanted = { ...options, precision };
  const isExact = addEnds(program, wanted, { own, refused, other });
  program.place(own);
  program.place(refused);
  program.give(0);
  program.place(other);
  if (!options.expression) program.give(options.snapLength);
  return { program: join(program.encode(), options.expression), isExact };
}

/**
 * The program of a socket that lets by what {@link toFilter} leaves out for
 * being ours, and nothing else.
 *
 * @throws BadExpression if it is too long
 */
export function toOwnFilter(options: FilterOptions): Uint8Array<ArrayBuffer> {
  const program = new Assembler();
  const [other, own, refused] = labels(program);
  const { targets: _, ...all } = options;
  addChoice(program, all, refused);
  addEnds(program, all, { own, refused, other });
  program.place(other);
  program.place(refused);
  program.give(0);
  program.place(own);
  program.give(1);
  const encoded = program.encode();
  if (!fits(encoded)) throw tooLong();
  return encoded;
}

/** A program that lets nothing by. */
export function toClosedFilter(): Uint8Array<ArrayBuffer> {
  const program = new Assembler();
  program.give(0);
  return program.encode();
}

function labels(program: Assembler): [Label, Label, Label] {
  return [program.label(), program.label(), program.label()];
}

/** Tests what the kernel says beside a packet. */
function addChoice(
  program: Assembler,
  { interfaces }: FilterOptions,
  refused: Label,
): void {
  const comesIn = program.label();
  program.add(OPERATION.LOAD, PACKET_TYPE);
  program.unlessEqual(OUTGOING, comesIn);
  program.add(OPERATION.LOAD, HARDWARE);
  program.ifEqual(LOOPBACK, refused);
  program.place(comesIn);
  if (!interfaces) return;
  const chosen = program.label();
  program.add(OPERATION.LOAD, INTERFACE);
  for (const index of [...interfaces].slice(0, MAX_NAMED)) {
    program.ifEqual(index, chosen);
  }
  program.go(refused);
  program.place(chosen);
}

function join(
  first: Uint8Array<ArrayBuffer>,
  second: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

function fits(program: Uint8Array): boolean {
  return program.length <= MAX_INSTRUCTIONS * INSTRUCTION;
}

function tooLong(): BadExpression {
  return new BadExpression(`it takes more than ${MAX_INSTRUCTIONS} steps`);
}
