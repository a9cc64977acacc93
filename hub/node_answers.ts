/**
 * What answers on all nodes called whom.
 *
 * A worker names the ends of its entries by the answers that it stored itself,
 * and needs nobody for that. But a name that was asked for on one node may lead
 * to an address that another one sees: so the hub collects what workers know
 * when somebody asks for names, and tells it to the others. One worker alone
 * is never asked.
 */
import { setTimeout } from "node:timers/promises";
import { toAnsweredParts } from "../api/names.ts";
import { WORKER } from "../api/paths.ts";
import { type Answered, AnsweredNames } from "../entry/answered_names.ts";
import type { Names } from "../entry/names.ts";
import { type HubWorker, readText, type Workers } from "./workers.ts";

/** How long an answer may wait for what workers know, ms. */
const PATIENCE = 1000;

/** How long what they said is taken to be all, ms. */
const FRESH = 1000;

/** How long a worker may take to say it, ms: it may have to dissect first. */
const TIMEOUT = 30_000;

/** Bytes of what a worker says. */
const MAX_SAID = 8 * 1024 * 1024;

/** What one worker has said. */
interface Said {
  /** When the last answer was given that it told of, µs. */
  seen: number;
  /** When its newest packet was captured, as it was known then; µs. */
  stored: number | undefined;
  /** While it is asked. */
  asking: Promise<void> | undefined;
}

/** Collects answered names for as long as somebody asks. */
export class NodeAnswers {
  readonly #workers: Workers;
  readonly #known = new AnsweredNames();
  readonly #said = new WeakMap<HubWorker, Said>();
  readonly #listeners = new Set<(answered: readonly Answered[]) => void>();
  #watching: Disposable | undefined;
  #collecting: Promise<unknown> | undefined;
  #collectedAt = -Infinity;
  #parts: readonly Uint8Array[] | undefined;

  constructor(workers: Workers) {
    this.#workers = workers;
  }

  /** Whether some workers may know what others do not. */
  get isNeeded(): boolean {
    return this.#workers.all.length > 1;
  }

  /** What an address was called at a time (µs), as far as it has been told. */
  at(address: string, time: number): Names | undefined {
    return this.#known.at(address, time);
  }

  /** All that workers know; of one that is slow what it said before. */
  async parts(): Promise<readonly Uint8Array[]> {
    if (!this.isNeeded) return [];
    await Promise.race([
      this.#collect(),
      setTimeout(PATIENCE, undefined, { ref: false }),
    ]);
    return this.#parts ??= [...toAnsweredParts(this.#known)];
  }

  /** Tells of what is learnt from now on, until disposed of. */
  listen(heard: (answered: readonly Answered[]) => void): Disposable {
    this.#listeners.add(heard);
    // Their state is asked for anyway, and says who has stored anything since.
    this.#watching ??= this.#workers.listen({
      refreshed: (worker) => {
        const { stored } = this.#saidBy(worker);
        const { state, missing } = worker;
        const isNew = !missing && state?.storage.last !== stored;
        if (this.isNeeded && isNew) void this.#ask(worker);
      },
    });
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(heard);
        if (this.#listeners.size > 0) return;
        this.#watching?.[Symbol.dispose]();
        this.#watching = undefined;
      },
    };
  }

  #collect(): Promise<unknown> {
    if (performance.now() - this.#collectedAt < FRESH) return Promise.resolve();
    return this.#collecting ??= Promise.all(
      this.#workers.all.map((worker) => this.#ask(worker)),
    ).finally(() => {
      this.#collecting = undefined;
      this.#collectedAt = performance.now();
    });
  }

  #saidBy(worker: HubWorker): Said {
    let said = this.#said.get(worker);
    if (!said) {
      said = { seen: 0, stored: undefined, asking: undefined };
      this.#said.set(worker, said);
    }
    return said;
  }

  /** Asks a worker; for whoever asks meanwhile, too. */
  #ask(worker: HubWorker): Promise<void> {
    const said = this.#saidBy(worker);
    return said.asking ??= this.#fetch(worker, said)
      .finally(() => said.asking = undefined);
  }

  async #fetch({ link, state }: HubWorker, said: Said): Promise<void> {
    try {
      const path = `${WORKER.names}?since=${said.seen}`;
      const signal = AbortSignal.timeout(TIMEOUT);
      const response = await link.fetch(path, { signal });
      const text = await readText(response, MAX_SAID);
      if (!response.ok) return;
      this.#learn(toAnswered(text), said);
      said.stored = state?.storage.last;
    } catch (error) {
      // Whoever cannot be reached is missing from the answer, which says so.
      if (!(error instanceof Error)) throw error;
    }
  }

  #learn(answered: readonly Answered[], said: Said): void {
    const fresh = answered.filter(({ address, name, from, seen }) => {
      said.seen = Math.max(said.seen, seen);
      const isNew = this.#known.learn(address, name, from);
      return this.#known.learn(address, name, seen) || isNew;
    });
    if (fresh.length === 0) return;
    this.#parts = undefined;
    for (const heard of this.#listeners) heard(fresh);
  }
}

/** @throws Error if it is none */
function toAnswered(text: string): Answered[] {
  const value: unknown = JSON.parse(text);
  if (Array.isArray(value) && value.every(isAnswered)) return value;
  throw new Error("It does not tell names");
}

function isAnswered(value: unknown): value is Answered {
  const { address, name, from, seen } = (value ?? {}) as Partial<Answered>;
  return typeof address === "string" && typeof name === "string" &&
    Number.isSafeInteger(from) && Number.isSafeInteger(seen);
}
