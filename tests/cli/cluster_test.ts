/** Commands that are about a cluster, as their users meet them. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { unzipSync } from "fflate";
import { load, loadAll } from "js-yaml";
import type { KubeObject } from "../../k8s/objects.ts";
import { idleKubelet } from "../k8s/fake_api_server.ts";
import { until } from "../k8s/until.ts";
import { FakeCluster, PATIENCE_MS } from "./fake_cluster.ts";
import { THRESHER } from "./program.ts";
import { Program } from "../record/program.ts";
import { lacks } from "../setup.ts";

/** How a command ended, and what it said. */
async function outcome(cluster: FakeCluster, ...args: readonly string[]) {
  const program = cluster.run(...args);
  const code = await program.ended;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** Whether a hub answers; a connection may just have been cut. */
async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`);
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return false;
  }
}

/** A tap that leaves its installation. */
async function install(cluster: FakeCluster): Promise<void> {
  const tap = cluster.run("tap", "-n", "shop", "--keep", "--port", "0");
  await cluster.says(tap, /open http/);
  Deno.kill(tap.pid, "SIGINT");
  equal(await tap.ended, 130);
}

Deno.test("tap installs, shows, and takes away what it made", async () => {
  await using cluster = await FakeCluster.start();
  const before = cluster.server.namesOf("Pod");
  const tap = cluster.run("tap", "^carts", "-n", "shop", "--port", "0");
  const [, url] = await cluster.says(tap, /open (http:\S+)/);
  match(tap.stderr, /^thresher: context "fake" at http:\/\/127\.0\.0\.1/);
  match(tap.stderr, /Kubernetes v1\.36\.2, 2 nodes to capture on/);
  match(tap.stderr, /NAMESPACE +POD +NODE\n +shop +carts-7d9f-x +node-a/);
  match(tap.stderr, /hub ready, workers 2 of 2/);
  deepEqual(cluster.pickers.at(-1)?.toPreview().selection, {
    pod: "^carts",
    namespaces: ["shop"],
  });
  const page = await fetch(url!, { redirect: "manual" });
  await page.body?.cancel();
  equal(page.status, 303);
  ok(cluster.ours().length > 10);
  Deno.kill(tap.pid, "SIGINT");
  equal(await tap.ended, 130);
  match(tap.stderr, /1\d objects were removed; nothing is left of them/);
  deepEqual(cluster.ours(), []);
  deepEqual(cluster.server.namesOf("Pod"), before);
});

Deno.test("a second tap re-targets the installation, and leaves it", async () => {
  await using cluster = await FakeCluster.start();
  const first = cluster.run("tap", "-n", "shop", "--port", "0");
  await cluster.says(first, /open http/);
  const second = cluster.run("tap", "-A", "-l", "app=web", "--port", "0");
  await cluster.says(second, /open http/);
  match(second.stderr, /uses the installation in namespace thresher, made by/);
  deepEqual(cluster.pickers[0]?.toPreview().selection, { labels: "app=web" });
  Deno.kill(second.pid, "SIGTERM");
  equal(await second.ended, 130);
  ok(cluster.ours().length > 10);
  const third = cluster.run("tap", "--duration", "1s", "--port", "0");
  equal(await third.ended, 0);
  match(third.stderr, /captures .* with the labels app=web, as before/);
  Deno.kill(first.pid, "SIGINT");
  equal(await first.ended, 130);
  deepEqual(cluster.ours(), []);
});

Deno.test("while tap runs, query and export ask the cluster", async () => {
  await using cluster = await FakeCluster.start();
  equal((await outcome(cluster, "query", "")).code, 2);
  const tap = cluster.run("tap", "-A", "--port", "0");
  await cluster.says(tap, /open http/);
  deepEqual(await outcome(cluster, "query", "http", "--count"), {
    code: 0,
    stdout: "10\n",
    stderr: "",
  });
  const file = await outcome(cluster, "export", "http", "-o", "a.pcap");
  equal(file.code, 0, file.stderr);
  const counted = ["query", "--pcap", "a.pcap", "--count"];
  equal((await outcome(cluster, ...counted)).stdout, "10\n");
  Deno.kill(tap.pid, "SIGINT");
  await tap.ended;
  equal((await outcome(cluster, "query", "")).code, 2);
});

Deno.test("what is not ready in time is explained, and removed", async () => {
  const idle = idleKubelet();
  await using cluster = await FakeCluster.start({
    kubelet: async (pod) => ({
      ...await idle(pod),
      ...(pod.metadata.namespace === "thresher" && {
        waiting: { reason: "ImagePullBackOff", message: "no such image" },
      }),
    }),
  });
  const { code, stderr } = await outcome(
    cluster,
    ...["tap", "-A", "--timeout", "2s"],
  );
  equal(code, 4);
  match(stderr, /not ready after 2 s .*: hub not ready yet, workers 0 of 2\n/);
  match(stderr, /pod thresher-hub-\S+ on node-.: ImagePullBackOff: no such/);
  deepEqual(cluster.ours(), []);
  const kept = ["tap", "-A", "--keep", "--timeout", "1s"];
  equal((await outcome(cluster, ...kept)).code, 4);
  for (const args of [[], ["--wait", "--timeout", "1s"]]) {
    const status = await outcome(cluster, "status", ...args);
    equal(status.code, 4);
    match(status.stderr, /ImagePullBackOff: no such image/);
  }
});

Deno.test("whoever may not is told which rights are missing", async () => {
  await using cluster = await FakeCluster.start();
  cluster.useToken("viewer");
  const viewer = await outcome(cluster, "tap", "-A");
  equal(viewer.code, 3);
  match(viewer.stderr, /lacks \d+ of the rights/);
  match(viewer.stderr, /\ndaemonsets\.apps in thresher +NO +NO +NO +NO/);
  deepEqual(cluster.ours(), []);
  const check = await outcome(cluster, "check");
  equal(check.code, 3);
  match(check.stdout, /^FAIL +this account lacks \d+ rights/m);
  cluster.useToken("expired");
  for (const args of [["tap"], ["tap", "-A"], ["proxy"], ["clean"]]) {
    const { code, stderr } = await outcome(cluster, ...args);
    equal(code, 3, args.join(" "));
    match(stderr, /Log in to the cluster again/);
  }
});

Deno.test("the rights that the documentation names are enough to use it", async () => {
  await using cluster = await FakeCluster.start();
  await install(cluster);
  const text = Deno.readTextFileSync(
    new URL("../../docs/cluster.md", import.meta.url),
  );
  const [, yaml] = /```yaml\n(rules:[\s\S]*?)```/.exec(text)!;
  const { rules } = load(yaml!) as { rules: unknown };
  cluster.server.put("Role", {
    metadata: { name: "use", namespace: "thresher" },
    rules,
  });
  cluster.server.put("RoleBinding", {
    metadata: { name: "use", namespace: "thresher" },
    roleRef: { kind: "Role", name: "use" },
    subjects: [{ kind: "User", name: "viewer" }],
  });
  cluster.useToken("viewer");
  const used: readonly string[][] = [
    ["status"],
    ["logs", "-o", "logs.zip"],
    ["pcapdump", "-o", "all.pcap"],
    ["tap", "-n", "front", "--port", "0", "--duration", "1s"],
  ];
  for (const args of used) {
    const { code, stderr } = await outcome(cluster, ...args);
    equal(code, 0, stderr);
  }
  ok(cluster.ours().length > 10);
  const without = (rules as { resources: string[] }[])
    .filter(({ resources }) => !resources.includes("pods/portforward"));
  cluster.server.put("Role", {
    metadata: { name: "use", namespace: "thresher" },
    rules: without,
  });
  const refused = await outcome(cluster, "proxy", "--port", "0");
  equal(refused.code, 3);
  match(refused.stderr, /rights to get and to create pods\/portforward/);
});

Deno.test("Ctrl-C while it is not ready leaves nothing either", async () => {
  const idle = idleKubelet();
  await using cluster = await FakeCluster.start({
    kubelet: async (pod) => ({
      ...await idle(pod),
      ...(pod.metadata.namespace === "thresher" && {
        waiting: { reason: "ContainerCreating", message: "" },
      }),
    }),
  });
  const tap = cluster.run("tap", "-A");
  await cluster.says(tap, /hub not ready yet, workers 0 of 2/);
  Deno.kill(tap.pid, "SIGINT");
  equal(await tap.ended, 130);
  match(tap.stderr, /objects were removed; nothing is left/);
  deepEqual(cluster.ours(), []);
});

Deno.test("a cluster that cannot be asked is no surprise", async () => {
  await using cluster = await FakeCluster.start();
  const config = JSON.parse(cluster.server.kubeconfig());
  config.users[0].user = {
    exec: {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "sh",
      args: ["-c", "echo the session is over >&2; exit 1"],
      interactiveMode: "Never",
    },
  };
  const path = cluster.scratch.path("plugin");
  Deno.writeTextFileSync(path, JSON.stringify(config));
  const plugin = await outcome(cluster, "status", "--kubeconfig", path);
  equal(plugin.code, 3);
  match(plugin.stderr, /Cannot get credentials for context "fake": /);
  const misused: readonly [args: string[], says: RegExp][] = [
    [["tap", "--context", "nope"], /No context "nope" .* but fake/],
    [["tap", "web", "--local"], /--local is about this machine and POD-REGEX/],
    [["tap", "(", "-A"], /Cannot read the regex "\("/],
    [["tap", "-o", "yaml"], /--output belongs to --dry-run/],
    [["tap", "-n", "a", "-A"], /cannot be used with/],
    [["clean", "--kubeconfig", "none"], /Cannot read the kubeconfig none/],
    [["tap", "-A", "--image-pull-secret", "key"], /no secret "key"/],
    [["pcapdump", "-o", "-", "--filter", "nonsense =="], /not understood/],
  ];
  for (const [args, says] of misused) {
    const { code, stderr } = await outcome(cluster, ...args);
    match(stderr, says);
    equal(code, 2, args.join(" "));
  }
  await cluster.server.down();
  const tap = await outcome(cluster, "tap");
  equal(tap.code, 4);
  match(tap.stderr, /Cannot reach the API server http\S+: .*refused/);
  match(tap.stderr, /capture this machine with --local/);
  equal((await outcome(cluster, "proxy")).code, 4);
});

Deno.test("a dry run prints what would be made, and makes nothing", async () => {
  await using cluster = await FakeCluster.start();
  const before = cluster.server.store.version;
  const dry = ["tap", "-A", "--dry-run", "--registry", "registry.test/team/"];
  const yaml = await outcome(cluster, ...dry, "-o", "yaml");
  equal(yaml.code, 0);
  const objects = loadAll(yaml.stdout) as KubeObject[];
  equal(objects[0]?.kind, "Namespace");
  match(yaml.stderr, /would make DaemonSet thresher\/thresher-worker-/);
  match(yaml.stdout, /image: registry\.test\/team\/thresher:/);
  const json = await outcome(cluster, ...dry, "-o", "json");
  const list = JSON.parse(json.stdout) as { items: KubeObject[] };
  deepEqual(
    list.items.map(({ kind, metadata }) => [kind, metadata?.name]),
    objects.map(({ kind, metadata }) => [kind, metadata?.name]),
  );
  equal(cluster.server.store.version, before);
});

Deno.test("proxy follows the hub, through a server that goes away", async () => {
  await using cluster = await FakeCluster.start();
  equal((await outcome(cluster, "proxy")).code, 1);
  await install(cluster);
  const chosen = { pod: "web", namespaces: ["front"] };
  cluster.pickers[0]!.select(chosen);
  const proxy = cluster.run("proxy", "--port", "0");
  const [, url] = await cluster.says(proxy, /open (http:\/\/[^/]+)\//);
  await until("the hub answers", () => isHealthy(url!));
  await cluster.server.down();
  await cluster.says(proxy, /the hub is lost: .*; trying again/);
  await cluster.server.up();
  await cluster.says(proxy, /the hub is back/);
  // Port-forwards that are cut are made anew, and nobody notices.
  cluster.server.cut();
  await until("the hub answers", () => isHealthy(url!));
  const [name] = cluster.server.namesOf("Pod")
    .filter((one) => one.startsWith("thresher/thresher-hub"));
  const pod = cluster.server.find("Pod", name!.slice(9), "thresher")!;
  cluster.server.put("Pod", {
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp: new Date().toISOString() },
  });
  await cluster.says(proxy, /another pod is the hub now: thresher-hub-/);
  await until("the hub answers", () => isHealthy(url!));
  // What was captured before is captured by the next hub.
  await until("the next hub is told", () => {
    const selection = cluster.pickers[1]?.toPreview().selection;
    return JSON.stringify(selection) === JSON.stringify(chosen);
  });
  Deno.kill(proxy.pid, "SIGINT");
  equal(await proxy.ended, 130);
  ok(cluster.ours().length > 10);
});

Deno.test("tap goes on when its login is renewed, and the server is busy", async () => {
  await using cluster = await FakeCluster.start();
  const { server } = cluster;
  server.fail(2, { status: 429, retryAfter: 1, on: /^PATCH/ });
  const tap = cluster.run("tap", "-A", "--port", "0");
  await cluster.says(tap, /waiting to go on: .*told to answer 429/);
  await cluster.says(tap, /open http/);
  server.tokens.delete("admin-token");
  await cluster.says(tap, /Log in to the cluster again/);
  server.tokens.set("renewed", "admin");
  cluster.useToken("renewed");
  await cluster.says(tap, /the cluster can be asked again/);
  Deno.kill(tap.pid, "SIGINT");
  equal(await tap.ended, 130);
  deepEqual(cluster.ours(), []);
});

Deno.test("a server that is frozen is told of, and waited for", async () => {
  await using cluster = await FakeCluster.start();
  const tap = cluster.run("tap", "-A", "--port", "0");
  await cluster.says(tap, /open http/);
  cluster.server.freeze();
  await cluster.says(tap, /The hub does not answer: .*; trying again/);
  cluster.server.thaw();
  await cluster.says(tap, /the hub answers again/);
  Deno.kill(tap.pid, "SIGINT");
  equal(await tap.ended, 130);
  deepEqual(cluster.ours(), []);
});

Deno.test("clean removes what runs left, and nothing else", async () => {
  await using cluster = await FakeCluster.start();
  const nothing = await outcome(cluster, "clean");
  deepEqual([nothing.code, /nothing to remove/.test(nothing.stderr)], [
    0,
    true,
  ]);
  const tap = cluster.run("tap", "-A", "--port", "0");
  await cluster.says(tap, /open http/);
  Deno.kill(tap.pid, "SIGKILL");
  await tap.ended;
  // Whoever looks finds it, and is told what to do.
  const found = /namespace thresher, made by run \w{5} \d+ \w+ ago/;
  match((await outcome(cluster, "status")).stdout, found);
  match((await outcome(cluster, "check")).stdout, found);
  const next = await outcome(cluster, "tap", "-A", "--dry-run");
  match(next.stderr, found);
  match(next.stderr, /stays when this ends, and `thresher clean` removes it/);
  cluster.server.put("ClusterRole", { metadata: { name: "thresher-other" } });
  const dry = await outcome(cluster, "clean", "--dry-run");
  match(dry.stderr, /would remove ClusterRole thresher-hub\n/);
  ok(!dry.stderr.includes("thresher-other"));
  ok(cluster.ours().length > 10);
  const { code, stderr } = await outcome(cluster, "clean");
  equal(code, 0);
  match(stderr, /objects were removed; nothing is left/);
  deepEqual(cluster.ours(), []);
  deepEqual(cluster.server.namesOf("ClusterRole"), ["thresher-other"]);
});

Deno.test("what is left of a run that never had a hub is named by whoever looks", async () => {
  await using cluster = await FakeCluster.start();
  const labels = {
    "app.kubernetes.io/part-of": "thresher",
    "app.kubernetes.io/managed-by": "thresher-cli",
    "app.kubernetes.io/instance": "k3x9w",
  };
  cluster.server.put("Namespace", { metadata: { name: "thresher", labels } });
  cluster.server.put("ServiceAccount", {
    metadata: { name: "thresher-hub", namespace: "thresher", labels },
  });
  const left = new RegExp(
    "something is left of what run k3x9w made \\d+ \\w+ ago: " +
      "ServiceAccount thresher/thresher-hub, Namespace thresher\\. " +
      "`thresher clean` removes it",
  );
  const status = await outcome(cluster, "status");
  equal(status.code, 1);
  match(status.stderr, /is not installed/);
  match(status.stderr, left);
  match((await outcome(cluster, "check")).stdout, left);
  match((await outcome(cluster, "tap", "-A", "--dry-run")).stderr, left);
  equal((await outcome(cluster, "clean")).code, 0);
  deepEqual(cluster.ours(), []);
});

Deno.test("pods of a mesh are named where they are not heard inside, with or without --mesh", async () => {
  await using cluster = await FakeCluster.start();
  cluster.addPod("pay-1", "shop", "istio-proxy");
  const unheard =
    /1 captured pod has a service mesh's proxy beside the application \(shop\/pay-1\)/;
  const plain = cluster.run("tap", "-n", "shop", "--port", "0");
  await cluster.says(plain, /open http/);
  match(plain.stderr, unheard);
  match(plain.stderr, /With --mesh it is captured, too/);
  equal(plain.stderr.match(new RegExp(unheard, "g"))?.length, 1);
  match((await outcome(cluster, "status")).stderr, unheard);
  match((await outcome(cluster, "check")).stdout, unheard);
  const second = await outcome(cluster, "tap", "--mesh");
  equal(second.code, 1);
  match(second.stderr, /made without --mesh, and to change it would remove/);
  Deno.kill(plain.pid, "SIGINT");
  equal(await plain.ended, 130);

  const meshed = cluster.run("tap", "-n", "shop", "--mesh", "--port", "0");
  await cluster.says(meshed, /open http/);
  match(meshed.stderr, /--mesh gives the workers hostPID, SYS_ADMIN and SYS_/);
  equal(unheard.test(meshed.stderr), false);
  await cluster.says(meshed, /shop\/pay-1: not heard inside: No process of it/);
  const worker = cluster.server.find(
    "DaemonSet",
    "thresher-worker-daemon-set",
    "thresher",
  )!;
  match(JSON.stringify(worker.spec), /"hostPID":true/);
  const joined = ["tap", "--duration", "1s", "--port", "0"];
  const third = await outcome(cluster, ...joined);
  equal(third.code, 0);
  match(third.stderr, /captures inside of pods of a service mesh, too/);
  Deno.kill(meshed.pid, "SIGINT");
  equal(await meshed.ended, 130);
  deepEqual(cluster.ours(), []);
});

Deno.test("removing can be left to clean, with a second Ctrl-C", async () => {
  await using cluster = await FakeCluster.start();
  const tap = cluster.run("tap", "-A", "--port", "0");
  await cluster.says(tap, /open http/);
  cluster.server.put("ServiceAccount", {
    metadata: { name: "held", namespace: "thresher", finalizers: ["a/b"] },
  });
  Deno.kill(tap.pid, "SIGINT");
  await cluster.says(tap, /removing Namespace thresher/);
  Deno.kill(tap.pid, "SIGINT");
  equal(await tap.ended, 130);
  match(tap.stderr, /not all was removed: `thresher clean` does it/);
});

Deno.test("status, check, logs and pcapdump tell of an installation", async () => {
  await using cluster = await FakeCluster.start();
  equal((await outcome(cluster, "status")).code, 1);
  await install(cluster);
  const status = await outcome(cluster, "status", "--wait");
  equal(status.code, 0);
  match(
    status.stdout,
    /^installation in namespace thresher, made by run \w{5} \d+ \w+ ago, version 0\.1\.0\n/,
  );
  const { stdout } = await outcome(cluster, "status", "--json");
  deepEqual(JSON.parse(stdout).workers, { ready: 2, wanted: 2 });
  const check = await outcome(cluster, "check");
  equal(check.code, 0);
  match(check.stdout, /^ok {4}its hub answers/m);
  const dump = await outcome(cluster, "pcapdump", "-o", "all.pcap");
  equal(dump.code, 0, dump.stderr);
  const counted = ["query", "--pcap", "all.pcap", "--count"];
  equal((await outcome(cluster, ...counted)).stdout, "10\n");
  const logs = await outcome(cluster, "logs", "-o", "logs.zip");
  equal(logs.code, 0);
  const bytes = Deno.readFileSync(cluster.scratch.path("logs.zip"));
  const files = Object.entries(unzipSync(bytes)).map(([name, bytes]) =>
    [name, new TextDecoder().decode(bytes)] as const
  );
  const names = files.map(([name]) => name);
  for (const name of ["events.json", "hub/metrics.txt", "readiness.json"]) {
    ok(names.includes(name), name);
  }
  const hub = files.find(([name]) => /^logs\/.*\/hub\.log$/.test(name));
  equal(hub?.[1], "hub started\nit is well\n");
  const secret = cluster.server.find("Secret", "thresher-hub", "thresher")!;
  const { token } = secret.data as unknown as { token: string };
  for (const [name, text] of files) {
    ok(!text.includes(token) && !text.includes(atob(token)), name);
  }
});

Deno.test("a secret to pull with comes along from the context's namespace", async () => {
  await using cluster = await FakeCluster.start();
  cluster.server.put("Secret", {
    metadata: { name: "key", namespace: "default" },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": btoa("{}") },
  });
  const tap = cluster.run(
    ...["tap", "-A", "--port", "0", "--image-pull-secret", "key"],
    ...["--storage-limit", "1GB"],
  );
  await cluster.says(tap, /open http/);
  const copy = cluster.server.find("Secret", "key", "thresher");
  equal(copy?.type, "kubernetes.io/dockerconfigjson");
  const worker = cluster.server.find(
    ...["DaemonSet", "thresher-worker-daemon-set", "thresher"] as const,
  );
  match(
    JSON.stringify(worker?.spec),
    /"imagePullSecrets":\[\{"name":"key"\}\]/,
  );
  match(JSON.stringify(worker?.spec), /--storage-limit=1000000000"/);
  Deno.kill(tap.pid, "SIGINT");
  equal(await tap.ended, 130);
  equal(cluster.server.find("Secret", "key", "thresher"), undefined);
  ok(cluster.server.find("Secret", "key", "default"));
});

/** A command on a terminal, which `script` opens; keys are typed into it. */
class Terminal {
  readonly program: Program;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;

  constructor(cluster: FakeCluster, command: string) {
    const { folder } = cluster.scratch;
    const line = `stty cols 60; exec ${THRESHER} ${command}`;
    const child = new Deno.Command("script", {
      args: ["-qefc", line, "/dev/null"],
      cwd: folder,
      env: {
        TERM: "xterm",
        SHELL: "/bin/sh",
        XDG_STATE_HOME: `${folder}/state`,
        KUBECONFIG: `${folder}/kubeconfig`,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#keys = child.stdin.getWriter();
    this.program = new Program(child);
  }

  async type(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** Waits until that is on the screen. */
  async shows(what: RegExp): Promise<void> {
    await until(`${what} is shown`, () => {
      if (what.test(this.program.stdout)) return true;
      if (this.program.isRunning) return false;
      throw new Error(`It ended without ${what}:\n${this.program.stdout}`);
    }, PATIENCE_MS);
  }
}

const noTerminal = lacks("script");

Deno.test({
  name: "on a terminal one line says how far it is, and Ctrl-C ends it",
  ignore: noTerminal,
  async fn() {
    await using cluster = await FakeCluster.start();
    const terminal = new Terminal(cluster, "tap -A --port 0 --no-browser");
    await terminal.shows(/open http/);
    await terminal.type("\x03");
    equal(await terminal.program.ended, 130);
    const { stdout } = terminal.program;
    match(stdout, /objects were removed; nothing is left of them/);
    const drawn = stdout.split("\r\x1b[K").slice(1)
      .map((text) => text.split("\r\n")[0]!);
    ok(drawn.some((text) => text.includes("made DaemonSet")));
    ok(drawn.some((text) => text.includes("removing Namespace")));
    for (const text of drawn.filter((one) => /made|removing/.test(one))) {
      ok(text.length < 60, text);
    }
  },
});

Deno.test({
  name: "whoever has no cluster at hand is asked, and may say no",
  ignore: noTerminal,
  async fn() {
    await using cluster = await FakeCluster.start();
    await cluster.server.down();
    for (const keys of ["n\r", "\r", "\x03"]) {
      const terminal = new Terminal(cluster, "tap --no-browser");
      await terminal.shows(/capture this machine instead\? \[y\/N\] /);
      await terminal.type(keys);
      const isEnded = keys === "\x03";
      equal(await terminal.program.ended, isEnded ? 130 : 4);
      if (isEnded) continue;
      match(terminal.program.stdout, /or capture this machine with --local/);
    }
  },
});

async function hasKubectl(): Promise<boolean> {
  try {
    const args = ["version", "--client"];
    return (await new Deno.Command("kubectl", { args }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test({
  name: "kubectl runs it, and it says so",
  ignore: !await hasKubectl(),
  async fn() {
    await using cluster = await FakeCluster.start();
    const folder = cluster.scratch.folder;
    const plugin = `#!/bin/bash\nexec -a kubectl-thresher ${THRESHER} "$@"\n`;
    Deno.writeTextFileSync(`${folder}/kubectl-thresher`, plugin, {
      mode: 0o755,
    });
    const kubectl = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await new Deno.Command("kubectl", {
        args: ["thresher", ...args],
        env: {
          PATH: `${folder}:${Deno.env.get("PATH")}`,
          KUBECONFIG: `${folder}/kubeconfig`,
        },
      }).output();
      const decoder = new TextDecoder();
      return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
    };
    const help = await kubectl("tap", "--help");
    equal(help.code, 0);
    match(help.said, /^Usage: kubectl thresher tap \[options\] \[POD-REGEX\]/);
    match(help.said, /^ {2}kubectl thresher tap '\^carts-' -n shop$/m);
    const status = await kubectl("status");
    equal(status.code, 1);
    match(status.said, /`kubectl thresher tap` installs it/);
  },
});
