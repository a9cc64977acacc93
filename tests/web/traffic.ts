/** Made-up traffic of a shop: as many entries as wanted, always the same. */
import { type End, type Entry, toId } from "../../entry/entry.ts";
import { Random } from "../fuzz/random.ts";

/** What an entry consists of beside where and when it was captured. */
export type Exchange = Omit<Entry, "id" | "timestamp" | "completed" | "node">;

const end = (name: string, last: number, port: number): End => ({
  ip: `10.1.0.${last}`,
  port,
  name: `${name}.shop`,
  service: name,
  namespace: "shop",
});

const SERVERS = {
  carts: end("carts", 9, 80),
  orders: end("orders", 12, 8080),
  cache: end("cache", 30, 6379),
  resolver: { ip: "10.96.0.10", port: 53, name: "kube-dns.kube-system" },
  outside: { ip: "2001:db8::7", port: 443 },
} satisfies Record<string, End>;

const CLIENTS = ["web", "checkout", "worker"];

/** Different exchanges; feeds repeat them. */
export const EXCHANGES: readonly Exchange[] = Array.from(
  { length: 997 },
  (_, i) => exchange(new Random(i + 1)),
);

function exchange(random: Random): Exchange {
  const name = random.pick(CLIENTS);
  const src = {
    ...end(name, 40 + CLIENTS.indexOf(name), random.int(32768, 60999)),
    pod: `${name}-${random.int(0, 3)}`,
    workload: name,
    node: "node-a",
  };
  // Most answers take about 8 ms, a few a hundred times as long.
  const elapsed = Math.round(8000 * 2 ** (random.int(-40, 40) / 10)) +
    (random.chance(0.01) ? 2_000_000 : 0);
  const common = { decrypted: false, src, elapsed } as const;
  const kind = random.int(0, 99);
  if (kind < 55) return { ...common, ...http(random) };
  if (kind < 75) return { ...common, ...dns(random), transport: "udp" };
  if (kind < 92) return { ...common, ...redis(random) };
  return { ...common, ...tls(random) };
}

type Part = Omit<Exchange, "src" | "decrypted">;

function http(random: Random): Part {
  const method = random.pick(["GET", "GET", "GET", "POST", "PUT", "DELETE"]);
  const path = random.pick([
    ...["/api/cart", "/api/orders/7", "/api/items?page=2", "/healthz"],
    "/api/customers/5f3a/addresses",
  ]);
  const isSilent = random.chance(0.01);
  const status = random.chance(0.04)
    ? random.pick([500, 502, 503])
    : random.chance(0.06)
    ? random.pick([401, 404, 409])
    : random.pick([200, 200, 200, 201, 204, 304]);
  const request = {
    method,
    target: path,
    path: path.split("?")[0],
    host: "carts",
    headers: { host: "carts", "user-agent": "shop/2.4", accept: "*/*" },
  };
  return {
    protocol: "http",
    version: "1.1",
    transport: "tcp",
    dst: random.pick([SERVERS.carts, SERVERS.orders]),
    summary: `${method} ${path}`,
    requestSize: random.int(120, 900),
    request,
    ...isSilent
      ? { failed: true, incomplete: ["no response"], elapsed: undefined }
      : {
        status,
        failed: status >= 400,
        responseSize: random.int(90, 40_000),
        response: {
          status,
          headers: { "content-type": "application/json" },
          body: '{"items":[{"name":"shoe","price":17}]}',
          bodySize: 38,
        },
      },
  };
}

function dns(random: Random): Part {
  const name = random.pick(["carts", "orders", "cache", "payments.example"]);
  const code = random.chance(0.05) ? "NXDOMAIN" : "NOERROR";
  const questions = [{ name, type: "A", class: "IN" }];
  return {
    protocol: "dns",
    transport: "udp",
    dst: SERVERS.resolver,
    summary: `A ${name}`,
    status: code,
    failed: code !== "NOERROR",
    requestSize: 32,
    responseSize: 64,
    request: { id: random.int(0, 65535), opCode: "QUERY", questions },
    response: { id: 1, code, questions },
  };
}

function redis(random: Random): Part {
  const key = `session:${random.int(1000, 9999)}`;
  const command = random.pick(["GET", "SET", "EXPIRE"]);
  return {
    protocol: "redis",
    transport: "tcp",
    dst: SERVERS.cache,
    summary: `${command} ${key}`,
    failed: false,
    requestSize: random.int(20, 200),
    responseSize: random.int(5, 1200),
    request: { command, key },
    response: { type: "bulk" },
  };
}

function tls(random: Random): Part {
  const serverName = random.pick(["api.example", "payments.example"]);
  return {
    protocol: "tls",
    version: "1.3",
    transport: "tcp",
    dst: SERVERS.outside,
    summary: serverName,
    status: "1.3",
    failed: false,
    requestSize: 517,
    responseSize: random.int(2000, 5000),
    request: { serverName },
    response: { cipherSuite: "TLS_AES_128_GCM_SHA256" },
  };
}

/** An exchange as it was captured: the `place`th of all, at that time, µs. */
export function captured(
  exchange: Exchange,
  place: number,
  timestamp: number,
  node: string,
): Entry {
  return {
    ...exchange,
    id: toId({ node, shard: 0, packet: place, n: 0 }),
    timestamp,
    completed: timestamp + (exchange.elapsed ?? 0),
    node: { name: node },
  };
}
