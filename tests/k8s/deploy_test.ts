/** From nothing to a running installation and back, on the fake API server. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { makeAuthority } from "../../k8s/certificates.ts";
import { Client } from "../../k8s/client.ts";
import { install, leftovers, remove } from "../../k8s/deploy.ts";
import {
  makeSecrets,
  objectsOf,
  secretObjects,
  type Settings,
  USUAL,
} from "../../k8s/installation.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import { openShiftObjects, preflight } from "../../k8s/preflight.ts";
import {
  isComplete,
  isUsable,
  readReadiness,
  watchReadiness,
} from "../../k8s/readiness.ts";
import {
  type FakeApiServer,
  type FakeOptions,
  idleKubelet,
  startFakeApiServer,
} from "./fake_api_server.ts";
import { readSchemas } from "./openapi.ts";
import { until } from "./until.ts";

const RUN: Settings = { ...USUAL, instance: "k3x9", version: "0.1.0" };

const secrets = makeSecrets(makeAuthority("thresher", new Date()));

const objects = (settings: Settings = RUN): KubeObject[] => [
  ...objectsOf(settings),
  ...secretObjects(secrets, settings),
];

async function withCluster(
  run: (server: FakeApiServer, client: Client) => Promise<void>,
  options: FakeOptions & { token?: string } = {},
): Promise<void> {
  const schemas = readSchemas();
  await using server = await startFakeApiServer({ schemas, ...options });
  const { token = "admin-token" } = options;
  using client = new Client({
    context: "fake",
    server: server.url,
    namespace: "default",
    credentials: () =>
      Promise.resolve({ headers: { authorization: `Bearer ${token}` } }),
  });
  await run(server, client);
}

async function installed(
  client: Client,
  settings: Settings = RUN,
): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of install(client, objects(settings))) {
    names.push(name);
  }
  return names;
}

/** Everything on the server that our labels are on. */
const ours = async (client: Client) =>
  (await leftovers(client)).map(({ kind, metadata }) =>
    `${kind} ${metadata?.name}`
  );

Deno.test("an installation comes up on every node, and leaves nothing", () =>
  withCluster(async (server, client) => {
    const names = await installed(client);
    equal(names[0], "Namespace thresher");
    const signal = AbortSignal.timeout(20_000);
    let last;
    for await (const state of watchReadiness(client, "thresher", signal)) {
      last = state;
    }
    ok(last && isComplete(last));
    deepEqual(last.workers, { ready: 3, wanted: 3 });
    deepEqual(last.problems, []);
    const pods = server.namesOf("Pod");
    equal(
      pods.filter((one) => /thresher-worker-daemon-set-/.test(one)).length,
      3,
    );
    equal(pods.filter((one) => /thresher-hub-/.test(one)).length, 1);
    const going: string[] = [];
    const removal = await remove(
      client,
      { instance: "k3x9", namespace: "thresher" },
      (name) => going.push(name),
    );
    deepEqual(removal.left, []);
    deepEqual(removal.kept, []);
    deepEqual(removal.removed, going);
    equal(going.length, names.length);
    equal(going.at(-1), "Namespace thresher");
    deepEqual(await ours(client), []);
    deepEqual(server.namesOf("Pod"), []);
    deepEqual(server.namesOf("Namespace"), ["default", "kube-system"]);
  }, { nodes: ["node-a", "node-b", "node-c"] }));

Deno.test("a run removes what it made, and not what another did", () =>
  withCluster(async (_server, client) => {
    await installed(client);
    await installed(client, { ...RUN, namespace: "other", instance: "p7q2" });
    await remove(client, { instance: "k3x9" });
    const left = await ours(client);
    equal(left.length, objects().length);
    ok(left.includes("ClusterRole thresher-hub-other"));
    await remove(client, {});
    deepEqual(await ours(client), []);
  }));

Deno.test("what is removed of one namespace is not another installation's", () =>
  withCluster(async (_server, client) => {
    await installed(client);
    await installed(client, { ...RUN, namespace: "other", instance: "p7q2" });
    const { left } = await remove(client, { namespace: "other" });
    deepEqual(left, []);
    const rest = await ours(client);
    equal(rest.length, objects().length);
    ok(rest.includes("ClusterRole thresher-hub"));
    await remove(client, { namespace: "thresher" });
    deepEqual(await ours(client), []);
  }));

Deno.test("OpenShift is given its own constraints, which go, too", () =>
  withCluster(async (server, client) => {
    const more = await openShiftObjects(client, RUN);
    ok(more.length > 0);
    for await (const _ of install(client, [...objects(), ...more]));
    const kind = "SecurityContextConstraints";
    equal(server.namesOf(kind).length, more.length);
    const { rights } = await preflight(client, more, "thresher");
    ok(rights.some(({ resource }) => /^securitycontext/.test(resource)));
    await remove(client, { instance: "k3x9", namespace: "thresher" });
    deepEqual(server.namesOf(kind), []);
  }, { isOpenShift: true }));

Deno.test("leftovers of a run that was cut off are found, of old versions too", () =>
  withCluster(async (server, client) => {
    const applying = install(client, objects());
    for (let i = 0; i < 5; i++) await applying.next();
    await applying.return();
    server.put("PriorityClass", {
      metadata: {
        name: "thresher-worker",
        labels: {
          "app.kubernetes.io/part-of": "thresher",
          "app.kubernetes.io/managed-by": "thresher-cli",
          "app.kubernetes.io/version": "0.0.1",
        },
      },
    });
    server.put("ClusterRole", {
      metadata: { name: "thresher-auditor", labels: { team: "audit" } },
    });
    equal((await ours(client)).length, 6);
    const { left } = await remove(client, {});
    deepEqual(left, []);
    deepEqual(server.namesOf("ClusterRole"), ["thresher-auditor"]);
    deepEqual(server.namesOf("PriorityClass"), []);
  }));

Deno.test("a namespace that is not ours is used, and left as it was", () =>
  withCluster(async (server, client) => {
    server.put("Namespace", {
      metadata: { name: "thresher", labels: { team: "platform" } },
    });
    const names = await installed(client);
    equal(names.includes("Namespace thresher"), false);
    const { removed } = await remove(client, {});
    equal(removed.length, names.length);
    const home = server.find("Namespace", "thresher");
    deepEqual(home?.metadata.labels, { team: "platform" });
    equal(home?.metadata.deletionTimestamp, undefined);
  }));

Deno.test("our namespace is kept when it holds something of somebody else's", () =>
  withCluster(async (server, client) => {
    await installed(client);
    const metadata = { name: "notes", namespace: "thresher" };
    server.put("ConfigMap", { metadata });
    const { kept, left } = await remove(client, {});
    deepEqual(kept, [
      { name: "Namespace thresher", why: "it also holds ConfigMap notes" },
    ]);
    deepEqual(left, []);
    ok(server.find("ConfigMap", "notes", "thresher"));
    deepEqual(await ours(client), ["Namespace thresher"]);
  }));

Deno.test("a namespace that is still going is waited for", () =>
  withCluster(async (server, client) => {
    server.put("Namespace", { metadata: { name: "thresher" } });
    const held = server.put("ConfigMap", {
      metadata: { name: "held", namespace: "thresher", finalizers: ["a/b"] },
    });
    await client.delete(
      {
        group: "",
        version: "v1",
        plural: "namespaces",
        kind: "Namespace",
        namespaced: false,
      },
      "thresher",
    );
    setTimeout(() => {
      server.put("ConfigMap", {
        metadata: { ...held.metadata, finalizers: [] },
      });
      server.drop("ConfigMap", "held", "thresher");
    }, 600);
    equal((await installed(client)).length, objects().length);
    equal(
      server.find("Namespace", "thresher")?.metadata.deletionTimestamp,
      undefined,
    );
  }));

Deno.test("a dry run is checked by the server and changes nothing", () =>
  withCluster(async (server, client) => {
    const before = server.store.version;
    for await (const _ of install(client, objects(), { dryRun: true }));
    equal(server.store.version, before);
    const wrong = objects().map((object) =>
      object.kind === "ClusterRole" ? { ...object, rulez: [] } : object
    );
    const trying = async () => {
      for await (const _ of install(client, wrong, { dryRun: true }));
    };
    if (readSchemas()) await rejects(trying, /rulez: field not declared/);
    else console.log("ignore: no schemas are beside this");
  }));

Deno.test("an image that cannot be pulled is said, with the node", () => {
  const idle = idleKubelet();
  return withCluster(async (_server, client) => {
    await installed(client);
    await until("both say why", async () => {
      const { problems } = await readReadiness(client, "thresher");
      return problems.length === 2;
    });
    const state = await readReadiness(client, "thresher");
    equal(isUsable(state), false);
    deepEqual(state.missing, ["node-a"]);
    for (const { about, reason, message } of state.problems) {
      match(about, /pod thresher-.* on node-a/);
      equal(reason, "ImagePullBackOff");
      match(message, /no such image/);
    }
  }, {
    nodes: ["node-a"],
    kubelet: async (pod) => ({
      ...await idle(pod),
      waiting: { reason: "ImagePullBackOff", message: "no such image" },
    }),
  });
});

Deno.test("pods that may not be made are explained from events", () =>
  withCluster(async (server, client) => {
    await installed(client);
    const worker = server.find(
      "DaemonSet",
      "thresher-worker-daemon-set",
      "thresher",
    )!;
    server.controllers.warn(
      worker,
      "FailedCreate",
      'pods is forbidden: violates PodSecurity "restricted:latest"',
    );
    const { problems } = await readReadiness(client, "thresher");
    const [problem] = problems;
    equal(problem?.about, "DaemonSet thresher-worker-daemon-set");
    match(problem?.message ?? "", /violates PodSecurity/);
  }, { nodes: [] }));

Deno.test("a crash comes with the last that was written", () => {
  const idle = idleKubelet();
  return withCluster(async (server, client) => {
    await installed(client);
    await until(
      "all run",
      async () => isComplete(await readReadiness(client, "thresher")),
    );
    const name = server.namesOf("Pod").find((one) => /hub/.test(one))!;
    const pod = server.find("Pod", name.split("/")[1]!, "thresher")!;
    const [status] = pod.status!.containerStatuses as object[];
    server.put("Pod", {
      ...pod,
      status: {
        ...pod.status,
        conditions: [{ type: "Ready", status: "False" }],
        containerStatuses: [{
          ...status,
          restartCount: 2,
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: { terminated: { exitCode: 1, reason: "Error" } },
        }],
      },
    });
    const { problems } = await readReadiness(client, "thresher");
    deepEqual(problems.map(({ reason, message }) => [reason, message]), [
      ["Error", "ended with 1:\ncannot listen: address in use"],
    ]);
  }, {
    kubelet: async (pod) => ({
      ...await idle(pod),
      log: () => "cannot listen: address in use\n",
    }),
  });
});

Deno.test("preflight tells what is there, and what is missing", () =>
  withCluster(async (server, client) => {
    const early = await preflight(client, objects(), "thresher");
    equal(early.version, "v1.36.2");
    equal(early.nodes, 2);
    deepEqual(early.installed, []);
    deepEqual(early.warnings, []);
    ok(early.rights.length > 30);
    ok(early.rights.every(({ allowed }) => allowed));
    await installed(client);
    const late = await preflight(client, objects(), "thresher");
    const [found] = late.installed;
    deepEqual({ ...found, since: undefined }, {
      ...{ namespace: "thresher", version: "0.1.0", instance: "k3x9" },
      since: undefined,
      mesh: false,
    });
    ok(Math.abs(Date.parse(found!.since!) - Date.now()) < 60_000);
    server.put("Namespace", {
      metadata: {
        name: "strict",
        labels: { "pod-security.kubernetes.io/enforce": "restricted" },
      },
    });
    const strict = await preflight(client, objects(), "strict");
    equal(strict.isForeignNamespace, true);
    match(strict.warnings.join(), /enforces PodSecurity "restricted"/);
  }, { nodes: ["node-a", "node-b"] }));

Deno.test("whoever may do nothing is told each right that is missing", () =>
  withCluster(async (server) => {
    server.put("ClusterRole", {
      metadata: { name: "look" },
      rules: [{
        apiGroups: [""],
        resources: ["namespaces", "nodes"],
        verbs: ["get", "list"],
      }],
    });
    server.put("ClusterRoleBinding", {
      metadata: { name: "look" },
      roleRef: { kind: "ClusterRole", name: "look" },
      subjects: [{ kind: "User", name: "viewer" }],
    });
    using client = new Client({
      context: "fake",
      server: server.url,
      namespace: "default",
      credentials: () =>
        Promise.resolve({ headers: { authorization: "Bearer viewer" } }),
    });
    const { rights } = await preflight(client, objects(), "thresher");
    const missing = rights.filter(({ allowed }) => !allowed)
      .map(({ verb, resource }) => `${verb} ${resource}`);
    ok(missing.includes("create daemonsets"));
    ok(missing.includes("create pods/portforward"));
    equal(missing.includes("list namespaces"), false);
    await rejects(() => leftovers(client), /Cannot list/);
  }));
