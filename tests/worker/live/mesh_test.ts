/**
 * `worker --mesh` on a node whose pods have a proxy beside their application,
 * as a service mesh gives them: what is encrypted on the wire is captured in
 * the pods. Pods are network namespaces with cgroups of their own, and what is
 * redirected is redirected by the kernel, as Istio has it.
 *
 * Needs root, nftables and cgroups; is skipped elsewhere.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toParts } from "../../../api/names.ts";
import { NamesTable } from "../../../api/names_table.ts";
import type {
  CaptureState,
  PodNetwork,
  TargetsOrder,
} from "../../../api/worker.ts";
import { PROTOCOLS, SCHEMA } from "../../../dissectors/registry.ts";
import { parseId } from "../../../entry/entry.ts";
import { toPlain } from "../../../entry/json.ts";
import { type Claim, NAME_FIELDS } from "../../../entry/names.ts";
import { findEntry } from "../../../worker/scan/find_entry.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { Store } from "../../../worker/shards/store.ts";
import { lacksNetworks, sleep } from "../../record/network.ts";
import { type Place, PLACES, TranslatingNode } from "../../record/node.ts";
import { lacksCgroups, PodCgroup } from "../../record/pod_cgroup.ts";
import type { Program } from "../../record/program.ts";
import { lacks } from "../../setup.ts";
import { planOf } from "../serve/asker.ts";

const CLI = fileURLToPath(new URL("../../../cli.ts", import.meta.url));
const { client, server, other } = PLACES;

/** How long something may take that should be there at once, ms. */
const PATIENCE = 60_000;

/** Where the worker answers, on its node. */
const WORKER = "http://127.0.0.1:7700/v1";
const SECRET = "5ec7e7".repeat(8);

/** The address of a service that no packet on the wire has. */
const SERVICE = "10.96.0.80";

const NGINX = `daemon off; error_log stderr; events {}`;

/** What redirects go to: says all further to the server's proxy, encrypted. */
const CLIENTS_PROXY = `${NGINX} pid client.pid;
http {
  access_log off;
  server {
    listen 127.0.0.1:15001;
    location / {
      proxy_pass https://${server.ip}:15006;
      proxy_http_version 1.1;
    }
  }
  server { listen 127.0.0.1:15000; location / { return 200 "noise"; } }
  server { listen 127.0.0.1:8081; location / { return 200 "client"; } }
}`;

/** The server's, which connects from where Istio's does; and the server. */
const SERVERS_PROXY = `${NGINX} pid server.pid;
http {
  access_log off;
  server {
    listen ${server.ip}:15006 ssl;
    ssl_certificate cert.pem;
    ssl_certificate_key key.pem;
    location / {
      proxy_bind 127.0.0.6;
      proxy_pass http://${server.ip}:8080;
      proxy_http_version 1.1;
    }
  }
  server { listen ${server.ip}:8080; location / { return 200 "carts"; } }
  server { listen 127.0.0.1:8081; location / { return 200 "server"; } }
}`;

/** As \`istio-init\` does, for one port. */
const REDIRECT = `table ip mesh {
  chain output {
    type nat hook output priority -100; policy accept;
    tcp dport 80 redirect to :15001
  }
}`;

const CERTIFICATE = "openssl req -x509 -newkey ec -days 2 -nodes " +
  "-pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=mesh " +
  "-keyout key.pem -out cert.pem";

/** A node with pods, and a worker on it. */
class MeshNode implements AsyncDisposable {
  readonly node: TranslatingNode;
  readonly worker: Program;
  #revision = 0;

  private constructor(node: TranslatingNode, worker: Program) {
    this.node = node;
    this.worker = worker;
  }

  static async create(...options: string[]): Promise<MeshNode> {
    const node = await TranslatingNode.create();
    const write = (name: string, text: string) =>
      Deno.writeTextFile(join(node.folder, name), text);
    await write("secret", SECRET);
    await Deno.chmod(join(node.folder, "secret"), 0o600);
    await write("client.conf", CLIENTS_PROXY);
    await write("server.conf", SERVERS_PROXY);
    const worker = node.start("node", [
      ...[Deno.execPath(), "run", "-A", CLI, "worker", ...options],
      ...["--data-dir", join(node.folder, "data"), "--store", "all"],
      ...["--listen", "127.0.0.1:7700", "--secret-file", "secret"],
    ]);
    const mesh = new MeshNode(node, worker);
    await until(
      () => mesh.state().then(() => true, () => false),
      () => `The worker does not answer: ${worker.stderr}`,
    );
    return mesh;
  }

  get folder(): string {
    return join(this.node.folder, "data");
  }

  /** Says which pods' networks are wanted, and nothing of the node. */
  async order(...networks: readonly PodNetwork[]): Promise<void> {
    const revision = `${++this.#revision}`;
    const order: TargetsOrder = { revision, ends: [], networks };
    await this.#fetch("/targets", `-X PUT -d '${JSON.stringify(order)}'`);
  }

  async state(): Promise<CaptureState> {
    return JSON.parse(await this.#fetch("/state")).capture;
  }

  /** Waits until the worker says so of networks. */
  async has(is: (networks: CaptureState["networks"]) => boolean) {
    let last: CaptureState["networks"];
    await until(
      async () => is(last = (await this.state()).networks),
      () => `Networks are ${JSON.stringify(last)}`,
    );
  }

  /** Waits until a filter matches so many entries; gives them as JSON. */
  async entries(
    kfl: string,
    count: number,
    claims: readonly Claim[] = [],
  ): Promise<Row[]> {
    let rows: Row[] = [];
    await until(async () => {
      rows = await search(this.folder, kfl, claims);
      return rows.length >= count;
    }, () => `${kfl} matches ${JSON.stringify(rows, null, 1)}`);
    equal(rows.length, count, JSON.stringify(rows, null, 1));
    return rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.stop("SIGINT");
    await this.node[Symbol.asyncDispose]();
  }

  #fetch(path: string, options = ""): Promise<string> {
    return this.node.run(
      "node",
      `curl -sS --fail-with-body -H 'Authorization: Bearer ${SECRET}' ` +
        `${options} ${WORKER}${path}`,
    );
  }
}

/** What is looked at of an entry. */
interface Row {
  readonly id: string;
  readonly summary: string;
  readonly leg?: string;
  readonly src: Readonly<Record<string, unknown>>;
  readonly dst: Readonly<Record<string, unknown>>;
}

async function search(
  folder: string,
  kfl: string,
  claims: readonly Claim[],
): Promise<Row[]> {
  const found: Row[] = [];
  await searchStore(Store.open(folder), {
    plan: planOf(kfl),
    protocols: PROTOCOLS,
    names: new NamesTable(toParts(claims, NAME_FIELDS)),
    onMatch: (entry) =>
      found.push(JSON.parse(JSON.stringify(toPlain(entry, SCHEMA)))),
  });
  return found;
}

async function until(
  isSo: () => boolean | Promise<boolean>,
  complaint: () => string,
): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!await isSo()) {
    if (Date.now() > deadline) throw new Error(complaint());
    await sleep(100);
  }
}

const networkOf = (
  { uid }: PodCgroup,
  pod: string,
  { ip, ip6 }: typeof PLACES[Place],
): PodNetwork => ({ uid, namespace: "shop", pod, ips: [ip, ip6] });

const claimOf = (
  address: string,
  names: Claim["names"],
): Claim => ({ address, from: 0, to: Infinity, names });

const CLAIMS = [
  claimOf(client.ip, { pod: "web-1", namespace: "shop" }),
  claimOf(server.ip, { pod: "carts-0", namespace: "shop" }),
  claimOf(SERVICE, { service: "carts", namespace: "shop" }),
];

const ignore = lacksNetworks() || lacksCgroups() ||
  lacks("nft", "nginx", "curl", "openssl", "unshare");

Deno.test({
  name: "what a mesh encrypts on the wire is captured in its pods, and named",
  ignore,
  async fn() {
    await using web = PodCgroup.create();
    await using carts = PodCgroup.create();
    await using mesh = await MeshNode.create("--mesh");
    const { node } = mesh;
    await node.run("client", ["nft", REDIRECT]);
    await node.run("node", CERTIFICATE);
    const proxies = await Promise.all([
      node.serve("server", "exec nginx -p . -c server.conf", 15006),
      node.serve("client", "exec nginx -p . -c client.conf", 15001),
    ]);
    carts.add(proxies[0].pid);
    web.add(proxies[1].pid);
    const networks = [
      networkOf(web, "web-1", client),
      networkOf(carts, "carts-0", server),
    ];
    deepEqual((await mesh.state()).networks, { open: 0, failed: [] });
    await mesh.order(...networks);
    await mesh.has((networks) => networks?.open === 2);

    equal(await node.run("client", `curl -sS ${SERVICE}/cart`), "carts");
    equal(
      await node.run("client", "curl -sS 127.0.0.1:15000/stats"),
      "noise",
    );

    const rows = await mesh.entries("http", 2, CLAIMS);
    // Their rings are read one after the other.
    const outbound = rows.find(({ leg }) => leg === "outbound")!;
    const inbound = rows.find(({ leg }) => leg === "inbound")!;
    const { port: from, ...src } = outbound.src;
    ok(from !== undefined);
    deepEqual(src, { ip: client.ip, pod: "web-1", namespace: "shop" });
    deepEqual(outbound.dst, {
      ip: SERVICE,
      port: 80,
      service: "carts",
      namespace: "shop",
    });
    equal(outbound.summary, "GET /cart");
    equal(inbound.src["ip"], "127.0.0.6");
    equal(inbound.src["podIp"], server.ip);
    equal(inbound.src["pod"], "carts-0");
    equal(inbound.dst["ip"], server.ip);
    equal(inbound.dst["port"], 8080);
    equal(inbound.dst["pod"], "carts-0");

    // The same ports in both pods, at once.
    const same = "curl -sS --local-port 40123 127.0.0.1:8081/same";
    deepEqual(
      await Promise.all([node.run("client", same), node.run("server", same)]),
      ["client", "server"],
    );
    for (const pod of ["web-1", "carts-0"]) {
      const kfl = `request.path == "/same" and dst.pod == "${pod}"`;
      const [row] = await mesh.entries(kfl, 1, CLAIMS);
      equal(row!.src["port"], 40123);
      equal(row!.src["pod"], pod);
      equal(row!.leg, undefined);
    }
    await findsEach(mesh.folder, await mesh.entries("http", 4));
    // Nothing of the wire was wanted, and of the noise nothing is kept.
    await mesh.entries("tls", 0);
    await mesh.entries(`request.path == "/stats"`, 0);
  },
});

/** Each entry is found by its id as it was searched. */
async function findsEach(folder: string, rows: readonly Row[]): Promise<void> {
  for (const row of rows) {
    let found: unknown;
    const origin = await findEntry(Store.open(folder), parseId(row.id)!, {
      protocols: PROTOCOLS,
      onEntry: (entry) =>
        found = JSON.parse(JSON.stringify(toPlain(entry, SCHEMA))),
    });
    ok(typeof origin === "object", `${row.id} is ${origin}`);
    deepEqual(found, row);
  }
}

Deno.test({
  name: "pods come, get another network, and go",
  ignore,
  async fn() {
    await using pod = PodCgroup.create();
    await using missing = PodCgroup.create();
    await using mesh = await MeshNode.create("--mesh");
    const { node } = mesh;
    const network = networkOf(pod, "carts-0", server);
    await mesh.order(network, networkOf(missing, "late-0", other));
    await mesh.has((networks) => networks?.failed.length === 2);
    for (const { reason } of (await mesh.state()).networks!.failed) {
      match(reason, /none of its processes is to be seen/);
    }

    // It starts, is heard, and its sandbox is made anew elsewhere.
    const sayHello = async (on: Place, path: string) => {
      const port = 8000 + path.length;
      const server = node.start(on, `exec nginx -p . -c ${on}.conf`);
      pod.add(server.pid);
      await until(
        () =>
          node.run(on, "curl -sS 127.0.0.1:8081").then(() => true, () => false),
        () => server.stderr,
      );
      await until(async () => {
        await node.run(on, `curl -sS 127.0.0.1:8081/${path}-${port}`);
        const kfl = `request.path startsWith "/${path}"`;
        return (await search(mesh.folder, kfl, [])).length > 0;
      }, () => `/${path} is not heard`);
      return server;
    };
    await node.run("node", CERTIFICATE);
    const first = await sayHello("server", "first");
    await mesh.has((networks) =>
      networks?.open === 1 && networks.failed.length === 1
    );
    await first.stop();
    await mesh.has((networks) => networks?.open === 0);
    const second = await sayHello("client", "second");

    // One that is not wanted any more is not heard.
    await mesh.order();
    await mesh.has((networks) =>
      networks?.open === 0 && networks.failed.length === 0
    );
    await node.run("client", "curl -sS 127.0.0.1:8081/unheard");
    await mesh.order(network);
    await mesh.has((networks) => networks?.open === 1);
    await until(async () => {
      await node.run("client", "curl -sS 127.0.0.1:8081/again");
      const kfl = `request.path == "/again"`;
      return (await search(mesh.folder, kfl, [])).length > 0;
    }, () => "/again is not heard");
    await mesh.entries(`request.path == "/unheard"`, 0);
    await second.stop();
  },
});

Deno.test({
  name: "without --mesh no network is entered",
  ignore,
  async fn() {
    await using pod = PodCgroup.create();
    await using mesh = await MeshNode.create();
    await mesh.order(networkOf(pod, "carts-0", server));
    const { networks, order } = await mesh.state();
    equal(order, "1");
    equal(networks, undefined);
  },
});
