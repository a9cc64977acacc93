/** Rows of entries as they are completed: a batch of them is in order. */
import { Batch, BatchWriter, type Form } from "../../api/batch.ts";
import type { Rendered } from "../scan/rendering.ts";

/** Collects the next batch of a query that follows. */
export class LiveRows {
  readonly #writer: BatchWriter;
  readonly #sorted: BatchWriter;
  #isSorted = true;
  /** What the row that was added last is ordered by. */
  #completed = -Infinity;
  #place = 0;
  #n = 0;

  constructor(form: Form) {
    this.#writer = new BatchWriter(form);
    this.#sorted = new BatchWriter(form);
  }

  get count(): number {
    return this.#writer.count;
  }

  /** Whether what was added should be sent before anything else is. */
  get isFull(): boolean {
    return this.#writer.isFull;
  }

  /** Adds a row, which is copied. */
  add({ head, position, text }: Rendered): void {
    const { completed } = head;
    const { place, n } = position;
    const order = completed - this.#completed || place - this.#place ||
      n - this.#n;
    if (order < 0) this.#isSorted = false;
    this.#completed = completed;
    this.#place = place;
    this.#n = n;
    this.#writer.add(head, position, text);
  }

  /**
   * The batch as a message, by `(completed, id)`; then there are no rows.
   *
   * @param watermark no entry that comes later was completed by then, µs
   */
  take(watermark?: number): Uint8Array<ArrayBuffer> {
    const isSorted = this.#isSorted;
    this.#isSorted = true;
    this.#completed = -Infinity;
    if (isSorted) return this.#writer.take(watermark);
    const batch = new Batch(this.#writer.take());
    const rows = Array.from({ length: batch.count }, (_, row) => row);
    const { completed, place, n } = batch;
    rows.sort((a, b) =>
      completed[a]! - completed[b]! || place[a]! - place[b]! || n[a]! - n[b]!
    );
    for (const row of rows) this.#sorted.copy(batch, row);
    return this.#sorted.take(watermark);
  }
}
