/**
 * Which pods are captured: those that a selection picks, followed as pods
 * come, go and change.
 *
 * A pod without an address yet is no target, nor one that has completed: its
 * address may be another's by now. A pod on its node's own address is told
 * from the node, and from others there, by the ports that it declares.
 *
 * A worker needs the targets of its own node alone: what they say and hear
 * passes there.
 */
import { RE2JS } from "re2js";
import {
  MAX_TARGET_PODS,
  type TargetNamespace,
  type TargetPod,
  type TargetSelection,
  type TargetsPreview,
} from "../api/hub.ts";
import { BadSelection, isEverything } from "../api/selection.ts";
import type { PodNetwork, TargetEnd } from "../api/worker.ts";
import { meshOf } from "./mesh.ts";
import type { Pod } from "./objects.ts";
import type { Change } from "./watch.ts";

/** Whether a selection picks a pod by what it is called. */
export type Picks = (pod: Pick<Pod, "metadata">) => boolean;

/** Longest expression that is taken; it may come from a page. */
const MAX_REGEX = 1000;

/**
 * Makes a selection ready to be asked often.
 *
 * @throws BadSelection where the expression or the labels cannot be read
 */
export function compileSelection(selection: TargetSelection): Picks {
  const expression = compileRegex(selection.pod);
  const only = selection.namespaces?.length
    ? new Set(selection.namespaces)
    : undefined;
  const not = new Set(selection.excludeNamespaces);
  const labels = parseLabels(selection.labels ?? "");
  return ({ metadata = {} }) => {
    const { name = "", namespace = "", labels: own = {} } = metadata;
    return (only?.has(namespace) ?? true) && !not.has(namespace) &&
      labels.every((holds) => holds(own)) &&
      (!expression || expression.matcher(name).find());
  };
}

/** In linear time, so that no expression stalls the hub. */
function compileRegex(text: string | undefined): RE2JS | undefined {
  if (!text) return undefined;
  if (text.length > MAX_REGEX) {
    throw new BadSelection(`A pod's regex may have ${MAX_REGEX} characters`);
  }
  try {
    return RE2JS.compile(text);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new BadSelection(`Cannot read the regex "${text}": ${error.message}`);
  }
}

type Labels = Readonly<Record<string, string>>;

/** A selector's requirements (Kubernetes, "Labels and Selectors"). */
function parseLabels(text: string): ((labels: Labels) => boolean)[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim()).filter(Boolean)
    .map(parseRequirement);
}

function parseRequirement(text: string): (labels: Labels) => boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^()]*)\)$/.exec(text);
  if (set) {
    const [, name, operator, list] = set;
    const values = new Set(list!.split(",").map((value) => value.trim()));
    return (labels) => values.has(labels[name!]!) === (operator === "in");
  }
  const equal = /^([^\s=!()]+)\s*(==|=|!=)\s*([^\s=!()]*)$/.exec(text);
  if (equal) {
    const [, name, operator, value] = equal;
    return (labels) => (labels[name!] === value) === (operator !== "!=");
  }
  const there = /^(!?)\s*([^\s=!()]+)$/.exec(text);
  if (there) {
    const [, not, name] = there;
    return (labels) => Object.hasOwn(labels, name!) === (not === "");
  }
  throw new BadSelection(
    `Cannot read the labels "${text}": write them as app=web, app!=web, ` +
      "app in (web, api), app or !app",
  );
}

/** A pod as a target, if it has an address that is its own now. */
export function toTarget(pod: Pod): TargetPod | undefined {
  const { metadata = {}, spec = {}, status = {} } = pod;
  const isOver = status.phase === "Succeeded" || status.phase === "Failed";
  const addresses = [
    ...new Set(status.podIPs?.map(({ ip }) => ip) ?? [status.podIP]),
  ].filter((ip) => ip !== undefined);
  if (isOver || addresses.length === 0 || !spec.nodeName) return undefined;
  const mesh = meshOf(pod);
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name ?? "",
    node: spec.nodeName,
    addresses,
    ...(spec.hostNetwork && { ports: portsOf(pod) }),
    ...(mesh && { mesh }),
  };
}

/** Those that a pod declares, in order. */
function portsOf({ spec = {} }: Pod): number[] {
  const ports = [...spec.initContainers ?? [], ...spec.containers ?? []]
    .flatMap(({ ports = [] }) =>
      ports.map(({ containerPort }) => containerPort)
    );
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** What is needed of a pod: the rest of it is a hundred times as much. */
interface Known {
  /** What selections ask for. */
  readonly metadata: NonNullable<Pod["metadata"]>;
  /** What it would be as a target; `undefined` where it can be none. */
  readonly target: TargetPod | undefined;
}

/** The targets of a cluster, kept as they are now. */
export class Targets {
  /** Every pod, so that another selection needs no list. */
  readonly #pods = new Map<string, Known>();
  #listed: Set<string> | undefined;
  #isKnown = false;
  #selection: TargetSelection;
  #picks: Picks;
  readonly #picked = new Map<string, TargetPod>();
  /** The same by node. */
  readonly #byNode = new Map<string, Map<string, TargetPod>>();
  #listeners = new Set<() => void>();

  /** @throws BadSelection */
  constructor(selection: TargetSelection = {}) {
    this.#selection = selection;
    this.#picks = compileSelection(selection);
  }

  get selection(): TargetSelection {
    return this.#selection;
  }

  /** Whether pods were listed: before, nobody knows what is picked. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /**
   * Tells, until disposed of, that something else is picked than before, or by
   * another selection; once for a list that has come.
   */
  listen(changed: () => void): Disposable {
    this.#listeners.add(changed);
    return { [Symbol.dispose]: () => this.#listeners.delete(changed) };
  }

  /** In order of namespace and name. */
  list(): TargetPod[] {
    return [...this.#picked].sort(byKey).map(([, target]) => target);
  }

  /** Nodes that have picked pods. */
  nodes(): Iterable<string> {
    return this.#byNode.keys();
  }

  /** How many pods of a node are picked. */
  countOn(node: string): number {
    return this.#byNode.get(node)?.size ?? 0;
  }

  /**
   * What to capture on a node, in order of addresses.
   *
   * @returns `undefined` for everything
   */
  endsOn(node: string): TargetEnd[] | undefined {
    if (isEverything(this.#selection)) return undefined;
    const ends = new Map<string, number[] | undefined>();
    for (const { addresses, ports } of this.#byNode.get(node)?.values() ?? []) {
      for (const ip of addresses) {
        ends.set(ip, ports && [...ends.get(ip) ?? [], ...ports]);
      }
    }
    return [...ends].sort(byKey).flatMap(([ip, ports]): TargetEnd[] => {
      if (!ports) return [{ ip }];
      const own = [...new Set(ports)].sort((a, b) => a - b);
      return own.length > 0 ? [{ ip, ports: own }] : [];
    });
  }

  /**
   * Networks of a node's pods in which a service mesh's proxy and its
   * application are, in order of namespace and name.
   */
  networksOn(node: string): PodNetwork[] {
    const here = [...this.#byNode.get(node) ?? []].sort(byKey);
    return here.flatMap(([key, { namespace, name, addresses, mesh }]) =>
      mesh
        ? [{
          uid: this.#pods.get(key)?.metadata.uid ?? "",
          namespace,
          pod: name,
          ips: addresses,
        }]
        : []
    );
  }

  /** What is picked now, for a table to look at. */
  toPreview(): TargetsPreview {
    return this.#toPreview(this.#selection, this.#picked);
  }

  /**
   * What another selection would pick, before it is set.
   *
   * @throws BadSelection
   */
  preview(selection: TargetSelection): TargetsPreview {
    const picks = compileSelection(selection);
    const picked = new Map<string, TargetPod>();
    for (const [key, pod] of this.#pods) {
      if (pod.target && picks(pod)) picked.set(key, pod.target);
    }
    return this.#toPreview(selection, picked);
  }

  /** @throws BadSelection, and then the selection stays as it was */
  select(selection: TargetSelection): void {
    this.#picks = compileSelection(selection);
    this.#selection = selection;
    for (const [key, pod] of this.#pods) this.#refresh(key, pod);
    this.#tell();
  }

  /** Takes what a watch of the pods tells. */
  take(change: Change<Pod>): void {
    switch (change.kind) {
      case "listing":
        this.#listed = new Set();
        return;
      case "present":
        return this.#set(change.object, toKnown(change.object));
      case "gone":
        return this.#set(change.object, undefined);
      case "listed": {
        const gone = [...this.#pods.keys()]
          .filter((key) => !this.#listed?.has(key));
        this.#listed = undefined;
        this.#isKnown = true;
        for (const key of gone) this.#refresh(key, undefined);
        this.#tell();
      }
    }
  }

  #toPreview(
    selection: TargetSelection,
    picked: ReadonlyMap<string, TargetPod>,
  ): TargetsPreview {
    const first = [...picked].sort(byKey).slice(0, MAX_TARGET_PODS);
    return {
      selection,
      all: isEverything(selection),
      pods: first.map(([, target]) => target),
      picked: picked.size,
      meshed: [...picked.values()].filter(({ mesh }) => mesh).length,
      namespaces: this.#toNamespaces(picked),
    };
  }

  #toNamespaces(picked: ReadonlyMap<string, TargetPod>): TargetNamespace[] {
    const counts = new Map<string, { picked: number; pods: number }>();
    for (const [key, { target }] of this.#pods) {
      if (!target) continue;
      const { namespace } = target;
      let count = counts.get(namespace);
      if (!count) counts.set(namespace, count = { picked: 0, pods: 0 });
      count.pods++;
      if (picked.has(key)) count.picked++;
    }
    return [...counts].sort(byKey)
      .map(([namespace, count]) => ({ namespace, ...count }));
  }

  #set({ metadata }: Pod, pod: Known | undefined): void {
    const key = `${metadata?.namespace}/${metadata?.name}`;
    this.#listed?.add(key);
    const isChanged = this.#refresh(key, pod);
    if (isChanged && !this.#listed) this.#tell();
  }

  /** @returns whether a target began, ended or became another */
  #refresh(key: string, pod: Known | undefined): boolean {
    const isAnother = this.#pods.get(key)?.metadata.uid !== pod?.metadata.uid;
    if (pod) this.#pods.set(key, pod);
    else this.#pods.delete(key);
    const before = this.#picked.get(key);
    const target = pod && this.#picks(pod) ? pod.target : undefined;
    if (isSame(before, target) && !(isAnother && target)) return false;
    if (before) this.#drop(key, before);
    if (target) this.#add(key, target);
    return true;
  }

  #add(key: string, target: TargetPod): void {
    this.#picked.set(key, target);
    const { node } = target;
    let here = this.#byNode.get(node);
    if (!here) this.#byNode.set(node, here = new Map());
    here.set(key, target);
  }

  #drop(key: string, { node }: TargetPod): void {
    this.#picked.delete(key);
    const here = this.#byNode.get(node);
    here?.delete(key);
    if (here?.size === 0) this.#byNode.delete(node);
  }

  #tell(): void {
    for (const changed of this.#listeners) changed();
  }
}

type Keyed = readonly [string, ...unknown[]];

const byKey = ([a]: Keyed, [b]: Keyed): number => a < b ? -1 : a > b ? 1 : 0;

const toKnown = (pod: Pod): Known => {
  const { name, namespace, uid, labels } = pod.metadata ?? {};
  return {
    metadata: {
      ...(name && { name }),
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(labels && { labels }),
    },
    target: toTarget(pod),
  };
};

const isSame = (a: TargetPod | undefined, b: TargetPod | undefined): boolean =>
  a === b ||
  a !== undefined && b !== undefined && a.node === b.node &&
    a.addresses.join() === b.addresses.join() &&
    a.ports?.join() === b.ports?.join() && a.mesh === b.mesh;
