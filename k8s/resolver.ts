/**
 * Who had an address, from what the cluster says of its pods, services,
 * endpoint slices and nodes.
 *
 * Objects are reduced to what names need and kept as they are now; whenever
 * one changes, the claims of the addresses it touches are worked out anew and
 * the history (`names_history.ts`) notes the difference with the time. Of an
 * address
 *
 * - a pod's names hold for all its ports; where several services lead to it,
 *   a port's service is the one that leads to that port;
 * - pods on their node's own address have only the ports they declare, or that
 *   a service finds them at; all else there is the node;
 * - a service's own address is the service; a node port is, on every node;
 * - an address that only a slice knows is, at that slice's ports, its service.
 *
 * A pod that has completed has no address any more: it may be another's by
 * now. What an object says of itself reaches us a moment late, so the first
 * holder's claim begins when its object says that it began, unless another
 * held the address until later.
 */
import type {
  EndpointSlice,
  KubeObject,
  Node,
  Pod,
  Service,
} from "./objects.ts";
import type { Change } from "./watch.ts";
import {
  type Claim,
  isSameLabels,
  type Names,
  NamesHistory,
} from "./names_history.ts";

/** The kinds that names are made of. */
export interface Named {
  readonly pods: Pod;
  readonly services: Service;
  readonly slices: EndpointSlice;
  readonly nodes: Node;
}

const KINDS = ["pods", "services", "slices", "nodes"] as const;

interface PodRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string | undefined;
  readonly workload: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  readonly isOnHost: boolean;
  /** Those it declares. */
  readonly ports: readonly number[];
  /** When it began, µs. */
  readonly since: number;
  /** Those it has had so far, with this service or that. */
  readonly names: Names[];
}

interface ServiceRecord {
  readonly namespace: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly nodePorts: readonly number[];
  readonly since: number;
}

interface SliceRecord {
  readonly namespace: string;
  readonly service: string;
  readonly addresses: readonly string[];
  /** Keys of the pods at those addresses, where it says so. */
  readonly pods: readonly (string | undefined)[];
  /** Empty for all. */
  readonly ports: readonly number[];
}

interface NodeRecord {
  readonly name: string;
  readonly zone: string | undefined;
  readonly addresses: readonly string[];
  readonly since: number;
}

/** Objects of one kind by key, and by each address they have. */
class Records<T extends { readonly addresses: readonly string[] }> {
  readonly #all = new Map<string, T>();
  readonly #byAddress = new Map<string, Set<string>>();
  /** Keys that the list at hand has named; absent between lists. */
  #listed: Set<string> | undefined;

  get(key: string): T | undefined {
    return this.#all.get(key);
  }

  /** @returns what was there before */
  set(key: string, record: T | undefined): T | undefined {
    const before = this.#all.get(key);
    for (const address of before?.addresses ?? []) {
      const keys = this.#byAddress.get(address);
      keys?.delete(key);
      if (keys?.size === 0) this.#byAddress.delete(address);
    }
    if (!record) this.#all.delete(key);
    else this.#all.set(key, record);
    for (const address of record?.addresses ?? []) {
      let keys = this.#byAddress.get(address);
      if (!keys) this.#byAddress.set(address, keys = new Set());
      keys.add(key);
    }
    this.#listed?.add(key);
    return before;
  }

  /** Those at an address, ordered by key. */
  at(address: string): [key: string, record: T][] {
    const keys = this.#byAddress.get(address);
    if (!keys) return [];
    return [...keys].sort().map((key) => [key, this.#all.get(key)!]);
  }

  values(): Iterable<T> {
    return this.#all.values();
  }

  addresses(): Iterable<string> {
    return this.#byAddress.keys();
  }

  beginList(): void {
    this.#listed = new Set();
  }

  /** @returns keys of those that the list did not name */
  endList(): string[] {
    const gone = [...this.#all.keys()].filter((key) => !this.#listed?.has(key));
    this.#listed = undefined;
    return gone;
  }
}

/** Follows a cluster and keeps its {@link history}. */
export class Resolver {
  readonly history: NamesHistory;
  readonly #pods = new Records<PodRecord>();
  readonly #services = new Records<ServiceRecord>();
  readonly #slices = new Records<SliceRecord>();
  readonly #nodes = new Records<NodeRecord>();
  readonly #unlisted = new Set<keyof Named>(KINDS);
  /** By workload: pods of one mostly have the same labels. */
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();
  readonly #heard: (claims: readonly Claim[]) => void;
  readonly #savedAt: number | undefined;

  /**
   * @param saved a history from an earlier run, and when it was saved, µs:
   *     what held then and still does is taken to have held in between
   * @param heard told of claims that began or ended
   */
  constructor(
    saved?: { readonly history: NamesHistory; readonly at: number },
    heard: (claims: readonly Claim[]) => void = () => {},
  ) {
    this.history = saved?.history ?? new NamesHistory();
    this.#savedAt = saved?.at;
    this.#heard = heard;
  }

  /** Whether every kind has been listed: before, nothing has a name. */
  get isReady(): boolean {
    return this.#unlisted.size === 0;
  }

  /**
   * Takes what a watch tells.
   *
   * @param at when it was heard, µs since 1970; never less than before
   */
  take<K extends keyof Named>(
    kind: K,
    change: Change<Named[K]>,
    at: number,
  ): void {
    switch (change.kind) {
      case "listing":
        return this.#recordsOf(kind).beginList();
      case "listed":
        for (const key of this.#recordsOf(kind).endList()) {
          this.#set(kind, key, undefined, at);
        }
        if (this.#unlisted.delete(kind) && this.isReady) this.#begin(at);
        return;
      case "present":
        return this.#set(kind, keyOf(change.object), change.object, at);
      case "gone":
        return this.#set(kind, keyOf(change.object), undefined, at);
    }
  }

  #recordsOf(kind: keyof Named) {
    return {
      pods: this.#pods,
      services: this.#services,
      slices: this.#slices,
      nodes: this.#nodes,
    }[kind];
  }

  #set(
    kind: keyof Named,
    key: string,
    object: KubeObject | undefined,
    at: number,
  ): void {
    switch (kind) {
      case "pods":
        return this.#setPod(key, object as Pod | undefined, at);
      case "services":
        return this.#setService(key, object as Service | undefined, at);
      case "slices":
        return this.#setSlice(key, object as EndpointSlice | undefined, at);
      case "nodes":
        return this.#setNode(key, object as Node | undefined, at);
    }
  }

  #setPod(key: string, pod: Pod | undefined, at: number): void {
    const record = pod && toPod(pod, (name, own) => this.#shared(name, own));
    const before = this.#pods.set(key, record);
    this.#refresh(addressesOf(before, record), at);
  }

  #setService(key: string, service: Service | undefined, at: number): void {
    const record = service && toService(service);
    const before = this.#services.set(key, record);
    this.#refresh(addressesOf(before, record), at);
    const ports = [...before?.nodePorts ?? [], ...record?.nodePorts ?? []];
    if (this.isReady) this.#refreshNodePorts(new Set(ports), at);
  }

  #setSlice(key: string, slice: EndpointSlice | undefined, at: number): void {
    const record = slice && toSlice(slice);
    const before = this.#slices.set(key, record);
    this.#refresh(addressesOf(before, record), at);
  }

  /** Nodes tell of themselves all the time, mostly nothing new. */
  #setNode(key: string, node: Node | undefined, at: number): void {
    const record = node && toNode(node);
    const before = this.#nodes.set(key, record);
    const touched = new Set(addressesOf(before, record));
    if (before?.zone !== record?.zone) {
      for (const pod of this.#pods.values()) {
        if (pod.node === key) pod.addresses.forEach((one) => touched.add(one));
      }
    }
    this.#refresh(touched, at);
  }

  /** All lists are there: every address is named, and what was saved checked. */
  #begin(at: number): void {
    const until = this.#savedAt ?? at;
    const addresses = new Set(this.history.heldAddresses());
    for (const kind of KINDS) {
      for (const address of this.#recordsOf(kind).addresses()) {
        addresses.add(address);
      }
    }
    const changed = [...addresses].flatMap((address) => {
      const { claims, since } = this.#claimsOf(address);
      return this.history.set(address, claims, at, since, until);
    });
    this.#heard(changed);
    const ports = new Set(this.history.heldNodePorts());
    for (const { nodePorts } of this.#services.values()) {
      nodePorts.forEach((port) => ports.add(port));
    }
    this.#refreshNodePorts(ports, at);
  }

  #refresh(addresses: Iterable<string>, at: number): void {
    if (!this.isReady) return;
    const changed: Claim[] = [];
    for (const address of new Set(addresses)) {
      const { claims, since } = this.#claimsOf(address);
      changed.push(...this.history.set(address, claims, at, since));
    }
    if (changed.length > 0) this.#heard(changed);
  }

  #refreshNodePorts(ports: ReadonlySet<number>, at: number): void {
    for (const port of ports) {
      const owners = [...this.#services.values()]
        .filter(({ nodePorts }) => nodePorts.includes(port))
        .sort((a, b) => a.since - b.since);
      const names = owners[0] && namesOfService(owners[0]);
      const changed = this.history.setNodePort(port, names, at);
      if (changed.length > 0) this.#heard(changed);
    }
  }

  /** What an address is called now, by port, and since when at the earliest. */
  #claimsOf(
    address: string,
  ): { claims: Map<number, Names>; since: number | undefined } {
    const claims = new Map<number, Names>();
    const services = this.#servicesAt(address);
    const pods = this.#pods.at(address).map(([, pod]) => pod);
    const own = newest(pods.filter(({ isOnHost }) => !isOnHost));
    if (own) {
      const usual = services[0]?.service;
      claims.set(0, this.#namesOfPod(own, usual));
      const seen = new Set([0]);
      for (const { port, service } of services) {
        if (seen.has(port)) continue;
        seen.add(port);
        if (service === usual) continue;
        claims.set(port, this.#namesOfPod(own, service));
      }
      return { claims, since: own.since };
    }
    const [, node] = this.#nodes.at(address)[0] ?? [];
    for (const [port, pod] of this.#hostPorts(pods, services)) {
      const found = services.find((one) => one.port === port || one.port === 0);
      claims.set(port, this.#namesOfPod(pod, found?.service));
    }
    if (node) {
      claims.set(0, namesOfNode(node));
      return { claims, since: node.since };
    }
    const [, service] = this.#services.at(address)[0] ?? [];
    if (service) {
      claims.set(0, namesOfService(service));
      return { claims, since: service.since };
    }
    for (const { port, namespace, service } of services) {
      if (claims.has(port)) continue;
      claims.set(port, namesOfService({ namespace, name: service }));
    }
    return { claims, since: undefined };
  }

  /** Who has which port of a node's own address. */
  #hostPorts(
    pods: readonly PodRecord[],
    services: readonly ServiceAt[],
  ): Map<number, PodRecord> {
    const found = new Map<number, PodRecord>();
    for (const pod of [...pods].sort(older)) {
      for (const port of pod.ports) found.set(port, pod);
    }
    // A slice may still name a pod that has completed.
    const known = new Map(pods.map((pod) => [podKey(pod), pod]));
    for (const { port, pod } of services) {
      const record = pod === undefined ? undefined : known.get(pod);
      if (port !== 0 && record && !found.has(port)) found.set(port, record);
    }
    return found;
  }

  /** Services that lead to an address, by port (0 for all), in order of name. */
  #servicesAt(address: string): ServiceAt[] {
    const found: ServiceAt[] = [];
    for (const [, slice] of this.#slices.at(address)) {
      const { namespace, service, ports } = slice;
      const pod = slice.pods[slice.addresses.indexOf(address)];
      for (const port of ports.length > 0 ? ports : [0]) {
        found.push({ port, namespace, service, pod });
      }
    }
    return found.sort((a, b) =>
      compare(a.service, b.service) || compare(a.namespace, b.namespace) ||
      a.port - b.port
    );
  }

  /** The same object for the same names, for there are many claims of one pod. */
  #namesOfPod(pod: PodRecord, service: string | undefined): Names {
    const { namespace, workload, node, labels } = pod;
    const zone = node === undefined ? undefined : this.#nodes.get(node)?.zone;
    const known = pod.names.find((one) =>
      one.service === service && one.zone === zone
    );
    if (known) return known;
    const names = {
      pod: pod.name,
      namespace,
      service,
      workload,
      node,
      zone,
      labels,
      name: `${service ?? workload ?? pod.name}.${namespace}`,
    };
    pod.names.push(names);
    return names;
  }

  /** The labels as an earlier pod of the workload had them, if it had those. */
  #shared(
    workload: string,
    own: Readonly<Record<string, string>>,
  ): Readonly<Record<string, string>> {
    const known = this.#labels.get(workload);
    if (known && isSameLabels(known, own)) return known;
    if (this.#labels.size >= MAX_SHARED_LABELS) this.#labels.clear();
    this.#labels.set(workload, own);
    return own;
  }
}

/** Workloads whose labels are shared. */
const MAX_SHARED_LABELS = 20_000;

interface ServiceAt {
  readonly port: number;
  readonly namespace: string;
  readonly service: string;
  readonly pod: string | undefined;
}

const podKey = ({ namespace, name }: PodRecord): string =>
  `${namespace}/${name}`;

/** Before another: the one that began earlier, then the lesser uid. */
const older = (a: PodRecord, b: PodRecord): number =>
  a.since - b.since || compare(a.uid, b.uid);

const newest = (pods: readonly PodRecord[]): PodRecord | undefined =>
  [...pods].sort(older).at(-1);

const compare = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0;

const addressesOf = (
  before: { readonly addresses: readonly string[] } | undefined,
  after: { readonly addresses: readonly string[] } | undefined,
): string[] => [...before?.addresses ?? [], ...after?.addresses ?? []];

/** `NAMESPACE/NAME`; the name alone where there is no namespace. */
function keyOf({ metadata }: KubeObject): string {
  const { namespace, name = "" } = metadata ?? {};
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** A time of the API's, in µs. */
const toTime = (text: string | undefined): number =>
  text === undefined ? 0 : Date.parse(text) * 1000;

function toPod(
  { metadata = {}, spec = {}, status = {} }: Pod,
  share: (
    workload: string,
    labels: Readonly<Record<string, string>>,
  ) => Readonly<Record<string, string>>,
): PodRecord {
  const { namespace = "", name = "", uid = "", labels = {} } = metadata;
  const isOver = status.phase === "Succeeded" || status.phase === "Failed";
  const workload = workloadOf(metadata);
  const ips = status.podIPs?.map(({ ip }) => ip) ?? [status.podIP];
  return {
    namespace,
    name,
    uid,
    node: spec.nodeName,
    workload,
    labels: share(`${namespace}/${workload ?? name}`, labels),
    addresses: isOver ? [] : distinct(ips),
    isOnHost: spec.hostNetwork === true,
    ports: spec.hostNetwork
      ? (spec.containers ?? []).flatMap(({ ports = [] }) =>
        ports.map(({ containerPort }) => containerPort)
      )
      : [],
    since: toTime(status.startTime ?? metadata.creationTimestamp),
    names: [],
  };
}

function toService(
  { metadata = {}, spec = {}, status }: Service,
): ServiceRecord {
  const ingress = status?.loadBalancer?.ingress ?? [];
  const own = spec.clusterIPs ?? [spec.clusterIP];
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name ?? "",
    addresses: distinct([
      ...own.filter((ip) => ip !== "None"),
      ...spec.externalIPs ?? [],
      ...ingress.map(({ ip }) => ip),
    ]),
    nodePorts: (spec.ports ?? []).flatMap(({ nodePort }) => nodePort ?? []),
    since: toTime(metadata.creationTimestamp),
  };
}

/** Slices of names (`addressType: FQDN`) lead to no address. */
function toSlice(
  { metadata = {}, endpoints, ports, addressType }: EndpointSlice,
): SliceRecord | undefined {
  const { namespace = "", labels } = metadata;
  const service = labels?.["kubernetes.io/service-name"];
  if (service === undefined || addressType === "FQDN") return undefined;
  const ends = (endpoints ?? []).flatMap(({ addresses = [], targetRef }) =>
    addresses.map((address) => ({
      address,
      pod: targetRef?.kind === "Pod"
        ? `${targetRef.namespace ?? namespace}/${targetRef.name}`
        : undefined,
    }))
  );
  return {
    namespace,
    service,
    addresses: ends.map(({ address }) => canonical(address)),
    pods: ends.map(({ pod }) => pod),
    ports: (ports ?? []).flatMap(({ port }) => port ?? []),
  };
}

function toNode({ metadata = {}, status }: Node): NodeRecord {
  const isAddress = ({ type }: { readonly type: string }) =>
    type === "InternalIP" || type === "ExternalIP";
  return {
    name: metadata.name ?? "",
    zone: metadata.labels?.["topology.kubernetes.io/zone"],
    addresses: distinct(
      (status?.addresses ?? []).filter(isAddress)
        .map(({ address }) => address),
    ),
    since: toTime(metadata.creationTimestamp),
  };
}

/**
 * What made a pod, as people name it: a Deployment and not its ReplicaSet, a
 * CronJob and not its Job, a static pod without its node.
 */
export function workloadOf(
  { name = "", labels, ownerReferences }: Pod["metadata"] & object,
): string | undefined {
  const owner = ownerReferences?.find(({ controller }) => controller) ??
    ownerReferences?.[0];
  if (!owner) return undefined;
  switch (owner.kind) {
    case "ReplicaSet": {
      const suffix = `-${labels?.["pod-template-hash"]}`;
      return owner.name.endsWith(suffix)
        ? owner.name.slice(0, -suffix.length)
        : owner.name;
    }
    case "Job":
      return owner.name.replace(/-\d{8,}$/, "");
    case "Node":
      return name.endsWith(`-${owner.name}`)
        ? name.slice(0, -owner.name.length - 1)
        : name;
  }
  return owner.name;
}

const namesOfNode = ({ name, zone }: NodeRecord): Names => ({
  node: name,
  zone,
  name,
});

const namesOfService = (
  { namespace, name }: Pick<ServiceRecord, "namespace" | "name">,
): Names => ({ namespace, service: name, name: `${name}.${namespace}` });

/** Without what is absent or repeated; IPv6 as it is written most shortly. */
function distinct(addresses: readonly (string | undefined)[]): string[] {
  return [
    ...new Set(addresses.filter((one) => one !== undefined && one !== "")),
  ]
    .map(canonical);
}

/** One spelling for each address. */
function canonical(address: string | undefined): string {
  if (!address?.includes(":")) return address ?? "";
  return URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? address;
}
