/** Queries over workers that speak the protocol over real channels. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Batch, FLAG } from "../../api/batch.ts";
import { type Channel, PortChannel } from "../../api/channel.ts";
import {
  type Answer,
  type NodeCoverage,
  type QueryRequest,
  readQueryRequest,
} from "../../api/messages.ts";
import { ask, isBatch } from "../../hub/ask.ts";
import { Metrics } from "../../hub/metrics.ts";
import { isFailure, planQuery } from "../../hub/planned_query.ts";
import { Query } from "../../hub/query.ts";
import { Workers } from "../../hub/workers.ts";
import { Random } from "../fuzz/random.ts";
import {
  compareCompleted,
  compareStored,
  type Made,
  madeOf,
  makeEntries,
} from "./batches.ts";
import { ScriptedWorker } from "./scripted_worker.ts";

/** A hub's end of a channel, asked by `request`. */
function open(
  workers: Workers,
  request: QueryRequest,
  metrics = new Metrics(),
): { channel: Channel; query: Promise<Query> } {
  const { port1, port2 } = new MessageChannel();
  const hub = new PortChannel(port1);
  const query = new Promise<Query>((resolve) => {
    let running: Query | undefined;
    hub.listen({
      onMessage: (message) => {
        if (running) return running.hear(message);
        const planned = planQuery(readQueryRequest(message as string));
        if (isFailure(planned)) throw new Error(planned.message);
        running = new Query(planned, hub, { workers, metrics }, () => {});
        resolve(running);
      },
      onClose: (reason) => running?.stop(reason),
    });
  });
  void request;
  return { channel: new PortChannel(port2), query };
}

interface Answered {
  readonly rows: Made[];
  readonly late: number;
  readonly said: Answer[];
}

/** The whole answer, or as much as `until` lets it be. */
async function answer(
  workers: Workers,
  request: QueryRequest,
  until: (rows: readonly Made[], said: readonly Answer[]) => boolean = () =>
    false,
): Promise<Answered> {
  const { channel } = open(workers, request);
  const rows: Made[] = [];
  const said: Answer[] = [];
  let late = 0;
  for await (const part of ask(channel, request)) {
    if (isBatch(part)) {
      rows.push(...rowsOf(part));
      late += part.flags.filter((flags) => flags & FLAG.LATE).length;
    } else said.push(part);
    if (until(rows, said)) break;
  }
  return { rows, late, said };
}

const rowsOf = (batch: Batch): Made[] =>
  Array.from({ length: batch.count }, (_, row) => madeOf(batch, row));

function coverageIn(said: readonly Answer[]): readonly NodeCoverage[] {
  const last = said.findLast((each) => "coverage" in each);
  ok(last && "coverage" in last);
  return last.coverage;
}

/** Whether what was stored when the query began is said. */
const isLive = (said: readonly Answer[]): boolean =>
  said.some((each) => "live" in each);

/** Some workers with entries of the same time. */
function someWorkers(
  random: Random,
  count: number,
): { links: ScriptedWorker[]; all: Made[] } {
  const all: Made[] = [];
  const links = Array.from({ length: count }, (_, i) => {
    const entries = makeEntries(random, `node-${i}`, random.int(0, 400));
    all.push(...entries);
    return new ScriptedWorker(`node-${i}`, entries, { random });
  });
  return { links, all };
}

Deno.test("closed ranges are answered as one node would, by any workers, 100 times", async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const { links, all } = someWorkers(random, random.int(1, 6));
    const order = random.pick(["asc", "desc"] as const);
    const limit = random.pick([undefined, undefined, 0, 1, 37, 500]);
    const credit = random.int(1, 8);
    const { rows, said } = await answer(new Workers(links), {
      kfl: "",
      order,
      limit,
      credit,
      output: "row",
    });
    all.sort(compareStored);
    if (order === "desc") all.reverse();
    deepEqual(rows, all.slice(0, limit), `seed ${seed}`);
    const last = said.at(-1)!;
    ok("done" in last);
    equal(last.done.matches, rows.length);
    deepEqual(
      last.coverage.map(({ node }) => node),
      links.map(({ name, node }) =>
        last.coverage.some((each) => each.node === node) ? node : name
      ),
    );
  }
});

Deno.test("a worker that cannot be reached is missing from the answer, and said so", async () => {
  const { links, all } = someWorkers(new Random(5), 3);
  links[1]!.down = "Connection refused";
  const { rows, said } = await answer(new Workers(links), { kfl: "" });
  deepEqual(
    rows,
    all.filter(({ node }) => node !== "node-1").sort(compareStored),
  );
  const missing = coverageIn(said).filter(({ missing }) => missing);
  deepEqual(missing.map(({ node }) => node), ["wss://node-1"]);
  equal(missing[0]!.missing!.reason, "Connection refused");
  ok(missing[0]!.missing!.since > 1.7e15);
});

Deno.test("counts need no entries, and are summed", async () => {
  const { links, all } = someWorkers(new Random(6), 3);
  const { rows, said } = await answer(new Workers(links), {
    kfl: "",
    output: "count",
  });
  equal(rows.length, 0);
  const last = said.at(-1)!;
  ok("done" in last);
  equal(last.done.matches, all.length);
});

/** New entries of each worker, all completed from `from` on. */
function fresh(links: readonly ScriptedWorker[], from: number, round: number) {
  return links.map(({ node }, i) =>
    Array.from({ length: 3 }, (_, k) => ({
      node,
      timestamp: from + k * 7 + i - 3,
      completed: from + k * 7 + i,
      place: 1000 + round * 10 + k,
      n: 0,
    }))
  );
}

Deno.test("a query that follows begins with the last stored entries and goes on in order", async () => {
  const { links, all } = someWorkers(new Random(7), 3);
  const workers = new Workers(links);
  all.sort(compareStored);
  const expected = all.slice(-50);
  const later: Made[] = [];
  const live = Promise.withResolvers<void>();
  const feeding = (async () => {
    await live.promise;
    for (let round = 0; round < 20; round++) {
      await sleep(10);
      const from = 2e15 + round * 100;
      const news = fresh(links, from, round);
      later.push(...news.flat());
      links.forEach((link, i) => link.capture(news[i]!, from + 50));
    }
  })();
  const { rows, late, said } = await answer(
    workers,
    { kfl: "", follow: true, last: 50, output: "row" },
    (rows, said) => {
      if (isLive(said)) live.resolve();
      return rows.length === 50 + 180;
    },
  );
  await feeding;
  expected.push(...later.sort(compareCompleted));
  deepEqual(rows, expected);
  equal(late, 0);
  ok(said.some((each) => "live" in each));
});

Deno.test("limit ends a query that follows", async () => {
  const { links } = someWorkers(new Random(8), 2);
  const workers = new Workers(links);
  const news = fresh(links, 2e15, 0);
  let isFed = false;
  const { rows, said } = await answer(
    workers,
    { kfl: "", follow: true, limit: 4, output: "row" },
    (_, said) => {
      if (isLive(said) && !isFed) {
        isFed = true;
        links.forEach((link, i) => link.capture(news[i]!, 2e15 + 50));
      }
      return false;
    },
  );
  deepEqual(rows, news.flat().sort(compareCompleted).slice(0, 4));
  ok("done" in said.at(-1)!);
});

Deno.test("a worker that dies under a live query comes back to it without loss or copy", async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = new Random(seed);
    const { links } = someWorkers(random, 3);
    const workers = new Workers(links);
    const later: Made[] = [];
    const live = Promise.withResolvers<void>();
    const feeding = (async () => {
      await live.promise;
      for (let round = 0; round < 40; round++) {
        await sleep(10);
        const from = 2e15 + round * 100;
        const news = fresh(links, from, round);
        later.push(...news.flat());
        links.forEach((link, i) => link.capture(news[i]!, from + 50));
        if (round === seed % 4 * 3) links[1]!.kill();
        if (round === 16) links[1]!.restart();
      }
    })();
    const coverages: (readonly NodeCoverage[])[] = [];
    const { rows } = await answer(
      workers,
      { kfl: "", follow: true, output: "row", credit: random.int(1, 16) },
      (rows, said) => {
        if (isLive(said)) live.resolve();
        const last = said.at(-1);
        if (last && "coverage" in last && coverages.at(-1) !== last.coverage) {
          coverages.push(last.coverage);
        }
        const isBack = coverages.at(-1)?.[1]?.missing === undefined;
        return rows.length >= 360 && isBack;
      },
    );
    await feeding;
    const order = (a: Made, b: Made) => compareCompleted(a, b);
    deepEqual([...rows].sort(order), later.sort(order), `seed ${seed}`);
    ok(links[1]!.asked.at(-1)!.after, "it is asked to go on where it was");
    const reasons = coverages.map((each) => each[1]!.missing?.reason);
    ok(reasons.includes("connection lost"), "its loss is said");
    equal(reasons.at(-1), undefined, "and that it is back");
  }
});

Deno.test("what a worker is late with is said, once, also if it was lost meanwhile", async () => {
  const link = new ScriptedWorker("node-0", [], {});
  const made = (place: number): Made => ({
    ...{ node: "node-0", place, n: 0 },
    ...{ timestamp: 2e15 + place, completed: 2e15 + place },
  });
  const steps = [
    () => link.capture([made(10), made(500)], 2e15 + 1e6),
    // Its watermark has ruled these out.
    () => link.capture([made(20)], 2e15 + 1e6),
    () => {
      link.kill();
      link.capture([made(30), made(2e6)], 2e15 + 3e6);
      link.restart();
    },
    () => link.capture([made(40)], 2e15 + 4e6),
  ];
  const expected = [2, 3, 5, 6];
  let done = 0;
  const { rows } = await answer(
    new Workers([link]),
    { kfl: "", follow: true, output: "row" },
    (rows, said) => {
      const isDue = isLive(said) && rows.length === (expected[done - 1] ?? 0);
      if (isDue) steps[done++]?.();
      return done > steps.length;
    },
  );
  deepEqual(rows.map(({ place }) => place).sort((a, b) => a - b), [
    ...[10, 20, 30, 40, 500, 2e6],
  ]);
});

Deno.test("a worker lost among its stored entries gives the rest, and all that came since", async () => {
  const random = new Random(9);
  const entries = makeEntries(random, "node-0", 500);
  const link = new ScriptedWorker("node-0", entries, { random });
  const later = Array.from({ length: 700 }, (_, place): Made => ({
    node: "node-0",
    timestamp: 2e15 + place,
    completed: 2e15 + place,
    place: 1000 + place,
    n: 0,
  }));
  let isKilled = false;
  const { rows } = await answer(
    new Workers([link]),
    { kfl: "", follow: true, last: 500, output: "row", credit: 1 },
    (rows) => {
      if (rows.length > 100 && !isKilled) {
        isKilled = true;
        link.kill();
        link.capture(later, 2e15 + 700);
        globalThis.setTimeout(() => link.restart(), 50);
      }
      return rows.length >= 1200;
    },
  );
  deepEqual(
    [...rows].sort(compareStored),
    [...entries, ...later].sort(compareStored),
  );
  equal(link.asked.length, 3);
});

Deno.test("a client that stops reading stops the workers, and loses nothing", async () => {
  const random = new Random(10);
  const entries = makeEntries(random, "node-0", 20_000);
  const link = new ScriptedWorker("node-0", entries, { random });
  const { channel } = open(new Workers([link]), { kfl: "" });
  const answers = ask(channel, { kfl: "", output: "row", credit: 2 });
  const rows: Made[] = [];
  for await (const part of answers) {
    if (!isBatch(part)) continue;
    rows.push(...rowsOf(part));
    if (rows.length > 500) break;
    if (link.sent < 100) {
      const before = link.sent;
      await sleep(60);
      const meanwhile = link.sent;
      await sleep(60);
      equal(link.sent, meanwhile, "it stands still");
      ok(meanwhile - before <= 40);
    }
  }
  ok(link.sent < 200, `${link.sent} of 1,000 batches were sent`);
});

Deno.test("a filter that is wrong is refused with what is wrong with it", () => {
  const failure = planQuery({ kfl: "htp and request.method == 1" });
  ok(isFailure(failure));
  equal(failure.code, "kfl");
  ok(failure.diagnostics!.length > 0);
});
