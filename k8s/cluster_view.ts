/**
 * A cluster as its hub sees it: names, targets and workers, kept up to date
 * until it is disposed of.
 *
 * The history of names is saved every now and then, and at the end, where it
 * is given a file. What cannot be saved is said, and lost with the process.
 */
import type { ClusterStatus, LostKind, TargetSelection } from "../api/hub.ts";
import type { Claim } from "../entry/names.ts";
import type { Client } from "./client.ts";
import type { ClusterError } from "./cluster_error.ts";
import { loadNames, saveNames } from "./names_file.ts";
import { observe } from "./observer.ts";
import { Resolver } from "./resolver.ts";
import { Targets } from "./targets.ts";
import type { Patience } from "./watch.ts";
import { type WorkerPod, WorkerPods } from "./worker_pods.ts";

/** How often the history is saved, ms. */
const SAVE_INTERVAL = 60_000;

/** What is to be seen. */
export interface ViewOptions {
  /** Closed by whoever made it. */
  readonly client: Client;
  /** Of the installation whose workers are found. */
  readonly namespace: string;
  readonly selection: TargetSelection;
  /** Where the history of names is kept; absent for nowhere. */
  readonly namesFile?: string | undefined;
  /** Told, in words, what is lost and found again. */
  readonly say: (text: string) => void;
  readonly patience?: Patience | undefined;
}

/** Follows a cluster. */
export class ClusterView implements AsyncDisposable {
  readonly targets: Targets;
  /** Rejects if it has to end before it is disposed of, which is our mistake. */
  readonly ended: Promise<void>;
  readonly #options: ViewOptions;
  readonly #resolver: Resolver;
  readonly #workers: WorkerPods;
  readonly #stop = new AbortController();
  readonly #lost = new Map<string, LostKind>();
  readonly #changed = new Set<() => void>();
  readonly #heard = new Set<(claims: readonly Claim[]) => void>();
  #wasReady = false;
  #isSaved = true;
  #saving: Promise<void> = Promise.resolve();
  readonly #timer: ReturnType<typeof setInterval>;

  /** @throws BadSelection */
  constructor(options: ViewOptions) {
    const { client, namespace, selection, patience } = options;
    this.#options = options;
    this.targets = new Targets(selection);
    this.#workers = new WorkerPods(namespace);
    this.#resolver = new Resolver(
      this.#load(),
      (claims) => this.#hear(claims),
    );
    this.ended = observe(
      client,
      {
        resolver: this.#resolver,
        pods: [this.targets, this.#workers],
        state: (kind, error) => this.#note(kind, error),
      },
      this.#stop.signal,
      undefined,
      patience,
    );
    this.#timer = setInterval(() => this.#save(), SAVE_INTERVAL);
  }

  /** How well the cluster is known. */
  status(): ClusterStatus {
    const { size, dropped } = this.#resolver.history;
    return {
      names: { kept: size, dropped },
      server: this.#options.client.access.server,
      isReady: this.#resolver.isReady,
      lost: [...this.#lost.values()],
    };
  }

  /** Tells that the status has changed, until disposed of. */
  listen(changed: () => void): Disposable {
    this.#changed.add(changed);
    return { [Symbol.dispose]: () => this.#changed.delete(changed) };
  }

  /** Tells of all workers now and whenever they are others, until disposed of. */
  onWorkers(changed: (pods: readonly WorkerPod[]) => void): Disposable {
    return this.#workers.listen(changed);
  }

  /** What addresses are called, and were. */
  readonly names = {
    claims: (from: number, to: number): Iterable<Claim> =>
      this.#resolver.history.claims(from, to),
    /** Tells of claims that begin or end from now on, until disposed of. */
    listen: (heard: (claims: readonly Claim[]) => void): Disposable => {
      this.#heard.add(heard);
      return { [Symbol.dispose]: () => this.#heard.delete(heard) };
    },
  };

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.ended.catch(() => {}); // whoever waits for it heard of that
    this.#save();
    await this.#saving;
  }

  #hear(claims: readonly Claim[]): void {
    this.#isSaved = false;
    for (const heard of this.#heard) heard(claims);
    if (this.#wasReady) return;
    this.#wasReady = true;
    this.#tell();
  }

  #note(kind: LostKind["kind"], error: ClusterError | undefined): void {
    const { say } = this.#options;
    if (error) {
      const reason = error.message;
      const since = this.#lost.get(kind)?.since ?? Date.now() * 1000;
      this.#lost.set(kind, { kind, reason, since });
      say(`${kind} are not heard of: ${reason}`);
    } else {
      this.#lost.delete(kind);
      say(`${kind} are heard of again`);
    }
    this.#tell();
  }

  #tell(): void {
    for (const changed of this.#changed) changed();
  }

  #load() {
    const { namesFile, say } = this.#options;
    if (namesFile === undefined) return undefined;
    try {
      return loadNames(namesFile);
    } catch (error) {
      say(`names of before are not known: ${reasonOf(error)}`);
      return undefined;
    }
  }

  /** One after the other; nothing, if nothing is new. */
  #save(): void {
    const { namesFile, say } = this.#options;
    if (namesFile === undefined || this.#isSaved) return;
    this.#isSaved = true;
    const { history } = this.#resolver;
    this.#saving = this.#saving.then(async () => {
      try {
        const left = await saveNames(namesFile, history, Date.now() * 1000);
        if (left > 0) say(`${left} names found no room in ${namesFile}`);
      } catch (error) {
        this.#isSaved = false;
        say(`names cannot be saved: ${reasonOf(error)}`);
      }
    });
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
