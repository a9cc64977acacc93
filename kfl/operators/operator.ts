/**
 * Operator: what can be done with values, as a value.
 *
 * An operator's examples are its tests and its documentation. Adding one means
 * adding it to a file of its value type and to the registry, and nothing else.
 */
import type { FieldKind } from "../../entry/field.ts";
import { Binary, isNil, isObject, type Value } from "../value.ts";

/**
 * What an operator takes in one place.
 *
 * - `bytes`: texts, and bytes that are none;
 * - `text`: the same as text, with U+FFFD for what is none;
 * - `pattern`, `glob`: a text that is written out, checked beforehand;
 * - `any`: anything, lists as a whole.
 */
export type Parameter = "text" | "bytes" | "pattern" | "glob" | "any";

/** An operator on a value: `self.name(…args)` or `self name arg`. */
export interface Operator<
  S extends Value = Value,
  A extends readonly Value[] = readonly Value[],
> {
  readonly name: string;
  /** What it says about its value, as one sentence without its full stop. */
  readonly doc: string;
  /** Of the value, then of each argument. */
  readonly takes: readonly Parameter[];
  /** What the arguments are called in the reference. */
  readonly parameters?: readonly string[];
  readonly gives: FieldKind;
  /** The value, the arguments and the result. */
  readonly examples: readonly (readonly [S, A, Value])[];
  evaluate(self: S, ...args: A): Value;
  /**
   * Texts that all stand in every value for which it gives true, so that bytes
   * without them need no parsing.
   */
  requires?(...args: A): string[];
}

/** A function of nothing but its arguments and the time of the query. */
export interface Constructor {
  readonly name: string;
  readonly doc: string;
  /** Names of the arguments, and what each is. */
  readonly parameters: readonly [name: string, kind: "number" | "text"][];
  readonly gives: "time";
  /** Arguments, and the result when now is 0, in µs. */
  readonly examples:
    readonly (readonly [readonly (number | string)[], number])[];
  /** @returns µs since 1970; `undefined` where an argument stands for none */
  evaluate(now: number, ...args: (number | string)[]): number | undefined;
}

/**
 * Applies an operator to values that may be missing, lists or of other kinds.
 *
 * Nil gives nil. A list gives the list of what its elements give, unless the
 * operator takes lists as a whole. What it does not take gives nil.
 */
export function apply(
  operator: Operator,
  self: Value,
  args: readonly Value[],
): Value {
  const kind = operator.takes[0]!;
  if (isNil(self) || args.some(isNil)) return undefined;
  if (kind !== "any" && Array.isArray(self)) {
    return self.map((each) => apply(operator, each, args));
  }
  for (const [i, arg] of args.entries()) {
    if (!Array.isArray(arg)) continue;
    return arg.map((each) => apply(operator, self, args.with(i, each)));
  }
  const admitted = [self, ...args].map((value, i) =>
    admit(value, operator.takes[i]!)
  );
  if (admitted.some(isNil)) return undefined;
  return operator.evaluate(admitted[0], ...admitted.slice(1));
}

/** The value as that parameter takes it, or nil. */
function admit(value: Value, parameter: Parameter): Value {
  if (parameter === "any") return value;
  if (typeof value === "string") return value;
  if (value instanceof Binary) {
    return parameter === "bytes" ? value : value.text;
  }
  // Bytes inside of JSON, such as an element of a Redis reply.
  if (isObject(value) && typeof value.base64 === "string") {
    const binary = fromBase64(value.base64);
    return binary && parameter !== "bytes" ? binary.text : binary;
  }
  return undefined;
}

function fromBase64(text: string): Binary | undefined {
  try {
    return new Binary(Uint8Array.fromBase64(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
