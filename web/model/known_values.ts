/** Known values: what the hub told of paths, for as long as it is worth it. */
import type { SeenValue, Wanted } from "../../kfl/completion.ts";

/** Asks for values. */
export type AskValues = (wanted: Wanted) => Promise<readonly SeenValue[]>;

/** How long values are shown before they are asked for again, ms. */
const FRESH = 5000;

/** Paths that are remembered. */
const MAX_KNOWN = 50;

interface Known {
  values: readonly SeenValue[];
  /** When they were asked for last, ms. */
  askedAt: number;
}

/** Values that were asked for. */
export class KnownValues {
  readonly #ask: AskValues;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  #waiting: { readonly key: string; readonly onNews: () => void } | undefined;

  constructor(ask: AskValues, now: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#now = now;
  }

  /**
   * What is known by now. Where that is nothing, or old, the hub is asked.
   *
   * @param onNews called if the hub tells more than that, and until then
   * nothing else was wanted
   */
  of(wanted: Wanted, onNews: () => void): readonly SeenValue[] {
    const key = JSON.stringify([wanted.path, wanted.kfl]);
    this.#waiting = { key, onNews };
    const known = this.#known.get(key);
    if (!known || this.#now() - known.askedAt > FRESH) {
      void this.#refresh(key, wanted, known?.values ?? []);
    }
    return known?.values ?? [];
  }

  async #refresh(
    key: string,
    wanted: Wanted,
    values: readonly SeenValue[],
  ): Promise<void> {
    const known: Known = { values, askedAt: this.#now() };
    this.#known.delete(key);
    this.#known.set(key, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN) this.#known.delete(oldest!);
    known.values = await this.#ask(wanted);
    const isNew = !sameTexts(values, known.values);
    if (isNew && this.#waiting?.key === key) this.#waiting.onNews();
  }
}

/** Whether the same is offered, however often it was seen. */
function sameTexts(a: readonly SeenValue[], b: readonly SeenValue[]): boolean {
  return a.length === b.length &&
    a.every(({ value }, i) => value === b[i]!.value);
}
