/** Real servers of a small shop on a host of a lab, for others to talk to. */
import { join } from "node:path";
import { lacksNetworks } from "../record/network.ts";
import { lacks } from "../setup.ts";
import type { Lab } from "./lab.ts";

/** Whether tests with servers in a lab must be skipped; says why. */
export function lacksServices(): boolean {
  return lacks(
    ...["nginx", "redis-server", "redis-cli", "unbound", "dnsperf"] as const,
    ...["curl", "unshare"] as const,
  ) || lacksNetworks();
}

/** Starts nginx, redis and unbound on a host: ports 8080, 6379 and 53. */
export async function startServices(lab: Lab, host: string): Promise<void> {
  await Promise.all([
    startNginx(lab, host),
    startRedis(lab, host, lab.address(host)),
    startUnbound(lab, host),
  ]);
}

/**
 * Starts nginx on port 8080.
 *
 * @returns its folder; what lies in `files` there it serves
 */
export async function startNginx(lab: Lab, host: string): Promise<string> {
  const folder = join(lab.folder, `${host}-nginx`);
  await Deno.mkdir(folder);
  const conf = join(folder, "nginx.conf");
  await Deno.writeTextFile(conf, NGINX);
  const nginx = lab.start(host, [
    ...["nginx", "-p", folder, "-c", conf, "-e", "stderr"],
    ...["-g", "daemon off;"],
  ]);
  await lab.listens(nginx, 8080);
  return folder;
}

/** Starts redis on port 6379 of an address. */
export async function startRedis(
  lab: Lab,
  host: string,
  address: string,
): Promise<void> {
  const redis = lab.start(host, [
    ...["redis-server", "--bind", address],
    ...["--protected-mode", "no", "--save", ""],
  ]);
  await lab.listens(redis, 6379);
}

async function startUnbound(lab: Lab, host: string): Promise<void> {
  const conf = join(lab.folder, `${host}-unbound.conf`);
  await Deno.writeTextFile(conf, unbound(lab.address(host)));
  const server = lab.start(host, ["unbound", "-d", "-c", conf]);
  await lab.listens(server, 53, "udp");
}

/** Every path is there; `/fail` fails, `/slow` takes a while. */
const NGINX = `
user root;
worker_processes 1;
pid nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  default_type application/json;
  keepalive_requests 100000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 8080;
    location / { return 200 '{"cart":17,"items":[{"sku":"A-1042","count":3}]}'; }
    location /files/ { root .; }
    location /fail { return 500 '{"error":{"code":17,"message":"timed out"}}'; }
  }
}
`;

const unbound = (address: string): string => `
server:
  interface: ${address}
  access-control: 10.30.0.0/24 allow
  do-daemonize: no
  use-syslog: no
  chroot: ""
  username: ""
  directory: "."
  pidfile: ""
  module-config: "iterator"
  local-zone: "shop.test." static
  local-data: "carts.shop.test. 60 IN A 10.1.0.9"
  local-data: "orders.shop.test. 60 IN A 10.1.0.11"
  local-data: "pay.shop.test. 60 IN A ${address}"
`;

/**
 * Has a client ask the services of a host: `count` times HTTP, twice, and
 * Redis, and DNS once. What is asked for is numbered from 1.
 *
 * @param prefix before each number, to know it by
 */
export async function ask(
  lab: Lab,
  client: string,
  host: string,
  count: number,
  prefix: string = "",
): Promise<void> {
  const address = lab.address(host);
  const url = `http://${address}:8080`;
  const numbers = Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
  const get = (path: string) => `curl -sS -o /dev/null ${url}${path}`;
  const lines = numbers.flatMap((number) => [
    get(`/carts/${number}`),
    get(`/fail/${number}`),
    `redis-cli -h ${address} set session:${number} ${number} >/dev/null`,
  ]);
  const names = "carts.shop.test A\norders.shop.test A\n";
  await lab.run(client, ["sh", "-e", "-c", lines.join("\n")]);
  await lab.run(client, `dnsperf -s ${address} -n 1 -q 1`, { input: names });
}

/** Clients that ask until they are told to end. */
export interface Asking extends Disposable {
  /** Ends it; what was asked is answered. */
  end(): Promise<void>;
}

/** Has a client ask all hosts by turns, some fifty times a second. */
export function keepAsking(
  lab: Lab,
  client: string,
  hosts: readonly string[],
): Asking {
  const stop = join(lab.folder, `stop-${crypto.randomUUID()}`);
  const turn = hosts.map((host) => {
    const address = lab.address(host);
    return `curl -sS -o /dev/null http://${address}:8080/carts/load-$i\n` +
      `redis-cli -h ${address} incr load:$i >/dev/null`;
  });
  const program = lab.start(client, [
    ...["sh", "-e", "-c"],
    `i=0; while [ ! -e ${stop} ]; do i=$((i+1)); ${turn.join("\n")}; done`,
  ]);
  const end = async () => {
    await Deno.writeTextFile(stop, "");
    const code = await program.ended;
    if (code !== 0) throw new Error(`Asking failed: ${program.stderr}`);
  };
  return { end, [Symbol.dispose]: () => Deno.writeTextFileSync(stop, "") };
}
