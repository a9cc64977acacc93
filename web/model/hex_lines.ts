/** Bytes as lines of hexadecimal digits and letters. */

/** Bytes in one line. */
export const BYTES_PER_LINE = 16;

/** One line, in parts. */
export interface HexLine {
  /** Place of its first byte, in hexadecimal. */
  readonly offset: string;
  /** Pairs of digits, in two groups of eight. */
  readonly groups: readonly string[];
  /** Printable ASCII; a dot stands for the rest. */
  readonly letters: string;
}

/** How many lines there are. */
export function hexLineCount(bytes: Uint8Array): number {
  return Math.ceil(bytes.length / BYTES_PER_LINE);
}

/** One of them. */
export function hexLine(bytes: Uint8Array, at: number): HexLine {
  const from = at * BYTES_PER_LINE;
  const line = [...bytes.subarray(from, from + BYTES_PER_LINE)];
  const pairs = line.map((byte) => byte.toString(16).padStart(2, "0"));
  return {
    offset: from.toString(16).padStart(8, "0"),
    groups: [pairs.slice(0, 8).join(" "), pairs.slice(8).join(" ")],
    letters: line.map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."
    ).join(""),
  };
}
