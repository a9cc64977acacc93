/** Window: the stretch of time in which a filter's entries lie. */
import type { Constant, Typed } from "./typed.ts";

/** A stretch of time; an end that is absent is open. µs, both included. */
export interface Window {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** What the conjuncts of a filter say about its time. */
export function windowOf(filter: Typed): Window {
  const conjuncts = filter.kind === "and" ? filter.of : [filter];
  return intersection(conjuncts.map((each) => timeBounds(each) ?? {}));
}

/** The time that is in all of the windows; its ends may be the wrong way. */
export function intersection(windows: readonly Window[]): Window {
  const from = Math.max(...windows.map(({ from }) => from ?? -Infinity));
  const to = Math.min(...windows.map(({ to }) => to ?? Infinity));
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
export function within(filter: Typed, { from, to }: Window): Typed {
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
