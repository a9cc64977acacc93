/**
 * An API server for tests: real HTTP, the kinds that Thresher uses, a small
 * cluster behind it, and the real server's defects.
 *
 * What it answers is held against recordings of a real Kubernetes 1.36.2 in
 * `contract_test.ts`. It is no Kubernetes: what it does not know it refuses.
 * {@link Faults} are what a network and a busy server do to their clients.
 */
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
// @ts-types="@types/ws"
import { WebSocket, WebSocketServer } from "ws";
import { Controllers, type Kubelet } from "./fake/controllers.ts";
import { discovery, type Kind, KINDS, OPENSHIFT_KINDS } from "./fake/kinds.ts";
import { get, list, watch } from "./fake/reads.ts";
import { badRequest, invalid, Refusal } from "./fake/refusal.ts";
import { mayDo, mustBeAllowed, type User, userOf } from "./fake/rights.ts";
import { Store, type Stored } from "./fake/store.ts";
import { now, type Write, Writer } from "./fake/writes.ts";
import type { Schemas } from "./openapi.ts";

/** What a fake server is made of. */
export interface FakeOptions {
  /** Names of the nodes; one by default. */
  readonly nodes?: readonly string[];
  /** Theirs, in the same order. */
  readonly addresses?: readonly string[];
  /** Starts pods; by default they run and listen on nothing. */
  readonly kubelet?: Kubelet;
  /** Absent where unknown fields are let in. */
  readonly schemas?: Schemas | undefined;
  /** PEM; plain HTTP without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Whether it has what only OpenShift has. */
  readonly isOpenShift?: boolean;
  /** Between bookmarks, in ms; a minute by default. */
  readonly bookmarkMs?: number;
}

/** One answer that is not what was asked for. */
export interface Fault {
  readonly status: number;
  readonly retryAfter?: number;
  /** Only for requests whose method and address this fits. */
  readonly on?: RegExp;
}

/** The largest body that is taken. */
const MAX_BODY = 3 * 2 ** 20;

/** Before the end of a watch, its last bookmark. */
const LAST_BOOKMARK_MS = 2000;

const VERSION = {
  major: "1",
  minor: "36",
  gitVersion: "v1.36.2",
  platform: "linux/amd64",
};

/** Where a request goes. */
interface Route {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly part: string;
  /** After `proxy`. */
  readonly rest: string;
}

/** Starts one on loopback. */
export async function startFakeApiServer(
  options: FakeOptions = {},
): Promise<FakeApiServer> {
  const server = new FakeApiServer(options);
  await server.up();
  return server;
}

export class FakeApiServer {
  readonly store = new Store();
  readonly writer: Writer;
  readonly controllers: Controllers;
  /** Tokens, and whose they are. */
  readonly tokens = new Map([["admin-token", "admin"], ["viewer", "viewer"]]);
  /** Every request so far, as `GET /path?query`. */
  readonly requests: string[] = [];
  readonly #options: FakeOptions;
  readonly #kinds: readonly Kind[];
  readonly #pages: ReadonlyMap<string, unknown>;
  readonly #sockets = new Set<Socket>();
  readonly #upgrades = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  readonly #watches = new Set<() => void>();
  #server: Server | undefined;
  #port = 0;
  #faults: { fault: Fault; left: number }[] = [];
  #thaw: (() => void) | undefined;
  #frozen: Promise<void> | undefined;

  constructor(options: FakeOptions) {
    this.#options = options;
    this.#kinds = options.isOpenShift ? [...KINDS, ...OPENSHIFT_KINDS] : KINDS;
    this.#pages = discovery(this.#kinds);
    this.writer = new Writer(this.store, options.schemas);
    const kubelet = options.kubelet ?? idleKubelet();
    this.controllers = new Controllers(this.store, this.writer, kubelet);
    for (const name of ["default", "kube-system"]) {
      this.put("Namespace", {
        metadata: { name },
        status: { phase: "Active" },
      });
    }
    for (const [i, name] of (options.nodes ?? ["node1"]).entries()) {
      this.put("Node", {
        metadata: { name, labels: { "kubernetes.io/os": "linux" } },
        status: {
          addresses: [{
            type: "InternalIP",
            address: options.addresses?.[i] ?? `192.0.2.${i + 1}`,
          }],
          conditions: [{ type: "Ready", status: "True" }],
          nodeInfo: { operatingSystem: "linux", architecture: "amd64" },
        },
      });
    }
  }

  get url(): string {
    return `${this.#options.tls ? "https" : "http"}://127.0.0.1:${this.#port}`;
  }

  /** A kubeconfig with one context, `fake`. */
  kubeconfig(token = "admin-token", extra: Record<string, unknown> = {}) {
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "fake",
      clusters: [{
        name: "fake",
        cluster: {
          server: this.url,
          // client-node takes no plain HTTP without.
          ...(!this.#options.tls && { "insecure-skip-tls-verify": true }),
          ...extra,
        },
      }],
      users: [{ name: "somebody", user: { token } }],
      contexts: [{
        name: "fake",
        context: { cluster: "fake", user: "somebody", namespace: "default" },
      }],
    });
  }

  /** Puts an object where it belongs, past all rules. */
  put(
    kindName: string,
    object: {
      readonly metadata: {
        readonly name: string;
        readonly namespace?: string;
        readonly [field: string]: unknown;
      };
      readonly [field: string]: unknown;
    },
  ): Stored {
    const kind = kindNamed(kindName);
    const { name, namespace = "" } = object.metadata;
    const before = this.store.get(kind, namespace, name);
    const version = [kind.group, kind.version].filter(Boolean).join("/");
    return this.store.put(kind, {
      apiVersion: version,
      kind: kindName,
      ...object,
      metadata: {
        uid: before?.metadata.uid ?? crypto.randomUUID(),
        creationTimestamp: before?.metadata.creationTimestamp ?? now(),
        resourceVersion: "",
        ...object.metadata,
      },
    });
  }

  /** An object as it is now. */
  find(kindName: string, name: string, namespace = ""): Stored | undefined {
    return this.store.get(kindNamed(kindName), namespace, name);
  }

  /** Removes it at once. */
  drop(kindName: string, name: string, namespace = ""): void {
    const kind = kindNamed(kindName);
    this.store.remove(kind, get(this.store, kind, namespace, name));
  }

  /** Names of all objects of a kind, for people: `NAMESPACE/NAME`. */
  namesOf(kindName: string): string[] {
    return this.store.all(kindNamed(kindName)).map(({ metadata }) =>
      `${metadata.namespace ? `${metadata.namespace}/` : ""}${metadata.name}`
    );
  }

  /** Listens, on the same port as before if there was one. */
  async up(): Promise<void> {
    const { tls } = this.#options;
    const server = tls ? createTlsServer(tls) : createServer();
    server.on("request", (request, response) => this.#take(request, response));
    server.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
    server.on("connection", (socket: Socket) => {
      // Taken by the kernel before it was closed.
      if (this.#server !== server) return void socket.destroy();
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server = server as Server;
    await new Promise<void>((resolve) => {
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  /** As if killed: every connection is reset, nobody listens. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = new Promise((resolve) => server?.close(resolve));
    this.cut();
    await closed;
  }

  async close(): Promise<void> {
    this.thaw();
    await this.controllers.close();
    for (const end of [...this.#watches]) end();
    if (this.#server) await this.down();
    this.#upgrades.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  /** Stops answering, on open connections too, which stay open. */
  freeze(): void {
    if (this.#frozen) return;
    this.#frozen = new Promise((resolve) => this.#thaw = resolve);
  }

  thaw(): void {
    this.#thaw?.();
    this.#frozen = undefined;
  }

  /** Answers the next requests so, those that the fault is meant for. */
  fail(times: number, fault: Fault): void {
    this.#faults.push({ fault, left: times });
  }

  /** Forgets the faults that it was told. */
  heal(): void {
    this.#faults = [];
  }

  /** Forgets the history, so that all places until now are too old. */
  expire(): void {
    this.store.compact();
  }

  /** Ends every watch in order. */
  endWatches(): void {
    for (const end of [...this.#watches]) end();
  }

  async #take(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`);
    await this.#frozen;
    const url = new URL(request.url!, this.url);
    try {
      this.#failIfTold(`${request.method} ${request.url}`);
      await this.#answer(request, response, url);
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      sendError(response, error);
    }
  }

  #failIfTold(what: string): void {
    const due = this.#faults.find(({ fault }) => fault.on?.test(what) ?? true);
    if (!due) return;
    due.left--;
    this.#faults = this.#faults.filter(({ left }) => left > 0);
    const { status, retryAfter } = due.fault;
    const reason = status === 429 ? "TooManyRequests" : undefined;
    throw new Refusal(status, reason, `told to answer ${status}`, {
      ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
    });
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
  ): Promise<void> {
    const user = userOf(request.headers.authorization, this.tokens);
    if (url.pathname === "/version") return send(response, 200, VERSION);
    if (/^\/(livez|readyz|healthz)$/.test(url.pathname)) {
      return sendText(response, 200, "ok");
    }
    const page = this.#pages.get(url.pathname);
    if (page) return send(response, 200, page);
    if (url.pathname.endsWith("/selfsubjectaccessreviews")) {
      return this.#review(user, await readBody(request), response);
    }
    const route = this.#routeOf(url.pathname);
    if (route.part === "log") {
      this.#allow(user, "get", route);
      return this.#log(route, url, response);
    }
    if (route.part === "proxy") {
      this.#allow(user, "get", route);
      return this.#proxy(route, url, request, response);
    }
    if (route.part === "portforward") {
      this.#allow(user, "get", route);
      throw badRequest("Upgrade request required");
    }
    await this.#crud(user, route, url, request, response);
  }

  async #crud(
    user: User,
    route: Route,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { kind, namespace, name } = route;
    const query = url.searchParams;
    const isWatch = query.get("watch") === "1" || query.get("watch") === "true";
    const verb = verbOf(request.method!, name, isWatch);
    if (!verb) throw methodNotAllowed();
    this.#allow(user, verb, route);
    if (request.method === "GET") {
      if (name) {
        return send(response, 200, get(this.store, kind, namespace, name));
      }
      if (isWatch) return this.#watch(route, query, response);
      return send(response, 200, list(this.store, kind, namespace, query));
    }
    const write: Write = {
      kind,
      namespace,
      name,
      query,
      contentType: request.headers["content-type"] ?? "",
      body: await readBody(request),
      userAgent: request.headers["user-agent"] ?? "",
    };
    if (verb === "deletecollection") {
      const going = list(this.store, kind, namespace, query);
      for (const { metadata } of going.items as unknown as Stored[]) {
        const { namespace: home = "", name } = metadata;
        this.writer.remove(kind, get(this.store, kind, home, name));
      }
      return send(response, 200, going);
    }
    const { code, object, warnings = [] } = verb === "create"
      ? this.writer.create(write)
      : verb === "update"
      ? this.writer.put(write)
      : verb === "patch"
      ? this.writer.patch(write)
      : this.writer.delete(write);
    if (warnings.length > 0) {
      const quoted = warnings.map((text) =>
        `299 - "${text.replaceAll(/["\\]/g, "\\$&")}"`
      );
      response.setHeader("warning", quoted.join(", "));
    }
    send(response, code, object);
  }

  #watch(
    { kind, namespace }: Route,
    query: URLSearchParams,
    response: ServerResponse,
  ): void {
    const { lines, ends, toLine, bookmark } = watch(
      this.store,
      kind,
      namespace,
      query,
    );
    response.writeHead(200, { "content-type": "application/json" });
    // The client learns that it is taken before anything happens.
    response.flushHeaders();
    const write = async (line: unknown) => {
      await this.#frozen;
      if (!response.writableEnded && !response.destroyed) {
        response.write(JSON.stringify(line) + "\n");
      }
    };
    const begun = Promise.all(lines.map(write));
    if (ends) return void begun.then(() => response.end());
    const wantsBookmarks = query.get("allowWatchBookmarks") === "true";
    const mark = () => wantsBookmarks && write(bookmark());
    const seconds = Number(query.get("timeoutSeconds") ?? 1800);
    const timers = [
      setInterval(mark, this.#options.bookmarkMs ?? 60_000),
      setTimeout(() => end(), seconds * 1000),
      setTimeout(mark, Math.max(0, seconds * 1000 - LAST_BOOKMARK_MS)),
    ];
    const ignore = this.store.listen((happening) => {
      const line = toLine(happening);
      if (line) write(line);
    });
    const end = async () => {
      ignore();
      this.#watches.delete(end);
      for (const timer of timers) clearTimeout(timer);
      await this.#frozen;
      if (!response.destroyed) response.end();
    };
    this.#watches.add(end);
    response.on("close", end);
  }

  #review(user: User, body: string, response: ServerResponse): void {
    const review = JSON.parse(body) as {
      spec: { resourceAttributes?: Record<string, string> };
    };
    const wanted = review.spec.resourceAttributes;
    if (!wanted) {
      throw invalid(
        { name: "", kind: "", group: "authorization.k8s.io" },
        "spec.resourceAttributes",
        "Invalid value: null: exactly one of nonResourceAttributes or " +
          "resourceAttributes must be specified",
      );
    }
    const part = wanted.subresource ? `/${wanted.subresource}` : "";
    const allowed = mayDo(this.store, user, {
      verb: wanted.verb ?? "",
      group: wanted.group ?? "",
      resource: `${wanted.resource}${part}`,
      namespace: wanted.namespace ?? "",
      name: wanted.name ?? "",
    });
    send(response, 201, { ...review, status: { allowed } });
  }

  #log({ namespace, name }: Route, url: URL, response: ServerResponse): void {
    const pod = this.#podNamed(namespace, name);
    if (pod.spec?.nodeName === undefined) {
      response.writeHead(204);
      return void response.end();
    }
    const containers = (pod.spec.containers as { name: string }[])
      .map((container) => container.name);
    const wanted = url.searchParams.get("container");
    if (wanted === null && containers.length > 1) {
      throw badRequest(
        `a container name must be specified for pod ${name}, choose one of: ` +
          `[${containers.join(" ")}]`,
      );
    }
    if (wanted !== null && !containers.includes(wanted)) {
      throw badRequest(`container ${wanted} is not valid for pod ${name}`);
    }
    const running = this.controllers.runningOf(pod);
    if (!running || running.waiting) {
      throw badRequest(
        `container "${wanted ?? containers[0]}" in pod "${name}" is waiting ` +
          `to start: ${running?.waiting?.message ?? "ContainerCreating"}`,
      );
    }
    const tail = url.searchParams.get("tailLines");
    const lines = (running.log?.() ?? "").split("\n").slice(0, -1)
      .slice(tail === null ? 0 : -Number(tail) || Infinity);
    sendText(response, 200, lines.map((line) => `${line}\n`).join(""));
  }

  async #upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
  ): Promise<void> {
    this.requests.push(`UPGRADE ${request.url}`);
    await this.#frozen;
    const url = new URL(request.url!, this.url);
    try {
      this.#failIfTold(`UPGRADE ${request.url}`);
      const user = userOf(request.headers.authorization, this.tokens);
      const route = this.#routeOf(url.pathname);
      this.#allow(user, "get", route);
      if (route.part === "proxy") {
        return this.#proxyUpgrade(route, request, socket, head);
      }
      if (route.part !== "portforward") throw badRequest("no upgrade here");
      this.#allow(user, "create", route);
      const ports = url.searchParams.getAll("ports");
      if (ports.length === 0) {
        throw new Error('query parameter "port" is required');
      }
      const pod = this.#podNamed(route.namespace, route.name);
      if (pod.spec?.nodeName === undefined) {
        throw badRequest(
          `pod ${route.name} does not have a host assigned`,
        );
      }
      this.#upgrades.handleUpgrade(
        request,
        socket,
        // Node's own type for what Node's own server gives.
        head as Parameters<WebSocketServer["handleUpgrade"]>[2],
        (client) => this.#forward(client, pod, Number(ports[0])),
      );
    } catch (error) {
      refuseUpgrade(socket, error);
    }
  }

  /** Frames of `v4.channel.k8s.io`: channel, then data; first the port. */
  async #forward(client: WebSocket, pod: Stored, port: number): Promise<void> {
    const frame = (channel: number, data: Uint8Array) => {
      const message = new Uint8Array(data.length + 1);
      message[0] = channel;
      message.set(data, 1);
      client.send(message);
    };
    for (const channel of [0, 1]) {
      frame(channel, new Uint8Array([port & 255, port >> 8]));
    }
    // The client may send at once; what it sends waits for the connection.
    const early: Uint8Array[] = [];
    client.on("message", (data: Uint8Array) => early.push(data));
    let target: Deno.Conn;
    try {
      const running = this.controllers.runningOf(pod);
      if (!running?.dial) throw new Deno.errors.ConnectionRefused();
      target = await running.dial(port);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const text = `error forwarding port ${port}: connection refused `;
      frame(1, new TextEncoder().encode(text));
      return client.close(1000);
    }
    const writer = target.writable.getWriter();
    const pass = (data: Uint8Array) => {
      if (data[0] === 0) writer.write(data.subarray(1)).catch(() => {});
    };
    early.forEach(pass);
    client.removeAllListeners("message");
    client.on("message", pass);
    client.on("close", () => {
      try {
        target.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
    });
    try {
      for await (const chunk of target.readable) {
        await this.#frozen;
        frame(0, chunk);
        while (client.bufferedAmount > 1 << 20) {
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      }
    } catch {
      // Closed by either side: the code below says all that is said of it.
    }
    client.close(1000);
  }

  /** HTTP keeps its query here; `Authorization` is taken away. */
  #proxy(
    route: Route,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const target = this.#targetOf(route);
    const { authorization: _, host: __, ...headers } = request.headers;
    const onward = httpRequest({
      host: "127.0.0.1",
      port: target.port,
      path: route.rest + url.search,
      method: request.method,
      headers: { ...headers, "x-forwarded-for": "127.0.0.1" },
    }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
      answer.on("close", target.close);
    });
    onward.on("error", (error) => sendError(response, unreached(error)));
    request.pipe(onward);
  }

  /** An upgrade loses its query, which is the real server's own fault. */
  #proxyUpgrade(
    route: Route,
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
  ): void {
    const target = this.#targetOf(route);
    const offered = request.headers["sec-websocket-protocol"]?.split(/, */);
    const {
      authorization: _,
      host: __,
      "sec-websocket-key": ___,
      "sec-websocket-version": ____,
      "sec-websocket-protocol": _____,
      connection: ______,
      upgrade: _______,
      ...headers
    } = request.headers;
    const onward = new WebSocket(
      `ws://127.0.0.1:${target.port}${route.rest}`,
      offered ?? [],
      { headers: headers as Record<string, string> },
    );
    onward.on("error", (error) => refuseUpgrade(socket, unreached(error)));
    onward.on("open", () => {
      this.#upgrades.handleUpgrade(
        request,
        socket,
        head as Parameters<WebSocketServer["handleUpgrade"]>[2],
        (client) => join(client, onward, target.close),
      );
    });
  }

  /** A loopback port that leads to a port of a service's or of a pod. */
  #targetOf(
    { kind, namespace, name }: Route,
  ): { port: number; close: () => void } {
    const [plain = "", wanted = ""] = name.split(":");
    const object = get(this.store, kind, namespace, plain);
    let pod = object;
    let port = Number(wanted);
    if (kind.plural === "services") {
      const ports = object.spec?.ports as
        | { name?: string; port: number; targetPort?: number }[]
        | undefined;
      const found = ports?.find((one) =>
        one.name ? one.name === wanted || `${one.port}` === wanted : true
      );
      const slice = this.store.all(kindNamed("EndpointSlice")).find((one) =>
        one.metadata.namespace === namespace &&
        one.metadata.labels?.["kubernetes.io/service-name"] === plain
      );
      const ends = slice?.endpoints as
        | { targetRef: { name: string } }[]
        | undefined;
      if (!found || !ends?.length) {
        throw new Refusal(
          503,
          "ServiceUnavailable",
          `no endpoints available for service "${plain}"`,
        );
      }
      port = found.targetPort ?? found.port;
      pod = this.#podNamed(namespace, ends[0]!.targetRef.name);
    }
    const dial = this.controllers.runningOf(pod)?.dial;
    if (!dial) throw unreached(new Error("connection refused"));
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const relay = async () => {
      for await (const conn of listener) {
        const onward = await dial(port);
        const quietly = () => {};
        conn.readable.pipeTo(onward.writable).catch(quietly);
        onward.readable.pipeTo(conn.writable).catch(quietly);
      }
    };
    relay();
    let isOpen = true;
    return {
      port: (listener.addr as Deno.NetAddr).port,
      close: () => {
        if (isOpen) listener.close();
        isOpen = false;
      },
    };
  }

  #podNamed(namespace: string, name: string): Stored {
    return get(this.store, kindNamed("Pod"), namespace, name);
  }

  #allow(user: User, verb: string, { kind, namespace, name, part }: Route) {
    const resource = part ? `${kind.plural}/${part}` : kind.plural;
    const { group } = kind;
    mustBeAllowed(this.store, user, { verb, group, resource, namespace, name });
  }

  #routeOf(path: string): Route {
    const parts = path.split("/").slice(1).map(decodeURIComponent);
    const root = parts.shift();
    const group = root === "apis" ? parts.shift()! : "";
    const version = parts.shift();
    const known = root === "api" || root === "apis";
    const kinds = this.#kinds.filter((one) =>
      known && one.group === group && one.version === version
    );
    if (kinds.length === 0) throw new PageNotFound();
    let namespace = "";
    // `namespaces/shop/pods`, but not `namespaces/shop` or its status.
    const inner = kinds.some(({ plural }) => plural === parts[2]) ||
      group !== "";
    if (parts[0] === "namespaces" && parts.length > 2 && inner) {
      namespace = parts[1]!;
      parts.splice(0, 2);
    }
    const [plural = "", name = "", part = "", ...rest] = parts;
    const kind = kinds.find((one) => one.plural === plural);
    const hasPart = !part || kind?.parts.includes(part);
    if (!kind || !hasPart) {
      throw new Refusal(
        404,
        "NotFound",
        "the server could not find the requested resource",
        {},
      );
    }
    const own = part === "status" || part === "scale" ? "" : part;
    return { kind, namespace, name, part: own, rest: `/${rest.join("/")}` };
  }
}

/** What is no part of the API is answered in plain text. */
class PageNotFound extends Error {}

/** A kubelet whose pods run, have addresses of their own, and do nothing. */
export function idleKubelet(): Kubelet {
  let count = 0;
  return (pod) => {
    const isHost = pod.spec?.hostNetwork === true;
    const n = ++count;
    const ip = isHost ? "192.0.2.1" : `10.78.${n >> 8}.${n & 255}`;
    return Promise.resolve({ ip, log: () => "started\n" });
  };
}

function kindNamed(name: string): Kind {
  const all = [...KINDS, ...OPENSHIFT_KINDS];
  const found = all.find(({ kind }) => kind === name);
  if (!found) throw new Error(`The fake server has no ${name}`);
  return found;
}

function verbOf(
  method: string,
  name: string,
  isWatch: boolean,
): string | undefined {
  switch (method) {
    case "GET":
      return name ? "get" : isWatch ? "watch" : "list";
    case "POST":
      return name ? undefined : "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return name ? "delete" : "deletecollection";
  }
  return undefined;
}

const methodNotAllowed = () =>
  new Refusal(
    405,
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
    {},
  );

const unreached = (error: Error) =>
  new Refusal(
    503,
    "ServiceUnavailable",
    `error trying to reach service: ${error.message}`,
  );

/** Messages of two sockets, either way, until one closes. */
function join(a: WebSocket, b: WebSocket, closed: () => void): void {
  const pass = (from: WebSocket, to: WebSocket) => {
    from.on("message", (data, isBinary) => to.send(data, { binary: isBinary }));
    from.on("close", (code, reason) => {
      const given = code >= 3000 || code === 1000;
      to.close(given ? code : 1000, given ? reason : "");
      closed();
    });
    from.on("error", () => to.terminate());
  };
  pass(a, b);
  pass(b, a);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of request) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > MAX_BODY) {
      throw new Refusal(
        413,
        "RequestEntityTooLarge",
        `Request entity too large: limit is ${MAX_BODY}`,
      );
    }
  }
  return text;
}

function send(response: ServerResponse, code: number, body: unknown): void {
  const retryAfter = (body as { details?: { retryAfterSeconds?: number } })
    .details?.retryAfterSeconds;
  if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { "content-type": "text/plain" });
  response.end(text);
}

function sendError(response: ServerResponse, error: unknown): void {
  if (error instanceof Refusal) {
    return send(response, error.code, error.toStatus());
  }
  if (error instanceof PageNotFound) {
    return sendText(response, 404, "404 page not found\n");
  }
  console.error(error);
  sendText(response, 500, String(error));
}

function refuseUpgrade(socket: Duplex, error: unknown): void {
  const [code, body] = error instanceof Refusal
    ? [error.code, JSON.stringify(error.toStatus())]
    : error instanceof PageNotFound
    ? [404, "404 page not found\n"]
    : [400, error instanceof Error ? error.message : String(error)];
  const type = body.startsWith("{") ? "application/json" : "text/plain";
  socket.end(
    `HTTP/1.1 ${code} Refused\r\ncontent-type: ${type}\r\n` +
      `content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}
