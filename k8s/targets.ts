/**
 * Which pods are captured: those that a rule picks, followed as pods come, go
 * and change.
 *
 * A pod without an address yet is no target, nor one that has completed: its
 * address may be another's by now. Pods on their node's own address cannot be
 * told from the node, and are listed apart.
 */
import { RE2JS } from "re2js";
import type { Pod } from "./objects.ts";
import type { Change } from "./watch.ts";

/** What picks pods. What is absent picks all. */
export interface TargetRule {
  /** Searched for in the pod's name, as `tap` takes it. */
  readonly regex?: string | undefined;
  readonly namespaces?: readonly string[] | undefined;
  readonly excludedNamespaces?: readonly string[] | undefined;
  /** As kubectl's `-l`: `app=web,tier in (front, back),!canary`. */
  readonly labels?: string | undefined;
}

/** A pod that is captured. */
export interface Target {
  readonly namespace: string;
  readonly pod: string;
  readonly node: string;
  readonly addresses: readonly string[];
  /** Whether those are the node's, so that all of the node is meant. */
  readonly isOnHost: boolean;
}

/** A rule that cannot be followed, in words for whoever wrote it. */
export class RuleError extends Error {
  override readonly name = "RuleError";
}

/** Whether a rule picks a pod by what it is called. */
export type Picks = (pod: Pod) => boolean;

/** Longest expression that is taken; it may come from a page. */
const MAX_REGEX = 1000;

/**
 * Makes a rule ready to be asked often.
 *
 * @throws RuleError where the expression or the labels cannot be read
 */
export function compileRule(rule: TargetRule): Picks {
  const expression = compileRegex(rule.regex);
  const only = rule.namespaces?.length ? new Set(rule.namespaces) : undefined;
  const not = new Set(rule.excludedNamespaces);
  const labels = parseLabels(rule.labels ?? "");
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
    throw new RuleError(`A pod's regex may have ${MAX_REGEX} characters`);
  }
  try {
    return RE2JS.compile(text);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new RuleError(`Cannot read the regex "${text}": ${error.message}`);
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
  throw new RuleError(
    `Cannot read the labels "${text}": write them as app=web, app!=web, ` +
      "app in (web, api), app or !app",
  );
}

/** A pod as a target, if it has an address that is its own now. */
export function toTarget(pod: Pod): Target | undefined {
  const { metadata = {}, spec = {}, status = {} } = pod;
  const isOver = status.phase === "Succeeded" || status.phase === "Failed";
  const addresses = [
    ...new Set(status.podIPs?.map(({ ip }) => ip) ?? [status.podIP]),
  ].filter((ip) => ip !== undefined);
  if (isOver || addresses.length === 0 || !spec.nodeName) return undefined;
  return {
    namespace: metadata.namespace ?? "",
    pod: metadata.name ?? "",
    node: spec.nodeName,
    addresses,
    isOnHost: spec.hostNetwork === true,
  };
}

/** The targets of a cluster, kept as they are now. */
export class Targets {
  /** Every pod that could be one, so that a new rule needs no new list. */
  readonly #pods = new Map<string, Pod>();
  #listed: Set<string> | undefined;
  #rule: TargetRule;
  #picks: Picks;
  readonly #targets = new Map<string, Target>();
  readonly #changed: () => void;

  /**
   * @param changed called when {@link list} gives something else than before;
   *     once for a list that has come
   * @throws RuleError
   */
  constructor(rule: TargetRule, changed: () => void) {
    this.#rule = rule;
    this.#picks = compileRule(rule);
    this.#changed = changed;
  }

  get rule(): TargetRule {
    return this.#rule;
  }

  /** In order of namespace and name. */
  list(): Target[] {
    return [...this.#targets].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([, target]) => target);
  }

  /** Addresses to capture on a node: of all targets, wherever they are. */
  addresses(): string[] {
    const all = this.list().flatMap(({ addresses }) => addresses);
    return [...new Set(all)].sort();
  }

  /**
   * What another rule would pick, for a table to look at before it is set.
   *
   * @throws RuleError
   */
  preview(rule: TargetRule): Target[] {
    const picks = compileRule(rule);
    return [...this.#pods.values()].filter(picks)
      .flatMap((pod) => toTarget(pod) ?? []);
  }

  /** @throws RuleError, and then the rule stays as it was */
  setRule(rule: TargetRule): void {
    this.#picks = compileRule(rule);
    this.#rule = rule;
    let isChanged = false;
    for (const [key, pod] of this.#pods) {
      if (this.#refresh(key, pod)) isChanged = true;
    }
    if (isChanged) this.#changed();
  }

  /** Takes what a watch of the pods tells. */
  take(change: Change<Pod>): void {
    switch (change.kind) {
      case "listing":
        this.#listed = new Set();
        return;
      case "present":
        return this.#set(change.object, change.object);
      case "gone":
        return this.#set(change.object, undefined);
      case "listed": {
        const gone = [...this.#pods.keys()]
          .filter((key) => !this.#listed?.has(key));
        this.#listed = undefined;
        for (const key of gone) this.#refresh(key, undefined);
        this.#changed();
      }
    }
  }

  #set({ metadata }: Pod, pod: Pod | undefined): void {
    const key = `${metadata?.namespace}/${metadata?.name}`;
    this.#listed?.add(key);
    const isChanged = this.#refresh(key, pod);
    if (isChanged && !this.#listed) this.#changed();
  }

  /** @returns whether a target began, ended or became another */
  #refresh(key: string, pod: Pod | undefined): boolean {
    if (pod) this.#pods.set(key, slim(pod));
    else this.#pods.delete(key);
    const before = this.#targets.get(key);
    const target = pod && this.#picks(pod) ? toTarget(pod) : undefined;
    if (isSame(before, target)) return false;
    if (target) this.#targets.set(key, target);
    else this.#targets.delete(key);
    return true;
  }
}

/** What is needed of a pod: the rest of it is a hundred times as much. */
const slim = ({ metadata, spec, status }: Pod): Pod => ({
  metadata: {
    ...(metadata?.name && { name: metadata.name }),
    ...(metadata?.namespace && { namespace: metadata.namespace }),
    ...(metadata?.labels && { labels: metadata.labels }),
  },
  spec: {
    ...(spec?.nodeName && { nodeName: spec.nodeName }),
    ...(spec?.hostNetwork && { hostNetwork: true }),
  },
  status: {
    ...(status?.phase && { phase: status.phase }),
    ...(status?.podIP && { podIP: status.podIP }),
    ...(status?.podIPs && { podIPs: status.podIPs }),
  },
});

const isSame = (a: Target | undefined, b: Target | undefined): boolean =>
  a === b ||
  a !== undefined && b !== undefined && a.node === b.node &&
    a.isOnHost === b.isOnHost && a.addresses.join() === b.addresses.join();
