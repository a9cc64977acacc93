/**
 * Kubelets for the nodes of a lab: what the API server says shall run is run,
 * as real processes with their arguments, environment, volumes and rights.
 */
import { dirname, join } from "node:path";
import type { FakeApiServer } from "../k8s/fake_api_server.ts";
import type { Running } from "../k8s/fake/controllers.ts";
import type { Stored } from "../k8s/fake/store.ts";
import type { Program } from "../record/program.ts";
import {
  contained,
  type Mount,
  THRESHER_ENTRY,
  THRESHER_ENVIRONMENT,
  thresherMounts,
} from "./container.ts";
import { PATIENCE } from "./lab.ts";
import { CONTROL, type Nodes, type PodHost } from "./nodes.ts";
import { sleep } from "../record/network.ts";

/** Where containers find the API server. */
export const API_PORT = 6443;

/** Where the API server's client library looks for its account. */
const ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount";

/** Between two looks at a probe, and before a container is started again, ms. */
const PERIOD = 100;

interface PodSpec {
  readonly nodeName: string;
  readonly hostNetwork?: boolean;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly securityContext?: { readonly runAsUser?: number };
  readonly containers: readonly [Container];
  readonly volumes?: readonly Volume[];
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly Variable[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
  readonly ports?: readonly { name: string; containerPort: number }[];
  readonly readinessProbe?: { readonly httpGet: Probe };
  readonly securityContext?: {
    readonly runAsUser?: number;
    readonly capabilities?: { readonly add?: readonly string[] };
  };
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

interface Volume {
  readonly name: string;
  readonly secret?: { readonly secretName: string };
  readonly emptyDir?: unknown;
}

interface Probe {
  readonly scheme?: string;
  readonly path: string;
  readonly port: string | number;
}

/** The nodes' kubelets, of which a fake server's controllers call `start`. */
export class Kubelets {
  readonly #nodes: Nodes;
  readonly #programs = new Map<string, Program>();
  readonly #hosts = new Map<string, string>();
  /** Set once there is a server; that needs the kubelets to be made. */
  server!: FakeApiServer;
  /** Of the server's certificate, for containers that ask it. */
  authority!: string;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  /** The process of a pod as it runs now. */
  programOf(pod: string): Program | undefined {
    return this.#programs.get(pod);
  }

  /** The host that a pod runs on: its own, or its node. */
  hostOf(pod: string): string {
    const host = this.#hosts.get(pod);
    if (host === undefined) throw new Error(`Pod "${pod}" does not run`);
    return host;
  }

  /** Starts a pod; gives it when it is ready, or cannot be. */
  readonly start = async (pod: Stored): Promise<Running> => {
    const nodes = this.#nodes;
    const spec = pod.spec as unknown as PodSpec;
    const own = spec.hostNetwork ? undefined : await nodes.addPod(
      spec.nodeName,
    );
    const place: PodHost = own ??
      { host: spec.nodeName, ip: nodes.address(spec.nodeName) };
    const life = new PodLife(place, nodes);
    const words = await this.#wordsOf(pod, spec, place);
    const { name } = pod.metadata;
    this.#hosts.set(name, place.host);
    const begin = () => {
      const program = nodes.start(place.host, words.command, {
        env: words.environment,
      });
      this.#programs.set(name, program);
      life.program = program;
      return program;
    };
    const stop = async () => {
      await life.stop();
      this.#programs.delete(name);
      this.#hosts.delete(name);
      if (own) await nodes.removePod(own);
    };
    const [container] = spec.containers;
    const first = begin();
    const isReady = await life.isReady(container);
    const { ip } = place;
    const log = () => life.log;
    if (!isReady) {
      const message = `back-off restarting failed container: ${first.stderr}`;
      return {
        ip,
        log,
        stop,
        waiting: { reason: "CrashLoopBackOff", message },
      };
    }
    void life.keepRunning(begin);
    return { ip, log, stop, dial: (port) => life.dial(port) };
  };

  /** What to run, and what to run it with. */
  async #wordsOf(pod: Stored, spec: PodSpec, { ip }: PodHost) {
    const [container] = spec.containers;
    const { name, namespace = "default", uid } = pod.metadata;
    const folder = join(this.#nodes.lab.folder, `${name}-${uid.slice(0, 8)}`);
    await Deno.mkdir(join(folder, "root"), { recursive: true });
    const user = container.securityContext?.runAsUser ??
      spec.securityContext?.runAsUser ?? 0;
    const isOurs = container.command === undefined;
    const mounts: Mount[] = isOurs ? await thresherMounts() : [];
    for (const mount of container.volumeMounts ?? []) {
      const volume = spec.volumes!.find((one) => one.name === mount.name)!;
      mounts.push({
        folder: await this.#fill(join(folder, "volumes"), volume, {
          namespace,
          user,
        }),
        path: mount.mountPath,
        readOnly: mount.readOnly ?? false,
      });
    }
    if (spec.automountServiceAccountToken !== false) {
      mounts.push(await this.#account(folder, spec, namespace));
    }
    const fields: Record<string, string> = {
      "metadata.name": name,
      "metadata.namespace": namespace,
      "spec.nodeName": spec.nodeName,
      "status.podIP": ip,
      "status.hostIP": this.#nodes.address(spec.nodeName),
    };
    const variables = (container.env ?? []).map(({ name, value, valueFrom }) =>
      [name, value ?? fields[valueFrom!.fieldRef.fieldPath]!] as const
    );
    const capabilities = container.securityContext?.capabilities?.add ??
      (isOurs ? [] : USUAL_CAPABILITIES);
    const words = [
      ...(container.command ?? THRESHER_ENTRY),
      ...(container.args ?? []),
    ];
    return {
      command: contained(join(folder, "root"), mounts, {
        user,
        capabilities,
      }, words),
      environment: {
        KUBERNETES_SERVICE_HOST: this.#nodes.address(CONTROL),
        KUBERNETES_SERVICE_PORT: String(API_PORT),
        HOME: "/tmp",
        TMPDIR: "/tmp",
        ...Object.fromEntries(variables),
        ...(isOurs ? THRESHER_ENVIRONMENT : {}),
      },
    };
  }

  /** A volume's folder with what shall be in it. */
  async #fill(
    folder: string,
    { name, secret }: Volume,
    { namespace, user }: { namespace: string; user: number },
  ): Promise<string> {
    const path = join(folder, name);
    await Deno.mkdir(path, { recursive: true });
    await Deno.chown(path, user, user);
    if (!secret) return path;
    const data = await this.#secret(secret.secretName, namespace);
    for (const [file, text] of Object.entries(data)) {
      await write(join(path, file), text, user);
    }
    return path;
  }

  /** Waits for a secret, as a kubelet does whose pod came before it. */
  async #secret(name: string, namespace: string) {
    const deadline = Date.now() + PATIENCE;
    while (true) {
      const found = this.server.find("Secret", name, namespace);
      if (found) return readable(found);
      if (Date.now() > deadline) throw new Error(`There is no secret ${name}`);
      await sleep(PERIOD);
    }
  }

  /** An account with a token that the server knows. */
  async #account(
    folder: string,
    { serviceAccountName = "default", securityContext }: PodSpec,
    namespace: string,
  ): Promise<Mount> {
    const path = join(folder, "account");
    const user = securityContext?.runAsUser ?? 0;
    const token = crypto.randomUUID();
    const whose = `system:serviceaccount:${namespace}:${serviceAccountName}`;
    this.server.tokens.set(token, whose);
    await write(join(path, "token"), token, user);
    await write(join(path, "namespace"), namespace, user);
    await write(join(path, "ca.crt"), this.authority, user);
    return { folder: path, path: ACCOUNT, readOnly: true };
  }
}

/** What engines leave to containers which say nothing of it. */
const USUAL_CAPABILITIES = [
  ...["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"],
  ...["SETPCAP", "NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT", "SETFCAP"],
];

/** One pod, from its start to its end. */
class PodLife {
  readonly #place: PodHost;
  readonly #nodes: Nodes;
  /** Relays into the pod's network, by port. */
  readonly #relays = new Map<number, { path: string; program: Program }>();
  #before = "";
  #program!: Program;
  #isOver = false;

  constructor(place: PodHost, nodes: Nodes) {
    this.#place = place;
    this.#nodes = nodes;
  }

  set program(program: Program) {
    this.#program = program;
  }

  /** What its container wrote, and those that ran in its place before. */
  get log(): string {
    return this.#before + this.#program.stdout + this.#program.stderr;
  }

  /** Waits for its probe; without one it is ready once it runs. */
  async isReady({ readinessProbe, ports = [] }: Container): Promise<boolean> {
    if (!readinessProbe) return true;
    const { scheme = "HTTP", path, port } = readinessProbe.httpGet;
    const number = ports.find(({ name }) => name === port)?.containerPort ??
      port;
    const url = `${scheme.toLowerCase()}://${this.#place.ip}:${number}${path}`;
    const deadline = Date.now() + PATIENCE;
    while (this.#program.isRunning && Date.now() < deadline) {
      // The kubelet asks from the node, which is the pod's neighbour.
      const probe = this.#nodes.start(this.#place.host, [
        ...["curl", "-skf", "-o", "/dev/null", "--max-time", "5", url],
      ]);
      if (await probe.ended === 0) return true;
      await sleep(PERIOD);
    }
    return false;
  }

  /** Starts the container again whenever it ends. */
  async keepRunning(begin: () => Program): Promise<void> {
    while (true) {
      await this.#program.ended;
      if (this.#isOver) return;
      this.#before = this.log;
      await sleep(PERIOD);
      if (this.#isOver) return;
      begin();
    }
  }

  /** A connection to its loopback, as a port-forward has it. */
  async dial(port: number): Promise<Deno.Conn> {
    let relay = this.#relays.get(port);
    if (!relay?.program.isRunning) {
      const path = join(
        this.#nodes.lab.folder,
        `${this.#place.host}-${port}-${crypto.randomUUID().slice(0, 8)}.sock`,
      );
      const program = this.#nodes.start(this.#place.host, [
        ...["socat", `UNIX-LISTEN:${path},fork`, `TCP:127.0.0.1:${port}`],
      ]);
      this.#relays.set(port, relay = { path, program });
    }
    const deadline = Date.now() + PATIENCE;
    while (true) {
      try {
        return await Deno.connect({ transport: "unix", path: relay.path });
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(20);
      }
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    const relays = [...this.#relays.values()].map(({ program }) => program);
    await Promise.all([this.#program, ...relays].map((one) => one.stop()));
  }
}

/** What is in a secret, as files have it. */
function readable(secret: Stored): Record<string, string> {
  const { data = {}, stringData = {} } = secret as unknown as {
    data?: Record<string, string>;
    stringData?: Record<string, string>;
  };
  const decoded = Object.entries(data).map((
    [name, text],
  ) => [name, atob(text)]);
  return { ...Object.fromEntries(decoded), ...stringData };
}

async function write(path: string, text: string, user: number) {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text, { mode: 0o440 });
  await Deno.chown(path, user, user);
}
