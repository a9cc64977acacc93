/**
 * Typed AST: a filter after every name in it was looked up.
 *
 * Plain data that JSON can write, for it is part of the plan and crosses
 * process boundaries. It says all that an evaluator must know of fields, so
 * that whoever runs it needs no schema.
 */
import type { Transport } from "../entry/entry.ts";
import type { Arithmetic, Comparator } from "./ast.ts";
import type { Form } from "./value.ts";

/** A value that is known before the query runs. */
export type Constant =
  | { readonly type: "text" | "address"; readonly value: string }
  /** Decimal text beyond 2^53. */
  | { readonly type: "number"; readonly value: number | string }
  | { readonly type: "bool"; readonly value: boolean }
  /** In µs, as is `time`. */
  | { readonly type: "duration"; readonly value: number }
  | { readonly type: "time"; readonly value: number }
  | { readonly type: "nil" };

/** One step of a path into a value. */
export type Step =
  /** A declared field. */
  | { readonly kind: "name"; readonly name: string }
  /** A name in a map or an object of JSON. */
  | {
    readonly kind: "key";
    readonly key: string;
    readonly ignoresCase?: boolean | undefined;
  }
  /** An element by its place; a scalar is its own first element. */
  | { readonly kind: "at"; readonly index: number }
  /** All elements of a list, or values of a map or object. */
  | { readonly kind: "each" }
  /** All values of that name at any depth; `within` where fields are declared. */
  | {
    readonly kind: "descend";
    readonly name: string;
    readonly within?: Outline | undefined;
  };

/** Declared fields by name; `null` for what is plain data below. */
export interface Outline {
  readonly [name: string]: Outline | null;
}

/** How a field's text stands in the bytes of its flow (`Field.literal`). */
export interface LiteralRule {
  readonly caseless: boolean;
  /** Bytes in the flow that annul the rule. */
  readonly unless: readonly string[];
}

/** What a path is for the entries of some protocols. */
export interface Variant {
  /** Absent: for all entries. */
  readonly protocols?: readonly string[] | undefined;
  readonly steps: readonly Step[];
  readonly form: Form;
  /** Whether it may give several values. */
  readonly many: boolean;
  readonly literal?: LiteralRule | undefined;
}

/** A path to a value of the entry or of a variable. */
export interface Select {
  readonly kind: "select";
  /** As it is written, without a protocol before it. */
  readonly text: string;
  /** The variable it starts from; absent: the entry. */
  readonly variable?: string | undefined;
  /** At most one speaks for an entry; where none does, the value is nil. */
  readonly variants: readonly Variant[];
  /** Whether it reads a body, which a parser may otherwise skip. */
  readonly readsBody: boolean;
}

/** What a bare text is searched in, by protocol. */
export interface Searched {
  readonly [protocol: string]: {
    readonly request: Outline;
    readonly response: Outline;
  };
}

/** Fields that stand for both ends when written without `src` or `dst`. */
export const END_LISTS = [
  "ip",
  "port",
  "pod",
  "namespace",
  "service",
  "workload",
  "name",
] as const;

export type EndField = typeof END_LISTS[number];

/** A node of the typed tree. */
export type Typed =
  | { readonly kind: "constant"; readonly constant: Constant }
  | Select
  /** The protocol is one of these, in one of these versions if any is given. */
  | {
    readonly kind: "protocol";
    readonly text: string;
    readonly among: readonly string[];
    readonly versions?: readonly string[] | undefined;
  }
  | { readonly kind: "transport"; readonly transport: Transport }
  | { readonly kind: "and" | "or"; readonly of: readonly Typed[] }
  | { readonly kind: "not"; readonly of: Typed }
  | {
    readonly kind: "compare";
    readonly operator: Exclude<Comparator, "!=" | "in">;
    readonly left: Typed;
    readonly right: Typed;
  }
  | { readonly kind: "in"; readonly left: Typed; readonly right: Container }
  | {
    readonly kind: "arithmetic";
    readonly operator: Arithmetic;
    readonly left: Typed;
    readonly right: Typed;
  }
  | { readonly kind: "negative"; readonly of: Typed }
  /** An operator of the registry. */
  | {
    readonly kind: "call";
    readonly name: string;
    readonly on: Typed;
    readonly args: readonly Typed[];
  }
  /** What follows a call: `request.body.json().error[0]`. */
  | {
    readonly kind: "walk";
    readonly of: Typed;
    readonly steps: readonly Step[];
  }
  | { readonly kind: "exists"; readonly of: Typed }
  | {
    readonly kind: "quantifier";
    readonly every: boolean;
    readonly over: Typed;
    readonly variable: string;
    readonly body: Typed;
  }
  | { readonly kind: "list"; readonly items: readonly Typed[] }
  /** A field of both ends, as a list. */
  | { readonly kind: "ends"; readonly field: EndField }
  /** A bare text; its letters match in either case. */
  | {
    readonly kind: "search";
    readonly text: string;
    readonly where: Searched;
  };

/** What `in` looks into: a list or map that is computed, or written items. */
export type Container =
  | { readonly kind: "value"; readonly of: Typed }
  | { readonly kind: "items"; readonly items: readonly Item[] };

/** One of the things written after `in`. */
export type Item =
  | { readonly kind: "value"; readonly of: Typed }
  /** Both ends are included. */
  | {
    readonly kind: "range";
    readonly low: Constant;
    readonly high: Constant;
  }
  | {
    readonly kind: "network";
    readonly value: string;
    readonly bits: number;
  };
