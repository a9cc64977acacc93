/** The pods of a made-up shop, and which of them a hub captures. */
import type {
  MeshStatus,
  TargetNode,
  TargetSelection,
  TargetsStatus,
} from "../../api/hub.ts";
import { BadSelection, readSelection } from "../../api/selection.ts";
import type { Pod } from "../../k8s/objects.ts";
import { Targets } from "../../k8s/targets.ts";

/** How many pods a workload has, and in which namespace. */
const WORKLOADS = [
  ["shop", "web", 4],
  ["shop", "carts", 3],
  ["shop", "orders", 2],
  ["payments", "ledger", 2],
  ["kube-system", "kube-dns", 2],
] as const;

export const NODES = ["node-a", "node-b", "node-c"];

/** What a hub knows of it. */
export class ShopCluster {
  readonly #targets = new Targets();
  /** Nodes that were not told yet, and those that could not be. */
  readonly lacking = new Map<string, Pick<TargetNode, "state" | "reason">>();
  /** What is heard of pods in a service mesh. */
  mesh: MeshStatus = { isEntered: false, pods: 0, unheard: 0, first: [] };
  /** Selections that were set. */
  readonly selections: TargetSelection[] = [];

  constructor() {
    this.#targets.take({ kind: "listing" });
    for (const [namespace, workload, count] of WORKLOADS) {
      for (let i = 0; i < count; i++) this.begin(namespace, workload, i);
    }
    this.#targets.take({
      kind: "present",
      object: podOf("kube-system", "kube-proxy-x7k2p", 0, "10.0.0.5", {
        hostNetwork: true,
        containers: [{ name: "proxy", ports: [{ containerPort: 10256 }] }],
      }),
    });
    this.#targets.take({ kind: "listed" });
  }

  /** A pod begins; with more containers than its own. */
  begin(
    namespace: string,
    workload: string,
    i: number,
    ...sidecars: readonly string[]
  ): void {
    const at = WORKLOADS.findIndex(([, each]) => each === workload);
    const ip = `10.1.${Math.max(at, 0)}.${i + 10}`;
    const containers = ["main", ...sidecars].map((name) => ({ name }));
    const object = podOf(namespace, `${workload}-${i}`, i, ip, { containers });
    this.#targets.take({ kind: "present", object });
  }

  /** Answers as the hub's routes do. */
  async answer(request: Request, isPreview: boolean): Promise<Response> {
    try {
      if (request.method === "GET") return Response.json(this.#status());
      const selection = readSelection(await request.json());
      if (isPreview) return Response.json(this.#targets.preview(selection));
      this.#targets.select(selection);
      this.selections.push(selection);
      return Response.json(this.#status());
    } catch (error) {
      if (!(error instanceof BadSelection)) throw error;
      const failure = { code: "message", message: error.message };
      return Response.json({ error: failure }, { status: 400 });
    }
  }

  #status(): TargetsStatus {
    return {
      ...this.#targets.toPreview(),
      nodes: NODES.map((node) => ({
        node,
        picked: this.#targets.countOn(node),
        state: "set",
        ...this.lacking.get(node),
      })),
      mesh: this.mesh,
    };
  }
}

function podOf(
  namespace: string,
  name: string,
  i: number,
  podIP: string,
  spec: NonNullable<Pod["spec"]> = {},
): Pod {
  const app = name.replace(/-\w+$/, "");
  return {
    metadata: { namespace, name, labels: { app } },
    spec: { nodeName: NODES[i % NODES.length]!, ...spec },
    status: { phase: "Running", podIP, podIPs: [{ ip: podIP }] },
  };
}
