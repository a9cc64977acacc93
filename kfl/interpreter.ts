/**
 * Interpreter: what a typed filter means, spelled out.
 *
 * It walks the tree for every entry and so is slow, but plain to see right: the
 * laws hold the compiled evaluator and every stage against it. It is also what
 * runs where code cannot be generated (a page whose policy forbids it).
 */
import type { Entry } from "../entry/entry.ts";
import { arithmeticOf, negate } from "./operators/arithmetic.ts";
import { comparisonOf, isMember, type Member } from "./operators/comparison.ts";
import { apply } from "./operators/operator.ts";
import { operatorOf } from "./operators/registry.ts";
import { isFound } from "./search.ts";
import type {
  Constant,
  Container,
  EndField,
  Item,
  Select,
  Typed,
} from "./typed.ts";
import {
  Duration,
  isNil,
  Moment,
  toValue,
  truth,
  type Value,
} from "./value.ts";
import { walk } from "./walk.ts";

/** Values of the variables around an expression. */
export type Scope = ReadonlyMap<string, Value>;

const NO_VARIABLES: Scope = new Map();

/** Whether the filter is true of the entry. */
export function satisfies(filter: Typed, entry: Entry): boolean {
  return truth(evaluate(filter, entry));
}

/** What an expression is for an entry. */
export function evaluate(
  node: Typed,
  entry: Entry,
  scope: Scope = NO_VARIABLES,
): Value {
  const value = (of: Typed): Value => evaluate(of, entry, scope);
  const holds = (of: Typed): boolean => truth(value(of));
  switch (node.kind) {
    case "constant":
      return constantValue(node.constant);
    case "select":
      return select(node, entry, scope);
    case "protocol":
      return node.among.includes(entry.protocol) &&
        (node.versions?.includes(entry.version ?? "") ?? true);
    case "transport":
      return entry.transport === node.transport;
    case "and":
      return node.of.every(holds);
    case "or":
      return node.of.some(holds);
    case "not":
      return !holds(node.of);
    case "compare":
      return comparisonOf(node.operator)
        .evaluate(value(node.left), value(node.right));
    case "in":
      return contained(value(node.left), node.right, value);
    case "arithmetic":
      return arithmeticOf(node.operator)
        .evaluate(value(node.left), value(node.right));
    case "negative":
      return negate(value(node.of));
    case "call":
      return apply(
        operatorOf(node.name)!,
        value(node.on),
        node.args.map(value),
      );
    case "walk":
      return toValue(walk(value(node.of), node.steps), "json");
    case "exists":
      return !isNil(value(node.of));
    case "list":
      return node.items.map(value);
    case "ends":
      return bothEnds(node.field, entry);
    case "search":
      return isFound(node.text, node.where, entry);
    case "quantifier": {
      const test = (element: Value): boolean =>
        truth(evaluate(
          node.body,
          entry,
          new Map(scope).set(node.variable, element),
        ));
      return quantify(value(node.over), node.every, test);
    }
  }
}

/** A constant as a value. */
export function constantValue(constant: Constant): Value {
  switch (constant.type) {
    case "nil":
      return undefined;
    case "time":
      return new Moment(constant.value);
    case "duration":
      return new Duration(constant.value);
    case "number":
      return typeof constant.value === "string"
        ? BigInt(constant.value)
        : constant.value;
    default:
      return constant.value;
  }
}

function select(node: Select, entry: Entry, scope: Scope): Value {
  const variant = node.variants.find(({ protocols }) =>
    !protocols || protocols.includes(entry.protocol)
  );
  if (!variant) return undefined;
  const base = node.variable === undefined ? entry : scope.get(node.variable);
  return toValue(walk(base, variant.steps), variant.form);
}

/** Whether any or every element passes; a scalar is its own element. */
export function quantify(
  over: Value,
  every: boolean,
  test: (element: Value) => boolean,
): Value {
  if (isNil(over)) return undefined;
  const elements: readonly Value[] = Array.isArray(over) ? over : [over];
  return every ? elements.every(test) : elements.some(test);
}

/**
 * What the two ends have of a field; nil if neither has any. A service's
 * virtual address is among the addresses, for a packet was sent to it.
 */
export function bothEnds(
  field: EndField,
  { src, dst }: Entry,
): Value {
  const all = [src[field], dst[field]];
  if (field === "ip") all.push(src.serviceIp, dst.serviceIp);
  const found = all.filter((each) => each !== undefined);
  return found.length > 0 ? found : undefined;
}

function contained(
  left: Value,
  right: Container,
  value: (of: Typed) => Value,
): boolean {
  return right.kind === "value"
    ? comparisonOf("in").evaluate(left, value(right.of))
    : isMember(left, right.items.map((item) => member(item, value)));
}

function member(item: Item, value: (of: Typed) => Value): Member {
  switch (item.kind) {
    case "value":
      return { kind: "value", value: value(item.of) };
    case "range":
      return {
        kind: "range",
        low: constantValue(item.low),
        high: constantValue(item.high),
      };
    case "network":
      return item;
  }
}
