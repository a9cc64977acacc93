/**
 * What a large cluster that never rests costs its hub, a part of
 * `deno task nightly`:
 *
 * ```sh
 * deno run -A tests/bench/cluster_hub.ts
 * ```
 *
 * The hub runs in a container as its manifest says, with the rights of its
 * account, and watches the API server of the tests: 5,000 pods of a few KB on
 * 100 nodes, 500 services, and 50 changes a second. Half of the pods are
 * captured, and the history is as long as it may be. Needs root.
 */
import { join } from "node:path";
import { issue, makeAuthority } from "../../k8s/certificates.ts";
import {
  contained,
  THRESHER_ENTRY,
  THRESHER_ENVIRONMENT,
  thresherMounts,
} from "../e2e/container.ts";
import { Random } from "../fuzz/random.ts";
import { clusterFile } from "../../cli/cluster_hub.ts";
import { saveNames } from "../../k8s/names_file.ts";
import { MAX_CLAIMS } from "../../k8s/names_history.ts";
import { Resolver } from "../../k8s/resolver.ts";
import { Churn, START, type Step } from "../k8s/churn.ts";
import {
  type FakeApiServer,
  startFakeApiServer,
} from "../k8s/fake_api_server.ts";
import { until } from "../k8s/until.ts";
import { Program } from "../record/program.ts";
import { setUp } from "../setup.ts";
import type { Row } from "./measure.ts";

const SIZE = { nodes: 100, pods: 5000, services: 500, addresses: 6000 };

/** Changes a second, and for how long; s. */
const RATE = 50;
const DURATION = 60;

/** Characters of what pods have that nobody needs here. */
const BALLAST = "x".repeat(4000);

const PORT = 18_899;

const KINDS = {
  pods: "Pod",
  services: "Service",
  slices: "EndpointSlice",
  nodes: "Node",
} as const;

/** Measures it all. */
export async function churned(): Promise<Row[]> {
  await setUp(["setpriv", "unshare"]);
  const folder = await Deno.makeTempDir();
  const authority = makeAuthority("cluster", new Date());
  const names = ["127.0.0.1"];
  await using server = await startFakeApiServer({
    nodes: [],
    tls: issue(authority, "kubernetes", names, new Date()),
  });
  server.controllers.pause();
  const churn = new Churn(new Random(1), SIZE);
  for (const step of churn.begin()) put(server, step);
  while (server.namesOf("Pod").length < SIZE.pods - 20) {
    for (let i = 0; i < 20; i++) {
      for (const step of churn.step(Date.now() * 1000)) put(server, step);
    }
  }
  const hub = await startHub(server, folder, authority.cert);
  try {
    await until("the hub is ready", async () => {
      if (!hub.isRunning) throw new Error(hub.stderr);
      return await isReady();
    });
    const before = cpuOf(hub.pid);
    await change(server, churn);
    const cpu = cpuOf(hub.pid) - before;
    const memory = peakOf(hub.pid) / 1e6;
    const share = 100 * cpu / DURATION;
    const what = `hub of ${SIZE.pods} pods, ${RATE} changes/s`;
    const ours = (value: number, unit: string) => ({
      ours: `${value.toFixed(1)} ${unit}`,
      theirs: "",
      reached: value,
      unit,
    });
    return [
      { what: `${what}: of a core`, ...ours(share, "%"), goal: 10 },
      { what: `${what}: memory`, ...ours(memory, "MB"), goal: 250 },
    ];
  } finally {
    await hub.stop();
    await hub.ended;
    await Deno.remove(folder, { recursive: true });
  }
}

/** At a steady pace, whatever time it takes. */
async function change(server: FakeApiServer, churn: Churn): Promise<void> {
  const begun = performance.now();
  for (let done = 0; done < RATE * DURATION;) {
    for (const step of churn.step(Date.now() * 1000)) {
      put(server, step);
      done++;
    }
    const due = begun + done * 1000 / RATE;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Does in the cluster what the churn says. */
function put(server: FakeApiServer, { kind, change, object }: Step): void {
  const { name = "", namespace } = object.metadata ?? {};
  if (change === "gone") return server.drop(KINDS[kind], name, namespace);
  const { uid: _, ...metadata } = object.metadata ?? {};
  server.put(KINDS[kind], {
    ...object,
    metadata: {
      ...metadata,
      name,
      ...kind === "pods" && { annotations: { ballast: BALLAST } },
    },
  });
}

/** A past of the cluster, as long as it may be. */
async function keepPast(path: string, server: FakeApiServer): Promise<void> {
  const churn = new Churn(new Random(2), SIZE);
  const resolver = new Resolver();
  const kinds = ["nodes", "services", "slices", "pods"] as const;
  for (const kind of kinds) {
    resolver.take(kind, { kind: "listing" }, START);
    resolver.take(kind, { kind: "listed" }, START);
  }
  let at = START;
  let steps = churn.begin();
  while (resolver.history.size < MAX_CLAIMS) {
    for (const { kind, change, object } of steps) {
      // Of its own, as from a connection.
      const own = structuredClone(object);
      resolver.take(kind, { kind: change, object: own }, at);
    }
    steps = churn.step(at += 1e6 / RATE);
  }
  await Deno.mkdir(path, { recursive: true });
  const file = join(path, clusterFile("names", server.url));
  await saveNames(file, resolver.history, Date.now() * 1000 - 1e6);
  for (const each of [path, file]) await Deno.chmod(each, 0o777);
}

/** In a container as its manifest has it. */
async function startHub(
  server: FakeApiServer,
  folder: string,
  ca: string,
): Promise<Program> {
  server.tokens.set("hub", "admin");
  const files = {
    "account/token": "hub",
    "account/namespace": "thresher",
    "account/ca.crt": ca,
    "secrets/secret": "what hub and workers share",
    "secrets/token": "what-people-show-the-hub",
    "secrets/ca.crt": ca,
  };
  const folders = ["account", "secrets", "state", "tmp", "root"];
  for (const each of folders) {
    await Deno.mkdir(join(folder, each));
    await Deno.chmod(join(folder, each), 0o777);
  }
  await Deno.chmod(folder, 0o755);
  for (const [path, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(folder, path), text);
  }
  await keepPast(join(folder, "state/thresher-hub"), server);
  const mount = (from: string, path: string, readOnly: boolean) => ({
    folder: join(folder, from),
    path,
    readOnly,
  });
  const account = "/run/secrets/kubernetes.io/serviceaccount";
  const [program, ...args] = contained(
    join(folder, "root"),
    [
      ...await thresherMounts(),
      mount("account", account, true),
      mount("secrets", "/secrets", true),
      mount("state", "/state", false),
      mount("tmp", "/tmp", false),
    ],
    { user: 65532, capabilities: [] },
    [
      ...THRESHER_ENTRY,
      ...["hub", "--cluster", `--listen=127.0.0.1:${PORT}`],
      ...["--secret-file=/secrets/secret", "--token-file=/secrets/token"],
      ...["--worker-ca=/secrets/ca.crt"],
      // Labels that half of the pods have.
      ...['--targets={"labels":"pod-template-hash=5d8f"}'],
    ],
  );
  const url = new URL(server.url);
  const child = new Deno.Command(program!, {
    args,
    env: {
      ...THRESHER_ENVIRONMENT,
      XDG_STATE_HOME: "/state",
      DENO_V8_FLAGS: "--max-semi-space-size=2",
      KUBERNETES_SERVICE_HOST: url.hostname,
      KUBERNETES_SERVICE_PORT: url.port,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return new Program(child);
}

async function isReady(): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${PORT}/readyz`);
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return false; // nobody listens yet
  }
}

/** Processor time of a process, s. */
function cpuOf(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** In a second; Linux has 100 everywhere. */
const TICKS = 100;

/** The most memory that a process has had, bytes. */
function peakOf(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(text)?.[1]);
}

if (import.meta.main) {
  for (const { what, ours, goal, unit } of await churned()) {
    console.log(`${what}: ${ours}, goal ${goal} ${unit}`);
  }
}
