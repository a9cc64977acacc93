/**
 * The worker as its DaemonSet starts it: these arguments, this environment,
 * these rights. Needs root; is skipped elsewhere.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { fileURLToPath } from "node:url";
import { WORKER } from "../../api/paths.ts";
import type { TargetsOrder, WorkerState } from "../../api/worker.ts";
import { RemoteWorker } from "../../hub/remote_worker.ts";
import { makeAuthority } from "../../k8s/certificates.ts";
import {
  makeSecrets,
  readManifests,
  secretFiles,
} from "../../k8s/installation.ts";
import { Decoder } from "../../packet/decode.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { Packet } from "../../packet/packet.ts";
import { Store } from "../../worker/shards/store.ts";
import { lacksNetworks, sleep } from "../record/network.ts";
import { Program } from "../record/program.ts";
import { framesOf } from "../worker/shards/stored.ts";
import { Scratch } from "./scratch.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** How long something may take that is certain to come, ms. */
const PATIENCE = 60_000;

/** Addresses of loopback that nobody else here uses. */
const TARGET = "127.77.0.1";
const OTHER = "127.77.0.2";

interface Container {
  readonly args: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
  }[];
  readonly livenessProbe: { readonly httpGet: Record<string, string> };
  readonly securityContext: {
    readonly capabilities: { readonly add: readonly string[] };
  };
}

/** The container of the DaemonSet. */
function containerOf(): Container {
  const daemonSet = readManifests().find(({ kind }) => kind === "DaemonSet");
  const { spec } = daemonSet as unknown as {
    spec: { template: { spec: { containers: [Container] } } };
  };
  return spec.template.spec.containers[0];
}

/** What Kubernetes fills in. */
const FIELDS: Readonly<Record<string, string>> = {
  "spec.nodeName": "node-7",
  "status.podIP": "127.0.0.1",
};

const secrets = makeSecrets(makeAuthority("thresher", new Date()));

/** A thread, as `proc(5)` shows it. */
interface Thread {
  readonly name: string;
  /** Effective capabilities, in hexadecimal. */
  readonly rights: string;
  readonly niceness: number;
}

/** A node on which the worker's pod runs. */
class Node implements AsyncDisposable {
  readonly #scratch = new Scratch();
  readonly #container = containerOf();
  #program: Program | undefined;
  #remote: RemoteWorker | undefined;

  constructor() {
    mkdirSync(this.#scratch.path("secrets"));
    for (const [name, text] of Object.entries(secretFiles(secrets).worker)) {
      writeFileSync(this.#scratch.path(`secrets/${name}`), text, {
        mode: 0o400,
      });
    }
  }

  get folder(): string {
    return this.#scratch.path("data");
  }

  get remote(): RemoteWorker {
    return this.#remote!;
  }

  /** Starts the container, and waits until it answers. */
  async start(): Promise<void> {
    const { args, env, securityContext } = this.#container;
    const [command = "", ...words] = args.map((word) =>
      word.replace(/=\/(secrets|data)/, `=${this.#scratch.folder}/$1`)
        // Of this machine any port may be taken.
        .replace(/^--listen=.*/, "--listen=:0")
    );
    equal(command, "worker");
    const values = env.map(({ name, value, valueFrom }) =>
      [name, value ?? FIELDS[valueFrom!.fieldRef.fieldPath]!] as const
    ).filter(([name]) => name !== "DENO_DIR");
    const rights = securityContext.capabilities.add
      .map((name) => `+${name.toLowerCase()}`);
    const program = this.#program = new Program(
      new Deno.Command("setpriv", {
        args: [
          ...["--bounding-set", ["-all", ...rights].join(), Deno.execPath()],
          ...["run", "-A", "--quiet", CLI, command, ...words],
        ],
        env: Object.fromEntries(values),
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    const told = /hubs can ask wss:\/\/\S+:(\d+)\n/;
    await until(() => told.test(program.stderr) || !program.isRunning);
    const port = told.exec(program.stderr)?.[1];
    ok(port, program.stderr);
    this.#remote = new RemoteWorker(`wss://127.0.0.1:${port}`, {
      secret: secrets.shared,
      ca: secrets.authority.cert,
    });
  }

  /** Probes it as the kubelet does, which knows no secret; gives the status. */
  async probe(): Promise<number> {
    const { scheme, path = "" } = this.#container.livenessProbe.httpGet;
    equal(scheme, "HTTPS");
    using client = Deno.createHttpClient({ caCerts: [secrets.authority.cert] });
    const url = new URL(path, this.remote.name.replace("wss:", "https:"));
    const answer = await fetch(url, { client });
    await answer.body?.cancel();
    return answer.status;
  }

  async state(): Promise<WorkerState> {
    return await (await this.remote.fetch(WORKER.state)).json();
  }

  /** Its threads, with what the kernel says of them. */
  threads(): Thread[] {
    const tasks = `/proc/${this.#program!.pid}/task`;
    return Array.from(Deno.readDirSync(tasks), ({ name: id }) => {
      const status = Deno.readTextFileSync(`${tasks}/${id}/status`);
      const [, name] = /^Name:\s*(.*)$/m.exec(status)!;
      const [, rights] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)!;
      const stat = Deno.readTextFileSync(`${tasks}/${id}/stat`);
      const numbers = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return { name: name!, rights: rights!, niceness: Number(numbers[16]) };
    });
  }

  /** Ends it as the kernel does. */
  async kill(): Promise<void> {
    this.remote.close();
    await this.#program!.stop("SIGKILL");
  }

  /** Addresses that packets were kept of, but for who sent them. */
  addresses(): string[] {
    const all = Array.from(
      Store.open(this.folder).shards("oldest first"),
      framesOf,
    ).flat().flatMap(({ bytes }) => endsOf(bytes));
    return [...new Set(all)].filter((ip) => ip !== "127.0.0.1");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#remote?.close();
    await this.#program?.stop("SIGINT");
    this.#scratch[Symbol.dispose]();
  }
}

const decoder = new Decoder();

function endsOf(bytes: Uint8Array): string[] {
  const packet = new Packet();
  const { length } = bytes;
  const type = LINKTYPE.LINUX_SLL2;
  decoder.decode(bytes, 0, length, length, type, 0, 0, packet);
  const { src, dst } = packet;
  return [src, dst].map((at) => bytes.subarray(at, at + 4).join("."));
}

async function until(
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const late = performance.now() + PATIENCE;
  while (!await holds()) {
    ok(performance.now() < late, "It does not come");
    await sleep(20);
  }
}

/** Sends datagrams to both addresses, until something holds. */
async function sendUntil(holds: () => Promise<boolean>): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("error", () => {}); // nobody listens there
  try {
    await until(async () => {
      for (const address of [OTHER, TARGET]) {
        await new Promise((resolve) => {
          socket.send(new Uint8Array(8), 9, address, resolve);
        });
      }
      return await holds();
    });
  } finally {
    socket.close();
  }
}

Deno.test({
  name: "the worker runs as its manifest says, and captures what it is told",
  ignore: lacksNetworks(),
  async fn() {
    await using node = new Node();
    await node.start();
    equal(await node.probe(), 200);
    // Nobody has more than CAP_NET_RAW, and of our own threads one has that.
    const [none, raw] = [0n, 1n << 13n].map((set) =>
      set.toString(16).padStart(16, "0")
    );
    const threads = node.threads();
    deepEqual(
      [...new Set(threads.map(({ rights }) => rights))].sort(),
      [none, raw],
    );
    const ours = threads.filter(({ name }) => name.startsWith("worker-"));
    ok(ours.length >= 3, "capture, probe and scan");
    const capturing = ours.filter(({ rights }) => rights === raw);
    equal(capturing.length, 1);
    // Whatever reads gives way to what captures.
    for (const thread of ours) {
      equal(thread.niceness, thread === capturing[0] ? 0 : 10, thread.name);
    }
    const { node: name, capture } = await node.state();
    deepEqual([name, capture?.order], ["node-7", undefined]);

    // Nothing is captured before anybody has said what.
    let sent = 0;
    await sendUntil(() => Promise.resolve(++sent === 50));
    const order: TargetsOrder = { revision: "one", ends: [{ ip: TARGET }] };
    const body = JSON.stringify(order);
    const put = await node.remote.fetch(WORKER.targets, {
      method: "PUT",
      body,
    });
    equal(put.status, 204);
    equal((await node.state()).capture?.packets, 0);
    const hasPackets = async (least: number) =>
      (await node.state()).storage.packets >= least;
    await sendUntil(() => hasPackets(20));
    deepEqual(node.addresses(), [TARGET]);

    // Started again it goes on, before a hub has found it.
    await node.kill();
    await node.start();
    equal((await node.state()).capture?.order, "one");
    const { packets } = (await node.state()).storage;
    await sendUntil(() => hasPackets(packets + 20));
    deepEqual(node.addresses(), [TARGET]);
    match(await (await node.remote.fetch(WORKER.metrics)).text(), /packets/);
  },
});
