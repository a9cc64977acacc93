/**
 * Query: a plan for each worker -> one stream for a client.
 *
 * What waits in the hub for a client that does not read is bounded: as many
 * batches as {@link WORKER_CREDIT} shares out among the workers (at least one
 * each), and {@link MAX_BUFFERED} bytes in the client's socket. A batch is half
 * a megabyte at most, but for single entries that are larger. So a page that
 * pauses costs under 13 MB, up to 16 workers; workers without credit stand
 * still at their place in their shards.
 */
import { BadMessage, BatchWriter, type Form } from "../api/batch.ts";
import type { Channel, Message } from "../api/channel.ts";
import {
  type Answer,
  type Failure,
  MAX_CREDIT,
  type NodeCoverage,
  type Output,
  type Progress,
  readGrant,
  type Warnings,
} from "../api/messages.ts";
import type { NodeRef } from "../entry/entry.ts";
import { compileNode, type Judge, NO } from "../kfl/evaluator.ts";
import {
  Asking,
  type Hearer,
  nothingOf,
  type Question,
  sinceBegin,
} from "./asking.ts";
import { PausableClock } from "./clock.ts";
import { Merge } from "./merge.ts";
import { type NameParts, type NameSource, PlanNames } from "./names.ts";
import type { Metrics } from "./metrics.ts";
import type { NodeAnswers } from "./node_answers.ts";
import type { PlannedQuery } from "./planned_query.ts";
import type { HubWorker, Workers } from "./workers.ts";

/** Batches that all workers of a query may have on the way, together. */
const WORKER_CREDIT = 16;

/** Bytes that may wait in a client's socket before it gets more. */
const MAX_BUFFERED = 4 * 1024 * 1024;

/** How often a socket that is full is looked at, ms. */
const DRAIN_INTERVAL = 30;

/** Entries gather for so long before they are sent, ms. */
const GATHERING = 20;

/** Least time between two messages of progress, ms. */
const PROGRESS_INTERVAL = 200;

/** Least time between two heartbeats to a client, ms. */
const HEARTBEAT_INTERVAL = 250;

/** How long workers may take to say `done` once the limit is reached, ms. */
const GRACE = 200;

/** What queries run on. */
export interface Surroundings {
  readonly workers: Workers;
  readonly metrics: Metrics;
  /** What is to be said with every answer at the moment; nothing if absent. */
  readonly warnings?: (() => Warnings) | undefined;
  /** Who knows what the ends are called; absent where nobody does. */
  readonly names?: NameSource | undefined;
  /** What answers called the others; absent where nobody collects it. */
  readonly answers?: NodeAnswers | undefined;
}

/** What is merged for an answer. */
const FORMS: { readonly [output in Output]: Form } = {
  ...{ row: "row", entry: "entry", mark: "mark", count: "mark" },
};

/** Why a worker is not asked. */
const CANNOT_MATCH = "Nothing of this node can match";

/** One query of one client. */
export class Query {
  readonly #planned: PlannedQuery;
  readonly #channel: Channel;
  readonly #surroundings: Surroundings;
  readonly #onEnd: () => void;
  readonly #merge: Merge;
  readonly #writer: BatchWriter;
  readonly #clock = new PausableClock();
  readonly #askings: Asking[] = [];
  readonly #names: PlanNames | undefined;
  readonly #judgeNode: Judge<NodeRef>;
  /** Nodes of the workers that were not asked. */
  readonly #notAsked = new Set<string>();
  readonly #workerCredit: number;
  /** Whether workers say what they may have seen twice, and not how much. */
  readonly #findsTwins: boolean;
  readonly #listening: Disposable;
  /** Batches that the client may still get. */
  #credit: number;
  /** Entries that the client may still get. */
  #left: number;
  #held = 0;
  #hasSaidLive = false;
  #isEnding = false;
  #hasEnded = false;
  #pumping: ReturnType<typeof setTimeout> | undefined;
  #pumpAt = Infinity;
  #news: ReturnType<typeof setTimeout> | undefined;
  #ending: ReturnType<typeof setTimeout> | undefined;
  #saidProgress = "";
  #saidCoverage = "";
  #watermark = -Infinity;
  #heartbeatAt = 0;

  /**
   * Begins to ask.
   *
   * @param channel on which the request came; its own from now on
   * @param onEnd called once, whatever ends it
   */
  constructor(
    planned: PlannedQuery,
    channel: Channel,
    surroundings: Surroundings,
    onEnd: () => void,
  ) {
    this.#planned = planned;
    this.#channel = channel;
    this.#surroundings = surroundings;
    this.#onEnd = onEnd;
    const { plan, output, last, credit } = planned;
    this.#credit = Math.min(credit, MAX_CREDIT);
    this.#left = plan.limit ?? Infinity;
    this.#writer = new BatchWriter(FORMS[output]);
    this.#findsTwins = surroundings.workers.mayHaveTwins(plan.follow);
    this.#merge = new Merge({
      order: plan.order,
      follow: plan.follow,
      last,
      findsTwins: this.#findsTwins,
      onTaken: (source) => this.#askings[source]?.grant(),
    });
    const { workers, metrics } = surroundings;
    this.#judgeNode = compileNode(plan);
    this.#names = PlanNames.of(
      surroundings,
      plan,
      plan.follow ? (parts) => this.#tellNames(parts) : undefined,
    );
    metrics.queries++;
    metrics.queriesTotal++;
    const count = Math.max(1, workers.all.length);
    this.#workerCredit = Math.max(1, Math.floor(WORKER_CREDIT / count));
    for (const worker of workers.all) {
      if (this.#mayMatch(worker)) this.#ask(worker);
    }
    for (const asking of this.#askings) void asking.start();
    this.#listening = workers.listen({
      added: (worker) => this.#join(worker),
      removed: (worker) => this.#leave(worker),
    });
    this.#pumpSoon(0);
  }

  /** Reads what a client says while its query runs. */
  hear(message: Message): void {
    try {
      if (typeof message !== "string") throw new BadMessage("Bytes came");
      const { credit } = readGrant(message);
      this.#credit = Math.min(this.#credit + credit, MAX_CREDIT);
      this.#pumpSoon(0);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#fail({ code: "message", message: error.message });
    }
  }

  /** What its answer rests on is to be said anew. */
  tell(): void {
    this.#tellSoon();
  }

  /** The client is gone, or the hub ends. */
  stop(reason: string): void {
    this.#end();
    this.#channel.close(reason);
  }

  /** Whether a worker is to be asked: its node may have matches. */
  #mayMatch({ state }: HubWorker): boolean {
    if (!state || this.#judgeNode({ name: state.node }) !== NO) return true;
    this.#notAsked.add(state.node);
    return false;
  }

  #tellNames(parts: NameParts): void {
    for (const asking of this.#askings) asking.tell(parts);
  }

  #ask(worker: HubWorker): Asking {
    const source = this.#merge.add();
    const { plan, toStoredPlan, output, last } = this.#planned;
    const question: Question = {
      ...{ plan, toStoredPlan, last },
      // What is seen twice can be counted only where it is merged.
      output: output === "count" && this.#findsTwins ? "mark" : output,
      marks: this.#findsTwins,
      credit: this.#workerCredit,
      isAlone: this.#surroundings.workers.all.length === 1,
      toNames: () => this.#names?.parts,
    };
    const asking = new Asking(worker, question, this.#hearerOf(source));
    this.#askings.push(asking);
    return asking;
  }

  /** A worker came while the query runs. */
  #join(worker: HubWorker): void {
    if (!this.#planned.plan.follow || this.#hasEnded) return;
    if (!this.#mayMatch(worker)) return;
    void this.#ask(worker).start(sinceBegin(this.#planned.plan));
  }

  /** A worker was taken away while the query runs. */
  #leave(worker: HubWorker): void {
    for (const asking of this.#askings) {
      if (asking.worker === worker) asking.leave();
    }
  }

  #hearerOf(source: number): Hearer {
    const merge = this.#merge;
    const { metrics } = this.#surroundings;
    return {
      onBatch: (batch) => {
        metrics.entriesIn += batch.count;
        metrics.bytesIn += batch.size;
        merge.push(source, batch, this.#clock.now);
        this.#pumpSoon(GATHERING);
      },
      onStored: (count) => {
        merge.setStored(source, count);
        this.#pumpSoon(GATHERING);
      },
      onLive: () => {
        merge.setLive(source);
        this.#pumpSoon(GATHERING);
      },
      onNews: () => this.#tellSoon(),
      onEnd: () => {
        merge.end(source);
        if (this.#askings[source]?.coverage.missing) {
          metrics.workersLost++;
          this.#tell();
        }
        this.#pumpSoon(0);
      },
      onBack: (resumed) => merge.revive(source, resumed),
    };
  }

  /** Sees to it that entries move within `delay` ms. */
  #pumpSoon(delay: number): void {
    if (this.#hasEnded) return;
    const at = performance.now() + delay;
    if (this.#pumping !== undefined && this.#pumpAt <= at) return;
    clearTimeout(this.#pumping);
    this.#pumpAt = at;
    this.#pumping = setTimeout(() => {
      this.#pumping = undefined;
      this.#pump();
    }, delay);
  }

  /** Gives the client what is certain, as far as it wants it. */
  #pump(): void {
    if (this.#hasEnded) return;
    while (this.#canSend && this.#left > 0) {
      const now = this.#clock.now;
      const moved = this.#merge.take(this.#writer, this.#left, now);
      this.#left -= moved;
      if (this.#isCount) this.#writer.discard();
      else if (this.#writer.count > 0) this.#send();
      if (this.#merge.isLive && !this.#hasSaidLive) this.#sayLive();
      else if (moved === 0) break;
    }
    if (this.#left === 0) this.#endSoon();
    this.#clock.run(this.#canSend);
    this.#heartbeat();
    this.#countHeld(this.#merge.held + this.#channel.buffered);
    const isAnswered = this.#askings.every(({ isOver }) => isOver);
    const isFollowing = this.#planned.plan.follow && !this.#isEnding;
    if (isAnswered && !isFollowing && (this.#merge.isDone || this.#isEnding)) {
      return this.#finish();
    }
    this.#pumpLater();
  }

  /** Looks again when something that is held may go, or a socket has room. */
  #pumpLater(): void {
    if (this.#credit === 0) return;
    if (!this.#canSend) return this.#pumpSoon(DRAIN_INTERVAL);
    const { now } = this.#clock;
    const due = this.#merge.due(now);
    if (due !== undefined) this.#pumpSoon(Math.max(1, due - now));
  }

  /** Whether the client is told nothing but how many there are. */
  get #isCount(): boolean {
    return this.#planned.output === "count";
  }

  get #canSend(): boolean {
    return this.#credit > 0 && this.#channel.buffered < MAX_BUFFERED;
  }

  #send(): void {
    const { metrics } = this.#surroundings;
    const { watermark } = this.#merge;
    this.#watermark = watermark ?? this.#watermark;
    metrics.entriesOut += this.#writer.count;
    const batch = this.#writer.take(watermark);
    metrics.bytesOut += batch.length;
    this.#channel.send(batch);
    this.#credit--;
    this.#heartbeatAt = performance.now();
  }

  /** Says how far an answer is that has nothing to say. */
  #heartbeat(): void {
    const { watermark } = this.#merge;
    if (watermark === undefined || watermark <= this.#watermark) return;
    const now = performance.now();
    if (now - this.#heartbeatAt < HEARTBEAT_INTERVAL) return;
    this.#heartbeatAt = now;
    this.#watermark = watermark;
    this.#channel.send(this.#writer.take(watermark));
  }

  #sayLive(): void {
    this.#hasSaidLive = true;
    this.#say({ live: { since: this.#planned.plan.now } });
  }

  #say(answer: Answer): void {
    this.#channel.send(JSON.stringify(answer));
  }

  #tellSoon(): void {
    if (this.#hasEnded) return;
    this.#news ??= setTimeout(() => {
      this.#news = undefined;
      this.#tell();
    }, PROGRESS_INTERVAL);
  }

  /** Says how far the query is, and where its coverage has changed. */
  #tell(): void {
    if (this.#hasEnded) return;
    const progress = JSON.stringify(this.#progress());
    if (progress !== this.#saidProgress) {
      this.#saidProgress = progress;
      this.#channel.send(`{"progress":${progress}}`);
    }
    if (!this.#planned.plan.follow) return;
    const covered = JSON.stringify(this.#covered());
    if (covered === this.#saidCoverage) return;
    this.#saidCoverage = covered;
    this.#channel.send(covered);
  }

  #progress(): Progress {
    let done = 0;
    let total = 0;
    let matches = 0;
    let behind: number | undefined;
    for (const { progress } of this.#askings) {
      if (!progress) continue;
      done += progress.done;
      total += progress.total;
      matches += progress.matches;
      if (progress.behind !== undefined) {
        behind = Math.max(behind ?? 0, progress.behind);
      }
    }
    return { done, total, matches, ...behind !== undefined && { behind } };
  }

  #covered(): { coverage: NodeCoverage[]; warnings?: Warnings } {
    const coverage = this.#coverage();
    const warnings = [
      ...this.#surroundings.warnings?.() ?? [],
      ...this.#names?.warnings ?? [],
    ];
    return warnings.length > 0 ? { coverage, warnings } : { coverage };
  }

  /** Of a node with a new worker, the new one's; it says what went before. */
  #coverage(): NodeCoverage[] {
    const gone = new Map<string, NodeCoverage>();
    for (const { isLeft, isOver, coverage } of this.#askings) {
      if (isLeft && isOver) gone.set(coverage.node, coverage);
    }
    const there = this.#askings.filter(({ isLeft, isOver }) =>
      !isLeft || !isOver
    ).map(({ coverage }) => {
      const before = gone.get(coverage.node);
      gone.delete(coverage.node);
      return before ? replacing(before, coverage) : coverage;
    });
    const notAsked = Array.from(this.#notAsked, (node) => ({
      ...nothingOf(node),
      notAsked: CANNOT_MATCH,
    }));
    return [...there, ...gone.values(), ...notAsked];
  }

  /** The limit is reached: what workers covered is still wanted. */
  #endSoon(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#ending = setTimeout(() => {
      for (const asking of this.#askings) asking.stop("enough");
    }, GRACE);
  }

  #finish(): void {
    const { plan } = this.#planned;
    const matched = this.#askings.reduce(
      (sum, { matches, progress }) => sum + (matches ?? progress?.matches ?? 0),
      0,
    );
    const matches = this.#isCount && !this.#findsTwins
      ? Math.min(matched, plan.limit ?? Infinity)
      : this.#merge.taken;
    this.#end();
    this.#say({ done: { matches }, ...this.#covered() });
    this.#channel.close("done");
  }

  #fail(error: Failure): void {
    this.#end();
    this.#say({ error });
    this.#channel.close(error.code);
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const timer of [this.#pumping, this.#news, this.#ending]) {
      clearTimeout(timer);
    }
    this.#listening[Symbol.dispose]();
    this.#names?.[Symbol.dispose]();
    for (const asking of this.#askings) asking.stop();
    const { metrics } = this.#surroundings;
    this.#countHeld(0);
    metrics.queries--;
    metrics.late += this.#merge.late;
    this.#onEnd();
  }

  #countHeld(held: number): void {
    this.#surroundings.metrics.held += held - this.#held;
    this.#held = held;
  }
}

/** The coverage of a worker that is there in another's place. */
function replacing(before: NodeCoverage, now: NodeCoverage): NodeCoverage {
  if (!before.missing) return now; // it had said all that was asked for
  const since = new Date(before.missing.since / 1000).toISOString();
  const note = `what the worker before it kept is gone since ${since}`;
  return { ...now, damage: [...now.damage, note] };
}
