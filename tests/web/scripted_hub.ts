/**
 * A hub for tests of the page: it serves the real files, speaks the real
 * messages, runs real filters, and plays made-up traffic as a test says.
 *
 * It keeps no entries but can make each of them again, so that it stands still
 * for a page that grants no credit as the real one does, at no cost.
 */
import { Batch, BatchWriter, MAX_ROWS } from "../../api/batch.ts";
import type { MapLevel, WorkerStatus } from "../../api/hub.ts";
import {
  type Answer,
  FIRST_CREDIT,
  type NodeCoverage,
  type QueryRequest,
  readGrant,
  readQueryRequest,
} from "../../api/messages.ts";
import { HUB } from "../../api/paths.ts";
import { toSchemaMessage } from "../../api/schema.ts";
import { SCHEMA } from "../../dissectors/registry.ts";
import { type Entry, parseId } from "../../entry/entry.ts";
import { toPlain } from "../../entry/json.ts";
import type { SeenValue, Wanted } from "../../kfl/completion.ts";
import { compileMessage } from "../../kfl/evaluator.ts";
import { ServiceMap, Statistics } from "../../hub/stats/aggregate.ts";
import { compileQuery } from "../../kfl/query.ts";
import { type Assets, loadAssets, PAGE_HEADERS } from "../../web/assets.ts";
import { Lateness } from "./lateness.ts";
import { ShopCluster } from "./shop_cluster.ts";
import { captured, type Exchange, EXCHANGES } from "./traffic.ts";

/** When the first entry was captured, µs: within the last hour. */
export const MORNING = Math.floor(Date.now() / 3_600_000) * 3_600_000_000;

/** Between two entries, µs. */
export const STEP = 1000;

/** Rows of one batch, as a hub sends them. */
const BATCH_ROWS = 500;

/** Built once for all hubs of a process. */
let assets: Promise<Assets> | undefined;

export interface Script {
  /** Entries that are there when it starts. */
  readonly stored?: number;
  readonly nodes?: readonly string[];
  /** Must be shown before anything is told. */
  readonly token?: string;
  /** Values that paths have had. */
  readonly values?: Readonly<Record<string, readonly SeenValue[]>>;
  /** Exchanges that are played; by default those of the shop. */
  readonly exchanges?: readonly Exchange[];
  /** Whether it runs in a cluster. */
  readonly inCluster?: boolean;
}

/** One question that is being answered. */
interface Asked {
  readonly socket: WebSocket;
  /** Says something to who asked. */
  readonly say: (message: Message) => void;
  readonly request: QueryRequest;
  readonly matches: (entry: Entry) => boolean;
  credit: number;
  /** Of the entry that comes next. */
  next: number;
  found: number;
}

/** What goes over a socket to a page; nothing breaks it off. */
type Message = string | Uint8Array<ArrayBuffer> | undefined;

/** What came from pages, for tests to look at. */
export interface Received {
  readonly queries: QueryRequest[];
  readonly values: Wanted[];
  readonly exports: unknown[];
  readonly counted: unknown[];
  readonly limits: number[];
  readonly savefiles: { name: string; size: number }[];
}

export class ScriptedHub implements AsyncDisposable {
  readonly received: Received = {
    queries: [],
    values: [],
    exports: [],
    counted: [],
    limits: [],
    savefiles: [],
  };
  /** What answers rest on. */
  coverage: readonly NodeCoverage[];
  /** While it is set, nobody is answered. */
  isDown = false;
  /** While it is set, answers break off before what is stored was told. */
  breaksOff = false;
  /** Whose pods are captured; absent on a single machine. */
  readonly cluster: ShopCluster | undefined;
  readonly #script: Script;
  readonly #exchanges: readonly Exchange[];
  readonly #nodes: readonly string[];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #following = new Set<Asked>();
  readonly #lateness = new Lateness();
  #count: number;
  #playing: ReturnType<typeof setInterval> | undefined;
  #valuesAreFree: Promise<void> | undefined;
  #workers: readonly WorkerStatus[] | undefined;

  constructor(script: Script = {}) {
    this.#script = script;
    if (script.inCluster) this.cluster = new ShopCluster();
    this.#count = script.stored ?? 0;
    this.#exchanges = script.exchanges ?? EXCHANGES;
    this.#nodes = script.nodes ?? ["node-a"];
    this.coverage = this.#nodes.map((node) => coverageOf(node));
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      (request) => this.#answerLate(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Entries so far. */
  get count(): number {
    return this.#count;
  }

  /** Batches that pages which follow have still granted. */
  get credit(): number {
    return [...this.#following].reduce((sum, { credit }) => sum + credit, 0);
  }

  /** Keeps back which values paths have had. @returns what lets them go */
  holdValues(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#valuesAreFree = promise;
    return resolve;
  }

  /** Captures so many entries more. */
  capture(count: number): void {
    this.#count += count;
    for (const asked of this.#following) this.#send(asked);
  }

  /** Captures so many entries a second, until it is told another number. */
  play(rate: number): void {
    clearInterval(this.#playing);
    if (rate === 0) return;
    const start = performance.now();
    let captured = 0;
    this.#playing = setInterval(() => {
      const due = Math.floor((performance.now() - start) / 1000 * rate);
      this.capture(due - captured);
      captured = due;
    }, 50);
  }

  /** Tells everybody what answers rest on now. */
  tellCoverage(coverage: readonly NodeCoverage[]): void {
    this.coverage = coverage;
    for (const { say } of this.#following) tell(say, { coverage });
  }

  /** Talks to everybody as another version of itself would. */
  update(): void {
    for (const { say } of this.#following) {
      say(new Uint8Array([255, 255, 255, 255]));
    }
  }

  /** Breaks off all answers. */
  drop(): void {
    for (const { socket } of this.#following) socket.close(1011, "dropped");
    this.#following.clear();
  }

  /** The `place`th entry of all. */
  entry(place: number): Entry {
    return captured(
      this.#exchanges[place % this.#exchanges.length]!,
      place,
      MORNING + place * STEP,
      this.#nodes[place % this.#nodes.length]!,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#playing);
    this.drop();
    await this.#server.shutdown();
  }

  async #answerLate(request: Request): Promise<Response> {
    // What a socket says is late by itself. To open it for somebody who has
    // left meanwhile is no use.
    if (request.headers.has("upgrade")) return await this.#answer(request);
    await this.#lateness.pass();
    const response = await this.#answer(request);
    await this.#lateness.pass();
    return response;
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const { files } = await (assets ??= loadAssets());
    const asset = files.get(url.pathname);
    if (asset) {
      const headers = { ...PAGE_HEADERS, "content-type": asset.type };
      return new Response(asset.bytes, { headers });
    }
    if (this.isDown) return new Response("away", { status: 503 });
    if (url.pathname === HUB.session) return await this.#openSession(request);
    const cookie = `session=${this.#script.token}`;
    const isDenied = this.#script.token !== undefined &&
      !request.headers.get("cookie")?.includes(cookie);
    if (isDenied) return refusal(401, "denied", "The token is needed");
    return await this.#route(request, url);
  }

  async #route(request: Request, url: URL): Promise<Response> {
    switch (url.pathname) {
      case HUB.schema:
        return Response.json(toSchemaMessage(SCHEMA));
      case HUB.workers:
        return Response.json(this.workers);
      case HUB.stats:
        return this.#sum(url.searchParams, new Statistics());
      case HUB.map:
        return this.#sum(
          url.searchParams,
          new ServiceMap(url.searchParams.get("by") as MapLevel ?? undefined),
        );
      case HUB.storageLimit:
        return await this.#setLimit(request);
      case HUB.cluster:
        return Response.json(
          this.cluster
            ? { server: "https://10.96.0.1", isReady: true, lost: [] }
            : null,
        );
      case HUB.targets:
      case HUB.targetsPreview: {
        if (!this.cluster) return refusal(404, "missing", "No cluster");
        const isPreview = url.pathname === HUB.targetsPreview;
        return await this.cluster.answer(request, isPreview);
      }
      case HUB.query: {
        const { socket, response } = Deno.upgradeWebSocket(request);
        this.#listen(socket);
        return response;
      }
      case HUB.export:
        this.received.exports.push(await request.json());
        return new Response(new Uint8Array(EXPORTED));
      case HUB.values:
        return await this.#seen(url.searchParams);
      case HUB.savefiles: {
        const { length } = await request.bytes();
        const name = url.searchParams.get("name")!;
        this.received.savefiles.push({ name, size: length });
        return Response.json({ node: this.#nodes[0], packets: 3, first: 1 });
      }
      default:
        return this.#entry(url);
    }
  }

  /** Every node takes it but those that do not answer. */
  async #setLimit(request: Request): Promise<Response> {
    const { limit } = await request.json();
    this.received.limits.push(limit);
    const away = this.workers.find(({ missing }) => missing);
    this.workers = this.workers.map((worker) =>
      worker.missing || !worker.state ? worker : {
        ...worker,
        state: {
          ...worker.state,
          storage: { ...worker.state.storage, limit },
        },
      }
    );
    return away
      ? refusal(502, "worker", `Not set on all nodes: ${away.name}: away`)
      : Response.json({ limit });
  }

  /** What all that matches amounts to. */
  #sum(query: URLSearchParams, sum: Statistics | ServiceMap): Response {
    this.received.counted.push(Object.fromEntries(query));
    const [from, to] = ["from", "to"].map((name) => query.get(name));
    const { plan } = compileQuery(query.get("kfl")!, SCHEMA, {
      ...from && { from: Number(from) },
      ...to && { to: Number(to) },
      now: MORNING + this.#count * STEP,
    });
    const matches = compileMessage(plan!);
    const writer = new BatchWriter("row");
    for (let place = 0; place < this.#count; place++) {
      const entry = this.entry(place);
      if (!matches(entry)) continue;
      writer.add(entry, { place, n: 0 }, entry.summary);
      if (writer.isFull) sum.add(new Batch(writer.take()));
    }
    sum.add(new Batch(writer.take()));
    return Response.json({ ...sum.toPlain(), coverage: this.coverage });
  }

  async #seen(query: URLSearchParams): Promise<Response> {
    const path = query.get("path")!;
    this.received.values.push({ path, kfl: query.get("kfl")! });
    await this.#valuesAreFree;
    const values = this.#script.values?.[path] ?? [];
    return Response.json({ values, entries: this.#count });
  }

  async #openSession(request: Request): Promise<Response> {
    const { token } = await request.json();
    if (token !== this.#script.token) {
      return refusal(401, "denied", "That is not the token");
    }
    const cookie = `session=${token}; HttpOnly; SameSite=Strict`;
    return new Response(null, {
      status: 204,
      headers: { "set-cookie": cookie },
    });
  }

  #entry({ pathname }: URL): Response {
    const [id, part] = pathname.slice(HUB.entries.length + 1).split("/");
    const place = parseId(decodeURIComponent(id ?? ""))?.packet;
    if (!pathname.startsWith(HUB.entries) || place === undefined) {
      return refusal(404, "message", "There is no such thing");
    }
    if (part === "packets") return new Response(new Uint8Array(EXPORTED));
    return Response.json(toPlain(this.entry(place), SCHEMA));
  }

  /** As they are, unless a test says otherwise. */
  get workers(): readonly WorkerStatus[] {
    return this.#workers ?? this.#nodes.map((node) => ({
      name: `wss://${node}:8898`,
      state: {
        node,
        version: "0.1.0",
        storage: {
          limit: 200_000_000,
          used: 1_000_000,
          packets: this.#count * 4,
          ...this.#count > 0 && { first: MORNING },
        },
        capture: {
          since: MORNING,
          interfaces: ["eth0", "lo"],
          packets: this.#count * 4,
          bytes: this.#count * 1000,
          droppedByKernel: 0,
          notStored: 0,
          copies: 0,
          ownTraffic: 0,
        },
      },
    }));
  }

  set workers(workers: readonly WorkerStatus[]) {
    this.#workers = workers;
  }

  #listen(socket: WebSocket): void {
    let asked: Asked | undefined;
    const say = this.#lateness.queue((message: Message) => {
      if (message === undefined) socket.close(1011, "broken off");
      else if (socket.readyState === WebSocket.OPEN) socket.send(message);
    });
    const hear = this.#lateness.queue((message: string) => {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (asked) {
        asked.credit += readGrant(message).credit;
        this.#send(asked);
      } else asked = this.#begin(socket, say, readQueryRequest(message));
    });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => hear(data);
    socket.onclose = () => asked && this.#following.delete(asked);
    // Told by the close that follows.
    socket.onerror = (event) => event.preventDefault();
  }

  #begin(
    socket: WebSocket,
    say: Asked["say"],
    request: QueryRequest,
  ): Asked | undefined {
    this.received.queries.push(request);
    const now = MORNING + this.#count * STEP;
    const { plan, diagnostics } = compileQuery(request.kfl, SCHEMA, {
      ...request,
      now,
    });
    if (!plan) {
      const message = diagnostics[0]!.message;
      const error = { code: "kfl", message, diagnostics } as const;
      tell(say, { error });
      return undefined;
    }
    const asked: Asked = {
      socket,
      say,
      request,
      matches: compileMessage(plan),
      credit: request.credit ?? FIRST_CREDIT,
      next: 0,
      found: 0,
    };
    tell(say, { coverage: this.coverage });
    if (request.follow) {
      asked.next = this.#startOfLast(asked, request.last ?? 0);
      this.#following.add(asked);
    } else if (request.order === "desc") asked.next = this.#count - 1;
    this.#send(asked);
    if (this.breaksOff) say(undefined);
    else if (request.follow) tell(say, { live: { since: now } });
    return asked;
  }

  /** Where the last `wanted` matches begin. */
  #startOfLast({ matches }: Asked, wanted: number): number {
    let place = this.#count;
    for (; wanted > 0 && place > 0; place--) {
      if (matches(this.entry(place - 1))) wanted--;
    }
    return place;
  }

  /** Sends what there is, as far as credit allows. */
  #send(asked: Asked): void {
    const { say, request, matches } = asked;
    const step = request.order === "desc" ? -1 : 1;
    const isOver = () =>
      asked.next < 0 || asked.next >= this.#count ||
      asked.found === request.limit;
    while (asked.credit > 0 && !isOver()) {
      const writer = new BatchWriter("row");
      while (!isOver() && writer.count < Math.min(BATCH_ROWS, MAX_ROWS)) {
        const place = asked.next;
        const entry = this.entry(place);
        asked.next += step;
        if (!matches(entry)) continue;
        asked.found++;
        writer.add(entry, { place, n: 0 }, entry.summary);
        if (writer.isFull) break;
      }
      if (writer.count === 0) break;
      asked.credit--;
      say(writer.take());
    }
    if (!request.follow && isOver()) {
      const done = { matches: asked.found };
      tell(say, { done, coverage: this.coverage });
    }
  }
}

/** What every export is in these tests. */
export const EXPORTED: readonly number[] = [
  ...[0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[0, 0, 4, 0, 1, 0, 0, 0],
];

/** The coverage of a node with nothing to say. */
export function coverageOf(
  node: string,
  rest: Partial<NodeCoverage> = {},
): NodeCoverage {
  return {
    node,
    packets: 1000,
    cut: 0,
    malformed: 0,
    lost: 0,
    damage: [],
    stages: {},
    ...rest,
  };
}

function tell(say: Asked["say"], answer: Answer): void {
  say(JSON.stringify(answer));
}

function refusal(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}
