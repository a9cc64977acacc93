/**
 * What hub, workers, pages and the command line tell each other, as JSON. The
 * entries themselves go as batches (`batch.ts`).
 *
 * One channel is one query. Whoever asks sends the question first, then grants
 * credit; the other end answers, and closes when it has said `done` or `error`.
 *
 * ```text
 * asks                         answers
 * question ────────────────►
 * names ───────────────────►
 *                    ◄──────── progress, any time
 *                    ◄──────── stored of a worker's query that follows: how
 *                                     many entries come before `live`
 *                    ◄──────── batch, at most as many as there is credit for
 * credit ──────────────────►
 *                    ◄──────── live   of a query that follows: what was stored
 *                                     is said, what comes is to follow
 *                    ◄──────── batch without entries: a heartbeat, costs none
 *                    ◄──────── done, or error
 * ```
 */
import type { Diagnostic } from "../kfl/diagnostic.ts";
import type { StageCounts } from "../kfl/explain.ts";
import type { Order, Plan } from "../kfl/plan.ts";
import { PLAN_VERSION } from "../kfl/plan_version.ts";
import { BadMessage, type Form, type Position } from "./batch.ts";
import { MAX_PARTS } from "./names.ts";

/** Bytes of one message of text. */
export const MAX_TEXT = 1024 * 1024;

/** Batches that may be on their way at once, whatever is granted. */
export const MAX_CREDIT = 256;

/** Batches that may come before credit is granted, unless it is said. */
export const FIRST_CREDIT = 16;

/** Stored entries that a query which follows may begin with. */
export const MAX_LAST = 100_000;

/**
 * A worker says something at least this often, ms, so that one which hangs is
 * told from one that has nothing to say: progress, or where it follows a batch
 * without entries that has its watermark.
 */
export const HEARTBEAT = 500;

/** In what form entries are wanted; `count` wants none, only their number. */
export type Output = Form | "count";

/** The first message to the hub. Absent is what the comment says. */
export interface QueryRequest {
  /** `""` matches everything. */
  readonly kfl: string;
  /** `timestamp` from and to, both in it, µs since 1970: without bounds. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** `asc`: the oldest first. Not of queries that follow. */
  readonly order?: Order | undefined;
  readonly limit?: number | undefined;
  /** Whether it goes on with what is captured from now on. */
  readonly follow?: boolean | undefined;
  /** Of queries that follow: how many stored entries they begin with; 0. */
  readonly last?: number | undefined;
  /** `entry`. */
  readonly output?: Output | undefined;
  /** {@link FIRST_CREDIT}. */
  readonly credit?: number | undefined;
}

/** The first message to a worker. */
export interface Ask {
  readonly plan: Plan;
  readonly output: Output;
  /** As in {@link QueryRequest}. */
  readonly last: number;
  readonly credit: number;
  /**
   * Whether no other worker's entries wait for the watermark of this one. It
   * then says it less often while nothing comes.
   */
  readonly isAlone?: boolean | undefined;
  /**
   * Whether other nodes may have seen the same: entries are then sent with what
   * they are known by. What was seen on a leg of a mesh always is.
   */
  readonly marks?: boolean | undefined;
  /**
   * Of a query that follows, and is asked again because its channel was lost:
   * only entries that come behind this one in the order of `(completed, id)`,
   * those that are stored already too. `live` then comes at once, nothing
   * before it, and all entries after it in that order.
   */
  readonly after?: Completed | undefined;
  /**
   * Of a hub that knows names: how many parts of a names table follow
   * (`names.ts`), one a message, before anything is answered. Of a query that
   * follows further parts come as names are heard of. Absent where nobody has
   * a name.
   */
  readonly names?: number | undefined;
}

/** A place in the order of `(completed, id)` of one worker's entries. */
export interface Completed extends Position {
  /** µs since 1970. */
  readonly completed: number;
}

/** What is posted for packets: those of every conversation with a match. */
export interface PacketsAsk {
  readonly plan: Plan;
  /** Only the packets of the matching exchanges, not their conversations. */
  readonly exact: boolean;
  /** The parts of a names table, in base64; absent where nobody has a name. */
  readonly names?: readonly string[] | undefined;
}

/** A question that another version of Thresher asks. */
export class OtherVersion extends BadMessage {
  override name = "OtherVersion";

  constructor() {
    super(
      "The plan is of another version: hub and workers must be the same " +
        "version of Thresher",
    );
  }
}

/** More batches may be sent. */
export interface Grant {
  readonly credit: number;
}

/** How far a query is. */
export interface Progress {
  /** Bytes of stored packets that were searched or passed over, of all. */
  readonly done: number;
  readonly total: number;
  /** Entries that matched so far. */
  readonly matches: number;
  /**
   * Of a query that follows: µs of packets that are stored and not yet read,
   * because whoever asked takes no more.
   */
  readonly behind?: number | undefined;
}

/** What an answer rests on, of one node. */
export interface NodeCoverage {
  readonly node: string;
  /**
   * Why it was not asked: nothing that it has could match. Then nothing is
   * missing, and all the rest is 0.
   */
  readonly notAsked?: string | undefined;
  /** Why nothing, or nothing more, came from it; and since when, µs. */
  readonly missing?: { readonly reason: string; readonly since: number };
  readonly packets: number;
  /** Least and greatest of their times, µs; absent without packets. */
  readonly first?: number | undefined;
  readonly last?: number | undefined;
  /** Packets of which the capture kept only the beginning. */
  readonly cut: number;
  /** Packets whose headers contradict themselves. */
  readonly malformed: number;
  /**
   * Packets of conversations whose addresses were translated on the way, as
   * they were seen before or after: nothing is given of them again.
   */
  readonly copies?: number | undefined;
  /** Packets that were lost while capturing. */
  readonly lost: number;
  /** Packets up to then were deleted to stay below the limit, µs. */
  readonly deletedUntil?: number | undefined;
  /** What is damaged, and where; one line each. */
  readonly damage: readonly string[];
  readonly stages: StageCounts;
}

/**
 * What else is to be known of an answer, beside what each node says: that names
 * may be out of date, say. A line each; absent without any.
 */
export type Warnings = readonly string[];

/** Why a query ended without its answer. */
export interface Failure {
  /** Stable, for programs: one of those that {@link FAILURES} explains. */
  readonly code: FailureCode;
  /** What is wrong and what to do, for people. */
  readonly message: string;
  /** Of `kfl`: what is wrong with the filter. */
  readonly diagnostics?: readonly Diagnostic[] | undefined;
}

/** Every way for a query to fail. */
export const FAILURES = {
  kfl: "The filter is wrong; `diagnostics` says where",
  message: "The question is none, or breaks a bound",
  version: "The two ends are of different versions of Thresher",
  busy: "More queries run than there is room for",
  denied: "Nobody may ask that without the token",
  internal: "A mistake of ours; the log says more",
} as const;

/** Stable names of what can go wrong. */
export type FailureCode = keyof typeof FAILURES;

/** Every message of text that answers a question. */
export type Answer =
  | { readonly progress: Progress }
  /** Coverage so far, when it has changed. */
  | { readonly coverage: readonly NodeCoverage[]; readonly warnings?: Warnings }
  /**
   * Of a worker's query that follows, before its first batch: so many entries
   * come before `live`. The hub needs it to give the last of all workers.
   */
  | { readonly stored: { readonly count: number } }
  /** From here on entries are ordered by when they were completed, µs. */
  | { readonly live: { readonly since: number } }
  | {
    readonly done: { readonly matches: number };
    readonly coverage: readonly NodeCoverage[];
    readonly warnings?: Warnings;
  }
  | { readonly error: Failure };

/**
 * Reads the first message of a client: a request, or as plain clients send it
 * the filter itself.
 *
 * @throws BadMessage
 */
export function readQueryRequest(message: string): QueryRequest {
  if (!message.trimStart().startsWith("{")) return { kfl: message };
  const { kfl, from, to, order, limit, follow, last, output, credit, ...rest } =
    readObject(message);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw new BadMessage(`A query has no "${unknown}"`);
  }
  const request: QueryRequest = {
    kfl: isText(kfl) ? kfl : refuse("kfl", "a text"),
    from: optional(from, isTime, "from", "microseconds since 1970"),
    to: optional(to, isTime, "to", "microseconds since 1970"),
    order: optional(order, oneOf("asc", "desc"), "order", '"asc" or "desc"'),
    limit: optional(limit, isCount, "limit", "a number of entries"),
    follow: optional(follow, isBool, "follow", "true or false"),
    last: optional(last, upTo(MAX_LAST), "last", `at most ${MAX_LAST}`),
    output: optional(
      output,
      oneOf("row", "entry", "count"),
      "output",
      '"row", "entry" or "count"',
    ),
    credit: optional(credit, upTo(MAX_CREDIT), "credit", `up to ${MAX_CREDIT}`),
  };
  if (request.follow && request.order === "desc") {
    throw new BadMessage("A query that follows has the oldest first");
  }
  return request;
}

/**
 * Reads the first message of a hub. The plan itself is trusted: who may ask a
 * worker has its secret.
 *
 * @throws BadMessage
 */
export function readAsk(message: string): Ask {
  const { plan, output, last, credit, isAlone, marks, after, names } =
    readObject(message);
  if (!isObject(plan) || plan["version"] !== PLAN_VERSION) {
    throw new OtherVersion();
  }
  return {
    plan: plan as unknown as Plan,
    output: oneOf("row", "entry", "mark", "count")(output)
      ? output
      : refuse("output", "a form"),
    last: upTo(MAX_LAST)(last) ? last : refuse("last", "a count"),
    credit: upTo(MAX_CREDIT)(credit) ? credit : refuse("credit", "a count"),
    isAlone: optional(isAlone, isBool, "isAlone", "true or false"),
    marks: optional(marks, isBool, "marks", "true or false"),
    after: optional(after, isCompleted, "after", "where an entry stands"),
    names: optional(names, upTo(MAX_PARTS), "names", `up to ${MAX_PARTS}`),
  };
}

/**
 * Reads what follows a question.
 *
 * @throws BadMessage
 */
export function readGrant(message: string): Grant {
  const { credit } = readObject(message);
  return upTo(MAX_CREDIT)(credit)
    ? { credit }
    : refuse("credit", `a number up to ${MAX_CREDIT}`);
}

/**
 * Reads an answer. Its parts are trusted, for who asks chose whom to ask.
 *
 * @throws BadMessage
 */
export function readAnswer(message: string): Answer {
  const answer = readObject(message);
  const kinds = ["progress", "coverage", "stored", "live", "done", "error"];
  if (kinds.some((kind) => kind in answer)) return answer as unknown as Answer;
  throw new BadMessage("An answer of an unknown kind");
}

/** @throws BadMessage */
function readObject(message: string): Record<string, unknown> {
  if (message.length > MAX_TEXT) throw new BadMessage("A message is too long");
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch (cause) {
    throw new BadMessage("A message is no JSON", { cause });
  }
  if (isObject(value)) return value;
  throw new BadMessage("A message is no JSON object");
}

function optional<T>(
  value: unknown,
  is: (value: unknown) => value is T,
  name: string,
  wanted: string,
): T | undefined {
  if (value === undefined || value === null) return undefined;
  return is(value) ? value : refuse(name, wanted);
}

function refuse(name: string, wanted: string): never {
  throw new BadMessage(`"${name}" must be ${wanted}`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isBool = (value: unknown): value is boolean => typeof value === "boolean";
const isTime = (value: unknown): value is number => Number.isSafeInteger(value);
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
const upTo = (most: number) => (value: unknown): value is number =>
  isCount(value) && value <= most;
const isCompleted = (value: unknown): value is Completed =>
  isObject(value) && isTime(value["completed"]) && isCount(value["place"]) &&
  isCount(value["n"]);
const oneOf =
  <T extends string>(...all: readonly T[]) => (value: unknown): value is T =>
    all.some((each) => each === value);
