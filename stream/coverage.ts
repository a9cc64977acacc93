/**
 * Coverage: which bytes of a direction were seen, whatever their order.
 *
 * It holds ranges that neither overlap nor touch. Nearly always there is one,
 * which grows at its end.
 */

/**
 * Holes kept open for late bytes. When there are more, the lowest becomes
 * final: bytes that fill it later are no longer counted.
 */
export const MAX_HOLES = 256;

/** The bytes of one direction that were seen, by position. Plain data. */
export class Coverage {
  /** The highest range; there is none until its start is known. */
  start: number | undefined = undefined;
  end = 0;
  /** The others in order: start and end of each. */
  lower: number[] = [];
  /** Distinct bytes seen. */
  size = 0;
  finalHoles = 0;

  /** Holes between them. */
  get holes(): number {
    return this.finalHoles + this.lower.length / 2;
  }

  /** Position after the bytes that are seen without a hole from 0 on. */
  get contiguous(): number {
    const { lower } = this;
    for (let i = 0; i < lower.length; i += 2) {
      if (lower[i]! <= 0 && lower[i + 1]! >= 0) return lower[i + 1]!;
    }
    return this.start !== undefined && this.start <= 0 ? this.end : 0;
  }

  /** Whether the byte at `position` was seen. */
  has(position: number): boolean {
    if (this.start === undefined || position >= this.end) return false;
    if (position >= this.start) return true;
    const { lower } = this;
    for (let i = lower.length - 2; i >= 0; i -= 2) {
      if (position >= lower[i]!) return position < lower[i + 1]!;
    }
    return false;
  }

  /**
   * Notes that the bytes from `start` to `end` (excluded) were seen. An empty
   * range says that the stream reached there, so that what lies before is a
   * hole.
   */
  add(start: number, end: number): void {
    if (start === this.end && this.start !== undefined) {
      this.end = end;
      this.size += end - start;
    } else if (this.start === undefined) {
      this.start = start;
      this.end = end;
      this.size += end - start;
    } else if (start > this.end) {
      this.lower.push(this.start, this.end);
      this.start = start;
      this.end = end;
      this.size += end - start;
      if (this.lower.length > 2 * MAX_HOLES) this.#closeLowest();
    } else if (start >= this.start) {
      if (end <= this.end) return;
      this.size += end - this.end;
      this.end = end;
    } else this.#merge(start, end);
  }

  /** Adds a range that begins before the highest one. */
  #merge(start: number, end: number): void {
    const ranges = this.lower;
    ranges.push(this.start!, this.end);
    // Late bytes are mostly missing near the end.
    let to = ranges.length;
    while (to > 0 && ranges[to - 2]! > end) to -= 2;
    let from = to;
    let covered = 0;
    while (from > 0 && ranges[from - 1]! >= start) {
      from -= 2;
      covered += ranges[from + 1]! - ranges[from]!;
      start = Math.min(start, ranges[from]!);
      end = Math.max(end, ranges[from + 1]!);
    }
    ranges.splice(from, to - from, start, end);
    this.size += end - start - covered;
    this.end = ranges.pop()!;
    this.start = ranges.pop()!;
  }

  /** Makes one range of the two lowest: their hole is final. */
  #closeLowest(): void {
    this.lower.splice(1, 2);
    this.finalHoles++;
  }
}
