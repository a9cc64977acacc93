/**
 * Batch: entries on their way to the hub and to the page, as columns.
 *
 * A batch is one message. Decoding it makes views and nothing per entry, and an
 * entry is copied from one batch to another by copying numbers and one stretch
 * of text; that is all a merge does. Each batch stands alone: what it refers to
 * is in it.
 *
 * ```text
 * header  u8 version, u8 form, u16 sections, u32 count, f64 watermark,
 *         u32 words, u32 bytes of words, u32 bytes of texts, u32 0
 * f64     timestamp, completed, place
 * f32     elapsed
 * u32     n, request size, response size, end of text;
 *         in marked batches: asked, answered, traced
 * u32     ends of words
 * u16     node, protocol, status, src, src port, src names, dst, dst port,
 *         dst names; in marked batches: seen by
 * u8      flags
 *         words, texts: UTF-8
 * ```
 *
 * All numbers are little-endian, as on every machine that browsers run on.
 */
import {
  type End,
  type Entry,
  type Incomplete,
  type Marks,
  toId,
} from "../entry/entry.ts";
import type { NameField } from "../entry/names.ts";

/** Raised with every change; batches of other versions are refused. */
const VERSION = 3;

/** Entries in one batch; it has to fit the numbers of words. */
export const MAX_ROWS = 4096;

/** Bytes of one batch, as whoever receives one checks. */
export const MAX_BATCH_BYTES = 16 * 1024 * 1024;

/** Bytes after which a batch is sent, though it has room for more rows. */
export const FULL_BATCH_BYTES = 256 * 1024;

const HEADER = 32;

/** Bytes of one entry in all columns. */
const ROW = 3 * 8 + 4 + 4 * 4 + 9 * 2 + 1;

/** And what those of marked batches take besides. */
const MARKED_ROW = 3 * 4 + 2;

/** Bits of a header's sections. */
const MARKED = 1;

/** Stands for a size that an entry lacks. */
const NO_SIZE = 0xffffffff;

/** What the text of each entry is. */
export type Form =
  /** Its summary: what a row of the feed shows. */
  | "row"
  /** All of it, as JSON. */
  | "entry"
  /** None, and no names: it is only to be told from others, and counted. */
  | "mark";

const FORMS: readonly Form[] = ["row", "entry", "mark"];

/** The names of its ends that a row has, beside the address. */
export const ROW_NAMES = [
  "name",
  "pod",
  "namespace",
  "service",
  "workload",
  "node",
] as const satisfies readonly NameField[];

/** Those that are written as one word; the name is a word of its own. */
const [, ...NAMES_OF_END] = ROW_NAMES;

/** Stands between them: no name has it. */
const SEPARATOR = "\0";

/** Bits of the `flags` column. */
export const FLAG = {
  FAILED: 1,
  DECRYPTED: 2,
  INCOMPLETE: 4,
  NO_RESPONSE: 8,
  RESET: 16,
  /** It came after what was ordered behind it. */
  LATE: 32,
  /** It was seen between a client and the proxy beside that. */
  OUTBOUND: 64,
  /** The same at the server's side. Both, if it was seen there, too. */
  INBOUND: 128,
} as const;

/** A message that is none, or not for this version. */
export class BadMessage extends Error {
  override name = "BadMessage";
}

/** What entries are ordered by (DESIGN §7), beside their node. */
export interface Position {
  /** Shard × 2^24 + packet. */
  readonly place: number;
  /** Count of the exchanges begun in that packet. */
  readonly n: number;
}

/** What a batch keeps of an entry beside its text. */
export type Head = Pick<
  Entry,
  | "timestamp"
  | "completed"
  | "elapsed"
  | "requestSize"
  | "responseSize"
  | "protocol"
  | "status"
  | "failed"
  | "decrypted"
  | "incomplete"
  | "node"
  | "leg"
  | "marks"
  | "src"
  | "dst"
>;

/** The columns of a batch. Views; `status` and the like are numbers of words. */
interface Columns {
  readonly timestamp: Float64Array;
  readonly completed: Float64Array;
  readonly place: Float64Array;
  readonly elapsed: Float32Array;
  readonly n: Uint32Array;
  readonly requestSize: Uint32Array;
  readonly responseSize: Uint32Array;
  readonly textEnd: Uint32Array;
  readonly node: Uint16Array;
  readonly protocol: Uint16Array;
  readonly status: Uint16Array;
  readonly src: Uint16Array;
  readonly srcPort: Uint16Array;
  readonly srcNames: Uint16Array;
  readonly dst: Uint16Array;
  readonly dstPort: Uint16Array;
  readonly dstNames: Uint16Array;
  readonly flags: Uint8Array;
}

/**
 * Columns of batches in which entries are told from those of other nodes, or
 * have been. A mark of 0 is none.
 */
interface MarkColumns {
  readonly asked: Uint32Array;
  readonly answered: Uint32Array;
  readonly traced: Uint32Array;
  /** Numbers of words: other nodes that saw it, one behind the other. */
  readonly seenBy: Uint16Array;
}

/** What becomes of a row that is copied, by what is known from elsewhere. */
export interface Amendment {
  /** Further bits of {@link FLAG}. */
  readonly flags?: number;
  /** Other nodes that saw it. */
  readonly seenBy?: readonly string[];
  /** A row that knows its server's end better. */
  readonly server?: { readonly batch: Batch; readonly row: number };
  /** What is to be said in place of its text. */
  readonly text?: Uint8Array;
}

/** A received batch, to be read by row. Borrows the message for its life. */
export class Batch implements Columns {
  readonly form: Form;
  readonly count: number;
  /**
   * No entry that comes later was completed at this time or before, µs;
   * `undefined` if nothing is said. Only of queries that follow.
   */
  readonly watermark: number | undefined;
  /** Begin of a request, µs since 1970. */
  readonly timestamp: Float64Array;
  readonly completed: Float64Array;
  readonly place: Float64Array;
  /** Milliseconds; NaN if there is none. */
  readonly elapsed: Float32Array;
  readonly n: Uint32Array;
  readonly requestSize: Uint32Array;
  readonly responseSize: Uint32Array;
  readonly textEnd: Uint32Array;
  readonly node: Uint16Array;
  readonly protocol: Uint16Array;
  readonly status: Uint16Array;
  readonly src: Uint16Array;
  readonly srcPort: Uint16Array;
  readonly srcNames: Uint16Array;
  readonly dst: Uint16Array;
  readonly dstPort: Uint16Array;
  readonly dstNames: Uint16Array;
  readonly flags: Uint8Array;
  /** Absent unless it is marked. */
  readonly marks: MarkColumns | undefined;
  readonly #wordEnd: Uint32Array;
  readonly #wordBytes: Uint8Array;
  readonly #textBytes: Uint8Array;
  /** Words that were decoded. */
  readonly #words: (string | undefined)[] = [];
  /** Of words that begin with an address: 32 bits of that, once needed. */
  #ipTags: Float64Array | undefined;

  /** @throws BadMessage */
  constructor(message: Uint8Array) {
    const bytes = aligned(message);
    if (bytes.length < HEADER) throw new BadMessage("A batch has no header");
    const { buffer, byteOffset } = bytes;
    const view = new DataView(buffer, byteOffset, HEADER);
    const form = FORMS[view.getUint8(1)];
    if (view.getUint8(0) !== VERSION || !form) {
      throw new BadMessage("A batch is of another version of Thresher");
    }
    this.form = form;
    const count = view.getUint32(4, true);
    const watermark = view.getFloat64(8, true);
    const words = view.getUint32(16, true);
    const wordBytes = view.getUint32(20, true);
    const textBytes = view.getUint32(24, true);
    const isMarked = (view.getUint16(2, true) & MARKED) !== 0;
    const size = HEADER + count * (ROW + (isMarked ? MARKED_ROW : 0)) +
      words * 4 + wordBytes + textBytes;
    if (count > MAX_ROWS || words > 0xffff || size !== bytes.length) {
      throw new BadMessage("A batch is damaged");
    }
    this.count = count;
    this.watermark = Number.isNaN(watermark) ? undefined : watermark;
    let at = byteOffset + HEADER;
    const f64 = () => new Float64Array(buffer, skip(8 * count), count);
    const u32 = (n: number) => new Uint32Array(buffer, skip(4 * n), n);
    const u16 = () => new Uint16Array(buffer, skip(2 * count), count);
    const u8 = (n: number) => new Uint8Array(buffer, skip(n), n);
    const skip = (n: number) => (at += n) - n;
    this.timestamp = f64();
    this.completed = f64();
    this.place = f64();
    this.elapsed = new Float32Array(buffer, skip(4 * count), count);
    this.n = u32(count);
    this.requestSize = u32(count);
    this.responseSize = u32(count);
    this.textEnd = u32(count);
    const [asked, answered, traced] = isMarked
      ? [u32(count), u32(count), u32(count)]
      : [];
    this.#wordEnd = u32(words);
    this.node = u16();
    this.protocol = u16();
    this.status = u16();
    this.src = u16();
    this.srcPort = u16();
    this.srcNames = u16();
    this.dst = u16();
    this.dstPort = u16();
    this.dstNames = u16();
    this.marks = asked && answered && traced &&
      { asked, answered, traced, seenBy: u16() };
    this.flags = u8(count);
    this.#wordBytes = u8(wordBytes);
    this.#textBytes = u8(textBytes);
    this.#check();
  }

  /** @throws BadMessage if anything points outside */
  #check(): void {
    const words = this.#wordEnd.length;
    const isRising = (ends: Uint32Array, most: number) =>
      ends.every((end, i) => end >= (ends[i - 1] ?? 0) && end <= most);
    const ends = [this.src, this.srcNames, this.dst, this.dstNames];
    const named = [this.node, this.protocol, this.status, ...ends];
    if (this.marks) named.push(this.marks.seenBy);
    const isSound = isRising(this.#wordEnd, this.#wordBytes.length) &&
      isRising(this.textEnd, this.#textBytes.length) &&
      named.every((column) => column.every((word) => word < words));
    if (!isSound) throw new BadMessage("A batch is damaged");
  }

  /** How many words it has. */
  get words(): number {
    return this.#wordEnd.length;
  }

  /** Bytes it takes in memory. */
  get size(): number {
    const row = ROW + (this.marks ? MARKED_ROW : 0);
    return HEADER + this.count * row + this.#wordEnd.byteLength +
      this.#wordBytes.length + this.#textBytes.length;
  }

  /** A word by its number; `""` stands for what is absent. */
  word(number: number): string {
    return this.#words[number] ??= decode(
      this.#wordBytes,
      this.#wordEnd[number - 1] ?? 0,
      this.#wordEnd[number]!,
    );
  }

  /** The summary or the JSON of a row. */
  text(row: number): string {
    return decode(
      this.#textBytes,
      this.textEnd[row - 1] ?? 0,
      this.textEnd[row]!,
    );
  }

  /** The same as UTF-8. Borrowed. */
  textBytes(row: number): Uint8Array {
    return this.#textBytes.subarray(
      this.textEnd[row - 1] ?? 0,
      this.textEnd[row],
    );
  }

  /** The id of a row's entry. */
  id(row: number): string {
    const place = this.place[row]!;
    const shard = Math.floor(place / 2 ** 24);
    return toId({
      node: this.word(this.node[row]!),
      shard,
      packet: place - shard * 2 ** 24,
      n: this.n[row]!,
    });
  }

  /** 32 bits of the address and port of an end: the same in every batch. */
  endTag(row: number, end: "src" | "dst"): number {
    const isSrc = end === "src";
    const word = (isSrc ? this.srcNames : this.dstNames)[row]!;
    const port = (isSrc ? this.srcPort : this.dstPort)[row]!;
    this.#ipTags ??= new Float64Array(this.words).fill(NaN);
    let tag = this.#ipTags[word]!;
    if (Number.isNaN(tag)) {
      const [ip = ""] = this.word(word).split(SEPARATOR, 1);
      tag = this.#ipTags[word] = hashOf(ip);
    }
    return Math.imul(tag ^ port, 0x9e3779b1) >>> 0;
  }

  /** One end of a row, with {@link ROW_NAMES} as far as they are known. */
  endOf(row: number, end: "src" | "dst"): End {
    const isSrc = end === "src";
    const shown = this.word((isSrc ? this.src : this.dst)[row]!);
    const port = (isSrc ? this.srcPort : this.dstPort)[row]!;
    const names = this.word((isSrc ? this.srcNames : this.dstNames)[row]!);
    const [ip = "", ...rest] = names.split(SEPARATOR);
    const known = NAMES_OF_END.flatMap((field, i) =>
      rest[i] ? [[field, rest[i]] as const] : []
    );
    return {
      ip,
      port: port === 0 ? undefined : port,
      name: shown === ip ? undefined : shown,
      ...Object.fromEntries(known),
    };
  }

  /** What a row's entry is known by elsewhere. */
  marksOf(row: number): Marks | undefined {
    const { marks } = this;
    return marks && {
      asked: marks.asked[row]! || undefined,
      answered: marks.answered[row]! || undefined,
      traced: marks.traced[row]! || undefined,
    };
  }

  /** Other nodes that saw what a row is of. */
  seenBy(row: number): readonly string[] {
    const word = this.marks ? this.word(this.marks.seenBy[row]!) : "";
    return word === "" ? [] : word.split(SEPARATOR);
  }

  /** Bytes of the request of a row, if there is one. */
  requestSizeOf(row: number): number | undefined {
    return toSize(this.requestSize[row]!);
  }

  /** Bytes of the response of a row, if there is one. */
  responseSizeOf(row: number): number | undefined {
    return toSize(this.responseSize[row]!);
  }
}

/** Collects entries and makes batches of them. Its buffers are used again. */
export class BatchWriter {
  count = 0;
  readonly #form: Form;
  readonly #columns = makeColumns(MAX_ROWS);
  /** Made when they are first needed. */
  #marks: MarkColumns | undefined;
  /** Whether a row of the batch needs them. */
  #isMarked = false;
  readonly #words = new Map<string, number>();
  readonly #encoder = new TextEncoder();
  #texts = new Uint8Array(64 * 1024);
  #textSize = 0;
  /** For each batch that rows are copied from: its words, by numbers here. */
  readonly #copied = new Map<Batch, Int32Array>();
  /** The last of them, for neighbours often come from the same. */
  #copiedLast: { batch: Batch; words: Int32Array } | undefined;

  constructor(form: Form) {
    this.#form = form;
  }

  /** Whether what it holds should be sent before anything is added. */
  get isFull(): boolean {
    return this.count === MAX_ROWS || this.#textSize >= FULL_BATCH_BYTES;
  }

  /** Adds an entry; the batch must not be full. */
  add(entry: Head, { place, n }: Position, text: string): void {
    const row = this.count;
    const to = this.#columns;
    to.timestamp[row] = entry.timestamp;
    to.completed[row] = entry.completed;
    to.place[row] = place;
    to.elapsed[row] = entry.elapsed === undefined ? NaN : entry.elapsed / 1000;
    to.n[row] = n;
    to.requestSize[row] = fromSize(entry.requestSize);
    to.responseSize[row] = fromSize(entry.responseSize);
    to.node[row] = this.#word(entry.node.name);
    to.protocol[row] = this.#word(entry.protocol);
    const { src, dst, status } = this.#form === "mark" ? bare(entry) : entry;
    to.status[row] = this.#word(String(status ?? ""));
    to.src[row] = this.#word(src.name ?? src.ip);
    to.srcPort[row] = entry.src.port ?? 0;
    to.srcNames[row] = this.#word(toNamesWord(src));
    to.dst[row] = this.#word(dst.name ?? dst.ip);
    to.dstPort[row] = entry.dst.port ?? 0;
    to.dstNames[row] = this.#word(toNamesWord(dst));
    to.flags[row] = flagsOf(entry);
    if (this.#isMarked || entry.marks) this.#mark(row, entry.marks);
    const room = this.#reserve(3 * text.length);
    this.#textSize += this.#encoder.encodeInto(text, room).written;
    to.textEnd[row] = this.#textSize;
    this.count++;
  }

  /** Adds a row of another batch of the same form. */
  copy(batch: Batch, from: number, amendment: Amendment = AS_IT_IS): void {
    const { flags = 0, seenBy, server, text } = amendment;
    const words = this.#wordsOf(batch);
    const row = this.count;
    const to = this.#columns;
    to.timestamp[row] = batch.timestamp[from]!;
    to.completed[row] = batch.completed[from]!;
    to.place[row] = batch.place[from]!;
    to.elapsed[row] = batch.elapsed[from]!;
    to.n[row] = batch.n[from]!;
    to.requestSize[row] = batch.requestSize[from]!;
    to.responseSize[row] = batch.responseSize[from]!;
    to.node[row] = this.#translate(batch, words, batch.node[from]!);
    to.protocol[row] = this.#translate(batch, words, batch.protocol[from]!);
    to.status[row] = this.#translate(batch, words, batch.status[from]!);
    to.src[row] = this.#translate(batch, words, batch.src[from]!);
    to.srcPort[row] = batch.srcPort[from]!;
    to.srcNames[row] = this.#translate(batch, words, batch.srcNames[from]!);
    this.#copyServer(server?.batch ?? batch, server?.row ?? from);
    to.flags[row] = batch.flags[from]! | flags;
    if (this.#isMarked || batch.marks || seenBy) {
      const names = seenBy ?? batch.seenBy(from);
      this.#mark(row, batch.marksOf(from), names);
    }
    const bytes = text ?? batch.textBytes(from);
    this.#reserve(bytes.length).set(bytes);
    to.textEnd[row] = this.#textSize += bytes.length;
    this.count++;
  }

  #copyServer(batch: Batch, from: number): void {
    const words = this.#wordsOf(batch);
    const row = this.count;
    const to = this.#columns;
    to.dst[row] = this.#translate(batch, words, batch.dst[from]!);
    to.dstPort[row] = batch.dstPort[from]!;
    to.dstNames[row] = this.#translate(batch, words, batch.dstNames[from]!);
  }

  /** Notes marks, of the rows before it that there are none. */
  #mark(
    row: number,
    { asked = 0, answered = 0, traced = 0 }: Marks = {},
    seenBy: readonly string[] = [],
  ): void {
    const to = this.#marks ??= makeMarkColumns(MAX_ROWS);
    if (!this.#isMarked) {
      this.#isMarked = true;
      for (const column of [to.asked, to.answered, to.traced]) column.fill(0);
      to.seenBy.fill(this.#word(""));
    }
    to.asked[row] = asked;
    to.answered[row] = answered;
    to.traced[row] = traced;
    to.seenBy[row] = this.#word(seenBy.join(SEPARATOR));
  }

  /** A batch's words by their numbers here; -1 where there is none yet. */
  #wordsOf(batch: Batch): Int32Array {
    if (this.#copiedLast?.batch !== batch) {
      const words = this.#copied.get(batch) ??
        new Int32Array(batch.words).fill(-1);
      this.#copied.set(batch, words);
      this.#copiedLast = { batch, words };
    }
    return this.#copiedLast.words;
  }

  #translate(batch: Batch, words: Int32Array, number: number): number {
    const known = words[number]!;
    if (known >= 0) return known;
    return words[number] = this.#word(batch.word(number));
  }

  /** Lets go of all that was added. */
  discard(): void {
    this.#clear();
  }

  /** The batch as a message; the writer is then empty. */
  take(watermark?: number): Uint8Array<ArrayBuffer> {
    const { count } = this;
    // Most are heartbeats, where little comes.
    if (count === 0) return this.#begin(HEADER, watermark, 0, 0, 0);
    const words = this.#encoder.encode([...this.#words.keys()].join(""));
    const ends = this.#wordEnds();
    const texts = this.#texts.subarray(0, this.#textSize);
    const marks = this.#isMarked ? this.#marks : undefined;
    const row = ROW + (marks ? MARKED_ROW : 0);
    const message = this.#begin(
      HEADER + count * row + ends.byteLength + words.length + texts.length,
      watermark,
      ends.length,
      words.length,
      texts.length,
    );
    let at = HEADER;
    const put = (column: Uint8Array) => {
      message.set(column, at);
      at += column.length;
    };
    const of = this.#columns;
    const wide = [of.timestamp, of.completed, of.place, of.elapsed, of.n];
    const sizes = [of.requestSize, of.responseSize, of.textEnd];
    const known = marks ? [marks.asked, marks.answered, marks.traced] : [];
    for (const column of [...wide, ...sizes, ...known]) {
      put(rowsOf(column, count));
    }
    put(rowsOf(ends, ends.length));
    const src = [of.src, of.srcPort, of.srcNames];
    const dst = [of.dst, of.dstPort, of.dstNames];
    for (const column of [of.node, of.protocol, of.status, ...src, ...dst]) {
      put(rowsOf(column, count));
    }
    if (marks) put(rowsOf(marks.seenBy, count));
    put(of.flags.subarray(0, count));
    put(words);
    put(texts);
    this.#clear();
    return message;
  }

  /** A message of a size, with its header. */
  #begin(
    size: number,
    watermark: number | undefined,
    ends: number,
    words: number,
    texts: number,
  ): Uint8Array<ArrayBuffer> {
    const message = new Uint8Array(size);
    const view = new DataView(message.buffer);
    view.setUint8(0, VERSION);
    view.setUint8(1, FORMS.indexOf(this.#form));
    view.setUint16(2, this.#isMarked ? MARKED : 0, true);
    view.setUint32(4, this.count, true);
    view.setFloat64(8, watermark ?? NaN, true);
    view.setUint32(16, ends, true);
    view.setUint32(20, words, true);
    view.setUint32(24, texts, true);
    return message;
  }

  #clear(): void {
    this.count = 0;
    this.#textSize = 0;
    this.#isMarked = false;
    this.#words.clear();
    this.#copied.clear();
    this.#copiedLast = undefined;
    // One huge entry must not cost its memory for ever.
    if (this.#texts.length > 4 * FULL_BATCH_BYTES) {
      this.#texts = new Uint8Array(64 * 1024);
    }
  }

  /** A word's number: eight for each entry at most, so that u16 holds them. */
  #word(word: string): number {
    const known = this.#words.get(word);
    if (known !== undefined) return known;
    this.#words.set(word, this.#words.size);
    return this.#words.size - 1;
  }

  #wordEnds(): Uint32Array {
    let end = 0;
    return Uint32Array.from(
      this.#words.keys(),
      (word) => end += this.#encoder.encode(word).length,
    );
  }

  /** Room for a text after those that are there. */
  #reserve(size: number): Uint8Array {
    const needed = this.#textSize + size;
    if (needed > this.#texts.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#texts.length));
      larger.set(this.#texts.subarray(0, this.#textSize));
      this.#texts = larger;
    }
    return this.#texts.subarray(this.#textSize);
  }
}

function makeColumns(rows: number): Columns {
  const f64 = () => new Float64Array(rows);
  const u32 = () => new Uint32Array(rows);
  const u16 = () => new Uint16Array(rows);
  return {
    timestamp: f64(),
    completed: f64(),
    place: f64(),
    elapsed: new Float32Array(rows),
    n: u32(),
    requestSize: u32(),
    responseSize: u32(),
    textEnd: u32(),
    node: u16(),
    protocol: u16(),
    status: u16(),
    src: u16(),
    srcPort: u16(),
    srcNames: u16(),
    dst: u16(),
    dstPort: u16(),
    dstNames: u16(),
    flags: new Uint8Array(rows),
  };
}

function makeMarkColumns(rows: number): MarkColumns {
  const u32 = () => new Uint32Array(rows);
  return {
    asked: u32(),
    answered: u32(),
    traced: u32(),
    seenBy: new Uint16Array(rows),
  };
}

/** The first `count` of a column, as bytes. Borrowed. */
function rowsOf(
  column: Float64Array | Float32Array | Uint32Array | Uint16Array,
  count: number,
): Uint8Array {
  const { buffer, byteOffset, BYTES_PER_ELEMENT } = column;
  return new Uint8Array(buffer, byteOffset, count * BYTES_PER_ELEMENT);
}

/** A row that is copied as it is. */
const AS_IT_IS: Amendment = {};

/** What a row says of an entry that is only to be told from others. */
function bare({ src, dst }: Head): Pick<Head, "src" | "dst" | "status"> {
  return { src: { ip: src.ip }, dst: { ip: dst.ip } };
}

/** An end's address and names; the address alone if it has none. */
function toNamesWord(end: End): string {
  if (NAMES_OF_END.every((field) => end[field] === undefined)) return end.ip;
  const names = NAMES_OF_END.map((field) => end[field] ?? "");
  return [end.ip, ...names].join(SEPARATOR);
}

function flagsOf(entry: Head): number {
  const misses = (what: Incomplete) => entry.incomplete?.includes(what);
  return (entry.failed ? FLAG.FAILED : 0) |
    (entry.decrypted ? FLAG.DECRYPTED : 0) |
    (entry.incomplete ? FLAG.INCOMPLETE : 0) |
    (misses("no response") ? FLAG.NO_RESPONSE : 0) |
    (misses("reset") ? FLAG.RESET : 0) |
    (entry.leg === "outbound" ? FLAG.OUTBOUND : 0) |
    (entry.leg === "inbound" ? FLAG.INBOUND : 0);
}

const fromSize = (size: number | undefined): number =>
  size === undefined ? NO_SIZE : Math.min(size, NO_SIZE - 1);

const toSize = (size: number): number | undefined =>
  size === NO_SIZE ? undefined : size;

/** The same bytes where views of doubles can lie. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}

/** 32 bits of a text (FNV-1a). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash;
}

const decoder = new TextDecoder();

function decode(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to));
}
