/** Names at a time, against a replay of everything that happened. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { type Names, NamesHistory } from "../../k8s/names_history.ts";
import type {
  EndpointSlice,
  KubeObject,
  Node,
  Pod,
  Service,
} from "../../k8s/objects.ts";
import { type Named, Resolver } from "../../k8s/resolver.ts";
import { Random } from "../fuzz/random.ts";
import { Churn, PORTS, START, type Step } from "./churn.ts";

const KINDS = ["nodes", "services", "slices", "pods"] as const;
const SECOND = 1_000_000;

/** A resolver that was told of these objects, and of no others. */
function resolverOf(
  objects: Partial<{ [K in keyof Named]: readonly Named[K][] }>,
  at = START,
  saved?: { history: NamesHistory; at: number },
): Resolver {
  const resolver = new Resolver(saved);
  for (const kind of KINDS) {
    resolver.take(kind, { kind: "listing" }, at);
    for (const object of objects[kind] ?? []) {
      resolver.take(kind, { kind: "present", object }, at);
    }
    resolver.take(kind, { kind: "listed" }, at);
  }
  return resolver;
}

function pod(name: string, ip: string, more: Partial<Pod> = {}): Pod {
  return {
    metadata: {
      name,
      namespace: "shop",
      uid: name,
      creationTimestamp: "2027-01-15T08:00:00Z", // START
      ...more.metadata,
    },
    spec: { nodeName: "node-0", ...more.spec },
    status: { phase: "Running", podIP: ip, podIPs: [{ ip }], ...more.status },
  };
}

const node: Node = {
  metadata: {
    name: "node-0",
    labels: { "topology.kubernetes.io/zone": "z" },
  },
  status: { addresses: [{ type: "InternalIP", address: "192.0.2.1" }] },
};

const service = (name: string, ip: string, nodePort?: number): Service => ({
  metadata: { name, namespace: "shop" },
  spec: {
    clusterIP: ip,
    clusterIPs: [ip],
    ports: [{ port: 80, ...(nodePort && { nodePort }) }],
  },
});

const slice = (
  name: string,
  ends: readonly [address: string, pod: string][],
  ports: readonly number[],
): EndpointSlice => ({
  metadata: {
    name,
    namespace: "shop",
    labels: { "kubernetes.io/service-name": name },
  },
  endpoints: ends.map(([address, name]) => ({
    addresses: [address],
    targetRef: { kind: "Pod", name, namespace: "shop" },
  })),
  ports: ports.map((port) => ({ port })),
});

Deno.test("a pod has its service, workload, node and zone", () => {
  const web = pod("web-5d8f-x", "10.1.0.7", {
    metadata: {
      name: "web-5d8f-x",
      namespace: "shop",
      labels: { app: "web", "pod-template-hash": "5d8f" },
      ownerReferences: [{ kind: "ReplicaSet", name: "web-5d8f", uid: "" }],
    },
  });
  const { history } = resolverOf({
    nodes: [node],
    pods: [web],
    slices: [slice("front", [["10.1.0.7", "web-5d8f-x"]], [8080])],
  });
  deepEqual(history.lookup("10.1.0.7", 51234, START), {
    pod: "web-5d8f-x",
    namespace: "shop",
    service: "front",
    workload: "web",
    node: "node-0",
    zone: "z",
    labels: { app: "web", "pod-template-hash": "5d8f" },
    name: "front.shop",
  });
});

Deno.test("of several services the one that leads to the port is named", () => {
  const end: [string, string][] = [["10.1.0.7", "web"]];
  const { history } = resolverOf({
    pods: [pod("web", "10.1.0.7")],
    slices: [slice("metrics", end, [9090]), slice("api", end, [80, 443])],
  });
  const serviceAt = (port: number) =>
    history.lookup("10.1.0.7", port, START)?.service;
  deepEqual([80, 443, 9090, 50000].map(serviceAt), [
    "api",
    "api",
    "metrics",
    "api",
  ]);
});

Deno.test("pods on the node's address have their ports, the node the rest", () => {
  const onHost = (name: string, port: number) =>
    pod(name, "192.0.2.1", {
      spec: {
        nodeName: "node-0",
        hostNetwork: true,
        containers: [{ name: "main", ports: [{ containerPort: port }] }],
      },
    });
  const { history } = resolverOf({
    nodes: [node],
    pods: [onHost("proxy", 10256), onHost("dns", 53)],
    services: [service("web", "10.96.0.1", 30080)],
    slices: [slice("kubelet", [["192.0.2.1", "dns"]], [9153])],
  });
  const at = (port: number) => history.lookup("192.0.2.1", port, START);
  equal(at(10256)?.pod, "proxy");
  equal(at(53)?.pod, "dns");
  equal(at(9153)?.pod, "dns");
  equal(at(9153)?.service, "kubelet");
  deepEqual(at(22), { node: "node-0", zone: "z", name: "node-0" });
  equal(at(30080)?.service, "web");
  equal(history.lookup("10.96.0.1", 80, START)?.name, "web.shop");
  equal(history.lookup("203.0.113.9", 80, START), undefined);
});

Deno.test("an address that is used again has each holder's name in its time", () => {
  const resolver = resolverOf({ pods: [pod("first", "10.1.0.7")] });
  const later = START + 10 * SECOND;
  const done = pod("first", "10.1.0.7", {
    status: {
      phase: "Succeeded",
      podIP: "10.1.0.7",
      podIPs: [{ ip: "10.1.0.7" }],
    },
  });
  resolver.take("pods", { kind: "present", object: done }, later);
  const second = pod("second", "10.1.0.7", {
    metadata: {
      name: "second",
      namespace: "shop",
      creationTimestamp: "2027-01-15T08:00:12Z",
    },
  });
  const seen = START + 15 * SECOND;
  resolver.take("pods", { kind: "present", object: second }, seen);
  resolver.take("pods", { kind: "gone", object: done }, seen + SECOND);
  const who = (seconds: number) =>
    resolver.history.lookup("10.1.0.7", 1, START + seconds * SECOND)?.pod;
  deepEqual([0, 9.9, 10, 11.9, 12, 15, 99].map(who), [
    "first",
    "first",
    undefined,
    undefined,
    "second", // its own word, though we heard of it at 15 s
    "second",
    "second",
  ]);
});

Deno.test("what a new list no longer names is gone", () => {
  const resolver = resolverOf({ pods: [pod("a", "10.1.0.1")] });
  const later = START + SECOND;
  resolver.take("pods", { kind: "listing" }, later);
  const b = pod("b", "10.1.0.2");
  resolver.take("pods", { kind: "present", object: b }, later);
  resolver.take("pods", { kind: "listed" }, later);
  equal(resolver.history.lookup("10.1.0.1", 1, later), undefined);
  equal(resolver.history.lookup("10.1.0.1", 1, later - 1)?.pod, "a");
  equal(resolver.history.lookup("10.1.0.2", 1, later)?.pod, "b");
});

Deno.test("IPv6 addresses are found however they are written", () => {
  const { history } = resolverOf({ pods: [pod("six", "FD00:0:0::0a")] });
  equal(history.lookup("fd00::a", 1, START)?.pod, "six");
});

Deno.test("a saved history goes on where it was, and ends what is gone", () => {
  const early = resolverOf({
    nodes: [node],
    pods: [pod("stays", "10.1.0.1"), pod("goes", "10.1.0.2")],
    services: [service("web", "10.96.0.1", 30080)],
  });
  const lines = [...early.history.save()];
  const savedAt = START + 5 * SECOND;
  const history = NamesHistory.restore([...lines, '["10.1.0.9",0,17']);
  const resolver = resolverOf(
    { nodes: [node], pods: [pod("stays", "10.1.0.1")] },
    START + 60 * SECOND,
    { history, at: savedAt },
  );
  const who = (ip: string, at: number) =>
    resolver.history.lookup(ip, 1, at)?.pod;
  for (const at of [0, 5, 30, 61]) {
    equal(who("10.1.0.1", START + at * SECOND), "stays");
  }
  equal(who("10.1.0.2", savedAt - 1), "goes");
  equal(who("10.1.0.2", savedAt), undefined);
});

Deno.test("the history is bounded, and what is oldest goes first", () => {
  const history = new NamesHistory(100);
  for (let i = 0; i < 500; i++) {
    const names = { pod: `pod-${i}` };
    history.set("10.1.0.1", new Map([[0, names]]), i * 10);
  }
  equal(history.size, 100);
  equal(history.dropped, 400);
  equal(history.lookup("10.1.0.1", 1, 10 * 399), undefined);
  equal(history.lookup("10.1.0.1", 1, 10 * 400)?.pod, "pod-400");
  history.forget(10 * 450);
  equal(history.lookup("10.1.0.1", 1, 10 * 430), undefined);
  equal(history.lookup("10.1.0.1", 1, 10 * 460)?.pod, "pod-460");
});

Deno.test("nodes that only say that they are alive change nothing", () => {
  const told: unknown[] = [];
  const resolver = new Resolver(undefined, (claims) => told.push(...claims));
  for (const kind of KINDS) {
    resolver.take(kind, { kind: "listing" }, START);
    if (kind === "nodes") {
      resolver.take(kind, { kind: "present", object: node }, START);
    }
    resolver.take(kind, { kind: "listed" }, START);
  }
  const before = told.length;
  resolver.take("nodes", { kind: "present", object: node }, START + 1);
  equal(before, 1);
  equal(told.length, 1);
});

/** Everything that happened, with its time. */
interface Record {
  readonly at: number;
  readonly step: Step;
}

/**
 * What an oracle says of a moment: the objects as they were, looked through
 * from end to end. It shares no code with the resolver.
 */
function claimsAt(
  objects: ReadonlyMap<string, { kind: keyof Named; object: KubeObject }>,
  address: string,
): Map<number, Names> {
  const of = <T>(kind: keyof Named) =>
    [...objects.values()].filter((one) => one.kind === kind)
      .map((one) => one.object as T);
  const claims = new Map<number, Names>();
  const nodes = of<Node>("nodes");
  const leading = of<EndpointSlice>("slices").flatMap((slice) => {
    const end = slice.endpoints?.find((end) =>
      end.addresses?.includes(address)
    );
    if (!end) return [];
    const ports = slice.ports?.length ? slice.ports : [{ port: 0 }];
    return ports.map(({ port = 0 }) => ({
      service: slice.metadata!.name!,
      port,
      pod: end.targetRef?.name,
    }));
  }).sort((a, b) => a.service < b.service ? -1 : a.service > b.service ? 1 : 0);
  const namesOf = (pod: Pod, service: string | undefined): Names => {
    const { name, labels, ownerReferences } = pod.metadata!;
    const workload = ownerReferences![0]!.name.replace(/-[^-]+$/, "");
    const home = nodes.find((one) => one.metadata!.name === pod.spec!.nodeName);
    return {
      pod: name,
      namespace: "shop",
      service,
      workload,
      node: pod.spec!.nodeName,
      zone: home?.metadata?.labels?.["topology.kubernetes.io/zone"],
      labels,
      name: `${service ?? workload}.shop`,
    };
  };
  const pods = of<Pod>("pods").filter((pod) =>
    pod.status!.phase === "Running" &&
    pod.status!.podIPs!.some(({ ip }) => ip === address)
  ).sort((a, b) => {
    const [x, y] = [a, b].map((pod) =>
      `${pod.status!.startTime} ${pod.metadata!.uid}`
    );
    return x! < y! ? -1 : 1;
  });
  const own = pods.filter((pod) => !pod.spec!.hostNetwork).at(-1);
  if (own) {
    const usual = leading[0]?.service;
    claims.set(0, namesOf(own, usual));
    for (const port of new Set(leading.map(({ port }) => port))) {
      const first = leading.find((one) => one.port === port)!.service;
      if (port !== 0 && first !== usual) claims.set(port, namesOf(own, first));
    }
    return claims;
  }
  const ports = new Map<number, Pod>();
  for (const pod of pods) {
    ports.set(pod.spec!.containers![0]!.ports![0]!.containerPort, pod);
  }
  for (const { port, pod } of leading) {
    const found = pods.find((one) => one.metadata!.name === pod);
    if (port !== 0 && found && !ports.has(port)) ports.set(port, found);
  }
  for (const [port, pod] of ports) {
    const to = leading.find((one) => one.port === port || one.port === 0);
    claims.set(port, namesOf(pod, to?.service));
  }
  const host = nodes.find(({ status }) =>
    status!.addresses![0]!.address === address
  );
  const virtual = of<Service>("services").find(({ spec }) =>
    spec!.clusterIPs![0] === address
  );
  if (host) {
    const { name, labels } = host.metadata!;
    const zone = labels!["topology.kubernetes.io/zone"];
    claims.set(0, { node: name, zone, name });
    for (const { metadata, spec } of of<Service>("services")) {
      const nodePort = spec!.ports![0]!.nodePort;
      if (nodePort === undefined || claims.has(nodePort)) continue;
      const service = metadata!.name!;
      const name = `${service}.shop`;
      claims.set(nodePort, { namespace: "shop", service, name });
    }
  } else if (virtual) {
    const service = virtual.metadata!.name!;
    claims.set(0, { namespace: "shop", service, name: `${service}.shop` });
  } else {
    for (const { port, service } of leading) {
      if (claims.has(port)) continue;
      const name = `${service}.shop`;
      claims.set(port, { namespace: "shop", service, name });
    }
  }
  return claims;
}

/** When whoever has an address now says that it began to. */
function sinceOf(
  objects: ReadonlyMap<string, { kind: keyof Named; object: KubeObject }>,
  names: Names,
): number {
  const { pod, service, node } = names;
  for (const { kind, object } of objects.values()) {
    const isIt = pod !== undefined
      ? kind === "pods" && object.metadata!.name === pod
      : service !== undefined
      ? kind === "services" && object.metadata!.name === service
      : kind === "nodes" && object.metadata!.name === node;
    if (isIt) return Date.parse(object.metadata!.creationTimestamp!) * 1000;
  }
  return Infinity;
}

/** Pairs to look up: few where everything is tested, many where only this is. */
const PAIRS = Number(Deno.env.get("NAMES_PAIRS") ?? 50_000);

Deno.test("law: every look-up equals a replay of the history", () => {
  const random = new Random(20261123);
  const churn = new Churn(random, {
    nodes: 4,
    pods: 40,
    services: 8,
    addresses: 30,
  });
  const records: Record[] = [];
  for (const step of churn.begin()) records.push({ at: START, step });
  let at = START;
  while (records.length < 1200) {
    at += random.int(1, 3 * SECOND);
    for (const step of churn.step(at)) records.push({ at, step });
  }
  const resolver = new Resolver();
  for (const kind of KINDS) resolver.take(kind, { kind: "listing" }, START);
  const objects = new Map<
    string,
    { kind: keyof Named; object: KubeObject }
  >();
  const addresses = churn.addresses();
  /** Of each address: what it was called from when on. */
  const replay = new Map(addresses.map((address) => [address, [] as {
    at: number;
    claims: Map<number, Names>;
    since: number;
  }[]]));
  let isListed = false;
  for (const [i, { at, step }] of records.entries()) {
    if (!isListed && at > START) {
      for (const kind of KINDS) resolver.take(kind, { kind: "listed" }, START);
      isListed = true;
    }
    const { kind, change, object } = step;
    resolver.take(kind, { kind: change, object } as never, at);
    const key = `${kind} ${object.metadata!.name}`;
    if (change === "gone") objects.delete(key);
    else objects.set(key, { kind, object });
    if (at === START && records[i + 1]?.at === START) continue;
    for (const address of addresses) {
      const claims = claimsAt(objects, address);
      const any = claims.get(0);
      // An address that only a slice knows has nothing that tells its age.
      const isKnown = any && !address.startsWith("198.51.100.");
      const since = isKnown ? sinceOf(objects, any) : Infinity;
      replay.get(address)!.push({ at, claims, since });
    }
  }
  let named = 0;
  for (let n = 0; n < PAIRS; n++) {
    const address = random.pick(addresses);
    const port = random.chance(0.6) ? random.pick(PORTS) : random.int(1, 65535);
    const time = START - 30 * SECOND +
      random.int(0, at - START + 40 * SECOND);
    const moments = replay.get(address)!;
    const next = moments.findIndex((one) => one.at > time);
    const i = (next < 0 ? moments.length : next) - 1;
    const said = (claims: Map<number, Names> | undefined) =>
      claims?.get(port) ?? claims?.get(0);
    let expected = said(moments[i]?.claims);
    if (!expected && !moments[i]?.claims.has(0)) {
      // Nobody had it, unless the next holder says that it did already.
      const after = moments.slice(i + 1).find(({ claims }) => claims.has(0));
      if (after && after.since <= time) expected = said(after.claims);
    }
    const found = resolver.history.lookup(address, port, time);
    deepEqual({ address, port, time, found }, {
      address,
      port,
      time,
      found: expected,
    });
    if (found) named++;
  }
  ok(named > PAIRS / 4, `${named} of ${PAIRS} have a name`);
  ok(named < PAIRS * 0.95, `${named} of ${PAIRS} have a name`);
});
