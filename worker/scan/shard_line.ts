/**
 * A line of shards, walked through as if it were one savefile: the packets of
 * one source and link type, in the order in which they were kept.
 */
import { FrameBatch, type Interface } from "../../packet/frame.ts";
import type { PodIpsOf } from "../../stream/mesh.ts";
import { toPlace } from "../../stream/reader.ts";
import { BATCH, Pauses, type WalkOptions } from "../capture/walk.ts";
import { PacketRows } from "../shards/columns.ts";
import type { Shard } from "../shards/shard.ts";
import type { Store } from "../shards/store.ts";
import type { PacketSource, Visit } from "./packet_source.ts";

/** What tells the lines of a folder apart. */
export function lineOf(shard: Shard): string {
  return `${shard.linkType} ${shard.source}`;
}

/** The lines of a folder, by their oldest shards. */
export function linesOf(store: Store): ShardLine[] {
  const lines = new Map<string, { linkType: number; numbers: number[] }>();
  for (const shard of store.shards("oldest first")) {
    const key = lineOf(shard);
    const { linkType, number } = shard;
    const line = lines.get(key);
    if (line) line.numbers.push(number);
    else lines.set(key, { linkType, numbers: [number] });
  }
  return Array.from(
    lines.values(),
    ({ linkType, numbers }) => new ShardLine(store, linkType, numbers),
  );
}

/** What was read once and has to be read again was deleted meanwhile. */
export class ShardGone extends Error {
  override name = "ShardGone";
}

/** Shards of one source and link type, the oldest first. */
export class ShardLine implements PacketSource {
  readonly canRewind = true;
  readonly podIpsOf: PodIpsOf = (network) =>
    this.#shard?.podIpsOf(network) ?? [];
  readonly node: string;
  readonly linkType: number;
  /** What is damaged in which shard; one line each. */
  readonly damage: string[] = [];
  readonly #store: Store;
  readonly #numbers: readonly number[];
  /** Packets of each shard when it was read first; `undefined` before. */
  readonly #counts = new Map<number, number>();
  readonly #rows = new PacketRows();
  readonly #batch = new FrameBatch(BATCH);
  #interfaces: Interface[] = [];
  /** The one that is walked through. */
  #shard: Shard | undefined;

  constructor(store: Store, linkType: number, numbers: readonly number[]) {
    this.node = store.node;
    this.#store = store;
    this.linkType = linkType;
    this.#numbers = numbers;
  }

  /** Nothing stands anywhere: every walk begins at the oldest shard. */
  rewind(): void {}

  /**
   * Shards that were deleted before the first walk are passed over; packets
   * that were kept after it are not in the second.
   *
   * @throws ShardGone if one is deleted between two walks
   */
  async walk(options: WalkOptions, visit: Visit): Promise<void> {
    const pauses = new Pauses(options);
    this.#interfaces = [];
    let done = 0;
    for (const number of this.#numbers) {
      using shard = this.#store.attempt(number);
      const count = this.#countOf(number, shard);
      if (!shard || count === 0) continue;
      this.#shard = shard;
      const interfaces = this.#interfacesOf(shard);
      const wanted = Uint32Array.from({ length: count }, (_, row) => row);
      for (let at = 0; at < count;) {
        const loaded = shard.load(this.#rows, wanted, at, count, this.#batch);
        if (loaded === 0) break;
        visit(this.#batch, interfaces, toPlace(number, at));
        at += loaded;
        const ready = options.ready?.();
        if (ready) await ready;
        if (pauses.isDue) {
          await pauses.take(done + this.#rows.offset[at - 1]!);
        }
      }
      done += shard.header.pcapBytes;
    }
    this.#shard = undefined;
  }

  /** Loads the columns of a shard, and says how many of its rows to read. */
  #countOf(number: number, shard: Shard | undefined): number {
    const packets = shard ? shard.columns(this.#rows).count : 0;
    const known = this.#counts.get(number);
    if (known === undefined) {
      this.#counts.set(number, packets);
      const damage = shard?.facts.damage;
      if (damage !== undefined) {
        this.damage.push(`shard ${number}: ${damage}`);
      }
      return packets;
    }
    if (packets < known) {
      throw new ShardGone(
        `Shard ${number} was deleted while it was read: try again, with a ` +
          "higher storage limit if that happens often",
      );
    }
    return known;
  }

  /** The same list as for the shard before where that list only goes on. */
  #interfacesOf(shard: Shard): readonly Interface[] {
    const known = this.#interfaces;
    const { interfaces } = shard;
    const isSame = interfaces.every((one, i) =>
      i >= known.length || one.name === known[i]!.name &&
        one.snapLength === known[i]!.snapLength
    );
    if (isSame) known.push(...interfaces.slice(known.length));
    else this.#interfaces = [...interfaces];
    return this.#interfaces;
  }
}
