/** The names of a query, as they come from the hub. */
import { BadMessage } from "../../api/batch.ts";
import { isAnsweredPart, readAnswered } from "../../api/names.ts";
import { NamesTable } from "../../api/names_table.ts";
import { AnsweredNames } from "../../entry/answered_names.ts";

/** What a query knows of names. */
export interface QueryNames {
  /** As it was when the query was asked: all that is known of what is stored. */
  readonly stored: NamesTable;
  /** The same, with what is heard of later on. */
  readonly live: NamesTable;
}

/** Collects what comes behind the question. */
export class NamesInbox {
  /** What answers called the others, wherever they were captured. */
  readonly answered = new AnsweredNames();
  readonly #parts: Uint8Array[] = [];
  readonly #whole = Promise.withResolvers<QueryNames | undefined>();
  /** Parts that were announced; `undefined` before the question. */
  #wanted: number | undefined;
  #taken = 0;
  #live: NamesTable | undefined;

  constructor() {
    // Nobody may be there to be told that it fails.
    this.#whole.promise.catch(() => {});
  }

  /**
   * The question is there: so many parts come; `undefined` if nobody has names.
   *
   * @throws BadMessage
   */
  expect(parts: number | undefined): void {
    this.#wanted = parts ?? 0;
    if (parts === undefined) this.#whole.resolve(undefined);
    else if (parts === 0) this.#finish();
  }

  /**
   * Takes a part.
   *
   * @param part borrowed as long as the query lives
   * @throws BadMessage
   */
  add(part: Uint8Array): void {
    if (this.#wanted === undefined) throw new BadMessage("Bytes came first");
    const isAnswered = isAnsweredPart(part);
    if (isAnswered) this.answered.learnAll(readAnswered(part));
    else if (this.#live) return this.#live.update(part);
    if (this.#live) return;
    if (this.#taken >= this.#wanted) {
      throw new BadMessage("Names came that were not announced");
    }
    if (!isAnswered) this.#parts.push(part);
    if (++this.#taken === this.#wanted) this.#finish();
  }

  /** Nothing more comes. */
  fail(error: unknown): void {
    this.#whole.reject(error);
  }

  /**
   * The names, once all of them are there; `undefined` if nobody has any.
   *
   * @throws what it failed with
   */
  get whole(): Promise<QueryNames | undefined> {
    return this.#whole.promise;
  }

  #finish(): void {
    const stored = new NamesTable(this.#parts);
    this.#live = new NamesTable(this.#parts, true);
    this.#whole.resolve({ stored, live: this.#live });
  }
}
