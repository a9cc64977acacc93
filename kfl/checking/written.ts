/** Values that are written out, as what they are compared with or given to. */
import { normalizeAddress, parseNetwork } from "../address.ts";
import type { Expression } from "../ast.ts";
import type { Span } from "../diagnostic.ts";
import { compileGlob, compileRegex } from "../pattern.ts";
import { parseTime } from "../time.ts";
import {
  type Checking,
  constant,
  type Context,
  counted,
  type Result,
} from "./scope.ts";
import { element, type Type } from "./types.ts";

/**
 * A written text as what it is compared with: quoted addresses become
 * addresses and quoted times times. `undefined` where it stands for none.
 */
export function adapted(
  check: Checking,
  result: Result,
  other: Type,
  span: Span,
): Result | undefined {
  const { node } = result;
  if (node.kind !== "constant" || node.constant.type !== "text") {
    return result;
  }
  const { value } = node.constant;
  const every = (kind: string) =>
    other.every((shape) => element(shape).kind === kind);
  if (every("address")) {
    const address = normalizeAddress(value);
    if (address !== undefined) {
      return constant({ type: "address", value: address });
    }
    check.report(
      "literal",
      span,
      `\`${value}\` is no IP address`,
      parseNetwork(value)
        ? "`in` tests whether an address lies in a network"
        : 'search its text with `matches "…"`',
    );
    return undefined;
  }
  if (every("time")) {
    const time = parseTime(value);
    if (time !== undefined) return constant({ type: "time", value: time });
    check.report(
      "literal",
      span,
      `\`${value}\` is no time`,
      "write it as `2026-11-23T10:13:00Z`, or `now() - 10m`",
    );
    return undefined;
  }
  return result;
}

/** Whether a pattern is well-formed; reports it if not. */
export function isPattern(
  check: Checking,
  text: string,
  parameter: "pattern" | "glob",
  span: Span,
): boolean {
  const test = parameter === "glob" ? compileGlob(text) : compileRegex(text);
  if (typeof test === "function") return true;
  check.report(
    "literal",
    span,
    `The pattern cannot be used: ${test.problem}`,
  );
  return false;
}

/** The constants that a function was given; reports what does not fit. */
export function writtenArguments(
  check: Checking,
  call: Expression & { kind: "call" },
  context: Context,
  kinds: readonly ("number" | "text")[],
): (number | string)[] | undefined {
  if (call.args.length !== kinds.length) {
    check.report(
      "arguments",
      call.span,
      `\`${call.name}\` takes ${counted(kinds.length, "argument")}`,
    );
    return undefined;
  }
  const values: (number | string)[] = [];
  for (const [i, arg] of call.args.entries()) {
    const { node, type } = check.value(arg, context);
    if (type.length === 0) return undefined;
    const constant = node.kind === "constant" ? node.constant : undefined;
    if (!constant || constant.type !== kinds[i]) {
      check.report(
        "arguments",
        arg.span,
        `\`${call.name}\` takes ${
          kinds[i] === "number" ? "a number" : "a text"
        } that is written out`,
      );
      return undefined;
    }
    values.push(constant.value as number | string);
  }
  return values;
}
