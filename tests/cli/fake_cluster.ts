/**
 * A cluster for commands: the API server of the tests, whose hub pods are real
 * hubs in this process, and whose workers have nothing to capture.
 */
import { readSelection } from "../../api/selection.ts";
import type { CaptureState } from "../../api/worker.ts";
import { Access } from "../../hub/access.ts";
import type { PodPicker } from "../../hub/cluster.ts";
import { HubServer } from "../../hub/server.ts";
import { Workers } from "../../hub/workers.ts";
import { Client } from "../../k8s/client.ts";
import { ClusterView } from "../../k8s/cluster_view.ts";
import type { Running } from "../k8s/fake/controllers.ts";
import { KINDS as FAKE_KINDS } from "../k8s/fake/kinds.ts";
import type { Stored } from "../k8s/fake/store.ts";
import {
  type FakeApiServer,
  type FakeOptions,
  startFakeApiServer,
} from "../k8s/fake_api_server.ts";
import { readSchemas } from "../k8s/openapi.ts";
import { until } from "../k8s/until.ts";
import { HTTP, Scratch } from "./scratch.ts";
import { WorkerService } from "../../worker/serve/service.ts";
import { framesOf } from "../worker/scan/interleaved.ts";
import { GrowingFolder } from "../worker/serve/growing.ts";
import { start } from "./program.ts";
import { Program } from "../record/program.ts";

/** How long a command may take to say something, ms: it looks now and then. */
export const PATIENCE_MS = 60_000;

/** Disposing of it ends the server and every command that still runs. */
export class FakeCluster implements AsyncDisposable {
  readonly server: FakeApiServer;
  readonly scratch: Scratch = new Scratch();
  /** What each hub was told to capture, the last one last. */
  readonly pickers: readonly PodPicker[];
  readonly #running: Program[] = [];

  private constructor(server: FakeApiServer, pickers: readonly PodPicker[]) {
    this.server = server;
    this.pickers = pickers;
  }

  static async start(options: FakeOptions = {}): Promise<FakeCluster> {
    const pickers: PodPicker[] = [];
    let count = 0;
    const server: FakeApiServer = await startFakeApiServer({
      schemas: readSchemas(),
      nodes: ["node-a", "node-b"],
      kubelet: (pod) => startPod(server, pod, ++count, pickers),
      ...options,
    });
    const cluster = new FakeCluster(server, pickers);
    server.tokens.set("hub", "admin");
    cluster.useToken("admin-token");
    for (const name of ["carts", "orders", "web"]) {
      cluster.addPod(`${name}-7d9f-x`, name === "web" ? "front" : "shop");
    }
    await until(
      "pods run",
      () => server.store.all(PODS).every(({ status }) => status?.podIP),
    );
    return cluster;
  }

  /** Puts a kubeconfig in place with which commands come as somebody. */
  useToken(token: string): void {
    const path = this.scratch.path("kubeconfig");
    Deno.writeTextFileSync(path, this.server.kubeconfig(token));
  }

  /** A pod of somebody's, which runs; with more containers than its own. */
  addPod(
    name: string,
    namespace: string,
    ...sidecars: readonly string[]
  ): void {
    if (!this.server.find("Namespace", namespace)) {
      this.server.put("Namespace", { metadata: { name: namespace } });
    }
    this.server.put("Pod", {
      metadata: { name, namespace, labels: { app: name.split("-")[0]! } },
      spec: {
        nodeName: "node-a",
        containers: ["main", ...sidecars].map((name) => ({ name })),
      },
    });
  }

  /** Starts a command. */
  run(...args: readonly string[]): Program {
    return this.runWith({}, ...args);
  }

  /** Starts a command with more in its environment. */
  runWith(
    env: Readonly<Record<string, string>>,
    ...args: readonly string[]
  ): Program {
    const child = start(this.scratch.folder, args, {
      stdout: "piped",
      stderr: "piped",
      env: { KUBECONFIG: this.scratch.path("kubeconfig"), ...env },
    });
    const program = new Program(child);
    this.#running.push(program);
    return program;
  }

  /** Waits until a command has said something; fails if it ends before. */
  async says(program: Program, what: RegExp): Promise<RegExpExecArray> {
    await until(`${what} is said`, () => {
      if (what.test(program.stderr)) return true;
      if (program.isRunning) return false;
      throw new Error(`It ended without ${what}:\n${program.stderr}`);
    }, PATIENCE_MS);
    return what.exec(program.stderr)!;
  }

  /** Names of everything that has our labels. */
  ours(): string[] {
    return KINDS.flatMap((kind) =>
      this.server.namesOf(kind).filter((name) => {
        const [last = "", namespace] = name.split("/").reverse();
        const labels = this.server.find(kind, last, namespace)?.metadata.labels;
        return labels?.["app.kubernetes.io/part-of"] === "thresher";
      }).map((name) => `${kind} ${name}`)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((program) => program.stop("SIGKILL")));
    await this.server.close();
    this.scratch[Symbol.dispose]();
  }
}

const PODS = FAKE_KINDS.find(({ kind }) => kind === "Pod")!;

const KINDS = [
  ...["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"],
  ...["Secret", "Service", "NetworkPolicy", "Deployment", "DaemonSet", "Pod"],
];

async function startPod(
  server: FakeApiServer,
  pod: Stored,
  n: number,
  pickers: PodPicker[],
): Promise<Running> {
  const isOurs = pod.metadata.namespace !== "shop" &&
    pod.metadata.labels?.["app.kubernetes.io/component"] === "hub";
  const ip = pod.spec?.hostNetwork ? "192.0.2.1" : `10.78.0.${n}`;
  if (!isOurs) return { ip, log: () => `${pod.metadata.name} captures\n` };
  const { namespace } = pod.metadata;
  await until(
    "the hub's secret is there",
    () => server.find("Secret", "thresher-hub", namespace),
  );
  const secret = server.find("Secret", "thresher-hub", namespace)!;
  const { token } = secret.data as unknown as { token: string };
  const client = new Client({
    context: undefined,
    server: server.url,
    namespace: namespace!,
    credentials: () =>
      Promise.resolve({ headers: { authorization: "Bearer hub" } }),
  });
  const view = new ClusterView({
    client,
    namespace: namespace!,
    selection: readSelection(JSON.parse(argumentOf(pod, "--targets=")!)),
    say: () => {},
  });
  pickers.push(view.targets);
  const mesh = argumentOf(pod, "--mesh") !== undefined;
  const worker = new KeepingWorker("node-a", mesh);
  const hub = await HubServer.start({
    hostname: "127.0.0.1",
    port: 0,
    version: "0.1.0",
    access: new Access(atob(token)),
    workers: new Workers([worker.service]),
    page: {
      files: new Map([["/", {
        bytes: new TextEncoder().encode("<title>Thresher</title>"),
        type: "text/html",
        etag: '"1"',
      }]]),
      headers: {},
    },
    cluster: view,
    mesh,
    onFault: (error) => console.error(error),
  });
  return {
    ip,
    log: () => "hub started\nit is well\n",
    dial: (port) =>
      port === 8899
        ? Deno.connect({ hostname: "127.0.0.1", port: hub.port })
        : Promise.reject(new Deno.errors.ConnectionRefused()),
    stop: async () => {
      await hub.close();
      await view[Symbol.asyncDispose]();
      client.close();
      worker[Symbol.dispose]();
    },
  };
}

/** What follows a flag in the arguments that a pod is started with. */
function argumentOf({ spec }: Stored, flag: string): string | undefined {
  const [{ args }] = spec!.containers as [{ args: readonly string[] }];
  return args.find((one) => one.startsWith(flag))?.slice(flag.length);
}

/** A worker that has captured ten exchanges, and obeys orders. */
class KeepingWorker extends GrowingFolder implements Disposable {
  readonly service: WorkerService;
  readonly #folder: string;
  readonly #mesh: boolean;

  /** @param mesh whether it would enter networks, of which it finds none */
  constructor(node: string, mesh: boolean) {
    const folder = Deno.makeTempDirSync({ prefix: "thresher_test_" });
    super(folder, undefined, undefined, node);
    this.#folder = folder;
    this.#mesh = mesh;
    this.store(
      framesOf(HTTP).map((frame, i) => ({ ...frame, time: 1e15 + i })),
    );
    this.service = new WorkerService({
      name: node,
      version: "0.1.0",
      folder,
      capture: this,
      threads: 1,
      onFault: (text) => console.error(text),
    });
  }

  override get state(): CaptureState {
    const { order } = this;
    const failed = order?.networks?.map(({ namespace, pod }) => ({
      ...{ namespace, pod },
      reason: "No process of it runs here",
    })) ?? [];
    return {
      ...super.state,
      ...(order && { order: order.revision }),
      ...(this.#mesh && { networks: { open: 0, failed } }),
    };
  }

  [Symbol.dispose](): void {
    this.service.close();
    this.writer[Symbol.dispose]();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}
