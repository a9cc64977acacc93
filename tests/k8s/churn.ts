/** A cluster that never rests: random changes, as watches tell of them. */
import type {
  EndpointSlice,
  KubeObject,
  Node,
  Pod,
  Service,
} from "../../k8s/objects.ts";
import type { Named } from "../../k8s/resolver.ts";
import type { Random } from "../fuzz/random.ts";

/** One change of one object. */
export interface Step {
  readonly kind: keyof Named;
  readonly change: "present" | "gone";
  readonly object: KubeObject;
}

/** How large the cluster is. */
export interface Size {
  readonly nodes: number;
  readonly pods: number;
  readonly services: number;
  /** From which pods take theirs: few mean that they are soon used again. */
  readonly addresses: number;
}

export const PORTS = [80, 443, 8080, 9090, 10250, 30080, 30081];

/** Seconds since 1970, as an object's own times are. */
const START_S = 1_800_000_000;

export class Churn {
  readonly #random: Random;
  readonly #size: Size;
  readonly #pods = new Map<string, Pod>();
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, EndpointSlice>();
  readonly #nodes = new Map<string, Node>();
  readonly #free: string[] = [];
  #count = 0;

  constructor(random: Random, size: Size) {
    this.#random = random;
    this.#size = size;
    for (let i = 0; i < size.addresses; i++) {
      this.#free.push(`10.1.${i >> 8}.${i & 255}`);
    }
  }

  /** Every address that anything may have. */
  addresses(): string[] {
    const of = (count: number, make: (i: number) => string) =>
      Array.from({ length: count }, (_, i) => make(i));
    return [
      ...of(this.#size.addresses, (i) => `10.1.${i >> 8}.${i & 255}`),
      ...of(this.#size.addresses, (i) => `fd00::${(i + 1).toString(16)}`),
      ...of(this.#size.nodes, nodeAddress),
      ...of(this.#size.services, serviceAddress),
      ...of(4, (i) => `198.51.100.${i}`),
    ];
  }

  /** The cluster as it begins: nodes, services, half of the pods. */
  *begin(): Iterable<Step> {
    for (let i = 0; i < this.#size.nodes; i++) yield this.#node(i);
    for (let i = 0; i < this.#size.services; i++) yield* this.#service(i, 0);
    for (let i = 0; i < this.#size.pods / 2; i++) yield* this.#newPod(0);
  }

  /**
   * One more change, or several that come together.
   *
   * @param at µs since 1970
   */
  *step(at: number): Iterable<Step> {
    const seconds = Math.floor(at / 1e6);
    const what = this.#random.int(0, 99);
    const isFull = this.#pods.size >= this.#size.pods;
    if (what < 40 && !isFull) yield* this.#newPod(seconds);
    else if (what < 65 || isFull && what < 80) yield* this.#endPod();
    else if (what < 75) yield* this.#completePod();
    else if (what < 80) yield* this.#relabel();
    else if (what < 94) yield* this.#changeSlice();
    else if (what < 98) {
      const i = this.#random.int(0, this.#size.services - 1);
      yield* this.#service(i, seconds);
    } else yield this.#node(this.#random.int(0, this.#size.nodes - 1));
  }

  #node(i: number): Step {
    const name = `node-${i}`;
    const object: Node = {
      metadata: {
        name,
        creationTimestamp: toTime(0),
        labels: {
          "topology.kubernetes.io/zone": this.#random.pick(["a", "b"]),
        },
      },
      status: { addresses: [{ type: "InternalIP", address: nodeAddress(i) }] },
    };
    this.#nodes.set(name, object);
    return { kind: "nodes", change: "present", object };
  }

  /** Makes a service with its slice, or takes one away. */
  *#service(i: number, seconds: number): Iterable<Step> {
    const name = `service-${i}`;
    const known = this.#services.get(name);
    if (known && this.#random.chance(0.5)) {
      this.#services.delete(name);
      yield { kind: "services", change: "gone", object: known };
      const slice = this.#slices.get(name);
      this.#slices.delete(name);
      if (slice) yield { kind: "slices", change: "gone", object: slice };
      return;
    }
    const nodePort = i < 2 ? 30080 + i : undefined;
    const object: Service = {
      metadata: {
        name,
        namespace: "shop",
        creationTimestamp: toTime(known ? 0 : seconds),
      },
      spec: {
        clusterIPs: [serviceAddress(i)],
        ports: [{ port: 80, ...(nodePort && { nodePort }) }],
      },
    };
    this.#services.set(name, object);
    yield { kind: "services", change: "present", object };
    yield* this.#slice(name);
  }

  *#slice(service: string): Iterable<Step> {
    const pods = [...this.#pods.values()].filter((pod) =>
      pod.status?.phase === "Running"
    );
    const chosen = pods.length === 0
      ? []
      : [1, 2, 3].map(() => this.#random.pick(pods));
    const outside = this.#random.chance(0.2)
      ? [{ addresses: [`198.51.100.${this.#random.int(0, 3)}`] }]
      : [];
    const object: EndpointSlice = {
      metadata: {
        name: service,
        namespace: "shop",
        labels: { "kubernetes.io/service-name": service },
      },
      addressType: "IPv4",
      endpoints: [
        ...new Set(chosen),
      ].map((pod) => ({
        addresses: [pod.status!.podIP!],
        targetRef: {
          kind: "Pod",
          name: pod.metadata!.name!,
          namespace: "shop",
        },
      })).concat(outside as never),
      ports: this.#random.chance(0.1)
        ? []
        : [...new Set([this.#random.pick(PORTS), this.#random.pick(PORTS)])]
          .map((port) => ({ port })),
    };
    this.#slices.set(service, object);
    yield { kind: "slices", change: "present", object };
  }

  *#changeSlice(): Iterable<Step> {
    const names = [...this.#services.keys()];
    if (names.length > 0) yield* this.#slice(this.#random.pick(names));
  }

  *#newPod(seconds: number): Iterable<Step> {
    const n = this.#count++;
    const isOnHost = this.#random.chance(0.1);
    const at = this.#random.int(0, Math.max(0, this.#free.length - 1));
    const own = isOnHost ? undefined : this.#free.splice(at, 1)[0];
    if (!isOnHost && own === undefined) return;
    const host = this.#random.int(0, this.#size.nodes - 1);
    const ip = own ?? nodeAddress(host);
    const hash = this.#random.pick(["5d8f", "9c7b"]);
    const workload = `app-${this.#random.int(0, 9)}`;
    const startTime = toTime(
      seconds === 0 ? 0 : seconds - START_S - this.#random.int(0, 20),
    );
    const object: Pod = {
      metadata: {
        name: `${workload}-${hash}-${n}`,
        namespace: "shop",
        uid: `uid-${String(n).padStart(8, "0")}`,
        creationTimestamp: startTime,
        labels: { app: workload, "pod-template-hash": hash },
        ownerReferences: [{
          kind: "ReplicaSet",
          name: `${workload}-${hash}`,
          uid: "",
          controller: true,
        }],
      },
      spec: {
        nodeName: `node-${host}`,
        hostNetwork: isOnHost,
        containers: [{
          name: "main",
          ports: [{ containerPort: this.#random.pick(PORTS) }],
        }],
      },
      status: {
        phase: "Running",
        startTime,
        podIP: ip,
        podIPs: [ip, ...(own ? [sixOf(own)] : [])].map((ip) => ({ ip })),
      },
    };
    this.#pods.set(object.metadata!.name!, object);
    yield { kind: "pods", change: "present", object };
  }

  #anyPod(): Pod | undefined {
    const names = [...this.#pods.keys()];
    return names.length === 0
      ? undefined
      : this.#pods.get(this.#random.pick(names));
  }

  *#endPod(): Iterable<Step> {
    const pod = this.#anyPod();
    if (!pod) return;
    this.#pods.delete(pod.metadata!.name!);
    this.#give(pod);
    yield { kind: "pods", change: "gone", object: pod };
  }

  *#completePod(): Iterable<Step> {
    const pod = this.#anyPod();
    if (!pod || pod.status?.phase !== "Running") return;
    this.#give(pod);
    const object: Pod = {
      ...pod,
      status: { ...pod.status, phase: "Succeeded" },
    };
    this.#pods.set(pod.metadata!.name!, object);
    yield { kind: "pods", change: "present", object };
  }

  *#relabel(): Iterable<Step> {
    const pod = this.#anyPod();
    if (!pod) return;
    const tier = this.#random.pick(["front", "back"]);
    const object: Pod = {
      ...pod,
      metadata: {
        ...pod.metadata,
        labels: { ...pod.metadata?.labels, tier },
      },
    };
    this.#pods.set(pod.metadata!.name!, object);
    yield { kind: "pods", change: "present", object };
  }

  /** Its address is free again, unless it was its node's or is already. */
  #give({ spec, status }: Pod): void {
    if (spec?.hostNetwork || status?.phase !== "Running") return;
    this.#free.push(status.podIP!);
  }
}

const nodeAddress = (i: number): string => `192.0.2.${i + 1}`;

const serviceAddress = (i: number): string => `10.96.${i >> 8}.${i & 255}`;

function sixOf(four: string): string {
  const [, , high, low] = four.split(".").map(Number);
  return `fd00::${(high! * 256 + low! + 1).toString(16)}`;
}

const toTime = (seconds: number): string =>
  new Date((START_S + seconds) * 1000).toISOString().replace(".000", "");

/** When a churn begins, µs. */
export const START = START_S * 1e6;
