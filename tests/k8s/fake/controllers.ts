/**
 * What makes a cluster of stored objects: controllers that make pods, a
 * scheduler, a kubelet for every node, and the removal of what is no longer
 * wanted. Each acts some milliseconds after what it saw, as in a real one.
 */
import { type Kind, KINDS } from "./kinds.ts";
import { selector } from "./selector.ts";
import type { Store, Stored } from "./store.ts";
import { now, type Writer } from "./writes.ts";

/** A pod that runs, or cannot. */
export interface Running {
  /** Its own address, or that of its node. */
  readonly ip: string;
  /** Why it does not come up; the pod then waits with this reason. */
  readonly waiting?: { readonly reason: string; readonly message: string };
  /** A connection to one of its ports; rejects where nobody listens. */
  readonly dial?: (port: number) => Promise<Deno.Conn>;
  /** What its containers wrote so far. */
  readonly log?: () => string;
  readonly stop?: () => Promise<void>;
}

/** Starts pods. */
export type Kubelet = (pod: Stored) => Promise<Running>;

/** How long controllers take to notice, in ms. */
const REACTION_MS = 5;

const kindOf = (name: string): Kind => KINDS.find(({ kind }) => kind === name)!;

const PODS = kindOf("Pod");
const NODES = kindOf("Node");
const NAMESPACES = kindOf("Namespace");
const SERVICES = kindOf("Service");
const SLICES = kindOf("EndpointSlice");
const EVENTS = kindOf("Event");
const REPLICA_SETS = kindOf("ReplicaSet");

/** The moving parts of a cluster. */
export class Controllers {
  readonly #store: Store;
  readonly #writer: Writer;
  readonly #kubelet: Kubelet;
  /** By the pod's uid. */
  readonly #running = new Map<string, Running>();
  readonly #starting = new Set<string>();
  readonly #pending = new Set<string>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #stop: () => void;
  #events = 0;

  constructor(store: Store, writer: Writer, kubelet: Kubelet) {
    this.#store = store;
    this.#writer = writer;
    this.#kubelet = kubelet;
    this.#stop = store.listen(({ kind, object, type }) => {
      this.#soon(`${kind.kind} ${object.metadata.uid} ${type}`, () => {
        if (type === "DELETED") return this.#collect(kind, object);
        const { namespace = "", name, uid } = object.metadata;
        const live = store.get(kind, namespace, name);
        if (live?.metadata.uid === uid) return this.#react(kind, live);
      });
    });
  }

  /** From now on, objects stay as they are put. */
  pause(): void {
    this.#stop();
  }

  async close(): Promise<void> {
    this.#stop();
    for (const timer of this.#timers) clearTimeout(timer);
    for (const running of this.#running.values()) await running.stop?.();
  }

  /** The pod of that name, if it runs. */
  runningOf(pod: Stored): Running | undefined {
    return this.#running.get(pod.metadata.uid);
  }

  /** Once for many reasons at the same time. */
  #soon(key: string, action: () => void | Promise<void>): void {
    if (this.#pending.has(key)) return;
    this.#pending.add(key);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#pending.delete(key);
      action();
    }, REACTION_MS);
    this.#timers.add(timer);
  }

  #react(kind: Kind, object: Stored): void | Promise<void> {
    switch (kind) {
      case PODS:
        return this.#tendPod(object);
      case NODES:
        return this.#eachOf("DaemonSet", (one) => this.#tendDaemonSet(one));
      case NAMESPACES:
        return this.#emptyNamespace(object);
      case SERVICES:
        return this.#tendService(object);
    }
    switch (kind.kind) {
      case "Deployment":
        return this.#tendDeployment(object);
      case "DaemonSet":
        return this.#tendDaemonSet(object);
    }
  }

  /** What belonged to something goes with it. */
  #collect(kind: Kind, gone: Stored): void {
    const { uid, namespace } = gone.metadata;
    for (const one of KINDS) {
      for (const object of this.#store.all(one)) {
        const owners = object.metadata.ownerReferences ?? [];
        if (owners.some((owner) => owner.uid === uid)) {
          this.#writer.remove(one, object);
        }
      }
    }
    const home = namespace && this.#store.get(NAMESPACES, "", namespace);
    if (home) this.#emptyNamespace(home);
    if (kind !== PODS) return;
    this.#running.delete(uid);
    this.#eachOf("DaemonSet", (one) => this.#tendDaemonSet(one));
    this.#eachOf("Deployment", (one) => this.#tendDeployment(one));
    this.#eachOf("Service", (one) => this.#tendService(one));
  }

  /** Pods first, then everything else, then the namespace itself. */
  #emptyNamespace(home: Stored): void {
    if (!home.metadata.deletionTimestamp) return;
    const inside = (kind: Kind) =>
      this.#store.all(kind).filter((object) =>
        object.metadata.namespace === home.metadata.name
      );
    for (const pod of inside(PODS)) this.#writer.remove(PODS, pod);
    if (inside(PODS).length > 0) return;
    let left = 0;
    for (const kind of KINDS.filter(({ namespaced }) => namespaced)) {
      for (const object of inside(kind)) this.#writer.remove(kind, object);
      left += inside(kind).length;
    }
    if (left === 0) this.#store.remove(NAMESPACES, home);
  }

  #tendDeployment(deployment: Stored): void {
    if (deployment.metadata.deletionTimestamp) return;
    const { name, namespace, uid } = deployment.metadata;
    const spec = deployment.spec as unknown as {
      replicas?: number;
      template: PodTemplate;
    };
    const hash = hashOf(JSON.stringify(spec.template));
    const setName = `${name}-${hash}`;
    const set = this.#store.get(REPLICA_SETS, namespace!, setName) ??
      this.#store.put(REPLICA_SETS, {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: {
          ...identity(setName, namespace),
          ownerReferences: [{ kind: "Deployment", name, uid, ...OWNER }],
        },
        spec: {},
      });
    for (const old of this.#ownedBy(REPLICA_SETS, uid)) {
      if (old !== set) this.#writer.remove(REPLICA_SETS, old);
    }
    const pods = this.#ownedBy(PODS, set.metadata.uid);
    const live = pods.filter((pod) => !pod.metadata.deletionTimestamp);
    for (let n = live.length; n < (spec.replicas ?? 1); n++) {
      const random = crypto.randomUUID().slice(0, 5);
      this.#makePod(`${setName}-${random}`, set, spec.template, {
        "pod-template-hash": hash,
      });
    }
    const ready = live.filter(isReady).length;
    this.#writer.setStatus(kindOf("Deployment"), deployment, {
      observedGeneration: deployment.metadata.generation,
      replicas: live.length,
      ...(ready && { readyReplicas: ready }),
    });
  }

  #tendDaemonSet(set: Stored): void {
    if (set.metadata.deletionTimestamp) return;
    const template = set.spec!.template as PodTemplate;
    const hash = hashOf(JSON.stringify(template));
    const pods = this.#ownedBy(PODS, set.metadata.uid);
    const nodes = this.#store.all(NODES);
    const generation = set.metadata.generation;
    const live = pods.filter((pod) => !pod.metadata.deletionTimestamp);
    for (const pod of live) {
      const isHome = nodes.some((node) =>
        node.metadata.name === pod.spec?.nodeName
      );
      const isOld = pod.metadata.labels?.["controller-revision-hash"] !== hash;
      if (!isHome || isOld) this.#writer.remove(PODS, pod);
    }
    for (const node of nodes) {
      const nodeName = node.metadata.name;
      if (pods.some((pod) => pod.spec?.nodeName === nodeName)) continue;
      const random = crypto.randomUUID().slice(0, 5);
      this.#makePod(
        `${set.metadata.name}-${random}`,
        set,
        { ...template, spec: { ...template.spec, nodeName } },
        { "controller-revision-hash": hash },
      );
    }
    const ready = live.filter(isReady).length;
    this.#writer.setStatus(kindOf("DaemonSet"), set, {
      observedGeneration: generation,
      currentNumberScheduled: pods.length,
      desiredNumberScheduled: nodes.length,
      numberReady: ready,
      numberMisscheduled: 0,
    });
  }

  #makePod(
    name: string,
    owner: Stored,
    template: PodTemplate,
    labels: Record<string, string>,
  ): void {
    const { namespace, uid } = owner.metadata;
    if (!this.#store.get(NAMESPACES, "", namespace!)) return;
    this.#store.put(PODS, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...identity(name, namespace),
        labels: { ...template.metadata?.labels, ...labels },
        ...(template.metadata?.annotations && {
          annotations: template.metadata.annotations,
        }),
        ownerReferences: [{
          kind: owner.kind,
          name: owner.metadata.name,
          uid,
          ...OWNER,
        }],
      },
      spec: template.spec,
      status: { phase: "Pending" },
    });
  }

  async #tendPod(pod: Stored): Promise<void> {
    const { uid, deletionTimestamp, namespace, name } = pod.metadata;
    const running = this.#running.get(uid);
    if (deletionTimestamp) {
      if (this.#starting.has(uid)) return; // tended again when it has started
      await running?.stop?.();
      this.#running.delete(uid);
      const last = this.#store.get(PODS, namespace!, name);
      if (last?.metadata.uid === uid && !last.metadata.finalizers?.length) {
        this.#store.remove(PODS, last);
      }
      return;
    }
    if (pod.spec?.nodeName === undefined) {
      const nodes = this.#store.all(NODES);
      if (nodes.length === 0) return;
      const nodeName = nodes[hash32(name) % nodes.length]!.metadata.name;
      this.#store.put(PODS, { ...pod, spec: { ...pod.spec, nodeName } });
      return;
    }
    if (!running && !this.#starting.has(uid)) await this.#start(pod);
    for (const owner of pod.metadata.ownerReferences ?? []) {
      if (owner.kind === "DaemonSet") {
        this.#eachOf("DaemonSet", (one) => this.#tendDaemonSet(one));
      } else this.#eachOf("Deployment", (one) => this.#tendDeployment(one));
    }
    this.#eachOf("Service", (one) => this.#tendService(one));
  }

  async #start(pod: Stored): Promise<void> {
    const { uid, namespace, name } = pod.metadata;
    this.#starting.add(uid);
    const running = await this.#kubelet(pod);
    this.#starting.delete(uid);
    this.#running.set(uid, running);
    const { waiting, ip } = running;
    const containers = (pod.spec?.containers ?? []) as { name: string }[];
    const hostIP = this.#addressOf(String(pod.spec?.nodeName)) ?? ip;
    const live = this.#store.get(PODS, namespace!, name);
    if (live?.metadata.uid !== uid) return;
    this.#writer.setStatus(PODS, live, {
      phase: waiting ? "Pending" : "Running",
      startTime: now(),
      hostIP,
      ...(!waiting && { podIP: ip, podIPs: [{ ip }] }),
      conditions: [{ type: "Ready", status: waiting ? "False" : "True" }],
      containerStatuses: containers.map((container) => ({
        name: container.name,
        ready: !waiting,
        restartCount: 0,
        containerID: waiting ? "" : `containerd://${uid}-${container.name}`,
        state: waiting ? { waiting } : { running: { startedAt: now() } },
      })),
    });
    if (waiting) this.warn(pod, "Failed", waiting.message);
    if (live.metadata.deletionTimestamp) await this.#tendPod(live);
  }

  /** Records an event of type Warning. */
  warn(object: Stored, reason: string, message: string): void {
    const { name, namespace, uid } = object.metadata;
    this.#store.put(EVENTS, {
      apiVersion: "v1",
      kind: "Event",
      metadata: identity(`${name}.${(++this.#events).toString(16)}`, namespace),
      involvedObject: { kind: object.kind, name, namespace, uid },
      type: "Warning",
      reason,
      message,
      count: 1,
      lastTimestamp: now(),
    });
  }

  /** The ready pods that a service selects, as one slice. */
  #tendService(service: Stored): void {
    const wanted = service.spec?.selector as Record<string, string> | undefined;
    if (!wanted || service.metadata.deletionTimestamp) return;
    const { name, namespace, uid } = service.metadata;
    const labels = Object.entries(wanted).map((pair) => pair.join("="));
    const selects = selector(labels.join(","), null);
    const pods = this.#store.all(PODS).filter((pod) =>
      pod.metadata.namespace === namespace && selects(pod) &&
      pod.status?.podIP !== undefined && !pod.metadata.deletionTimestamp
    );
    const sliceName = `${name}-${hashOf(uid)}`;
    const before = this.#store.get(SLICES, namespace!, sliceName);
    const slice: Stored = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        ...(before?.metadata ?? identity(sliceName, namespace)),
        labels: { "kubernetes.io/service-name": name },
        ownerReferences: [{ kind: "Service", name, uid, ...OWNER }],
      },
      addressType: "IPv4",
      endpoints: pods.map((pod) => ({
        addresses: [pod.status!.podIP],
        conditions: { ready: isReady(pod) },
        nodeName: pod.spec?.nodeName,
        targetRef: { kind: "Pod", name: pod.metadata.name, namespace },
      })),
      ports: ((service.spec?.ports ?? []) as Port[]).map((port) => ({
        name: port.name ?? "",
        port: typeof port.targetPort === "number" ? port.targetPort : port.port,
        protocol: "TCP",
      })),
    };
    if (
      !before || JSON.stringify([before.endpoints, before.ports]) !==
        JSON.stringify([slice.endpoints, slice.ports])
    ) this.#store.put(SLICES, slice);
  }

  #addressOf(node: string): string | undefined {
    const addresses = this.#store.get(NODES, "", node)?.status?.addresses;
    return (addresses as { address: string }[] | undefined)?.[0]?.address;
  }

  #ownedBy(kind: Kind, uid: string): Stored[] {
    return this.#store.all(kind).filter((object) =>
      object.metadata.ownerReferences?.some((owner) => owner.uid === uid)
    );
  }

  #eachOf(kind: string, tend: (object: Stored) => void): void {
    for (const object of this.#store.all(kindOf(kind))) tend(object);
  }
}

interface PodTemplate {
  readonly metadata?: {
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec: Record<string, unknown>;
}

interface Port {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
}

const OWNER = { apiVersion: "apps/v1", controller: true };

function identity(name: string, namespace: string | undefined) {
  return {
    name,
    ...(namespace && { namespace }),
    uid: crypto.randomUUID(),
    resourceVersion: "",
    creationTimestamp: now(),
  };
}

const isReady = (pod: Stored): boolean =>
  ((pod.status?.conditions ?? []) as { type: string; status: string }[])
    .some(({ type, status }) => type === "Ready" && status === "True");

/** FNV-1a. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash;
}

/** As it stands in the names of pods. */
const hashOf = (text: string): string =>
  hash32(text).toString(36).padStart(7, "0");
