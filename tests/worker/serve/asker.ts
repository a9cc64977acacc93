/** Asks a worker as a hub does, and takes what it answers. */
import { Batch } from "../../../api/batch.ts";
import type { Channel } from "../../../api/channel.ts";
import {
  type Answer,
  type Ask,
  type Output,
  readAnswer,
} from "../../../api/messages.ts";
import { SCHEMA } from "../../../dissectors/registry.ts";
import { compileQuery } from "../../../kfl/query.ts";
import type { Plan, QueryOptions } from "../../../kfl/plan.ts";

/** The plan of a filter that is right. */
export function planOf(
  kfl: string,
  options: Partial<QueryOptions> = {},
): Plan {
  const { plan } = compileQuery(kfl, SCHEMA, { now: 0, ...options });
  if (!plan) throw new Error(`"${kfl}" is wrong`);
  return plan;
}

/** A question, with what tests seldom care about. */
export function askFor(
  kfl: string,
  { output = "row", last = 0, credit = 16, ...options }:
    & Partial<QueryOptions>
    & { output?: Output; last?: number; credit?: number } = {},
): Ask {
  return { plan: planOf(kfl, options), output, last, credit };
}

/** One row of an answer. */
export interface Row {
  readonly id: string;
  readonly timestamp: number;
  readonly completed: number;
  readonly text: string;
}

/** An answer that is coming in. */
export class Asked {
  /** Everything that was said in text, but for progress. */
  readonly answers: Answer[] = [];
  readonly progress: Answer[] = [];
  /** Rows before `live`, and behind it. */
  readonly rows: Row[] = [];
  readonly liveRows: Row[] = [];
  /** Sizes of the batches that had rows. */
  readonly batches: number[] = [];
  heartbeats = 0;
  watermark = -Infinity;
  /** Entries of live batches at or below a watermark that was said before. */
  late = 0;
  closed: string | undefined;
  readonly #channel: Channel;
  readonly #grants: boolean;
  #isLive = false;
  #wake: () => void = () => {};

  /** @param grants whether each batch is answered with credit for another */
  constructor(channel: Channel, ask: Ask | string, grants = true) {
    this.#channel = channel;
    this.#grants = grants;
    channel.listen({
      onMessage: (message) => {
        if (typeof message === "string") this.#hear(readAnswer(message));
        else this.#take(new Batch(message));
        this.#wake();
      },
      onClose: (reason) => {
        this.closed = reason;
        this.#wake();
      },
    });
    channel.send(typeof ask === "string" ? ask : JSON.stringify(ask));
  }

  get error(): string | undefined {
    const last = this.answers.at(-1);
    return last && "error" in last ? last.error.code : undefined;
  }

  /** What `done` said. */
  get done(): Extract<Answer, { done: unknown }> | undefined {
    const last = this.answers.at(-1);
    return last && "done" in last ? last : undefined;
  }

  grant(credit: number): void {
    this.#channel.send(JSON.stringify({ credit }));
  }

  close(): void {
    this.#channel.close("enough");
  }

  /** Waits until something holds. */
  async until(holds: () => boolean, patience = 20_000): Promise<this> {
    const late = performance.now() + patience;
    while (!holds()) {
      if (performance.now() > late) {
        throw new Error(
          `Waited in vain: ${JSON.stringify(this.answers)}, ` +
            `${this.rows.length} + ${this.liveRows.length} rows`,
        );
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, 20);
      await promise;
      clearTimeout(timer);
    }
    return this;
  }

  /** Waits for its end. */
  ended(): Promise<this> {
    return this.until(() => this.closed !== undefined);
  }

  #hear(answer: Answer): void {
    if ("progress" in answer) this.progress.push(answer);
    else this.answers.push(answer);
    if ("live" in answer) this.#isLive = true;
  }

  #take(batch: Batch): void {
    const rows = this.#isLive ? this.liveRows : this.rows;
    for (let row = 0; row < batch.count; row++) {
      const completed = batch.completed[row]!;
      if (this.#isLive && completed <= this.watermark) this.late++;
      rows.push({
        id: batch.id(row),
        timestamp: batch.timestamp[row]!,
        completed,
        text: batch.text(row),
      });
    }
    this.watermark = Math.max(this.watermark, batch.watermark ?? -Infinity);
    if (batch.count === 0) {
      this.heartbeats++;
      return;
    }
    this.batches.push(batch.count);
    if (this.#grants) this.grant(1);
  }
}

/** Asks, in one go. */
export async function ask(
  worker: { ask(): Promise<Channel> },
  question: Ask | string,
  grants = true,
): Promise<Asked> {
  return new Asked(await worker.ask(), question, grants);
}
