/** Scan threads: what they may do, and what happens when one ends. */
import { deepEqual, equal, match } from "node:assert/strict";
import type { Channel } from "../../../api/channel.ts";
import { WORKER } from "../../../api/paths.ts";
import { PLAN_VERSION } from "../../../kfl/plan_version.ts";
import {
  permissionsOf,
  ScanPool,
  type ScanPoolOptions,
} from "../../../worker/serve/scan_pool.ts";
import { WorkerService } from "../../../worker/serve/service.ts";
import type { ThreadOrder } from "../../../worker/serve/thread_messages.ts";
import { ask, Asked, askFor } from "./asker.ts";
import { importFixtures, withFolder, withService } from "./folders.ts";

Deno.test("scan threads may only read and write the data folder", async () => {
  const worker = new Worker(new URL("./rights.ts", import.meta.url), {
    type: "module",
    deno: { permissions: permissionsOf("/tmp/folder") },
  });
  worker.postMessage([
    { name: "read", path: "/tmp/folder" },
    { name: "write", path: "/tmp/folder" },
    { name: "read", path: "/etc/passwd" },
    { name: "write", path: "/tmp" },
    { name: "net" },
    { name: "ffi" },
    { name: "env" },
    { name: "run" },
    { name: "sys" },
    { name: "import" },
  ]);
  const { promise, resolve } = Promise.withResolvers<string[]>();
  worker.onmessage = ({ data }) => resolve(data);
  const [read, write, ...others] = await promise;
  worker.terminate();
  deepEqual([read, write], ["granted", "granted"]);
  equal(others.includes("granted"), false);
});

/** A pool of threads that can be broken, over a folder with entries. */
async function withBreakable(
  use: (pool: Breakable) => Promise<void>,
  options: Partial<ScanPoolOptions> = {},
): Promise<void> {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap"]);
    const faults: string[] = [];
    const source = { folder, node: "test", grows: false };
    const pool = new ScanPool({
      folder,
      threads: 1,
      start: (rights) =>
        new Worker(new URL("./breaking_thread.ts", import.meta.url), rights),
      onFault: (text) => faults.push(text),
      ...options,
    });
    try {
      await use({
        pool,
        folder,
        faults,
        query: () => pool.ask((port) => ({ kind: "query", port, source })),
        order: (ask, transferred = true) =>
          pool.ask((port) => {
            const wanted = { what: "packets", ask } as const;
            const given = transferred ? { port } : {};
            return { kind: "file", source, wanted, ...given } as ThreadOrder;
          }),
      });
    } finally {
      pool.close();
    }
  });
}

interface Breakable {
  readonly pool: ScanPool;
  readonly folder: string;
  /** What the log was told. */
  readonly faults: readonly string[];
  query(): Channel;
  /** Has a thread `break` or `hang`, or says nonsense to it. */
  order(ask: string, transferred?: boolean): Channel;
}

/** Asks for all entries, and waits for their number. */
async function counts({ pool, query }: Breakable): Promise<void> {
  const asked = new Asked(query(), askFor("", { output: "count" }));
  await asked.ended();
  equal(asked.error, undefined);
  equal(asked.done!.done.matches > 0, true);
  await asked.until(() => pool.load === 0);
}

Deno.test("a thread that breaks ends its queries, and another takes its place", async () => {
  await withBreakable(async (breakable) => {
    const { pool, faults, query, order } = breakable;
    // Without credit it stands still with its answer in hand.
    const standing = new Asked(query(), askFor("", { credit: 0 }), false);
    await standing.until(() => pool.load === 1);
    order("break");
    await standing.ended();
    equal(standing.error, "internal");
    equal(faults.length, 1);
    match(faults[0]!, /broken on purpose/);
    await counts(breakable);
  });
});

Deno.test("a thread that hangs is found out, told of and replaced", async () => {
  await withBreakable(async (breakable) => {
    const { pool, faults, query, order } = breakable;
    const standing = new Asked(query(), askFor("", { credit: 0 }), false);
    await standing.until(() => pool.load === 1);
    order("hang");
    await standing.ended();
    equal(standing.error, "internal");
    match(faults.join(), /^A scan thread hangs, with 2 queries under way/);
    equal(pool.isStuck, false);
    await counts(breakable);
  }, { look: 200 });
});

Deno.test("no thread is started where too many hang, and whoever asks hears it", async () => {
  await withBreakable(async ({ pool, folder, faults, query, order }) => {
    const onFault = () => {};
    using service = new WorkerService({
      ...{ name: "test", version: "0", folder, pool, onFault },
    });
    equal((await service.fetch(WORKER.health)).status, 200);
    for (let hung = 0; hung < 2; hung++) {
      const asked = new Asked(query(), askFor(""), false);
      order("hang");
      await asked.ended();
    }
    equal(pool.isStuck, true);
    equal(faults.length, 2);
    const asked = new Asked(query(), askFor(""));
    await asked.ended();
    equal(asked.error, "internal");
    equal(pool.load, 0);
    equal((await service.fetch(WORKER.health)).status, 503);
  }, { look: 100 });
});

Deno.test("a thread that stands still for want of credit does not hang", async () => {
  const looks: number[] = [];
  await withBreakable(async (breakable) => {
    const { faults, query } = breakable;
    const standing = new Asked(query(), askFor("", { credit: 0 }), false);
    // Long after a thread that hangs would have been found out.
    const timer = setInterval(() => looks.push(0), 20);
    await standing.until(() => looks.length > 200, 60_000);
    clearInterval(timer);
    equal(standing.closed, undefined);
    deepEqual(faults, []);
    standing.close();
    await counts(breakable);
  }, { look: 100 });
});

Deno.test("an order without a port is over at once, and harms nobody", async () => {
  await withBreakable(async (breakable) => {
    const { pool, faults, query, order } = breakable;
    const standing = new Asked(query(), askFor("", { credit: 0 }), false);
    order("lost", false);
    equal(pool.load, 2);
    await standing.until(() => pool.load === 1);
    equal(standing.closed, undefined);
    deepEqual(faults, []);
    standing.close();
    await counts(breakable);
  });
});

Deno.test("whoever goes before the thread hears of it leaves nothing behind", async () => {
  await withBreakable(async (breakable) => {
    const { pool, faults, query } = breakable;
    for (let n = 0; n < 50; n++) query().close("gone");
    equal(pool.load, 50);
    await counts(breakable);
    deepEqual(faults, []);
  });
});

Deno.test("what nobody can answer is refused, and harms nobody", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap"]);
    await withService(folder, async (service) => {
      const plan = askFor("http and request.path == '/'");
      const questions: [question: string, code: string][] = [
        ["", "message"],
        ["nonsense", "message"],
        ["[]", "message"],
        ["{}", "version"],
        [JSON.stringify({ ...plan, plan: { version: 0 } }), "version"],
        [
          JSON.stringify({ ...plan, plan: { version: PLAN_VERSION } }),
          "message",
        ],
        [JSON.stringify({ ...plan, output: "page" }), "message"],
        [JSON.stringify({ ...plan, credit: 1e9 }), "message"],
        [
          JSON.stringify({ ...plan, plan: { ...plan.plan, filter: {} } }),
          "message",
        ],
        ["x".repeat(2 ** 21), "message"],
      ];
      for (const [question, code] of questions) {
        const asked = await (await ask(service, question)).ended();
        equal(asked.error, code, question.slice(0, 100));
      }
      const asked = await ask(service, askFor("", { credit: 0 }), false);
      asked.grant(-1);
      await asked.ended();
      equal(asked.error, "message");
    });
  });
});

Deno.test("many queries are answered at once, each as if it were alone", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap", "http/nginx.pcap"]);
    await withService(folder, async (service) => {
      const alone = await ask(service, askFor("", { output: "entry" }));
      const { rows } = await alone.ended();
      const all = await Promise.all(
        Array.from(
          { length: 40 },
          () => ask(service, askFor("", { output: "entry" })),
        ),
      );
      for (const asked of all) deepEqual((await asked.ended()).rows, rows);
    }, 2);
  });
});
