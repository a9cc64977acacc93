/** Files that others of us keep in a data folder, beside the shards. */

/** The last order of whose packets to capture. */
export const ORDER_NAME = "targets.json";

/** Rows of answers that wait; recovery removes what is left of them. */
const ROWS = /^rows\.[0-9a-f]{8}\.unfinished$/;

/** A name for such a file that none has. */
export function rowsName(): string {
  const mark = crypto.getRandomValues(new Uint8Array(4)).toHex();
  return `rows.${mark}.unfinished`;
}

/**
 * Whether a file has rows of answers. They do not count for the limit, for a
 * query must not delete what it asks about, and have a bound of their own.
 */
export function isOfRows(name: string): boolean {
  return ROWS.test(name);
}
