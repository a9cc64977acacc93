/**
 * Answers a query that follows: first the newest that is stored, then what
 * later packets complete.
 *
 * The clock is looked at here, and nowhere below: it tells what has waited for
 * too long though no packet comes, and up to when a quiet worker has read.
 */
import { setTimeout } from "node:timers/promises";
import { BatchWriter } from "../../api/batch.ts";
import type { Channel } from "../../api/channel.ts";
import type { Ask, NodeCoverage } from "../../api/messages.ts";
import { PROTOCOLS } from "../../dissectors/registry.ts";
import { Follower } from "../scan/follow.ts";
import { deletedFor, toNodeCoverage } from "../scan/node_coverage.ts";
import { Pin } from "../scan/pin.ts";
import { type Render, rendererOf } from "../scan/rendering.ts";
import { searchStore } from "../scan/search_store.ts";
import { COMPLETION, type Coverage } from "../scan/source_scan.ts";
import { type Answering, send } from "./answering.ts";
import type { Bell } from "./bell.ts";
import { BatchSender } from "./batch_sender.ts";
import { sendRows } from "./closed_query.ts";
import { EntrySorter } from "./entry_sorter.ts";
import { LiveRows } from "./live_rows.ts";
import { ProgressTeller } from "./progress_teller.ts";

/** How often something is said at least, ms. */
const HEARTBEAT = 100;

/** The same while nobody's entries wait for it, ms. */
const QUIET_HEARTBEAT = 400;

/** A heartbeat so much too early is better than to wake once more, ms. */
const EARLY = 5;

/**
 * How long a packet may take to be stored, µs: 50 ms in the kernel, and as long
 * until the capture has written it (DESIGN §12).
 */
export const LAG = 100e3;

/** How long to read before other queries have their turn, ms. */
const SLICE = 20;

/** How often it is looked whether something was missed, ms. */
const LOOK = 1000;

/** What a query that follows needs besides. */
export interface Following extends Answering {
  /** Rung when packets are stored, credit comes, or nobody waits any more. */
  readonly bell: Bell;
  /** Whether packets may be stored at all. */
  readonly grows: boolean;
  /** µs since 1970. */
  readonly clock: () => number;
}

/**
 * Answers a query until nobody waits any more, or its limit or end is reached.
 *
 * @throws what the signal was aborted with
 */
export async function answerFollowing(
  ask: Ask,
  around: Following,
): Promise<void> {
  const { store, channel, grows, clock } = around;
  const since = clock();
  // Whoever goes on wants what is stored by now, too.
  const pin = grows && !ask.after ? Pin.of(store) : undefined;
  const { given, coverages } = ask.after
    ? { given: 0, coverages: [] }
    : await answerStored(ask, around, pin);
  send(channel, { live: { since } });
  using live = new LiveQuery(ask, around, { given, coverages, pin });
  await live.run();
}

/** What was said before a query went on live. */
interface Said {
  readonly given: number;
  readonly coverages: readonly Coverage[];
  readonly pin: Pin | undefined;
}

/** Gives the newest of what the stored packets completed, the oldest first. */
async function answerStored(
  { plan, output, last, marks }: Ask,
  { store, names, answered, channel, credit, signal }: Following,
  pin: Pin | undefined,
): Promise<Pick<Said, "given" | "coverages">> {
  if (last === 0 || output === "count") {
    send(channel, { stored: { count: 0 } });
    return { given: 0, coverages: [] };
  }
  const newestFirst = { ...plan, order: "desc", limit: last } as const;
  const progress = new ProgressTeller(channel, store.bytes);
  const { path } = store.folder;
  using newest = new EntrySorter(newestFirst, output, path);
  const coverages = await searchStore(store, {
    plan: newestFirst,
    protocols: PROTOCOLS,
    marks,
    names: names?.stored,
    answered,
    until: pin,
    onMatch(entry) {
      progress.matches++;
      newest.add(entry);
    },
    onProgress: (done) => progress.tell(done),
    signal,
  });
  const limit = plan.limit ?? Infinity;
  const given = Math.min(progress.matches, last, limit);
  send(channel, { stored: { count: given } });
  const { limit: _, ...oldestFirst } = { ...plan, order: "asc" } as const;
  using oldest = new EntrySorter(oldestFirst, output, path);
  for (const row of newest.rows()) oldest.addRow(row);
  const sender = new BatchSender(channel, output, credit, signal);
  await sendRows(take(oldest.rows(), given), sender);
  return { given, coverages };
}

/** The first of many. */
function* take<T>(from: Iterable<T>, count: number): Generator<T> {
  let left = count;
  if (left === 0) return;
  for (const each of from) {
    yield each;
    if (--left === 0) return;
  }
}

/** Says what is covered: at once, and when more is missed than was said. */
class CoverageTeller {
  readonly #channel: Channel;
  #lookedAt = -Infinity;
  #told: string | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  tell(toCoverage: () => NodeCoverage): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK) return;
    this.#lookedAt = now;
    const coverage = toCoverage();
    const { cut, malformed, lost, deletedUntil, damage } = coverage;
    const missed = JSON.stringify([cut, malformed, lost, deletedUntil, damage]);
    if (missed === this.#told) return;
    this.#told = missed;
    send(this.#channel, { coverage: [coverage] });
  }
}

/** A query after everything stored was said. */
class LiveQuery implements Disposable {
  readonly #ask: Ask;
  readonly #around: Following;
  readonly #said: Said;
  readonly #render: Render | undefined;
  readonly #rows: LiveRows;
  /** Makes heartbeats. */
  readonly #nothing = new BatchWriter("row");
  readonly #follower: Follower | undefined;
  readonly #progress: ProgressTeller;
  readonly #coverage: CoverageTeller;
  /** Entries that may still be given. */
  #left: number;
  /** Nothing that comes later was completed by then, µs. */
  #watermark: number | undefined;
  /** The same before the rows that wait to be sent. */
  #toldWatermark: number | undefined;
  /** Whether what is open at the end of a folder that does not grow was given. */
  #hasEnded = false;
  /** The same of the batch that was sent last. */
  #sentWatermark = -Infinity;
  /** When the newest row was completed, µs. */
  #newest = -Infinity;
  /** When something was sent last, ms. */
  #sentAt = performance.now();
  /** When it began, µs. */
  readonly #since: number;

  constructor(ask: Ask, around: Following, said: Said) {
    const { plan, output, after, marks } = ask;
    const { store, channel, grows, names, answered, clock } = around;
    this.#ask = ask;
    this.#around = around;
    this.#said = said;
    this.#since = clock();
    this.#left = (plan.limit ?? Infinity) - said.given;
    this.#render = output === "count"
      ? undefined
      : rendererOf(output, plan.redact);
    this.#rows = new LiveRows(output === "count" ? "row" : output);
    this.#progress = new ProgressTeller(channel, 0);
    this.#progress.matches = said.given;
    this.#coverage = new CoverageTeller(channel);
    const isRead = grows || after !== undefined;
    this.#follower = !isRead ? undefined : new Follower(store, {
      plan,
      protocols: PROTOCOLS,
      marks,
      names: names?.live,
      answered,
      clock,
      pin: said.pin,
      after,
      onMatch: (entry) => {
        if (this.#left === 0) return;
        this.#left--;
        this.#progress.matches++;
        if (!this.#render) return;
        const row = this.#render(entry);
        this.#newest = Math.max(this.#newest, row.head.completed);
        this.#rows.add(row);
      },
    });
  }

  [Symbol.dispose](): void {
    this.#follower?.release();
  }

  /** @throws what the signal was aborted with */
  async run(): Promise<void> {
    const { channel, bell, signal, clock } = this.#around;
    const end = (this.#ask.plan.window.to ?? Infinity) + COMPLETION + LAG;
    while (true) {
      const now = clock();
      const isAtEnd = this.#read(now);
      if (!this.#awaitsNames(now > end ? Infinity : now)) {
        await this.#sendRows();
        this.#toldWatermark = this.#watermark;
      }
      if (this.#left === 0 || isAtEnd && now > end) break;
      this.#coverage.tell(() => this.#toCoverage());
      if (this.#rest < EARLY) this.#beat();
      if (isAtEnd) await bell.wait(this.#rest);
      else await setTimeout(0);
      signal.throwIfAborted();
    }
    const { matches } = this.#progress;
    send(channel, { done: { matches }, coverage: [this.#toCoverage()] });
  }

  /** Until the next heartbeat, ms. */
  get #rest(): number {
    const isAwaited = !this.#ask.isAlone || this.#follower?.awaitsNames ||
      this.#newest > this.#sentWatermark;
    const interval = isAwaited ? HEARTBEAT : QUIET_HEARTBEAT;
    return this.#sentAt + interval - performance.now();
  }

  /** Reads on for a while. Says whether all has been read that is there. */
  #read(now: number): boolean {
    const follower = this.#follower;
    const { grows } = this.#around;
    const until = performance.now() + SLICE;
    const isAtEnd = !follower ||
      follower.read(() =>
        !this.#rows.isFull && this.#left > 0 && performance.now() < until
      );
    if (isAtEnd && grows) follower?.expire(now - LAG);
    else if (isAtEnd && !this.#hasEnded) {
      this.#hasEnded = true;
      follower?.end();
    }
    const read = isAtEnd ? now : Math.min(now, follower.time);
    if (read > -Infinity) {
      this.#watermark = Math.max(this.#watermark ?? 0, read - LAG);
    }
    return isAtEnd;
  }

  /**
   * Whether an entry waits for its names. What was completed after it waits
   * with it, so that rows come in order: they are sent once it is given.
   */
  #awaitsNames(now: number): boolean {
    const follower = this.#follower;
    if (!follower) return false;
    const mustGive = this.#rows.isFull || this.#left === 0 || this.#hasEnded;
    follower.giveNamed(mustGive ? Infinity : now);
    return follower.awaitsNames;
  }

  /** Sends the rows there are; without credit it stands still until then. */
  async #sendRows(): Promise<void> {
    if (this.#rows.count === 0) return;
    const { credit, bell, signal } = this.#around;
    if (credit.left === 0) this.#follower?.release();
    // Rows that wait are not behind what was said before.
    while (credit.left === 0) {
      await bell.wait(HEARTBEAT);
      signal.throwIfAborted();
      if (this.#rest < EARLY) this.#stand();
    }
    credit.spend();
    this.#sendBatch(this.#rows, this.#watermark);
  }

  /** Says that it stands still, and how far it is behind. */
  #stand(): void {
    this.#follower?.look();
    const read = this.#follower?.time ?? Infinity;
    // Nothing may have been read yet of what was stored since it began.
    const time = read === -Infinity ? this.#since : read;
    const now = this.#around.clock();
    this.#progress.tell(0, Math.max(0, now - Math.min(now, time)));
    this.#beat();
  }

  /** Says that it lives, and up to when it has read and said all. */
  #beat(): void {
    this.#sendBatch(this.#nothing, this.#toldWatermark);
  }

  #sendBatch(
    rows: { take(watermark?: number): Uint8Array<ArrayBuffer> },
    watermark: number | undefined,
  ): void {
    this.#around.channel.send(rows.take(watermark));
    this.#sentWatermark = watermark ?? this.#sentWatermark;
    this.#sentAt = performance.now();
  }

  #toCoverage(): NodeCoverage {
    const { store } = this.#around;
    const follower = this.#follower;
    const coverages = [
      ...this.#said.coverages,
      ...follower?.coverages ?? [],
    ];
    const { last, plan } = this.#ask;
    const isMissing = follower?.hasLost || this.#said.given < last;
    const deletedUntil = isMissing ? deletedFor(store, plan) : undefined;
    return toNodeCoverage(store, coverages, deletedUntil);
  }
}
