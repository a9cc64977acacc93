/**
 * HTTP as hub and workers speak it: Node's server, for it bounds heads, their
 * time and connections before a handler is called, which `Deno.serve` does not.
 *
 * Handlers see a request with a body of bounded size and give a `Response`,
 * whose body is taken only as fast as the client reads.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { Refused } from "./failure.ts";

/** Bytes of a request's line and headers. */
export const MAX_HEAD = 16 * 1024;

/** Connections at once, those that have not shown a token included. */
export const MAX_CONNECTIONS = 512;

/** How long a head may take to come, ms. */
export const HEAD_PATIENCE = 5000;

/** How long the next part of a body may take, ms. */
export const BODY_PATIENCE = 10_000;

/** How long a connection is kept for another request, ms. */
const KEEP_ALIVE = 15_000;

/** How long a client may take nothing of an answer, ms. */
const READ_PATIENCE = 120_000;

/** A request. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /**
   * Its body, as it comes. To be read once.
   *
   * @throws Refused if it stalls
   */
  body(): AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** What a server calls. Neither throws what a client could have caused. */
export interface HttpHandlers {
  onRequest(request: HttpRequest): Promise<Response>;
  /** A client wants to leave HTTP. The socket is the handler's own. */
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
  /** How many connections are open has changed. */
  onConnections(count: number): void;
  /** Told of what is wrong with us. */
  onFault(error: unknown): void;
}

/** A server that listens. */
export interface HttpServer {
  readonly port: number;
  /**
   * Proves by another certificate who it is, from the next connection on; those
   * that are open stay as they are.
   */
  renew(tls: Identity): void;
  /** Ends it, and every connection. */
  close(): Promise<void>;
}

/** How a server proves who it is, PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Where a server listens, and how it proves who it is. */
export interface Listening {
  readonly hostname: string;
  readonly port: number;
  /** Without it nothing is encrypted. */
  readonly tls?: Identity | undefined;
}

const BOUNDS: ServerOptions = {
  maxHeaderSize: MAX_HEAD,
  headersTimeout: HEAD_PATIENCE,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: KEEP_ALIVE,
  // Bodies are timed as they are read: a savefile takes as long as it takes.
  requestTimeout: 0,
};

/** Listens; an error of the system's says why it cannot. */
export async function listen(
  { tls, ...address }: Listening,
  handlers: HttpHandlers,
): Promise<HttpServer> {
  const secure = tls &&
    createTlsServer({ ...BOUNDS, ...tls, handshakeTimeout: HEAD_PATIENCE });
  const server = secure ?? createServer(BOUNDS);
  server.maxConnections = MAX_CONNECTIONS;
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    handlers.onConnections(sockets.size);
    socket.once("close", () => {
      sockets.delete(socket);
      handlers.onConnections(sockets.size);
    });
  });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    handlers.onUpgrade(request, socket, head);
  });
  server.on("request", (message, response) => {
    void serve(message, response, handlers);
  });
  await started(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    renew: ({ cert, key }) => secure?.setSecureContext({ cert, key }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function started(
  server: Server,
  { hostname, port }: { readonly hostname: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  handlers: HttpHandlers,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort(new Gone()));
  response.on("error", () => gone.abort(new Gone()));
  try {
    const answer = await handlers.onRequest(toRequest(message, gone.signal));
    await send(answer, message, response, gone.signal);
  } catch (error) {
    if (!(error instanceof Gone)) handlers.onFault(error);
    response.destroy();
  }
}

/** The client went away before its answer was sent. */
export class Gone extends Error {
  override name = "Gone";

  constructor() {
    super("The client is gone");
  }
}

/** The address of a request; its host is checked elsewhere. */
export function urlOf({ url = "/" }: IncomingMessage): URL {
  // An absolute form, or what only looks like one, must not name another host.
  const path = url.startsWith("/") ? url : "/";
  return new URL(`http://hub${path.replace(/^\/+/, "/")}`);
}

function toRequest(
  message: IncomingMessage,
  signal: AbortSignal,
): HttpRequest {
  return {
    method: message.method ?? "GET",
    url: urlOf(message),
    headers: message.headers,
    signal,
    body: () => bodyOf(message, signal),
  };
}

async function* bodyOf(
  message: IncomingMessage,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const chunks = message[Symbol.asyncIterator]();
  while (true) {
    const next = await inTime(chunks.next(), signal);
    if (next.done) return;
    yield new Uint8Array(next.value);
  }
}

/** @throws Refused if it takes too long */
async function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => over.reject(new Refused("late", "The body does not come")),
    BODY_PATIENCE,
  );
  const onAbort = () => over.reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** @throws Gone */
async function send(
  answer: Response,
  message: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) {
    if (name !== "set-cookie") response.setHeader(name, value);
  }
  const cookies = answer.headers.getSetCookie();
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  // What was not read of a body would be taken for the next request.
  if (!message.complete) response.setHeader("connection", "close");
  if (message.method === "HEAD" || !answer.body) {
    await answer.body?.cancel();
    response.end();
    return;
  }
  const reader = answer.body.getReader();
  const onAbort = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", onAbort);
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) break;
      signal.throwIfAborted();
      if (!response.write(value)) await drained(response, signal);
    }
    signal.throwIfAborted();
    response.end();
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** @throws Gone, also of a client that reads nothing any more */
async function drained(
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(() => over.reject(new Gone()), READ_PATIENCE);
  const onAbort = () => over.reject(signal.reason);
  response.once("drain", over.resolve);
  signal.addEventListener("abort", onAbort);
  try {
    await over.promise;
  } finally {
    clearTimeout(timer);
    response.off("drain", over.resolve);
    signal.removeEventListener("abort", onAbort);
  }
}

/** Refuses to leave HTTP, on a socket on which nothing was written yet. */
export async function refuseUpgrade(
  socket: Duplex,
  response: Response,
): Promise<void> {
  const body = await response.text();
  const size = new TextEncoder().encode(body).length;
  socket.end(
    `HTTP/1.1 ${response.status} Refused\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${size}\r\n\r\n` +
      body,
  );
}
