/** A hub in this process, with its page and token: for `hub` and for `tap`. */
import type { WorkerLink } from "../api/worker.ts";
import { Access } from "../hub/access.ts";
import type { Cluster } from "../hub/cluster.ts";
import type { TakeSavefile } from "../hub/route.ts";
import { HubServer } from "../hub/server.ts";
import { Workers } from "../hub/workers.ts";
import { loadAssets, PAGE_HEADERS } from "../web/assets.ts";
import { toListenError } from "./listen_error.ts";
import { announce, ownToken } from "./local_hub.ts";
import { say } from "./output.ts";
import { VERSION } from "./version.ts";

/** Where a hub listens. */
export interface Listening {
  readonly hostname: string;
  readonly port: number;
}

/** What a hub is made of. */
export interface OpenHubOptions extends Listening {
  readonly links: readonly WorkerLink[];
  /** Names by which it may be asked for, beside addresses and localhost. */
  readonly names?: readonly string[] | undefined;
  readonly tokenFile?: string | undefined;
  readonly takeSavefile?: TakeSavefile | undefined;
  readonly cluster?: Cluster | undefined;
  /** Whether its workers enter the networks of pods. */
  readonly mesh?: boolean | undefined;
}

/** A hub that runs in this process. */
export class OpenHub implements AsyncDisposable {
  readonly server: HubServer;
  readonly workers: Workers;
  /** `http://HOST:PORT`, as a browser on this machine reaches it. */
  readonly url: string;
  readonly #access: Access;
  readonly #announced: Disposable;

  private constructor(
    server: HubServer,
    workers: Workers,
    access: Access,
    url: string,
    token: string,
  ) {
    this.server = server;
    this.workers = workers;
    this.url = url;
    this.#access = access;
    this.#announced = announce({ url, token });
  }

  /** @throws CommandError */
  static async open(options: OpenHubOptions): Promise<OpenHub> {
    const token = ownToken(options.tokenFile);
    const access = new Access(token, options.names);
    const workers = new Workers(options.links);
    const { files, problem } = await loadAssets();
    if (problem !== undefined) say(`thresher: ${problem}`);
    const server = await start({
      hostname: options.hostname,
      port: options.port,
      version: VERSION,
      access,
      workers,
      page: { files, headers: PAGE_HEADERS },
      takeSavefile: options.takeSavefile,
      cluster: options.cluster,
      mesh: options.mesh,
      onFault: (error) =>
        say(`thresher: ${error instanceof Error ? error.stack : error}`),
    });
    const url = urlOf(options.hostname, server.port);
    return new OpenHub(server, workers, access, url, token);
  }

  /** An address that opens the page once; each time another. */
  pageUrl(): string {
    return `${this.url}/?code=${this.#access.newCode()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#announced[Symbol.dispose]();
    await this.server.close();
  }
}

type StartOptions = Parameters<typeof HubServer.start>[0];

/** @throws CommandError */
async function start(options: StartOptions): Promise<HubServer> {
  try {
    return await HubServer.start(options);
  } catch (error) {
    throw toListenError(error, options);
  }
}

function urlOf(hostname: string, port: number): string {
  const isAny = hostname === "0.0.0.0" || hostname === "::";
  const host = isAny ? "localhost" : hostname;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
