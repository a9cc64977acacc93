/** `hub --cluster` as a process: what it finds, and what it knows when it is back. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TargetsStatus, WorkerStatus } from "../../api/hub.ts";
import { HUB, SECRET_HEADER, WORKER } from "../../api/paths.ts";
import type { TargetsOrder, WorkerState } from "../../api/worker.ts";
import {
  type Certificate,
  issue,
  makeAuthority,
} from "../../k8s/certificates.ts";
import { LABELS } from "../../k8s/identity.ts";
import {
  type FakeApiServer,
  startFakeApiServer,
} from "../k8s/fake_api_server.ts";
import { until } from "../k8s/until.ts";
import { Program } from "../record/program.ts";
import { start, thresher } from "./program.ts";
import { Scratch } from "./scratch.ts";

const SECRET = "what hub and workers share";
const TOKEN = "what-people-show-the-hub";

/** A worker at an address of this machine, who takes orders over TLS. */
class FakeWorker implements AsyncDisposable {
  order: TargetsOrder | undefined;
  readonly #server: Server;

  constructor(node: string, { cert, key }: Certificate) {
    this.#server = createServer({ cert, key }, async (request, response) => {
      let body = "";
      for await (const part of request) body += part;
      if (request.headers[SECRET_HEADER] !== SECRET) response.statusCode = 401;
      else if (request.url === WORKER.targets) this.order = JSON.parse(body);
      else if (request.url === WORKER.state) {
        response.write(JSON.stringify(this.#state(node)));
      } else response.statusCode = 404;
      response.end();
    });
  }

  /** @returns its port */
  async listen(port: number, hostname: string): Promise<number> {
    await new Promise<void>((resolve) =>
      this.#server.listen(port, hostname, resolve)
    );
    return (this.#server.address() as AddressInfo).port;
  }

  #state(node: string): WorkerState {
    return {
      node,
      version: "0.1.0",
      storage: { limit: 2e8, used: 0, packets: 0 },
      capture: {
        ...{ since: 0, interfaces: [], packets: 0, bytes: 0 },
        ...{ droppedByKernel: 0, notStored: 0, copies: 0, ownTraffic: 0 },
        order: this.order?.revision,
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A pod of a worker, or of somebody. */
function putPod(
  server: FakeApiServer,
  path: string,
  node: string,
  podIP: string,
): void {
  const [namespace, name] = path.split("/") as [string, string];
  const labels = namespace === "thresher"
    ? { [LABELS.part]: "thresher", [LABELS.component]: "worker" }
    : { app: name };
  server.put("Pod", {
    metadata: { name, namespace, labels },
    spec: { nodeName: node, hostNetwork: namespace === "thresher" },
    status: {
      phase: "Running",
      podIP,
      containerStatuses: [{
        name: "main",
        restartCount: 0,
        containerID: "x",
        state: { running: {} },
      }],
    },
  });
}

/** A hub that runs until it is disposed of. */
class Hub implements AsyncDisposable {
  readonly program: Program;
  url = "";

  static async start(scratch: Scratch, port: number): Promise<Hub> {
    const child = start(scratch.folder, [
      ...["hub", "--cluster", "--kubeconfig", scratch.path("kubeconfig")],
      ...["--listen", "127.0.0.1:0", "--secret-file", scratch.path("secret")],
      ...["--token-file", scratch.path("token")],
      ...["--worker-ca", scratch.path("ca.crt"), "--worker-port", `${port}`],
      ...["--targets", '{"namespaces":["shop"]}'],
    ], {
      stdout: "piped",
      stderr: "piped",
      env: { XDG_STATE_HOME: scratch.path("state") },
    });
    const hub = new Hub(child);
    // A hub in a cluster prints no address that opens it; it leaves this file.
    const running = scratch.path("state/thresher-hub/running");
    await until("the hub answers", () => {
      ok(hub.program.isRunning, hub.program.stderr);
      if (!hub.program.stderr.includes("thresher: answers")) return false;
      const { pid } = hub.program;
      const port = [...Deno.readDirSync(running)]
        .map(({ name }) => name.split(/[-.]/))
        .find(([owner]) => Number(owner) === pid)?.[1];
      hub.url = `http://127.0.0.1:${port}`;
      return port !== undefined;
    });
    await until("it is ready", async () => {
      const response = await fetch(hub.url + HUB.ready);
      await response.body?.cancel();
      return response.ok;
    });
    return hub;
  }

  constructor(child: Deno.ChildProcess) {
    this.program = new Program(child);
  }

  async ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(this.url + path, {
      ...init,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        "content-type": "application/json",
      },
    });
    return await response.json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop();
    await this.program.ended;
  }
}

Deno.test("a hub finds the cluster's workers, tells them whose pods to capture, and knows it when it is back", async () => {
  using scratch = new Scratch();
  await using server = await startFakeApiServer({
    nodes: ["node-a", "node-b"],
  });
  server.controllers.pause();
  const authority = makeAuthority("thresher", new Date());
  const certify = (address: string) =>
    issue(authority, "worker", [address], new Date());
  await using a = new FakeWorker("node-a", certify("127.0.0.1"));
  await using b = new FakeWorker("node-b", certify("127.0.0.2"));
  const port = await a.listen(0, "127.0.0.1");
  await b.listen(port, "127.0.0.2");
  for (
    const [name, text] of Object.entries({
      "kubeconfig": server.kubeconfig(),
      "secret": SECRET,
      "token": TOKEN,
      "ca.crt": authority.cert,
    })
  ) Deno.writeTextFileSync(scratch.path(name), text);
  putPod(server, "thresher/worker-1", "node-a", "127.0.0.1");
  putPod(server, "shop/web-1", "node-a", "10.1.0.1");
  putPod(server, "shop/carts-0", "node-b", "10.1.1.1");
  putPod(server, "other/db-0", "node-b", "10.1.1.2");
  const endsOf = ({ order }: FakeWorker) =>
    order && !order.all ? order.ends.map(({ ip }) => ip).join() : undefined;

  {
    await using hub = await Hub.start(scratch, port);
    await until("it is told", () => endsOf(a) === "10.1.0.1");
    putPod(server, "thresher/worker-2", "node-b", "127.0.0.2");
    await until("so is who comes", () => endsOf(b) === "10.1.1.1");
    const workers = await hub.ask<WorkerStatus[]>(HUB.workers);
    deepEqual(workers.map(({ name }) => name), ["node-a", "node-b"]);
    const chosen = await hub.ask<TargetsStatus>(HUB.targets, {
      method: "PUT",
      body: '{"pod":"db"}',
    });
    equal(chosen.picked, 1);
    deepEqual([endsOf(a), endsOf(b)], ["", "10.1.1.2"]);
    // As if it had crashed.
    Deno.kill(hub.program.pid, "SIGKILL");
    await hub.program.ended;
  }
  await using hub = await Hub.start(scratch, port);
  match(hub.program.stderr, /what was chosen before: \{"pod":"db"\}/);
  putPod(server, "other/db-1", "node-a", "10.1.0.9");
  await until("the choice is followed", () => endsOf(a) === "10.1.0.9");
  server.drop("Pod", "worker-2", "thresher");
  await until("who left is gone", async () => {
    const workers = await hub.ask<WorkerStatus[]>(HUB.workers);
    return workers.length === 1;
  });
  await hub.program.stop();
  equal(await hub.program.ended, 130);
  const kept = [...Deno.readDirSync(scratch.path("state/thresher-hub"))]
    .map(({ name }) => name.replace(/-.*/, ""));
  ok(kept.includes("names") && kept.includes("targets"), kept.join());
});

Deno.test("a hub without a cluster or workers says what it wants", async () => {
  using scratch = new Scratch();
  const run = (...args: string[]) => thresher(scratch.folder, ["hub", ...args]);
  for (
    const [args, what] of [
      [[], /name them with --worker, or give --cluster/],
      [["--cluster"], /This is no pod: .*name it with --kubeconfig/],
      [["--cluster", "--kubeconfig", "nowhere"], /Cannot read .*nowhere/],
      [["--cluster", "--targets", "shop"], /It must be JSON, such as/],
      [["--cluster", "--targets", '{"pods":"x"}'], /no "pods", but pod/],
    ] as const
  ) {
    const { code, stderr } = await run(...args);
    equal(code, 2, stderr);
    match(stderr, what);
  }
});
