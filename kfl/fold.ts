/** Expressions of constants, worked out before the query runs. */
import type { Entry } from "../entry/entry.ts";
import { evaluate } from "./interpreter.ts";
import type { Constant, Typed } from "./typed.ts";
import { Duration, isNil, Moment, type Value } from "./value.ts";

/** Nothing of it is read: the expression has no paths. */
const NO_ENTRY = {} as Entry;

/** The expression, or the constant that it is for every entry. */
export function fold(node: Typed): Typed {
  if (!isConstant(node)) return node;
  const constant = toConstant(evaluate(node, NO_ENTRY));
  return constant ? { kind: "constant", constant } : node;
}

/** The truth value that a node is for every entry, if it is one. */
export function asConstant(node: Typed): boolean | undefined {
  return node.kind === "constant" && node.constant.type === "bool"
    ? node.constant.value
    : undefined;
}

/** Whether all that an expression computes with is constant. */
function isConstant(node: Typed): boolean {
  switch (node.kind) {
    case "constant":
      return true;
    case "arithmetic":
      return isConstant(node.left) && isConstant(node.right);
    case "negative":
      return isConstant(node.of);
    case "call":
      return isConstant(node.on) && node.args.every(isConstant);
    default:
      return false;
  }
}

/** A value as the plan writes it; lists and the like have no such form. */
function toConstant(value: Value): Constant | undefined {
  if (isNil(value)) return { type: "nil" };
  if (value instanceof Moment) return { type: "time", value: value.us };
  // JSON knows no -0.
  if (value instanceof Duration) {
    return { type: "duration", value: value.us + 0 };
  }
  switch (typeof value) {
    case "string":
      return { type: "text", value };
    case "number":
      return { type: "number", value: value + 0 };
    case "bigint":
      return { type: "number", value: String(value) };
    case "boolean":
      return { type: "bool", value };
    default:
      return undefined;
  }
}
