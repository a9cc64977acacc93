/**
 * Filter editing: a value picked in the page becomes a condition of a filter's
 * text.
 *
 * What the user wrote stays as written: the text is cut at the `and`s that
 * join its outermost conditions, and conditions are compared by what they say,
 * not by how they are spelled. Picking the same value twice undoes it.
 */
import type { Schema } from "../../entry/schema.ts";
import type { Expression } from "../../kfl/ast.ts";
import { compileQuery } from "../../kfl/query.ts";
import { parse, tokenize } from "../../kfl/grammar.ts";
import * as T from "../../kfl/tokens.ts";
import { quoteText } from "./kfl_text.ts";

/** A value that a condition compares with. */
export type Scalar = string | number | boolean | null;

/** What was picked. */
export interface Pick {
  /** As KFL writes it: `request.headers["content-type"]`. */
  readonly path: string;
  readonly value: Scalar;
  /** Entries without the value are asked for. */
  readonly exclude?: boolean | undefined;
  /** How it is joined with what is there already; `and` unless it is said. */
  readonly join?: Joining | undefined;
}

/** How a condition is joined with a filter. */
export type Joining =
  /** Added, or taken away if it is there. */
  | "and"
  /** One value more: `x == 1` becomes `x in [1, 2]`. */
  | "or"
  /** In the place of all that was asked. */
  | "only";

/** Longest text that a condition compares with whole, in UTF-16 units. */
export const MAX_COMPARED = 512;

/** How much of a longer text must begin a value. */
const COMPARED_START = 128;

/**
 * The filter with what was picked.
 *
 * @returns `undefined` where the text is no filter, or the condition cannot be
 *   asked of entries that the rest of the filter leaves
 */
export function editFilter(
  text: string,
  pick: Pick,
  schema: Schema,
): string | undefined {
  const isRight = (filter: string) =>
    compileQuery(filter, schema, { now: 0 }).diagnostics === undefined;
  if (!isRight(text)) return undefined;
  return clausesOf(pick).map((clause) => joined(text, clause, pick))
    .find(isRight);
}

/**
 * The filter with several values at once, or without them if it has them all.
 *
 * @returns as {@link editFilter}
 */
export function toggleAll(
  text: string,
  picks: readonly Pick[],
  schema: Schema,
): string | undefined {
  const missing = picks.filter((pick) => !hasPick(text, pick));
  const changed = missing.length > 0 ? missing : picks;
  return changed.reduce<string | undefined>(
    (filter, pick) =>
      filter === undefined ? undefined : editFilter(filter, pick, schema),
    text,
  );
}

/** Whether a filter has a condition, however it is spelled. */
export function hasPick(text: string, pick: Pick): boolean {
  const parts = new Set(conjunctsOf(text).map(meaning));
  return clausesOf(pick).some((clause) => parts.has(meaning(clause.text)));
}

/** A condition and its negation, as text. */
interface Clause {
  readonly text: string;
  readonly opposite: string;
}

/** What a pick says, in each spelling that its field may ask for. */
function clausesOf({ path, value, exclude }: Pick): Clause[] {
  return writings(path, value).map((written) => {
    const [is, isNot] = bothWays(path, value, written);
    return exclude
      ? { text: isNot, opposite: is }
      : { text: is, opposite: isNot };
  });
}

/** How a value may have to be written next to the path. */
function writings(path: string, value: Scalar): string[] {
  if (typeof value !== "string") return [value === null ? "nil" : `${value}`];
  const quoted = quoteText(value);
  // Numbers that JavaScript cannot hold stand in an entry as their digits.
  if (/^-?\d{16,}$/.test(value)) return [quoted, value];
  const isAddress = /^((src|dst|node)\.)?(ip|serviceIp|podIp)$/.test(path) &&
    /^[\da-f.:]+$/i.test(value);
  return isAddress ? [value, quoted] : [quoted];
}

/** The condition, and its negation. */
function bothWays(
  path: string,
  value: Scalar,
  written: string,
): [is: string, isNot: string] {
  // To the microsecond nothing else took as long.
  if (path === "elapsedTime") {
    return [`${path} >= ${written}ms`, `${path} < ${written}ms`];
  }
  if (path === "failed" || path === "decrypted") {
    return value ? [path, `not ${path}`] : [`not ${path}`, path];
  }
  if (typeof value === "string" && value.length > MAX_COMPARED) {
    const start = quoteText(wholeStart(value));
    const begins = `${path} startsWith ${start}`;
    return [begins, `not ${begins}`];
  }
  return [`${path} == ${written}`, `${path} != ${written}`];
}

/** The beginning of a text, without half a character at its end. */
function wholeStart(text: string): string {
  const last = text.charCodeAt(COMPARED_START - 1);
  const isHalf = last >= 0xd800 && last < 0xdc00;
  return text.slice(0, COMPARED_START - (isHalf ? 1 : 0));
}

function joined(text: string, clause: Clause, { join, ...pick }: Pick): string {
  const parts = conjunctsOf(text);
  switch (join) {
    case "only":
      return conjunction([clause.text, ...parts.filter(isDirective)]);
    case "or":
      return widened(parts, clause, pick);
    default:
      return toggled(parts, clause);
  }
}

/** With the condition; without it if it is there; instead of its opposite. */
function toggled(parts: readonly string[], clause: Clause): string {
  const [same, opposite] = [meaning(clause.text), meaning(clause.opposite)];
  const others = parts.filter((part) => meaning(part) !== same);
  if (others.length < parts.length) return conjunction(others);
  const at = parts.findIndex((part) => meaning(part) === opposite);
  if (at < 0) return conjunction([...parts, clause.text]);
  return conjunction(
    parts.map((part, i) => i === at ? clause.text : part)
      .filter((part) => meaning(part) !== opposite),
  );
}

/** One value more for the condition on that path, or another way to match. */
function widened(parts: readonly string[], clause: Clause, pick: Pick): string {
  const conditions = parts.filter((part) => !isDirective(part));
  const directives = parts.filter(isDirective);
  if (conditions.length === 0) return conjunction([clause.text, ...directives]);
  const equality = /^(.*) == (.*)$/s.exec(clause.text);
  for (const [at, part] of conditions.entries()) {
    if (!equality) break;
    const known = valuesOf(part, pick.path);
    if (!known) continue;
    const added = equality[2]!;
    const others = known.filter((each) => meaning(each) !== meaning(added));
    const all = others.length < known.length ? others : [...known, added];
    const list = all.length > 1
      ? `${pick.path} in [${all.join(", ")}]`
      : all.map((each) => `${pick.path} == ${each}`).join("");
    return conjunction(
      [...conditions.slice(0, at), list, ...conditions.slice(at + 1)]
        .filter((each) => each !== "").concat(directives),
    );
  }
  const either = conditions.length === 1
    ? bare(conditions[0]!)
    : conditions.join(" and ");
  const all = `${either} or ${clause.text}`;
  return directives.length > 0 ? conjunction([`(${all})`, ...directives]) : all;
}

/** The values that a condition lets the path have, as they are written. */
function valuesOf(part: string, path: string): string[] | undefined {
  const { expression } = parse(part);
  if (expression?.kind !== "compare") return undefined;
  const { operator, left, right } = expression;
  if (meaningOf(left) !== meaning(path)) return undefined;
  const written = ({ span }: Expression) => part.slice(span.from, span.to);
  if (operator === "==") return [written(right)];
  const isPlain = operator === "in" && right.kind === "list" &&
    right.items.every(({ kind }) => LITERALS.has(kind));
  return isPlain ? right.items.map(written) : undefined;
}

const LITERALS = new Set(["text", "number", "bool", "address", "duration"]);

/** The conditions that a filter joins by `and`, as they are written. */
export function conjunctsOf(text: string): string[] {
  const inside = bare(text);
  const cuts: { from: number; to: number }[] = [];
  for (const { type, from, to } of outermost(inside)) {
    if (type === T.Or || type === T.OrSign) return [`(${inside})`];
    if (type === T.And || type === T.AndSign) cuts.push({ from, to });
  }
  const starts = [0, ...cuts.map(({ to }) => to)];
  return starts.map((from, i) => inside.slice(from, cuts[i]?.from).trim())
    .filter((part) => part !== "")
    .flatMap((part) => bare(part) === part ? [part] : conjunctsOf(part));
}

/** Tokens that stand in no parentheses and are no names after a dot. */
function* outermost(
  text: string,
): Iterable<{ type: unknown; from: number; to: number }> {
  let depth = 0;
  let before: unknown;
  for (const { tokenType: type, startOffset: from, image } of tokenize(text)) {
    if (type === T.Close || type === T.CloseSquare) depth--;
    const isName = before === T.Dot || before === T.Dots;
    if (depth === 0 && !isName) yield { type, from, to: from + image.length };
    if (type === T.Open || type === T.OpenSquare) depth++;
    before = type;
  }
}

/** A filter without the parentheses around all of it. */
function bare(text: string): string {
  const trimmed = text.trim();
  const [open, close, ...more] = outermost(trimmed);
  const isWrapped = open?.type === T.Open && close?.type === T.Close &&
    more.length === 0;
  return isWrapped ? bare(trimmed.slice(1, -1)) : trimmed;
}

function conjunction(parts: readonly string[]): string {
  return parts.length === 1 ? bare(parts[0]!) : parts.join(" and ");
}

/** `limit(n)` and `redact(…)` say something of the whole answer. */
function isDirective(part: string): boolean {
  const { expression } = parse(part);
  return expression?.kind === "call" && !expression.on &&
    (expression.name === "limit" || expression.name === "redact");
}

/** The `redact(…)` of a filter, which hold for whatever is asked next. */
export function redactionsOf(text: string): string[] {
  return conjunctsOf(text).filter((part) => {
    const { expression } = parse(part);
    return expression?.kind === "call" && !expression.on &&
      expression.name === "redact";
  });
}

/** What a condition says: the same for each spelling of it. */
function meaning(text: string): string {
  const { expression } = parse(text);
  return expression ? meaningOf(expression) : "";
}

function meaningOf(expression: Expression): string {
  return JSON.stringify(plain(expression));
}

/** A tree without spans and without what is only another way to write it. */
function plain(node: Expression): unknown {
  if (node.kind === "address") return { kind: "text", value: node.value };
  if (node.kind === "index" && typeof node.index === "string") {
    return { kind: "member", of: plain(node.of), name: node.index };
  }
  if (node.kind === "not") {
    const { of } = node;
    if (of.kind === "compare" && of.operator === "==") {
      return plain({ ...of, operator: "!=" });
    }
    return { kind: "not", of: plain(of) };
  }
  return Object.fromEntries(
    Object.entries(node)
      .filter(([name]) => !/^(span|nameSpan)$/.test(name))
      .map(([name, part]) => [name, plainPart(part)]),
  );
}

function plainPart(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(plainPart);
  return typeof part === "object" && part !== null
    ? plain(part as Expression)
    : part;
}
