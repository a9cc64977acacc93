/**
 * Types: what an expression can be, as far as its text and the schema tell.
 *
 * A field may have another type in each protocol, so a type is a union of
 * shapes, and something is only wrong if it is wrong for each of them.
 */
import type { Field, FieldKind } from "../../entry/field.ts";
import type { Arithmetic } from "../ast.ts";

/** Kinds of fields, and of literals that no field has. */
export type Kind = FieldKind | "nil" | "regex" | "network";

/** One of the things that a value can be. */
export interface Shape {
  readonly kind: Kind;
  /** Of a list: its elements. */
  readonly item?: Shape | undefined;
  /** What declares it, where a field does. */
  readonly field?: Field | undefined;
}

/** A union of shapes; empty where a mistake was reported already. */
export type Type = readonly Shape[];

export const BOOL: Type = [{ kind: "bool" }];
export const JSON_ANY: Type = [{ kind: "json" }];

/** A type of one shape. */
export function typeOf(kind: Kind): Type {
  return [{ kind }];
}

/** The shape of a field's values. */
export function shapeOf(field: Field): Shape {
  const item = field.kind === "list" && field.item
    ? shapeOf(field.item)
    : undefined;
  return { kind: field.kind, item, field };
}

/** What a list holds, at any depth; a scalar is itself. */
export function element(shape: Shape): Shape {
  return shape.kind === "list" && shape.item ? element(shape.item) : shape;
}

const NAMES: { readonly [K in Kind]: string } = {
  text: "a text",
  number: "a number",
  bool: "a boolean",
  bytes: "bytes",
  time: "a time",
  duration: "a duration",
  address: "an address",
  list: "a list",
  map: "names with values",
  object: "a group of fields",
  json: "any value",
  nil: "nil",
  regex: "a regular expression",
  network: "a network",
};

/** A type in words, such as `a text or a number`. */
export function describe(type: Type): string {
  const names = type.map((shape) =>
    shape.kind === "list" && shape.item
      ? `a list of ${PLURALS[element(shape).kind] ?? "values"}`
      : NAMES[shape.kind]
  );
  return [...new Set(names)].join(" or ");
}

const PLURALS: { readonly [K in Kind]?: string } = {
  text: "texts",
  number: "numbers",
  bool: "booleans",
  bytes: "bytes",
  time: "times",
  duration: "durations",
  address: "addresses",
};

/** Pairs that may be equal; each also with itself, with json and with nil. */
const EQUAL: readonly (readonly [Kind, Kind])[] = [
  ["text", "bytes"],
  ["text", "address"],
  ["text", "time"],
  ["number", "duration"],
];

/** Pairs between which there is an order; each also with json. */
const ORDERED: readonly (readonly [Kind, Kind])[] = [
  ["text", "text"],
  ["bytes", "bytes"],
  ["text", "bytes"],
  ["number", "number"],
  ["duration", "duration"],
  ["time", "time"],
  ["number", "duration"],
  ["text", "time"],
];

function among(
  pairs: readonly (readonly [Kind, Kind])[],
  a: Kind,
  b: Kind,
): boolean {
  return pairs.some(([x, y]) => x === a && y === b || x === b && y === a);
}

/** Whether `==` can hold between values of the two shapes. */
export function canEqual(a: Shape, b: Shape): boolean {
  if (a.kind === "nil" || b.kind === "nil") return true;
  const x = element(a).kind;
  const y = element(b).kind;
  if (x === "json" || y === "json") return true;
  return x === y || among(EQUAL, x, y);
}

/** Whether `<` can hold between values of the two shapes. */
export function canOrder(a: Shape, b: Shape): boolean {
  const x = element(a).kind;
  const y = element(b).kind;
  if (x === "json") return y === "json" || among(ORDERED, y, y);
  if (y === "json") return among(ORDERED, x, x);
  return among(ORDERED, x, y);
}

/** Whether some pair of shapes of the two types passes the test. */
export function some(
  a: Type,
  b: Type,
  test: (a: Shape, b: Shape) => boolean,
): boolean {
  if (a.length === 0 || b.length === 0) return true; // reported already
  return a.some((x) => b.some((y) => test(x, y)));
}

const RESULTS: {
  readonly [O in Arithmetic]: readonly (readonly [Kind, Kind, Kind])[];
} = {
  "+": [
    ["number", "number", "number"],
    ["duration", "duration", "duration"],
    ["time", "duration", "time"],
    ["duration", "time", "time"],
  ],
  "-": [
    ["number", "number", "number"],
    ["duration", "duration", "duration"],
    ["time", "duration", "time"],
    ["time", "time", "duration"],
  ],
  "*": [
    ["number", "number", "number"],
    ["duration", "number", "duration"],
    ["number", "duration", "duration"],
  ],
  "/": [
    ["number", "number", "number"],
    ["duration", "number", "duration"],
    ["duration", "duration", "number"],
  ],
};

/** What arithmetic on two types gives; empty where it cannot give anything. */
export function calculated(operator: Arithmetic, a: Type, b: Type): Type {
  const kinds = new Set<Kind>();
  for (const { kind: x } of a) {
    for (const { kind: y } of b) {
      for (const [left, right, result] of RESULTS[operator]) {
        const fits = (x === left || x === "json") &&
          (y === right || y === "json");
        if (fits) kinds.add(result);
      }
    }
  }
  return [...kinds].map((kind) => ({ kind }));
}
