/**
 * AST: a filter as its text says it, before anything is known of fields.
 *
 * Plain data with a span on every node. What a node means is the checker's
 * business.
 */
import type { Span } from "./diagnostic.ts";

/** Comparison operators, and `in`. */
export type Comparator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in";

/** Arithmetic operators. */
export type Arithmetic = "+" | "-" | "*" | "/";

/** A value written out. Times are texts until they are compared with one. */
export type Literal =
  | { readonly kind: "text"; readonly value: string }
  /** Digits where a `number` could not hold them all (beyond 2^53). */
  | { readonly kind: "number"; readonly value: number | string }
  /** In µs. */
  | { readonly kind: "duration"; readonly us: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "nil" }
  /** In `inet_ntop` form. */
  | { readonly kind: "address"; readonly value: string }
  /** Address and the number of its leading bits that count. */
  | {
    readonly kind: "network";
    readonly value: string;
    readonly bits: number;
  }
  | { readonly kind: "regex"; readonly pattern: string };

/** Everything else; `of` is what the rest is about. */
export type Construct =
  | { readonly kind: "and" | "or"; readonly of: readonly Expression[] }
  /** `!` binds tighter than `not` and takes booleans only. */
  | {
    readonly kind: "not";
    readonly sign: "!" | "not";
    readonly of: Expression;
  }
  | {
    readonly kind: "compare";
    readonly operator: Comparator;
    readonly left: Expression;
    readonly right: Expression;
  }
  | {
    readonly kind: "arithmetic";
    readonly operator: Arithmetic;
    readonly left: Expression;
    readonly right: Expression;
  }
  | { readonly kind: "negative"; readonly of: Expression }
  /** A bare word: a field, a protocol, a variable. */
  | { readonly kind: "name"; readonly name: string }
  /** `of.name` */
  | {
    readonly kind: "member";
    readonly of: Expression;
    readonly name: string;
    readonly nameSpan: Span;
  }
  /** `of[0]`, `of["name"]` */
  | {
    readonly kind: "index";
    readonly of: Expression;
    readonly index: number | string;
  }
  /** `of[*]`, `of.*` */
  | { readonly kind: "each"; readonly of: Expression }
  /** `of..name` */
  | {
    readonly kind: "descend";
    readonly of: Expression;
    readonly name: string;
    readonly nameSpan: Span;
  }
  /** `name(…)`, `on.name(…)`, or `on name argument`. */
  | {
    readonly kind: "call";
    readonly name: string;
    readonly nameSpan: Span;
    readonly on?: Expression | undefined;
    readonly args: readonly Expression[];
  }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  /** `low..high`, both included. */
  | {
    readonly kind: "range";
    readonly low: Expression;
    readonly high: Expression;
  }
  /** What a syntax error left out. */
  | { readonly kind: "missing" };

/** A node of the tree. */
export type Expression = (Literal | Construct) & { readonly span: Span };
