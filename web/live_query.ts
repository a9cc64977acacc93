/**
 * LiveQuery: controller of the stream that an element shows.
 *
 * A question without an end is asked as a query that follows: it begins with
 * the newest stored entries and goes on. A question about the past is asked in
 * pages, newest first, and what lies before the oldest row is a further page of
 * the same kind; so scrolling back works alike in both.
 *
 * While the feed stands still, batches come until the store is full; then
 * credit is withheld, and the hub stands still at its place too.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import { type Batch, FLAG } from "../api/batch.ts";
import {
  type Answer,
  type Failure,
  MAX_LAST,
  type NodeCoverage,
  type Progress,
  type Warnings,
} from "../api/messages.ts";
import { Denied, fetchWorkers, Refused, Unreachable } from "./hub.ts";
import { latestCoverage } from "./model/coverage.ts";
import { FeedStore } from "./model/feed_store.ts";
import { type Ending, QueryStream } from "./query_stream.ts";

/** What is asked. Times are µs since 1970, both included. */
export interface Question {
  readonly kfl: string;
  readonly from?: number | undefined;
  /** Absent: it goes on with what is captured from now on. */
  readonly to?: number | undefined;
}

/** Where a query stands. */
export type Phase =
  | { readonly kind: "idle" }
  /** Stored entries are looked for. */
  | { readonly kind: "searching" }
  /** What is captured comes. */
  | { readonly kind: "live" }
  | { readonly kind: "done" }
  /** The hub is gone; asked again at that time, ms since 1970. */
  | { readonly kind: "lost"; readonly retryAt: number }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** The hub wants the token. */
  | { readonly kind: "denied" }
  /** Hub and page are of different versions. */
  | { readonly kind: "outdated" };

/** What is known of the time before the oldest row. */
export type Older =
  /** There may be more: {@link LiveQuery.loadOlder}. */
  | "more"
  | "loading"
  /** Nothing matches there. */
  | "none"
  /** The store has no room for it. */
  | "full"
  | "failed";

/** Stored entries that are asked for at once. */
export const PAGE = 1000;

/** Before asking again after a loss, ms. */
const RETRIES = [1000, 2000, 4000, 8000, 15_000];

/** Entries take up to so long, so one that began before the loss ends after it. */
const LONGEST_EXCHANGE = 30_000_000;

/** Between two renderings that only show counts, ms. */
const COUNT_INTERVAL = 500;

/** One query's stream, as an element sees it. */
export class LiveQuery implements ReactiveController {
  /** Rows of the answer; another one for each question. */
  store = new FeedStore();
  phase: Phase = { kind: "idle" };
  older: Older = "none";
  progress: Progress | undefined;
  /** Entries per second that came lately. */
  rate = 0;
  /** Entries that came after what is ordered behind them. */
  late = 0;
  /** Whether entries are missing between what came before and after a loss. */
  hasHole = false;
  /** What else is to be known of the rows, beside what each node says. */
  warnings: Warnings = [];
  readonly #host: ReactiveControllerHost;
  #question: Question = { kfl: "" };
  #stream: QueryStream | undefined;
  #history: QueryStream | undefined;
  #coverage: readonly NodeCoverage[] = [];
  #olderCoverage: readonly NodeCoverage[] = [];
  #isHeld = false;
  /** Batches for which no credit was given back, since nothing may leave. */
  #owed = 0;
  #attempts = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #counting: ReturnType<typeof setInterval> | undefined;
  #received = 0;
  #counted = 0;
  #countedAt = 0;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    this.#counting = setInterval(() => this.#count(), COUNT_INTERVAL);
  }

  hostDisconnected(): void {
    clearInterval(this.#counting);
    this.#stop();
  }

  /** What the rows rest on: of each node the latest word. */
  get coverage(): readonly NodeCoverage[] {
    return latestCoverage(this.#olderCoverage, this.#coverage);
  }

  /** Whether entries come by themselves. */
  get isLive(): boolean {
    return this.#question.to === undefined;
  }

  /** Asks another question; the rows of the last one are gone. */
  ask(question: Question): void {
    this.#stop();
    this.#question = question;
    this.store = new FeedStore();
    // What stands in the place of rows goes when the first ones come.
    const unsubscribe = this.store.subscribe(() => {
      unsubscribe();
      this.#host.requestUpdate();
    });
    this.progress = undefined;
    this.#coverage = this.#olderCoverage = [];
    this.hasHole = false;
    this.warnings = [];
    this.#attempts = this.#received = this.#counted = 0;
    this.rate = this.late = 0;
    this.older = "none";
    this.hold(false);
    this.#begin();
  }

  /** Keeps all rows, for somebody reads them; or lets the oldest leave again. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.store.keepsAll = isHeld;
    if (isHeld) return;
    for (; this.#owed > 0; this.#owed--) this.#stream?.grant();
  }

  /** Asks for what lies before the oldest row. */
  loadOlder(): void {
    const { older, store } = this;
    if (older === "loading" || older === "full") return;
    // What left the view is older too, though there was nothing at first.
    if (store.evicted > 0 || !store.hasRoom) this.#set({ older: "full" });
    else if (older !== "none") this.#loadPage();
  }

  /** Asks again after a loss, now. */
  retry(): void {
    this.#stop();
    this.#begin();
  }

  #begin(): void {
    this.#set({ phase: { kind: "searching" } });
    if (this.isLive) this.#follow();
    else this.#loadPage();
  }

  #follow(): void {
    const { kfl, from } = this.#question;
    const newest = this.store.timeOf(this.store.end - 1);
    // What lies before the oldest row is asked for by itself.
    const since = newest === undefined
      ? from
      : Math.max(newest - LONGEST_EXCHANGE, this.store.oldestTime!);
    // After a loss, what came meanwhile, without what is there already.
    const known = newest === undefined
      ? undefined
      : this.store.idsWithin(since!, Infinity);
    const last = known ? MAX_LAST : PAGE;
    let stored = 0;
    let isStored = true;
    const stream = new QueryStream(
      { kfl, from: since, follow: true, last, output: "row" },
      {
        onBatch: (batch) => {
          if (isStored) stored += batch.count;
          else this.#received += batch.count;
          this.late += lateIn(batch);
          this.store.append(batch, known && rowsOutside(batch, known));
          if (this.#isHeld && !this.store.hasRoom) this.#owed++;
          else stream.grant();
        },
        onAnswer: (answer) => {
          this.#attempts = 0;
          if ("live" in answer) {
            isStored = false;
            if (known) this.hasHole ||= stored >= last;
            else this.older = stored < last ? "none" : "more";
            this.#set({ phase: { kind: "live" } });
          } else this.#read(answer);
        },
        onEnd: (ending) => {
          // How many more are stored it could not say.
          if (isStored && !known && this.store.count > 0) this.older = "more";
          void this.#lose(ending);
        },
      },
    );
    this.#owed = 0;
    this.#stream = stream;
  }

  #loadPage(): void {
    const { store } = this;
    const { kfl, from, to: end } = this.#question;
    const to = store.oldestTime ?? end;
    // Entries of the same time may be there already, and those that took long.
    const known = store.idsWithin(-Infinity, to ?? Infinity);
    const limit = PAGE + known.size;
    let found = 0;
    const stream = new QueryStream(
      { kfl, from, to, order: "desc", limit, output: "row" },
      {
        onBatch: (batch) => {
          found += batch.count;
          this.store.prepend(batch, rowsOutside(batch, known).reverse());
          stream.grant();
        },
        onAnswer: (answer) => {
          this.#attempts = 0;
          if ("done" in answer) {
            this.#olderCoverage = answer.coverage;
            this.#set({ older: found < limit ? "none" : "more" });
            if (!this.isLive) this.#set({ phase: { kind: "done" } });
            stream.close();
          } else if ("error" in answer && this.isLive) {
            this.#set({ older: "failed" });
            stream.close();
          } else if ("coverage" in answer) {
            this.#olderCoverage = answer.coverage;
          } else this.#read(answer);
        },
        onEnd: (ending) => {
          this.older = "failed";
          if (this.isLive && ending === "lost") this.#host.requestUpdate();
          else this.#lose(ending);
        },
      },
    );
    this.#history = stream;
    this.#set({ older: "loading" });
  }

  /** What both kinds of queries are answered. */
  #read(answer: Answer): void {
    if ("coverage" in answer) this.warnings = answer.warnings ?? [];
    if ("progress" in answer) this.progress = answer.progress;
    else if ("error" in answer) this.#fail(answer.error);
    else if ("done" in answer) {
      // A filter with `limit` ends also where it would have followed.
      this.#coverage = answer.coverage;
      this.#stream?.close();
      this.#set({ phase: { kind: "done" } });
    } else if ("coverage" in answer) this.#coverage = answer.coverage;
  }

  #fail(failure: Failure): void {
    this.#stop();
    const kind = failure.code === "denied"
      ? "denied"
      : failure.code === "version"
      ? "outdated"
      : "failed";
    this.#set({ phase: kind === "failed" ? { kind, failure } : { kind } });
  }

  async #lose(ending: Ending): Promise<void> {
    this.#stop();
    if (ending === "outdated") return this.#set({ phase: { kind: ending } });
    const delay = RETRIES[Math.min(this.#attempts++, RETRIES.length - 1)]!;
    this.#retry = setTimeout(() => this.#begin(), delay);
    const phase: Phase = { kind: "lost", retryAt: Date.now() + delay };
    this.#set({ phase });
    // The token may have been given since that was asked.
    if (await wantsToken() && this.phase === phase) {
      this.#stop();
      this.#set({ phase: { kind: "denied" } });
    }
  }

  #stop(): void {
    clearTimeout(this.#retry);
    this.#stream?.close();
    this.#history?.close();
    this.#stream = this.#history = undefined;
    if (this.older === "loading") this.older = "more";
  }

  #count(): void {
    const now = performance.now();
    const rate = (this.#received - this.#counted) / (now - this.#countedAt);
    this.#counted = this.#received;
    this.#countedAt = now;
    // Of three intervals, so that the number can be read.
    const next = (2 * this.rate + 1000 * rate) / 3;
    this.rate = next < 0.5 ? 0 : next;
    if (this.phase.kind !== "idle") this.#host.requestUpdate();
  }

  #set(change: { phase?: Phase; older?: Older }): void {
    if (change.phase) this.phase = change.phase;
    if (change.older) this.older = change.older;
    this.#host.requestUpdate();
  }
}

/** Rows of a batch whose entries are not known. */
function rowsOutside(batch: Batch, known: ReadonlySet<string>): Uint16Array {
  const rows = Uint16Array.from(batch.flags.keys());
  return known.size === 0
    ? rows
    : rows.filter((row) => !known.has(batch.id(row)));
}

/** How many rows of a batch are marked late. */
function lateIn({ flags }: Batch): number {
  let late = 0;
  for (const each of flags) if (each & FLAG.LATE) late++;
  return late;
}

/** Whether the hub is there, and refuses for want of a token. */
async function wantsToken(): Promise<boolean> {
  try {
    await fetchWorkers();
    return false;
  } catch (error) {
    if (error instanceof Denied) return true;
    if (error instanceof Unreachable || error instanceof Refused) return false;
    throw error;
  }
}
