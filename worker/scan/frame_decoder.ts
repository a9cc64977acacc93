/** Frames of batches, decoded one at a time into one packet. */
import { Decoder } from "../../packet/decode.ts";
import type { Defragmenter } from "../../packet/defragment.ts";
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { type Outcome, Packet } from "../../packet/packet.ts";

/** Decodes frames where they lie. */
export class FrameDecoder {
  /** What was decoded last; borrowed until the next call. */
  readonly packet = new Packet();
  readonly #decoder = new Decoder();

  /** Where fragments wait. */
  get defragmenter(): Defragmenter {
    return this.#decoder.defragmenter;
  }

  /** Decodes row i of a batch, whose frame is kept at `place`. */
  decode(
    batch: FrameBatch,
    i: number,
    interfaces: readonly Interface[],
    place: number,
  ): Outcome {
    const number = batch.interface[i]!;
    this.packet.interface = number;
    return this.#decoder.decode(
      batch.bytes,
      batch.start[i]!,
      batch.captured[i]!,
      batch.original[i]!,
      interfaces[number]!.linkType,
      batch.time[i]!,
      place,
      this.packet,
    );
  }
}
