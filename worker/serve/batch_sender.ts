/** Rows on their way to whoever asked: at most as many as they can take. */
import { setTimeout } from "node:timers/promises";
import { BatchWriter, type Form } from "../../api/batch.ts";
import type { Channel } from "../../api/channel.ts";
import type { Rendered } from "../scan/rendering.ts";
import type { Credit } from "./credit.ts";

/** Sends batches over a channel. */
export class BatchSender {
  readonly #channel: Channel;
  readonly #credit: Credit;
  readonly #signal: AbortSignal;
  readonly #writer: BatchWriter;

  constructor(
    channel: Channel,
    form: Form,
    credit: Credit,
    signal: AbortSignal,
  ) {
    this.#channel = channel;
    this.#credit = credit;
    this.#signal = signal;
    this.#writer = new BatchWriter(form);
  }

  /** Whether what was added should be sent before anything else is. */
  get isFull(): boolean {
    return this.#writer.isFull;
  }

  /** Adds a row, which is copied. */
  add({ head, position, text }: Rendered): void {
    this.#writer.add(head, position, text);
  }

  /**
   * Sends what was added, as soon as there is credit; other events have had
   * their turn then.
   *
   * @throws what the signal was aborted with
   */
  async flush(): Promise<void> {
    if (this.#writer.count === 0) return;
    await this.#credit.wait();
    this.#credit.spend();
    this.#channel.send(this.#writer.take());
    await setTimeout(0);
    this.#signal.throwIfAborted();
  }
}
