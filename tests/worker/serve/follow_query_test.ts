/** A worker in this process follows what is captured, in its scan threads. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { PROTOCOLS } from "../../../dissectors/registry.ts";
import { Pin } from "../../../worker/scan/pin.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { Store } from "../../../worker/shards/store.ts";
import { Random } from "../../fuzz/random.ts";
import { BEGIN, interleaved, type TimedFrame } from "../scan/interleaved.ts";
import { ask, askFor, planOf } from "./asker.ts";
import { withFolder } from "./folders.ts";
import { type GrowingFolder, withGrowing } from "./growing.ts";

/** Frames whose times end just now, as those of a capture do. */
function recent(random: Random, fixtures: number): TimedFrame[] {
  const frames = interleaved(random, fixtures);
  const ahead = Date.now() * 1000 - frames.at(-1)!.time;
  // Nothing may be so old that it has waited for too long.
  const scale = Math.min(1, 20e6 / (frames.at(-1)!.time - BEGIN));
  const last = frames.at(-1)!.time + ahead;
  return frames.map((frame) => ({
    ...frame,
    time: Math.round(last - (frames.at(-1)!.time - frame.time) * scale),
  }));
}

/** What is completed by the packets there are. */
async function completed(folder: string, kfl: string): Promise<string[]> {
  const ids: string[] = [];
  const store = Store.open(folder);
  await searchStore(store, {
    plan: planOf(kfl),
    protocols: PROTOCOLS,
    until: Pin.of(store),
    onMatch: ({ id }) => ids.push(id),
  });
  return ids.sort();
}

/** Stores frames in pieces, with pauses in between. */
async function trickle(
  growing: GrowingFolder,
  frames: TimedFrame[],
  random: Random,
): Promise<void> {
  while (frames.length > 0) {
    growing.store(frames.splice(0, random.int(1, 80)));
    await setTimeout(random.int(0, 10));
  }
}

for (let seed = 0; seed < 6; seed++) {
  Deno.test(`history and what follows are each entry once, seed ${seed}`, async () => {
    const random = new Random(seed);
    await withFolder((folder) =>
      withGrowing(folder, async (service, growing) => {
        const frames = recent(random, 6);
        growing.store(frames.splice(0, random.int(0, frames.length)));
        const kfl = random.pick(["", "http", "redis or dns"]);
        const grants = random.chance(0.5);
        const credit = grants ? 16 : 1;
        const asked = await ask(
          service,
          askFor(kfl, { follow: true, last: 100_000, credit }),
          grants,
        );
        const granting = grants ? undefined : setInterval(
          () => random.chance(0.5) && asked.grant(random.int(1, 3)),
          5,
        );
        await trickle(growing, frames, random);
        const wanted = await completed(folder, kfl);
        const seen = () => asked.rows.length + asked.liveRows.length;
        await asked.until(() => seen() >= wanted.length);
        // What is not to come has time to.
        await setTimeout(150);
        clearInterval(granting);
        const ids = [...asked.rows, ...asked.liveRows].map(({ id }) => id);
        deepEqual(ids.sort(), wanted);
        const [first] = asked.answers;
        ok(first && "stored" in first);
        equal(first.stored.count, asked.rows.length);
        asked.close();
      }, { shardBytes: random.pick([4000, 50_000]) })
    );
  });
}
