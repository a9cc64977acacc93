/**
 * A hub and workers as in a cluster: each on a host of its own, with TLS and a
 * shared secret; and servers on the workers' hosts for a client to ask.
 */
import { join } from "node:path";
import type { Program } from "../record/program.ts";
import { eventually, Lab } from "./lab.ts";
import { startServices } from "./services.ts";

/** Where workers listen. */
const PORT = 7700;

/** The hosts of workers. */
export const NODES = ["node-a", "node-b", "node-c"] as const;

/** Name of a worker's host. */
export type Node = typeof NODES[number];

/** A hub on a host of a lab, and workers on others. */
export class Cluster implements AsyncDisposable {
  readonly lab: Lab;
  readonly #hubHost: string;
  readonly #nodes: readonly string[];
  readonly #workers = new Map<string, Program>();
  #hub!: Program;

  private constructor(lab: Lab, hubHost: string, nodes: readonly string[]) {
    this.lab = lab;
    this.#hubHost = hubHost;
    this.#nodes = nodes;
  }

  /** The hosts `hub`, `client` and those of the workers, each with servers. */
  static async start(): Promise<Cluster> {
    const lab = await Lab.create("hub", "client", ...NODES);
    try {
      await Promise.all(NODES.map((node) => startServices(lab, node)));
      return await Cluster.on(lab, "hub", NODES);
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Hub and workers on hosts that are there. */
  static async on(
    lab: Lab,
    hubHost: string,
    nodes: readonly string[],
  ): Promise<Cluster> {
    const cluster = new Cluster(lab, hubHost, nodes);
    await cluster.#certify();
    await Promise.all(nodes.map((node) => cluster.startWorker(node)));
    await cluster.#startHub();
    return cluster;
  }

  /** Where a worker keeps its packets. */
  folder(node: string): string {
    return join(this.lab.folder, `packets-${node}`);
  }

  /** The hub's own process. */
  get hub(): Program {
    return this.#hub;
  }

  /** An address that opens the dashboard once. */
  get url(): string {
    return /open (http:\S+)/.exec(this.#hub.stderr)![1]!;
  }

  /** Starts a worker, and waits until it listens. */
  async startWorker(node: string): Promise<void> {
    const { lab } = this;
    const worker = lab.thresher(node, "worker", ...[
      ...["--data-dir", this.folder(node), "--listen", `:${PORT}`],
      ...["--secret-file", this.#path("secret")],
      ...["--tls-cert", this.#path("cert.pem")],
      ...["--tls-key", this.#path("key.pem")],
    ]);
    this.#workers.set(node, worker);
    await lab.listens(worker, PORT);
  }

  /** Ends a worker as a crash does. */
  async killWorker(node: string): Promise<void> {
    const worker = this.#workers.get(node)!;
    Deno.kill(worker.pid, "SIGKILL");
    await worker.ended;
  }

  /** What a worker has said. */
  said(node: string): string {
    return this.#workers.get(node)!.stderr;
  }

  /** Asks routes of the hub, one after the other; gives their answers. */
  async ask(paths: readonly string[]): Promise<string[]> {
    const folder = await Deno.makeTempDir({ dir: this.lab.folder });
    const { origin } = new URL(this.url);
    const token = (await Deno.readTextFile(this.#path("token"))).trim();
    const outputs = paths.map((_, i) => join(folder, String(i)));
    const config = paths.map((path, i) =>
      [
        `url = "${origin}${path}"`,
        `output = "${outputs[i]}"`,
        `header = "Authorization: Bearer ${token}"`,
        "silent\nshow-error\nfail",
      ].join("\n")
    );
    await this.lab.run(this.#hubHost, ["curl", "-K", "-"], {
      input: config.join("\nnext\n"),
    });
    const answers = await Promise.all(
      outputs.map((path) => Deno.readTextFile(path)),
    );
    await Deno.remove(folder, { recursive: true });
    return answers;
  }

  /** The entries that match, as the hub has them; the oldest first. */
  async entries<T>(kfl: string): Promise<T[]> {
    const path = `/api/v1/query?kfl=${encodeURIComponent(kfl)}`;
    const [answer] = await this.ask([path]);
    return answer!.trim().split("\n").slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** Follows what matches: its rows stand in what the program writes. */
  async follow(kfl: string): Promise<Program> {
    const query = `kfl=${encodeURIComponent(kfl)}&follow=true&output=row`;
    const { origin } = new URL(this.url);
    const token = (await Deno.readTextFile(this.#path("token"))).trim();
    return this.lab.start(this.#hubHost, [
      ...["curl", "-sSN", "-H", `Authorization: Bearer ${token}`],
      `${origin}/api/v1/query?${query}`,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }

  #path(name: string): string {
    return join(this.lab.folder, name);
  }

  /** Makes the secret, and a certificate that names every worker's address. */
  async #certify(): Promise<void> {
    const { lab } = this;
    await Deno.writeTextFile(this.#path("secret"), crypto.randomUUID());
    const names = this.#nodes.map((node) => `IP:${lab.address(node)}`).join();
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    await lab.run(this.#hubHost, [
      ...["openssl", "req", "-x509", ...key, "-nodes", "-days", "2"],
      ...["-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca.pem"],
    ]);
    await lab.run(this.#hubHost, [
      ...["openssl", "req", "-x509", ...key, "-nodes", "-days", "2"],
      ...["-subj", "/CN=worker", "-keyout", "key.pem", "-out", "cert.pem"],
      ...["-CA", "ca.pem", "-CAkey", "ca.key"],
      ...["-addext", `subjectAltName=${names}`],
      ...["-addext", "basicConstraints=critical,CA:false"],
    ]);
  }

  async #startHub(): Promise<void> {
    const { lab } = this;
    const workers = this.#nodes.map((node) =>
      `wss://${lab.address(node)}:${PORT}`
    );
    const hub = this.#hub = lab.thresher(this.#hubHost, "hub", ...[
      ...["--worker", ...workers, "--secret-file", this.#path("secret")],
      ...["--worker-ca", this.#path("ca.pem")],
      ...["--token-file", this.#path("token")],
    ]);
    await eventually("an address to open", () => {
      if (!hub.isRunning) throw new Error(`The hub ended: ${hub.stderr}`);
      return hub.stderr.includes("open http");
    });
  }
}
