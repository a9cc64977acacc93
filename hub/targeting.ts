/**
 * Targeting: what is picked -> an order for each node's worker.
 *
 * An order's revision is a digest of what it says, and a worker tells the
 * revision of the order that it follows. So a hub that begins anew finds out
 * who has to be told, and a worker that did is told again.
 *
 * Pods come and go in bursts: changes gather for a moment, and a worker whose
 * own pods are as before hears nothing.
 */
import { createHash } from "node:crypto";
import {
  MAX_UNHEARD_PODS,
  type MeshStatus,
  type TargetNode,
  type UnheardPod,
} from "../api/hub.ts";
import { WORKER } from "../api/paths.ts";
import {
  MAX_POD_NETWORKS,
  MAX_TARGET_ENDS,
  type PodNetwork,
  type TargetsOrder,
} from "../api/worker.ts";
import type { PodPicker } from "./cluster.ts";
import type { HubWorker, Workers } from "./workers.ts";

/** Changes gather for so long before workers are told, ms. */
const GATHERING = 200;

/** What became of the order of one worker. */
interface Told {
  /** Revision of the order that it follows, as far as anybody knows. */
  inForce: string | undefined;
  /** Why it did not take the last one. */
  reason: string | undefined;
  isBusy: boolean;
}

/** Keeps the workers of a hub to what is picked. */
export class Targeting implements Disposable {
  readonly #workers: Workers;
  readonly #picker: PodPicker;
  readonly #entersNetworks: boolean;
  readonly #told = new Map<HubWorker, Told>();
  readonly #listening: readonly Disposable[];
  #gathering: ReturnType<typeof setTimeout> | undefined;

  /** @param entersNetworks whether workers are told networks of pods */
  constructor(workers: Workers, picker: PodPicker, entersNetworks = false) {
    this.#workers = workers;
    this.#picker = picker;
    this.#entersNetworks = entersNetworks;
    this.#listening = [
      picker.listen(() => this.#tellSoon()),
      workers.listen({
        removed: (worker) => this.#told.delete(worker),
        refreshed: (worker) => this.#check(worker),
      }),
    ];
  }

  /** What became of it on each node that captures. */
  status(): TargetNode[] {
    return this.#workers.all.filter(captures).map((worker): TargetNode => {
      const { name, missing } = worker;
      const told = this.#told.get(worker);
      const picked = this.#picker.countOn(name);
      const isSet = told !== undefined && !missing &&
        told.inForce === this.#orderFor(name)?.revision;
      if (isSet) return { node: name, picked, state: "set" };
      const reason = missing?.reason ?? told?.reason;
      return reason === undefined
        ? { node: name, picked, state: "pending" }
        : { node: name, picked, state: "failed", reason };
    }).sort((a, b) => a.node < b.node ? -1 : 1);
  }

  /** In which pods of a service mesh nothing is heard, and why. */
  mesh(): MeshStatus {
    const unheard: UnheardPod[] = [];
    let pods = 0;
    for (const node of this.#picker.nodes()) {
      const networks = this.#picker.networksOn(node);
      pods += networks.length;
      unheard.push(...this.#unheardOn(node, networks));
    }
    return {
      isEntered: this.#entersNetworks,
      pods,
      unheard: unheard.length,
      first: unheard.sort(byName).slice(0, MAX_UNHEARD_PODS),
    };
  }

  /** Tells all workers at once. */
  async apply(): Promise<void> {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    await Promise.all(
      this.#workers.all.map((worker) => this.#tell(worker)),
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#gathering);
    for (const each of this.#listening) each[Symbol.dispose]();
  }

  #unheardOn(node: string, networks: readonly PodNetwork[]): UnheardPod[] {
    const toPod = ({ namespace, pod }: PodNetwork) => ({ namespace, pod });
    if (!this.#entersNetworks) return networks.map(toPod);
    const worker = this.#workers.all.find(({ name }) => name === node);
    const reason = worker ? this.#whyUnheard(worker) : "It has no worker";
    if (reason !== undefined) {
      return networks.map((network) => ({ ...toPod(network), reason }));
    }
    const failed = new Map(
      worker?.state?.capture?.networks?.failed
        .map((one) => [`${one.namespace}/${one.pod}`, one.reason]),
    );
    return networks.flatMap((network, i) => {
      const { namespace, pod } = network;
      const reason = i < MAX_POD_NETWORKS
        ? failed.get(`${namespace}/${pod}`)
        : `A worker enters ${MAX_POD_NETWORKS} networks at most`;
      return reason === undefined ? [] : [{ namespace, pod, reason }];
    });
  }

  /** Why nothing is heard in any pod of a worker's node. */
  #whyUnheard(worker: HubWorker): string | undefined {
    const { missing, state, name } = worker;
    if (missing) return missing.reason;
    if (!state) return "Its worker has not answered yet";
    if (!state.capture?.networks) return "Its worker runs without --mesh";
    const told = this.#told.get(worker);
    if (told?.inForce === this.#orderFor(name)?.revision) return undefined;
    return told?.reason ?? "Its worker has not been told yet";
  }

  #tellSoon(): void {
    this.#gathering ??= setTimeout(() => void this.apply(), GATHERING);
  }

  /** It said what it follows. */
  #check(worker: HubWorker): void {
    if (!this.#workers.all.includes(worker) || worker.missing) return;
    const told = this.#toldTo(worker);
    if (told.isBusy) return;
    told.inForce = worker.state?.capture?.order;
    void this.#tell(worker);
  }

  /** Until it follows what is picked, or does not take it. */
  async #tell(worker: HubWorker): Promise<void> {
    const told = this.#toldTo(worker);
    if (told.isBusy || !captures(worker) || worker.missing) return;
    told.isBusy = true;
    try {
      told.reason = undefined;
      while (told.reason === undefined) {
        const order = this.#orderFor(worker.name);
        if (!order || order.revision === told.inForce) return;
        told.reason = refusalOf(order) ??
          await worker.put(WORKER.targets, order);
        if (told.reason === undefined) told.inForce = order.revision;
      }
    } finally {
      told.isBusy = false;
    }
  }

  #toldTo(worker: HubWorker): Told {
    let told = this.#told.get(worker);
    if (!told) {
      told = { inForce: undefined, reason: undefined, isBusy: false };
      this.#told.set(worker, told);
    }
    return told;
  }

  #orderFor(node: string): TargetsOrder | undefined {
    const ends = this.#picker.endsOn(node);
    const networks = this.#entersNetworks
      ? this.#picker.networksOn(node).slice(0, MAX_POD_NETWORKS)
      : [];
    if (!ends && networks.length === 0) return EVERYTHING;
    if (!this.#picker.isKnown) return undefined;
    const what = {
      ...(ends ? { ends } : { all: true as const }),
      ...(networks.length > 0 && { networks }),
    };
    const digest = createHash("sha256").update(JSON.stringify(what));
    return { revision: digest.digest("base64url"), ...what };
  }
}

const EVERYTHING: TargetsOrder = { revision: "everything", all: true };

type Named = Pick<UnheardPod, "namespace" | "pod">;

const byName = (a: Named, b: Named): number =>
  `${a.namespace}/${a.pod}` < `${b.namespace}/${b.pod}` ? -1 : 1;

/** Whether it captures; whoever has not been heard may. */
const captures = ({ state }: HubWorker): boolean =>
  state === undefined || state.capture !== undefined;

/** Why a worker would not take it. */
function refusalOf(order: TargetsOrder): string | undefined {
  if (order.all || order.ends.length <= MAX_TARGET_ENDS) return undefined;
  return `${order.ends.length} addresses are too many: a node can have ` +
    `${MAX_TARGET_ENDS}`;
}
