/**
 * Pin: what is stored at one moment.
 *
 * A query that follows tells what was completed by the packets that are there
 * when it begins from what later ones complete. The pin is where it cuts.
 */
import { toName } from "../shards/shard.ts";
import { PCAP_HEADER } from "../../packet/savefile.ts";
import type { Store } from "../shards/store.ts";
import { lineOf } from "./shard_line.ts";

/** Where a line ends: in this shard, behind so many bytes of its PCAP. */
interface LineEnd {
  readonly shard: number;
  readonly bytes: number;
}

/** The packets that a folder has at one moment. */
export class Pin {
  readonly #ends: ReadonlyMap<string, LineEnd>;

  private constructor(ends: ReadonlyMap<string, LineEnd>) {
    this.#ends = ends;
  }

  /** What is stored now. */
  static of(store: Store): Pin {
    // Sizes before anything is opened: a shard that ends meanwhile and the one
    // after it must not both be cut.
    const sizes = new Map(
      store.folder.list().map(({ name, size }) => [name, size]),
    );
    const ends = new Map<string, LineEnd>();
    for (const shard of store.shards("oldest first")) {
      const bytes = sizes.get(toName(shard.number, "pcap")) ?? 0;
      if (bytes <= PCAP_HEADER) continue;
      ends.set(lineOf(shard), { shard: shard.number, bytes });
    }
    return new Pin(ends);
  }

  /** Bytes of a shard's PCAP that were there: all of them, some or none. */
  bytesOf(line: string, shard: number): number {
    const end = this.#ends.get(line);
    if (!end || shard > end.shard) return 0;
    return shard < end.shard ? Infinity : end.bytes;
  }
}
