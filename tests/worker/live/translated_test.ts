/**
 * Live capture on a node whose kernel translates addresses: what its pods said
 * to services is shown once, by the pods' own addresses. Needs root and
 * nftables; is skipped elsewhere.
 */
import { deepEqual } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROTOCOLS } from "../../../dissectors/registry.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { Store } from "../../../worker/shards/store.ts";
import { lacksNetworks, sleep } from "../../record/network.ts";
import { NODE, PLACES, TranslatingNode } from "../../record/node.ts";
import { lacks } from "../../setup.ts";
import { planOf } from "../serve/asker.ts";

const CLI = fileURLToPath(new URL("../../../cli.ts", import.meta.url));
const { client, server, other, outside } = PLACES;

/** How long something may take that should be there at once, ms. */
const PATIENCE = 30_000;

const NGINX = `
daemon off; error_log stderr; pid nginx.pid;
events {}
http {
  access_log off;
  server { listen 8080; listen [::]:8080; location / { return 200 "yes"; } }
}`;

const UNBOUND = `
server:
  do-daemonize: no
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: ${other.ip}@5353
  access-control: 0.0.0.0/0 allow
  local-zone: "shop." static
  local-data: "carts.shop. A 10.9.9.9"
`;

const RULES = {
  prerouting: [
    `ip daddr 10.96.0.80 tcp dport 80 dnat ip to ${server.ip}:8080`,
    `ip6 daddr fd96::80 tcp dport 80 dnat ip6 to [${server.ip6}]:8080`,
    `ip daddr 10.96.0.10 udp dport 53 dnat ip to ${other.ip}:5353`,
    `ip daddr ${NODE.ip} tcp dport 30080 dnat ip to ${server.ip}:8080`,
  ],
  // Who comes from outside or leads to itself gets the node's own address.
  postrouting: [
    `ip saddr { ${outside.ip}, ${server.ip} } ip daddr ${server.ip} masquerade`,
  ],
};

const lookUp = `await Deno.resolveDns("carts.shop", "A", {
  nameServer: { ipAddr: "10.96.0.10", port: 53 },
})`;

/** What each entry of a folder says, in order. */
async function entriesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  const store = Store.open(folder);
  await searchStore(store, {
    plan: planOf("http or dns"),
    protocols: PROTOCOLS,
    onMatch: ({ summary, src, dst }) =>
      found.push(`${summary}: ${src.ip} -> ${dst.ip} (${dst.serviceIp})`),
  });
  return found.sort();
}

Deno.test({
  name: "what pods say to services is captured and shown once",
  ignore: lacksNetworks() || lacks("nft", "nginx", "curl", "unbound"),
  async fn() {
    await using node = await TranslatingNode.create();
    const write = (name: string, text: string) =>
      Deno.writeTextFile(join(node.folder, name), text);
    await write("nginx.conf", NGINX);
    await write("unbound.conf", UNBOUND);
    await node.translate(RULES);
    await node.serve("server", `nginx -p ${node.folder} -c nginx.conf`, 8080);
    await node.serve("other", "unbound -d -c unbound.conf", 5353, "udp");

    const folder = join(node.folder, "data");
    const worker = node.start("node", [
      ...[Deno.execPath(), "run", "-A", CLI, "worker", "--data-dir", folder],
    ]);
    const deadline = Date.now() + PATIENCE;
    while (!worker.stderr.includes("capturing on")) {
      if (!worker.isRunning || Date.now() > deadline) {
        throw new Error(`It does not capture: ${worker.stderr}`);
      }
      await sleep(20);
    }
    await node.run("client", "curl -sS http://10.96.0.80/four");
    await node.run("client", "curl -sS http://[fd96::80]/six");
    await node.run("client", `curl -sS http://${server.ip}:8080/direct`);
    await node.run("server", "curl -sS http://10.96.0.80/self");
    await node.run("outside", `curl -sS http://${NODE.ip}:30080/node-port`);
    await node.run("client", [Deno.execPath(), "eval", lookUp]);

    const expected = [
      `A carts.shop: ${client.ip} -> ${other.ip} (10.96.0.10)`,
      `GET /direct: ${client.ip} -> ${server.ip} (undefined)`,
      `GET /four: ${client.ip} -> ${server.ip} (10.96.0.80)`,
      `GET /node-port: ${outside.ip} -> ${server.ip} (${NODE.ip})`,
      `GET /self: ${server.ip} -> ${server.ip} (10.96.0.80)`,
      `GET /six: ${client.ip6} -> ${server.ip6} (fd96::80)`,
    ];
    // It is stored a little later than it was said.
    const patience = Date.now() + PATIENCE;
    while ((await entriesOf(folder)).length < expected.length) {
      if (Date.now() > patience) break;
      await sleep(100);
    }
    await worker.stop("SIGINT");
    deepEqual(await entriesOf(folder), expected);
  },
});
