/** A worker in this process follows what is captured, in its scan threads. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { PROTOCOLS } from "../../../dissectors/registry.ts";
import { Pin } from "../../../worker/scan/pin.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { Store } from "../../../worker/shards/store.ts";
import { Random } from "../../fuzz/random.ts";
import { parseId } from "../../../entry/entry.ts";
import { toPlace } from "../../../stream/reader.ts";
import { findFixtures } from "../../dissectors/fixtures.ts";
import {
  BEGIN,
  framesOf,
  interleaved,
  type TimedFrame,
} from "../scan/interleaved.ts";
import { ask, askFor, planOf } from "./asker.ts";
import { importFixtures, withFolder, withService } from "./folders.ts";
import { type GrowingFolder, withGrowing } from "./growing.ts";

/** Frames whose times end just now, as those of a capture do. */
function recent(random: Random, fixtures: number): TimedFrame[] {
  const frames = interleaved(random, fixtures);
  const ahead = Date.now() * 1000 - frames.at(-1)!.time;
  // Nothing may be so old that it has waited for too long, nor become so while
  // a busy machine runs the test.
  const scale = Math.min(1, 3e6 / (frames.at(-1)!.time - BEGIN));
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
        await asked.until(() =>
          asked.answers.length > 0 && seen() >= wanted.length
        );
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

Deno.test("what is never answered is told, though no packet comes", async () => {
  const { path } = findFixtures().find(({ name }) =>
    name === "dns/unanswered.pcap"
  )!;
  await withFolder((folder) =>
    withGrowing(folder, async (service, growing) => {
      const asked = await ask(service, askFor("dns", { follow: true }));
      await asked.until(() => asked.heartbeats > 0);
      const [request] = framesOf(path);
      const time = Date.now() * 1000 - 29.5e6;
      growing.store([{ ...request!, time }]);
      await asked.until(() => asked.liveRows.length > 0);
      const [row] = asked.liveRows;
      equal(row!.timestamp, time);
      ok(Date.now() * 1000 - time > 30e6);
      asked.close();
    })
  );
});

Deno.test("a quiet worker says up to when it has read", async () => {
  await withFolder((folder) =>
    withGrowing(folder, async (service) => {
      const began = Date.now() * 1000;
      const asked = await ask(service, askFor("", { follow: true }));
      await asked.until(() => asked.watermark > began);
      await asked.until(() => asked.heartbeats >= 5);
      ok(asked.watermark <= Date.now() * 1000);
      asked.close();
    })
  );
});

Deno.test("a worker that is asked alone says it less often, but for a row", async () => {
  await withFolder((folder) =>
    withGrowing(folder, async (service, growing) => {
      const began = Date.now();
      const question = askFor("", { follow: true });
      const [alone, other] = await Promise.all([
        ask(service, { ...question, isAlone: true }),
        ask(service, question),
      ]);
      await other.until(() => other.heartbeats >= 30);
      ok(alone.heartbeats > 0);
      ok(alone.heartbeats < (Date.now() - began) / 350 + 2);
      // A row waits no longer than it does where others are asked as well.
      growing.store(recent(new Random(2), 2));
      await alone.until(() => alone.liveRows.length > 0);
      const newest = () =>
        Math.max(...alone.liveRows.map(({ completed }) => completed));
      await alone.until(() => alone.watermark >= newest());
      alone.close();
      other.close();
    })
  );
});

Deno.test("whoever takes nothing keeps nothing from being deleted, and is told", async () => {
  const random = new Random(5);
  await withFolder((folder) =>
    withGrowing(folder, async (service, growing) => {
      const question = askFor("", { follow: true, credit: 0 });
      const asked = await ask(service, question, false);
      await asked.until(() => asked.heartbeats > 0);
      const all = recent(random, 60);
      const last = all.splice(-200);
      await trickle(growing, all, random);
      const numbers = growing.writer.store.numbers();
      ok(numbers[0]! > 1, "nothing was deleted");
      const behind = () =>
        asked.progress.some((said) =>
          "progress" in said && (said.progress.behind ?? 0) > 0
        );
      await asked.until(behind);
      equal(asked.liveRows.length, 0);
      asked.grant(200);
      growing.store(last);
      // It goes on with what is kept, to its end.
      const { time } = last[100]!;
      await asked.until(() =>
        asked.liveRows.some(({ completed }) => completed >= time)
      );
      await asked.until(() =>
        asked.answers.some((said) =>
          "coverage" in said && said.coverage[0]!.deletedUntil !== undefined
        )
      );
      const ids = asked.liveRows.map(({ id }) => id);
      equal(new Set(ids).size, ids.length);
      asked.close();
    }, { shardBytes: 4000, storageLimit: 120_000 })
  );
});

Deno.test("a query that was lost is gone on with", async () => {
  const random = new Random(9);
  await withFolder((folder) =>
    withGrowing(folder, async (service, growing) => {
      const frames = recent(random, 6);
      const question = askFor("", { follow: true, last: 0 });
      const first = await ask(service, question);
      await first.until(() => first.heartbeats > 0);
      growing.store(frames.splice(0, frames.length / 2));
      const half = await completed(folder, "");
      await first.until(() => first.liveRows.length >= half.length);
      // What comes while it ends is nothing that was heard.
      const heard = [...first.liveRows];
      first.close();
      const { id, completed: time } = heard.at(-1)!;
      const { shard, packet, n } = parseId(id)!;
      const after = { completed: time, place: toPlace(shard, packet), n };
      growing.store(frames);
      const second = await ask(service, { ...question, after });
      const wanted = await completed(folder, "");
      const ids = () => [...heard, ...second.liveRows].map(({ id }) => id);
      await second.until(() => ids().length >= wanted.length);
      await setTimeout(150);
      deepEqual(ids().sort(), wanted);
      second.close();
    }, { shardBytes: 20_000 })
  );
});

Deno.test("a limit ends a query that follows", async () => {
  const random = new Random(2);
  await withFolder((folder) =>
    withGrowing(folder, async (service, growing) => {
      const question = askFor("", { follow: true, limit: 3 });
      const asked = await ask(service, question);
      await asked.until(() => asked.heartbeats > 0);
      growing.store(recent(random, 4));
      await asked.ended();
      equal(asked.done?.done.matches, 3);
      equal(asked.liveRows.length, 3);
      await asked.until(() => !growing.isHeard);
    })
  );
});

Deno.test("of a savefile all is stored, also what was open at its end", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap", "http/nginx.pcap"]);
    await withService(folder, async (service) => {
      const all = await (await ask(service, askFor(""))).ended();
      const question = askFor("", { follow: true, last: 100_000 });
      const asked = await ask(service, question);
      await asked.until(() => asked.heartbeats > 2);
      deepEqual(asked.rows, all.rows);
      deepEqual(asked.liveRows, []);
      asked.close();
    });
  });
});

Deno.test("what a query that follows rests on is said at once", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap"]);
    await withService(folder, async (service) => {
      const asked = await ask(service, askFor("", { follow: true }));
      await asked.until(() => asked.answers.some((each) => "coverage" in each));
      const [coverage] = asked.answers.flatMap((each) =>
        "coverage" in each ? each.coverage : []
      );
      equal(coverage?.node, "test");
      asked.close();
    });
  });
});
