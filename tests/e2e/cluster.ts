/**
 * A hub and workers as in a cluster: each on a host of its own, with TLS and a
 * shared secret, and servers on the workers' hosts for a client to ask.
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

/** The hosts `hub`, `client` and those of the workers. */
export class Cluster implements AsyncDisposable {
  readonly lab: Lab;
  readonly #workers = new Map<Node, Program>();
  #hub!: Program;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  static async start(): Promise<Cluster> {
    const lab = await Lab.create("hub", "client", ...NODES);
    const cluster = new Cluster(lab);
    try {
      await cluster.#certify();
      await Promise.all(NODES.map((node) => startServices(lab, node)));
      await Promise.all(NODES.map((node) => cluster.startWorker(node)));
      await cluster.#startHub();
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Where a worker keeps its packets. */
  folder(node: Node): string {
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
  async startWorker(node: Node): Promise<void> {
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
  async killWorker(node: Node): Promise<void> {
    const worker = this.#workers.get(node)!;
    Deno.kill(worker.pid, "SIGKILL");
    await worker.ended;
  }

  /** What a worker has said. */
  said(node: Node): string {
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
    await this.lab.run("hub", ["curl", "-K", "-"], {
      input: config.join("\nnext\n"),
    });
    const answers = await Promise.all(
      outputs.map((path) => Deno.readTextFile(path)),
    );
    await Deno.remove(folder, { recursive: true });
    return answers;
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
    const names = NODES.map((node) => `IP:${lab.address(node)}`).join();
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    await lab.run("hub", [
      ...["openssl", "req", "-x509", ...key, "-nodes", "-days", "2"],
      ...["-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca.pem"],
    ]);
    await lab.run("hub", [
      ...["openssl", "req", "-x509", ...key, "-nodes", "-days", "2"],
      ...["-subj", "/CN=worker", "-keyout", "key.pem", "-out", "cert.pem"],
      ...["-CA", "ca.pem", "-CAkey", "ca.key"],
      ...["-addext", `subjectAltName=${names}`],
      ...["-addext", "basicConstraints=critical,CA:false"],
    ]);
  }

  async #startHub(): Promise<void> {
    const { lab } = this;
    const workers = NODES.map((node) => `wss://${lab.address(node)}:${PORT}`);
    const hub = this.#hub = lab.thresher("hub", "hub", ...[
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
