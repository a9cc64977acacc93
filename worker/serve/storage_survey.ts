/** What a data folder keeps, told again and again at little cost. */
import type { StorageState } from "../../api/worker.ts";
import { PCAP_HEADER } from "../../packet/savefile.ts";
import { readMeta } from "../shards/meta.ts";
import type { Shard } from "../shards/shard.ts";
import type { Store } from "../shards/store.ts";

/** What is known of a shard. */
interface Counted {
  readonly packets: number;
  /** Least and greatest time, µs; infinite without packets. */
  readonly first: number;
  readonly last: number;
  /** Bytes of it that were looked at; `undefined` if it is final. */
  readonly position?: number;
}

const NOTHING: Counted = {
  packets: 0,
  first: Infinity,
  last: -Infinity,
  position: PCAP_HEADER,
};

/** Surveys one folder. Of what it has seen before only what is new is read. */
export class StorageSurvey {
  readonly #store: Store;
  #shards = new Map<number, Counted>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** What is kept now. */
  take(): StorageState {
    const { folder } = this.#store;
    const shards = new Map<number, Counted>();
    for (const number of this.#store.numbers()) {
      const counted = this.#count(number);
      if (counted) shards.set(number, counted);
    }
    this.#shards = shards;
    const all = [...shards.values()].filter(({ packets }) => packets > 0);
    const meta = readMeta(folder);
    return {
      limit: meta?.storageLimit ?? 0,
      used: folder.list().reduce((sum, { size }) => sum + size, 0),
      packets: all.reduce((sum, { packets }) => sum + packets, 0),
      ...all.length > 0 && {
        first: Math.min(...all.map(({ first }) => first)),
        last: Math.max(...all.map(({ last }) => last)),
      },
      deletedUntil: meta?.deletedUntil,
    };
  }

  #count(number: number): Counted | undefined {
    const known = this.#shards.get(number);
    if (known && known.position === undefined) return known;
    using shard = this.#store.attempt(number);
    if (!shard) return undefined;
    const header = shard.sealedHeader;
    if (!header) return countOn(shard, known ?? NOTHING);
    const { packets, first, last } = header;
    return packets > 0 ? { packets, first, last } : { ...NOTHING };
  }
}

/** Counts what was written since. */
function countOn(shard: Shard, known: Counted): Counted {
  let { packets, first, last } = known;
  const frames = shard.frames(known.position);
  const { batch } = frames;
  while (frames.next()) {
    packets += batch.count;
    for (let i = 0; i < batch.count; i++) {
      const time = batch.time[i]!;
      if (time < first) first = time;
      if (time > last) last = time;
    }
  }
  return { packets, first, last, position: frames.position };
}
