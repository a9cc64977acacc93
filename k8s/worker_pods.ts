/** Which workers run where, from the pods of an installation. */
import { LABELS } from "./installation.ts";
import type { Pod } from "./objects.ts";
import type { Change } from "./watch.ts";

/** A worker that can be dialled. */
export interface WorkerPod {
  readonly pod: string;
  readonly node: string;
  /** Of the node, whose network it uses. */
  readonly address: string;
  /** Changes when its container is started anew. */
  readonly started: string;
}

/** Workers of one installation, kept as they are now. */
export class WorkerPods {
  readonly #namespace: string;
  readonly #workers = new Map<string, WorkerPod>();
  #listed: Set<string> | undefined;
  readonly #changed: (workers: readonly WorkerPod[]) => void;

  /** @param changed told of all workers whenever they are others than before */
  constructor(
    namespace: string,
    changed: (workers: readonly WorkerPod[]) => void,
  ) {
    this.#namespace = namespace;
    this.#changed = changed;
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
          .filter((name) => !this.#listed?.has(name));
        this.#listed = undefined;
        for (const name of gone) this.#workers.delete(name);
        this.#changed(this.list());
      }
    }
  }

  #set({ metadata = {} }: Pod, worker: WorkerPod | undefined): void {
    const { name = "", namespace, labels = {} } = metadata;
    const isWorker = labels[LABELS.part] === "thresher" &&
      labels[LABELS.component] === "worker";
    if (namespace !== this.#namespace || !isWorker) return;
    this.#listed?.add(name);
    const before = this.#workers.get(name);
    if (before?.started === worker?.started) return;
    if (worker) this.#workers.set(name, worker);
    else this.#workers.delete(name);
    if (!this.#listed) this.#changed(this.list());
  }
}

/** One that runs and is not being taken away. */
function toWorker({ metadata, spec, status }: Pod): WorkerPod | undefined {
  const [container] = status?.containerStatuses ?? [];
  const address = status?.podIP ?? status?.hostIP;
  const isRunning = container?.state?.running !== undefined;
  if (!isRunning || !address || metadata?.deletionTimestamp) return undefined;
  return {
    pod: metadata?.name ?? "",
    node: spec?.nodeName ?? "",
    address,
    started: `${container.containerID} ${container.restartCount}`,
  };
}
