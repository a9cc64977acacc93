/** Where packets are read from, once or twice. */
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import type { OpenSavefile } from "../capture/savefile.ts";
import { walk, type WalkOptions } from "../capture/walk.ts";

/**
 * Takes a batch, which is borrowed.
 *
 * @param interfaces those of the batch; one and the same list may grow
 * @param first number of the batch's first frame in the source
 */
export type Visit = (
  batch: FrameBatch,
  interfaces: readonly Interface[],
  first: number,
) => void;

/** Packets in the order in which they were kept. */
export interface PacketSource {
  /** Whether they can be walked through again after {@link rewind}. */
  readonly canRewind: boolean;
  rewind(): void;
  walk(options: WalkOptions, visit: Visit): Promise<void>;
}

/** The packets of a savefile. */
export function ofSavefile(file: OpenSavefile): PacketSource {
  return {
    canRewind: file.canRewind,
    rewind: () => file.rewind(),
    async walk(options, visit) {
      await walk(file, options, (batch, first) => {
        visit(batch, file.reader.interfaces, first);
      });
    },
  };
}
