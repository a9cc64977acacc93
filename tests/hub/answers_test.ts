/** A name that one node was told names the ends that another sees. */
import { deepEqual, equal } from "node:assert/strict";
import { HUB } from "../../api/paths.ts";
import { NodeAnswers } from "../../hub/node_answers.ts";
import { Workers } from "../../hub/workers.ts";
import { lookup } from "../worker/scan/lookups.ts";
import { withFolder } from "../worker/serve/folders.ts";
import { GrowingFolder } from "../worker/serve/growing.ts";
import { LINKTYPE_ETHERNET } from "../worker/shards/traffic.ts";
import { WorkerService } from "../../worker/serve/service.ts";
import { RunningHub } from "./running_hub.ts";

/** A node that stores packets when it is told to. */
class Node implements Disposable {
  readonly service: WorkerService;
  readonly #growing: GrowingFolder;

  constructor(folder: string, node: string) {
    this.#growing = new GrowingFolder(folder, undefined, undefined, node);
    this.service = new WorkerService({
      name: node,
      version: "0.1.0",
      folder,
      capture: this.#growing,
      threads: 1,
      onFault: (text) => {
        throw new Error(text);
      },
    });
  }

  store(...frames: Uint8Array[]): void {
    this.#growing.store(frames.map((bytes) => ({
      ...{ linkType: LINKTYPE_ETHERNET, bytes, time: Date.now() * 1000 },
    })));
  }

  [Symbol.dispose](): void {
    this.service.close();
    this.#growing.writer[Symbol.dispose]();
  }
}

const client = (port: number) => ({ address: [10, 0, 0, 1], port });
const STRIPE = { address: [192, 0, 2, 1], port: 53 };

/** A client is told where Stripe is. */
const told = lookup(client(2000), "api.stripe.example", STRIPE.address);

/** A client asks Stripe, which happens to answer as name servers do. */
const asked = (port: number) =>
  lookup(client(port), "x.example", [192, 0, 2, 9], "none", STRIPE);

async function withNodes(use: (a: Node, b: Node) => Promise<void>) {
  await withFolder(async (folderOfA) => {
    await withFolder(async (folderOfB) => {
      using a = new Node(folderOfA, "node-a");
      using b = new Node(folderOfB, "node-b");
      await use(a, b);
    });
  });
}

const QUESTION = 'dns and dst.name == "api.stripe.example"';

async function ask(hub: RunningHub, kfl: string) {
  const response = await hub.fetch(
    `${HUB.query}?kfl=${encodeURIComponent(kfl)}`,
  );
  const lines = (await response.text()).trim().split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

Deno.test("what one node was told names the ends that another sees", async () => {
  await withNodes(async (a, b) => {
    await using hub = await RunningHub.start({ links: [a.service, b.service] });
    a.store(...told);
    b.store(...asked(3000));
    const [entry, ...others] = await ask(hub, QUESTION);
    deepEqual(others, []);
    deepEqual(entry.dst, {
      ip: "192.0.2.1",
      port: 53,
      name: "api.stripe.example",
    });
    const detail = await hub.fetch(`${HUB.entries}/${entry.id}`);
    deepEqual((await detail.json()).dst, entry.dst);
  });
});

Deno.test("a query that follows hears what other nodes are told", async () => {
  await withNodes(async (a, b) => {
    await using hub = await RunningHub.start({ links: [a.service, b.service] });
    const response = await hub.fetch(
      `${HUB.query}?follow=true&kfl=${encodeURIComponent(QUESTION)}`,
    );
    const reader = response.body!.pipeThrough(new TextDecoderStream())
      .getReader();
    a.store(...told);
    let port = 3000;
    // Nobody says when the hub has heard of it: so it is tried until then.
    const sending = setInterval(() => b.store(...asked(port++)), 200);
    try {
      let text = "";
      while (!text.includes('"id":"node-b~')) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`It ended: ${text}`);
        text += value;
      }
    } finally {
      clearInterval(sending);
      await reader.cancel();
    }
  });
});

Deno.test("a worker alone is not asked what it was told", async () => {
  await withNodes(async (a) => {
    const paths: string[] = [];
    const link = {
      name: "a",
      ask: () => a.service.ask(),
      fetch: (path: string, init?: RequestInit) => {
        paths.push(path);
        return a.service.fetch(path, init);
      },
    };
    const answers = new NodeAnswers(new Workers([link]));
    deepEqual(await answers.parts(), []);
    equal(paths.length, 0);
  });
});
