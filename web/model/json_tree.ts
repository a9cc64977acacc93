/**
 * A JSON value as rows that open and close. Only what is open has rows, so a
 * value of megabytes costs what is seen of it; nothing here is recursive, for
 * the peer chooses the depth.
 */
import { pathTo } from "./kfl_text.ts";

/** Rows that are open at first, at most. */
const OPEN_AT_FIRST = 120;

/** Children of one value that are shown at once; the rest on demand. */
export const CHILDREN_AT_ONCE = 5000;

/** Rows that are open at once, at most. */
export const MAX_ROWS = 200_000;

/** A number whose digits JavaScript would round. */
export class ExactNumber {
  readonly digits: string;
  constructor(digits: string) {
    this.digits = digits;
  }
}

/** One value, or the rest of a value's children. */
export interface JsonRow {
  readonly kind: "leaf" | "branch" | "more";
  readonly parent: JsonRow | undefined;
  /** Name or index within the parent; absent at the root. */
  readonly name: string | number | undefined;
  readonly depth: number;
  readonly value: unknown;
  /** Of a branch: how many children it has. Of `more`: how many are left. */
  readonly count: number;
  isOpen: boolean;
}

/**
 * Reads JSON; integers beyond 2^53 keep their digits.
 *
 * @returns `undefined` where the text is none
 */
export function parseJson(text: string): { value: unknown } | undefined {
  try {
    const value: unknown = LONG_INTEGER.test(text)
      ? JSON.parse(text, keepDigits)
      : JSON.parse(text);
    return { value };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      return undefined;
    }
    throw error;
  }
}

/** Where digits may be lost; behind a point they are expected to be. */
const LONG_INTEGER = /(?<![.\d])\d{16}/;

/** TypeScript does not know the third argument yet (ECMA-262, JSON.parse). */
const keepDigits: (name: string, value: unknown) => unknown = (
  _name: string,
  value: unknown,
  context?: { readonly source?: string },
) => {
  const isRounded = typeof value === "number" && Number.isInteger(value) &&
    !Number.isSafeInteger(value);
  return isRounded && context?.source ? new ExactNumber(context.source) : value;
};

/** The rows of a value. */
export class JsonTree {
  rows: JsonRow[];
  readonly #base: string;

  /** @param base KFL path that leads to the value */
  constructor(value: unknown, base: string) {
    this.#base = base;
    this.rows = [rowOf(undefined, undefined, value)];
    this.#openFirst();
  }

  /** Opens or closes a branch, or shows what was left out. */
  toggle(at: number): void {
    const row = this.rows[at];
    if (!row || row.kind === "leaf") return;
    if (row.kind === "more") this.#showMore(at, row);
    else if (row.isOpen) this.#close(at, row);
    else this.#open(at, row);
  }

  /** Opens all that fits. */
  openAll(): void {
    const rows: JsonRow[] = [];
    const pending = [this.rows[0]!];
    while (pending.length > 0) {
      const row = pending.pop()!;
      rows.push(row);
      const fits = rows.length + pending.length + row.count < MAX_ROWS;
      if (row.kind === "branch" && row.count > 0) {
        row.isOpen = fits;
        if (fits) pending.push(...childrenOf(row, 0).reverse());
      }
    }
    this.rows = rows;
  }

  /** Closes all but the outermost. */
  closeAll(): void {
    const root = this.rows[0]!;
    root.isOpen = false;
    this.rows = [root];
    this.toggle(0);
  }

  /** KFL path of a row. */
  pathOf(row: JsonRow): string {
    const names: (string | number)[] = [];
    for (let each: JsonRow | undefined = row; each; each = each.parent) {
      if (each.name !== undefined) names.unshift(each.name);
    }
    return names.reduce<string>(pathTo, this.#base);
  }

  /** Breadth first, so that the outline is seen before its parts. */
  #openFirst(): void {
    let depth = 0;
    while (this.rows.length < OPEN_AT_FIRST) {
      const before = this.rows.length;
      for (let at = 0; at < this.rows.length; at++) {
        const row = this.rows[at]!;
        const isDue = row.kind === "branch" && !row.isOpen &&
          row.depth === depth &&
          (depth === 0 || this.rows.length + row.count <= OPEN_AT_FIRST);
        if (isDue) this.#open(at, row);
      }
      if (this.rows.length === before) return;
      depth++;
    }
  }

  #open(at: number, row: JsonRow): void {
    if (row.count === 0 || this.rows.length >= MAX_ROWS) return;
    row.isOpen = true;
    this.#insert(at + 1, 0, childrenOf(row, 0));
  }

  #close(at: number, row: JsonRow): void {
    row.isOpen = false;
    let end = at + 1;
    while (end < this.rows.length && this.rows[end]!.depth > row.depth) end++;
    this.#insert(at + 1, end - at - 1, []);
  }

  #showMore(at: number, row: JsonRow): void {
    const shown = row.parent!.count - row.count;
    this.#insert(at, 1, childrenOf(row.parent!, shown));
  }

  #insert(at: number, remove: number, added: readonly JsonRow[]): void {
    this.rows = [
      ...this.rows.slice(0, at),
      ...added,
      ...this.rows.slice(at + remove),
    ];
  }
}

/** Rows for the children of a branch from one of them on. */
function childrenOf(parent: JsonRow, from: number): JsonRow[] {
  const value = parent.value as object;
  const to = Math.min(parent.count, from + CHILDREN_AT_ONCE);
  const rows = Array.isArray(value)
    ? value.slice(from, to).map((each, i) => rowOf(parent, from + i, each))
    : Object.keys(value).slice(from, to).map((name) =>
      rowOf(parent, name, (value as Record<string, unknown>)[name])
    );
  if (to < parent.count) {
    rows.push({
      kind: "more",
      parent,
      name: undefined,
      depth: parent.depth + 1,
      value: undefined,
      count: parent.count - to,
      isOpen: false,
    });
  }
  return rows;
}

function rowOf(
  parent: JsonRow | undefined,
  name: string | number | undefined,
  value: unknown,
): JsonRow {
  const isBranch = typeof value === "object" && value !== null &&
    !(value instanceof ExactNumber);
  return {
    kind: isBranch ? "branch" : "leaf",
    parent,
    name,
    depth: parent ? parent.depth + 1 : 0,
    value,
    count: isBranch ? sizeOf(value) : 0,
    isOpen: false,
  };
}

function sizeOf(value: object): number {
  return Array.isArray(value) ? value.length : Object.keys(value).length;
}
