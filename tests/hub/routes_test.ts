/** The hub's routes, as programs ask them. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { HUB, WORKER } from "../../api/paths.ts";
import { fromSchemaMessage } from "../../api/schema.ts";
import { SCHEMA } from "../../dissectors/registry.ts";
import { REDACTED } from "../../kfl/redaction.ts";
import { Refused } from "../../net/failure.ts";
import { Random } from "../fuzz/random.ts";
import { compareStored, type Made, makeEntries } from "./batches.ts";
import { RunningHub } from "./running_hub.ts";
import { ScriptedWorker } from "./scripted_worker.ts";

/** Lines of JSON. */
async function linesOf(response: Response): Promise<unknown[]> {
  const text = await response.text();
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function twoWorkers(): { links: ScriptedWorker[]; all: Made[] } {
  const random = new Random(3);
  const parts = ["node-0", "node-1"].map((node) =>
    makeEntries(random, node, 200)
  );
  return {
    links: parts.map((part, i) =>
      new ScriptedWorker(`node-${i}`, part, { random })
    ),
    all: parts.flat().sort(compareStored),
  };
}

Deno.test("a plain client gets entries as lines, and the coverage in the last", async () => {
  const { links, all } = twoWorkers();
  await using hub = await RunningHub.start({ links });
  const response = await hub.fetch(`${HUB.query}?limit=150&order=desc`);
  equal(response.headers.get("content-type"), "application/x-ndjson");
  const lines = await linesOf(response);
  const last = lines.pop() as { done: unknown; coverage: unknown[] };
  deepEqual(lines, all.reverse().slice(0, 150));
  deepEqual(last.done, { matches: 150 });
  equal(last.coverage.length, 2);
});

Deno.test("rows and counts can be had in place of entries", async () => {
  const { links, all } = twoWorkers();
  await using hub = await RunningHub.start({ links });
  const rows = await linesOf(await hub.fetch(`${HUB.query}?output=row`));
  const [first] = rows as { id: string; timestamp: string; src: unknown }[];
  match(first!.id, /^node-[01]~0~\d+~[01]$/);
  match(first!.timestamp, /^2001-09-09T01:46:40\.\d{6}Z$/);
  const ip = `10.0.0.${Number(first!.id.split("~")[2]) % 200}`;
  deepEqual(first!.src, { ip, port: 40_000, name: ip });
  const [count] = await linesOf(await hub.fetch(`${HUB.query}?output=count`));
  deepEqual((count as { done: unknown }).done, { matches: all.length });
});

Deno.test("a client that goes away in the middle leaves nothing behind", async () => {
  const { links } = twoWorkers();
  await using hub = await RunningHub.start({ links });
  const leaving = new AbortController();
  const response = await hub.fetch(`${HUB.query}?follow=true&last=10`, {
    signal: leaving.signal,
  });
  const reader = response.body!.getReader();
  await reader.read();
  equal(hub.server.metrics.queries, 1);
  leaving.abort();
  while (hub.server.metrics.queries > 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  equal(hub.server.metrics.held, 0);
  deepEqual(hub.faults, []);
});

Deno.test("what is asked wrongly is refused in words", async () => {
  await using hub = await RunningHub.start();
  const refusals: [path: string, status: number, words: RegExp][] = [
    [`${HUB.query}?kfl=${encodeURIComponent("htp and")}`, 400, /.+/],
    [`${HUB.query}?limit=many`, 400, /"limit" must be a number/],
    [`${HUB.query}?from=yesterday`, 400, /"from" must be/],
    [`${HUB.query}?folow=true`, 400, /no "folow"/],
    [`${HUB.query}?follow=true&order=desc`, 400, /oldest first/],
    [`${HUB.entries}/node-9~0~1~0`, 404, /No worker has the node/],
    [HUB.export, 405, /with POST/],
    ["/api/v1/nothing", 404, /nothing at/],
  ];
  for (const [path, status, words] of refusals) {
    const response = await hub.fetch(path);
    const { error } = await response.json();
    equal(response.status, status, path);
    match(error.message, words);
  }
  const wrong = await hub.fetch(`${HUB.query}?kfl=request.pth`);
  const { error } = await wrong.json();
  equal(error.code, "kfl");
  deepEqual(error.diagnostics[0].span, { from: 0, to: 11 });
});

Deno.test("filters are checked, completed and explained", async () => {
  await using hub = await RunningHub.start();
  const ask = async (path: string, body: unknown) =>
    await (await hub.post(path, body)).json();
  deepEqual(await ask(HUB.check, { kfl: "http" }), { diagnostics: [] });
  const { diagnostics } = await ask(HUB.check, { kfl: "request.pth == 1" });
  match(diagnostics[0].hint, /request\.path/);
  const { suggestions } = await ask(HUB.complete, {
    kfl: "http and request.me",
  });
  equal(suggestions[0].text, "method");
  const { text, plan } = await ask(HUB.explain, { kfl: "port == 6379" });
  match(text, /^flow +port == 6379$/m);
  equal(plan.version, 2);
});

Deno.test("the schema is that of the dissectors", async () => {
  await using hub = await RunningHub.start();
  const message = await (await hub.fetch(HUB.schema)).json();
  deepEqual(
    fromSchemaMessage(message).protocols.map(({ name }) => name),
    SCHEMA.protocols.map(({ name }) => name),
  );
});

Deno.test("an entry and its parts come from the worker of its node", async () => {
  const asked: string[] = [];
  const whole = {
    id: "node-1~0~1~0",
    timestamp: "2026-11-23T10:13:00.123456Z",
    src: { ip: "192.0.2.1", port: 40_000 },
    dst: { ip: "192.0.2.2", port: 80 },
  };
  const routes = (path: string) => {
    asked.push(path);
    if (/\/packets(\?|$)/.test(path)) {
      return new Response("PCAP", {
        headers: { "content-type": "application/vnd.tcpdump.pcap" },
      });
    }
    if (path.includes("/body/")) {
      return new Response("<script>", {
        headers: { "content-type": "text/html", "set-cookie": "a=b" },
      });
    }
    return path.includes("~0~1~0") ? Response.json(whole) : undefined;
  };
  const links = [
    new ScriptedWorker("node-0", []),
    new ScriptedWorker("node-1", [], { routes }),
  ];
  await using hub = await RunningHub.start({ links });
  asked.length = 0;
  const entry = await hub.fetch(`${HUB.entries}/node-1~0~1~0`);
  deepEqual(await entry.json(), whole);
  const packets = await hub.fetch(`${HUB.entries}/node-1~0~1~0/packets`);
  equal(packets.headers.get("content-type"), "application/vnd.tcpdump.pcap");
  equal(await packets.text(), "PCAP");
  const wide = `${HUB.entries}/node-1~0~1~0/packets?kfl=&conversation=true`;
  equal(await (await hub.fetch(wide)).text(), "PCAP");
  const body = await hub.fetch(`${HUB.entries}/node-1~0~1~0/body/response`);
  equal(await body.text(), "<script>");
  equal(body.headers.get("content-type"), "application/octet-stream");
  equal(body.headers.get("content-disposition"), "attachment");
  equal(body.headers.get("set-cookie"), null);
  const gone = await hub.fetch(`${HUB.entries}/node-1~0~2~0`);
  equal(gone.status, 404);
  await gone.body?.cancel();
  const id = "/v1/entries/node-1~0~";
  deepEqual(asked, [
    `${id}1~0`,
    `${id}1~0/packets`,
    `${id}1~0/packets?conversation`,
    `${id}1~0/body/response`,
    `${id}2~0`,
  ]);
});

Deno.test("what a filter hides is hidden in the details, and not in a savefile", async () => {
  const asked: string[] = [];
  const routes = (path: string) => {
    asked.push(path);
    return path.includes("/entries/") ? Response.json({}) : undefined;
  };
  const links = [new ScriptedWorker("node-0", [], { routes })];
  await using hub = await RunningHub.start({ links });
  const kfl = encodeURIComponent('http and redact("request.headers.cookie")');
  const entry = await hub.fetch(`${HUB.entries}/node-0~0~1~0?kfl=${kfl}`);
  equal(entry.status, 200);
  await entry.body?.cancel();
  const url = new URL(`http://worker${asked.at(-1)}`);
  const paths = JSON.parse(url.searchParams.get("redact")!);
  ok(JSON.stringify(paths).includes("cookie"));
  ok(!JSON.stringify(paths).includes(REDACTED));
  for (
    const refused of [
      await hub.fetch(`${HUB.entries}/node-0~0~1~0/packets?kfl=${kfl}`),
      await hub.post(HUB.export, {
        kfl: 'redact("request.headers.cookie")',
        format: "pcap",
      }),
    ]
  ) {
    equal(refused.status, 409);
    await refused.body?.cancel();
  }
});

Deno.test("workers are listed, whether they are reached or not", async () => {
  const links = [new ScriptedWorker("a", []), new ScriptedWorker("b", [])];
  links[1]!.down = "Connection refused";
  await using hub = await RunningHub.start({ links });
  const [a, b] = await (await hub.fetch(HUB.workers)).json();
  deepEqual([a.name, a.state.node, a.missing], ["wss://a", "a", undefined]);
  deepEqual([b.name, b.state], ["wss://b", undefined]);
  equal(b.missing.reason, "Connection refused");
  const ready = await fetch(`http://${hub.host}${HUB.ready}`);
  equal(await ready.text(), "ready\n");
  const metrics = await (await hub.fetch(HUB.metrics)).text();
  match(metrics, /^thresher_hub_worker_up\{worker="a"\} 1$/m);
  match(metrics, /^thresher_hub_worker_up\{worker="wss:\/\/b"\} 0$/m);
  for (const line of metrics.trimEnd().split("\n")) {
    match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{.*\})? -?[\d.e+]+)$/);
  }
});

Deno.test("limits are set on all workers, and on those that come back", async () => {
  const set: [string, string, unknown][] = [];
  const routesOf = (name: string) => (path: string, init?: RequestInit) => {
    if (init?.method !== "PUT") return undefined;
    set.push([name, path, JSON.parse(init.body as string)]);
    return Response.json({});
  };
  const links = ["a", "b"].map((name) =>
    new ScriptedWorker(name, [], { routes: routesOf(name) })
  );
  await using hub = await RunningHub.start({ links });
  const put = (path: string, body: unknown) => hub.post(path, body, "PUT");
  const limit = await put(HUB.storageLimit, { limit: 1e9 });
  deepEqual(await limit.json(), { limit: 1e9 });
  links[1]!.kill("gone");
  await hub.workers.refresh();
  const another = await put(HUB.storageLimit, { limit: 2e9 });
  equal(another.status, 502);
  match((await another.json()).error.message, /b: gone/);
  links[1]!.restart();
  set.length = 0;
  await hub.workers.refresh();
  deepEqual(set, [["b", WORKER.storageLimit, { limit: 2e9 }]]);
  for (const wrong of [{ limit: 0 }, { limit: "1" }, {}]) {
    const refused = await put(HUB.storageLimit, wrong);
    equal(refused.status, 400);
    await refused.body?.cancel();
  }
});

Deno.test("of a refusal it is told why, and a savefile is passed over", async () => {
  const refusing = (code: string) => () => {
    const error = { code, message: `It is ${code}` };
    return Response.json({ error }, { status: 409 });
  };
  await using hub = await RunningHub.start({
    links: ["unable", "busy"].map((code) =>
      new ScriptedWorker(code, [], { routes: refusing(code) })
    ),
  });
  const refused = await hub.post(HUB.storageLimit, { limit: 1e9 }, "PUT");
  equal(refused.status, 502);
  const { error } = await refused.json();
  equal(error.message, "Not set on all nodes: wss://busy: It is busy");
});

Deno.test("savefiles are handed on whole, under a name that is none of a path", async () => {
  const taken: [string, number][] = [];
  await using hub = await RunningHub.start({
    takeSavefile: async (name, bytes) => {
      let size = 0;
      for await (const chunk of bytes) size += chunk.length;
      taken.push([name, size]);
      if (size === 0) throw new Refused("message", "The file is empty");
      return { node: name, packets: 1 };
    },
  });
  const upload = (name: string, body: Uint8Array<ArrayBuffer>) =>
    hub.fetch(`${HUB.savefiles}?name=${encodeURIComponent(name)}`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body,
    });
  const added = await upload("../../etc/a.pcap", new Uint8Array(3_000_000));
  deepEqual(await added.json(), { node: "a.pcap", packets: 1 });
  deepEqual(taken, [["a.pcap", 3_000_000]]);
  for (const name of ["", "..", "/"]) {
    const refused = await upload(name, new Uint8Array(1));
    equal(refused.status, 400);
    await refused.body?.cancel();
  }
  equal(
    (await (await upload("b", new Uint8Array(0))).json()).error.code,
    "message",
  );
  await using bare = await RunningHub.start();
  const unable = await bare.fetch(`${HUB.savefiles}?name=a`, {
    method: "POST",
  });
  equal(unable.status, 501);
  match((await unable.json()).error.message, /tap --pcap/);
});
