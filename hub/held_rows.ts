/**
 * Rows of an answer that are in order and wait for their twins (`twins.ts`).
 *
 * Of one exchange that several nodes saw one row is given, and says who else saw
 * it: one from which nothing is missing, and of these the one that began first,
 * whatever the order. So all answers show the same one, and it is the client's
 * if clocks are right. A row waits until no twin can come: what comes now began
 * {@link MAX_SKEW} later, or nothing more comes. Where a query follows somebody
 * looks on, and {@link LIVE_HOLD} must do. A twin of what was given is left out.
 *
 * In a service mesh client and server talk to the proxies beside them, and an
 * exchange is seen on both *legs*, as two of the same content of which one lies
 * in the other in time. Given is the client's, with the server of the other.
 */
import { type Batch, type BatchWriter, FLAG } from "../api/batch.ts";
import type { Marks } from "../entry/entry.ts";
import { withLegs, withSeenBy } from "./merged_text.ts";
import type { Order } from "../kfl/plan.ts";
import { type Kin, MAX_SKEW, MEMORY, Twins } from "./twins.ts";

/** How long a row waits for its twins where a query follows, ms. */
export const LIVE_HOLD = 50;

/** Bytes of the batches of rows that wait: beyond them the oldest are given. */
export const MAX_HELD = 8 * 1024 * 1024;

/** The same of what a query that follows begins with. */
export const MAX_HELD_STORED = 32 * 1024 * 1024;

/** Rows of one content that are looked at for the other leg. */
const MAX_ALIKE = 64;

const LEGS = FLAG.OUTBOUND | FLAG.INBOUND;

/** A row that waits. */
interface Held {
  readonly batch: Batch;
  readonly row: number;
  /** What it is ordered by, rising, µs. */
  readonly key: number;
  /** When it came, by the caller's clock, ms. */
  readonly since: number;
  /** How much later twins of it may still come, µs; 0 if it has none. */
  readonly patience: number;
  /** Number of the first row of its exchange, if it has marks. */
  readonly first: number | undefined;
  /** Whether it is given; else a twin of it is, or was. */
  isShown: boolean;
  /** Other nodes that saw it. */
  seenBy?: string[];
  /** The same exchange at its server. */
  inbound?: Held;
}

/** What may be given by now. */
export interface Due {
  /** Ms by the caller's clock; absent if rows wait for what comes, not for time. */
  readonly now?: number | undefined;
  /** Whether nothing more comes that could be a twin. */
  readonly isEnd: boolean;
  /** Whether all wait for that, as where only the last of them are wanted. */
  readonly waitsForAll?: boolean;
  /** Bytes that may wait. */
  readonly most: number;
}

/** The rows that wait, in their order. */
export class HeldRows {
  readonly #order: Order;
  readonly #twins = new Twins();
  /** The oldest is at {@link #head}. */
  #rows: Held[] = [];
  #head = 0;
  #shown = 0;
  /** The greatest key so far. */
  #newest = -Infinity;
  /** Those that are shown of an exchange, by the number of its first row. */
  readonly #byFirst = new Map<number, Held>();
  /** Legs without their other one, by what was asked. */
  readonly #legs = new Map<number, Held[]>();
  /** How many of its rows wait, of each batch. */
  readonly #waiting = new Map<Batch, number>();
  #bytes = 0;

  constructor(order: Order) {
    this.#order = order;
  }

  get isEmpty(): boolean {
    return this.#head === this.#rows.length;
  }

  /** Bytes of the batches that rows wait in. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Rows that wait and will be given. */
  get shown(): number {
    return this.#shown;
  }

  /** What the first row is ordered by. */
  get firstKey(): number | undefined {
    return this.#rows[this.#head]?.key;
  }

  /** When the first row came, ms. */
  get firstSince(): number | undefined {
    return this.#rows[this.#head]?.since;
  }

  /** Takes the next row; its batch is borrowed until it was given. */
  add(batch: Batch, row: number, key: number, now: number): void {
    this.#newest = Math.max(this.#newest, key);
    const isLeg = (batch.flags[row]! & LEGS) !== 0;
    const kin = isLeg ? undefined : this.#twins.add(batch, row);
    const held: Held = {
      ...{ batch, row, key, since: now },
      patience: isLeg || kin ? this.#patienceOf(batch, row) : 0,
      first: kin?.first,
      isShown: true,
    };
    if (kin?.isTwin && !this.#replaces(held, kin)) return;
    if (isLeg) this.#pair(held);
    if (kin) this.#byFirst.set(kin.first, held);
    this.#rows.push(held);
    if (held.isShown) this.#shown++;
    const waiting = this.#waiting.get(batch) ?? 0;
    if (waiting === 0) this.#bytes += batch.size;
    this.#waiting.set(batch, waiting + 1);
  }

  /** Leaves out the oldest, but for the last so many. */
  keepLast(count: number): void {
    while (this.#shown > count) this.#shift();
  }

  /**
   * Moves rows that need not wait to a writer, until it is full.
   *
   * @param onGiven told of each, before it is moved: it may add flags
   * @returns rows moved
   */
  give(
    writer: BatchWriter,
    most: number,
    due: Due,
    onGiven: (batch: Batch, row: number) => number,
  ): number {
    let moved = 0;
    while (!this.isEmpty && moved < most && !writer.isFull) {
      const held = this.#rows[this.#head]!;
      if (held.isShown) {
        if (!this.#isDue(held, due)) break;
        const flags = onGiven(held.batch, held.row);
        giveTo(writer, held, flags);
        moved++;
      }
      this.#shift();
    }
    return moved;
  }

  /** Newest first, an answer alone comes before what was asked with it. */
  #patienceOf(batch: Batch, row: number): number {
    const isAnswer = batch.marks?.asked[row] === 0;
    return isAnswer && this.#order === "desc" ? MEMORY : MAX_SKEW;
  }

  #isDue({ key, since, patience }: Held, due: Due): boolean {
    if (due.isEnd || this.#bytes > due.most) return true;
    if (due.waitsForAll) return false;
    return patience === 0 || this.#newest - key > patience ||
      due.now !== undefined && due.now - since >= LIVE_HOLD;
  }

  /**
   * Whether a row is given though a twin came before it; one of them says of
   * the other where it was seen. What lacks something does not keep off what
   * lacks nothing, though it was given already.
   */
  #replaces(held: Held, { first, second, wasWhole }: Kin): boolean {
    const before = this.#byFirst.get(first);
    const other = second === undefined ? undefined : this.#byFirst.get(second);
    const isBetter = before
      ? comparePreference(held, before) < 0
      : isWhole(held) && !wasWhole;
    const shown = isBetter ? held : before;
    for (const twin of [before, other, held]) {
      if (!twin || twin === shown) continue;
      if (shown) noteSeen(shown, twin);
      if (twin !== held) this.#hide(twin);
    }
    return shown === held;
  }

  /** Looks for the other leg of a row. */
  #pair(held: Held): void {
    const asked = held.batch.marks?.asked[held.row] ?? 0;
    if (asked === 0) return;
    const alike = this.#legs.get(asked);
    let best: Held | undefined;
    let least = Infinity;
    for (const other of alike?.slice(-MAX_ALIKE) ?? []) {
      const [outbound, inbound] = isOutbound(held)
        ? [held, other]
        : [other, held];
      const apart = apartOf(outbound, inbound);
      if (apart < least) [best, least] = [other, apart];
    }
    if (!best) {
      if (alike) alike.push(held);
      else this.#legs.set(asked, [held]);
      return;
    }
    this.#forgetLeg(best);
    const [outbound, inbound] = isOutbound(held) ? [held, best] : [best, held];
    outbound.inbound = inbound;
    noteSeen(outbound, inbound);
    if (inbound === best) this.#hide(inbound);
    else inbound.isShown = false;
  }

  /** Leaves out a row that waits. */
  #hide(held: Held): void {
    held.isShown = false;
    this.#shown--;
    if (held.first !== undefined) this.#byFirst.delete(held.first);
  }

  #forgetLeg(held: Held): void {
    const asked = held.batch.marks?.asked[held.row] ?? 0;
    const alike = this.#legs.get(asked);
    const at = alike?.indexOf(held) ?? -1;
    if (!alike || at < 0) return;
    alike.splice(at, 1);
    if (alike.length === 0) this.#legs.delete(asked);
  }

  /** Lets go of the oldest. */
  #shift(): void {
    const held = this.#rows[this.#head++]!;
    if (this.#head >= 1024 && this.#head * 2 > this.#rows.length) {
      this.#rows = this.#rows.slice(this.#head);
      this.#head = 0;
    }
    const { batch, first } = held;
    if (held.isShown) {
      if (first !== undefined) this.#byFirst.delete(first);
      this.#shown--;
      this.#forgetLeg(held);
    }
    const waiting = this.#waiting.get(batch)! - 1;
    if (waiting > 0) this.#waiting.set(batch, waiting);
    else {
      this.#waiting.delete(batch);
      this.#bytes -= batch.size;
    }
  }
}

/** Notes that a row's twin was seen, where and by whom. */
function noteSeen(shown: Held, twin: Held): void {
  const nodes = [...shown.seenBy ?? [], nodeOf(twin), ...twin.seenBy ?? []];
  shown.seenBy = [...new Set(nodes)].filter((node) => node !== nodeOf(shown));
}

/** Moves a row, with what is known of it from others. */
function giveTo(writer: BatchWriter, held: Held, flags: number): void {
  const { batch, row, seenBy, inbound } = held;
  const isEntry = batch.form === "entry";
  const text = isEntry && inbound
    ? withLegs(batch.textBytes(row), inbound.batch.textBytes(inbound.row))
    : batch.textBytes(row);
  writer.copy(batch, row, {
    flags: inbound ? flags | FLAG.INBOUND : flags,
    ...seenBy?.length && { seenBy },
    ...inbound && { server: inbound },
    text: isEntry && seenBy?.length ? withSeenBy(text, seenBy) : text,
  });
}

const nodeOf = ({ batch, row }: Held): string => batch.word(batch.node[row]!);

const isWhole = ({ batch, row }: Held): boolean =>
  (batch.flags[row]! & FLAG.INCOMPLETE) === 0;

/** Which of two twins is given: negative if it is the first. */
function comparePreference(a: Held, b: Held): number {
  return Number(isWhole(b)) - Number(isWhole(a)) ||
    a.batch.timestamp[a.row]! - b.batch.timestamp[b.row]! ||
    (nodeOf(a) < nodeOf(b) ? -1 : 1);
}

const isOutbound = ({ batch, row }: Held): boolean =>
  (batch.flags[row]! & FLAG.OUTBOUND) !== 0;

/**
 * How far two legs are apart, µs; infinite if they are not of one exchange: the
 * server's lies within the client's, but for what their nodes' clocks may
 * differ.
 *
 * Where many ask the same at once, any that fit are as good, but no leg must be
 * left without its other one. Rows come by one end of their time, so they are
 * paired by what is least apart at the other: that leaves the least over.
 */
function apartOf(outbound: Held, inbound: Held): number {
  if (!isOutbound(outbound) || isOutbound(inbound)) return Infinity;
  const slack = nodeOf(outbound) === nodeOf(inbound) ? 0 : MAX_SKEW;
  const [out, into] = [outbound.batch, inbound.batch];
  const begun = into.timestamp[inbound.row]! - out.timestamp[outbound.row]!;
  const ended = out.completed[outbound.row]! - into.completed[inbound.row]!;
  if (begun < -slack || ended < -slack) return Infinity;
  if (!saysTheSame(outbound, inbound)) return Infinity;
  const comesAsItEnds = outbound.key === out.completed[outbound.row];
  return Math.abs(comesAsItEnds ? begun : ended);
}

/** Whether both may be of one exchange, by what is known of both. */
function saysTheSame(outbound: Held, inbound: Held): boolean {
  const a = outbound.batch.marksOf(outbound.row) ?? {};
  const b = inbound.batch.marksOf(inbound.row) ?? {};
  return protocolOf(outbound) === protocolOf(inbound) &&
    agree(a, b, "answered") && (isOtherTrace(a, b) || agree(a, b, "traced"));
}

const protocolOf = ({ batch, row }: Held): string =>
  batch.word(batch.protocol[row]!);

function agree(a: Marks, b: Marks, mark: keyof Marks): boolean {
  return a[mark] === undefined || b[mark] === undefined || a[mark] === b[mark];
}

/** Whether two tracing systems named them: their lowest bits tell. */
function isOtherTrace(a: Marks, b: Marks): boolean {
  return (((a.traced ?? 0) ^ (b.traced ?? 0)) & 1) !== 0;
}
