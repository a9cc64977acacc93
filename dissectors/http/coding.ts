/**
 * Undoes content and transfer codings (RFC 9110 §8.4, RFC 9112 §7).
 *
 * Whole bodies are undone strictly, and as browsers do: a gzip member's
 * checksum and what follows the last member are not looked at, and `deflate`
 * may lack its zlib header. Of a body that was not captured whole the
 * beginning is undone as far as it goes.
 */
import {
  brotliDecompressSync,
  constants,
  inflateRawSync,
  inflateSync,
  type InputType,
  zstdDecompressSync,
} from "node:zlib";
import { type Body, MAX_BODY } from "./body.ts";

/** Codings on top of each other; nobody needs more than two. */
const MAX_CODINGS = 4;

/** Members of a gzip body, or frames of a zstd body. */
const MAX_MEMBERS = 64;

/** Largest window of zstd, as a power of two (RFC 9659 §3). */
const MAX_ZSTD_WINDOW = 23;

/** A body with its codings undone, as far as that went. */
export interface Content {
  readonly bytes: Uint8Array;
  /** Absent where the body did not end or its size cannot be known. */
  readonly size?: number | undefined;
  /** The coding that it still has, for it is unknown, broken or too large. */
  readonly coding?: string | undefined;
}

/** @param codings in lower case, in the order in which they were applied */
export function decode(body: Body, codings: readonly string[]): Content {
  const size = body.isEnded ? body.size : undefined;
  if (codings.length === 0 || body.size === 0) {
    return { bytes: body.bytes, size };
  }
  const isCut = body.isEnded && !body.hasGap && !body.isWhole;
  if (isCut || codings.length > MAX_CODINGS) {
    return { bytes: body.bytes, size, coding: codings.at(-1) };
  }
  let bytes = body.bytes;
  for (let i = codings.length - 1; i >= 0; i--) {
    const coding = codings[i]!;
    const undone = undo(coding, bytes, body.isWhole);
    if (!undone) {
      return { bytes, size: body.isWhole ? bytes.length : undefined, coding };
    }
    bytes = undone;
  }
  return { bytes, size: body.isWhole ? bytes.length : undefined };
}

/** What was coded, or `undefined` if that cannot be found out. */
function undo(
  coding: string,
  bytes: Uint8Array,
  isWhole: boolean,
): Uint8Array | undefined {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return gunzip(bytes, isWhole);
    case "deflate":
      return inflate(bytes, isWhole);
    case "br":
      return unbrotli(bytes, isWhole);
    case "zstd":
      return unzstd(bytes, isWhole);
    default:
      return undefined;
  }
}

/** RFC 1952 §2.2: members one after another are one body. */
function gunzip(bytes: Uint8Array, isWhole: boolean): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let at = 0; parts.length < MAX_MEMBERS;) {
    const data = gzipDataAt(bytes, at);
    // What follows a member and is none is nobody's business.
    if (data < 0) break;
    const part = run(inflateRawSync, bytes.subarray(data), {
      ...(isWhole ? {} : { finishFlush: constants.Z_SYNC_FLUSH }),
      maxOutputLength: Math.max(1, MAX_BODY - total),
    });
    if (!part) return undefined;
    parts.push(part.bytes);
    total += part.bytes.length;
    at = data + part.consumed + 8;
    if (at >= bytes.length) break;
  }
  if (parts.length === 0 && isWhole) return undefined;
  return joined(parts, total);
}

/** Where a gzip member's compressed data begins (RFC 1952 §2.3), or -1. */
function gzipDataAt(bytes: Uint8Array, at: number): number {
  const isMember = bytes[at] === 0x1f && bytes[at + 1] === 0x8b &&
    bytes[at + 2] === 8;
  if (!isMember) return -1;
  const flags = bytes[at + 3] ?? 0;
  at += 10;
  if (flags & 4) at += 2 + ((bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8);
  // Its name and its comment end with a zero.
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    at = bytes.indexOf(0, at) + 1;
    if (at === 0) return -1;
  }
  if (flags & 2) at += 2;
  return at <= bytes.length ? at : -1;
}

/** `deflate` means zlib, and some servers send what is inside of it alone. */
function inflate(bytes: Uint8Array, isWhole: boolean): Uint8Array | undefined {
  const options = isWhole ? {} : { finishFlush: constants.Z_SYNC_FLUSH };
  return (run(inflateSync, bytes, options) ??
    run(inflateRawSync, bytes, options))?.bytes;
}

function unbrotli(bytes: Uint8Array, isWhole: boolean): Uint8Array | undefined {
  if (!isWhole) return run(brotliDecompressSync, bytes)?.bytes;
  // A stream that ends where the body does leaves one byte more alone; one
  // that is broken stops before, one that is cut would go on.
  const result = run(brotliDecompressSync, withOneMore(bytes));
  return result?.consumed === bytes.length ? result.bytes : undefined;
}

/** RFC 8878 §3: frames one after another are one body. */
function unzstd(bytes: Uint8Array, isWhole: boolean): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let at = 0; at < bytes.length;) {
    if (parts.length === MAX_MEMBERS) return undefined;
    const rest = bytes.subarray(at);
    const part = run(zstdDecompressSync, isWhole ? withOneMore(rest) : rest, {
      maxOutputLength: Math.max(1, MAX_BODY - total),
      params: { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW },
    });
    if (!part || part.consumed === 0) return undefined;
    if (isWhole && part.consumed > rest.length) return undefined;
    parts.push(part.bytes);
    total += part.bytes.length;
    at += part.consumed;
  }
  return joined(parts, total);
}

/** What of the many options is used here. */
interface Options {
  readonly finishFlush?: number;
  readonly maxOutputLength?: number;
  readonly params?: { readonly [parameter: number]: number };
  readonly info?: boolean;
}

/** A function of node:zlib, as it is called here. */
type Decompress = (input: InputType, options?: Options) => unknown;

/**
 * Runs a decompressor within bounds.
 *
 * @returns what it gave and how much input it took; `undefined` if that was
 *   broken or gave too much
 */
function run(
  decompress: Decompress,
  bytes: Uint8Array,
  options?: Options,
): { bytes: Uint8Array; consumed: number } | undefined {
  try {
    // With `info` the engine comes along, which the types do not know.
    const { buffer, engine } = decompress(bytes, {
      maxOutputLength: MAX_BODY,
      ...options,
      info: true,
    }) as { buffer: Uint8Array; engine: { bytesWritten: number } };
    return { bytes: buffer, consumed: engine.bytesWritten };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return undefined;
  }
}

/** Whether a decompressor did not like its input, or gave too much. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  // Deno's zstd gives no code.
  return /^(Z_|ZSTD_|ERR_BUFFER_TOO_LARGE)/.test(code) ||
    error.message.startsWith("Zstd");
}

function withOneMore(bytes: Uint8Array): Uint8Array {
  const more = new Uint8Array(bytes.length + 1);
  more.set(bytes);
  return more;
}

function joined(parts: readonly Uint8Array[], total: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
