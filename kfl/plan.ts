/**
 * Plan: how a query will run, as data.
 *
 * A plan can be printed, sent and compared. It holds all that a worker needs:
 * no schema, no text to parse.
 */
import type { Checked } from "./checker.ts";
import type { RedactPath } from "./redaction.ts";
import type { Constant, Typed } from "./typed.ts";

/** A worker refuses plans of other versions. */
export const PLAN_VERSION = 1;

/** In which order entries come. */
export type Order = "asc" | "desc";

/** What is asked beside the filter. */
export interface QueryOptions {
  /** When the query starts, µs since 1970: what `now()` is. */
  readonly now: number;
  /** Entries whose `timestamp` is not before it, µs. */
  readonly from?: number | undefined;
  /** Entries whose `timestamp` is not after it, µs. */
  readonly to?: number | undefined;
  /** By default `asc`, the oldest first. */
  readonly order?: Order | undefined;
  /** Most entries of the answer; `limit(n)` in the filter may say less. */
  readonly limit?: number | undefined;
  /** Whether entries that are yet to be captured are asked for too. */
  readonly follow?: boolean | undefined;
  /** Whether bodies are given out. By default they are. */
  readonly bodies?: boolean | undefined;
  /** Paths of the fields that are given out; by default all. */
  readonly projection?: readonly string[] | undefined;
}

/** A query, ready to be run. Plain data that JSON can write. */
export interface Plan {
  readonly version: typeof PLAN_VERSION;
  readonly now: number;
  /** Where the `timestamp` of every match lies; both ends are in it, µs. */
  readonly window: Window;
  readonly order: Order;
  readonly limit?: number | undefined;
  readonly follow: boolean;
  /** True of exactly the entries that match, the window included. */
  readonly filter: Typed;
  readonly redact: readonly RedactPath[];
  /** Whether somebody will look at bodies: the filter, or the output. */
  readonly wantsBodies: boolean;
  readonly projection?: readonly string[] | undefined;
}

/** A stretch of time; an end that is absent is open. µs, both included. */
export interface Window {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Makes the plan of a filter that was found to be right. */
export function plan(checked: Checked, options: QueryOptions): Plan {
  const filter = within(checked.filter, options);
  const limits = [checked.limit, options.limit].filter((n) => n !== undefined);
  const { order = "asc", follow = false, bodies = true } = options;
  return {
    version: PLAN_VERSION,
    now: options.now,
    window: windowOf(filter),
    order,
    ...(limits.length > 0 ? { limit: Math.min(...limits) } : {}),
    follow,
    filter,
    redact: checked.redact,
    wantsBodies: bodies || readsBodies(filter),
    ...(options.projection ? { projection: options.projection } : {}),
  };
}

const TIMESTAMP: Typed = {
  kind: "select",
  text: "timestamp",
  variants: [{
    steps: [{ kind: "name", name: "timestamp" }],
    form: "moment",
    many: false,
  }],
  readsBody: false,
};

/** The filter with the bounds of time that were given beside it. */
function within(filter: Typed, { from, to }: QueryOptions): Typed {
  const bounds: Typed[] = [];
  if (from !== undefined) bounds.push(compareTime(">=", from));
  if (to !== undefined) bounds.push(compareTime("<=", to));
  if (bounds.length === 0) return filter;
  const rest = filter.kind === "and" ? filter.of : [filter];
  return { kind: "and", of: [...bounds, ...rest] };
}

function compareTime(operator: ">=" | "<=", us: number): Typed {
  const constant: Constant = { type: "time", value: us };
  return {
    kind: "compare",
    operator,
    left: TIMESTAMP,
    right: { kind: "constant", constant },
  };
}

/** What the conjuncts of a filter say about its time. */
function windowOf(filter: Typed): Window {
  let from = -Infinity;
  let to = Infinity;
  for (const each of filter.kind === "and" ? filter.of : [filter]) {
    const bounds = timeBounds(each);
    from = Math.max(from, bounds?.from ?? -Infinity);
    to = Math.min(to, bounds?.to ?? Infinity);
  }
  return {
    ...(from > -Infinity ? { from } : {}),
    ...(to < Infinity ? { to } : {}),
  };
}

/** The times for which a comparison of `timestamp` with a time is true. */
export function timeBounds(node: Typed): Window | undefined {
  if (node.kind !== "compare") return undefined;
  const { operator, left, right } = node;
  if (isTimestamp(left)) return boundsOf(operator, right);
  return isTimestamp(right) ? boundsOf(REVERSED[operator], left) : undefined;
}

const REVERSED = {
  "==": "==",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
} as const;

function boundsOf(
  operator: keyof typeof REVERSED,
  time: Typed,
): Window | undefined {
  if (time.kind !== "constant" || time.constant.type !== "time") {
    return undefined;
  }
  // Timestamps are whole microseconds.
  const us = time.constant.value;
  switch (operator) {
    case "==":
      return { from: us, to: us };
    case "<":
      return { to: Math.ceil(us) - 1 };
    case "<=":
      return { to: Math.floor(us) };
    case ">":
      return { from: Math.floor(us) + 1 };
    case ">=":
      return { from: Math.ceil(us) };
  }
}

function isTimestamp(node: Typed): boolean {
  return node.kind === "select" && node.text === "timestamp" &&
    node.variable === undefined;
}

/** Whether the filter reads any body. */
function readsBodies(node: Typed): boolean {
  return some(
    node,
    (each) =>
      each.kind === "search" || each.kind === "select" && each.readsBody,
  );
}

/** Whether the test holds for the node or any below it. */
export function some(node: Typed, test: (node: Typed) => boolean): boolean {
  return test(node) || partsOf(node).some((part) => some(part, test));
}

/** The nodes directly below. */
export function partsOf(node: Typed): readonly Typed[] {
  switch (node.kind) {
    case "and":
    case "or":
      return node.of;
    case "not":
    case "negative":
    case "walk":
    case "exists":
      return [node.of];
    case "compare":
    case "arithmetic":
      return [node.left, node.right];
    case "in":
      return [
        node.left,
        ...(node.right.kind === "value"
          ? [node.right.of]
          : node.right.items.flatMap((item) =>
            item.kind === "value" ? [item.of] : []
          )),
      ];
    case "call":
      return [node.on, ...node.args];
    case "quantifier":
      return [node.over, node.body];
    case "list":
      return node.items;
    default:
      return [];
  }
}
