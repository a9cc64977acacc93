/**
 * A cluster to deploy into: an API server, nodes with kubelets, and a network
 * in which pods really talk. What runs in it are real processes.
 */
import { join } from "node:path";
import { issue, makeAuthority } from "../../k8s/certificates.ts";
import {
  type FakeApiServer,
  startFakeApiServer,
} from "../k8s/fake_api_server.ts";
import { readSchemas } from "../k8s/openapi.ts";
import { API_PORT, Kubelets } from "./kubelet.ts";
import { CONTROL, Nodes } from "./nodes.ts";

/** Disposing of it ends and removes everything. */
export class Kubernetes implements AsyncDisposable {
  readonly nodes: Nodes;
  readonly kubelets: Kubelets;
  readonly server: FakeApiServer;
  /** A file that leads from `control` to the server, as its administrator. */
  readonly kubeconfig: string;
  readonly #relay: Deno.Listener;

  private constructor(
    nodes: Nodes,
    kubelets: Kubelets,
    server: FakeApiServer,
    relay: Deno.Listener,
  ) {
    this.nodes = nodes;
    this.kubelets = kubelets;
    this.server = server;
    this.kubeconfig = join(nodes.lab.folder, "kubeconfig");
    this.#relay = relay;
  }

  static async start(...names: readonly string[]): Promise<Kubernetes> {
    const nodes = await Nodes.create(...names);
    try {
      return await Kubernetes.#startOn(nodes);
    } catch (error) {
      await nodes[Symbol.asyncDispose]();
      throw error;
    }
  }

  static async #startOn(nodes: Nodes): Promise<Kubernetes> {
    const now = new Date();
    const authority = makeAuthority("kubernetes", now);
    const address = nodes.address(CONTROL);
    const kubelets = new Kubelets(nodes);
    const server = await startFakeApiServer({
      nodes: nodes.names,
      addresses: nodes.names.map((name) => nodes.address(name)),
      kubelet: kubelets.start,
      schemas: readSchemas(),
      tls: issue(authority, "kubernetes", ["127.0.0.1", address], now),
    });
    kubelets.server = server;
    kubelets.authority = authority.cert;
    const { folder } = nodes.lab;
    const path = join(folder, "api-server.sock");
    const relay = Deno.listen({ transport: "unix", path });
    void pass(relay, Number(new URL(server.url).port));
    const listens = nodes.start(CONTROL, [
      ...["socat", `TCP-LISTEN:${API_PORT},fork,reuseaddr`],
      `UNIX-CONNECT:${path}`,
    ]);
    const cluster = new Kubernetes(nodes, kubelets, server, relay);
    await nodes.lab.listens(listens, API_PORT);
    await Deno.writeTextFile(
      cluster.kubeconfig,
      server.kubeconfig("admin-token", {
        server: `https://${address}:${API_PORT}`,
        "certificate-authority-data": btoa(authority.cert),
      }),
    );
    return cluster;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    this.#relay.close();
    await this.nodes[Symbol.asyncDispose]();
  }
}

/** Leads what comes in to a port of loopback, until it is closed. */
async function pass(listener: Deno.Listener, port: number): Promise<void> {
  for await (const inward of listener) {
    void Deno.connect({ hostname: "127.0.0.1", port }).then((onward) => {
      // Cut on either side, it is cut on the other.
      inward.readable.pipeTo(onward.writable).catch(() => {});
      onward.readable.pipeTo(inward.writable).catch(() => {});
    }, () => inward.close());
  }
}
