/**
 * Workers: which there are, and what is known of each.
 *
 * A worker is known by its link until it has told the name of its node. Its
 * state is asked for every few seconds, and more often while it does not
 * answer; queries do not wait for that and find out themselves who answers.
 *
 * In between each is asked whether it is there, for a node that loses its power
 * closes no connection: it is missing 3 s later, at the latest.
 */
import { parseId } from "../entry/entry.ts";
import { WORKER } from "../api/paths.ts";
import type { WorkerLink, WorkerState } from "../api/worker.ts";
import { nowMicros } from "./clock.ts";

/**
 * How often a worker is asked whether it is there, and one that does not
 * answer is looked for, ms.
 */
const BEAT_INTERVAL = 1000;

/** How often the state of those that are there is asked for, in intervals. */
const REFRESH_EVERY = 5;

/** How long a worker may say nothing at all before it is missing, ms. */
const MAX_SILENCE = 2000;

/** How long a worker may take to tell its state, or to take an order, ms. */
const PATIENCE = 3000;

/** Bytes of a state. */
const MAX_STATE = 256 * 1024;

/** Why nothing comes from a worker, and since when; µs. */
export interface Missing {
  readonly reason: string;
  readonly since: number;
}

/** One worker. */
export class HubWorker {
  #link: WorkerLink;
  #state: WorkerState | undefined;
  #missing: Missing | undefined;
  #refreshing: Promise<void> | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #relying = new Set<(reason: string) => void>();
  /** When it last answered anything, ms; monotonic. */
  #heardAt = 0;

  constructor(link: WorkerLink) {
    this.#link = link;
  }

  /** The way to it. */
  get link(): WorkerLink {
    return this.#link;
  }

  /** The name of its node; until that is known, where it is. */
  get name(): string {
    return this.#state?.node ?? this.#link.name;
  }

  /** As it was told last. */
  get state(): WorkerState | undefined {
    return this.#state;
  }

  /** Why it does not answer; absent if it does. */
  get missing(): Missing | undefined {
    return this.#missing;
  }

  /** From now on it is reached elsewhere. */
  moveTo(link: WorkerLink): void {
    this.#link = link;
    this.#refreshing = undefined;
  }

  /** Asks for its state; for whoever asks meanwhile, too. */
  refresh(): Promise<void> {
    const refreshing = this.#refreshing ??= this.#refresh(this.#link)
      .finally(() => {
        if (this.#refreshing === refreshing) this.#refreshing = undefined;
      });
    return refreshing;
  }

  async #refresh(link: WorkerLink): Promise<void> {
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const response = await link.fetch(WORKER.state, { signal });
      this.#heardAt = performance.now();
      const text = await readText(response, MAX_STATE);
      if (!response.ok) throw new Error(`It answers ${response.status}`);
      const state = toState(text);
      if (this.#link !== link) return;
      this.#state = state;
      this.find();
    } catch (error) {
      if (this.#link === link) this.lose(reasonOf(error));
    }
  }

  /**
   * Sets something at one of its routes.
   *
   * @returns why it was not taken; `undefined` if it was
   */
  async put(path: string, value: object): Promise<string | undefined> {
    try {
      const response = await this.link.fetch(path, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(value),
        signal: AbortSignal.timeout(PATIENCE),
      });
      const text = await readText(response, MAX_STATE);
      if (response.ok) return undefined;
      const { code, message } = refusalIn(text);
      const isSavefile = code === "unable" && !this.#state?.capture;
      return isSavefile ? undefined : message || `${response.status}`;
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** Finds out whether it is there; what it answers, and how, is no matter. */
  async beat(): Promise<void> {
    const link = this.#link;
    const asked = performance.now();
    try {
      const signal = AbortSignal.timeout(MAX_SILENCE);
      const response = await link.fetch(WORKER.health, { signal });
      this.#heardAt = performance.now();
      await response.body?.cancel();
    } catch (error) {
      // One connection may be cut, while others are not.
      const wasHeard = this.#heardAt > asked;
      if (this.#link === link && !wasHeard) this.lose(reasonOf(error));
    }
  }

  /** It was found not to answer. */
  lose(reason: string): void {
    const since = this.#missing?.since ?? nowMicros();
    this.#missing = { reason, since };
    for (const lost of [...this.#relying]) lost(reason);
  }

  /** It was found to answer. */
  find(): void {
    if (!this.#missing) return;
    this.#missing = undefined;
    for (const found of [...this.#waiting]) found();
  }

  /** Tells whenever it was found not to answer, until disposed of. */
  onLost(lost: (reason: string) => void): Disposable {
    this.#relying.add(lost);
    return { [Symbol.dispose]: () => this.#relying.delete(lost) };
  }

  /** Tells whenever it answers that did not, until disposed of. */
  onFound(found: () => void): Disposable {
    this.#waiting.add(found);
    return { [Symbol.dispose]: () => this.#waiting.delete(found) };
  }
}

/** What may happen to the workers of a hub. Whoever listens takes what it wants. */
export interface WorkersListener {
  added?(worker: HubWorker): void;
  /** It is none of ours any more; what it is answering it may answer. */
  removed?(worker: HubWorker): void;
  /** It was asked for its state, and told it or did not answer. */
  refreshed?(worker: HubWorker): void;
}

/** All workers of a hub. */
export class Workers {
  readonly #workers: HubWorker[] = [];
  /** What was set on all workers, by route. */
  readonly #settings = new Map<string, object>();
  readonly #listeners = new Set<WorkersListener>();
  /** Whether there may be others at any time: somebody looks for them. */
  comeAndGo = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(links: readonly WorkerLink[]) {
    for (const link of links) this.#workers.push(new HubWorker(link));
  }

  /** As they came. */
  get all(): readonly HubWorker[] {
    return this.#workers;
  }

  /** Adds one, also to queries that are running and follow. */
  add(link: WorkerLink): HubWorker {
    const worker = new HubWorker(link);
    this.#workers.push(worker);
    for (const listener of this.#listeners) listener.added?.(worker);
    void this.refreshOne(worker);
    return worker;
  }

  /** Takes one away; queries that follow do without it from now on. */
  remove(worker: HubWorker): void {
    const at = this.#workers.indexOf(worker);
    if (at < 0) return;
    this.#workers.splice(at, 1);
    for (const listener of this.#listeners) listener.removed?.(worker);
  }

  /** Tells of what happens from now on, until disposed of. */
  listen(listener: WorkersListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /**
   * Whether an exchange may be seen twice: by several that capture, or on both
   * legs of a mesh. Savefiles are taken as they are.
   *
   * @param later also by those that may come
   */
  mayHaveTwins(later: boolean): boolean {
    const capturing = this.#workers.filter(({ state }) =>
      !state || state.capture !== undefined
    );
    return capturing.length > 1 || later && this.comeAndGo ||
      capturing.some(({ state }) => state?.capture?.networks !== undefined);
  }

  /** The worker in whose packets the entry of that id lies. */
  ofEntry(id: string): HubWorker | undefined {
    const node = parseId(id)?.node;
    return this.#workers.find(({ name }) => name.replaceAll("~", "-") === node);
  }

  /** Asks all for their state; those that are back get what was set. */
  async refresh(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => this.refreshOne(worker)));
  }

  /** What was set last at a route of all workers. */
  setting(path: string): object | undefined {
    return this.#settings.get(path);
  }

  /**
   * Sets something on all workers, and on those that come later. A savefile,
   * on which nothing can be set, is passed over.
   *
   * @returns those that did not take it, and why
   */
  async set(
    path: string,
    value: object,
  ): Promise<{ readonly name: string; readonly reason: string }[]> {
    this.#settings.set(path, value);
    const results = await Promise.all(this.#workers.map(async (worker) => {
      const reason = await worker.put(path, value);
      return reason === undefined ? [] : [{ name: worker.name, reason }];
    }));
    return results.flat();
  }

  /** Asks one for its state. */
  async refreshOne(worker: HubWorker): Promise<void> {
    const wasThere = worker.state !== undefined && !worker.missing;
    await worker.refresh();
    if (!wasThere && !worker.missing) {
      for (const [path, value] of this.#settings) await worker.put(path, value);
    }
    for (const listener of this.#listeners) listener.refreshed?.(worker);
  }

  /** Asks again and again, until stopped. */
  watch(): void {
    void this.refresh();
    let count = 0;
    this.#timer ??= setInterval(() => {
      const isDue = ++count % REFRESH_EVERY === 0;
      for (const worker of this.#workers) void this.#look(worker, isDue);
    }, BEAT_INTERVAL);
  }

  /** @param isDue whether its state is asked for, though it is there */
  async #look(worker: HubWorker, isDue: boolean): Promise<void> {
    if (isDue || worker.missing) return await this.refreshOne(worker);
    await worker.beat();
    if (!worker.missing) return;
    for (const listener of this.#listeners) listener.refreshed?.(worker);
  }

  /** Ends {@link watch}. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Code and message of a worker that refuses; else all that it says. */
function refusalIn(text: string): { code?: string; message?: string } {
  try {
    const { error }: { error?: object } = JSON.parse(text);
    return error ?? { message: text.trim() };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { message: text.trim() };
  }
}

/** What went wrong, as one line. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === "TimeoutError" ? "It does not answer" : error.message;
}

/**
 * A body as text.
 *
 * @throws Error if it is longer than `most` bytes
 */
export async function readText(
  response: Response,
  most: number,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > most) throw new Error("Its answer is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** @throws Error if it is none */
function toState(text: string): WorkerState {
  const value: unknown = JSON.parse(text);
  const isState = typeof value === "object" && value !== null &&
    typeof (value as { node?: unknown }).node === "string" &&
    typeof (value as { storage?: unknown }).storage === "object";
  if (!isState) throw new Error("It does not tell its state");
  return value as WorkerState;
}
