/** What the parts of the checker share. */
import type { Expression } from "../ast.ts";
import type { Diagnostic, DiagnosticCode, Span } from "../diagnostic.ts";
import type { Constant, Typed } from "../typed.ts";
import type { Place } from "./paths.ts";
import { type Type, typeOf } from "./types.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A node with what it can be. */
export interface Result {
  readonly node: Typed;
  readonly type: Type;
}

/** What surrounds a node. */
export interface Context {
  /** Names of the protocols that the conjunction leaves. */
  readonly protocols: readonly string[];
  readonly variables: ReadonlyMap<string, readonly VariablePlace[]>;
}

/** What a variable, or a path, is for the entries of some protocols. */
export interface VariablePlace {
  /** Absent: of all. */
  readonly protocols?: readonly string[] | undefined;
  readonly place: Place;
}

/** What a part of the checker may ask of the whole. */
export interface Checking {
  readonly vocabulary: Vocabulary;
  /** When the query starts, µs since 1970. */
  readonly now: number;
  /** Anything that has a value. */
  value(expression: Expression, context: Context): Result;
  /** Anything that is true or false. */
  condition(expression: Expression, context: Context): Typed;
  /** Demands a protocol of the condition at hand, for a path names it. */
  imply(keyword: string, test: Typed): void;
  report(
    code: DiagnosticCode,
    span: Span,
    message: string,
    hint?: string,
  ): void;
  /** Works something out of which the mistakes are reported elsewhere. */
  silently<T>(work: () => T): T;
  /** The mistakes that some work reports, which are then not reported. */
  mistakesOf(work: () => void): readonly Diagnostic[];
}

export const TRUE: Typed = {
  kind: "constant",
  constant: { type: "bool", value: true },
};

/** Stands for what was reported. */
export const WRONG: Result = { node: TRUE, type: [] };

/** A written value. */
export function constant(value: Constant): Result {
  return {
    node: { kind: "constant", constant: value },
    type: typeOf(value.type),
  };
}

/** Whether an expression is a path. */
export function isSelector(expression: Expression): boolean {
  return ["name", "member", "index", "each", "descend"]
    .includes(expression.kind);
}

/** `no arguments`, `one argument`, `2 arguments`. */
export function counted(n: number, noun: string): string {
  return n === 1 ? `one ${noun}` : `${n || "no"} ${noun}s`;
}
