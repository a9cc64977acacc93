/**
 * Format: typed filter -> text, which reads back as the same filter.
 *
 * It is how `explain` shows what is evaluated: with names looked up, times
 * worked out and no parentheses that precedence makes needless.
 */
import type { Constant, Container, Item, Step, Typed } from "./typed.ts";
import { formatDuration, formatTime } from "./time.ts";

/** How tightly a form binds; a part that binds less stands in parentheses. */
const BINDS = {
  or: 1,
  and: 2,
  not: 3,
  comparison: 4,
  sum: 5,
  product: 6,
  prefix: 7,
  postfix: 8,
} as const;

type Tightness = typeof BINDS[keyof typeof BINDS];

/** A filter as text. */
export function formatFilter(filter: Typed): string {
  return format(filter, BINDS.or);
}

/** A node as text, in parentheses if it binds less than it must. */
function format(node: Typed, least: Tightness): string {
  const text = formatBare(node);
  return tightnessOf(node) < least ? `(${text})` : text;
}

function formatBare(node: Typed): string {
  switch (node.kind) {
    case "constant":
      return formatConstant(node.constant);
    case "select":
    case "protocol":
      return node.text;
    case "transport":
      return node.transport;
    case "ends":
      return node.field;
    case "search":
      return JSON.stringify(node.text);
    case "and":
    case "or": {
      const inner = node.kind === "and" ? BINDS.not : BINDS.and;
      return node.of.map((each) => format(each, inner)).join(` ${node.kind} `);
    }
    case "not": {
      const { of } = node;
      return of.kind === "compare" && of.operator === "=="
        ? comparison(of.left, "!=", of.right)
        : `not ${format(of, BINDS.not)}`;
    }
    case "compare":
      return comparison(node.left, node.operator, node.right);
    case "in":
      return `${format(node.left, BINDS.sum)} in ${
        formatContainer(node.right)
      }`;
    case "arithmetic": {
      const tight = tightnessOf(node);
      const next = tight === BINDS.sum ? BINDS.product : BINDS.prefix;
      return `${format(node.left, tight)} ${node.operator} ${
        format(node.right, next)
      }`;
    }
    case "negative":
      return `-${format(node.of, BINDS.prefix)}`;
    case "call":
      return formatCall(node);
    case "walk":
      return format(node.of, BINDS.postfix) +
        node.steps.map(formatStep).join("");
    case "exists":
      return `exists(${format(node.of, BINDS.or)})`;
    case "quantifier": {
      const name = node.every ? "all" : "exists";
      return `${format(node.over, BINDS.postfix)}.${name}(${node.variable}, ${
        format(node.body, BINDS.or)
      })`;
    }
    case "list":
      return `[${node.items.map((each) => format(each, BINDS.or)).join(", ")}]`;
  }
}

/** Operators with one argument stand between their values. */
function formatCall({ name, on, args }: Typed & { kind: "call" }): string {
  const [arg] = args;
  return arg
    ? `${format(on, BINDS.sum)} ${name} ${format(arg, BINDS.sum)}`
    : `${format(on, BINDS.postfix)}.${name}()`;
}

function comparison(left: Typed, operator: string, right: Typed): string {
  return `${compared(left, right)} ${operator} ${compared(right, left)}`;
}

/** One side of a comparison: a time needs no more than quotes next to one. */
function compared(node: Typed, other: Typed): string {
  const isQuoted = node.kind === "constant" && node.constant.type === "time" &&
    other.kind === "select" &&
    other.variants.every(({ form }) => form === "moment" || form === "time");
  return isQuoted ? quotedTime(node.constant.value) : format(node, BINDS.sum);
}

function quotedTime(us: number): string {
  return JSON.stringify(formatTime(us));
}

function tightnessOf(node: Typed): Tightness {
  switch (node.kind) {
    case "or":
    case "and":
      return BINDS[node.kind];
    case "not":
      return node.of.kind === "compare" && node.of.operator === "=="
        ? BINDS.comparison
        : BINDS.not;
    case "compare":
    case "in":
      return BINDS.comparison;
    case "call":
      return node.args.length > 0 ? BINDS.comparison : BINDS.postfix;
    case "arithmetic":
      return node.operator === "+" || node.operator === "-"
        ? BINDS.sum
        : BINDS.product;
    case "negative":
      return BINDS.prefix;
    case "constant":
      return node.constant.type === "number" && String(node.constant.value)
              .startsWith("-") ||
          node.constant.type === "duration" && node.constant.value < 0
        ? BINDS.prefix
        : BINDS.postfix;
    default:
      return BINDS.postfix;
  }
}

/** A constant as it is written. */
export function formatConstant(constant: Constant): string {
  switch (constant.type) {
    case "nil":
      return "nil";
    case "text":
      return JSON.stringify(constant.value);
    case "time":
      return `datetime(${quotedTime(constant.value)})`;
    case "duration":
      return formatDuration(constant.value);
    default:
      return String(constant.value);
  }
}

function formatContainer(container: Container): string {
  if (container.kind === "value") return format(container.of, BINDS.sum);
  const items = container.items.map(formatItem);
  const [first] = container.items;
  return items.length === 1 && first?.kind !== "value"
    ? items[0]!
    : `[${items.join(", ")}]`;
}

function formatItem(item: Item): string {
  switch (item.kind) {
    case "value":
      return format(item.of, BINDS.or);
    case "range":
      return `${formatEnd(item.low)}..${formatEnd(item.high)}`;
    case "network":
      return `${item.value}/${item.bits}`;
  }
}

/** An end of a range, which is a literal. */
function formatEnd(end: Constant): string {
  return end.type === "time" ? quotedTime(end.value) : formatConstant(end);
}

function formatStep(step: Step): string {
  switch (step.kind) {
    case "name":
      return `.${step.name}`;
    case "key":
      return /^[A-Za-z_]\w*$/.test(step.key)
        ? `.${step.key}`
        : `[${JSON.stringify(step.key)}]`;
    case "at":
      return `[${step.index}]`;
    case "each":
      return "[*]";
    case "descend":
      return `..${step.name}`;
  }
}
