/**
 * What was seen of packets at a glance before they were stored, as columns
 * beside a batch of frames: so they need not be looked at twice. They save time
 * and change nothing.
 */

/** Columns; row i is that of the batch's row. Reused by their owner. */
export class Glances {
  /**
   * Number of the packet's flow: those that have the same are of one
   * five-tuple. 0 where the packet has to be looked at: it is no plain one, or
   * opens or closes its flow.
   */
  readonly flow: Uint32Array;
  /**
   * Twice the bytes of its transport's payload on the wire, and one more if its
   * flow's low end sent it.
   */
  readonly size: Uint32Array;

  /** @param capacity rows */
  constructor(capacity: number) {
    this.flow = new Uint32Array(capacity);
    this.size = new Uint32Array(capacity);
  }
}
