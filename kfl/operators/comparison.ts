/** Comparisons, and `in`. */
import { withinTest } from "../address.ts";
import type { Comparator } from "../ast.ts";
import {
  anyOrder,
  Duration,
  equal,
  isNil,
  isObject,
  type Value,
} from "../value.ts";

/** A comparison as a value; its examples are its tests and documentation. */
export interface ComparisonOperator {
  readonly name: Comparator;
  readonly doc: string;
  readonly examples: readonly (readonly [Value, Value, boolean])[];
  evaluate(left: Value, right: Value): boolean;
}

/** What stands after `in`, where it is written out. */
export type Member =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "range"; readonly low: Value; readonly high: Value }
  | {
    readonly kind: "network";
    readonly value: string;
    readonly bits: number;
  };

const second = new Duration(1_000_000);

export const equals: ComparisonOperator = {
  name: "==",
  doc:
    'Whether both are the same; a list and a scalar: whether any element is. With `r"…"` it is `matches`',
  examples: [
    ["GET", "GET", true],
    ["GET", "get", false],
    [["h2", "http/1.1"], "h2", true],
    [second, 1000, true], // a bare number next to a duration is milliseconds
    [undefined, undefined, true],
    [undefined, "", false],
  ],
  evaluate: equal,
};

export const differs: ComparisonOperator = {
  name: "!=",
  doc: "The negation of `==`: also true where a value is missing",
  examples: [
    ["GET", "POST", true],
    [["h2", "http/1.1"], "h2", false],
    [undefined, "GET", true],
  ],
  evaluate: (left, right) => !equal(left, right),
};

export const less: ComparisonOperator = {
  name: "<",
  doc:
    "Whether the left comes before the right: numbers, times, durations, texts; false where a value is missing",
  examples: [
    [1, 2, true],
    [second, 1500, true],
    ["1.1", "2", true],
    [undefined, 1, false],
    ["1", 2, false], // a text and a number have no order
  ],
  evaluate: (left, right) => anyOrder(left, right, (order) => order < 0),
};

export const atMost: ComparisonOperator = {
  name: "<=",
  doc: "Not after",
  examples: [[2, 2, true], [[1, 9], 5, true]],
  evaluate: (left, right) => anyOrder(left, right, (order) => order <= 0),
};

export const greater: ComparisonOperator = {
  name: ">",
  doc: "After",
  examples: [[2, 1, true], [second, 1000, false]],
  evaluate: (left, right) => anyOrder(left, right, (order) => order > 0),
};

export const atLeast: ComparisonOperator = {
  name: ">=",
  doc: "Not before",
  examples: [[2, 2, true], [[1, 9], 10, false]],
  evaluate: (left, right) => anyOrder(left, right, (order) => order >= 0),
};

export const isIn: ComparisonOperator = {
  name: "in",
  doc:
    "Whether the left is an element of the list, a name of the map, or lies in a range `a..b` or a network such as `10.0.0.0/8`; the items of a written list may be ranges and networks",
  examples: [
    ["GET", ["GET", "HEAD"], true],
    [["a", "b"], ["b", "c"], true],
    ["accept", { accept: "*/*" }, true],
    ["x", undefined, false],
  ],
  evaluate: contained,
};

/** In the order of the reference. */
export const COMPARISONS: readonly ComparisonOperator[] = [
  equals,
  differs,
  less,
  atMost,
  greater,
  atLeast,
  isIn,
];

const byName = new Map(COMPARISONS.map((each) => [each.name, each]));

/** The comparison of that name. */
export function comparisonOf(name: Comparator): ComparisonOperator {
  return byName.get(name)!;
}

/** Whether the value, or any element of it, is in a list or names of a map. */
function contained(value: Value, container: Value): boolean {
  if (isNil(container)) return false;
  if (Array.isArray(value)) return value.some((x) => contained(x, container));
  if (isObject(container)) {
    return typeof value === "string" && Object.hasOwn(container, value);
  }
  return Array.isArray(container)
    ? container.some((each) => equal(value, each))
    : equal(value, container);
}

/** Whether the value, or any element of it, is one of the written items. */
export function isMember(value: Value, items: readonly Member[]): boolean {
  if (Array.isArray(value)) return value.some((x) => isMember(x, items));
  return items.some((item) => {
    switch (item.kind) {
      case "value":
        return equal(value, item.value);
      case "range":
        return anyOrder(value, item.low, (order) => order >= 0) &&
          anyOrder(value, item.high, (order) => order <= 0);
      case "network":
        return typeof value === "string" && withinTest(item)(value);
    }
  });
}
