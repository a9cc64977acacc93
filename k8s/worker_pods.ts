/** Which workers run where, from the pods of an installation. */
import { LABELS } from "./identity.ts";
import type { ContainerState, Pod } from "./objects.ts";
import type { Change } from "./watch.ts";

/** The pod of a worker on its node. */
export interface WorkerPod {
  readonly pod: string;
  /** Of the pod: another one has another. */
  readonly uid: string;
  readonly node: string;
  /** Of the node, whose network it uses; absent while nothing runs. */
  readonly address?: string | undefined;
  /** Why nothing runs; absent if it does. */
  readonly waiting?: string | undefined;
  /** Changes when its container is started anew. */
  readonly started: string;
}

/** Workers of one installation, kept as they are now. */
export class WorkerPods {
  readonly #namespace: string;
  /** By uid. */
  readonly #workers = new Map<string, WorkerPod>();
  #listed: Set<string> | undefined;
  readonly #listeners = new Set<(workers: readonly WorkerPod[]) => void>();

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** Tells of all workers now and whenever they are others, until disposed of. */
  listen(changed: (workers: readonly WorkerPod[]) => void): Disposable {
    this.#listeners.add(changed);
    changed(this.list());
    return { [Symbol.dispose]: () => this.#listeners.delete(changed) };
  }

  /** In order of their nodes. */
  list(): WorkerPod[] {
    return [...this.#workers.values()]
      .sort((a, b) => a.node < b.node ? -1 : a.node > b.node ? 1 : 0);
  }

  /** Takes what a watch of pods tells; of all pods, or of workers alone. */
  take(change: Change<Pod>): void {
    switch (change.kind) {
      case "listing":
        this.#listed = new Set();
        return;
      case "present":
        return this.#set(change.object, toWorker(change.object));
      case "gone":
        return this.#set(change.object, undefined);
      case "listed": {
        const gone = [...this.#workers.keys()]
          .filter((uid) => !this.#listed?.has(uid));
        this.#listed = undefined;
        for (const uid of gone) this.#workers.delete(uid);
        this.#tell();
      }
    }
  }

  #tell(): void {
    const workers = this.list();
    for (const changed of this.#listeners) changed(workers);
  }

  #set({ metadata = {} }: Pod, worker: WorkerPod | undefined): void {
    const { namespace, labels = {}, uid = "" } = metadata;
    const isWorker = labels[LABELS.part] === "thresher" &&
      labels[LABELS.component] === "worker";
    if (namespace !== this.#namespace || !isWorker) return;
    this.#listed?.add(uid);
    const before = this.#workers.get(uid);
    if (isSame(before, worker)) return;
    if (worker) this.#workers.set(uid, worker);
    else this.#workers.delete(uid);
    if (!this.#listed) this.#tell();
  }
}

/** Of a pod that has a node, has not ended and is not being taken away. */
function toWorker({ metadata, spec, status }: Pod): WorkerPod | undefined {
  const isOver = status?.phase === "Succeeded" || status?.phase === "Failed";
  if (isOver || metadata?.deletionTimestamp || !spec?.nodeName) {
    return undefined;
  }
  const [container] = status?.containerStatuses ?? [];
  const address = status?.podIP ?? status?.hostIP;
  const runs = container?.state?.running !== undefined && address !== undefined;
  return {
    pod: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    node: spec.nodeName,
    ...runs ? { address } : { waiting: whyNot(container?.state) },
    started: `${container?.containerID} ${container?.restartCount}`,
  };
}

/** Why a container does not run, in the kubelet's words. */
function whyNot(state: ContainerState | undefined): string {
  const { waiting, terminated } = state ?? {};
  const reason = waiting?.reason ?? terminated?.reason;
  const message = waiting?.message ?? terminated?.message;
  if (!reason) return "Its pod does not run yet";
  return `Its pod does not run: ${reason}${message ? `, ${message}` : ""}`;
}

const isSame = (
  a: WorkerPod | undefined,
  b: WorkerPod | undefined,
): boolean =>
  a?.started === b?.started && a?.address === b?.address &&
  a?.waiting === b?.waiting && a?.node === b?.node;
