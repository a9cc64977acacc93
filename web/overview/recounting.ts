/**
 * Recounting: a controller that asks the hub what an answer amounts to, and
 * asks anew while entries go on coming.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import { type Counted, Denied, Refused, Unreachable } from "../hub.ts";

/** Until it is asked anew where entries go on coming, at least, ms. */
const INTERVAL = 5000;

/** The hub may be busy with it for one part in so many of the time. */
const SHARE = 10;

export class Recounting<Q extends Counted, A> implements ReactiveController {
  /** The last answer, and what it answers. */
  answer: A | undefined;
  question: Q | undefined;
  /** Why there is no newer one. */
  mistake: string | undefined;
  readonly #host: ReactiveControllerHost;
  readonly #fetch: (question: Q, signal: AbortSignal) => Promise<A>;
  #asking: AbortController | undefined;
  #next: ReturnType<typeof setTimeout> | undefined;

  /** @param fetch asks the hub, @throws as `ask` of `hub.ts` */
  constructor(
    host: ReactiveControllerHost,
    fetch: (question: Q, signal: AbortSignal) => Promise<A>,
  ) {
    this.#host = host;
    this.#fetch = fetch;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#stop();
  }

  /** Asks; again after a while if it goes on. What was asked before is not. */
  async ask(question: Q): Promise<void> {
    this.#stop();
    const { signal } = this.#asking = new AbortController();
    const begun = performance.now();
    try {
      const answer = await this.#fetch(question, signal);
      if (signal.aborted) return;
      Object.assign(this, { question, answer, mistake: undefined });
    } catch (error) {
      if (signal.aborted) return;
      const isKnown = error instanceof Refused || error instanceof Denied ||
        error instanceof Unreachable;
      if (!isKnown) throw error;
      this.mistake = `${error.message}.`;
    }
    this.#host.requestUpdate();
    if (question.to !== undefined) return;
    const took = performance.now() - begun;
    this.#askIn(question, Math.max(INTERVAL, (SHARE - 1) * took));
  }

  /** Nobody looks at a hidden page. */
  #askIn(question: Q, delay: number): void {
    this.#next = setTimeout(() => {
      if (document.hidden) this.#askIn(question, INTERVAL);
      else void this.ask(question);
    }, delay);
  }

  #stop(): void {
    this.#asking?.abort();
    clearTimeout(this.#next);
  }
}
