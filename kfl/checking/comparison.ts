/** Comparisons. */
import type { Expression } from "../ast.ts";
import { closest, type Span } from "../diagnostic.ts";
import { fold } from "../fold.ts";
import type { Typed } from "../typed.ts";
import { admits } from "./call.ts";
import { membership } from "./membership.ts";
import { mismatch } from "./mismatch.ts";
import {
  type Checking,
  constant,
  type Context,
  type Result,
  TRUE,
  WRONG,
} from "./scope.ts";
import { BOOL, canEqual, canOrder, element, some, typeOf } from "./types.ts";
import { adapted, isPattern } from "./written.ts";

export function compare(
  check: Checking,
  expression: Expression & { kind: "compare" },
  context: Context,
): Result {
  const { operator, left, right } = expression;
  if (operator === "in") return membership(check, expression, context);
  if (left.kind === "regex" || right.kind === "regex") {
    return searched(check, expression, context);
  }
  if (right.kind === "network" && (operator === "==" || operator === "!=")) {
    check.report(
      "type",
      expression.span,
      "A network is no address",
      "`in` tests whether an address lies in it",
    );
    return WRONG;
  }
  const a = check.value(left, context);
  const b = check.value(right, context);
  if (a.type.length === 0 || b.type.length === 0) return WRONG;
  const x = adapted(check, a, b.type, left.span);
  const y = adapted(check, b, a.type, right.span);
  if (!x || !y) return WRONG;
  const test = operator === "==" || operator === "!=" ? canEqual : canOrder;
  if (!some(x.type, y.type, test)) {
    check.report("type", expression.span, ...mismatch(expression, x, y));
    return WRONG;
  }
  const possible = isPossible(check, left, x, y, right.span) &&
    isPossible(check, right, y, x, left.span);
  if (!possible) return WRONG;
  if (operator === "!=") {
    const of: Typed = {
      kind: "compare",
      operator: "==",
      left: x.node,
      right: y.node,
    };
    return { node: { kind: "not", of }, type: BOOL };
  }
  return {
    node: { kind: "compare", operator, left: x.node, right: y.node },
    type: BOOL,
  };
}

/** Reports a written text that is none of the values a field can have. */
function isPossible(
  check: Checking,
  expression: Expression,
  a: Result,
  b: Result,
  span: Span,
): boolean {
  if (b.node.kind !== "constant" || b.node.constant.type !== "text") {
    return true;
  }
  const { value } = b.node.constant;
  if (expression.kind === "name" && expression.name === "protocol") {
    return isProtocol(check, value, span);
  }
  const values = a.type.flatMap((shape) => {
    const declared = element(shape).field?.values ?? [];
    return declared.length > 0 ? [declared] : [];
  });
  const few = values.length === a.type.length ? values.flat() : [];
  if (few.length === 0 || few.includes(value)) return true;
  const meant = closest(value, few);
  check.report(
    "impossible",
    span,
    `It is never "${value}"`,
    meant
      ? `did you mean "${meant}"?`
      : `it is one of ${few.map((each) => `"${each}"`).join(", ")}`,
  );
  return false;
}

function isProtocol(
  check: Checking,
  name: string,
  span: Span,
): boolean {
  const known = check.vocabulary.protocolName(name);
  if (known === name) return true;
  const meant = known ?? closest(name, check.vocabulary.protocols);
  check.report(
    "impossible",
    span,
    `There is no protocol "${name}"`,
    meant && `did you mean "${meant}"?`,
  );
  return false;
}

/** `x == r"…"` is `x matches "…"`, and `!=` its negation. */
function searched(
  check: Checking,
  expression: Expression & { kind: "compare" },
  context: Context,
): Result {
  const { operator, left, right, span } = expression;
  const [regex, of] = right.kind === "regex" ? [right, left] : [left, right];
  if (operator !== "==" && operator !== "!=") {
    check.report(
      "type",
      span,
      `\`${operator}\` does not work on a regular expression`,
    );
    return WRONG;
  }
  const on = check.value(of, context);
  const { pattern } = regex as Expression & { kind: "regex" };
  if (!isPattern(check, pattern, "pattern", regex.span)) return WRONG;
  if (on.type.length === 0) return WRONG;
  if (!on.type.some((shape) => admits("text", shape))) {
    check.report(
      "type",
      span,
      ...mismatch(expression, on, {
        node: TRUE,
        type: typeOf("regex"),
      }),
    );
    return WRONG;
  }
  const call = fold({
    kind: "call",
    name: "matches",
    on: on.node,
    args: [constant({ type: "text", value: pattern }).node],
  });
  return {
    node: operator === "==" ? call : { kind: "not", of: call },
    type: BOOL,
  };
}
