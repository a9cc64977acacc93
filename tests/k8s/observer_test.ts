/** What the hub knows of a cluster, through real watches. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Client } from "../../k8s/client.ts";
import { install } from "../../k8s/deploy.ts";
import { objectsOf, USUAL } from "../../k8s/installation.ts";
import { observe } from "../../k8s/observer.ts";
import { Resolver } from "../../k8s/resolver.ts";
import { PODS } from "../../k8s/resource.ts";
import { Targets } from "../../k8s/targets.ts";
import { PATIENCE } from "../../k8s/watch.ts";
import { type WorkerPod, WorkerPods } from "../../k8s/worker_pods.ts";
import { startFakeApiServer } from "./fake_api_server.ts";
import { until } from "./until.ts";

Deno.test("names, targets and workers follow the cluster, as its hub may", async () => {
  await using server = await startFakeApiServer({
    nodes: ["node-a", "node-b"],
  });
  const account = "system:serviceaccount:thresher:thresher-hub";
  server.tokens.set("hub", account);
  const clientOf = (token: string) =>
    new Client({
      context: undefined,
      server: server.url,
      namespace: "thresher",
      credentials: () =>
        Promise.resolve({ headers: { authorization: `Bearer ${token}` } }),
    });
  using admin = clientOf("admin-token");
  for await (const _ of install(admin, objectsOf(USUAL)));

  // From here on with the rights that the manifests give the hub, no others.
  using hub = clientOf("hub");
  const resolver = new Resolver();
  let workers: readonly WorkerPod[] = [];
  const targets = new Targets({ namespaces: ["shop"] });
  const workerPods = new WorkerPods("thresher");
  workerPods.listen((now) => workers = now);
  const states: string[] = [];
  const stop = new AbortController();
  const patience = { ...PATIENCE, firstDelayMs: 10, mostDelayMs: 50 };
  const done = observe(
    hub,
    {
      resolver,
      pods: [targets, workerPods],
      state: (kind, error) =>
        states.push(`${kind} ${error ? "lost" : "found"}`),
    },
    stop.signal,
    undefined,
    patience,
  );
  try {
    await until("both workers are known", () => workers.length === 2);
    deepEqual(workers.map(({ node }) => node), ["node-a", "node-b"]);

    server.put("Namespace", { metadata: { name: "shop" } });
    server.put("Service", {
      metadata: { name: "carts", namespace: "shop" },
      spec: { selector: { app: "carts" }, ports: [{ port: 80 }] },
    });
    server.put("Pod", {
      metadata: {
        name: "carts-0",
        namespace: "shop",
        labels: { app: "carts" },
      },
      spec: { containers: [{ name: "main" }] },
    });
    await until("it is a target", () => targets.list().length === 1);
    const [address] = targets.list()[0]!.addresses;
    const named = () =>
      resolver.history.lookup(address!, 80, Date.now() * 1000);
    await until("its service is known", () => named()?.service === "carts");
    equal(named()?.name, "carts.shop");

    const [first] = workers;
    await admin.delete(PODS, first!.pod, "thresher");
    await until(
      "another is in its place",
      () =>
        workers.length === 2 && !workers.some(({ pod }) => pod === first!.pod),
    );

    await server.down();
    await until("all is lost", () => states.length === 4);
    await server.up();
    await until("all is found", () => states.length === 8);
    ok(states.slice(4).every((state) => state.endsWith("found")));
    server.drop("Pod", "carts-0", "shop");
    await until("nothing is a target", () => targets.list().length === 0);
  } finally {
    stop.abort();
    await done;
  }
});
