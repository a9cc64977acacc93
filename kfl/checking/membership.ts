/** `in`: what stands on its right, and whether the left can be there. */
import { parseNetwork } from "../address.ts";
import type { Expression } from "../ast.ts";
import type { Container, Item, Typed } from "../typed.ts";
import {
  type Checking,
  type Context,
  isSelector,
  type Result,
  WRONG,
} from "./scope.ts";
import {
  BOOL,
  canEqual,
  canOrder,
  describe,
  element,
  some,
  typeOf,
} from "./types.ts";
import { adapted } from "./written.ts";

export function membership(
  check: Checking,
  expression: Expression & { kind: "compare" },
  context: Context,
): Result {
  const left = check.value(expression.left, context);
  const named = valueOfName(check, expression, context);
  if (named) return { node: { kind: "exists", of: named }, type: BOOL };
  const right = toContainer(check, expression.right, left, context);
  if (left.type.length === 0 || !right) return WRONG;
  return {
    node: { kind: "in", left: left.node, right },
    type: BOOL,
  };
}

/** `"name" in map`: the value of that name, by the map's rule for case. */
function valueOfName(
  check: Checking,
  { left, right }: Expression & { kind: "compare" },
  context: Context,
): Typed | undefined {
  if (left.kind !== "text" || !isSelector(right)) return undefined;
  const of = check.silently(() => check.value(right, context));
  if (of.type.length === 0 || of.type.some(({ kind }) => kind !== "map")) {
    return undefined;
  }
  const { span } = right;
  const index = {
    kind: "index",
    of: right,
    index: left.value,
    span,
  } as const;
  return check.value(index, context).node;
}

/** What stands after `in`. */
function toContainer(
  check: Checking,
  right: Expression,
  left: Result,
  context: Context,
): Container | undefined {
  if (right.kind === "list") {
    const items = right.items.map((item) => toItem(check, item, left, context));
    return items.every((item) => item !== undefined)
      ? { kind: "items", items }
      : undefined;
  }
  const addresses = left.type.length > 0 &&
    left.type.every((shape) => element(shape).kind === "address");
  const single = ["range", "network"].includes(right.kind) ||
    right.kind === "text" && addresses;
  if (single) {
    const item = toItem(check, right, left, context);
    return item && { kind: "items", items: [item] };
  }
  const of = check.value(right, context);
  if (of.type.length === 0) return undefined;
  const kinds = ["list", "map", "json", "object"];
  if (!of.type.some(({ kind }) => kinds.includes(kind))) {
    check.report(
      "type",
      right.span,
      `\`in\` takes a list, a range or a network, and this is ${
        describe(of.type)
      }`,
      of.type.some(({ kind }) => kind === "text" || kind === "bytes")
        ? "`contains` looks for a part of a text"
        : undefined,
    );
    return undefined;
  }
  return { kind: "value", of: of.node };
}

/** One of the items after `in`. */
function toItem(
  check: Checking,
  item: Expression,
  left: Result,
  context: Context,
): Item | undefined {
  if (item.kind === "range") return toRange(check, item, left, context);
  if (item.kind === "network" || item.kind === "text") {
    const network = item.kind === "network"
      ? { value: item.value, bits: item.bits }
      : left.type.some((shape) => element(shape).kind === "address")
      ? parseNetwork(item.value)
      : undefined;
    if (network) {
      const kinds = ["address", "text", "json"];
      if (
        some(
          left.type,
          typeOf("network"),
          (a) => kinds.includes(element(a).kind),
        )
      ) {
        return { kind: "network", ...network };
      }
      check.report(
        "type",
        item.span,
        `Only addresses lie in a network, and this is ${describe(left.type)}`,
      );
      return undefined;
    }
  }
  const result = check.value(item, context);
  if (result.type.length === 0 || left.type.length === 0) return undefined;
  const value = adapted(check, result, left.type, item.span);
  if (!value) return undefined;
  if (!some(left.type, value.type, canEqual)) {
    check.report(
      "type",
      item.span,
      `${describe(value.type)} is never among what is ${describe(left.type)}`
        .replace(/^./, (letter) => letter.toUpperCase()),
    );
    return undefined;
  }
  return { kind: "value", of: value.node };
}

function toRange(
  check: Checking,
  range: Expression & { kind: "range" },
  left: Result,
  context: Context,
): Item | undefined {
  const ends = [range.low, range.high].map((end) => {
    const result = check.value(end, context);
    return result.type.length > 0
      ? adapted(check, result, left.type, end.span)
      : undefined;
  });
  const [low, high] = ends;
  if (!low || !high || left.type.length === 0) return undefined;
  if (low.node.kind !== "constant" || high.node.kind !== "constant") {
    check.report(
      "type",
      range.span,
      "The ends of a range are literals",
      "compare with `>=` and `<=`",
    );
    return undefined;
  }
  if (
    !some(left.type, low.type, canOrder) ||
    !some(left.type, high.type, canOrder)
  ) {
    check.report(
      "type",
      range.span,
      `${describe(left.type)} cannot lie between ${describe(low.type)} and ${
        describe(high.type)
      }`.replace(/^./, (letter) => letter.toUpperCase()),
    );
    return undefined;
  }
  return {
    kind: "range",
    low: low.node.constant,
    high: high.node.constant,
  };
}
