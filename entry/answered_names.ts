/**
 * Names that addresses were given by answers, such as those of DNS.
 *
 * Such a name is worth less than a claim (`names.ts`): whoever asked was told
 * so, and many names may lead to one address. So the last answer that named an
 * address is believed until another names it differently, and only while
 * nobody claims the address. How long an answer may be kept is no measure:
 * connections outlast it.
 *
 * Answers may be learnt in any order of time. Of those that repeat each other
 * only the first and the last are kept, as one {@link Answered}.
 */
import type { End } from "./entry.ts";
import { claimAt, type NameLookup, type Names } from "./names.ts";

/** Answered names that are kept; those that were seen last, in about 5 MB. */
export const MAX_ANSWERED = 20_000;

/** An address, and what it was called in answers that follow each other. */
export interface Answered {
  readonly address: string;
  readonly name: string;
  /** Times of the first and the last of these answers, µs since 1970. */
  readonly from: number;
  readonly seen: number;
}

/** The same as part of an address's line. */
interface Held {
  readonly from: number;
  /** Until another answer: the line's next. */
  readonly to: number;
  readonly names: Names;
  readonly name: string;
  seen: number;
}

/** What answers called which address, and when. */
export class AnsweredNames implements Iterable<Answered> {
  readonly #lines = new Map<string, Held[]>();
  readonly #most: number;
  #size = 0;
  /** Those that were forgotten for want of room. */
  dropped = 0;

  constructor(most = MAX_ANSWERED) {
    this.#most = most;
  }

  /** How many are kept. */
  get size(): number {
    return this.#size;
  }

  /**
   * Learns of an answer.
   *
   * @param at when it was given, µs since 1970
   * @returns whether that says more than was known
   */
  learn(address: string, name: string, at: number): boolean {
    const line = this.#lines.get(address);
    if (!line) {
      this.#lines.set(address, [toHeld(name, at)]);
      this.#grow(1);
      return true;
    }
    const next = indexAfter(line, at);
    const held = line[next - 1];
    if (held?.name === name) {
      held.seen = Math.max(held.seen, at);
      return false;
    }
    const added = [toHeld(name, at)];
    if (held && held.seen > at) {
      // The other name was answered before this one, and again after it.
      added.push(toHeld(held.name, held.seen));
      held.seen = held.from;
    }
    line.splice(next, 0, ...added);
    this.#grow(added.length);
    return true;
  }

  /** Learns what others know. */
  learnAll(others: Iterable<Answered>): void {
    for (const { address, name, from, seen } of others) {
      this.learn(address, name, from);
      if (seen > from) this.learn(address, name, seen);
    }
  }

  /** What an address was called at a time (µs). */
  at(address: string, time: number): Names | undefined {
    const line = this.#lines.get(address);
    return line && claimAt(line, time)?.names;
  }

  /** All that it was called between two times (µs, both included). */
  during(
    address: string,
    first: number,
    last: number,
  ): readonly (Names | undefined)[] {
    const line = this.#lines.get(address) ?? [];
    const later = line.filter(({ from }) => from > first && from <= last);
    return [this.at(address, first), ...later.map(({ names }) => names)];
  }

  /** Those of one address together, in order of time. */
  *[Symbol.iterator](): Generator<Answered> {
    for (const [address, line] of this.#lines) {
      for (const { name, from, seen } of line) {
        yield { address, name, from, seen };
      }
    }
  }

  clear(): void {
    this.#lines.clear();
    this.#size = 0;
  }

  #grow(by: number): void {
    this.#size += by;
    if (this.#size > this.#most) this.#dropOldest();
  }

  /** Drops a quarter, so that it is not to be done again at once. */
  #dropOldest(): void {
    const kept = Math.ceil(0.75 * this.#most);
    const seen = Float64Array.from(this, ({ seen }) => seen).sort();
    const newest = seen[seen.length - kept - 1]!;
    const size = this.#size;
    this.#size = 0;
    for (const [address, line] of this.#lines) {
      const left = line.filter((held) => held.seen > newest);
      if (left.length === 0) this.#lines.delete(address);
      else if (left.length < line.length) this.#lines.set(address, left);
      this.#size += left.length;
    }
    this.dropped += size - this.#size;
  }
}

const toHeld = (name: string, at: number): Held => ({
  from: at,
  to: Infinity,
  names: { name },
  name,
  seen: at,
});

/** Index of the first that begins later, by bisection. */
function indexAfter(line: readonly Held[], at: number): number {
  let low = 0;
  let high = line.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (line[middle]!.from <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Claims, and behind them what answers called an address. */
export class ClaimedOrAnswered implements NameLookup {
  readonly #claimed: NameLookup;
  readonly #answered: AnsweredNames;
  readonly #grows: boolean;

  /** @param grows whether answers may still be learnt */
  constructor(claimed: NameLookup, answered: AnsweredNames, grows: boolean) {
    this.#claimed = claimed;
    this.#answered = answered;
    this.#grows = grows;
  }

  at(end: End, time: number): Names | undefined {
    return this.#claimed.at(end, time) ?? this.#answered.at(end.ip, time);
  }

  during(
    end: End,
    first: number,
    last: number,
  ): readonly (Names | undefined)[] | undefined {
    const claimed = this.#claimed.during(end, first, last);
    if (!claimed?.includes(undefined)) return claimed;
    if (this.#grows) return undefined;
    const answered = this.#answered.during(end.ip, first, last);
    // More than it may have been called, where a claim began meanwhile.
    return [...new Set([...claimed.filter(Boolean), ...answered])];
  }
}
