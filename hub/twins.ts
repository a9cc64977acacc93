/**
 * Twins: which rows of several workers are of one exchange.
 *
 * Where both pods of an exchange are on nodes that are captured, each node
 * stores it. A row is known by the marks of its halves (`entry/entry.ts`): two
 * rows of different nodes are twins if both halves are the same, or an end and
 * the half that both saw, and if their clocks, which may differ, say it within
 * {@link MAX_SKEW}. Of a node each row is an exchange of its own.
 *
 * Rows are remembered for {@link MEMORY}: what somebody lost the answer to is
 * said only when it has waited for that in vain. They lie in columns, for there
 * may be many; the oldest make room.
 */
import { type Batch, FLAG } from "../api/batch.ts";

/** How far the clocks of two nodes may be apart, µs. */
export const MAX_SKEW = 1e6;

/** How long rows are remembered at least, unless there are too many; µs. */
export const MEMORY = 35e6;

/** Rows that are remembered at most; a power of two, as all capacities. */
export const MAX_REMEMBERED = 1 << 17;

const FIRST_CAPACITY = 1 << 10;

/** Of those with one mark, how many are looked at. */
const MAX_ALIKE = 32;

const NONE = -1;

/** What {@link Twins.add} found. */
export interface Kin {
  /** The first row of the exchange that was added, by its number. */
  readonly first: number;
  /** Whether that is another one. */
  readonly isTwin: boolean;
  /** Whether a row that came before lacks nothing. */
  readonly wasWhole: boolean;
  /**
   * The first of rows that were taken for another exchange: of one the request
   * alone had been seen, of the other the response.
   */
  readonly second?: number | undefined;
}

/** The rows that were seen lately, by their marks. */
export class Twins {
  /** Rows added so far: each has the next number. */
  #count = 0;
  #capacity = 0;
  /** Time of the latest row, µs. */
  #latest = -Infinity;

  // Row by row, at its number modulo the capacity.
  #asked = new Uint32Array(0);
  #answered = new Uint32Array(0);
  #askedAt = new Float64Array(0);
  #answeredAt = new Float64Array(0);
  /** When it was added, by the latest time until then. */
  #addedAt = new Float64Array(0);
  #src = new Uint32Array(0);
  #dst = new Uint32Array(0);
  #node = new Uint16Array(0);
  #protocol = new Uint16Array(0);
  /** Number of the first row of its exchange, and of the next one's. */
  #first = new Float64Array(0);
  #next = new Float64Array(0);
  /** Number of the row before it with a mark in the same bucket. */
  #beforeAsked = new Float64Array(0);
  #beforeAnswered = new Float64Array(0);
  /** By bucket the number of the newest row. */
  #newestAsked = new Float64Array(0);
  #newestAnswered = new Float64Array(0);

  /** Of the first row of an exchange: whether any of its rows lacks nothing. */
  #isWhole = new Uint8Array(0);

  readonly #nodes = new Map<string, number>();
  readonly #protocols = new Map<string, number>();

  /** Bytes that it takes. */
  get size(): number {
    return this.#capacity * ROW;
  }

  /**
   * Adds a row that has marks.
   *
   * @returns `undefined` if it has none
   */
  add(batch: Batch, row: number): Kin | undefined {
    const asked = batch.marks?.asked[row] ?? 0;
    const answered = batch.marks?.answered[row] ?? 0;
    if (asked === 0 && answered === 0) return undefined;
    this.#latest = Math.max(this.#latest, batch.completed[row]!);
    this.#makeRoom();
    const number = this.#count;
    const at = number & this.#capacity - 1;
    this.#asked[at] = asked;
    this.#answered[at] = answered;
    this.#askedAt[at] = batch.timestamp[row]!;
    this.#answeredAt[at] = answeredAt(batch, row, asked !== 0);
    this.#addedAt[at] = this.#latest;
    this.#src[at] = batch.endTag(row, "src");
    this.#dst[at] = batch.endTag(row, "dst");
    this.#node[at] = numbered(this.#nodes, batch.word(batch.node[row]!));
    this.#protocol[at] = numbered(
      this.#protocols,
      batch.word(batch.protocol[row]!),
    );
    this.#next[at] = NONE;
    const kin = this.#kinOf(at, number);
    this.#first[at] = kin.first;
    const isWhole = (batch.flags[row]! & FLAG.INCOMPLETE) === 0;
    this.#isWhole[at] = Number(isWhole);
    if (kin.isTwin) this.#join(kin.first, number, isWhole);
    this.#count++;
    this.#link(at, number);
    return kin;
  }

  /** What exchange the row at a place is of. */
  #kinOf(at: number, number: number): Kin {
    const byAsked = this.#search(
      at,
      this.#asked,
      this.#newestAsked,
      this.#beforeAsked,
    );
    const byAnswered = this.#search(
      at,
      this.#answered,
      this.#newestAnswered,
      this.#beforeAnswered,
    );
    const first = byAsked !== NONE ? byAsked : byAnswered;
    if (first === NONE) {
      return { first: number, isTwin: false, wasWhole: false };
    }
    const isOne = byAnswered === NONE || byAnswered === first;
    return {
      first,
      isTwin: true,
      wasWhole: this.#isKnown(first) &&
        this.#isWhole[first & this.#capacity - 1] === 1,
      ...!isOne && { second: byAnswered },
    };
  }

  /** The best of those with the same mark, and of these the oldest. */
  #search(
    at: number,
    marks: Uint32Array,
    newest: Float64Array,
    before: Float64Array,
  ): number {
    const mark = marks[at]!;
    if (mark === 0) return NONE;
    let best = NONE;
    let most = 0;
    let number = newest[bucketOf(mark, newest.length)]!;
    for (let alike = 0; this.#isKnown(number) && alike < MAX_ALIKE;) {
      const other = number & this.#capacity - 1;
      if (marks[other] === mark) {
        alike++;
        const likeness = this.#likeness(at, other);
        if (likeness > 0 && likeness >= most) {
          [best, most] = [this.#first[other]!, likeness];
        }
      }
      number = before[other]!;
    }
    return best;
  }

  /** 0 if two rows are no twins; more if both halves are the same. */
  #likeness(a: number, b: number): number {
    if (this.#protocol[a] !== this.#protocol[b]) return 0;
    const isAsked = this.#asked[a] !== 0 && this.#asked[a] === this.#asked[b] &&
      isNear(this.#askedAt[a]!, this.#askedAt[b]!);
    const isAnswered = this.#answered[a] !== 0 &&
      this.#answered[a] === this.#answered[b] &&
      isNear(this.#answeredAt[a]!, this.#answeredAt[b]!);
    // Who lost a request may take its answer for another one's.
    const mayAskTheSame = isAsked || this.#asked[a] === 0 ||
      this.#asked[b] === 0;
    if (!mayAskTheSame || !isAsked && !isAnswered) return 0;
    const sharesEnd = this.#src[a] === this.#src[b] ||
      this.#dst[a] === this.#dst[b];
    const isWhole = isAsked && isAnswered;
    if (!isWhole && !sharesEnd) return 0;
    if (this.#hasNode(this.#first[b]!, this.#node[a]!)) return 0;
    return isWhole ? 2 : 1;
  }

  /** Whether a row of an exchange came from the node. */
  #hasNode(first: number, node: number): boolean {
    for (let number = first; this.#isKnown(number);) {
      const at = number & this.#capacity - 1;
      if (this.#node[at] === node) return true;
      number = this.#next[at]!;
    }
    return false;
  }

  /** Puts a row behind those of its exchange. */
  #join(first: number, number: number, isWhole: boolean): void {
    if (!this.#isKnown(first)) return;
    let at = first & this.#capacity - 1;
    if (isWhole) this.#isWhole[at] = 1;
    while (this.#next[at] !== NONE) {
      at = this.#next[at]! & this.#capacity - 1;
    }
    this.#next[at] = number;
  }

  #isKnown(number: number): boolean {
    return number >= 0 && number < this.#count &&
      number > this.#count - this.#capacity;
  }

  #link(at: number, number: number): void {
    const ofAsked = bucketOf(this.#asked[at]!, this.#newestAsked.length);
    this.#beforeAsked[at] = this.#newestAsked[ofAsked]!;
    this.#newestAsked[ofAsked] = number;
    const ofAnswered = bucketOf(
      this.#answered[at]!,
      this.#newestAnswered.length,
    );
    this.#beforeAnswered[at] = this.#newestAnswered[ofAnswered]!;
    this.#newestAnswered[ofAnswered] = number;
  }

  /** Takes more memory if the row that would make room may still be wanted. */
  #makeRoom(): void {
    if (this.#count < this.#capacity) return;
    const oldest = this.#count & this.#capacity - 1;
    const isOld = this.#capacity > 0 &&
      this.#latest - this.#addedAt[oldest]! > MEMORY;
    if (isOld || this.#capacity === MAX_REMEMBERED) return;
    this.#grow(Math.max(FIRST_CAPACITY, 2 * this.#capacity));
  }

  #grow(capacity: number): void {
    const before = this.#capacity;
    const from = Math.max(0, this.#count - before);
    // What lay at a number modulo one capacity lies elsewhere modulo another.
    const moved = <
      C extends Uint8Array | Uint16Array | Uint32Array | Float64Array,
    >(
      old: C,
      column: C,
    ): C => {
      for (let number = from; number < this.#count; number++) {
        column[number & capacity - 1] = old[number & before - 1]!;
      }
      return column;
    };
    const f64 = (old: Float64Array<ArrayBuffer>) =>
      moved(old, new Float64Array(capacity));
    const u32 = (old: Uint32Array<ArrayBuffer>) =>
      moved(old, new Uint32Array(capacity));
    const u16 = (old: Uint16Array<ArrayBuffer>) =>
      moved(old, new Uint16Array(capacity));
    this.#asked = u32(this.#asked);
    this.#answered = u32(this.#answered);
    this.#askedAt = f64(this.#askedAt);
    this.#answeredAt = f64(this.#answeredAt);
    this.#addedAt = f64(this.#addedAt);
    this.#src = u32(this.#src);
    this.#dst = u32(this.#dst);
    this.#node = u16(this.#node);
    this.#protocol = u16(this.#protocol);
    this.#isWhole = moved(this.#isWhole, new Uint8Array(capacity));
    this.#first = f64(this.#first);
    this.#next = f64(this.#next);
    this.#beforeAsked = new Float64Array(capacity);
    this.#beforeAnswered = new Float64Array(capacity);
    this.#newestAsked = new Float64Array(capacity).fill(NONE);
    this.#newestAnswered = new Float64Array(capacity).fill(NONE);
    this.#capacity = capacity;
    for (let number = from; number < this.#count; number++) {
      this.#link(number & capacity - 1, number);
    }
  }
}

/** Bytes of one row in all columns, its buckets included. */
const ROW = 4 * 4 + 2 * 2 + 9 * 8 + 1;

/**
 * When the answer of a row began, µs: that of a whole flow is its end, and what
 * was not asked begins with its answer.
 */
function answeredAt(batch: Batch, row: number, isAsked: boolean): number {
  const timestamp = batch.timestamp[row]!;
  const elapsed = batch.elapsed[row]!;
  if (!Number.isNaN(elapsed)) return timestamp + elapsed * 1000;
  return isAsked ? batch.completed[row]! : timestamp;
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= MAX_SKEW;
}

/** By the highest bits of a product, for sequence numbers lie close together. */
function bucketOf(mark: number, buckets: number): number {
  return Math.imul(mark, 0x9e3779b1) >>> Math.clz32(buckets) + 1;
}

/** A name's number; so many nodes and protocols there are not. */
function numbered(known: Map<string, number>, name: string): number {
  const number = known.get(name) ?? known.size;
  known.set(name, number);
  return number;
}
