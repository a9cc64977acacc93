/**
 * Compressed savefiles, unpacked while they are read.
 *
 * `node:zlib` unpacks either all of a file at once or by events; who reads
 * frames wants the next bytes, now, and of a file of any size. Between the two
 * stands `_processChunk`, which Node does not document but npm's own `tar`
 * lives on: it unpacks some bytes at once, and would then close what it used.
 */
import { Buffer } from "node:buffer";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { Damage } from "../../packet/format.ts";
import type { ByteSource } from "../../packet/savefile.ts";

/** Compressed bytes unpacked at a time; of damage they take less with them. */
const CHUNK = 4096;

/** Bytes that a chunk may become: what becomes more was made to. */
const MAX_UNPACKED = 64 * 1024 * 1024;

/** A way to compress that is known by a file's first bytes. */
interface Compression {
  readonly name: string;
  readonly magic: readonly number[];
  readonly open: () => unknown;
  /** How a chunk is to be unpacked that is not the last. */
  readonly goOn: number;
  readonly finish: number;
}

const options = { maxOutputLength: MAX_UNPACKED };

const COMPRESSIONS: readonly Compression[] = [
  {
    name: "gzip",
    magic: [0x1f, 0x8b],
    open: () => createGunzip(options),
    goOn: constants.Z_SYNC_FLUSH,
    finish: constants.Z_FINISH,
  },
  {
    name: "zstd",
    magic: [0x28, 0xb5, 0x2f, 0xfd],
    open: () => createZstdDecompress(options),
    goOn: constants.ZSTD_e_continue,
    finish: constants.ZSTD_e_end,
  },
];

/** Bytes that tell a compression. */
const MAGIC_SIZE = 4;

/** What of an unpacking stream is used here. */
interface Engine {
  _handle: { close: () => void };
  close: () => void;
  on: (event: string, listener: () => void) => void;
  removeAllListeners: (event: string) => void;
  _processChunk: (chunk: Uint8Array, flush: number) => Uint8Array;
}

/**
 * The bytes of a source, unpacked if it is compressed. Of what is damaged the
 * beginning is given; reading on then throws `Damage`.
 */
export function unpacked(source: ByteSource): ByteSource {
  const head = readHead(source);
  const whole = joined(head, source);
  const compression = COMPRESSIONS.find(({ magic }) =>
    magic.every((byte, at) => head[at] === byte)
  );
  return compression ? new Unpacking(whole, compression) : whole;
}

/** The first bytes, as many as tell; fewer if there are no more. */
function readHead(source: ByteSource): Uint8Array {
  const head = new Uint8Array(MAGIC_SIZE);
  let size = 0;
  while (size < MAGIC_SIZE) {
    const read = source.read(head.subarray(size));
    if (read === null) break;
    size += read;
  }
  return head.subarray(0, size);
}

function joined(head: Uint8Array, rest: ByteSource): ByteSource {
  let left = head;
  return {
    read(into) {
      if (left.length === 0) return rest.read(into);
      const size = Math.min(left.length, into.length);
      into.set(left.subarray(0, size));
      left = left.subarray(size);
      return size;
    },
  };
}

/** A source that unpacks another one. */
class Unpacking implements ByteSource {
  readonly #packed: ByteSource;
  readonly #compression: Compression;
  readonly #engine: Engine;
  readonly #chunk = new Uint8Array(CHUNK);
  /** Packed bytes read before the chunk. */
  #position = 0;
  /** What was unpacked and not yet read. */
  #left: Uint8Array = new Uint8Array(0);
  #isEnded = false;

  constructor(packed: ByteSource, compression: Compression) {
    this.#packed = packed;
    this.#compression = compression;
    this.#engine = compression.open() as Engine;
  }

  /** @throws Damage */
  read(into: Uint8Array): number | null {
    while (this.#left.length === 0) {
      if (this.#isEnded) return null;
      this.#unpackMore();
    }
    const size = Math.min(this.#left.length, into.length);
    into.set(this.#left.subarray(0, size));
    this.#left = this.#left.subarray(size);
    return size;
  }

  #unpackMore(): void {
    const { name, goOn, finish } = this.#compression;
    const size = this.#packed.read(this.#chunk);
    this.#isEnded = size === null;
    try {
      this.#left = size === null
        ? process(this.#engine, new Uint8Array(0), finish)
        : process(this.#engine, this.#chunk.subarray(0, size), goOn);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#isEnded = true;
      const what = size === null ? "that is cut off" : "that is damaged";
      throw new Damage(`${name} ${what}`, this.#position);
    }
    this.#position += size ?? 0;
  }
}

/** Unpacks a chunk; the engine stays open. */
function process(
  engine: Engine,
  chunk: Uint8Array,
  flush: number,
): Uint8Array {
  const { _handle: handle, close } = engine;
  const closeHandle = handle.close;
  handle.close = engine.close = () => {};
  try {
    return engine._processChunk(Buffer.from(chunk), flush);
  } finally {
    engine._handle = handle;
    engine.close = close;
    handle.close = closeHandle;
    // One more is added each time; an error is also told when it was thrown.
    engine.removeAllListeners("error");
    engine.on("error", () => {});
  }
}
