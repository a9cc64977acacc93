/** The client against the fake API server: what it asks, and what it makes of what goes wrong. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { fromKubeconfig, inCluster } from "../../k8s/access.ts";
import { Client } from "../../k8s/client.ts";
import { ClusterError } from "../../k8s/cluster_error.ts";
import { NAMESPACES, PODS, RESOURCES } from "../../k8s/resource.ts";
import { toWarnings } from "../../k8s/transport.ts";
import {
  type FakeApiServer,
  type FakeOptions,
  startFakeApiServer,
} from "./fake_api_server.ts";
import { until } from "./until.ts";

/** A fake server, and a client that got there through a kubeconfig. */
async function withCluster(
  run: (server: FakeApiServer, client: Client) => Promise<void>,
  options: FakeOptions & { token?: string; warn?: (text: string) => void } = {},
): Promise<void> {
  await using server = await startFakeApiServer(options);
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, server.kubeconfig(options.token));
    const access = await fromKubeconfig([file]);
    ok(access);
    using client = new Client(access, options.warn);
    await run(server, client);
  } finally {
    await Deno.remove(file);
  }
}

/** Checks for a ClusterError of that kind, and what it says. */
const fault =
  (fault: ClusterError["fault"], text: RegExp) => (error: unknown) => {
    ok(error instanceof ClusterError, `${error}`);
    equal(error.fault, fault);
    match(error.message, text);
    return true;
  };

const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data,
});

Deno.test("a kubeconfig leads to the server", () =>
  withCluster(async (server, client) => {
    equal(client.access.context, "fake");
    equal(client.access.server, server.url);
    equal(client.access.namespace, "default");
    equal(await client.version(), "v1.36.2");
    equal(await client.hasGroup("apps"), true);
    equal(await client.hasGroup("security.openshift.io"), false);
  }));

Deno.test("a kubeconfig without that context names those it has", () =>
  withCluster(async (server) => {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, server.kubeconfig());
    await rejects(
      () => fromKubeconfig([file], "prod"),
      fault("config", /No context "prod" in the kubeconfig, but fake/),
    );
    await Deno.writeTextFile(file, "clusters: [");
    await rejects(() => fromKubeconfig([file]), fault("config", /Cannot read/));
    await Deno.remove(file);
    await rejects(() => fromKubeconfig([file]), fault("config", /Cannot read/));
  }));

Deno.test("a list comes in pages of one moment", () =>
  withCluster(async (server, client) => {
    for (let i = 0; i < 1201; i++) {
      server.put("Pod", {
        metadata: {
          name: `pod-${String(i).padStart(4, "0")}`,
          namespace: "default",
        },
        spec: { containers: [] },
      });
    }
    const sizes: number[] = [];
    const versions = new Set<string>();
    for await (const page of client.list(PODS)) {
      sizes.push(page.items.length);
      versions.add(page.resourceVersion);
      server.put("Pod", {
        metadata: { name: "zz-late", namespace: "default" },
      });
    }
    deepEqual(sizes, [500, 500, 201]);
    equal(versions.size, 1);
  }));

Deno.test("what is applied is there, once, and another's fields are kept", () =>
  withCluster(async (_server, client) => {
    const made = await client.apply(configMap("cfg", { a: "1", b: "1" }));
    const again = await client.apply(configMap("cfg", { a: "1", b: "1" }));
    equal(again.metadata.name, made.metadata.name);
    await client.apply(configMap("cfg", { c: "3" }), { manager: "other" });
    const less = await client.apply(configMap("cfg", { a: "1" }));
    deepEqual(less.data, { a: "1", c: "3" });
    await rejects(
      () => client.apply(configMap("cfg", { c: "4" })),
      fault("conflict", /conflict with "other": \.data\.c/),
    );
    const forced = await client.apply(configMap("cfg", { c: "4" }), {
      force: true,
    });
    deepEqual(forced.data, { c: "4" });
  }));

Deno.test("a dry run changes nothing", () =>
  withCluster(async (server, client) => {
    await client.apply(configMap("dry"), { dryRun: true });
    deepEqual(server.namesOf("ConfigMap"), []);
  }));

Deno.test("deletion tells whether there was something", () =>
  withCluster(async (_server, client) => {
    const resource = RESOURCES.find(({ kind }) => kind === "ConfigMap")!;
    const { metadata } = await client.apply(configMap("cfg"));
    const { uid } = metadata as { uid?: string };
    await rejects(
      () => client.delete(resource, "cfg", "default", "another"),
      fault("conflict", /does not match the UID/),
    );
    equal(await client.delete(resource, "cfg", "default", uid), true);
    equal(await client.delete(resource, "cfg", "default"), false);
    equal(await client.get(resource, "cfg", "default"), undefined);
  }));

Deno.test("who may not is told so, also by a review", () =>
  withCluster(async (_server, client) => {
    await rejects(
      () => client.listAll(PODS),
      fault("forbidden", /User "viewer" cannot list resource "pods".*Ask/),
    );
    const right = { verb: "list", group: "", resource: "pods" };
    equal(await client.may(right), false);
  }, { token: "viewer" }));

Deno.test("a token that nobody has is refused with advice", () =>
  withCluster(async (_server, client) => {
    await rejects(
      () => client.listAll(NAMESPACES),
      fault("unauthorized", /Log in to the cluster again/),
    );
  }, { token: "expired" }));

Deno.test("a server that is down is named, with the reason", () =>
  withCluster(async (server, client) => {
    await server.down();
    await rejects(
      () => client.version(),
      fault("unreachable", /Cannot reach the API server http:.*refused/i),
    );
    await server.up();
    equal(await client.version(), "v1.36.2");
  }));

Deno.test("a server that does not answer is given up", () =>
  withCluster(async (server, client) => {
    server.freeze();
    await rejects(
      () => client.version({ timeoutMs: 200 }),
      fault("unreachable", /no answer for 0\.2 s/),
    );
  }));

Deno.test("a busy server says when to come again", () =>
  withCluster(async (server, client) => {
    server.fail(1, { status: 429, retryAfter: 7 });
    const error = await client.listAll(PODS).catch((error) => error);
    fault("busy", /busy: try again/)(error);
    equal(error.retryAfterMs, 7000);
  }));

Deno.test("a page of a proxy on the way is shown as it is", () =>
  withCluster(async (_server, client) => {
    const nonsense = { ...PODS, group: "nonsense", plural: "none" };
    await rejects(
      () => client.listAll(nonsense),
      fault("missing", /404 page not found/),
    );
  }));

Deno.test("a log is read, and a container that is missing named", () =>
  withCluster(async (server, client) => {
    server.put("Pod", {
      metadata: { name: "web", namespace: "default" },
      spec: { containers: [{ name: "a" }, { name: "b" }] },
    });
    await until(
      "the pod runs",
      () => server.find("Pod", "web", "default")?.status?.phase === "Running",
    );
    const log = await client.log("web", "default", { container: "b" });
    equal(await new Response(log).text(), "started\n");
    await rejects(
      () => client.log("web", "default"),
      fault("invalid", /choose one of: \[a b\]/),
    );
  }));

Deno.test("the log of a pod without a node is empty", () =>
  withCluster(async (server, client) => {
    server.put("Pod", {
      metadata: { name: "late", namespace: "default" },
      spec: { containers: [{ name: "a" }] },
    });
    const log = await client.log("late", "default");
    equal(await new Response(log).text(), "");
  }, { nodes: [] }));

Deno.test("warnings of the server reach whoever wants them", () => {
  deepEqual(toWarnings('299 - "one, \\"two\\"", 299 - "three"'), [
    'one, "two"',
    "three",
  ]);
  deepEqual(toWarnings(null), []);
});

Deno.test("a pod's account is read anew for every connection", async () => {
  await using server = await startFakeApiServer();
  const folder = await Deno.makeTempDir();
  const write = (name: string, text: string) =>
    Deno.writeTextFile(`${folder}/${name}`, text);
  await write("token", "first");
  await write("ca.crt", "");
  await write("namespace", "thresher\n");
  const before = Deno.env.toObject();
  Deno.env.set("KUBERNETES_SERVICE_HOST", "fd00::1");
  Deno.env.set("KUBERNETES_SERVICE_PORT", "443");
  try {
    const access = await inCluster(folder);
    equal(access.server, "https://[fd00::1]:443");
    equal(access.namespace, "thresher");
    // The same account at the fake server, which is no pod's.
    using client = new Client({ ...access, server: server.url });
    server.tokens.set("second", "admin");
    await rejects(() => client.listAll(PODS), fault("unauthorized", /./));
    await write("token", "second\n");
    deepEqual(await client.listAll(PODS), []);
  } finally {
    for (const name of ["HOST", "PORT"].map((n) => `KUBERNETES_SERVICE_${n}`)) {
      if (before[name] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[name]);
    }
    await Deno.remove(folder, { recursive: true });
  }
});
