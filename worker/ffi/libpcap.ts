/** libpcap, where it is installed: compiles filter expressions. */
import { NoLibrary, openLibrary } from "./libc.ts";

const SYMBOLS = {
  pcap_open_dead: { parameters: ["i32", "i32"], result: "pointer" },
  pcap_compile: {
    parameters: ["pointer", "buffer", "buffer", "i32", "u32"],
    result: "i32",
  },
  pcap_freecode: { parameters: ["buffer"], result: "void" },
  pcap_geterr: { parameters: ["pointer"], result: "pointer" },
  pcap_close: { parameters: ["pointer"], result: "void" },
} as const;

/** Debian's name, everybody else's, and macOS's. */
const NAMES: readonly string[] = [
  "libpcap.so.1",
  "libpcap.so.0.8",
  "libpcap.A.dylib",
];

const NETMASK_UNKNOWN = 0xffff_ffff;

/** Bytes of `struct bpf_program`, and of each of its instructions. */
const PROGRAM = 16;
const INSTRUCTION = 8;

/** Instructions that the kernel takes (`BPF_MAXINSNS`). */
export const MAX_INSTRUCTIONS = 4096;

/** An expression that libpcap refuses; the message is libpcap's own. */
export class BadExpression extends Error {
  override name = "BadExpression";
}

/**
 * Compiles an expression of `pcap-filter(7)` to a classic BPF program.
 *
 * @param linkType DLT_ number of what packets begin with
 * @param snapLength what the program gives for a packet that it accepts
 * @returns its instructions, eight bytes each
 * @throws BadExpression, NoLibrary
 */
export function compileExpression(
  expression: string,
  linkType: number,
  snapLength: number,
): Uint8Array {
  const { symbols } = openLibrary(NAMES, SYMBOLS);
  const handle = symbols.pcap_open_dead(linkType, snapLength);
  if (!handle) {
    throw new NoLibrary("This libpcap does not know cooked packets", undefined);
  }
  try {
    if (expression.includes("\0")) {
      throw new BadExpression("it contains a NUL character");
    }
    const text = new TextEncoder().encode(expression + "\0");
    const program = new Uint8Array(PROGRAM);
    const failed = symbols.pcap_compile(
      handle,
      program,
      text,
      1,
      NETMASK_UNKNOWN,
    );
    if (failed) {
      const said = symbols.pcap_geterr(handle)!;
      throw new BadExpression(Deno.UnsafePointerView.getCString(said));
    }
    const bytes = readProgram(program);
    symbols.pcap_freecode(program);
    return bytes;
  } finally {
    symbols.pcap_close(handle);
  }
}

/** Copies the instructions that a `struct bpf_program` points to. */
function readProgram(program: Uint8Array<ArrayBuffer>): Uint8Array {
  const view = new DataView(program.buffer);
  const count = view.getUint32(0, true);
  if (count > MAX_INSTRUCTIONS) {
    throw new BadExpression(`it takes more than ${MAX_INSTRUCTIONS} steps`);
  }
  const address = view.getBigUint64(8, true);
  const bytes = new Uint8Array(count * INSTRUCTION);
  Deno.UnsafePointerView.copyInto(Deno.UnsafePointer.create(address)!, bytes);
  return bytes;
}
