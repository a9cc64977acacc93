/** Arithmetic on numbers, times and durations. */
import type { Arithmetic } from "../ast.ts";
import { Duration, Moment, type Value } from "../value.ts";

/** An arithmetic operator; its examples are its tests and documentation. */
export interface ArithmeticOperator {
  readonly name: Arithmetic;
  readonly doc: string;
  readonly examples: readonly (readonly [Value, Value, Value])[];
  evaluate(left: Value, right: Value): Value;
}

export const plus: ArithmeticOperator = {
  name: "+",
  doc: "Numbers; durations; a time and a duration",
  examples: [
    [1, 2, 3],
    [new Moment(5), new Duration(2), new Moment(7)],
    [1, "2", undefined],
  ],
  evaluate(left, right) {
    if (left instanceof Moment) return moved(left, right, 1);
    if (right instanceof Moment) return moved(right, left, 1);
    if (left instanceof Duration && right instanceof Duration) {
      return new Duration(left.us + right.us);
    }
    return onNumbers(left, right, (a, b) => a + b);
  },
};

export const minus: ArithmeticOperator = {
  name: "-",
  doc: "Numbers; durations; a time less a duration, or a time (a duration)",
  examples: [
    [3, 2, 1],
    [new Moment(5), new Duration(2), new Moment(3)],
    [new Moment(5), new Moment(2), new Duration(3)],
  ],
  evaluate(left, right) {
    if (left instanceof Moment) {
      return right instanceof Moment
        ? new Duration(left.us - right.us)
        : moved(left, right, -1);
    }
    if (left instanceof Duration && right instanceof Duration) {
      return new Duration(left.us - right.us);
    }
    return onNumbers(left, right, (a, b) => a - b);
  },
};

export const times: ArithmeticOperator = {
  name: "*",
  doc: "Numbers; a duration and a number",
  examples: [[3, 2, 6], [new Duration(5), 2, new Duration(10)]],
  evaluate(left, right) {
    if (left instanceof Duration) return scaled(left, right);
    if (right instanceof Duration) return scaled(right, left);
    return onNumbers(left, right, (a, b) => a * b);
  },
};

export const dividedBy: ArithmeticOperator = {
  name: "/",
  doc: "Numbers; a duration by a number or by a duration; nil by zero",
  examples: [
    [3, 2, 1.5],
    [1, 0, undefined],
    [new Duration(10), new Duration(4), 2.5],
  ],
  evaluate(left, right) {
    if (left instanceof Duration) {
      if (right instanceof Duration) return finite(left.us / right.us);
      const divisor = toNumber(right);
      return divisor === undefined ? undefined : scaled(left, 1 / divisor);
    }
    return onNumbers(left, right, (a, b) => a / b);
  },
};

/** In the order of the reference. */
export const ARITHMETIC: readonly ArithmeticOperator[] = [
  plus,
  minus,
  times,
  dividedBy,
];

const byName = new Map(ARITHMETIC.map((each) => [each.name, each]));

/** The arithmetic operator of that name. */
export function arithmeticOf(name: Arithmetic): ArithmeticOperator {
  return byName.get(name)!;
}

/** `-value`. */
export function negate(value: Value): Value {
  if (typeof value === "number" || typeof value === "bigint") return -value;
  return value instanceof Duration ? new Duration(-value.us) : undefined;
}

function moved(time: Moment, by: Value, sign: 1 | -1): Value {
  if (!(by instanceof Duration)) return undefined;
  return new Moment(time.us + sign * by.us);
}

function scaled(duration: Duration, by: Value): Value {
  const factor = toNumber(by);
  if (factor === undefined) return undefined;
  const us = finite(Math.round(duration.us * factor));
  return us === undefined ? undefined : new Duration(us);
}

function onNumbers(
  left: Value,
  right: Value,
  operate: (a: number, b: number) => number,
): Value {
  const a = toNumber(left);
  const b = toNumber(right);
  return a === undefined || b === undefined ? undefined : finite(operate(a, b));
}

function toNumber(value: Value): number | undefined {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "number" ? value : undefined;
}

function finite(result: number): number | undefined {
  return Number.isFinite(result) ? result : undefined;
}
