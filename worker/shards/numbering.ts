/**
 * Where a folder's shards begin to be counted.
 *
 * Shards stand in ids. A pod that takes another's place on a node begins with
 * an empty folder, under the same name; were its first shard 1 again, its ids
 * would be those of other entries. So they are counted from the time on.
 */

/** A shard may begin that often for as long as there are pods, ms. */
const STEP_MS = 125;

/**
 * First numbers, after which they begin anew: those of 388 days. As many are
 * left for what a folder that begins with the last of them will hold.
 */
const FIRST_NUMBERS = 2 ** 28;

/**
 * The number of a new folder's first shard: greater than any of a folder that
 * was begun before, unless that had more than eight shards a second.
 *
 * @param now ms since 1970
 */
export const firstShardAt = (now: number): number =>
  1 + Math.floor(now / STEP_MS) % FIRST_NUMBERS;
