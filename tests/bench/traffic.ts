/**
 * The traffic that benches measure with: what servers and clients of a small
 * shop say to each other, captured once and kept outside the repository.
 *
 * Real programs make it, in rounds of about 100 MB in which all of them talk
 * at once, until there are 2^30 bytes. A little over half of them are HTTP
 * (nginx on port 8080, asked by wrk: see `traffic/requests.lua`), the rest
 * PostgreSQL (pgbench), Redis (redis-benchmark) and DNS (unbound, asked by
 * dnsperf). Packets have at most 1,500 bytes. The number of requests is fixed,
 * their interleaving is the machine's.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "../fuzz/random.ts";
import { Capture } from "../record/capture.ts";
import { Network, sleep } from "../record/network.ts";
import { type Program, setUp } from "../setup.ts";
import { concatenate } from "./concatenate.ts";

/** To be changed with whatever changes the traffic. */
const VERSION = 1;

/** What makes it. */
const PROGRAMS = [
  ...["ip", "tcpdump", "nginx", "wrk", "redis-server", "redis-benchmark"],
  ...["unbound", "dnsperf", "pgbench"],
] as const satisfies readonly Program[];

/** Bytes of the capture, at least. */
const SIZE = 2 ** 30;

/** How often it is repeated in the large one. */
const COPIES = 5;

/** For what is under way to arrive, and for tcpdump's last block. */
const SETTLE_MS = 1_500;

const here = fileURLToPath(new URL("traffic/", import.meta.url));

/**
 * The capture of a little over 1 GiB; made now if it is not there yet, which
 * needs root and the servers and takes about a minute.
 *
 * @returns its path
 */
export function traffic(): Promise<string> {
  return kept(`traffic-${VERSION}.pcap`, async (path) => {
    await setUp(PROGRAMS);
    await using network = await Network.create();
    const packets = await capture(network, path);
    console.log(`${path}: ${packets} packets`);
  });
}

/** The same five times over, each copy later than the one before. */
export async function largeTraffic(): Promise<string> {
  const source = await traffic();
  return kept(
    `traffic-${VERSION}-large.pcap`,
    (path) => concatenate(source, path, COPIES),
  );
}

/** Where captures are kept between runs. */
export function cacheFolder(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ||
    join(Deno.env.get("HOME") ?? "/root", ".cache");
  return join(cache, "thresher", "bench");
}

/** A file of the cache, which appears there when it is whole. */
async function kept(
  name: string,
  make: (path: string) => Promise<void>,
): Promise<string> {
  const path = join(cacheFolder(), name);
  try {
    await Deno.stat(path);
    return path;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(cacheFolder(), { recursive: true });
  console.log(`Making ${path}`);
  const unfinished = `${path}.${Deno.pid}`;
  try {
    await make(unfinished);
    await Deno.rename(unfinished, path);
  } catch (error) {
    await Deno.remove(unfinished).catch(() => {}); // it may not exist yet
    throw error;
  }
  return path;
}

async function capture(network: Network, path: string): Promise<number> {
  await network.limitPackets(1500);
  await Promise.all([
    startNginx(network),
    startRedis(network),
    startUnbound(network),
    startPostgres(network),
  ]);
  const running = await Capture.start(network, { bulk: true });
  while ((await Deno.stat(running.file)).size < SIZE) await round(network);
  await sleep(SETTLE_MS);
  const packets = await running.end();
  await Deno.copyFile(running.file, path);
  return packets;
}

/** Every client at once. */
async function round(network: Network): Promise<void> {
  const wrk = `wrk -t 1 -d 600 -s ${here}requests.lua`;
  await Promise.all([
    network.run("client", `${wrk} -c 16 http://$SERVER:8080`, {
      env: { REQUESTS: "6000" },
    }),
    network.run("client", `${wrk} -c 4 http://[$SERVER6]:8080`, {
      env: { REQUESTS: "600", CLOSE: "yes" },
    }),
    network.run(
      "client",
      "redis-benchmark -h $SERVER -q -c 8 -n 8000 -r 10000 -d 120 " +
        "-t set,get,incr,lpush,hset && " +
        "redis-benchmark -h $SERVER -q -c 2 -n 40000 -r 10000 -P 16 -t get,mset",
    ),
    network.run(
      "client",
      "dnsperf -s $SERVER -d queries -n 1 -c 4 -q 20 >dnsperf.log",
    ),
    network.run(
      "client",
      "pgbench -h $SERVER -U postgres -c 4 -t 1500 -M prepared postgres && " +
        "pgbench -h $SERVER -U postgres -c 2 -t 5000 -S postgres",
    ),
  ]);
}

async function startNginx(network: Network): Promise<void> {
  const random = new Random(1);
  const site = join(network.folder, "site");
  const write = async (name: string, content: string | Uint8Array) => {
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : content;
    await Deno.writeFile(join(site, name), bytes);
  };
  await Deno.mkdir(join(site, "api/carts"), { recursive: true });
  await Deno.mkdir(join(site, "static"));
  for (let n = 1; n <= 200; n++) {
    await write(`api/carts/${n}`, JSON.stringify(cart(random)));
  }
  const found = Array.from({ length: 30 }, () => cart(random));
  await write("api/search", JSON.stringify(found));
  await write("static/app.js", JSON.stringify(found).repeat(2));
  await write("static/logo.png", random.bytes(20_000));
  const conf = `${here}nginx.conf`;
  const nginx = network.start("server", [
    ...["nginx", "-p", network.folder, "-c", conf, "-e", "stderr"],
    ...["-g", "daemon off;"],
  ]);
  await network.listens(nginx, 8080);
}

/** A shopping cart: one to three kilobytes as JSON. */
function cart(random: Random): unknown {
  const words = "red blue wool cotton running walking winter summer".split(" ");
  return {
    customer: random.int(1, 100_000),
    currency: "EUR",
    items: Array.from({ length: random.int(8, 24) }, () => ({
      sku: `${random.pick(["A", "B", "C"])}-${random.int(1000, 9999)}`,
      count: random.int(1, 9),
      price: random.int(100, 99_900) / 100,
      description: Array.from({ length: 8 }, () => random.pick(words)).join(
        " ",
      ),
    })),
  };
}

async function startRedis(network: Network): Promise<void> {
  const redis = network.start(
    "server",
    "exec redis-server --bind $SERVER --protected-mode no --save ''",
  );
  await network.listens(redis, 6379);
}

async function startUnbound(network: Network): Promise<void> {
  const random = new Random(2);
  const questions = [
    ...["carts.shop.test A", "carts.shop.test AAAA", "orders.shop.test A"],
    ...["shop.test MX", "shop.test TXT", "missing.shop.test A"],
  ];
  const queries = Array.from({ length: 20_000 }, () => random.pick(questions));
  await Deno.writeTextFile(
    join(network.folder, "queries"),
    queries.join("\n") + "\n",
  );
  const unbound = network.start("server", [
    ...["unbound", "-d", "-c", `${here}unbound.conf`],
  ]);
  await network.listens(unbound, 53, "udp");
}

async function startPostgres(network: Network): Promise<void> {
  // PostgreSQL refuses to run as root, and Debian keeps it out of PATH.
  const as = "exec runuser -u postgres -- $(ls -d /usr/lib/postgresql/*/bin)";
  await network.run("server", `${as}/initdb -D database -A trust`);
  await Deno.writeTextFile(
    join(network.folder, "database/pg_hba.conf"),
    "host all all 10.20.0.0/24 trust\n",
  );
  const postgres = network.start(
    "server",
    `${as}/postgres -D database -h $SERVER -c unix_socket_directories= ` +
      "-c fsync=off",
  );
  await network.listens(postgres, 5432);
  // Listening comes a little before accepting.
  const init = "pgbench -q -i -h $SERVER -U postgres postgres";
  await network.run(
    "client",
    `until pg_isready -h $SERVER; do sleep 0.1; done`,
  );
  await network.run("client", init);
}

if (import.meta.main) {
  console.log(await traffic());
  console.log(await largeTraffic());
}
