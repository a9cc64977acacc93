/**
 * Address translation: one conversation under several five-tuples.
 *
 * A node that translates addresses (a service's to one of its pods', a pod's
 * to the node's own) passes each packet on with other ends. So the conversation
 * is captured as several flows, its *legs*, and shown as one: each end by its
 * own address, which stands on the leg next to it.
 */
import type { FlowEnd } from "./flow_end.ts";

/** One end of a translated conversation. */
export interface Face {
  /** Its own address. */
  readonly own: FlowEnd;
  /** The address by which the other end knows it. */
  readonly alias: FlowEnd;
}

/** A leg that is not shown. */
export interface OtherLeg {
  /** Its flow's, in the same table; `undefined` if that was another table. */
  readonly id: number | undefined;
  readonly protocol: number;
  /** Its first packet: shard × 2^24 + number in the shard. */
  readonly firstPlace: number;
  readonly low: FlowEnd;
  readonly high: FlowEnd;
}

/** What the leg that is shown knows of the others. Plain data. */
export interface Translation {
  /** The low end of the leg that is shown, and its high one. */
  readonly low: Face;
  readonly high: Face;
  readonly others: readonly OtherLeg[];
}

/** An end as entries show it. */
export interface ShownEnd extends FlowEnd {
  /** The virtual address that stands for it, if it has one. */
  readonly serviceIp?: string | undefined;
}

/** A server by its own address, and by the one that was connected to. */
export function toShown({ own, alias }: Face): ShownEnd {
  return alias.ip === own.ip ? own : { ...own, serviceIp: alias.ip };
}
