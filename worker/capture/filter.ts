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
import { MAX_COOKED, SLL2_HEADER } from "./ring.ts";

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
const PROTOCOL = BESIDE;
const PACKET_TYPE = BESIDE + 4;
const INTERFACE = BESIDE + 8;
const HARDWARE = BESIDE + 28;

/** Where the cooked header has the same. */
const COOKED: ReadonlyMap<number, number> = new Map([
  [0, PROTOCOL],
  [4, INTERFACE],
  [8, HARDWARE],
  [10, PACKET_TYPE],
]);

/** Operations that are used here, and parts of an operation's code. */
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
const CLASS = 7;
const CLASSES = { LD: 0, LDX: 1 } as const;
const MODE = 0xe0;
const MODES = { ABSOLUTE: 0x20, INDIRECT: 0x40, HEADER_SIZE: 0xa0 } as const;

const OUTGOING = 4;
const ARPHRD_LOOPBACK = 772;

/** One instruction: its code, jumps if true and if false, and operand. */
type Instruction = readonly [
  code: number,
  yes: number,
  no: number,
  operand: number,
];

/** Bytes of an instruction. */
const INSTRUCTION = 8;

/** What a filter lets by. */
export interface FilterOptions {
  /** Indices of interfaces; `undefined` for all. */
  readonly interfaces: Iterable<number> | undefined;
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

/**
 * The whole program of a socket.
 *
 * What leaves by a loopback interface is left out, for it comes in again there.
 *
 * @throws BadExpression if it is too long
 */
export function toFilter(options: FilterOptions): Uint8Array<ArrayBuffer> {
  const own: Instruction[] = [
    [LOAD, 0, 0, PACKET_TYPE],
    [JUMP_EQUAL, 0, 3, OUTGOING],
    [LOAD, 0, 0, HARDWARE],
    [JUMP_EQUAL, 0, 1, ARPHRD_LOOPBACK],
    [RETURN, 0, 0, 0],
    ...(options.interfaces ? onlyOf([...options.interfaces]) : []),
  ];
  const accept: Instruction[] = [[RETURN, 0, 0, options.snapLength]];
  return join(encode(own), options.expression ?? encode(accept));
}

/** A program that lets nothing by. */
export function toClosedFilter(): Uint8Array<ArrayBuffer> {
  return encode([[RETURN, 0, 0, 0]]);
}

function onlyOf(interfaces: readonly number[]): Instruction[] {
  const count = Math.min(interfaces.length, MAX_NAMED);
  return [
    [LOAD, 0, 0, INTERFACE],
    ...interfaces.slice(0, count).map((index, i): Instruction => [
      JUMP_EQUAL,
      count - i, // over the others, and over the return
      0,
      index,
    ]),
    [RETURN, 0, 0, 0],
  ];
}

function encode(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(program.length * INSTRUCTION);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, yes, no, operand]] of program.entries()) {
    const at = i * INSTRUCTION;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, yes);
    view.setUint8(at + 3, no);
    view.setUint32(at + 4, operand, true);
  }
  return bytes;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  if (all.length > MAX_INSTRUCTIONS * INSTRUCTION) {
    throw new BadExpression(`it takes more than ${MAX_INSTRUCTIONS} steps`);
  }
  return all;
}
