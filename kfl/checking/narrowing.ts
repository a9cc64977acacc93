/** Which protocols a condition leaves to what it is joined with. */
import type { Expression } from "../ast.ts";
import { pathOf } from "./paths.ts";
import { type Checking, type Context, isSelector } from "./scope.ts";
import { qualifier } from "./selector.ts";

/** Names of protocols; `undefined` where any may be. */
type Left = readonly string[] | undefined;

/** The protocols for which a condition can be true, if it says so plainly. */
export function protocolsOf(
  check: Checking,
  expression: Expression,
  context: Context,
): Left {
  const left = (each: Expression): Left => protocolsOf(check, each, context);
  switch (expression.kind) {
    case "and":
      return expression.of.map(left).reduce(both, undefined);
    case "or": {
      const all = expression.of.map(left);
      return all.every((some) => some !== undefined)
        ? [...new Set(all.flat())]
        : undefined;
    }
    case "not":
      return protocolsExcept(check, expression.of, context);
    case "name":
      return context.variables.has(expression.name)
        ? undefined
        : check.vocabulary.keyword(expression.name)?.covers;
    case "compare":
      return both(
        protocolsCompared(check, expression, context),
        qualified(check, expression, context),
      );
    default:
      return qualified(check, expression, context);
  }
}

/** What is in both; nothing said leaves everything. */
function both(a: Left, b: Left): Left {
  return a && b ? a.filter((name) => b.includes(name)) : a ?? b;
}

/** Those for which `not keyword` is true. */
function protocolsExcept(
  check: Checking,
  of: Expression,
  context: Context,
): Left {
  if (of.kind !== "name" || context.variables.has(of.name)) return undefined;
  const keyword = check.vocabulary.keyword(of.name);
  // A version or a transport leaves the protocol open.
  if (keyword?.node.kind !== "protocol" || keyword.node.versions) {
    return undefined;
  }
  return check.vocabulary.protocols
    .filter((name) => !keyword.covers.includes(name));
}

/** `protocol == "…"`, `transport == "…"` */
function protocolsCompared(
  check: Checking,
  { operator, left, right }: Expression & { kind: "compare" },
  context: Context,
): Left {
  if (operator !== "==" || left.kind !== "name" || right.kind !== "text") {
    return undefined;
  }
  if (context.variables.has(left.name)) return undefined;
  const { value } = right;
  if (left.name === "transport") {
    return check.vocabulary.transport(value)?.covers;
  }
  return left.name === "protocol"
    ? check.vocabulary.protocols.filter((name) => name === value)
    : undefined;
}

/** The protocols that paths in a comparison or call name before themselves. */
function qualified(
  check: Checking,
  expression: Expression,
  context: Context,
): Left {
  const inside = (...parts: readonly Expression[]): Left =>
    parts.map((part) => qualified(check, part, context))
      .reduce(both, undefined);
  switch (expression.kind) {
    case "compare":
    case "arithmetic":
      return inside(expression.left, expression.right);
    case "negative":
      return inside(expression.of);
    case "list":
      return inside(...expression.items);
    case "call": {
      const { name, on, args } = expression;
      // What the elements of a list must be says nothing of an empty one.
      const isQuantifier = on && args.length === 2 &&
        ["exists", "any", "all"].includes(name);
      return inside(...on ? [on] : [], ...isQuantifier ? [] : args);
    }
    default: {
      if (!isSelector(expression)) return undefined;
      const { root, steps } = pathOf(expression);
      if (root.kind !== "name") return inside(root);
      return steps.length > 0
        ? qualifier(check, root.name, context)?.covers
        : undefined;
    }
  }
}
