/** What to say when two things cannot be compared, and what to write instead. */
import type { Expression } from "../ast.ts";
import { formatTime } from "../time.ts";
import type { Typed } from "../typed.ts";
import { describe, element, type Type } from "./types.ts";

/** A message and, where there is one, a hint. */
type Advice = [message: string, hint?: string];

/** One side of a comparison. */
interface Side {
  readonly node: Typed;
  readonly type: Type;
}

/** About a comparison that nothing can satisfy. */
export function mismatch(
  { operator, left, right }: Expression & { kind: "compare" },
  a: Side,
  b: Side,
): Advice {
  const swapped = isWritten(a) && !isWritten(b);
  const [field, value] = swapped ? [b, a] : [a, b];
  const written = swapped ? left : right;
  const message = `\`${operator}\` does not work on ${describe(a.type)} and ${
    describe(b.type)
  }`;
  return [message, advice(field.type, value, written, operator)];
}

function advice(
  type: Type,
  value: Side,
  written: Expression,
  operator: string,
): string | undefined {
  const is = (kind: string) =>
    type.some((shape) => element(shape).kind === kind);
  if (type.some(({ kind }) => kind === "map")) {
    return 'pick a value by its name: `["name"]`, or all: `[*]`';
  }
  if (written.kind === "regex" && is("number")) return numbersLike(written);
  if (written.kind === "text") return unquoted(written.value, is);
  if (is("time") && written.kind === "number") {
    const ms = Number(written.value);
    const us = ms < 1e11 ? ms * 1e6 : ms * 1e3;
    return `times are quoted: \`${operator} "${formatTime(us)}"\``;
  }
  if ((is("text") || is("bytes")) && written.kind === "number") {
    return `put it in quotes: \`"${written.value}"\``;
  }
  if (is("bool") && /[=]=|!=/.test(operator)) {
    return "write it alone, or with `not` before it";
  }
  const [shape] = value.type;
  if (shape?.kind === "nil") return "`exists(…)` tells whether it is there";
  return undefined;
}

/** What was quoted and should not have been. */
function unquoted(
  value: string,
  is: (kind: string) => boolean,
): string | undefined {
  const plain = value.trim();
  if (is("number") && /^-?\d+(\.\d+)?$/.test(plain)) {
    return `write it without quotes: \`${plain}\``;
  }
  if (is("duration") && /^\d+(\.\d+)?(us|ms|s|m|h|d|w)?$/.test(plain)) {
    return `write it without quotes: \`${plain}\``;
  }
  if (is("bool") && /^(true|false)$/.test(plain)) {
    return `write it without quotes: \`${plain}\``;
  }
  return undefined;
}

/** `r"4.*"` next to a number: the range that was meant. */
function numbersLike(regex: Expression & { kind: "regex" }): string {
  const digits = /^\^?(\d+)(\.\*|[.x]*|\[0-9\]*|(?:\\d)*)\$?$/.exec(
    regex.pattern,
  )?.[1];
  const range = digits?.length === 1
    ? `${digits}00..${digits}99`
    : digits?.length === 2
    ? `${digits}0..${digits}9`
    : "400..499";
  return `compare numbers: \`in ${range}\`, or with \`<\` and \`>=\``;
}

/** About a value that stands where a condition should. */
export function notCondition(expression: Expression, type: Type): Advice {
  const message = `This is ${describe(type)}, not a condition`;
  switch (expression.kind) {
    case "number":
    case "duration":
    case "address":
      return [message, "compare a field with it"];
    case "arithmetic":
    case "negative":
    case "call":
      return [message, "compare it with something"];
    default:
      return [message, "`exists(…)` tells whether it is there"];
  }
}

function isWritten({ node }: Side): boolean {
  return node.kind === "constant";
}
