/** Which pods are captured: asked and set over HTTP, and told to workers. */
import { deepEqual, equal, match } from "node:assert/strict";
import type { ClusterStatus, TargetsStatus } from "../../api/hub.ts";
import { HUB, WORKER } from "../../api/paths.ts";
import type {
  NetworksState,
  TargetsOrder,
  WorkerState,
} from "../../api/worker.ts";
import { Targets } from "../../k8s/targets.ts";
import type { Pod } from "../../k8s/objects.ts";
import { until } from "../k8s/until.ts";
import { RunningHub } from "./running_hub.ts";
import { ScriptedWorker } from "./scripted_worker.ts";

const pod = (
  name: string,
  ip: string,
  nodeName: string,
  ...containers: readonly string[]
): Pod => ({
  metadata: { name, namespace: "shop", uid: name, labels: { app: name } },
  spec: { nodeName, containers: containers.map((name) => ({ name })) },
  status: { phase: "Running", podIPs: [{ ip }] },
});

/** A worker that captures, and does what it is told. */
class Capturing {
  readonly orders: TargetsOrder[] = [];
  readonly link: ScriptedWorker;
  /** The revision that it says it follows. */
  order: string | undefined;
  /** Why it takes no order. */
  refuses: string | undefined;
  /** What it says of the networks that it enters; nothing without `--mesh`. */
  networks: NetworksState | undefined;

  constructor(node: string) {
    this.link = new ScriptedWorker(node, [], {
      routes: (path, init) => this.#answer(path, init),
    });
  }

  get ends(): unknown {
    const last = this.orders.at(-1);
    return last?.all ? "all" : last?.ends.map(({ ip }) => ip);
  }

  #answer(path: string, init?: RequestInit): Response | undefined {
    if (path === WORKER.state) {
      const state: WorkerState = {
        node: this.link.node,
        version: "0.1.0",
        storage: { limit: 2e8, used: 0, packets: 0 },
        capture: {
          ...{ since: 0, interfaces: ["eth0"], packets: 0, bytes: 0 },
          ...{ droppedByKernel: 0, notStored: 0, copies: 0, ownTraffic: 0 },
          order: this.order,
          networks: this.networks,
        },
      };
      return Response.json(state);
    }
    if (path !== WORKER.targets) return undefined;
    if (this.refuses) return new Response(this.refuses, { status: 409 });
    const order = JSON.parse(init!.body as string) as TargetsOrder;
    this.orders.push(order);
    this.order = order.revision;
    return new Response(null, { status: 204 });
  }
}

/** A hub of a cluster with two nodes and three pods. */
class Lab implements AsyncDisposable {
  readonly a = new Capturing("node-a");
  readonly b = new Capturing("node-b");
  readonly targets: Targets;
  readonly status: ClusterStatus & { isReady: boolean; lost: unknown[] } = {
    server: "https://192.0.2.1",
    isReady: false,
    names: { kept: 7, dropped: 3 },
    lost: [],
  };
  hub!: RunningHub;

  constructor(pod?: string) {
    this.targets = new Targets(pod === undefined ? {} : { pod });
  }

  static async start(pod?: string, mesh = false): Promise<Lab> {
    const lab = new Lab(pod);
    lab.hub = await RunningHub.start({
      mesh,
      links: [lab.a.link, lab.b.link],
      cluster: {
        targets: lab.targets,
        status: () => lab.status,
        listen: () => ({ [Symbol.dispose]() {} }),
        names: { claims: () => [], listen: () => ({ [Symbol.dispose]() {} }) },
      },
    });
    return lab;
  }

  /** @param sidecar a container that the pods called web have besides */
  list(...sidecar: readonly string[]): void {
    this.targets.take({ kind: "listing" });
    for (
      const object of [
        pod("web-1", "10.1.0.1", "node-a", "web", ...sidecar),
        pod("web-2", "10.1.1.1", "node-b", "web", ...sidecar),
        pod("carts-0", "10.1.0.2", "node-a", "carts"),
      ]
    ) this.targets.take({ kind: "present", object });
    this.targets.take({ kind: "listed" });
  }

  async get(): Promise<TargetsStatus> {
    return await (await this.hub.fetch(HUB.targets)).json();
  }

  put(selection: unknown): Promise<Response> {
    return this.hub.post(HUB.targets, selection, "PUT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
  }
}

Deno.test("each node is told the ends of its own pods, and again when they change", async () => {
  await using lab = await Lab.start("web");
  const { a, b } = lab;
  await lab.hub.workers.refresh();
  deepEqual(a.orders, [], "nobody knows the pods yet");
  lab.list();
  await until("both are told", () => a.orders.length + b.orders.length === 2);
  deepEqual([a.ends, b.ends], [["10.1.0.1"], ["10.1.1.1"]]);
  lab.targets.take({
    kind: "present",
    object: pod("web-3", "10.1.0.7", "node-a"),
  });
  await until("it is told", () => a.orders.length === 2);
  deepEqual(a.ends, ["10.1.0.1", "10.1.0.7"]);
  equal(b.orders.length, 1, "its pods are as before");
  const { nodes, picked, selection } = await lab.get();
  deepEqual(nodes, [
    { node: "node-a", picked: 2, state: "set" },
    { node: "node-b", picked: 1, state: "set" },
  ]);
  deepEqual([picked, selection], [3, { pod: "web" }]);
});

Deno.test("another selection is told to all nodes before it is answered", async () => {
  await using lab = await Lab.start();
  const { a, b } = lab;
  lab.list();
  await until("both are told", () => a.orders.length + b.orders.length === 2);
  deepEqual([a.ends, b.ends], ["all", "all"]);
  const response = await lab.put({ pod: "carts" });
  deepEqual([a.ends, b.ends], [["10.1.0.2"], []]);
  const { pods, all, namespaces } = await response.json() as TargetsStatus;
  deepEqual(pods, [{
    namespace: "shop",
    name: "carts-0",
    node: "node-a",
    addresses: ["10.1.0.2"],
  }]);
  equal(all, false);
  deepEqual(namespaces, [{ namespace: "shop", picked: 1, pods: 3 }]);
});

Deno.test("a worker that begins anew is told again, one that goes on is not", async () => {
  await using lab = await Lab.start("web");
  const { a, b } = lab;
  lab.list();
  await until("both are told", () => a.orders.length + b.orders.length === 2);
  a.order = undefined;
  await lab.hub.workers.refresh();
  await until("it is told", () => a.orders.length === 2);
  equal(b.orders.length, 1);
});

Deno.test("a node that does not do so is named, with why", async () => {
  await using lab = await Lab.start("web");
  const { a, b } = lab;
  a.refuses = "No such filter";
  lab.list();
  await until("one is told", () => b.orders.length === 1);
  b.link.kill("nobody listens there");
  await lab.hub.workers.refresh();
  const { nodes } = await lab.get();
  deepEqual(nodes.map(({ state, reason }) => [state, reason]), [
    ["failed", "No such filter"],
    ["failed", "nobody listens there"],
  ]);
  a.refuses = undefined;
  await lab.hub.workers.refresh();
  await until("it is told", () => a.orders.length === 1);
});

Deno.test("a selection can be looked at before it is set, and one that is wrong says how", async () => {
  await using lab = await Lab.start("web");
  lab.list();
  const preview = await lab.hub.post(HUB.targetsPreview, { labels: "app" });
  equal((await preview.json()).picked, 3);
  for (
    const [selection, why] of [
      [{ pod: "web(" }, /Cannot read the regex "web\("/],
      [{ labels: "app in web" }, /write them as app=web/],
      [{ namespace: "shop" }, /no "namespace", but pod, namespaces/],
    ] as const
  ) {
    for (const path of [HUB.targets, HUB.targetsPreview]) {
      const method = path === HUB.targets ? "PUT" : "POST";
      const refused = await lab.hub.post(path, selection, method);
      equal(refused.status, 400);
      match((await refused.json()).error.message, why);
    }
  }
  deepEqual((await lab.get()).selection, { pod: "web" });
});

Deno.test("a hub of a cluster is ready once ends have names, and says what is old", async () => {
  await using lab = await Lab.start();
  const ready = async () => {
    const response = await fetch(`http://${lab.hub.host}${HUB.ready}`);
    return [response.status, await response.text()];
  };
  equal((await ready())[0], 503);
  Object.assign(lab.status, { isReady: true });
  deepEqual(await ready(), [200, "ready\n"]);
  const since = Date.UTC(2026, 10, 23) * 1000;
  lab.status.lost.push({ kind: "pods", reason: "It is busy", since });
  deepEqual(await ready(), [200, "ready\npods: It is busy\n"]);
  const cluster = await lab.hub.fetch(HUB.cluster);
  deepEqual(await cluster.json(), {
    ...lab.status,
    mesh: { isEntered: false, pods: 0, unheard: 0, first: [] },
  });
  const metrics = await (await lab.hub.fetch(HUB.metrics)).text();
  match(metrics, /^thresher_hub_cluster_lost 1$/m);
  match(metrics, /^thresher_hub_names 7$/m);
  match(metrics, /^thresher_hub_names_dropped_total 3$/m);
  const answer = await lab.hub.fetch(`${HUB.query}?kfl=http`);
  match(
    await answer.text(),
    /pods may be out of date since 2026-11-23T00:00:00.000Z: It is busy/,
  );
});

Deno.test("without --mesh nobody is told of networks, and the pods are listed", async () => {
  await using lab = await Lab.start("web");
  lab.list("istio-proxy");
  await until("all are told", () => lab.b.orders.length === 1);
  equal("networks" in lab.a.orders.at(-1)!, false);
  const { mesh, meshed } = await lab.get();
  equal(meshed, 2);
  deepEqual(mesh, {
    isEntered: false,
    pods: 2,
    unheard: 2,
    first: [
      { namespace: "shop", pod: "web-1" },
      { namespace: "shop", pod: "web-2" },
    ],
  });
});

Deno.test("with --mesh each worker is told the networks of its own pods", async () => {
  await using lab = await Lab.start("web", true);
  lab.a.networks = lab.b.networks = { open: 0, failed: [] };
  lab.list("istio-proxy");
  await until("all are told", () => lab.a.orders.length === 1);
  const web = (n: number, ip: string) => ({
    ...{ uid: `web-${n}`, namespace: "shop", pod: `web-${n}` },
    ips: [ip],
  });
  deepEqual(lab.a.orders.at(-1)?.networks, [web(1, "10.1.0.1")]);
  // Also where everything is captured, which needs no ends.
  await lab.put({});
  const { revision: _, ...everything } = lab.a.orders.at(-1)!;
  deepEqual(everything, { all: true, networks: [web(1, "10.1.0.1")] });
  await lab.put({ pod: "carts" });
  deepEqual(lab.a.orders.at(-1)?.networks, undefined);
});

Deno.test("with --mesh each pod in which nothing is heard says why", async () => {
  await using lab = await Lab.start("web", true);
  const { a, b, hub } = lab;
  a.networks = {
    open: 0,
    failed: [{ namespace: "shop", pod: "web-1", reason: "No process of it" }],
  };
  lab.list("linkerd-proxy");
  await until("all are told", () => a.orders.length + b.orders.length === 2);
  await hub.workers.refresh();
  const heard = async () => {
    const { mesh } = await lab.get();
    return mesh.first.map(({ pod, reason }) => [pod, reason]);
  };
  deepEqual(await heard(), [
    ["web-1", "No process of it"],
    ["web-2", "Its worker runs without --mesh"],
  ]);
  b.networks = { open: 1, failed: [] };
  a.networks = { open: 1, failed: [] };
  await hub.workers.refresh();
  deepEqual(await heard(), []);
  b.link.kill("nobody listens there");
  await hub.workers.refresh();
  deepEqual(await heard(), [["web-2", "nobody listens there"]]);
});

Deno.test("a hub without a cluster has no pods to pick from", async () => {
  await using hub = await RunningHub.start();
  const response = await hub.fetch(HUB.targets);
  equal(response.status, 404);
  match((await response.json()).error.message, /watches no cluster/);
  // Every page asks that.
  equal(await (await hub.fetch(HUB.cluster)).json(), null);
});
