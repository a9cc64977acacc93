/**
 * Redaction: values that a query hides in all that it gives out.
 *
 * It works on entries as they leave (`entry/json.ts`), so that what was hidden
 * is in no row, no detail and no export. A hidden text is hidden in the summary
 * too.
 */
import type { Expression } from "./ast.ts";
import { END_LISTS } from "./typed.ts";
import { MAX_VALUE_DEPTH } from "./value.ts";

/** What stands in the place of a hidden value. */
export const REDACTED = "[REDACTED]";

/** One step of a path into an entry as JSON. Letter case is ignored. */
export type RedactStep =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "at"; readonly index: number }
  | { readonly kind: "each" }
  | { readonly kind: "descend"; readonly name: string }
  /** Into a text that is JSON; one that is none is hidden as a whole. */
  | { readonly kind: "json" }
  /** Into a text of another format, which is hidden as a whole. */
  | { readonly kind: "whole" };

/** A path whose values are hidden. */
export type RedactPath = readonly RedactStep[];

/** The paths that an expression stands for; `undefined` if it is no path. */
export function redactPaths(
  expression: Expression,
): readonly RedactPath[] | undefined {
  switch (expression.kind) {
    case "name":
      return startingAt(expression.name);
    case "member": {
      const { of, name } = expression;
      // A protocol before the path: `http.request.path`.
      if (of.kind === "name" && ["request", "response"].includes(name)) {
        return [[{ kind: "name", name }]];
      }
      return after(of, { kind: "name", name });
    }
    case "index": {
      const { of, index } = expression;
      return after(
        of,
        typeof index === "number"
          ? { kind: "at", index }
          : { kind: "name", name: index },
      );
    }
    case "each":
      return after(expression.of, { kind: "each" });
    case "descend":
      return after(expression.of, { kind: "descend", name: expression.name });
    case "call": {
      const { on, name, args } = expression;
      if (!on || args.length > 0) return undefined;
      return after(on, { kind: name === "json" ? "json" : "whole" });
    }
    default:
      return undefined;
  }
}

function after(
  of: Expression,
  step: RedactStep,
): readonly RedactPath[] | undefined {
  return redactPaths(of)?.map((path) => [...path, step]);
}

function startingAt(name: string): readonly RedactPath[] {
  if ((END_LISTS as readonly string[]).includes(name)) {
    return ["src", "dst"].map((end) => [
      { kind: "name", name: end },
      { kind: "name", name },
    ]);
  }
  return [[{ kind: "name", name: name === "error" ? "failed" : name }]];
}

/** Something of an entry as JSON. */
type Plain = { [name: string]: unknown };

/** Shorter texts are only hidden where they are all of a value. */
const MIN_PART = 4;

/**
 * An entry without what the paths lead to.
 *
 * What was hidden in one place is hidden in all others of the entry, for the
 * same text stands in several: a token in the query string, in the target and
 * in the summary.
 *
 * @param entry as `toPlain` gives it; it is not changed
 */
export function redact(entry: Plain, paths: readonly RedactPath[]): Plain {
  if (paths.length === 0) return entry;
  const hidden = new Set<string>();
  let left: unknown = entry;
  for (const path of paths) left = without(left, path, hidden);
  hidden.delete("");
  if (hidden.size === 0) return left as Plain;
  // The longest first: one hidden text may be part of another.
  const secrets = [...hidden].sort((a, b) => b.length - a.length);
  const { summary, request, response } = left as Plain;
  return {
    ...left as Plain,
    ...(typeof summary === "string"
      ? { summary: erase(summary, secrets, 1) }
      : {}),
    ...(request ? { request: eraseAll(request, secrets) } : {}),
    ...(response ? { response: eraseAll(response, secrets) } : {}),
  };
}

/** A text without the secrets that are long enough. */
function erase(
  text: string,
  secrets: readonly string[],
  minLength: number,
): string {
  if (text === REDACTED) return text;
  let left = text;
  for (const secret of secrets) {
    if (left === secret) return REDACTED;
    if (secret.length >= minLength) left = left.replaceAll(secret, REDACTED);
  }
  return left;
}

/** All texts of a value without the secrets. */
function eraseAll(
  value: unknown,
  secrets: readonly string[],
  depth = 0,
): unknown {
  if (typeof value === "string") return erase(value, secrets, MIN_PART);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_VALUE_DEPTH) return REDACTED;
  return mapped(value, (each) => eraseAll(each, secrets, depth + 1));
}

/** A copy of a value in which the end of the path is hidden. */
function without(
  value: unknown,
  path: RedactPath,
  hidden: Set<string>,
  depth = 0,
): unknown {
  if (value === undefined || value === null) return value;
  const [step, ...rest] = path;
  if (!step || step.kind === "whole" || depth > MAX_VALUE_DEPTH) {
    return hide(value, hidden);
  }
  const inner = (each: unknown) => without(each, rest, hidden, depth + 1);
  if (step.kind === "json") return withoutJson(value, rest, hidden, depth);
  if (step.kind === "at" && step.index === 0 && typeof value !== "object") {
    return inner(value);
  }
  if (typeof value !== "object") return value;
  if (step.kind === "descend") {
    const deeper = (each: unknown) => without(each, path, hidden, depth + 1);
    return mapped(
      value,
      (each, name) => isNamed(name, step.name) ? inner(each) : deeper(each),
    );
  }
  return mapped(value, (each, name) => {
    const taken = step.kind === "each" ||
      (step.kind === "at"
        ? name === String(step.index)
        : !Array.isArray(value) && isNamed(name, step.name));
    return taken ? inner(each) : each;
  });
}

/** A text of JSON, written anew. */
function withoutJson(
  value: unknown,
  path: RedactPath,
  hidden: Set<string>,
  depth: number,
): unknown {
  if (Array.isArray(value)) {
    return value.map((each) => withoutJson(each, path, hidden, depth));
  }
  if (typeof value !== "string") return hide(value, hidden);
  try {
    const inside = JSON.parse(value);
    return JSON.stringify(without(inside, path, hidden, depth + 1));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return hide(value, hidden);
  }
}

function mapped(
  value: object,
  change: (each: unknown, name: string) => unknown,
): unknown {
  if (Array.isArray(value)) {
    return value.map((each, i) => change(each, String(i)));
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, change(each, name)]),
  );
}

/** The mark, after what it hides was noted. */
function hide(value: unknown, hidden: Set<string>): string {
  const note = (each: unknown, depth: number): void => {
    if (typeof each === "string" || typeof each === "number") {
      hidden.add(String(each));
    } else if (typeof each === "object" && each && depth < MAX_VALUE_DEPTH) {
      for (const inner of Object.values(each)) note(inner, depth + 1);
    }
  };
  note(value, 0);
  return REDACTED;
}

function isNamed(name: string, wanted: string): boolean {
  return name.toLowerCase() === wanted.toLowerCase();
}
