/** Which protocols a condition leaves to what it is joined with. */
import type { Expression } from "../ast.ts";
import { pathOf } from "./paths.ts";
import { type Checking, type Context, isSelector } from "./scope.ts";
import { qualifier } from "./selector.ts";

/** The protocols for which a condition can be true, if it says so plainly. */
export function protocolsOf(
  check: Checking,
  expression: Expression,
  context: Context,
): readonly string[] | undefined {
  switch (expression.kind) {
    case "name":
      if (context.variables.has(expression.name)) return undefined;
      return check.vocabulary.keyword(expression.name)?.covers;
    case "not": {
      const { of } = expression;
      if (of.kind !== "name" || context.variables.has(of.name)) {
        return undefined;
      }
      const keyword = check.vocabulary.keyword(of.name);
      // A version or a transport leaves the protocol open.
      if (keyword?.node.kind !== "protocol" || keyword.node.versions) {
        return undefined;
      }
      return check.vocabulary.protocols
        .filter((name) => !keyword.covers.includes(name));
    }
    case "and": {
      let left: readonly string[] | undefined;
      for (const each of expression.of) {
        const some = protocolsOf(check, each, context);
        left = left && some
          ? left.filter((x) => some.includes(x))
          : left ?? some;
      }
      return left;
    }
    case "or": {
      const all = expression.of.map((each) =>
        protocolsOf(check, each, context)
      );
      return all.every((some) => some !== undefined)
        ? [...new Set(all.flat())]
        : undefined;
    }
    case "compare":
      return protocolsCompared(check, expression, context);
    case "call":
      return expression.on && qualified(check, expression.on, context);
    default:
      return isSelector(expression)
        ? qualified(check, expression, context)
        : undefined;
  }
}

function protocolsCompared(
  check: Checking,
  { operator, left, right }: Expression & { kind: "compare" },
  context: Context,
): readonly string[] | undefined {
  if (
    operator === "==" && left.kind === "name" && right.kind === "text" &&
    !context.variables.has(left.name)
  ) {
    const { value } = right;
    if (left.name === "protocol") {
      return check.vocabulary.protocols.filter((name) => name === value);
    }
    if (left.name === "transport") {
      return check.vocabulary.transport(value)?.covers;
    }
  }
  return qualified(check, left, context) ?? qualified(check, right, context);
}

/** The protocols that a path names before `request` or `response`. */
function qualified(
  check: Checking,
  expression: Expression,
  context: Context,
): readonly string[] | undefined {
  if (!isSelector(expression)) return undefined;
  const { root, steps } = pathOf(expression);
  if (root.kind !== "name" || steps.length === 0) return undefined;
  return qualifier(check, root.name, context)?.covers;
}
