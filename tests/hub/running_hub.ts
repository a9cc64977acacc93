/** A hub that listens on this machine, for tests. */
import { setTimeout as sleep } from "node:timers/promises";
import { Access } from "../../hub/access.ts";
import type { Cluster } from "../../hub/cluster.ts";
import type { NameSource } from "../../hub/names.ts";
import { newToken } from "../../hub/token.ts";
import type { Page, TakeSavefile } from "../../hub/route.ts";
import { HubServer } from "../../hub/server.ts";
import { Workers } from "../../hub/workers.ts";
import type { WorkerLink } from "../../api/worker.ts";

/** What a test may want to be different. */
export interface RunningOptions {
  readonly links?: readonly WorkerLink[];
  readonly page?: Page;
  readonly takeSavefile?: TakeSavefile;
  readonly cluster?: Cluster;
  readonly mesh?: boolean;
  readonly names?: NameSource;
  readonly now?: () => number;
}

/** A hub and how to ask it. */
export class RunningHub implements AsyncDisposable {
  readonly server: HubServer;
  readonly access: Access;
  readonly token: string;
  readonly workers: Workers;
  /** What the hub found wrong with itself. */
  readonly faults: unknown[];

  static async start(options: RunningOptions = {}): Promise<RunningHub> {
    const token = newToken();
    const access = new Access(token, ["thresher.test"], options.now);
    const workers = new Workers(options.links ?? []);
    const faults: unknown[] = [];
    const server = await HubServer.start({
      hostname: "127.0.0.1",
      port: 0,
      version: "0.1.0",
      access,
      workers,
      page: options.page,
      takeSavefile: options.takeSavefile,
      cluster: options.cluster,
      mesh: options.mesh,
      names: options.names,
      onFault: (error) => faults.push(error),
    });
    await workers.refresh();
    return new RunningHub(server, access, token, workers, faults);
  }

  private constructor(
    server: HubServer,
    access: Access,
    token: string,
    workers: Workers,
    faults: unknown[],
  ) {
    this.server = server;
    this.access = access;
    this.token = token;
    this.workers = workers;
    this.faults = faults;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  /** Asks a route, with the token. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${this.token}`);
    return fetch(`http://${this.host}${path}`, { ...init, headers });
  }

  /** Posts JSON to a route. */
  post(path: string, body: unknown, method = "POST"): Promise<Response> {
    return this.fetch(path, {
      method,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  /**
   * Sends bytes as they are, and gives what comes back until the hub closes
   * the connection, or has been silent for a while.
   */
  async raw(text: string, patience = 300): Promise<string> {
    const { port } = this.server;
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode(text));
    const buffer = new Uint8Array(65_536);
    let answer = "";
    while (true) {
      const reading = connection.read(buffer).catch(() => null);
      const silence = new AbortController();
      const size = await Promise.race([
        reading,
        sleep(patience, null, { signal: silence.signal }).catch(() => null),
      ]);
      silence.abort();
      if (size === null) return answer;
      answer += new TextDecoder().decode(buffer.subarray(0, size));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

/** The status of an answer as it came. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
}
