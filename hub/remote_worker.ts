/** A worker elsewhere: WebSockets for queries, HTTP for everything else. */
import type { Channel } from "../api/channel.ts";
import { SECRET_HEADER, WORKER } from "../api/paths.ts";
import type { WorkerLink } from "../api/worker.ts";
import { briefly, dial } from "./dial.ts";

/** A worker's URL that cannot be used. The message says why. */
export class BadWorkerUrl extends Error {
  override name = "BadWorkerUrl";
}

/** A secret that is none. The message says why. */
export class BadSecret extends Error {
  override name = "BadSecret";
}

/** How workers are reached. */
export interface Dialling {
  /** Known to the hub and its workers alone. */
  readonly secret?: string | undefined;
  /** Certificates of those who vouch for workers, PEM; else the system's. */
  readonly ca?: string | undefined;
}

/** A worker at `wss://HOST:PORT`, or `ws://` on this machine. */
export class RemoteWorker implements WorkerLink {
  readonly name: string;
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #client: Deno.HttpClient | undefined;

  /**
   * @param name what people call it; its URL unless they know better
   * @throws BadWorkerUrl
   */
  constructor(url: string, { secret, ca }: Dialling, name?: string) {
    this.#url = readUrl(url);
    this.name = name ?? this.#url.href.replace(/\/$/, "");
    this.#headers = secret === undefined ? {} : { [SECRET_HEADER]: secret };
    this.#client = ca === undefined
      ? undefined
      : Deno.createHttpClient({ caCerts: [ca] });
  }

  ask(): Promise<Channel> {
    return dial(new URL(WORKER.query, this.#url), this.name, {
      headers: this.#headers,
      client: this.#client,
    });
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const url = new URL(path, this.#url);
    url.protocol = url.protocol === "wss:" ? "https:" : "http:";
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(this.#headers)) {
      headers.set(name, value);
    }
    // A redirect would take the secret elsewhere.
    const wanted = { ...init, headers, redirect: "error" as const };
    try {
      return await fetch(
        url,
        this.#client ? { ...wanted, client: this.#client } : wanted,
      );
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new Error(`Cannot reach ${this.name}: ${briefly(error)}`, {
        cause: error,
      });
    }
  }

  /** Lets go of its connections. */
  close(): void {
    this.#client?.close();
  }
}

/** A secret out of its file, without the line's end. @throws BadSecret */
export async function readSecret(path: string): Promise<string> {
  const secret = (await Deno.readTextFile(path)).trim();
  if (secret.length < 16) {
    throw new BadSecret(
      `The secret in "${path}" is too short: write at least 16 characters`,
    );
  }
  return secret;
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !["ws:", "wss:"].includes(url.protocol)) {
    throw new BadWorkerUrl(
      `"${text}" is no worker: write wss://HOST:PORT`,
    );
  }
  if (url.username || url.password || url.search || url.pathname !== "/") {
    throw new BadWorkerUrl(`"${text}" is more than wss://HOST:PORT`);
  }
  if (url.protocol === "ws:" && !isLoopback(url.hostname)) {
    throw new BadWorkerUrl(
      `"${text}" would send packets unencrypted: ws:// is for this machine ` +
        "alone, write wss://",
    );
  }
  return url;
}

/** Whether a host can only be this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(hostname);
}
