/** Entries in the order of an answer, in bounded memory. */
import type { Form } from "../../api/batch.ts";
import type { DissectedEntry } from "../../dissectors/dissected.ts";
import type { Entry } from "../../entry/entry.ts";
import type { Plan } from "../../kfl/plan.ts";
import { rendererOf } from "../scan/rendering.ts";
import { fromRowText, toRowText } from "../scan/row_text.ts";
import { Sorter } from "../scan/sorter.ts";
import { WaitingRows } from "../scan/waiting_rows.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes of an entry beside those of its messages. */
const ENTRY_WEIGHT = 4096;

/** Entries of one node by `(timestamp, id)`, as rows of batches. */
export class EntrySorter implements Disposable {
  readonly #sorter: Sorter;
  readonly #render: (entry: DissectedEntry) => string;
  readonly #hasLimit: boolean;

  /** @param folder where rows go that do not fit into memory */
  constructor(
    { order, limit, redact }: Pick<Plan, "order" | "limit" | "redact">,
    form: Form,
    folder: string,
  ) {
    this.#sorter = new Sorter({
      order,
      limit,
      store: () => new WaitingRows(folder),
    });
    const render = rendererOf(form, redact);
    this.#render = (entry) => toRowText(render(entry));
    this.#hasLimit = limit !== undefined;
  }

  /** Adds an entry, if it can be among the first. It is copied. */
  add(entry: DissectedEntry): void {
    const { timestamp, place, n } = entry;
    const key = { timestamp, node: 0, place, n };
    if (!this.#sorter.wants(key)) return;
    if (entry.borrowsNothing && this.#hasLimit) {
      this.#sorter.addLate(key, {
        weight: weightOf(entry),
        render: () => this.#render(entry),
      });
    } else this.#sorter.add(key, this.#render(entry));
  }

  /** Adds a row that another one gave. */
  addRow(row: Uint8Array): void {
    const { head: { timestamp }, position: { place, n } } = fromRowText(row);
    this.#sorter.add({ timestamp, node: 0, place, n }, decoder.decode(row));
  }

  /** As `Sorter.rows` gives them. */
  rows(): Iterable<Uint8Array> {
    return this.#sorter.rows();
  }

  [Symbol.dispose](): void {
    this.#sorter[Symbol.dispose]();
  }
}

/** Bytes that a kept entry may take: its messages, and what is made of them. */
function weightOf({ requestSize = 0, responseSize = 0 }: Entry): number {
  return 2 * (requestSize + responseSize) + ENTRY_WEIGHT;
}
