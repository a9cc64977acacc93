/** Scan threads: what they may do, and what happens when one ends. */
import { deepEqual, equal } from "node:assert/strict";
import { permissionsOf, ScanPool } from "../../../worker/serve/scan_pool.ts";
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

Deno.test("a thread that dies ends its queries, and another takes its place", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap"]);
    const faults: string[] = [];
    const pool = new ScanPool({
      folder,
      threads: 1,
      onFault: (text) => faults.push(text),
    });
    const source = { folder, node: "test", grows: false };
    const query = () => pool.ask((port) => ({ kind: "query", port, source }));
    // Without credit it stands still with its answer in hand.
    const standing = new Asked(query(), askFor("", { credit: 0 }), false);
    await standing.until(() => pool.load === 1);
    pool.ask(() => ({ kind: "query", port: undefined as never, source }));
    await standing.ended();
    equal(standing.error, "internal");
    equal(faults.length, 1);
    const next = new Asked(query(), askFor("", { output: "count" }));
    await next.ended();
    equal(next.error, undefined);
    equal(next.done!.done.matches > 0, true);
    await next.until(() => pool.load === 0);
    pool.close();
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
        [JSON.stringify({ ...plan, plan: { version: 1 } }), "message"],
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
