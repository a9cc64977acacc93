/**
 * Workers that somebody finds: those of a cluster's pods.
 *
 * A pod that is there has a worker, also while it does not run yet, or crashes:
 * so nobody takes what its node says for the whole. A container that is started
 * anew finds what it kept; another pod on the same node begins with nothing,
 * and is another worker.
 */
import type { Channel } from "../api/channel.ts";
import type { WorkerLink } from "../api/worker.ts";
import type { HubWorker, Workers } from "./workers.ts";

/** Where a worker should be. */
export interface FoundWorker {
  /** The same as long as its packets are kept. */
  readonly uid: string;
  readonly node: string;
  /** Absent while it cannot be dialled. */
  readonly address?: string | undefined;
  /** Changes whenever it begins anew. */
  readonly started: string;
  /** Why it does not run. */
  readonly waiting?: string | undefined;
}

/** A link that can be let go of. */
export interface FoundLink extends WorkerLink {
  close(): void;
}

interface Known {
  readonly worker: HubWorker;
  link: FoundLink;
  found: FoundWorker;
}

/** Keeps a hub's workers to those that are found. */
export class FoundWorkers {
  readonly #workers: Workers;
  readonly #dial: (address: string, node: string) => FoundLink;
  readonly #known = new Map<string, Known>();

  /** @param dial makes the way to a worker; opens nothing yet */
  constructor(
    workers: Workers,
    dial: (address: string, node: string) => FoundLink,
  ) {
    this.#workers = workers;
    workers.comeAndGo = true;
    this.#dial = dial;
  }

  /** Takes all that there are now. */
  take(found: readonly FoundWorker[]): void {
    const there = new Set(found.map(({ uid }) => uid));
    for (const [uid, known] of this.#known) {
      if (!there.has(uid)) this.#drop(uid, known);
    }
    for (const one of found) {
      const known = this.#known.get(one.uid);
      if (known) this.#update(known, one);
      else this.#add(one);
    }
  }

  #add(found: FoundWorker): void {
    const link = this.#linkTo(found);
    const worker = this.#workers.add(link);
    this.#known.set(found.uid, { worker, link, found });
  }

  #update(known: Known, found: FoundWorker): void {
    const before = known.found;
    if (isSame(before, found)) return;
    known.found = found;
    const isElsewhere = before.address !== found.address ||
      before.waiting !== found.waiting;
    if (isElsewhere) {
      known.link.close();
      known.link = this.#linkTo(found);
      known.worker.moveTo(known.link);
    }
    void this.#workers.refreshOne(known.worker);
  }

  #drop(uid: string, { worker, link }: Known): void {
    this.#known.delete(uid);
    this.#workers.remove(worker);
    link.close();
  }

  #linkTo({ address, node, waiting }: FoundWorker): FoundLink {
    return address === undefined
      ? new Waiting(node, waiting ?? "Its pod does not run yet")
      : this.#dial(address, node);
  }
}

const isSame = (a: FoundWorker, b: FoundWorker): boolean =>
  a.address === b.address && a.started === b.started &&
  a.waiting === b.waiting;

/** A worker that is not there yet, and says why. */
class Waiting implements FoundLink {
  readonly name: string;
  readonly #why: string;

  constructor(node: string, why: string) {
    this.name = node;
    this.#why = why;
  }

  ask(): Promise<Channel> {
    return Promise.reject(new Error(this.#why));
  }

  fetch(): Promise<Response> {
    return Promise.reject(new Error(this.#why));
  }

  close(): void {}
}
