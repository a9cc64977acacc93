/**
 * Asking: one worker's part in one query, for as long as the query runs.
 *
 * A worker that is lost in a closed range is missing from the answer. In a
 * query that follows it is dialled again, ever more slowly, and asked for what
 * was completed since a little before the last that it said, for it may have
 * been late with something. Packets are kept there, so nothing is lost; what is
 * known already is left out.
 *
 * A worker lost among its stored entries is asked for all of them again. By then
 * more is stored than when the query began: so it is asked for what began until
 * then, and, once that is said, a third time for what was completed since.
 */
import { BadMessage, Batch, BatchWriter } from "../api/batch.ts";
import type { Channel, Message } from "../api/channel.ts";
import {
  type Answer,
  type Ask,
  type Completed,
  HEARTBEAT,
  type NodeCoverage,
  type Output,
  type Progress,
  readAnswer,
} from "../api/messages.ts";
import type { Plan } from "../kfl/plan.ts";
import { nowMicros } from "./clock.ts";
import { STORED_HOLD } from "./merge.ts";
import type { NameParts } from "./names.ts";
import { type HubWorker, type Missing, reasonOf } from "./workers.ts";

/** How long it takes until a worker is dialled again, at first; ms. */
const FIRST_DELAY = 100;

/** And at most, being twice as long each time. */
const MAX_DELAY = 5000;

/** A worker that is silent for so long while it may speak is lost, ms. */
const MAX_SILENCE = {
  /** It has much to read, or its machine much to do. */
  stored: 60 * HEARTBEAT,
  live: 10 * HEARTBEAT,
};

/**
 * A worker that is behind may say an entry after a watermark that rules it out:
 * by so much, µs. When it is asked again, it is asked for as much twice.
 */
const LATENESS = 5e6;

/** Entries that are kept in mind, to know them when they are said twice. */
const MAX_RECENT = 10_000;

/** Why nothing comes from a worker that was taken away. */
const GONE = "Its worker is gone, with what it kept";

/** Bytes that may wait on the way to a worker before it gets more names. */
const MAX_NAMES_BUFFERED = 1024 * 1024;

/** How often a way that is full is looked at, ms. */
const DRAIN_INTERVAL = 20;

/** What a worker is asked. */
export interface Question {
  readonly plan: Plan;
  /** The same, of what began before the query did. */
  readonly toStoredPlan: () => Plan;
  readonly output: Output;
  readonly last: number;
  /** Batches that it may have on the way. */
  readonly credit: number;
  /** Whether nobody else is asked, as far as is known. */
  readonly isAlone: boolean;
  /** Whether others may have seen the same. */
  readonly marks: boolean;
  /** What the plan has to know of names, now; nothing if nobody has any. */
  readonly toNames: () => Promise<NameParts> | undefined;
}

/** Whom an asking tells what it hears. */
export interface Hearer {
  onBatch(batch: Batch): void;
  /** So many stored entries will come. */
  onStored(count: number): void;
  onLive(): void;
  /** How far it is, or what it covers, has changed. */
  onNews(): void;
  /** Nothing more will come; or not until {@link onBack}. */
  onEnd(): void;
  /** It is asked again; whether it goes on where it was, being live. */
  onBack(resumed: boolean): void;
}

/** One worker's part in one query. */
export class Asking {
  /** How far it is, as it said last. */
  progress: Progress | undefined;
  /** Entries that matched, once it has said them all. */
  matches: number | undefined;
  readonly worker: HubWorker;
  readonly #question: Question;
  readonly #hearer: Hearer;
  #coverage: NodeCoverage | undefined;
  #missing: Missing | undefined;
  #channel: Channel | undefined;
  #isOver = false;
  #isLeft = false;
  #isLive = false;
  /** Credit that the worker has. */
  #credit = 0;
  /** Batches that were handed on, and not given back by {@link grant}. */
  #handed = 0;
  #wasHeard = false;
  readonly #begun = performance.now();
  /** Where it went on that was asked when it was live already. */
  #after: Completed | undefined;
  /** Entries that may be said again, since it was asked again. */
  #known: ReadonlySet<string> = new Set();
  /** What was heard lately and while it was not live, by when completed. */
  readonly #recent = new Map<string, number>();
  /** What was completed by then, µs, need not be in mind: it is not asked for. */
  #forgotten: number | undefined;
  /** Whether its stored entries are asked for again. */
  #isRepeated = false;
  #delay = FIRST_DELAY;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #found: Disposable | undefined;
  #alarm: ReturnType<typeof setTimeout> | undefined;
  /** Tells that the worker is missing, while it is asked. */
  #loss: Disposable | undefined;
  /** Names that wait to be sent. */
  #names: Uint8Array[] = [];
  #sending: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;

  constructor(worker: HubWorker, question: Question, hearer: Hearer) {
    this.worker = worker;
    this.#question = question;
    this.#hearer = hearer;
  }

  /** What its part of the answer rests on. */
  get coverage(): NodeCoverage {
    const known = this.#coverage ?? nothingOf(this.worker.name);
    return this.#missing ? { ...known, missing: this.#missing } : known;
  }

  /** Whether nothing more will come from it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether its worker was taken away. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /**
   * Asks the worker. Never throws: whoever cannot be reached is missing.
   *
   * @param after only what comes behind it, of a worker that is late
   */
  async start(after?: Completed): Promise<void> {
    this.#after ??= after;
    try {
      // What is told from now on may be missing in what is made now.
      this.#names = [];
      const names = await this.#question.toNames();
      const channel = await this.worker.link.ask();
      if (this.#isOver) return channel.close();
      this.#open(channel, names);
    } catch (error) {
      this.#lose(reasonOf(error));
    }
  }

  /** A batch is used up: one more may come. */
  grant(): void {
    this.#handed--;
    if (!this.#channel) return;
    this.#credit++;
    this.#channel.send(JSON.stringify({ credit: 1 }));
    this.#heardAt = performance.now();
  }

  /** Wants no more. */
  stop(reason: string = ""): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#forget(reason);
    this.#hearer.onEnd();
  }

  /**
   * The worker was taken away: it may say to the end what it is saying, and is
   * not dialled again.
   */
  leave(): void {
    if (this.#isOver || this.#isLeft) return;
    this.#isLeft = true;
    if (!this.#channel) this.#lose(GONE);
  }

  /** Sends names that were heard of since the question. */
  tell(parts: NameParts): void {
    this.#names.push(...parts);
    if (this.#channel) this.#sendNames();
  }

  /** Sends as much of the names as fits into the way to the worker. */
  #sendNames(): void {
    const channel = this.#channel;
    clearTimeout(this.#sending);
    while (channel && this.#names.length > 0) {
      if (channel.buffered > MAX_NAMES_BUFFERED) {
        this.#sending = setTimeout(() => this.#sendNames(), DRAIN_INTERVAL);
        return;
      }
      // The same parts go to other workers too.
      channel.send(this.#names.shift()!.slice());
    }
  }

  #open(channel: Channel, names: NameParts | undefined): void {
    const { output, last, isAlone, marks } = this.#question;
    const plan = this.#isRepeated
      ? this.#question.toStoredPlan()
      : this.#question.plan;
    const after = this.#after;
    // What waits here already has used up its credit.
    const credit = this.#question.credit - this.#handed;
    this.#channel = channel;
    this.#credit = credit;
    this.#isLive = after !== undefined;
    this.#forgotten ??= after?.completed;
    this.#known = new Set(this.#recent.keys());
    if (after || this.#missing) this.#hearer.onBack(this.#isLive);
    channel.listen({
      onMessage: (message) => this.#hear(channel, message),
      onClose: (reason) => {
        if (this.#channel === channel) this.#lose(reason);
      },
    });
    const ask: Ask = {
      ...{ plan, output, last: after ? 0 : last, credit, after },
      isAlone,
      ...marks && { marks },
      names: names?.length,
    };
    channel.send(JSON.stringify(ask));
    this.#names.unshift(...names ?? []);
    this.#sendNames();
    this.#heardAt = performance.now();
    this.#listenForSilence();
  }

  #hear(channel: Channel, message: Message): void {
    if (this.#channel !== channel) return;
    this.#heardAt = performance.now();
    try {
      if (typeof message === "string") this.#read(readAnswer(message));
      else this.#take(new Batch(message));
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#lose(`It cannot be understood: ${error.message}`);
      return;
    }
    this.#delay = FIRST_DELAY;
    this.#wasHeard = true;
    if (this.#missing && !this.#isOver) this.#find();
  }

  #read(answer: Answer): void {
    if ("done" in answer) {
      this.matches = answer.done.matches;
      this.#cover(answer.coverage);
      this.stop();
    } else if ("error" in answer) {
      this.#lose(answer.error.message);
    } else if ("coverage" in answer) {
      this.#cover(answer.coverage);
      this.#hearer.onNews();
    } else if ("progress" in answer) {
      this.progress = answer.progress;
      this.#hearer.onNews();
    } else if ("stored" in answer) {
      this.#hearer.onStored(answer.stored.count);
    } else if (this.#isRepeated) {
      this.#isRepeated = false;
      this.#forget("");
      void this.start(sinceBegin(this.#question.plan));
    } else if (!this.#isLive) {
      this.#isLive = true;
      this.#hearer.onLive();
    }
  }

  /** A worker has one node. */
  #cover([coverage]: readonly NodeCoverage[]): void {
    this.#coverage = coverage ?? this.#coverage;
  }

  #take(batch: Batch): void {
    if (batch.count > 0) {
      this.#credit--;
      this.#handed++;
    }
    const fresh = this.#fresh(batch);
    if (this.#question.plan.follow) {
      this.#remember(batch);
      if (this.#isLive) this.#moveOn(batch);
    }
    // All of it was known: nobody else will give its credit back.
    if (fresh.count === 0 && batch.count > 0) this.grant();
    this.#hearer.onBatch(fresh);
  }

  /** What of a batch was not heard before. */
  #fresh(batch: Batch): Batch {
    const known = this.#known;
    if (known.size === 0) return batch;
    const isKnown = (row: number) => known.has(keyOf(batch, row));
    let count = 0;
    for (let row = 0; row < batch.count; row++) if (!isKnown(row)) count++;
    if (count === batch.count) return batch;
    const writer = new BatchWriter(batch.form);
    for (let row = 0; row < batch.count; row++) {
      if (!isKnown(row)) writer.copy(batch, row);
    }
    return new Batch(writer.take(batch.watermark));
  }

  #remember(batch: Batch): void {
    for (let row = 0; row < batch.count; row++) {
      this.#recent.set(keyOf(batch, row), batch.completed[row]!);
    }
  }

  /** Forgets what will not be said again, being live. */
  #moveOn(batch: Batch): void {
    const heard = batch.watermark ?? batch.completed[batch.count - 1];
    if (heard === undefined) return;
    let forgotten = Math.max(this.#forgotten ?? heard, heard - LATENESS);
    for (const [key, completed] of this.#recent) {
      const mayGo = completed <= forgotten || this.#recent.size > MAX_RECENT;
      if (!mayGo) break;
      this.#recent.delete(key);
      forgotten = Math.max(forgotten, completed);
    }
    this.#forgotten = forgotten;
  }

  /** Where to go on that was live. */
  #goOn(): Completed {
    return this.#forgotten === undefined
      ? this.#after ?? sinceBegin(this.#question.plan)
      : { completed: this.#forgotten, ...LAST_POSITION };
  }

  /** Nothing comes any more: for good, or until it was dialled again. */
  #lose(reason: string): void {
    if (this.#isOver) return;
    this.#missing = {
      reason: this.#isLeft ? GONE : this.#missing?.reason ?? reason,
      since: this.#missing?.since ?? nowMicros(),
    };
    this.#forget("");
    this.worker.lose(reason);
    this.#isOver = this.#isLeft || !this.#question.plan.follow;
    if (this.#isLive) this.#after = this.#goOn();
    this.#hearer.onEnd();
    if (this.#isOver) return;
    this.#hearer.onNews();
    this.#retry = setTimeout(() => void this.#again(), this.#delay);
    // Whoever else finds it before is right.
    this.#found = this.worker.onFound(() => void this.#again());
    this.#delay = Math.min(2 * this.#delay, MAX_DELAY);
  }

  /**
   * Dials again. Whoever comes when nobody waits for stored entries any more
   * is asked for what was completed since the query began.
   */
  async #again(): Promise<void> {
    this.#stopWaiting();
    const { plan, last } = this.#question;
    const isLate = performance.now() - this.#begun > STORED_HOLD;
    const isLiveOnly = last === 0 || isLate && !this.#wasHeard;
    this.#isRepeated = !this.#after && !isLiveOnly;
    await this.start(isLiveOnly ? sinceBegin(plan) : undefined);
  }

  #find(): void {
    this.#missing = undefined;
    this.worker.find();
    this.#hearer.onNews();
  }

  #stopWaiting(): void {
    clearTimeout(this.#retry);
    this.#found?.[Symbol.dispose]();
    this.#found = undefined;
  }

  #forget(reason: string): void {
    this.#stopWaiting();
    clearTimeout(this.#alarm);
    this.#loss?.[Symbol.dispose]();
    this.#loss = undefined;
    clearTimeout(this.#sending);
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close(reason);
  }

  /** A worker may hang, or the way to it be cut, and no close tells. */
  #listenForSilence(): void {
    this.#loss ??= this.worker.onLost((reason) => {
      const silence = performance.now() - this.#heardAt;
      const isSilent = this.#isLive && silence > 2 * HEARTBEAT;
      if (this.#channel && isSilent) this.#lose(reason);
    });
    this.#alarm = setTimeout(() => {
      const silence = performance.now() - this.#heardAt;
      const most = MAX_SILENCE[this.#isLive ? "live" : "stored"];
      if (this.#credit > 0 && silence > most) {
        this.#lose(`It is silent since ${Math.round(silence / 1000)} s`);
      } else this.#listenForSilence();
    }, MAX_SILENCE.live / 2);
  }
}

/** Behind every entry that was completed at the same time. */
const LAST_POSITION = { place: Number.MAX_SAFE_INTEGER, n: 0xffffffff };

/** The coverage of a node of which nothing was read. */
export const nothingOf = (node: string): NodeCoverage => ({
  node,
  packets: 0,
  cut: 0,
  malformed: 0,
  lost: 0,
  damage: [],
  stages: {},
});

/** Where a worker goes on that was not there when the query began. */
export function sinceBegin({ now }: Plan): Completed {
  return { completed: now, ...LAST_POSITION };
}

const keyOf = (batch: Batch, row: number): string =>
  `${batch.place[row]} ${batch.n[row]}`;
