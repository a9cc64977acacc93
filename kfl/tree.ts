/** What a typed tree is made of, and what of an entry it reads. */
import { NAME_FIELDS, type NameField } from "../entry/names.ts";
import type { EndField, Select, Typed } from "./typed.ts";

/** Whether the test holds for the node or any below it. */
export function some(node: Typed, test: (node: Typed) => boolean): boolean {
  return test(node) || partsOf(node).some((part) => some(part, test));
}

/** Whether the test holds for the node and all below it. */
export function everyNode(
  node: Typed,
  test: (node: Typed) => boolean,
): boolean {
  return !some(node, (each) => !test(each));
}

/** The nodes directly below. */
export function partsOf(node: Typed): readonly Typed[] {
  switch (node.kind) {
    case "and":
    case "or":
      return node.of;
    case "not":
    case "negative":
    case "walk":
    case "exists":
      return [node.of];
    case "compare":
    case "arithmetic":
      return [node.left, node.right];
    case "in":
      return [
        node.left,
        ...(node.right.kind === "value"
          ? [node.right.of]
          : node.right.items.flatMap((item) =>
            item.kind === "value" ? [item.of] : []
          )),
      ];
    case "call":
      return [node.on, ...node.args];
    case "quantifier":
      return [node.over, node.body];
    case "list":
      return node.items;
    default:
      return [];
  }
}

/**
 * What an expression reads of an entry:
 *
 * - `ends`: addresses and ports, which a flow has;
 * - `names`: what the ends are called, which only a cluster knows;
 * - `half`: fields that protocols declare;
 * - `rest`: what only the whole entry tells.
 */
export type Source =
  | "transport"
  | "protocol"
  | "ends"
  | "names"
  | "time"
  | "node"
  | "sizes"
  | "half"
  | "rest";

/** All that the expression reads. */
export function sourcesOf(node: Typed): Set<Source> {
  const sources = new Set<Source>();
  const collect = (each: Typed): void => {
    const source = sourceOf(each);
    if (source) sources.add(source);
    partsOf(each).forEach(collect);
  };
  collect(node);
  return sources;
}

/** Whether the expression reads nothing but what is allowed. */
export function readsOnly(node: Typed, ...allowed: Source[]): boolean {
  return sourcesOf(node).isSubsetOf(new Set(allowed));
}

/** What a node reads itself. */
function sourceOf(node: Typed): Source | undefined {
  switch (node.kind) {
    case "transport":
      return "transport";
    case "protocol":
      return node.versions ? "rest" : "protocol";
    case "ends":
      return isAddressing(node.field) ? "ends" : "names";
    case "search":
      return "rest";
    case "select":
      // A variable reads what the list that it goes through reads.
      return node.variable === undefined ? sourceOfPath(node) : undefined;
    default:
      return undefined;
  }
}

function sourceOfPath({ variants }: Select): Source {
  const [first, second] = variants[0]?.steps ?? [];
  if (first?.kind !== "name") return "rest";
  switch (first.name) {
    case "src":
    case "dst":
      if (second?.kind !== "name") return "rest";
      if (isAddressing(second.name)) return "ends";
      return isNameField(second.name) ? "names" : "rest";
    case "timestamp":
      return "time";
    case "transport":
    case "protocol":
    case "node":
      return first.name;
    case "requestSize":
    case "responseSize":
      return "sizes";
    case "request":
    case "response":
      return "half";
    default:
      return "rest";
  }
}

function isAddressing(name: EndField | string): boolean {
  return name === "ip" || name === "port" || name === "serviceIp" ||
    name === "podIp";
}

function isNameField(name: string): name is NameField {
  return NAME_FIELDS.some((each) => each === name);
}

/** The names of ends that an expression reads. */
export function namesReadBy(node: Typed): NameField[] {
  const read = new Set<NameField>();
  some(node, (each) => {
    for (const field of namesIn(each)) read.add(field);
    return false;
  });
  return NAME_FIELDS.filter((field) => read.has(field));
}

/** The names that a node reads itself. */
function namesIn(node: Typed): readonly NameField[] {
  if (node.kind === "ends") return isNameField(node.field) ? [node.field] : [];
  if (node.kind !== "select" || node.variable !== undefined) return [];
  const [first, second] = node.variants[0]?.steps ?? [];
  if (first?.kind !== "name") return NAME_FIELDS;
  if (first.name !== "src" && first.name !== "dst") return [];
  // An end as a whole has all of them.
  if (second?.kind !== "name") return NAME_FIELDS;
  return isNameField(second.name) ? [second.name] : [];
}
