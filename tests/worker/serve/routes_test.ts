/** A worker's routes, asked in this process. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { WORKER } from "../../../api/paths.ts";
import type { WorkerState } from "../../../api/worker.ts";
import { openSavefile } from "../../../worker/capture/savefile.ts";
import { FrameBatch } from "../../../packet/frame.ts";
import { Random } from "../../fuzz/random.ts";
import { interleaved } from "../scan/interleaved.ts";
import { ask, askFor, planOf } from "./asker.ts";
import { importFixtures, withFolder, withService } from "./folders.ts";
import { withGrowing } from "./growing.ts";

/** The code of what was refused, and its status. */
async function refusal(response: Response): Promise<[number, string]> {
  const { error } = await response.json();
  return [response.status, error.code];
}

/** Packets of a savefile, as it was sent. */
async function packetsOf(response: Response): Promise<number> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, await response.bytes());
    using file = openSavefile(path);
    const batch = new FrameBatch(64);
    let packets = 0;
    while (file.reader.next(batch)) packets += batch.count;
    equal(file.reader.damage, undefined);
    return packets;
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("an entry is given as a query gives it, and so are its bodies", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["http/nginx.pcap"]);
    await withService(folder, async (service) => {
      const asked = await ask(service, askFor("http", { output: "entry" }));
      await asked.ended();
      let bodies = 0;
      for (const { id, text } of asked.rows.slice(0, 30)) {
        const path = `${WORKER.entries}/${encodeURIComponent(id)}`;
        const entry = await service.fetch(path);
        equal(await entry.text(), text);
        const body = await service.fetch(`${path}/body/response`);
        const { response } = JSON.parse(text);
        if (response?.body === undefined) {
          deepEqual(await refusal(body), [404, "missing"]);
          continue;
        }
        bodies++;
        equal(body.headers.get("x-content-type-options"), "nosniff");
        match(body.headers.get("content-disposition")!, /^attachment/);
        if (typeof response.body === "string") {
          equal(await body.text(), response.body);
        } else equal((await body.bytes()).toBase64(), response.body.base64);
      }
      ok(bodies > 0);
    });
  });
});

Deno.test("what a query hides is in no entry, and takes bodies and packets with it", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["http/nginx.pcap"]);
    await withService(folder, async (service) => {
      const { rows } = await (await ask(service, askFor("http"))).ended();
      const path = `${WORKER.entries}/${rows[0]!.id}`;
      const plan = planOf('redact("request.path") and http');
      const redact = `redact=${
        encodeURIComponent(JSON.stringify(plan.redact))
      }`;
      const entry = await (await service.fetch(`${path}?${redact}`)).json();
      equal(entry.request.path, "[REDACTED]");
      for (
        const [path_, init] of [
          [`${path}/body/response?${redact}`, {}],
          [`${path}/packets?${redact}`, {}],
          [WORKER.packets, {
            method: "POST",
            body: JSON.stringify({ plan, exact: false }),
          }],
        ] as const
      ) {
        deepEqual(
          await refusal(await service.fetch(path_, init)),
          [403, "hidden"],
        );
      }
    });
  });
});

Deno.test("packets come as a savefile: of an entry, its conversation, a plan", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/types.pcap", "dns/types.pcap"]);
    await withService(folder, async (service) => {
      const { rows } = await (await ask(service, askFor("redis"))).ended();
      const path = `${WORKER.entries}/${rows[0]!.id}/packets`;
      const exact = await packetsOf(await service.fetch(path));
      const all = await packetsOf(await service.fetch(`${path}?conversation`));
      ok(exact > 0 && exact < all, `${exact} ${all}`);
      const post = (kfl: string, exact: boolean) =>
        service.fetch(WORKER.packets, {
          method: "POST",
          body: JSON.stringify({ plan: planOf(kfl), exact }),
        });
      const few = await packetsOf(await post("redis", true));
      const redis = await packetsOf(await post("redis", false));
      const both = await packetsOf(await post("", false));
      ok(few < redis && redis < both, `${few} ${redis} ${both}`);
    });
  });
});

Deno.test("a savefile that nobody reads on is not made", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/large.pcap"]);
    await withService(folder, async (service) => {
      const response = await service.fetch(WORKER.packets, {
        method: "POST",
        body: JSON.stringify({ plan: planOf(""), exact: false }),
      });
      await response.body!.cancel();
      equal(await queriesOf(service), 0);
    });
  });
});

/** Queries and files under way, once that is none, or after a while. */
async function queriesOf(
  service: { fetch(path: string): Promise<Response> },
): Promise<number> {
  for (let n = 0;; n++) {
    const text = await (await service.fetch(WORKER.metrics)).text();
    const queries = Number(/^thresher_worker_queries (\d+)$/m.exec(text)![1]);
    if (queries === 0 || n === 100) return queries;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("what there is not is refused, with the reason", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/types.pcap"]);
    await withService(folder, async (service) => {
      const put = (body: string) => ({ method: "PUT", body });
      const post = (body: string) => ({ method: "POST", body });
      const cases: [string, RequestInit, number, string][] = [
        ["/", {}, 404, "missing"],
        ["/v1/../etc/passwd", {}, 404, "missing"],
        [`${WORKER.entries}/`, {}, 404, "missing"],
        [`${WORKER.entries}/..%2f..%2fetc`, {}, 404, "missing"],
        [`${WORKER.entries}/%ff`, {}, 404, "missing"],
        [`${WORKER.entries}/test~1~0~99`, {}, 404, "missing"],
        [`${WORKER.entries}/other~1~0~0`, {}, 404, "missing"],
        [`${WORKER.entries}/test~1~0~0/body/both`, {}, 404, "missing"],
        [`${WORKER.entries}/test~1~0~0?redact=1`, {}, 400, "message"],
        [`${WORKER.entries}/x?redact=${"a".repeat(9e3)}`, {}, 400, "message"],
        [WORKER.state, { method: "POST" }, 405, "method"],
        [WORKER.storageLimit, put('{"limit": 1e8}'), 501, "unable"],
        [WORKER.targets, put('{"addresses": null}'), 501, "unable"],
        [WORKER.packets, {}, 405, "method"],
        [WORKER.packets, post("{}"), 400, "message"],
        [WORKER.packets, post("null"), 400, "message"],
        [WORKER.packets, post("x".repeat(2 ** 25 + 1)), 413, "large"],
      ];
      for (const [path, init, ...wanted] of cases) {
        const response = await service.fetch(path, init);
        deepEqual(await refusal(response), wanted, path.slice(0, 99));
      }
    });
  });
});

Deno.test("a worker says what it keeps, and takes another limit and targets", async () => {
  await withFolder((folder) =>
    withGrowing(folder, async (service, growing) => {
      const state = async (): Promise<WorkerState> =>
        await (await service.fetch(WORKER.state)).json();
      equal((await state()).storage.packets, 0);
      const frames = interleaved(new Random(1), 4);
      const { length } = frames;
      const [first, last] = [frames[0]!.time, frames.at(-1)!.time];
      growing.store(frames.splice(0, 50));
      equal((await state()).storage.packets, 50);
      growing.store(frames);
      const { storage, capture, node } = await state();
      equal(node, "test");
      deepEqual(
        [storage.packets, storage.first, storage.last],
        [length, first, last],
      );
      ok(storage.used > 0);
      equal(capture?.droppedByKernel, 1);
      const put = (path: string, body: unknown) =>
        service.fetch(path, { method: "PUT", body: JSON.stringify(body) });
      equal((await put(WORKER.storageLimit, { limit: 2 ** 28 })).status, 204);
      equal((await state()).storage.limit, 2 ** 28);
      const ends = [{ ip: "10.0.0.1" }, { ip: "fd00::1", ports: [80] }];
      for (
        const order of [{ revision: "1", ends }, { revision: "2", all: true }]
      ) {
        equal((await put(WORKER.targets, order)).status, 204);
        deepEqual(growing.order, order);
      }
      const wrong = [
        {},
        { revision: "3" },
        { revision: "3", ends: "all" },
        { revision: "3", all: true, ends },
        { revision: "3", ends: [{ ip: "localhost" }] },
        { revision: "3", ends: ["10.0.0.1"] },
        { revision: "3", ends: [{ ip: "10.0.0.1", ports: [0] }] },
        { revision: 3, ends },
        { revision: "3", ends: Array(10_001).fill(ends[0]) },
      ];
      for (const order of wrong) {
        const { status } = await put(WORKER.targets, order);
        equal(status, 400, JSON.stringify(order).slice(0, 80));
      }
      equal(growing.order?.revision, "2");
      const metrics = await (await service.fetch(WORKER.metrics)).text();
      match(metrics, /^thresher_worker_packets_dropped_total 1$/m);
    }, { shardBytes: 8000 })
  );
});
