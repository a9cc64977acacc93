/** What the hub knows of its cluster when the API server has bad days. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Client } from "../../k8s/client.ts";
import { ClusterView } from "../../k8s/cluster_view.ts";
import { PATIENCE } from "../../k8s/watch.ts";
import { type FakeApiServer, startFakeApiServer } from "./fake_api_server.ts";
import { until } from "./until.ts";

const LIVELY = {
  ...PATIENCE,
  silenceMs: 400,
  firstDelayMs: 10,
  mostDelayMs: 100,
};

/** A view of a cluster with one pod. */
class Lab implements AsyncDisposable {
  token = "admin-token";
  readonly server: FakeApiServer;
  readonly client: Client;
  readonly view: ClusterView;
  readonly said: string[] = [];
  /** How often the view told that its status is another. */
  told = 0;

  static async start(namesFile?: string): Promise<Lab> {
    const server = await startFakeApiServer({ bookmarkMs: 50 });
    server.controllers.pause();
    return new Lab(server, namesFile);
  }

  constructor(server: FakeApiServer, namesFile?: string) {
    this.server = server;
    this.client = new Client({
      context: undefined,
      server: server.url,
      namespace: "thresher",
      credentials: () => {
        const authorization = `Bearer ${this.token}`;
        return Promise.resolve({ headers: { authorization } });
      },
    });
    this.view = new ClusterView({
      client: this.client,
      namespace: "thresher",
      selection: { namespaces: ["default"] },
      namesFile,
      say: (text) => this.said.push(text),
      patience: LIVELY,
    });
    this.view.listen(() => this.told++);
    this.pod("web-1", "10.1.0.1");
  }

  pod(name: string, podIP: string): void {
    this.server.put("Pod", {
      metadata: { name, namespace: "default" },
      spec: { nodeName: "node1" },
      status: { phase: "Running", podIP },
    });
  }

  /** What an address is called now. */
  nameOf(address: string): string | undefined {
    const now = Date.now() * 1000;
    return [...this.view.names.claims(now, now + 1)]
      .find((claim) => claim.address === address)?.names.pod;
  }

  get lost(): string[] {
    return this.view.status().lost.map(({ kind }) => kind).sort();
  }

  async ready(): Promise<void> {
    await until("all is listed", () => this.view.status().isReady);
    await until("a pod is named", () => this.nameOf("10.1.0.1") === "web-1");
  }

  /** Something happens that is not heard at once. */
  miss(): void {
    this.server.drop("Pod", "web-1", "default");
    this.pod("web-2", "10.1.0.2");
  }

  async learnt(): Promise<void> {
    await until("all is heard of again", () => this.lost.length === 0);
    await until("what came is known", () => this.nameOf("10.1.0.2"));
    await until("what went is known", () => !this.nameOf("10.1.0.1"));
    deepEqual(this.view.targets.list().map(({ name }) => name), ["web-2"]);
    ok(this.view.status().isReady);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.view[Symbol.asyncDispose]();
    this.client.close();
    await this.server.close();
  }
}

const ALL = ["nodes", "pods", "services", "slices"];

Deno.test("an API server that is killed is missed, and caught up with", async () => {
  await using lab = await Lab.start();
  await lab.ready();
  const before = Date.now() * 1000;
  await lab.server.down();
  await until("all is lost", () => lab.lost.length === 4);
  deepEqual(lab.lost, ALL);
  const [first] = lab.view.status().lost;
  ok(first!.since >= before && first!.since <= Date.now() * 1000);
  match(first!.reason, /^Cannot (watch|reach) /);
  equal(lab.nameOf("10.1.0.1"), "web-1", "what was known is kept");
  ok(lab.view.status().isReady);
  lab.miss();
  await lab.server.up();
  await lab.learnt();
  for (const kind of ALL) {
    ok(lab.said.some((text) => text.startsWith(`${kind} are not heard of: `)));
    ok(lab.said.includes(`${kind} are heard of again`));
  }
  ok(lab.told >= 9, "when it was ready, and each time that something changed");
});

Deno.test("an API server that falls silent is missed, and caught up with", async () => {
  await using lab = await Lab.start();
  await lab.ready();
  lab.server.freeze();
  await until("all is lost", () => lab.lost.length === 4);
  match(
    lab.view.status().lost[0]!.reason,
    /(silence|no answer) for 0.4 s/,
  );
  lab.miss();
  lab.server.thaw();
  await lab.learnt();
});

Deno.test("a place that the server forgot costs a list and no name", async () => {
  await using lab = await Lab.start();
  await lab.ready();
  await lab.server.down();
  await until("all is lost", () => lab.lost.length === 4);
  lab.miss();
  lab.server.expire();
  await lab.server.up();
  await lab.learnt();
});

Deno.test("a busy server is asked again, and what it says is passed on", async () => {
  await using lab = await Lab.start();
  await lab.ready();
  lab.server.fail(1000, { status: 429, on: /watch=1/ });
  lab.server.cut();
  await until(
    "it is known to be busy",
    () => lab.said.some((text) => /API server is busy/.test(text)),
  );
  lab.miss();
  lab.server.heal();
  await lab.learnt();
});

Deno.test("a token that has expired is read anew", async () => {
  await using lab = await Lab.start();
  await lab.ready();
  lab.server.tokens.delete("admin-token");
  lab.server.cut();
  await until("all is lost", () => lab.lost.length === 4);
  await until(
    "it is known why",
    () => lab.said.some((text) => /credentials .* have expired/.test(text)),
  );
  lab.miss();
  lab.server.tokens.set("another", "admin");
  lab.token = "another";
  await lab.learnt();
});

Deno.test("a hub that begins anew knows who had an address before", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/names`;
  try {
    const first = await Lab.start(path);
    await first.ready();
    await until(
      "its past is known",
      () => [...first.view.names.claims(0, Infinity)].length > 0,
    );
    first.server.drop("Pod", "web-1", "default");
    await until("it is gone", () => !first.nameOf("10.1.0.1"));
    await first.view[Symbol.asyncDispose]();
    first.client.close();

    const second = new Lab(first.server, path);
    first.server.drop("Pod", "web-1", "default");
    try {
      await until("all is listed", () => second.view.status().isReady);
      const past = [...second.view.names.claims(0, Infinity)]
        .find(({ address }) => address === "10.1.0.1");
      equal(past?.names.pod, "web-1");
      ok(past!.to <= Date.now() * 1000);
    } finally {
      await second[Symbol.asyncDispose]();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("names that cannot be saved are said to be lost, and nothing else is", async () => {
  const lab = await Lab.start("/nowhere/names");
  await lab.ready();
  await lab[Symbol.asyncDispose]();
  ok(lab.said.some((text) => text.startsWith("names cannot be saved: ")));
});
