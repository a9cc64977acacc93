/**
 * Records the captures beside it: `deno run -A tests/worker/scan/translated/record.ts`
 * as root.
 *
 * Each is what `tcpdump -i any` sees on a node whose kernel translates
 * addresses as kube-proxy has it do. Nothing in them is changed afterwards.
 * Needs nftables, tcpdump, nginx, dnsmasq, curl, dig and python3.
 */
import { fileURLToPath } from "node:url";
import { NODE, PLACES, TranslatingNode } from "../../../record/node.ts";
import { sleep } from "../../../record/network.ts";

const { client, server, other, outside } = PLACES;

const WEB = "10.96.0.80";
const WEB_TOO = "10.96.0.81";
const WEB6 = "fd96::80";
const DNS = "10.96.0.10";
const DNS6 = "fd96::a";

const toWeb = [
  `ip daddr { ${WEB}, ${WEB_TOO} } tcp dport 80 dnat ip to ${server.ip}:8080`,
  `ip6 daddr ${WEB6} tcp dport 80 dnat ip6 to [${server.ip6}]:8080`,
];
const toDns = (pod: { ip: string; ip6: string }) => [
  `ip daddr ${DNS} udp dport 53 dnat ip to ${pod.ip}:5353`,
  `ip daddr ${DNS} tcp dport 53 dnat ip to ${pod.ip}:5353`,
  `ip6 daddr ${DNS6} udp dport 53 dnat ip6 to [${pod.ip6}]:5353`,
];
const masquerade = [
  `ip daddr { ${server.ip}, ${outside.ip} } masquerade random,fully-random`,
  `ip6 daddr { ${server.ip6}, ${outside.ip6} } masquerade random,fully-random`,
];

const NGINX = `
daemon off; error_log stderr;
events {}
http {
  access_log off;
  server {
    listen 8080; listen [::]:8080;
    location / { return 200 "served $request_uri\\n"; }
  }
}`;

const DNSMASQ = "dnsmasq -k -p 5353 --no-resolv --no-hosts --user=root " +
  "--pid-file= --address=/carts.shop.svc/10.9.9.9";

/** Connects twice from one port; the first connection is reset. */
const REUSE = `
import socket, struct, sys
for path in ("/first", "/second"):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.bind(("", 40000))
    s.connect(("${WEB}", 80))
    s.sendall(b"GET " + path.encode() + b" HTTP/1.1\\r\\nHost: web\\r\\n\\r\\n")
    while b"served" not in s.recv(4096): pass
    s.close()
`;

const dig = (server: string, name: string, more = "") =>
  `dig ${more} +tries=1 +noedns +nocookie -p 53 @${server} ${name}`;
const get = (
  path: string,
  host: string = WEB,
) => ["curl", "-sS", `http://${host}${path}`];

interface Scene {
  readonly name: string;
  readonly prerouting: readonly string[];
  readonly postrouting?: readonly string[];
  readonly happens: (node: TranslatingNode) => Promise<void>;
}

const SCENES: readonly Scene[] = [
  {
    name: "service",
    prerouting: toWeb,
    async happens(node) {
      await node.run("client", get("/four"));
      await node.run("client", get("/six", `[${WEB6}]`));
      // What is not translated is as before.
      await node.run("client", get("/direct", `${server.ip}:8080`));
    },
  },
  {
    name: "masquerade",
    prerouting: [
      ...toWeb,
      `ip daddr ${NODE.ip} tcp dport 30080 dnat ip to ${server.ip}:8080`,
    ],
    postrouting: masquerade,
    async happens(node) {
      await node.run("client", get("/four"));
      await node.run("client", get("/six", `[${WEB6}]`));
      await node.run("outside", get("/node-port", `${NODE.ip}:30080`));
      await node.run("client", get("/egress", `${outside.ip}:8080`));
    },
  },
  {
    name: "hairpin",
    prerouting: toWeb,
    postrouting: [`ip saddr ${server.ip} ip daddr ${server.ip} masquerade`],
    happens: async (node) => void await node.run("server", get("/self")),
  },
  {
    name: "two_services",
    prerouting: toWeb,
    async happens(node) {
      await Promise.all([
        node.run("client", get("/one", WEB)),
        node.run("client", get("/two", WEB_TOO)),
        node.run("other", get("/three", WEB)),
      ]);
    },
  },
  {
    name: "port_reuse",
    prerouting: toWeb,
    happens: async (node) =>
      void await node.run("client", ["python3", "-c", REUSE]),
  },
  {
    name: "dns",
    prerouting: toDns(other),
    async happens(node) {
      await node.run("client", dig(DNS, "carts.shop.svc"));
      await node.run("client", dig(DNS6, "carts.shop.svc"));
      await node.run("client", dig(DNS, "carts.shop.svc", "+tcp"));
      // One question to two servers, as musl's resolver asks.
      await node.run("client", ["python3", "-c", BOTH]);
    },
  },
  {
    name: "dns_masquerade",
    prerouting: toDns(server),
    postrouting: masquerade,
    async happens(node) {
      await node.run("client", dig(DNS, "carts.shop.svc"));
      await node.run("client", dig(DNS6, "carts.shop.svc"));
    },
  },
  {
    name: "dns_moves",
    prerouting: toDns(other),
    async happens(node) {
      const ask = dig(DNS, "carts.shop.svc", `-b ${client.ip}#4000`);
      await node.run("client", ask);
      await node.translate({ prerouting: toDns(server) });
      // The kernel forgets where that port led.
      await sleep(2500);
      await node.run("client", ask);
    },
  },
];

const BOTH = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
question = b"\\x12\\x34\\x01\\x00\\0\\1\\0\\0\\0\\0\\0\\0\\5carts\\4shop\\3svc\\0\\0\\1\\0\\1"
s.sendto(question, ("${DNS}", 53))
s.sendto(question, ("${server.ip}", 5353))
s.settimeout(5)
for _ in range(2): s.recvfrom(512)
`;

for (const { name, happens, ...rules } of SCENES) {
  await using node = await TranslatingNode.create();
  await Deno.writeTextFile(`${node.folder}/nginx.conf`, NGINX);
  await node.run("node", "sysctl -qw net.netfilter.nf_conntrack_udp_timeout=1");
  await node.translate(rules);
  for (const place of ["server", "outside"] as const) {
    await node.serve(
      place,
      `nginx -p ${node.folder} -c nginx.conf -g 'pid ${place}.pid;'`,
      8080,
    );
  }
  for (const place of ["server", "other"] as const) {
    await node.serve(place, DNSMASQ, 5353, "udp");
  }
  const { file, packets } = await node.capture(() => happens(node));
  const path = fileURLToPath(new URL(`${name}.pcap`, import.meta.url));
  await Deno.copyFile(file, path);
  console.log(`${name}.pcap: ${packets} packets`);
}
