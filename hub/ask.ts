/**
 * The client's end of a query: whoever asks a hub, in this process or from
 * another one, reads the answer by `for await`.
 */
import { Batch } from "../api/batch.ts";
import type { Channel, Message } from "../api/channel.ts";
import { type Answer, type QueryRequest, readAnswer } from "../api/messages.ts";

/** The way to the hub ended before the answer did. */
export class ChannelLost extends Error {
  override name = "ChannelLost";
}

/**
 * Asks, and gives what is answered in order: batches with entries, and all
 * else that the hub says. It ends behind `done` or `error`. While nobody reads
 * on, no credit is granted: so the hub waits, and its workers do.
 *
 * @param signal ends it with the signal's reason
 * @throws ChannelLost, BadMessage
 */
export async function* ask(
  channel: Channel,
  request: QueryRequest,
  signal?: AbortSignal,
): AsyncGenerator<Batch | Answer> {
  const inbox = new Inbox(channel, signal);
  try {
    channel.send(JSON.stringify(request));
    while (true) {
      const message = await inbox.next();
      if (typeof message !== "string") {
        const batch = new Batch(message);
        if (batch.count > 0) {
          yield batch;
          channel.send('{"credit":1}');
        }
        continue;
      }
      const answer = readAnswer(message);
      yield answer;
      if ("done" in answer || "error" in answer) return;
    }
  } finally {
    inbox.close();
    channel.close();
  }
}

/** Messages that came and were not read. Credit bounds them. */
class Inbox {
  readonly #messages: Message[] = [];
  readonly #signal: AbortSignal | undefined;
  #wake: () => void = () => {};
  #closed: string | undefined;
  readonly #onAbort = () => this.#wake();

  constructor(channel: Channel, signal?: AbortSignal) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
    channel.listen({
      onMessage: (message) => {
        this.#messages.push(message);
        this.#wake();
      },
      onClose: (reason) => {
        this.#closed = reason;
        this.#wake();
      },
    });
  }

  async next(): Promise<Message> {
    while (true) {
      this.#signal?.throwIfAborted();
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#closed !== undefined) throw new ChannelLost(this.#closed);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  close(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** Whether it is entries, and nothing that is said about them. */
export function isBatch(part: Batch | Answer): part is Batch {
  return part instanceof Batch;
}
