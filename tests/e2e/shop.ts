/** A small shop to watch: its pods and services, as a cluster has them. */
import { equal } from "node:assert/strict";
import { eventually } from "./lab.ts";
import type { Stored } from "../k8s/fake/store.ts";
import type { Kubernetes } from "./kubernetes.ts";

/** A workload of one pod, with the service that leads to it. */
interface Workload {
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  readonly command: string;
  /** Absent where nobody asks it. */
  readonly service?: { address: string; port: number; targetPort: number };
}

/** Every path is there; `/fail` fails. */
const NGINX = [
  "user root; pid /tmp/nginx.pid; error_log stderr;",
  "events { worker_connections 64; }",
  "http { access_log off; default_type application/json;",
  "client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy;",
  "fastcgi_temp_path /tmp/fastcgi; uwsgi_temp_path /tmp/uwsgi;",
  "scgi_temp_path /tmp/scgi;",
  'server { listen 8080; location / { return 200 "{}"; }',
  "location /fail { return 500; } } }",
].join(" ");

const NGINX_COMMAND = `echo '${NGINX}' > /tmp/nginx.conf; ` +
  "exec nginx -c /tmp/nginx.conf -e stderr -g 'daemon off;'";

/** `web` asks `carts` and `cache`; `stock` is somebody else's. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: "web",
    namespace: "shop",
    node: "node-a",
    command: "exec sleep 100000",
  },
  {
    name: "carts",
    namespace: "shop",
    node: "node-b",
    command: NGINX_COMMAND,
    service: { address: "10.96.0.10", port: 80, targetPort: 8080 },
  },
  {
    name: "cache",
    namespace: "shop",
    node: "node-a",
    command: "exec redis-server --save '' --protected-mode no --dir /tmp",
    service: { address: "10.96.0.11", port: 6379, targetPort: 6379 },
  },
  {
    name: "buyer",
    namespace: "depot",
    node: "node-b",
    command: "exec sleep 100000",
  },
  {
    name: "stock",
    namespace: "depot",
    node: "node-b",
    command: NGINX_COMMAND,
    service: { address: "10.96.0.20", port: 80, targetPort: 8080 },
  },
];

/** Deploys it, and waits until everybody can be asked. */
export async function openShop(cluster: Kubernetes): Promise<void> {
  const { server, nodes } = cluster;
  for (const name of new Set(WORKLOADS.map(({ namespace }) => namespace))) {
    server.put("Namespace", { metadata: { name }, status: ACTIVE });
  }
  for (const workload of WORKLOADS) deploy(cluster, workload);
  for (const { name, namespace, service } of WORKLOADS) {
    const ip = await eventually(
      `pod ${name}`,
      () => podOf(cluster, name, namespace)?.status?.podIP as string,
    );
    if (!service) continue;
    const { address, port, targetPort } = service;
    await nodes.serve(address, port, ip, targetPort);
    await eventually(`${name} to answer`, async () => {
      const probe = nodes.start("node-a", [
        ...["socat", "-u", "/dev/null", `TCP:${ip}:${targetPort}`],
      ]);
      return await probe.ended === 0;
    });
  }
}

/** The pod of a workload, as the server has it. */
export function podOf(
  { server }: Kubernetes,
  name: string,
  namespace: string,
): Stored | undefined {
  const found = server.namesOf("Pod").find((each) =>
    each.startsWith(`${namespace}/${name}-`)
  );
  return found === undefined
    ? undefined
    : server.find("Pod", found.split("/")[1]!, namespace);
}

/** Has a workload's pod ask `carts` and `cache` of the shop, a time each. */
export async function buy(
  cluster: Kubernetes,
  numbers: readonly (number | string)[],
): Promise<void> {
  const host = hostOf(cluster, "web", "shop");
  const lines = numbers.flatMap((number) => [
    `curl -sS -o /dev/null http://10.96.0.10/carts/${number}`,
    `redis-cli -h 10.96.0.11 set session:${number} 1 >/dev/null`,
  ]);
  await cluster.nodes.lab.run(host, ["sh", "-ec", lines.join("\n")]);
}

/** Has somebody else's pod ask somebody else's. */
export async function restock(cluster: Kubernetes, path: string) {
  const host = hostOf(cluster, "buyer", "depot");
  const status = await cluster.nodes.lab.run(host, [
    ...["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"],
    `http://10.96.0.20${path}`,
  ]);
  equal(status, "200");
}

function hostOf(cluster: Kubernetes, name: string, namespace: string): string {
  const pod = podOf(cluster, name, namespace)!;
  return cluster.kubelets.hostOf(pod.metadata.name);
}

const ACTIVE = { phase: "Active" };

function deploy(
  { server }: Kubernetes,
  { name, namespace, node, command, service }: Workload,
): void {
  const labels = { app: name };
  if (service) {
    const { address, port, targetPort } = service;
    server.put("Service", {
      metadata: { name, namespace },
      spec: {
        selector: labels,
        clusterIP: address,
        clusterIPs: [address],
        ports: [{ port, targetPort, protocol: "TCP" }],
      },
    });
  }
  server.put("Deployment", {
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          nodeName: node,
          automountServiceAccountToken: false,
          containers: [{
            name: "main",
            image: `example/${name}`,
            command: ["sh", "-c", command],
          }],
        },
      },
    },
  });
}
