/** Values that paths have had, as completion is told of them. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { SeenAnswer } from "../../api/hub.ts";
import { HUB } from "../../api/paths.ts";
import { SavefileWorkers } from "../../cli/savefile_workers.ts";
import { openSavefile } from "../../worker/capture/savefile.ts";
import type { Made } from "./batches.ts";
import { RunningHub } from "./running_hub.ts";
import { ScriptedWorker } from "./scripted_worker.ts";

const FILES = ["http/fixtures/nginx.pcap", "redis/fixtures/types.pcap"];

async function valuesOf(
  hub: RunningHub,
  asked: Record<string, string>,
): Promise<Response> {
  return await hub.fetch(`${HUB.values}?${new URLSearchParams(asked)}`);
}

/** Entries of one node, given what is special about each. */
function entriesOf(node: string, ...parts: object[]): Made[] {
  return parts.map((part, place) => ({
    ...{ node, place, n: 0, timestamp: 1e15 + place, completed: 1e15 + place },
    text: JSON.stringify({ protocol: "http", src: {}, dst: {}, ...part }),
  }));
}

const path = (text: unknown) => ({ request: { path: text } });

Deno.test("values are those of real entries, the commonest first", async () => {
  await using savefiles = await SavefileWorkers.open();
  const links = [];
  for (const file of FILES) {
    const url = new URL(`../../dissectors/${file}`, import.meta.url);
    using savefile = openSavefile(fileURLToPath(url));
    links.push((await savefiles.add(file, savefile)).worker);
  }
  await using hub = await RunningHub.start({ links });
  const seen = async (
    asked: Record<string, string>,
  ): Promise<[string, number][]> => {
    const response = await valuesOf(hub, asked);
    const { values }: SeenAnswer = await response.json();
    return values.map(({ value, count }) => [value, count]);
  };
  const counted = async (kfl: string): Promise<number> => {
    const question = new URLSearchParams({ kfl, output: "count" });
    const answer = await hub.fetch(`${HUB.query}?${question}`);
    const lines = (await answer.text()).trimEnd().split("\n");
    return JSON.parse(lines.at(-1)!).done.matches;
  };
  // By then the workers' threads have started.
  ok(await counted("") > 0);
  const paths = await seen({ path: "request.path" });
  ok(paths.length > 3);
  for (const [value, count] of paths.slice(0, 3)) {
    equal(count, await counted(`request.path == ${JSON.stringify(value)}`));
  }
  const counts = paths.map(([, count]) => count);
  deepEqual(counts, counts.toSorted((a, b) => b - a));
  // The case of a header's name does not matter.
  const types = await seen({ path: 'response.headers["CONTENT-type"]' });
  ok(types.some(([value]) => value === "text/plain"), String(types));
  ok((await seen({ path: "src.port" })).every(([port]) => /^\d+$/.test(port)));
  deepEqual((await seen({ path: "protocol", kfl: "redis" })).length, 1);
  const commands = await seen({ path: "request.command.lower()" });
  ok(commands.some(([value]) => value === "set"), String(commands));

  const completed = await hub.post(HUB.complete, {
    kfl: 'redis and request.command == "SE',
  });
  const { suggestions } = await completed.json();
  ok(
    suggestions.some(({ text }: { text: string }) => text === '"SET"'),
    JSON.stringify(suggestions),
  );
});

Deno.test("lists are counted by elements, and each entry once", async () => {
  const stored = entriesOf(
    "a",
    { request: { alpn: ["h2", "http/1.1", "h2"] }, protocol: "tls" },
    { request: { alpn: ["h2"] }, protocol: "tls" },
    { request: { alpn: "none" }, protocol: "http" },
  );
  const worker = new ScriptedWorker("a", stored);
  await using hub = await RunningHub.start({ links: [worker] });
  const response = await valuesOf(hub, { path: "request.alpn" });
  deepEqual(await response.json(), {
    values: [{ value: "h2", count: 2 }, { value: "http/1.1", count: 1 }],
    entries: 3,
  });
});

Deno.test("what is hidden, long or no text is not told", async () => {
  const stored = entriesOf(
    "a",
    path("[REDACTED]"),
    path("/token/[REDACTED]"),
    path("/" + "x".repeat(300)),
    path("/\u0000"),
    path("/\ufffd"),
    path({ base64: "/w==" }),
    path("/fine"),
    path(undefined),
  );
  const worker = new ScriptedWorker("a", stored);
  await using hub = await RunningHub.start({ links: [worker] });
  const asked = { path: "request.path", kfl: 'redact("src.ip") and http' };
  const response = await valuesOf(hub, asked);
  deepEqual(await response.json(), {
    values: [{ value: "/fine", count: 1 }],
    entries: 8,
  });
  // The worker hides: it is told what.
  const [{ plan } = { plan: undefined }] = worker.asked;
  equal(plan?.redact.length, 1);
  equal(plan?.order, "desc");
  ok(plan.limit! <= 500);
});

Deno.test("the same question soon after is not asked again", async () => {
  const worker = new ScriptedWorker("a", entriesOf("a", path("/a")));
  await using hub = await RunningHub.start({ links: [worker] });
  const asked = { path: "request.path", kfl: "http" };
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, () => valuesOf(hub, asked)),
  ]);
  ok(answers.every(({ status }) => status === 200));
  for (const answer of answers) await answer.body?.cancel();
  await (await valuesOf(hub, asked)).body?.cancel();
  equal(worker.asked.length, 1);
  await (await valuesOf(hub, { ...asked, kfl: "" })).body?.cancel();
  equal(worker.asked.length, 2);
});

Deno.test("only few different questions run at once, for a bounded time", async () => {
  const worker = new ScriptedWorker("a", entriesOf("a", path("/a")));
  worker.hangs = true;
  await using hub = await RunningHub.start({ links: [worker] });
  const answers = await Promise.all(
    Array.from(
      { length: 10 },
      (_, i) =>
        valuesOf(hub, { path: "request.path", kfl: `dst.port == ${i}` }),
    ),
  );
  const statuses = answers.map(({ status }) => status).sort();
  deepEqual(statuses, [200, 200, 200, 200, 503, 503, 503, 503, 503, 503]);
  for (const answer of answers) await answer.body?.cancel();
  // What was refused may be asked again.
  worker.hangs = false;
  const again = await valuesOf(hub, {
    path: "request.path",
    kfl: "dst.port == 9",
  });
  equal(again.status, 200);
  await again.body?.cancel();
  deepEqual(hub.faults, []);
});

Deno.test("what is no path, or a wrong filter, is refused", async () => {
  const worker = new ScriptedWorker("a", []);
  await using hub = await RunningHub.start({ links: [worker] });
  const wrong: [Record<string, string>, RegExp][] = [
    [{}, /empty/],
    [{ path: "request.pth" }, /no `request.pth`/],
    [{ path: "request.path) or (http" }, /path/],
    [{ path: "request.path", kfl: "http) or (dns" }, /./],
    [{ path: "request.path", from: "soon" }, /from/],
    [{ path: "request.path", limit: "3" }, /limit/],
  ];
  for (const [asked, expected] of wrong) {
    const response = await valuesOf(hub, asked);
    equal(response.status, 400, JSON.stringify(asked));
    match((await response.json()).error.message, expected);
  }
  deepEqual(worker.asked, []);
});
