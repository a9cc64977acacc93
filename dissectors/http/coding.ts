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

/**
 * How many times larger than on the wire a body may become, beside
 * {@link SMALL_BODY}. Pages grow tenfold, and what is made to grow without end
 * must not hold up all others.
 */
const MAX_EXPANSION = 256;

/** Bytes that any body may become. */
const SMALL_BODY = 16 * 1024;

/** Bodies of one direction that became too large, until no more are tried. */
const MAX_OVERGROWN = 8;

/**
 * How many more bodies of one direction may be broken than are not, until no
 * more are tried: to refuse one takes ten times as long as to read its head.
 */
const MAX_BROKEN = 128;

/** How much more the codings of one body may give. */
class Room {
  left: number;
  isExceeded = false;
  /** Whether a decompressor was run, which takes its time. */
  isTried = false;

  /** @param size bytes of the coded body */
  constructor(size: number) {
    this.left = Math.min(MAX_BODY, SMALL_BODY + MAX_EXPANSION * size);
  }
}

/** Members of a gzip body, or frames of a zstd body, however large it is. */
const MAX_MEMBERS = 64;

/** How many of them it may have, for each takes its time. */
function mostMembers(bytes: Uint8Array): number {
  return Math.min(MAX_MEMBERS, 4 + (bytes.length >> 10));
}

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
  const { tally } = body;
  const isHostile = tally.overgrown >= MAX_OVERGROWN ||
    tally.broken >= MAX_BROKEN;
  if (isCut || isHostile || codings.length > MAX_CODINGS) {
    return { bytes: body.bytes, size, coding: codings.at(-1) };
  }
  let bytes = body.bytes;
  // Of all codings together: else each would multiply what the others made.
  const room = new Room(bytes.length);
  for (let i = codings.length - 1; i >= 0; i--) {
    const coding = codings[i]!;
    const undone = undo(coding, bytes, body.isWhole, room);
    if (!undone) {
      if (room.isExceeded) tally.overgrown++;
      else if (room.isTried) tally.broken++;
      return { bytes, size: body.isWhole ? bytes.length : undefined, coding };
    }
    bytes = undone;
  }
  if (room.isTried && tally.broken > 0) tally.broken--;
  return { bytes, size: body.isWhole ? bytes.length : undefined };
}

/** What was coded, or `undefined` if that cannot be found out. */
function undo(
  coding: string,
  bytes: Uint8Array,
  isWhole: boolean,
  room: Room,
): Uint8Array | undefined {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return gunzip(bytes, isWhole, room);
    case "deflate":
      return inflate(bytes, isWhole, room);
    case "br":
      return unbrotli(bytes, isWhole, room);
    case "zstd":
      return unzstd(bytes, isWhole, room);
    default:
      return undefined;
  }
}

/** RFC 1952 §2.2: members one after another are one body. */
function gunzip(
  bytes: Uint8Array,
  isWhole: boolean,
  room: Room,
): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  for (let at = 0;;) {
    const data = gzipDataAt(bytes, at);
    // What follows a member and is none is nobody's business.
    if (data < 0) break;
    if (parts.length === mostMembers(bytes)) return undefined;
    const part = run(inflateRawSync, bytes.subarray(data), room, {
      ...(isWhole ? {} : { finishFlush: constants.Z_SYNC_FLUSH }),
    });
    if (!part) return undefined;
    parts.push(part.bytes);
    at = data + part.consumed + 8;
    if (at >= bytes.length) break;
  }
  if (parts.length === 0 && isWhole) return undefined;
  return joined(parts);
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
function inflate(
  bytes: Uint8Array,
  isWhole: boolean,
  room: Room,
): Uint8Array | undefined {
  const decompress = isZlib(bytes) ? inflateSync : inflateRawSync;
  const options = isWhole ? {} : { finishFlush: constants.Z_SYNC_FLUSH };
  return run(decompress, bytes, room, options)?.bytes;
}

/**
 * Whether bytes begin as zlib does (RFC 1950 §2.2): compression method 8, and
 * a check of five bits. What is inside begins so only in a block that is not
 * compressed, and only if bits are set there that nobody sets.
 */
function isZlib([method = 0, flags = 0]: Uint8Array): boolean {
  return (method & 0xf) === 8 && (method << 8 | flags) % 31 === 0;
}

function unbrotli(
  bytes: Uint8Array,
  isWhole: boolean,
  room: Room,
): Uint8Array | undefined {
  const input = withOneMore(bytes);
  narrowWindow(input, room.left);
  if (!isWhole) {
    return run(brotliDecompressSync, input.subarray(0, -1), room)?.bytes;
  }
  // A stream that ends where the body does leaves one byte more alone; one
  // that is broken stops before, one that is cut would go on.
  const result = run(brotliDecompressSync, input, room);
  return result?.consumed === bytes.length ? result.bytes : undefined;
}

/** The least window that four bits can tell of, as a power of two. */
const MIN_WINDOW = 18;

/** Bytes by which less than a window can be pointed back (RFC 7932 §2). */
const RESERVED = 16;

/**
 * Makes the window of a brotli stream as small as `most` bytes allow: as long
 * as it becomes no larger, it becomes the same.
 *
 * A decoder gives nothing before its window is full. With that of its choice,
 * a stream of thirty bytes costs the work of 16 MiB, whatever is taken of it.
 */
function narrowWindow(stream: Uint8Array, most: number): void {
  const first = stream[0]!;
  // The sizes from 2^18 on are told by a one and three bits (RFC 7932 §9.1).
  const window = (first & 1) === 0 ? 0 : 17 + (first >> 1 & 7);
  const needed = Math.max(MIN_WINDOW, Math.ceil(Math.log2(most + RESERVED)));
  if (window > needed) stream[0] = first & 0xf1 | needed - 17 << 1;
}

/** RFC 8878 §3: frames one after another are one body. */
function unzstd(
  bytes: Uint8Array,
  isWhole: boolean,
  room: Room,
): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    if (parts.length === mostMembers(bytes)) return undefined;
    const rest = bytes.subarray(at);
    if (isWhole && !isZstd(rest)) return undefined;
    const input = isWhole ? withOneMore(rest) : rest;
    const part = run(zstdDecompressSync, input, room, {
      params: { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW },
    });
    if (!part || part.consumed === 0) return undefined;
    if (isWhole && part.consumed > rest.length) return undefined;
    parts.push(part.bytes);
    at += part.consumed;
  }
  return joined(parts);
}

/** Whether a frame begins there, or one to be skipped (RFC 8878 §3.1). */
function isZstd([a = 0, b, c, d]: Uint8Array): boolean {
  return a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd ||
    a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18;
}

/** What of the many options is used here. */
interface Options {
  readonly finishFlush?: number;
  readonly chunkSize?: number;
  readonly maxOutputLength?: number;
  readonly params?: { readonly [parameter: number]: number };
  readonly info?: boolean;
}

/** A function of node:zlib, as it is called here. */
type Decompress = (input: InputType, options?: Options) => unknown;

/** Bytes that a decompressor gives at a time: the least, and the most. */
const MIN_CHUNK = 4096, MAX_CHUNK = 64 * 1024;

/**
 * Runs a decompressor within bounds.
 *
 * @returns what it gave and how much input it took; `undefined` if that was
 *   broken or gave too much
 */
function run(
  decompress: Decompress,
  bytes: Uint8Array,
  room: Room,
  options?: Options,
): { bytes: Uint8Array; consumed: number } | undefined {
  room.isTried = true;
  const { stackTraceLimit } = Error;
  try {
    // Nobody sees where a refusal came from, and to find that out takes four
    // times as long as the refusal.
    Error.stackTraceLimit = 0;
    // With `info` the engine comes along, which the types do not know.
    const { buffer, engine } = decompress(bytes, {
      ...options,
      maxOutputLength: Math.max(1, room.left),
      chunkSize: Math.min(Math.max(MIN_CHUNK, 8 * bytes.length), MAX_CHUNK),
      info: true,
    }) as { buffer: Uint8Array; engine: { bytesWritten: number } };
    room.left -= buffer.length;
    return { bytes: buffer, consumed: engine.bytesWritten };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    room.isExceeded ||= error.code === "ERR_BUFFER_TOO_LARGE";
    return undefined;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Whether a decompressor did not like its input, or gave too much. */
function isRefusal(error: unknown): error is Error & { code?: string } {
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

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
