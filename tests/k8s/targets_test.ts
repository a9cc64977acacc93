/** Which pods a selection picks, and how that is followed. */
import { deepEqual, equal, throws } from "node:assert/strict";
import type { TargetSelection } from "../../api/hub.ts";
import { BadSelection } from "../../api/selection.ts";
import type { Pod } from "../../k8s/objects.ts";
import { compileSelection, Targets } from "../../k8s/targets.ts";

const pod = (
  path: string,
  ip?: string,
  labels: Record<string, string> = {},
  phase = "Running",
  nodeName = "node-a",
): Pod => {
  const [namespace, name] = path.split("/") as [string, string];
  return {
    metadata: { name, namespace, labels },
    spec: { nodeName },
    status: { phase, ...(ip && { podIP: ip, podIPs: [{ ip }] }) },
  };
};

/** One on its node's own address. */
const hostPod = (path: string, ports: readonly number[]): Pod => {
  const usual = pod(path, "192.0.2.1");
  return {
    ...usual,
    spec: {
      ...usual.spec,
      hostNetwork: true,
      containers: ports.map((containerPort) => ({
        name: `c${containerPort}`,
        ports: [{ containerPort }],
      })),
    },
  };
};

const PODS = [
  pod("shop/web-1", "10.1.0.1", { app: "web", tier: "front" }),
  pod("shop/carts-0", "10.1.0.2", { app: "carts" }),
  pod("kube-system/dns-1", "10.1.0.3", { app: "dns" }, "Running", "node-b"),
];

const SELECTIONS: [TargetSelection, string][] = [
  [{}, "web-1 carts-0 dns-1"],
  [{ pod: "web" }, "web-1"],
  [{ pod: "^(web|dns)-\\d$" }, "web-1 dns-1"],
  [{ namespaces: ["shop"] }, "web-1 carts-0"],
  [{ excludeNamespaces: ["shop"] }, "dns-1"],
  [{ labels: "app=web" }, "web-1"],
  [{ labels: "app != web" }, "carts-0 dns-1"],
  [{ labels: "app in (web, carts), !tier" }, "carts-0"],
  [{ labels: "app notin (web)" }, "carts-0 dns-1"],
  [{ labels: "tier" }, "web-1"],
  [{ pod: "s", namespaces: ["shop"], labels: "app" }, "carts-0"],
];

for (const [selection, expected] of SELECTIONS) {
  Deno.test(`${JSON.stringify(selection)} picks ${expected}`, () => {
    const names = PODS.filter(compileSelection(selection))
      .map((pod) => pod.metadata!.name);
    equal(names.join(" "), expected);
  });
}

Deno.test("a selection that cannot be read says how to write it", () => {
  throws(() => compileSelection({ pod: "web(" }), BadSelection);
  throws(() => compileSelection({ pod: "a".repeat(2000) }), /1000 characters/);
  throws(
    () => compileSelection({ labels: "app in web" }),
    /write them as app=web/,
  );
});

Deno.test("no expression takes longer than its text is long", () => {
  const picks = compileSelection({ pod: "(a+)+$" });
  equal(picks(pod(`shop/${"a".repeat(50_000)}b`)), false);
});

/** Takes a whole list. */
function list(targets: Targets, pods: readonly Pod[]): void {
  targets.take({ kind: "listing" });
  for (const object of pods) targets.take({ kind: "present", object });
  targets.take({ kind: "listed" });
}

const ipsOn = (targets: Targets, node: string) =>
  targets.endsOn(node)?.map(({ ip }) => ip);

Deno.test("targets are followed as pods come, complete and go", () => {
  let told = 0;
  const targets = new Targets({ pod: "web" });
  targets.listen(() => told++);
  equal(targets.isKnown, false);
  list(targets, PODS);
  equal(targets.isKnown, true);
  equal(told, 1);
  deepEqual(ipsOn(targets, "node-a"), ["10.1.0.1"]);
  const late = (ip?: string, phase = "Running") =>
    pod("shop/web-2", ip, {}, phase);
  targets.take({ kind: "present", object: late() });
  equal(told, 1); // it has no address yet
  targets.take({ kind: "present", object: late("10.1.0.9") });
  targets.take({ kind: "present", object: late("10.1.0.9") });
  equal(told, 2);
  deepEqual(ipsOn(targets, "node-a"), ["10.1.0.1", "10.1.0.9"]);
  equal(targets.countOn("node-a"), 2);
  targets.take({ kind: "present", object: late("10.1.0.9", "Succeeded") });
  deepEqual(ipsOn(targets, "node-a"), ["10.1.0.1"]);
  targets.take({ kind: "gone", object: PODS[0]! });
  deepEqual(targets.list(), []);
  deepEqual(targets.endsOn("node-a"), []); // nothing, and not everything
  equal(told, 4);
});

Deno.test("a node's worker is given the ends of its own pods", () => {
  const targets = new Targets({ labels: "app" });
  list(targets, PODS);
  deepEqual(ipsOn(targets, "node-a"), ["10.1.0.1", "10.1.0.2"]);
  deepEqual(ipsOn(targets, "node-b"), ["10.1.0.3"]);
  targets.select({});
  equal(targets.endsOn("node-a"), undefined); // everything
  targets.select({ pod: "nobody" });
  deepEqual(targets.endsOn("node-a"), []);
});

Deno.test("pods on their node's address are told apart by their ports", () => {
  const targets = new Targets({ namespaces: ["kube-system"] });
  list(targets, [
    hostPod("kube-system/api", [6443]),
    hostPod("kube-system/etcd", [2380, 2379]),
    hostPod("kube-system/proxy", []),
    hostPod("other/exporter", [9100]),
  ]);
  deepEqual(targets.endsOn("node-a"), [
    { ip: "192.0.2.1", ports: [2379, 2380, 6443] },
  ]);
  const [api, , proxy] = targets.list();
  deepEqual([api!.ports, proxy!.ports], [[6443], []]);
  targets.select({ pod: "proxy" });
  deepEqual(targets.endsOn("node-a"), []); // it cannot be told from its node
  equal(targets.countOn("node-a"), 1);
});

Deno.test("another selection needs no new list, and a wrong one changes nothing", () => {
  let told = 0;
  const targets = new Targets({ pod: "web" });
  targets.listen(() => told++);
  list(targets, PODS);
  const names = () => targets.list().map(({ name }) => name);
  const preview = targets.preview({ pod: "s" });
  deepEqual(preview.pods.map(({ name }) => name), ["dns-1", "carts-0"]);
  deepEqual(preview.namespaces, [
    { namespace: "kube-system", picked: 1, pods: 1 },
    { namespace: "shop", picked: 1, pods: 2 },
  ]);
  deepEqual([preview.picked, preview.all], [2, false]);
  targets.select({ namespaces: ["shop"] });
  deepEqual(names(), ["carts-0", "web-1"]);
  throws(() => targets.select({ pod: "(" }), BadSelection);
  deepEqual(targets.selection, { namespaces: ["shop"] });
  deepEqual(names(), ["carts-0", "web-1"]);
  equal(told, 2);
});

Deno.test("pods that a new list does not name are no targets any more", () => {
  const targets = new Targets({ pod: "." });
  for (const pods of [PODS, PODS.slice(1)]) list(targets, pods);
  deepEqual(ipsOn(targets, "node-a"), ["10.1.0.2"]);
  deepEqual(ipsOn(targets, "node-b"), ["10.1.0.3"]);
});
