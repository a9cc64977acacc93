/** Which pods have a service mesh's proxy, and how they are followed. */
import { deepEqual, equal } from "node:assert/strict";
import { meshOf } from "../../k8s/mesh.ts";
import type { Container, Pod } from "../../k8s/objects.ts";
import { Targets } from "../../k8s/targets.ts";

const named = (...names: readonly string[]): Container[] =>
  names.map((name) => ({ name }));

const native = (name: string): Container => ({ name, restartPolicy: "Always" });

Deno.test("a proxy beside an application makes a pod one of a mesh", () => {
  const cases: [spec: NonNullable<Pod["spec"]>, mesh: string | undefined][] = [
    [{ containers: named("app", "istio-proxy") }, "istio"],
    [{ containers: named("linkerd-proxy", "app") }, "linkerd"],
    // Native sidecars, as both meshes inject them by now.
    [{
      containers: named("app"),
      initContainers: [...named("istio-init"), native("istio-proxy")],
    }, "istio"],
    [{
      containers: named("app"),
      initContainers: [native("linkerd-proxy")],
    }, "linkerd"],
    [{ containers: named("app") }, undefined],
    // One that ends before the application begins passes nothing on.
    [{
      containers: named("app"),
      initContainers: named("istio-proxy"),
    }, undefined],
    [{
      containers: named("app"),
      initContainers: [native("fluent-bit")],
    }, undefined],
    // A gateway has no application.
    [{ containers: named("istio-proxy") }, undefined],
    [{
      containers: named("app", "istio-proxy"),
      hostNetwork: true,
    }, undefined],
    [{}, undefined],
  ];
  for (const [spec, mesh] of cases) {
    equal(meshOf({ spec }), mesh, JSON.stringify(spec));
  }
});

const pod = (
  name: string,
  uid: string,
  { nodeName = "node-a", proxy = "istio-proxy", ip = "10.1.0.7" } = {},
): Pod => ({
  metadata: { name, namespace: "shop", uid },
  spec: { nodeName, containers: named("app", proxy) },
  status: { phase: "Running", podIPs: [{ ip }, { ip: "fd00::7" }] },
});

/** Targets of some pods, which count how often they tell of a change. */
class Lab {
  readonly targets: Targets;
  told = 0;

  constructor(regex: string, ...pods: readonly Pod[]) {
    this.targets = new Targets({ pod: regex });
    this.targets.take({ kind: "listing" });
    for (const object of pods) this.set(object);
    this.targets.take({ kind: "listed" });
    this.targets.listen(() => this.told++);
  }

  set(object: Pod): void {
    this.targets.take({ kind: "present", object });
  }

  remove(object: Pod): void {
    this.targets.take({ kind: "gone", object });
  }

  get uids(): string[] {
    return this.targets.networksOn("node-a").map(({ uid }) => uid);
  }
}

Deno.test("networks are those of a node's picked pods that have a proxy", () => {
  const { targets } = new Lab(
    "web|api",
    pod("web-2", "u2"),
    pod("api-1", "u1", { proxy: "linkerd-proxy", ip: "10.1.0.8" }),
    pod("web-3", "u3", { nodeName: "node-b" }),
    pod("web-4", "u4", { proxy: "fluent-bit" }),
    pod("carts-1", "u5"),
  );
  deepEqual(targets.networksOn("node-a"), [
    {
      uid: "u1",
      namespace: "shop",
      pod: "api-1",
      ips: ["10.1.0.8", "fd00::7"],
    },
    {
      uid: "u2",
      namespace: "shop",
      pod: "web-2",
      ips: ["10.1.0.7", "fd00::7"],
    },
  ]);
  deepEqual([...targets.nodes()], ["node-a", "node-b"]);
  const { meshed, pods } = targets.toPreview();
  equal(meshed, 3);
  deepEqual(pods.map(({ name, mesh }) => [name, mesh]), [
    ["api-1", "linkerd"],
    ["web-2", "istio"],
    ["web-3", "istio"],
    ["web-4", undefined],
  ]);
  equal(targets.preview({}).meshed, 4);
});

Deno.test("pods come and go, and one by the same name and address is another", () => {
  const lab = new Lab("web", pod("web-1", "u1"));
  deepEqual(lab.uids, ["u1"]);
  lab.set(pod("web-1", "u2"));
  deepEqual([lab.uids, lab.told], [["u2"], 1]);
  lab.set(pod("web-1", "u2"));
  equal(lab.told, 1, "nothing is new");
  lab.set(pod("web-0", "u3", { ip: "10.1.0.9" }));
  deepEqual([lab.uids, lab.told], [["u3", "u2"], 2]);
  lab.remove(pod("web-1", "u2"));
  deepEqual([lab.uids, lab.told], [["u3"], 3]);
  lab.remove(pod("carts-1", "u9"));
  equal(lab.told, 3, "it was never picked");
});
