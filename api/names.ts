/**
 * Names on their way from the hub to a worker, as columns.
 *
 * Names go in *parts*, each of which stands alone. A part is read where it
 * lies: whoever gets one looks up the few addresses that its packets have, and
 * makes nothing of all the others. Addresses are found by a table of their
 * hashes, which is made when a part comes.
 *
 * ```text
 * header  u8 version, u8 fields, u8 kind, u8 0, u32 words, u32 bytes of words,
 *         u32 names, u32 lines, u32 claims
 * f64     from, to                       of each claim
 * u32     names                          of each claim
 * u32     address (a word), end of its claims    of each line
 * u32     words                          of each names, by field
 * u32     ends of words
 * u16     port                           of each line; 0 is any
 * u8      whether a node's own           of each names
 *         words: UTF-8
 * ```
 *
 * All numbers are little-endian, as on every machine that browsers run on.
 *
 * A part of the other kind has names that answers gave: `from` and `to` are
 * when they were given first and last.
 */
import type { Answered } from "../entry/answered_names.ts";
import {
  type Claim,
  isNode,
  NAME_FIELDS,
  type NameField,
  type Names,
} from "../entry/names.ts";
import { BadMessage } from "./batch.ts";

/** Raised with every change; parts of other versions are refused. */
const VERSION = 2;

/** What a part has. */
const KIND = { CLAIMS: 0, ANSWERED: 1 } as const;

/** Where its header says so. */
const KIND_AT = 2;

/** Bytes after which a part is full. */
const FULL_PART = 256 * 1024;

/** Bytes of one part, as whoever receives one checks. */
export const MAX_PART_BYTES = 1024 * 1024;

/** Parts of one table. */
export const MAX_PARTS = 64;

/** Claims of one table: as many as a hub keeps, unless it is told otherwise. */
export const MAX_CLAIMS = 200_000;

const HEADER = 24;
const ANY = 0;
const ABSENT = 0xffffffff;

/** A claim as it is kept in a part. */
export interface PartClaim {
  readonly from: number;
  readonly to: number;
  readonly names: Names;
  /** Whether these are a node's own names. */
  readonly isNode: boolean;
}

/**
 * Claims as parts.
 *
 * @param claims those of one address together, those of one port of it in
 *   order of time
 * @param fields the names that are wanted of them
 */
export function* toParts(
  claims: Iterable<Claim>,
  fields: readonly NameField[],
): Generator<Uint8Array<ArrayBuffer>> {
  yield* writeParts(claims, new PartWriter(fields, KIND.CLAIMS));
}

/**
 * Answered names as parts.
 *
 * @param answered those of one address together, in order of time
 */
export function* toAnsweredParts(
  answered: Iterable<Answered>,
): Generator<Uint8Array<ArrayBuffer>> {
  const rows = Iterator.from(answered).map(({ address, name, from, seen }) => ({
    ...{ address, from, to: seen },
    names: { name },
  }));
  yield* writeParts(rows, new PartWriter(["name"], KIND.ANSWERED));
}

/** Whether a part has answered names, and no claims. */
export function isAnsweredPart(part: Uint8Array): boolean {
  return part[KIND_AT] === KIND.ANSWERED;
}

/**
 * The answered names of a part.
 *
 * @throws BadMessage
 */
export function* readAnswered(message: Uint8Array): Generator<Answered> {
  const part = new NamesPart(message);
  for (const address of part.addresses()) {
    for (const [, claims] of part.linesOf(address)) {
      for (const { from, to, names: { name } } of claims) {
        if (name !== undefined) yield { address, name, from, seen: to };
      }
    }
  }
}

function* writeParts(
  claims: Iterable<Claim>,
  writer: PartWriter,
): Generator<Uint8Array<ArrayBuffer>> {
  for (const claim of claims) {
    if (writer.isFull) yield writer.take();
    writer.add(claim);
  }
  if (!writer.isEmpty) yield writer.take();
}

/** Collects the claims of one part. */
class PartWriter {
  readonly #fields: readonly NameField[];
  readonly #kind: number;
  readonly #encoder = new TextEncoder();
  readonly #words = new Map<string, number>();
  /** UTF-16 units of the words. */
  #wordSize = 0;
  /** Of the object that claims of one pod share; and of what is told of it. */
  #known = new Map<Names, number>();
  readonly #rows = new Map<string, number>();
  readonly #nameWords: number[] = [];
  readonly #nodes: number[] = [];
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #names: number[] = [];
  readonly #addresses: number[] = [];
  readonly #ports: number[] = [];
  readonly #ends: number[] = [];
  #address: string | undefined;
  #port = ANY;

  constructor(fields: readonly NameField[], kind: number) {
    this.#kind = kind;
    this.#fields = NAME_FIELDS.filter((field) => fields.includes(field));
  }

  get isEmpty(): boolean {
    return this.#from.length === 0;
  }

  get isFull(): boolean {
    return 20 * this.#from.length + 10 * this.#ports.length +
        4 * this.#nameWords.length + 5 * this.#words.size + this.#wordSize >=
      FULL_PART;
  }

  add({ address, port = ANY, from, to, names }: Claim): void {
    const row = this.#row(names);
    const last = this.#from.length - 1;
    if (address === this.#address && port === this.#port) {
      // What changed was none of the fields that are wanted.
      if (this.#names[last] === row && this.#to[last] === from) {
        this.#to[last] = to;
        return;
      }
      this.#ends.pop();
    } else {
      this.#address = address;
      this.#port = port;
      this.#addresses.push(this.#word(address));
      this.#ports.push(port);
    }
    this.#from.push(from);
    this.#to.push(to);
    this.#names.push(row);
    this.#ends.push(this.#from.length);
  }

  /** The part; the writer is then empty. */
  take(): Uint8Array<ArrayBuffer> {
    const words = this.#encoder.encode([...this.#words.keys()].join(""));
    let end = 0;
    const wordEnds = Uint32Array.from(
      this.#words.keys(),
      (word) => end += byteLength(word),
    );
    const columns = [
      new Float64Array(this.#from),
      new Float64Array(this.#to),
      new Uint32Array(this.#names),
      new Uint32Array(this.#addresses),
      new Uint32Array(this.#ends),
      new Uint32Array(this.#nameWords),
      wordEnds,
      new Uint16Array(this.#ports),
      new Uint8Array(this.#nodes),
      words,
    ];
    const size = columns.reduce((sum, each) => sum + each.byteLength, HEADER);
    const part = new Uint8Array(size);
    const view = new DataView(part.buffer);
    view.setUint8(0, VERSION);
    view.setUint8(1, toMask(this.#fields));
    view.setUint8(KIND_AT, this.#kind);
    view.setUint32(4, this.#words.size, true);
    view.setUint32(8, words.length, true);
    view.setUint32(12, this.#nodes.length, true);
    view.setUint32(16, this.#ports.length, true);
    view.setUint32(20, this.#from.length, true);
    let at = HEADER;
    for (const { buffer, byteOffset, byteLength } of columns) {
      part.set(new Uint8Array(buffer, byteOffset, byteLength), at);
      at += byteLength;
    }
    this.#clear();
    return part;
  }

  /** The number of what is told of names. */
  #row(names: Names): number {
    const known = this.#known.get(names);
    if (known !== undefined) return known;
    const words = this.#fields.map((field) => this.#wordOf(names, field));
    const isOwn = isNode(names) ? 1 : 0;
    const key = `${isOwn} ${words.join()}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = this.#nodes.push(isOwn) - 1;
      this.#rows.set(key, row);
      this.#nameWords.push(...words);
    }
    this.#known.set(names, row);
    return row;
  }

  #wordOf(names: Names, field: NameField): number {
    const value = names[field];
    if (value === undefined) return ABSENT;
    return this.#word(
      typeof value === "string"
        ? value.toWellFormed()
        : JSON.stringify(value).toWellFormed(),
    );
  }

  #word(word: string): number {
    const known = this.#words.get(word);
    if (known !== undefined) return known;
    this.#words.set(word, this.#words.size);
    this.#wordSize += word.length;
    return this.#words.size - 1;
  }

  #clear(): void {
    this.#words.clear();
    this.#rows.clear();
    this.#known = new Map();
    this.#wordSize = 0;
    for (const column of [this.#nameWords, this.#nodes, this.#names]) {
      column.length = 0;
    }
    for (const column of [this.#from, this.#to, this.#addresses]) {
      column.length = 0;
    }
    this.#ports.length = this.#ends.length = 0;
    this.#address = undefined;
  }
}

/** A received part. Borrows the message for its life. */
export class NamesPart {
  readonly #fields: readonly NameField[];
  readonly #from: Float64Array;
  readonly #to: Float64Array;
  readonly #names: Uint32Array;
  readonly #addresses: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #nameWords: Uint32Array;
  readonly #wordEnds: Uint32Array;
  readonly #ports: Uint16Array;
  readonly #nodes: Uint8Array;
  readonly #words: Uint8Array;
  /** First line of each address, plus 1, at its hash or behind. */
  readonly #slots: Uint32Array;
  /** Those that were asked for. */
  readonly #made: Names[] = [];

  /** @throws BadMessage */
  constructor(message: Uint8Array) {
    const bytes = message.byteOffset % 8 === 0 ? message : message.slice();
    if (bytes.length < HEADER || bytes.length > MAX_PART_BYTES) {
      throw new BadMessage("A part of a names table has no sound size");
    }
    const { buffer, byteOffset } = bytes;
    const view = new DataView(buffer, byteOffset, HEADER);
    if (view.getUint8(0) !== VERSION) {
      throw new BadMessage("Names are of another version of Thresher");
    }
    const mask = view.getUint8(1);
    this.#fields = NAME_FIELDS.filter((_, i) => (mask >> i & 1) === 1);
    const words = view.getUint32(4, true);
    const wordBytes = view.getUint32(8, true);
    const names = view.getUint32(12, true);
    const lines = view.getUint32(16, true);
    const claims = view.getUint32(20, true);
    const values = names * this.#fields.length;
    const size = HEADER + 20 * claims + 10 * lines + 4 * (values + words) +
      names + wordBytes;
    if (size !== bytes.length) throw new BadMessage("Names are damaged");
    let at = byteOffset + HEADER;
    const skip = (n: number) => (at += n) - n;
    const u32 = (n: number) => new Uint32Array(buffer, skip(4 * n), n);
    this.#from = new Float64Array(buffer, skip(8 * claims), claims);
    this.#to = new Float64Array(buffer, skip(8 * claims), claims);
    this.#names = u32(claims);
    this.#addresses = u32(lines);
    this.#ends = u32(lines);
    this.#nameWords = u32(values);
    this.#wordEnds = u32(words);
    this.#ports = new Uint16Array(buffer, skip(2 * lines), lines);
    this.#nodes = new Uint8Array(buffer, skip(names), names);
    this.#words = new Uint8Array(buffer, skip(wordBytes), wordBytes);
    this.#check();
    this.#slots = this.#toSlots();
  }

  /** @throws BadMessage if anything points outside */
  #check(): void {
    const rises = (ends: Uint32Array, most: number) =>
      ends.every((end, i) => end >= (ends[i - 1] ?? 0) && end <= most);
    const isWord = (word: number) => word < this.#wordEnds.length;
    const isSound = rises(this.#ends, this.#from.length) &&
      rises(this.#wordEnds, this.#words.length) &&
      this.#addresses.every(isWord) &&
      this.#nameWords.every((word) => word === ABSENT || isWord(word)) &&
      this.#names.every((row) => row < this.#nodes.length);
    if (!isSound) throw new BadMessage("Names are damaged");
  }

  /** Every address that it says something of. */
  *addresses(): Generator<string> {
    for (let line = 0; line < this.#addresses.length; line++) {
      const word = this.#addresses[line]!;
      if (word !== this.#addresses[line - 1]) yield this.#word(word);
    }
  }

  /** What it says of an address, by port; 0 for all ports. */
  *linesOf(
    address: string,
  ): Generator<readonly [port: number, claims: PartClaim[]]> {
    const first = this.#find(address);
    const word = this.#addresses[first];
    for (let i = first; word !== undefined; i++) {
      if (this.#addresses[i] !== word) return;
      const claims: PartClaim[] = [];
      for (let n = this.#ends[i - 1] ?? 0; n < this.#ends[i]!; n++) {
        const row = this.#names[n]!;
        claims.push({
          from: this.#from[n]!,
          to: this.#to[n]!,
          names: this.#namesOf(row),
          isNode: this.#nodes[row] === 1,
        });
      }
      yield [this.#ports[i]!, claims];
    }
  }

  #toSlots(): Uint32Array {
    const addresses = this.#addresses;
    const slots = new Uint32Array(
      2 ** Math.ceil(
        Math.log2(2 * addresses.length + 1),
      ),
    );
    const most = slots.length - 1;
    for (let line = 0; line < addresses.length; line++) {
      const word = addresses[line]!;
      if (word === addresses[line - 1]) continue;
      let slot = this.#hashOf(word) & most;
      while (slots[slot] !== 0) slot = (slot + 1) & most;
      slots[slot] = line + 1;
    }
    return slots;
  }

  /** The first line of an address; none is as large as that if it has none. */
  #find(address: string): number {
    const slots = this.#slots;
    const most = slots.length - 1;
    let slot = hash(address) & most;
    while (slots[slot] !== 0) {
      const line = slots[slot]! - 1;
      if (this.#word(this.#addresses[line]!) === address) return line;
      slot = (slot + 1) & most;
    }
    return this.#addresses.length;
  }

  /** As {@link hash}: addresses are ASCII. */
  #hashOf(word: number): number {
    let hash = 0;
    const end = this.#wordEnds[word]!;
    for (let at = this.#wordEnds[word - 1] ?? 0; at < end; at++) {
      hash = Math.imul(hash, 31) + this.#words[at]! | 0;
    }
    return mixed(hash);
  }

  /** The same object for the same row. */
  #namesOf(row: number): Names {
    const made = this.#made[row];
    if (made) return made;
    const names: { -readonly [F in NameField]?: Names[F] } = {};
    for (const [i, field] of this.#fields.entries()) {
      const word = this.#nameWords[row * this.#fields.length + i]!;
      if (word === ABSENT) continue;
      if (field === "labels") names.labels = toLabels(this.#word(word));
      else names[field] = this.#word(word);
    }
    return this.#made[row] = names;
  }

  #word(word: number): string {
    const from = this.#wordEnds[word - 1] ?? 0;
    return decoder.decode(this.#words.subarray(from, this.#wordEnds[word]));
  }
}

const decoder = new TextDecoder();

function hash(address: string): number {
  let hash = 0;
  for (let i = 0; i < address.length; i++) {
    hash = Math.imul(hash, 31) + address.charCodeAt(i) | 0;
  }
  return mixed(hash);
}

/** Spreads what neighbours differ in over all bits. */
function mixed(hash: number): number {
  return Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d) >>> 8;
}

function toMask(fields: readonly NameField[]): number {
  return NAME_FIELDS.reduce(
    (mask, field, i) => fields.includes(field) ? mask | 1 << i : mask,
    0,
  );
}

/** @throws BadMessage */
function toLabels(json: string): Readonly<Record<string, string>> {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new BadMessage("Labels are no JSON", { cause });
  }
}

/** Bytes of a text as UTF-8; nearly all are ASCII. */
function byteLength(text: string): number {
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) size++;
    else if (unit < 0x800) size += 2;
    else if (unit >= 0xd800 && unit < 0xdc00) {
      size += 4;
      i++;
    } else size += 3;
  }
  return size;
}
