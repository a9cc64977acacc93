/**
 * HTTP to one API server: credentials, certificates, time limits, and what the
 * server warns of.
 *
 * It is `fetch`, because Deno's own notices when the peer dies; what npm's
 * HTTP libraries read falls silent (measured with a killed API server). Two
 * things `fetch` cannot do, a certificate of another name and one that is not
 * looked at: those go through `node:https`, which notices as well.
 */
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { type ClusterAccess, type Credentials, isSame } from "./access.ts";
import { ClusterError, fromResponse } from "./cluster_error.ts";

/** How long an answer's headers may take, in ms. */
export const ANSWER_TIMEOUT_MS = 30_000;

/** One request. */
export interface Ask {
  /** What for, to follow "Cannot" in an error: `list pods`. */
  readonly task: string;
  readonly method?: string;
  /** With its leading slash, without the query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: string;
  readonly contentType?: string;
  /**
   * Ends the request and the reading of its answer. A controller and not a
   * signal made of several: those are forgotten by the garbage collector while
   * an answer is read, and then end nothing.
   */
  readonly controller?: AbortController | undefined;
  /** Until the headers are there, in ms. */
  readonly timeoutMs?: number | undefined;
}

/** Connections to one API server. Close it. */
export class Transport {
  readonly access: ClusterAccess;
  readonly #warn: (warning: string) => void;
  /** For these certificates; another set gets another client. */
  #client: { readonly key: string; readonly http: Deno.HttpClient } | undefined;
  readonly #retired: Deno.HttpClient[] = [];

  /** @param warn what the server says in `Warning` headers */
  constructor(access: ClusterAccess, warn: (warning: string) => void) {
    this.access = access;
    this.#warn = warn;
  }

  /**
   * The answer, if it is a good one; its body is the caller's to read.
   *
   * @throws ClusterError otherwise, or the signal's reason
   */
  async ask(ask: Ask): Promise<Response> {
    const used = await this.access.credentials();
    let response = await this.#send(ask, used);
    // A rotated token: the file or the plugin may have the next one by now.
    if (response.status === 401) {
      const fresh = await this.access.credentials(used);
      if (!isSame(fresh, used)) {
        await response.body?.cancel();
        response = await this.#send(ask, fresh);
      }
    }
    for (const text of toWarnings(response.headers.get("warning"))) {
      this.#warn(text);
    }
    if (response.ok) return response;
    throw await fromResponse(ask.task, response);
  }

  /** URL of a path on this server. */
  url({ path, query = {} }: Pick<Ask, "path" | "query">): string {
    const given = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]]
    );
    const text = new URLSearchParams(given).toString();
    return this.access.server + path + (text && `?${text}`);
  }

  close(): void {
    for (const http of this.#retired) http.close();
    this.#client?.http.close();
    this.#client = undefined;
  }

  async #send(ask: Ask, credentials: Credentials): Promise<Response> {
    const url = this.url(ask);
    const { controller = new AbortController() } = ask;
    const timeoutMs = ask.timeoutMs ?? ANSWER_TIMEOUT_MS;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      controller.abort();
    }, timeoutMs);
    const init: RequestInit & { client?: Deno.HttpClient } = {
      method: ask.method ?? "GET",
      headers: {
        accept: "application/json",
        ...(ask.contentType && { "content-type": ask.contentType }),
        ...credentials.headers,
      },
      signal: controller.signal,
      // Credentials never follow a redirect.
      redirect: "manual",
    };
    if (ask.body !== undefined) init.body = ask.body;
    try {
      return isUnusual(url, credentials)
        ? await fetchUnchecked(url, init, credentials)
        : await fetch(url, { ...init, client: this.#clientFor(credentials) });
    } catch (cause) {
      if (!isLate) controller.signal.throwIfAborted();
      const late = new Error(`no answer for ${timeoutMs / 1000} s`);
      throw unreachable(this.access.server, isLate ? late : cause);
    } finally {
      clearTimeout(timer);
    }
  }

  #clientFor({ ca, cert, key, proxy }: Credentials): Deno.HttpClient {
    const identity = JSON.stringify([ca, cert, key, proxy]);
    if (this.#client?.key === identity) return this.#client.http;
    // Watches may still be running on the old one.
    if (this.#client) this.#retired.push(this.#client.http);
    const http = Deno.createHttpClient({
      ...(ca && { caCerts: [ca] }),
      ...(proxy && { proxy: { url: proxy } }),
      ...(cert && key && { cert, key }),
    });
    this.#client = { key: identity, http };
    return http;
  }
}

/** Whether the certificate is to be looked at in a way of its own, or not. */
const isUnusual = (
  url: string,
  { serverName, insecure }: Credentials,
): boolean => url.startsWith("https:") && (!!serverName || !!insecure);

/** As `fetch`, for what that cannot do. No proxy. */
function fetchUnchecked(
  url: string,
  init: RequestInit,
  { ca, cert, key, serverName, insecure }: Credentials,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, {
      method: init.method ?? "GET",
      headers: init.headers as Record<string, string>,
      signal: init.signal ?? undefined,
      ca,
      cert,
      key,
      servername: serverName,
      rejectUnauthorized: !insecure,
    }, (incoming) => {
      const { statusCode: status = 0, rawHeaders } = incoming;
      const headers = new Headers();
      for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
        headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
      }
      const empty = status === 204 || status === 304;
      const body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
      resolve(new Response(empty ? null : body, { status, headers }));
    });
    request.on("error", reject);
    request.end(init.body as string | undefined);
  });
}

/** What is quoted in `299 - "…", 299 - "…"` (RFC 7234 §5.5). */
export function toWarnings(header: string | null): string[] {
  return [...(header ?? "").matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)]
    .map(([, text]) => text!.replaceAll(/\\(.)/g, "$1"));
}

/** What `fetch` says before it says what is wrong. */
const PREAMBLE =
  /^error sending request for url \(.*?\): (client error \(\w+\): )?/;

/** Nobody answered, or not as an API server does. */
export function unreachable(server: string, cause: unknown): ClusterError {
  const reason = cause instanceof Error
    ? reasonsOf(cause).at(-1)!.replace(PREAMBLE, "")
    : String(cause);
  const advice = /certificate/i.test(reason)
    ? ". The kubeconfig's certificate authority does not fit this server"
    : "";
  const text = `Cannot reach the API server ${server}: ${reason}${advice}`;
  return new ClusterError("unreachable", text, { cause });
}

/** The messages of an error and of what caused it, in that order. */
function reasonsOf(error: Error): string[] {
  const cause = error.cause instanceof Error ? reasonsOf(error.cause) : [];
  return [error.message, ...cause];
}
