/** Where packets are read from, once or twice. */
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { NO_PODS, type PodIpsOf } from "../../stream/mesh.ts";
import { toPlace } from "../../stream/reader.ts";
import type { OpenSavefile } from "../capture/savefile.ts";
import { walk, type WalkOptions } from "../capture/walk.ts";

/**
 * Takes a batch, which is borrowed.
 *
 * @param interfaces those of the batch; one and the same list may grow
 * @param place where the batch's first frame lies: shard × 2^24 + number in the
 *   shard; those of the others follow
 */
export type Visit = (
  batch: FrameBatch,
  interfaces: readonly Interface[],
  place: number,
) => void;

/** Packets in the order in which they were kept. */
export interface PacketSource {
  /** What captured them, as the ids of its entries name it. */
  readonly node: string;
  /** Whether they can be walked through again after {@link rewind}. */
  readonly canRewind: boolean;
  rewind(): void;
  walk(options: WalkOptions, visit: Visit): Promise<void>;
  /** Who it was in whose network the frames that are visited were captured. */
  readonly podIpsOf: PodIpsOf;
}

/** The packets of a savefile, which ids call `node`. */
export function ofSavefile(file: OpenSavefile, node: string): PacketSource {
  return {
    node,
    canRewind: file.canRewind,
    podIpsOf: NO_PODS,
    rewind: () => file.rewind(),
    async walk(options, visit) {
      await walk(file, options, (batch, first) => {
        visit(batch, file.reader.interfaces, toPlace(0, first));
      });
    },
  };
}
