/**
 * A shard's message table: what dissections found in it, `N.msg`.
 *
 * This is the container alone: named columns of numbers and dictionaries of
 * texts, under a key that says what they depend on. It is a cache. Whoever
 * finds it missing, damaged or under another key dissects again, and puts a
 * new one in its place whole.
 *
 * A directory stands first, so that a query reads only the columns it wants.
 * Columns begin at multiples of eight bytes and are little endian, as every
 * machine is that Deno runs on, so that they need no conversion.
 */
import {
  ByteReader,
  ByteWriter,
  Damaged,
  MAX_NAME,
  toChecksum,
} from "./encoding.ts";
import type { StoredFile } from "./folder.ts";

/** Numbers of one column, by row. */
export type NumberColumn =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int32Array
  | Float64Array;

/** One column: numbers, or the texts that numbers of another refer to. */
export type Column = NumberColumn | readonly string[];

/** Columns by name. */
export type Columns = { readonly [name: string]: Column };

/** `THRSHMSG`, read as two little endian words. */
const MAGIC = [0x53524854, 0x47534d48] as const;

const VERSION = 1;

/** Magic, version, size and checksum of the directory; a multiple of 8. */
const FILE_HEADER = 24;

/** Bytes of the directory. */
const MAX_DIRECTORY = 1024 * 1024;

/** Bytes of one column. */
const MAX_COLUMN = 512 * 1024 * 1024;

/** How columns are numbered in files. Texts are ends, then UTF-8. */
const TYPE = { U8: 1, U16: 2, U32: 3, I32: 4, F64: 5, TEXTS: 6 } as const;

/**
 * A whole file.
 *
 * @param key what the columns depend on, such as the versions of dissectors
 */
export function encodeMessageTable(key: string, columns: Columns): Uint8Array {
  const data = new ByteWriter();
  const directory = new ByteWriter();
  directory.text(key);
  directory.varint(Object.keys(columns).length);
  for (const [name, column] of Object.entries(columns)) {
    data.align(8);
    const at = data.size;
    const type = encodeColumn(data, column);
    const size = data.size - at;
    directory.text(name);
    directory.u8(type);
    directory.varint(column.length);
    directory.varint(at);
    directory.varint(size);
    directory.u32(toChecksum(data.bytes.subarray(at)));
  }
  const file = new ByteWriter();
  file.u32(MAGIC[0]);
  file.u32(MAGIC[1]);
  file.u32(VERSION);
  file.u32(directory.size);
  file.u32(toChecksum(directory.bytes));
  file.align(8);
  file.raw(directory.bytes);
  file.align(8);
  file.raw(data.bytes);
  return file.bytes;
}

function encodeColumn(writer: ByteWriter, column: Column): number {
  if (isTexts(column)) {
    encodeTexts(writer, column);
    return TYPE.TEXTS;
  }
  writer.raw(
    new Uint8Array(column.buffer, column.byteOffset, column.byteLength),
  );
  if (column instanceof Uint8Array) return TYPE.U8;
  if (column instanceof Uint16Array) return TYPE.U16;
  if (column instanceof Uint32Array) return TYPE.U32;
  return column instanceof Int32Array ? TYPE.I32 : TYPE.F64;
}

function isTexts(column: Column): column is readonly string[] {
  return Array.isArray(column);
}

function encodeTexts(writer: ByteWriter, texts: readonly string[]): void {
  const encoder = new TextEncoder();
  const encoded = texts.map((text) => encoder.encode(text));
  let end = 0;
  for (const bytes of encoded) writer.u32(end += bytes.length);
  for (const bytes of encoded) writer.raw(bytes);
}

/** Where a column stands in its file. */
interface Place {
  readonly type: number;
  readonly length: number;
  readonly at: number;
  readonly size: number;
  readonly checksum: number;
}

/** A message table that was opened: its columns are read when asked for. */
export class MessageTable {
  readonly key: string;
  readonly #file: StoredFile;
  readonly #places: ReadonlyMap<string, Place>;

  private constructor(
    file: StoredFile,
    key: string,
    places: ReadonlyMap<string, Place>,
  ) {
    this.#file = file;
    this.key = key;
    this.#places = places;
  }

  /**
   * Reads a file's directory.
   *
   * @param file borrowed for as long as the table is used
   * @throws Damaged
   */
  static open(file: StoredFile): MessageTable {
    const head = new Uint8Array(FILE_HEADER);
    if (file.read(head, 0) < FILE_HEADER) throw new Damaged("It is cut short");
    const reader = new ByteReader(head);
    if (reader.u32() !== MAGIC[0] || reader.u32() !== MAGIC[1]) {
      throw new Damaged("It is no message table");
    }
    const version = reader.u32();
    if (version !== VERSION) throw new Damaged(`It has version ${version}`);
    const size = reader.u32();
    const checksum = reader.u32();
    if (size > MAX_DIRECTORY) throw new Damaged("Its directory is too long");
    const directory = new Uint8Array(size);
    if (
      file.read(directory, FILE_HEADER) < size ||
      toChecksum(directory) !== checksum
    ) throw new Damaged("Its directory's checksum differs");
    return this.#decode(file, directory);
  }

  static #decode(file: StoredFile, directory: Uint8Array): MessageTable {
    const reader = new ByteReader(directory);
    const key = reader.text(MAX_NAME);
    const begin = Math.ceil((FILE_HEADER + directory.length) / 8) * 8;
    const left = file.size() - begin;
    const places = new Map<string, Place>();
    for (let n = reader.count(reader.left); n > 0; n--) {
      const name = reader.text(MAX_NAME);
      const type = reader.u8();
      const length = reader.count(MAX_COLUMN);
      const at = reader.varint();
      const size = reader.count(MAX_COLUMN);
      if (at + size > left) throw new Damaged(`"${name}" is cut short`);
      const checksum = reader.u32();
      places.set(name, { type, length, at: begin + at, size, checksum });
    }
    reader.finish();
    return new MessageTable(file, key, places);
  }

  /** Names of the columns, in the order in which they were given. */
  get names(): readonly string[] {
    return [...this.#places.keys()];
  }

  /**
   * A column of numbers; `undefined` if there is none of that name and type
   * that holds. All of it is a cache: damage is as good as absence.
   */
  numbers<A extends NumberColumn>(
    name: string,
    type: NumberArray<A>,
  ): A | undefined {
    const place = this.#places.get(name);
    if (place?.type !== typeOf(type)) return undefined;
    if (place.size !== place.length * type.BYTES_PER_ELEMENT) return undefined;
    const bytes = this.#read(place);
    return bytes && new type(bytes.buffer, 0, place.length);
  }

  /** A dictionary; `undefined` as above. */
  texts(name: string): string[] | undefined {
    const place = this.#places.get(name);
    if (place?.type !== TYPE.TEXTS) return undefined;
    const begin = place.length * 4;
    const bytes = begin <= place.size ? this.#read(place) : undefined;
    if (!bytes) return undefined;
    const ends = new Uint32Array(bytes.buffer, 0, place.length);
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const texts: string[] = [];
    let from = begin;
    for (const end of ends) {
      const to = begin + end;
      if (to < from || to > bytes.length) return undefined;
      texts.push(decoder.decode(bytes.subarray(from, to)));
      from = to;
    }
    return texts;
  }

  /** A column's bytes, if they are those that were written. */
  #read(place: Place): Uint8Array<ArrayBuffer> | undefined {
    const bytes = new Uint8Array(place.size);
    const isWhole = this.#file.read(bytes, place.at) === place.size &&
      toChecksum(bytes) === place.checksum;
    return isWhole ? bytes : undefined;
  }
}

/** A typed array's constructor. */
export interface NumberArray<A extends NumberColumn> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, at: number, length: number): A;
}

// deno-lint-ignore no-explicit-any -- compared by identity alone
function typeOf(constructor: NumberArray<any>): number {
  switch (constructor) {
    case Uint8Array:
      return TYPE.U8;
    case Uint16Array:
      return TYPE.U16;
    case Uint32Array:
      return TYPE.U32;
    case Int32Array:
      return TYPE.I32;
    default:
      return TYPE.F64;
  }
}
