/**
 * The hub's server: connections come in here, are checked, and go to routes.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { HUB } from "../api/paths.ts";
import { Access, type Caller, type Refusal } from "./access.ts";
import { type Cluster, warningsOf } from "./cluster.ts";
import { Refused } from "../net/failure.ts";
import {
  Gone,
  type HttpRequest,
  type HttpServer,
  listen,
  urlOf,
} from "../net/http.ts";
import { Metrics } from "./metrics.ts";
import type { NameSource } from "./names.ts";
import { NodeAnswers } from "./node_answers.ts";
import { toOpenApi } from "./openapi.ts";
import { API_HEADERS, HEADERS, servePage } from "./page.ts";
import { Queries } from "./queries.ts";
import {
  findRoute,
  type Hub,
  type Page,
  type Route,
  type TakeSavefile,
} from "./route.ts";
import { exportRoute } from "./routes/export.ts";
import { entryRoutes } from "./routes/entries.ts";
import { kflRoutes } from "./routes/kfl.ts";
import { queryRoute } from "./routes/query.ts";
import { savefilesRoute } from "./routes/savefiles.ts";
import { codeRoute, sessionRoute } from "./routes/session.ts";
import { statsRoutes } from "./routes/stats.ts";
import { statusRoutes } from "./routes/status.ts";
import { targetRoutes } from "./routes/targets.ts";
import { SeenValues } from "./seen_values.ts";
import { Targeting } from "./targeting.ts";
import { AcceptedSocket, acceptKeyFor } from "../net/websocket.ts";
import type { Workers } from "./workers.ts";

/** WebSockets that were opened and have not shown the token yet, at once. */
const MAX_STRANGERS = 32;

/** Every route but that of the description itself. */
const ROUTES: readonly Route[] = [
  ...statusRoutes,
  ...targetRoutes,
  queryRoute,
  ...entryRoutes,
  exportRoute,
  ...kflRoutes,
  ...statsRoutes,
  savefilesRoute,
  sessionRoute,
  codeRoute,
];

/** What a hub is made of. */
export interface HubOptions {
  readonly hostname: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly version: string;
  readonly access: Access;
  readonly workers: Workers;
  readonly page?: Page | undefined;
  readonly takeSavefile?: TakeSavefile | undefined;
  /** Whose pods are captured; absent where there is none. */
  readonly cluster?: Cluster | undefined;
  /** Whether workers enter the networks of the cluster's pods. */
  readonly mesh?: boolean | undefined;
  /** Who knows what the ends are called; by default its cluster. */
  readonly names?: NameSource | undefined;
  /** Told what is wrong with us, for the log. */
  readonly onFault: (error: unknown) => void;
}

/** A hub that answers. */
export class HubServer {
  readonly #hub: Hub;
  readonly #options: HubOptions;
  readonly #routes: readonly Route[];
  readonly #listening: Disposable | undefined;
  #server: HttpServer | undefined;
  #strangers = 0;

  /** Listens; an error of the system's says why it cannot. */
  static async start(options: HubOptions): Promise<HubServer> {
    const server = new HubServer(options);
    const { hostname, port } = options;
    server.#server = await listen({ hostname, port }, {
      onRequest: (request) => server.#answer(request),
      onUpgrade: (request, socket, head) =>
        server.#upgrade(request, socket, head),
      onConnections: (count) => server.#hub.metrics.connections = count,
      onFault: options.onFault,
    });
    options.workers.watch();
    return server;
  }

  private constructor(options: HubOptions) {
    const { version, access, workers, page, takeSavefile, cluster } = options;
    const names = options.names ?? cluster?.names;
    const answers = new NodeAnswers(workers);
    const metrics = new Metrics();
    const queries = new Queries({
      workers,
      metrics,
      warnings: cluster && (() => warningsOf(cluster.status())),
      names,
      answers,
    });
    this.#listening = cluster?.listen(() => queries.tell());
    this.#options = options;
    this.#hub = {
      version,
      access,
      workers,
      page,
      takeSavefile,
      metrics,
      queries,
      seen: new SeenValues(queries, names),
      names,
      answers,
      cluster: cluster && {
        view: cluster,
        targeting: new Targeting(workers, cluster.targets, options.mesh),
      },
    };
    this.#routes = withDescription(ROUTES, version);
  }

  /** Where it listens. */
  get port(): number {
    return this.#server!.port;
  }

  /** Its queries, for whoever asks from this process. */
  get queries(): Queries {
    return this.#hub.queries;
  }

  /** Its counters. */
  get metrics(): Metrics {
    return this.#hub.metrics;
  }

  /** Ends it: queries, connections, and asking workers for their state. */
  async close(): Promise<void> {
    this.#hub.queries.close();
    this.#hub.workers.stop();
    this.#listening?.[Symbol.dispose]();
    this.#hub.cluster?.targeting[Symbol.dispose]();
    await this.#server?.close();
  }

  async #answer(request: HttpRequest): Promise<Response> {
    const response = await this.#respond(request);
    for (const [name, value] of Object.entries(HEADERS)) {
      response.headers.set(name, value);
    }
    this.#hub.metrics.answered(response.status);
    return response;
  }

  async #respond(request: HttpRequest): Promise<Response> {
    try {
      const caller = callerOf(request.headers);
      const refusal = this.#hub.access.refusalOf(caller);
      if (refusal === "host") refuseForeign(refusal);
      // The page itself holds no data: a link of others may lead to it.
      if (request.method === "GET" || request.method === "HEAD") {
        const file = servePage(this.#hub, request);
        if (file) return file;
      }
      refuseForeign(refusal);
      return await this.#route(request, caller);
    } catch (error) {
      if (error instanceof Gone) throw error;
      return this.#toResponse(error);
    }
  }

  async #route(request: HttpRequest, caller: Caller): Promise<Response> {
    const isAllowed = this.#hub.access.isAllowed(caller);
    const { method, url } = request;
    const found = findAllowed(this.#routes, method, url.pathname, isAllowed);
    const response = await found.route.handle({
      hub: this.#hub,
      request,
      parts: found.parts,
      query: url.searchParams,
    });
    for (const [name, value] of Object.entries(API_HEADERS)) {
      response.headers.set(name, value);
    }
    return response;
  }

  #toResponse(error: unknown): Response {
    if (error instanceof Refused) {
      const response = error.toResponse(API_HEADERS);
      if (error.code === "denied") {
        response.headers.set("www-authenticate", 'Bearer realm="thresher"');
      }
      return response;
    }
    this.#options.onFault(error);
    return new Refused("internal", "A mistake of ours; the log says more")
      .toResponse(API_HEADERS);
  }

  /** A WebSocket is asked for: the cookie opens it, or the token, shown first. */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    try {
      const caller = callerOf(request.headers);
      const { access, queries } = this.#hub;
      refuseForeign(access.refusalOf(caller));
      const isAllowed = access.isAllowed(caller);
      const { pathname } = urlOf(request);
      if (pathname !== HUB.query) {
        throw new Refused("missing", "There is no WebSocket here");
      }
      // A page has the cookie; only a program can show the token first.
      const isStranger = !isAllowed && caller.origin === undefined &&
        caller.authorization === undefined;
      if (!isAllowed && !isStranger) throw denied();
      const key = acceptKeyFor(request);
      if (key === undefined) {
        throw new Refused("message", "That is no request for a WebSocket");
      }
      if (isStranger) this.#admitStranger(socket);
      this.#hub.metrics.answered(101);
      const channel = new AcceptedSocket(socket, key, head);
      queries.serve(
        channel,
        isStranger ? (token) => this.#meet(socket, token) : undefined,
      );
    } catch (error) {
      void this.#refuseUpgrade(socket, this.#toResponse(error));
    }
  }

  /** Sockets that have not shown the token, which is why they are few. */
  readonly #unmet = new WeakSet<Duplex>();

  #admitStranger(socket: Duplex): void {
    if (this.#strangers >= MAX_STRANGERS) {
      this.#hub.metrics.refused++;
      throw new Refused("busy", "Too many have not shown their token yet");
    }
    this.#strangers++;
    this.#unmet.add(socket);
    socket.once("close", () => this.#forget(socket));
  }

  #meet(socket: Duplex, token: string): boolean {
    const isRight = this.#hub.access.hasToken(token);
    if (isRight) this.#forget(socket);
    return isRight;
  }

  #forget(socket: Duplex): void {
    if (this.#unmet.delete(socket)) this.#strangers--;
  }

  async #refuseUpgrade(socket: Duplex, response: Response): Promise<void> {
    this.#hub.metrics.answered(response.status);
    const body = new TextEncoder().encode(await response.text());
    socket.end(
      `HTTP/1.1 ${response.status} Refused\r\nConnection: close\r\n` +
        "Content-Type: application/json\r\n" +
        `Content-Length: ${body.length}\r\n\r\n${
          new TextDecoder().decode(body)
        }`,
    );
  }
}

/** Whoever may not ask does not learn what there is. */
function findAllowed(
  routes: readonly Route[],
  method: string,
  path: string,
  isAllowed: boolean,
): ReturnType<typeof findRoute> {
  try {
    const found = findRoute(routes, method, path);
    if (isAllowed || found.route.isOpen) return found;
  } catch (error) {
    if (isAllowed) throw error;
  }
  throw denied();
}

function denied(): Refused {
  return new Refused(
    "denied",
    "Show the token: Authorization: Bearer …, or open the page with a code",
  );
}

function refuseForeign(refusal: Refusal | undefined): void {
  if (refusal === "host") {
    throw new Refused("host", "The hub is not called that");
  }
  if (refusal === "origin") {
    throw new Refused("origin", "Pages of others may not ask");
  }
}

function callerOf(headers: IncomingMessage["headers"]): Caller {
  const site = headers["sec-fetch-site"];
  return {
    host: headers.host,
    origin: headers.origin,
    authorization: headers.authorization,
    cookie: headers.cookie,
    site: typeof site === "string" ? site : undefined,
  };
}

/** The routes, and one that describes them all, itself included. */
export function withDescription(
  routes: readonly Route[],
  version: string,
): readonly Route[] {
  const own: Route = {
    method: "GET",
    path: HUB.openapi,
    summary: "This description",
    gives: {
      type: "application/json",
      schema: { type: "object" },
      doc: "An OpenAPI 3.1 document",
    },
    handle: () => Response.json(document),
  };
  const all = [...routes, own];
  const document = toOpenApi(all, version);
  return all;
}
