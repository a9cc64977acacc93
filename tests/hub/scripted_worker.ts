/**
 * A worker that speaks the protocol of `api/` over real channels and whose
 * entries are given: tests say what it has, when it gets more, and when it dies.
 */
import { BatchWriter } from "../../api/batch.ts";
import { type Channel, type Message, PortChannel } from "../../api/channel.ts";
import {
  type Answer,
  type Ask,
  type NodeCoverage,
  readAsk,
  readGrant,
} from "../../api/messages.ts";
import { WORKER } from "../../api/paths.ts";
import type { WorkerLink, WorkerState } from "../../api/worker.ts";
import type { Random } from "../fuzz/random.ts";
import {
  addTo,
  compareCompleted,
  compareStored,
  type Made,
} from "./batches.ts";

/** How one behaves. */
export interface Manner {
  /** Sizes of batches and pauses are drawn from it. */
  readonly random?: Random;
  /** Answers to other routes than those it knows. */
  readonly routes?: (path: string, init?: RequestInit) => Response | undefined;
}

/** One worker. */
export class ScriptedWorker implements WorkerLink {
  readonly name: string;
  readonly node: string;
  /** Why it cannot be reached; absent if it can. */
  down: string | undefined;
  /** Whether it says nothing though it is there. */
  hangs = false;
  /** What it was asked. */
  readonly asked: Ask[] = [];
  /** Batches with entries that it sent, and that it may not have sent. */
  sent = 0;
  readonly #manner: Manner;
  readonly #stored: Made[];
  readonly #talks = new Set<Talk>();
  #now: number;

  /** @param stored its entries; they are copied */
  constructor(node: string, stored: readonly Made[], manner: Manner = {}) {
    this.name = `wss://${node}`;
    this.node = node;
    this.#manner = manner;
    this.#stored = [...stored];
    this.#now = Math.max(0, ...stored.map(({ completed }) => completed));
  }

  ask(): Promise<Channel> {
    if (this.down) return Promise.reject(new Error(this.down));
    const { port1, port2 } = new MessageChannel();
    const talk = new Talk(this, new PortChannel(port1), this.#manner);
    this.#talks.add(talk);
    return Promise.resolve(new PortChannel(port2));
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    if (this.down) return Promise.reject(new Error(this.down));
    if (this.hangs) return silence(init?.signal);
    const known = this.#manner.routes?.(path, init);
    if (known) return Promise.resolve(known);
    return Promise.resolve(
      path === WORKER.state
        ? Response.json(this.#state())
        : new Response("None", { status: 404 }),
    );
  }

  /** What it has. */
  get stored(): readonly Made[] {
    return this.#stored;
  }

  /** Up to when it has read its packets, µs. */
  get now(): number {
    return this.#now;
  }

  /** It captures more. */
  capture(entries: readonly Made[], now: number): void {
    this.#stored.push(...entries);
    this.#now = Math.max(this.#now, now);
    for (const talk of this.#talks) talk.go();
  }

  /** It dies, with all that it was asked. */
  kill(reason = "connection lost"): void {
    this.down = reason;
    for (const talk of this.#talks) talk.end(reason);
    this.#talks.clear();
  }

  /** It is there again, with what it had stored. */
  restart(): void {
    this.down = undefined;
  }

  #state(): WorkerState {
    return {
      node: this.node,
      version: "0.1.0",
      storage: { limit: 2e8, used: 1e6, packets: this.#stored.length },
    };
  }
}

/** As a machine without power answers: not at all, until nobody waits. */
function silence(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(signal!.reason);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** One query, as the worker sees it. */
class Talk {
  readonly #worker: ScriptedWorker;
  readonly #channel: Channel;
  readonly #manner: Manner;
  #ask: Ask | undefined;
  #credit = 0;
  #waiting: Made[] = [];
  #isLive = false;
  /** How many of the worker's entries were looked at. */
  #seen = 0;
  #matches = 0;

  constructor(worker: ScriptedWorker, channel: Channel, manner: Manner) {
    this.#worker = worker;
    this.#channel = channel;
    this.#manner = manner;
    channel.listen({
      onMessage: (message) => this.#hear(message),
      onClose: () => {},
    });
  }

  end(reason: string): void {
    this.#channel.close(reason);
  }

  /** Sends what it may. */
  go(): void {
    if (!this.#ask || this.#worker.hangs) return;
    this.#send();
    if (this.#waiting.length > 0) return;
    const { plan } = this.#ask;
    if (!plan.follow) return this.#finish();
    if (!this.#isLive) {
      this.#isLive = true;
      this.#say({ live: { since: this.#worker.now } });
    }
    const fresh = this.#worker.stored.slice(this.#seen);
    this.#seen = this.#worker.stored.length;
    this.#waiting = fresh.sort(compareCompleted);
    this.#send();
    if (this.#waiting.length > 0) return;
    const beat = new BatchWriter("row").take(this.#worker.now);
    this.#channel.send(beat);
  }

  #hear(message: Message): void {
    if (typeof message !== "string") throw new Error("Bytes came");
    if (this.#ask) {
      this.#credit += readGrant(message).credit;
      return this.go();
    }
    const ask = readAsk(message);
    this.#worker.asked.push(ask);
    this.#begin(ask);
  }

  #begin(ask: Ask): void {
    this.#ask = ask;
    this.#credit = ask.credit;
    const { plan, last, after } = ask;
    this.#seen = this.#worker.stored.length;
    const { to = Infinity } = plan.window;
    const stored = this.#worker.stored.filter((made) => made.timestamp <= to);
    if (after) {
      this.#isLive = true;
      this.#say({ live: { since: this.#worker.now } });
      const edge = { ...after, node: this.#worker.node, timestamp: 0 };
      this.#waiting = stored.sort(compareCompleted)
        .filter((made) => compareCompleted(made, edge) > 0);
    } else {
      stored.sort(compareStored);
      if (plan.order === "desc") stored.reverse();
      this.#waiting = plan.follow
        ? last > 0 ? stored.slice(-last) : []
        : stored.slice(0, plan.limit);
      this.#matches = stored.length;
      if (plan.follow) this.#say({ stored: { count: this.#waiting.length } });
    }
    if (ask.output === "count") this.#waiting = [];
    this.go();
  }

  #send(): void {
    const { random } = this.#manner;
    while (this.#credit > 0 && this.#waiting.length > 0) {
      const writer = new BatchWriter(
        this.#ask!.output === "entry" ? "entry" : "row",
      );
      const size = random ? random.int(1, 40) : 1000;
      let count = 0;
      while (count < size && !writer.isFull && this.#waiting[count]) {
        addTo(writer, this.#waiting[count++]!);
      }
      this.#waiting.splice(0, count);
      this.#channel.send(writer.take());
      this.#credit--;
      this.#worker.sent++;
    }
  }

  #finish(): void {
    this.#say({
      done: { matches: this.#matches },
      coverage: [coverageOf(this.#worker)],
    });
    this.#channel.close();
  }

  #say(answer: Answer): void {
    this.#channel.send(JSON.stringify(answer));
  }
}

/** What it covers: everything that it has. */
export function coverageOf({ node, stored }: ScriptedWorker): NodeCoverage {
  return {
    node,
    packets: stored.length,
    cut: 0,
    malformed: 0,
    lost: 0,
    damage: [],
    stages: {},
  };
}
