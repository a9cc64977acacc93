/**
 * A hub and workers as they run in a cluster: real folders of shards, sockets
 * on loopback, the shared secret. They answer as one machine does with the
 * same savefiles.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HUB } from "../../api/paths.ts";
import { SavefileWorkers } from "../../cli/savefile_workers.ts";
import { RemoteWorker } from "../../hub/remote_worker.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { ofBytes, SavefileReader } from "../../packet/savefile.ts";
import { openSavefile } from "../../worker/capture/savefile.ts";
import { WorkerServer } from "../../worker/serve/server.ts";
import { RunningHub } from "../hub/running_hub.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Real exchanges of several protocols, captured at different times. */
const FILES = [
  "dissectors/http/fixtures/nginx.pcap",
  "dissectors/http/fixtures/python.pcap",
  "dissectors/http/fixtures/pipelined.pcap",
].map((path) => join(root, path));

const SECRET = "a secret that hub and workers share";

/** Workers that listen, and a hub that dials them. */
class Cluster implements AsyncDisposable {
  readonly hub: RunningHub;
  readonly servers: readonly WorkerServer[];
  readonly #links: readonly RemoteWorker[];
  readonly #savefiles: SavefileWorkers;

  static async start(paths: readonly string[]): Promise<Cluster> {
    const savefiles = await SavefileWorkers.open();
    const servers: WorkerServer[] = [];
    for (const path of paths) {
      using file = openSavefile(path);
      const { worker } = await savefiles.add(basename(path), file);
      servers.push(
        await WorkerServer.start({
          hostname: "127.0.0.1",
          port: 0,
          secret: SECRET,
          service: worker,
          onFault: (error) => {
            throw error;
          },
        }),
      );
    }
    const links = servers.map(({ port }) =>
      new RemoteWorker(`ws://127.0.0.1:${port}`, { secret: SECRET })
    );
    const hub = await RunningHub.start({ links });
    return new Cluster(hub, servers, links, savefiles);
  }

  private constructor(
    hub: RunningHub,
    servers: readonly WorkerServer[],
    links: readonly RemoteWorker[],
    savefiles: SavefileWorkers,
  ) {
    this.hub = hub;
    this.servers = servers;
    this.#links = links;
    this.#savefiles = savefiles;
  }

  /** The answer as lines, and what is said behind them. */
  async ask(
    kfl: string,
    more = "",
  ): Promise<{ entries: Entry[]; last: Ending }> {
    const response = await this.hub.fetch(
      `${HUB.query}?kfl=${encodeURIComponent(kfl)}${more}`,
    );
    const lines = (await response.text()).trimEnd().split("\n")
      .map((line) => JSON.parse(line));
    return { last: lines.pop(), entries: lines };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    for (const link of this.#links) link.close();
    for (const server of this.servers) await server[Symbol.asyncDispose]();
    await this.#savefiles[Symbol.asyncDispose]();
  }
}

interface Entry {
  readonly id: string;
  readonly request?: { readonly body?: string };
}

interface Ending {
  readonly done: { readonly matches: number };
  readonly coverage: readonly {
    readonly node: string;
    readonly packets: number;
    readonly missing?: { readonly reason: string };
  }[];
}

/** Shards of a folder are counted from 1; a savefile is read as shard 0. */
function withoutShard(entry: Entry): Entry {
  return { ...entry, id: entry.id.replace(/~\d+~/, "~0~") };
}

/** What one machine prints for the same files. */
async function printed(kfl: string, ...more: string[]): Promise<Entry[]> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", join(root, "cli.ts"), "query", kfl, "--json"],
      ...["--pcap", ...FILES, ...more],
    ],
  }).output();
  ok(success);
  const text = new TextDecoder().decode(stdout).trimEnd();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
}

Deno.test("three workers answer as one machine does with the same files", async () => {
  await using cluster = await Cluster.start(FILES);
  const filters = ["", "http and response.status >= 400", "not http"];
  for (const kfl of filters) {
    const { entries, last } = await cluster.ask(kfl);
    deepEqual(entries.map(withoutShard), await printed(kfl), kfl);
    equal(last.done.matches, entries.length);
    ok(last.coverage.every(({ packets, missing }) => packets > 0 && !missing));
  }
  const newest = await cluster.ask("http", "&order=desc&limit=5");
  deepEqual(
    newest.entries.map(withoutShard),
    await printed("http", "--order", "desc", "--limit", "5"),
  );
});

Deno.test("a worker that has ended is missing, and the others answer", async () => {
  await using cluster = await Cluster.start(FILES);
  await cluster.servers[1]![Symbol.asyncDispose]();
  const { entries, last } = await cluster.ask("");
  ok(entries.length > 0, JSON.stringify(last));
  ok(!entries.some(({ id }) => id.startsWith("python.pcap~")));
  deepEqual(
    last.coverage.map(({ missing }) => missing?.reason !== undefined),
    [false, true, false],
  );
});

Deno.test("details and bodies come through the hub, and packets open again", async () => {
  await using cluster = await Cluster.start(FILES);
  const { hub } = cluster;
  const { entries } = await cluster.ask("http");
  const entry = entries.find(({ request }) => request?.body)!;
  const detail = await hub.fetch(
    `${HUB.entries}/${encodeURIComponent(entry.id)}`,
  );
  deepEqual(await detail.json(), entry);
  const body = await hub.fetch(`${HUB.entries}/${entry.id}/body/request`);
  equal(await body.text(), entry.request!.body);
  const packets = await hub.fetch(`${HUB.entries}/${entry.id}/packets`);
  ok(framesIn(await packets.bytes()) > 0);
  const missing = await hub.fetch(`${HUB.entries}/nginx.pcap~0~99999~0`);
  equal(missing.status, 404);
  await missing.body?.cancel();
});

Deno.test("an export has every packet of all workers", async () => {
  await using cluster = await Cluster.start(FILES);
  const response = await cluster.hub.post(HUB.export, {
    kfl: "",
    format: "pcap",
  });
  equal(response.status, 200);
  const expected = FILES.map((path) => framesIn(Deno.readFileSync(path)))
    .reduce((sum, frames) => sum + frames);
  equal(framesIn(await response.bytes()), expected);
});

Deno.test("a hub with the wrong secret learns nothing", async () => {
  await using cluster = await Cluster.start(FILES.slice(0, 1));
  const { port } = cluster.servers[0]!;
  const link = new RemoteWorker(`ws://127.0.0.1:${port}`, { secret: "wrong" });
  await using hub = await RunningHub.start({ links: [link] });
  const [worker] = await (await hub.fetch(HUB.workers)).json();
  match(worker.missing.reason, /401|secret/);
  const lines = await (await hub.fetch(HUB.query)).text();
  match(lines, /"missing":\{"reason":".*it wants another secret"/);
});

/** Frames of a savefile. */
function framesIn(bytes: Uint8Array): number {
  const reader = new SavefileReader(ofBytes(bytes));
  const batch = new FrameBatch(100);
  let frames = 0;
  while (reader.next(batch)) frames += batch.count;
  equal(reader.damage, undefined);
  return frames;
}
