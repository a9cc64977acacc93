/**
 * Workers: which there are, and what is known of each.
 *
 * A worker is known by its link until it has told the name of its node. Its
 * state is asked for every few seconds; queries do not wait for that and find
 * out themselves who answers.
 */
import { parseId } from "../entry/entry.ts";
import { WORKER } from "../api/paths.ts";
import type { WorkerLink, WorkerState } from "../api/worker.ts";
import { nowMicros } from "./clock.ts";

/** How often a worker's state is asked for, ms. */
const INTERVAL = 5000;

/** How long a worker may take to tell it, ms. */
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
  readonly link: WorkerLink;
  #state: WorkerState | undefined;
  #missing: Missing | undefined;

  constructor(link: WorkerLink) {
    this.link = link;
  }

  /** The name of its node; until that is known, where it is. */
  get name(): string {
    return this.#state?.node ?? this.link.name;
  }

  /** As it was told last. */
  get state(): WorkerState | undefined {
    return this.#state;
  }

  /** Why it does not answer; absent if it does. */
  get missing(): Missing | undefined {
    return this.#missing;
  }

  /** Asks for its state. */
  async refresh(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const response = await this.link.fetch(WORKER.state, { signal });
      const text = await readText(response, MAX_STATE);
      if (!response.ok) throw new Error(`It answers ${response.status}`);
      this.#state = toState(text);
      this.#missing = undefined;
    } catch (error) {
      this.lose(reasonOf(error));
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
      return response.ok ? undefined : text.trim() || String(response.status);
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** It was found not to answer. */
  lose(reason: string): void {
    const since = this.#missing?.since ?? nowMicros();
    this.#missing = { reason, since };
  }

  /** It was found to answer. */
  find(): void {
    this.#missing = undefined;
  }
}

/** All workers of a hub. */
export class Workers {
  readonly #workers: HubWorker[] = [];
  /** What was set on all workers, by route. */
  readonly #settings = new Map<string, object>();
  readonly #listeners = new Set<(worker: HubWorker) => void>();
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
    for (const listener of this.#listeners) listener(worker);
    void this.#refresh(worker);
    return worker;
  }

  /** Tells of workers that are added from now on, until disposed of. */
  onAdded(listener: (worker: HubWorker) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** The worker in whose packets the entry of that id lies. */
  ofEntry(id: string): HubWorker | undefined {
    const node = parseId(id)?.node;
    return this.#workers.find(({ name }) => name.replaceAll("~", "-") === node);
  }

  /** Asks all for their state; those that are back get what was set. */
  async refresh(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => this.#refresh(worker)));
  }

  /** What was set last at a route of all workers. */
  setting(path: string): object | undefined {
    return this.#settings.get(path);
  }

  /**
   * Sets something on all workers, and on those that come later.
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

  async #refresh(worker: HubWorker): Promise<void> {
    const wasThere = worker.state !== undefined && !worker.missing;
    await worker.refresh();
    if (wasThere || worker.missing) return;
    for (const [path, value] of this.#settings) await worker.put(path, value);
  }

  /** Asks again and again, until stopped. */
  watch(): void {
    void this.refresh();
    this.#timer ??= setInterval(() => void this.refresh(), INTERVAL);
  }

  /** Ends {@link watch}. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
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
