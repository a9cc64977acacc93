/** Rows: lines of an answer, and what they are ordered by. */

/** What rows are ordered by, first to last. */
export interface RowKey {
  /** µs since 1970. */
  readonly timestamp: number;
  /** Rank of the node's name among all sources. */
  readonly node: number;
  /** Shard × 2^24 + packet. */
  readonly place: number;
  readonly n: number;
}

/** Which of two keys comes first: negative if it is the first. */
export type CompareKeys = (a: RowKey, b: RowKey) => number;

/**
 * Bytes before a row's text in a run: its four keys and the size of the text,
 * as doubles.
 */
export const ROW_HEADER = 40;
