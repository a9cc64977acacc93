/**
 * A worker, asked over the network.
 *
 * Whoever asks shows the secret that hub and workers share, and nobody else
 * gets further than the bounds of `net/http.ts`. Without TLS it listens on this
 * machine alone, and wants the secret there too: every page in a browser of
 * this machine could ask it otherwise.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Channel } from "../../api/channel.ts";
import { MAX_TEXT } from "../../api/messages.ts";
import { SECRET_HEADER, WORKER } from "../../api/paths.ts";
import { Refused } from "../../net/failure.ts";
import {
  Gone,
  type HttpRequest,
  type HttpServer,
  type Identity,
  listen,
  type Listening,
  refuseUpgrade,
  urlOf,
} from "../../net/http.ts";
import { AcceptedSocket, acceptKeyFor } from "../../net/websocket.ts";
import type { WorkerService } from "./service.ts";

/** A worker may not listen like that; the message says why. */
export class UnsafeListening extends Error {
  override name = "UnsafeListening";
}

/** What a server is made of. */
export interface WorkerServerOptions extends Listening {
  readonly service: WorkerService;
  /** Known to hub and workers alone. */
  readonly secret: string;
  /** Told what is wrong with us, for the log. */
  readonly onFault: (error: unknown) => void;
}

/** A server that listens. */
export class WorkerServer implements AsyncDisposable {
  readonly #service: WorkerService;
  readonly #secret: Uint8Array;
  readonly #onFault: (error: unknown) => void;
  #server: HttpServer | undefined;

  /**
   * Listens; an error of the system's says why it cannot.
   *
   * @throws UnsafeListening
   */
  static async start(options: WorkerServerOptions): Promise<WorkerServer> {
    const { onFault } = options;
    checkListening(options);
    const server = new WorkerServer(options);
    server.#server = await listen(options, {
      onRequest: (request) => server.#answer(request),
      onUpgrade: (request, socket, head) =>
        server.#upgrade(request, socket, head),
      onConnections() {},
      onFault,
    });
    return server;
  }

  private constructor(options: WorkerServerOptions) {
    this.#service = options.service;
    this.#secret = digest(options.secret);
    this.#onFault = options.onFault;
  }

  /** Where it listens. */
  get port(): number {
    return this.#server!.port;
  }

  /** Shows another certificate from now on, see `net/http.ts`. */
  renew(tls: Identity): void {
    this.#server!.renew(tls);
  }

  /** Ends it, and every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.close();
  }

  async #answer(request: HttpRequest): Promise<Response> {
    try {
      const isOpen = request.url.pathname === WORKER.health;
      if (!isOpen) this.#check(request.headers);
      return await this.#service.handle(toRequest(request));
    } catch (error) {
      if (error instanceof Gone) throw error;
      return this.#toResponse(error);
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    try {
      this.#check(request.headers);
      if (urlOf(request).pathname !== WORKER.query) {
        throw new Refused("missing", "There is no WebSocket here");
      }
      const key = acceptKeyFor(request);
      if (key === undefined) {
        throw new Refused("message", "That is no request for a WebSocket");
      }
      const asker = new AcceptedSocket(socket, key, head, MAX_TEXT);
      void this.#service.ask().then((answerer) => join(asker, answerer));
    } catch (error) {
      void refuseUpgrade(socket, this.#toResponse(error));
    }
  }

  /** @throws Refused if the secret was not shown */
  #check(headers: IncomingMessage["headers"]): void {
    const own = headers[SECRET_HEADER];
    const shown = typeof own === "string"
      ? own
      : /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
    const isRight = shown !== undefined &&
      timingSafeEqual(digest(shown), this.#secret);
    if (!isRight) throw new Refused("denied", "Show the worker's secret");
  }

  #toResponse(error: unknown): Response {
    if (error instanceof Refused) return error.toResponse();
    this.#onFault(error);
    return new Refused("internal", "A mistake of ours; the log says more")
      .toResponse();
  }
}

/** @throws UnsafeListening if packets would cross a network as they are */
export function checkListening({ hostname, tls }: Listening): void {
  if (tls || isLoopback(hostname)) return;
  throw new UnsafeListening(
    `Cannot listen on ${hostname}: packets would go unencrypted. Give ` +
      "--tls-cert and --tls-key, or listen on 127.0.0.1",
  );
}

/** All of one length, so that comparing them tells nothing of theirs. */
function digest(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

/** Whether an address can only be reached from this machine. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    /^127(\.\d{1,3}){3}$/.test(hostname);
}

function toRequest(request: HttpRequest): Request {
  const { method, url, signal } = request;
  const hasBody = method !== "GET" && method !== "HEAD";
  const size = request.headers["content-length"];
  return new Request(url, {
    method,
    signal,
    // What is too long need not be read to be refused.
    headers: size === undefined ? {} : { "content-length": size },
    body: hasBody ? ReadableStream.from(request.body()) : null,
  });
}

/** Gives what comes on one channel to the other, both ways. */
function join(asker: Channel, answerer: Channel): void {
  answerer.listen({
    onMessage: (message) => asker.send(message),
    onClose: (reason) => asker.close(reason),
  });
  asker.listen({
    onMessage: (message) => answerer.send(message),
    onClose: (reason) => answerer.close(reason),
  });
}
