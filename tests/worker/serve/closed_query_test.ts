/** A worker in this process answers queries that end, in its scan threads. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { PROTOCOLS, SCHEMA } from "../../../dissectors/registry.ts";
import { toPlain } from "../../../entry/json.ts";
import { redact } from "../../../kfl/redaction.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { answeredFor } from "../../../worker/scan/source_scan.ts";
import { Store } from "../../../worker/shards/store.ts";
import { ask, askFor, planOf } from "./asker.ts";
import { importFixtures, withFolder, withService } from "./folders.ts";

const FIXTURES = [
  "redis/pipelined.pcap",
  "http/pipelined.pcap",
  "dns/types.pcap",
];

/** What a search of the folder finds, by the order of the answer. */
async function expected(
  folder: string,
  kfl: string,
  options: Parameters<typeof planOf>[1] = {},
): Promise<{ id: string; json: string }[]> {
  const plan = planOf(kfl, options);
  const rows: {
    timestamp: number;
    place: number;
    n: number;
    json: string;
    id: string;
  }[] = [];
  await searchStore(Store.open(folder), {
    plan,
    protocols: PROTOCOLS,
    answered: answeredFor(plan),
    onMatch: (entry) => {
      const { timestamp, place, n, id } = entry;
      const json = JSON.stringify(redact(toPlain(entry, SCHEMA), plan.redact));
      rows.push({ timestamp, place, n, id, json });
    },
  });
  const sign = plan.order === "asc" ? 1 : -1;
  rows.sort((a, b) =>
    sign * (a.timestamp - b.timestamp || a.place - b.place || a.n - b.n)
  );
  return rows.slice(0, plan.limit).map(({ id, json }) => ({ id, json }));
}

Deno.test("a worker answers with every match, in exact order", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, FIXTURES);
    await withService(folder, async (service) => {
      for (
        const [kfl, options] of [
          ["", {}],
          ["redis", { order: "desc" }],
          ["http or dns", { limit: 3 }],
          ["", { order: "desc", limit: 5 }],
          ['redact("src.ip", "request") and http', {}],
        ] as const
      ) {
        const wanted = await expected(folder, kfl, options);
        ok(wanted.length > 0, kfl);
        const asked = await ask(
          service,
          askFor(kfl, { ...options, output: "entry" }),
        );
        await asked.ended();
        deepEqual(
          asked.rows.map(({ id, text }) => ({ id, json: text })),
          wanted,
        );
        equal(asked.done?.done.matches, wanted.length);
        equal(asked.done?.coverage[0]?.node, "test");
        ok(asked.done.coverage[0].packets > 0);
      }
    });
  });
});

Deno.test("a number costs no credit, and has a limit as rows have", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, FIXTURES);
    const all = (await expected(folder, "")).length;
    await withService(folder, async (service) => {
      for (const limit of [undefined, 2]) {
        const question = askFor("", { output: "count", credit: 0, limit });
        const asked = await (await ask(service, question)).ended();
        equal(asked.done?.done.matches, limit ?? all);
        deepEqual(asked.rows, []);
      }
    });
  });
});

Deno.test("rows show nothing that is hidden", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["http/nginx.pcap"]);
    await withService(folder, async (service) => {
      const plain = await ask(service, askFor("http"));
      const hidden = await ask(
        service,
        askFor('redact("request.path", "status") and http'),
      );
      const { rows } = await plain.ended();
      await hidden.ended();
      ok(rows.some(({ text }) => text.includes("/")));
      equal(hidden.rows.length, rows.length);
      equal(hidden.rows.some(({ text }) => text.includes("/")), false);
    });
  });
});

Deno.test("without credit nothing comes, and all of it with some", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, FIXTURES);
    const all = await expected(folder, "");
    await withService(folder, async (service) => {
      const question = askFor("", { credit: 0 });
      const asked = await ask(service, question, false);
      await new Promise((resolve) => setTimeout(resolve, 300));
      deepEqual([asked.rows, asked.answers], [[], []]);
      asked.grant(1);
      await asked.ended();
      deepEqual(asked.rows.map(({ id }) => id), all.map(({ id }) => id));
    });
  });
});
