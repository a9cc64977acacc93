/** Watches that last, against a server and a network that do not. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Client } from "../../k8s/client.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import { RESOURCES } from "../../k8s/resource.ts";
import { type Change, follow, PATIENCE } from "../../k8s/watch.ts";
import {
  type FakeApiServer,
  type FakeOptions,
  startFakeApiServer,
} from "./fake_api_server.ts";
import { until } from "./until.ts";

const CONFIG_MAPS = RESOURCES.find(({ kind }) => kind === "ConfigMap")!;

/** As a user is patient, sped up. */
const HASTE = {
  ...PATIENCE,
  silenceMs: 400,
  firstDelayMs: 10,
  mostDelayMs: 50,
};

/** What a watch makes of a namespace, kept as its reader would keep it. */
class Reader {
  readonly names = new Set<string>();
  readonly said: string[] = [];
  #listed: Set<string> | undefined;

  take(change: Change<KubeObject>): void {
    const name = "object" in change ? change.object.metadata!.name! : "";
    this.said.push(name ? `${change.kind} ${name}` : change.kind);
    switch (change.kind) {
      case "listing":
        this.#listed = new Set();
        break;
      case "present":
        this.names.add(name);
        this.#listed?.add(name);
        break;
      case "gone":
        this.names.delete(name);
        break;
      case "listed":
        for (const one of this.names) {
          if (!this.#listed!.has(one)) this.names.delete(one);
        }
        this.#listed = undefined;
    }
  }

  has(...names: readonly string[]): boolean {
    return names.every((name) => this.names.has(name));
  }

  count(said: string): number {
    return this.said.filter((one) => one === said).length;
  }
}

/** A watch of all config maps, while something happens to it. */
async function watching(
  run: (server: FakeApiServer, reader: Reader) => Promise<void>,
  options: FakeOptions & { token?: () => string } = {},
): Promise<void> {
  await using server = await startFakeApiServer({
    bookmarkMs: 100,
    ...options,
  });
  const token = options.token ?? (() => "admin-token");
  using client = new Client({
    context: "fake",
    server: server.url,
    namespace: "default",
    credentials: () =>
      Promise.resolve({ headers: { authorization: `Bearer ${token()}` } }),
  });
  const reader = new Reader();
  const stop = new AbortController();
  const done = (async () => {
    const changes = follow(client, CONFIG_MAPS, {}, stop.signal, HASTE);
    for await (const change of changes) reader.take(change);
  })();
  try {
    await until("the list is there", () => reader.said.includes("listed"));
    await run(server, reader);
  } finally {
    stop.abort();
    await done;
  }
}

function add(server: FakeApiServer, ...names: readonly string[]): void {
  for (const name of names) {
    server.put("ConfigMap", { metadata: { name, namespace: "default" } });
  }
}

Deno.test("a watch tells what comes, changes and goes", () =>
  watching(async (server, reader) => {
    add(server, "a", "b");
    add(server, "a");
    server.drop("ConfigMap", "a", "default");
    await until("a is gone", () => reader.said.includes("gone a"));
    deepEqual(reader.said, [
      "listing",
      "listed",
      "present a",
      "present b",
      "present a",
      "gone a",
    ]);
  }));

Deno.test("a watch that ends in order goes on where it was, unnoticed", () =>
  watching(async (server, reader) => {
    add(server, "a");
    await until("a is there", () => reader.has("a"));
    server.endWatches();
    add(server, "b");
    await until("b is there", () => reader.has("b"));
    equal(reader.count("listing"), 1);
    equal(reader.count("lost"), 0);
  }));

Deno.test("a killed server is found again, with what happened meanwhile", () =>
  watching(async (server, reader) => {
    add(server, "a");
    await until("a is there", () => reader.has("a"));
    await server.down();
    await until("it is lost", () => reader.count("lost") === 1);
    server.drop("ConfigMap", "a", "default");
    add(server, "b");
    await new Promise((resolve) => setTimeout(resolve, 300));
    await server.up();
    await until("b is there", () => reader.has("b") && !reader.has("a"));
    equal(reader.count("lost"), 1);
    equal(reader.count("found"), 1);
    equal(reader.count("listing"), 1);
  }));

Deno.test("a place that is too old is made good by a new list", () =>
  watching(async (server, reader) => {
    add(server, "a", "b");
    await until("both are there", () => reader.has("a", "b"));
    await server.down();
    server.drop("ConfigMap", "a", "default");
    add(server, "c");
    server.expire();
    await server.up();
    await until(
      "a is gone, c there",
      () => reader.has("c") && !reader.has("a"),
    );
    equal(reader.count("listing"), 2);
  }));

Deno.test("bookmarks keep an idle watch from needing a new list", () =>
  watching(async (server, reader) => {
    server.put("Namespace", { metadata: { name: "elsewhere" } });
    server.expire();
    await new Promise((resolve) => setTimeout(resolve, 250));
    server.endWatches();
    add(server, "a");
    await until("a is there", () => reader.has("a"));
    equal(reader.count("listing"), 1);
  }));

Deno.test("a connection that falls silent is given up", () =>
  watching(async (server, reader) => {
    server.freeze();
    await until("it is lost", () => reader.count("lost") === 1);
    add(server, "a");
    server.thaw();
    await until("a is there", () => reader.has("a"));
    ok(reader.count("found") >= 1);
  }));

Deno.test("a server that is busy is asked again when it said", () =>
  watching(async (server, reader) => {
    server.fail(2, { status: 429, retryAfter: 1, on: /watch=1/ });
    const before = Date.now();
    server.endWatches();
    add(server, "a");
    await until("a is there", () => reader.has("a"));
    const ms = Date.now() - before;
    ok(ms >= 2000, `${ms} ms`);
    ok(reader.count("lost") >= 1);
  }));

Deno.test("a token that expires is replaced by the next", async () => {
  let token = "admin-token";
  await watching(async (server, reader) => {
    server.tokens.delete("admin-token");
    server.tokens.set("next", "admin");
    server.cut();
    await until("it is lost", () => reader.count("lost") >= 1);
    token = "next";
    add(server, "a");
    await until("a is there", () => reader.has("a"));
  }, { token: () => token });
});

Deno.test("a place in the future, after a restored backup, is left", () =>
  watching(async (server, reader) => {
    add(server, "a");
    await until("a is there", () => reader.has("a"));
    await server.down();
    server.store.version -= 1000;
    server.expire();
    server.drop("ConfigMap", "a", "default");
    add(server, "b");
    await server.up();
    await until("b is there, not a", () => reader.has("b") && !reader.has("a"));
  }, { bookmarkMs: 60_000 }));
