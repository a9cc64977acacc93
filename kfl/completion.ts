/**
 * Completion: what may come next at the cursor of an unfinished filter.
 *
 * It looks at the tokens before the cursor, not at a tree, for there is none
 * yet: they tell whether a value, an operator or a part of a path is due, which
 * protocols the conditions before it leave, and which variables there are.
 */
import type { IToken } from "chevrotain";
import { COMMON_FIELDS, type Half, type Schema } from "../entry/schema.ts";
import type { Field } from "../entry/field.ts";
import type { Expression } from "./ast.ts";
import { check, openChecking } from "./checker.ts";
import { admits, elementsOf } from "./checking/call.ts";
import { protocolsOf } from "./checking/narrowing.ts";
import type { Checking, Context, VariablePlace } from "./checking/scope.ts";
import { placesOf } from "./checking/selector.ts";
import { element, type Shape } from "./checking/types.ts";
import { isCommon } from "./checking/vocabulary.ts";
import { parse, tokenize } from "./grammar.ts";
import { COMPARISONS } from "./operators/comparison.ts";
import { CONSTRUCTORS, operatorOf, OPERATORS } from "./operators/registry.ts";
import * as T from "./tokens.ts";
import { END_LISTS } from "./typed.ts";

/** What a suggestion is, for its icon and its place in the list. */
export type SuggestionKind =
  | "field"
  | "protocol"
  | "operator"
  | "function"
  | "value"
  | "keyword";

/** One thing that may come next. */
export interface Suggestion {
  readonly text: string;
  readonly kind: SuggestionKind;
  /** One line about it. */
  readonly doc?: string | undefined;
}

/** Suggestions, and the stretch of text that each of them takes the place of. */
export interface Completion {
  readonly from: number;
  readonly to: number;
  readonly suggestions: readonly Suggestion[];
  /** Where a value is due: whose values would fit, too. */
  readonly wants?: Wanted | undefined;
}

/** Values that only somebody knows who has seen entries. */
export interface Wanted {
  /** As it is written: a path, maybe with calls, that has them. */
  readonly path: string;
  /**
   * A filter for the entries whose values are worth offering: what is joined by
   * `and` with the comparison and stands before it, and all that is hidden.
   */
  readonly kfl: string;
}

/** A value, and how many entries have had it lately. */
export interface SeenValue {
  readonly value: string;
  readonly count: number;
}

/** What is known beside the schema. */
export interface CompletionOptions {
  /** Of {@link Completion.wants}, the commonest first. */
  readonly values?: readonly SeenValue[] | undefined;
}

/** Most suggestions that are given. */
export const MAX_SUGGESTIONS = 200;

/** Suggests what may stand at the cursor. Pure, and quick enough for typing. */
export function complete(
  text: string,
  cursor: number,
  schema: Schema,
  options: CompletionOptions = {},
): Completion {
  const before = text.slice(0, cursor);
  const tokens = tokenize(before);
  const started = beginning(tokens, cursor);
  const context = new Surroundings(
    before,
    tokens.slice(0, started.index),
    schema,
  );
  const suggestions = suggest(context, started, options)
    .filter((each) => fits(each, started.prefix))
    .slice(0, MAX_SUGGESTIONS);
  const wants = wantedAt(context, started, text, schema);
  const { from } = started;
  return { from, to: cursor, suggestions, ...wants && { wants } };
}

/** What of the next word was typed already. */
interface Started {
  /** Number of tokens before it. */
  readonly index: number;
  readonly from: number;
  readonly prefix: string;
  /** Whether it begins with a quote. */
  readonly quoted: boolean;
}

function beginning(tokens: readonly IToken[], cursor: number): Started {
  const last = tokens.at(-1);
  const index = tokens.length - 1;
  if (last?.tokenType === T.Unclosed) {
    const { startOffset: from, image } = last;
    return { index, from, prefix: image.slice(1), quoted: true };
  }
  const grows = last && (isWord(last) || isLiteral(last));
  if (grows && endOf(last) === cursor) {
    const { startOffset: from, image: prefix } = last;
    return { index, from, prefix, quoted: false };
  }
  return { index: tokens.length, from: cursor, prefix: "", quoted: false };
}

function fits({ text }: Suggestion, prefix: string): boolean {
  return text.replace(/^"/, "").toLowerCase().startsWith(prefix.toLowerCase());
}

/** What is due, by the token before. */
function suggest(
  at: Surroundings,
  { index, quoted }: Started,
  options: CompletionOptions,
): Suggestion[] {
  const last = at.tokens[index - 1];
  if (quoted) return valuesAt(at, index, options).filter(isQuoted);
  if (!last) return beginnings(at);
  if (last.tokenType === T.Dot) return partsAt(at, index - 1);
  if (last.tokenType === T.Dots) return [];
  if (isValueDue(at.tokens, index)) {
    return [...valuesAt(at, index, options), ...beginnings(at)];
  }
  return endsValue(last) ? operatorsAt(at, index) : beginnings(at);
}

function isQuoted({ text }: Suggestion): boolean {
  return text.startsWith('"');
}

/** Words that a value or condition can begin with. */
function beginnings({ check, context }: Surroundings): Suggestion[] {
  const { vocabulary } = check;
  return [
    ...[...context.variables.keys()].map((text) => field(text, "The element")),
    field("request", "What was asked"),
    field("response", "What was answered"),
    ...Object.entries(COMMON_FIELDS).map(([name, { doc }]) => field(name, doc)),
    ...END_LISTS.map((name) => field(name, "Of both ends, as a list")),
    field("error", "Whether it failed"),
    ...vocabulary.keywords().map(({ word, doc }) =>
      ({ text: word, kind: "protocol", doc }) as const
    ),
    ...CONSTRUCTORS.map(({ name, doc, parameters }) =>
      call(name, doc, parameters.length > 0)
    ),
    call("exists", "Whether the entry has it", true),
    call("limit", "Most entries of the answer", true),
    call("redact", "Hides values in the answer", true),
    ...["not", "true", "false", "nil"].map((text) =>
      ({ text, kind: "keyword" }) as const
    ),
  ];
}

/** What may follow the dot at `index`. */
function partsAt(at: Surroundings, index: number): Suggestion[] {
  const { check, context } = at;
  const path = at.pathBefore(index);
  if (!path) return [];
  if (path.kind === "name" && !context.variables.has(path.name)) {
    const { name } = path;
    if (name === "request" || name === "response") {
      return half(check, context.protocols, name);
    }
    const keyword = check.vocabulary.protocol(name);
    if (keyword && !isCommon(name)) {
      return [
        field("request", "What was asked"),
        field("response", "What was answered"),
      ];
    }
  }
  const qualified = halfOf(path, check);
  if (qualified) return half(check, qualified.protocols, qualified.half);
  const places = at.placesOf(path);
  const names = places.flatMap(({ place }) =>
    place.shape.kind === "object" ? fieldsOf(place.field?.fields ?? {}) : []
  );
  const { type } = check.silently(() => check.value(path, context));
  return [...unique(names), ...methods(type)];
}

/** `http.request` */
function halfOf(
  path: Expression,
  check: Checking,
): { half: Half; protocols: readonly string[] } | undefined {
  if (path.kind !== "member" || path.of.kind !== "name") return undefined;
  const { name } = path;
  if (name !== "request" && name !== "response") return undefined;
  const keyword = check.vocabulary.protocol(path.of.name);
  return keyword && { half: name, protocols: keyword.covers };
}

function half(
  check: Checking,
  protocols: readonly string[],
  name: Half,
): Suggestion[] {
  return unique(
    protocols.flatMap((each) =>
      fieldsOf(check.vocabulary.fieldsOf(each, name))
    ),
  );
}

function fieldsOf(fields: { readonly [name: string]: Field }): Suggestion[] {
  return Object.entries(fields).map(([name, { doc }]) => field(name, doc));
}

/** Operators that take what stands before the dot. */
function methods(type: readonly Shape[]): Suggestion[] {
  const fitting = OPERATORS.filter(({ takes }) =>
    type.some((shape) => admits(takes[0]!, shape))
  );
  const isList = type.some(({ kind }) => kind === "list" || kind === "json");
  return [
    ...fitting.map(({ name, doc, takes }) => call(name, doc, takes.length > 1)),
    ...isList
      ? [
        call("exists", "Whether any element passes: (x, condition)", true),
        call("any", "The same as exists", true),
        call("all", "Whether every element passes: (x, condition)", true),
      ]
      : [],
  ];
}

/** A path that is compared, and what its values are. */
interface Compared {
  readonly path: Expression;
  /** Of a value, or of each where the path gives several. */
  readonly shapes: readonly Shape[];
}

/** What is compared with the value that is due at `index`. */
function comparedAt(at: Surroundings, index: number): Compared | undefined {
  const operator = comparisonBefore(at.tokens, index);
  const path = operator === undefined ? undefined : at.pathBefore(operator);
  if (!path) return undefined;
  const { type } = at.check.silently(() => at.check.value(path, at.context));
  return { path, shapes: type.map(element) };
}

/** Values of the path that is compared with what is due at `index`. */
function valuesAt(
  at: Surroundings,
  index: number,
  { values: seen = [] }: CompletionOptions,
): Suggestion[] {
  const compared = comparedAt(at, index);
  if (!compared) return [];
  const { path, shapes } = compared;
  const declared = shapes.flatMap((shape) => shape.field?.values ?? []);
  const protocols = path.kind === "name" && path.name === "protocol"
    ? at.check.vocabulary.protocols
    : [];
  const isNumber = shapes.some(({ kind }) => kind === "number");
  const written = (text: string) =>
    isNumber && /^-?\d+(\.\d+)?$/.test(text) ? text : JSON.stringify(text);
  const constants = [
    ...shapes.some(({ kind }) => kind === "bool") ? ["true", "false"] : [],
    ...shapes.some(({ kind }) => kind === "time") ? ["now()"] : [],
  ];
  // What was known first stands first: nothing moves when more comes.
  return unique([
    ...[...declared, ...protocols].map((each) => value(written(each))),
    ...constants.map((each) => value(each)),
    ...seen.map((each) => value(written(each.value), `${each.count}×`)),
  ]);
}

/** Kinds whose values tell their own story, or never come twice. */
const UNCOUNTED: readonly Shape["kind"][] = [
  "bool",
  "nil",
  "time",
  "duration",
  "object",
];

/** Whose values would fit, where one is due. */
function wantedAt(
  at: Surroundings,
  { index, quoted }: Started,
  text: string,
  schema: Schema,
): Wanted | undefined {
  if (!quoted && !isValueDue(at.tokens, index)) return undefined;
  const compared = comparedAt(at, index);
  if (!compared) return undefined;
  const { path: { span }, shapes } = compared;
  const path = text.slice(span.from, span.to);
  const [root = ""] = /^\w+/.exec(path) ?? [];
  // A variable's values are nobody's outside of its quantifier.
  if (at.context.variables.has(root)) return undefined;
  if (shapes.every(({ kind }) => UNCOUNTED.includes(kind))) return undefined;
  const hidden = redactionsIn(text);
  const around = at.conditions().map((each) => `(${each})`);
  const kfl = [[...around, ...hidden], hidden]
    .map((parts) => parts.join(" and "))
    .find((filter) => isRight(filter, schema));
  return kfl === undefined ? undefined : { path, kfl };
}

function isRight(filter: string, schema: Schema): boolean {
  if (filter === "") return true;
  const { expression, diagnostics } = parse(filter);
  return diagnostics.length === 0 &&
    check(expression, schema, 0).diagnostics.length === 0;
}

/** All that a filter hides, wherever that is written. */
function redactionsIn(text: string): string[] {
  const tokens = tokenize(text);
  return tokens.flatMap(({ image, startOffset }, i) => {
    if (image !== "redact" || tokens[i + 1]?.tokenType !== T.Open) return [];
    return [text.slice(startOffset, endOfBrackets(tokens, i + 1))];
  });
}

/** Where the bracket at `index` is closed; `undefined` if it is not. */
function endOfBrackets(
  tokens: readonly IToken[],
  index: number,
): number | undefined {
  let depth = 0;
  const close = tokens.slice(index).find(({ tokenType }) => {
    if (tokenType === T.Open) depth++;
    return tokenType === T.Close && --depth === 0;
  });
  return close && endOf(close);
}

/** What may follow the value that ends at `index`. */
function operatorsAt(at: Surroundings, index: number): Suggestion[] {
  const joins = ["and", "or"].map((text) =>
    ({ text, kind: "keyword" }) as const
  );
  const path = at.pathBefore(index);
  if (!path || comparisonBefore(at.tokens, index) !== undefined) return joins;
  const { type } = at.check.silently(() => at.check.value(path, at.context));
  const infix = OPERATORS.filter(({ takes }) =>
    takes.length === 2 && type.some((shape) => admits(takes[0]!, shape))
  );
  const operators = [...COMPARISONS, ...infix].map(({ name, doc }) =>
    ({ text: name, kind: "operator", doc }) as const
  );
  return type.some((shape) => element(shape).kind === "bool")
    ? [...joins, ...operators]
    : [...operators, ...joins];
}

/** The text before the cursor, and what it says about what comes next. */
class Surroundings {
  readonly text: string;
  readonly tokens: readonly IToken[];
  readonly check: Checking;
  readonly context: Context;

  constructor(text: string, tokens: readonly IToken[], schema: Schema) {
    this.text = text;
    this.tokens = tokens;
    this.check = openChecking(schema);
    this.context = this.#contextAt();
  }

  /** The path that ends before the token at `index`. */
  pathBefore(index: number): Expression | undefined {
    const start = this.#pathStart(index);
    const first = this.tokens[start];
    const last = this.tokens[index - 1];
    if (start >= index || !first || !last) return undefined;
    const { startOffset } = first;
    // Blanks keep the spans what they are in the whole text.
    const { expression, diagnostics } = parse(
      " ".repeat(startOffset) + this.text.slice(startOffset, endOf(last)),
    );
    return diagnostics.length === 0 ? expression : undefined;
  }

  /** Conditions that are joined by `and` with what comes next. */
  conditions(): string[] {
    return this.#levels().flatMap(({ from, to }) =>
      to === undefined ? [] : [this.text.slice(from, to).trim()]
    );
  }

  placesOf(path: Expression, context = this.context): readonly VariablePlace[] {
    return this.check.silently(() => placesOf(this.check, path, context));
  }

  /** Where the path that ends before `index` begins. */
  #pathStart(index: number): number {
    let at = index;
    while (at > 0) {
      const token = this.tokens[at - 1]!;
      if (token.tokenType === T.Close || token.tokenType === T.CloseSquare) {
        at = this.#opening(at - 1);
        if (at < 0) return index;
      } else if (isWord(token) || token.tokenType === T.Star) {
        at--;
        const dot = this.tokens[at - 1]?.tokenType;
        if (dot !== T.Dot && dot !== T.Dots) return at;
        at--;
      } else {
        return at === index ? index : at;
      }
    }
    return at;
  }

  /** Where the bracket that closes at `index` was opened. */
  #opening(index: number): number {
    let depth = 0;
    for (let at = index; at >= 0; at--) {
      const type = this.tokens[at]!.tokenType;
      if (type === T.Close || type === T.CloseSquare) depth++;
      if (type === T.Open || type === T.OpenSquare) depth--;
      if (depth === 0) return at;
    }
    return -1;
  }

  /** What the conjunctions around the cursor leave, and its variables. */
  #contextAt(): Context {
    let context: Context = {
      protocols: this.check.vocabulary.protocols,
      variables: new Map(),
    };
    for (const { from, to, opened } of this.#levels()) {
      if (opened !== undefined) context = this.#withVariable(context, opened);
      if (to === undefined) continue;
      const { expression } = parse(this.text.slice(from, to));
      if (!expression) continue;
      const left = protocolsOf(this.check, expression, context);
      if (!left) continue;
      const protocols = context.protocols.filter((name) => left.includes(name));
      context = { ...context, protocols };
    }
    return context;
  }

  /**
   * For each parenthesis that is open at the cursor, and the outermost level:
   * the conditions that are joined by `and` with what comes next.
   */
  #levels(): Level[] {
    const levels: Level[] = [{ from: 0 }];
    for (const [index, token] of this.tokens.entries()) {
      const level = levels.at(-1)!;
      switch (token.tokenType) {
        case T.Open:
        case T.OpenSquare:
          levels.push({ from: endOf(token), opened: index });
          break;
        case T.Close:
        case T.CloseSquare:
          if (levels.length > 1) levels.pop();
          break;
        case T.And:
        case T.AndSign:
          level.to = token.startOffset;
          break;
        case T.Or:
        case T.OrSign:
        case T.Comma:
          level.from = endOf(token);
          level.to = undefined;
      }
    }
    return levels;
  }

  /** `list.exists(x, …`: what `x` is. */
  #withVariable(context: Context, open: number): Context {
    const [name, comma] = this.tokens.slice(open + 1, open + 3);
    const method = this.tokens[open - 1];
    const isQuantifier = method &&
      ["exists", "any", "all"].includes(method.image);
    if (!isQuantifier || !name || comma?.tokenType !== T.Comma) return context;
    const on = this.pathBefore(open - 2);
    if (!on) return context;
    const places = this.check.silently(() =>
      elementsOf(this.check, this.check.value(on, context), on, context)
    );
    const variables = new Map(context.variables).set(name.image, places);
    return { ...context, variables };
  }
}

/** One open parenthesis. */
interface Level {
  from: number;
  /** Where the last `and` of it stands. */
  to?: number | undefined;
  /** The token that opened it. */
  opened?: number;
}

/** Whether the token at `index` waits for a value to compare with. */
function isComparing(tokens: readonly IToken[], index: number): boolean {
  const token = tokens[index];
  if (!token) return false;
  if (token.tokenType === T.In) return true;
  if (token.tokenType.CATEGORIES?.includes(T.Comparison)) return true;
  const before = tokens[index - 1];
  return isWord(token) && before !== undefined && endsValue(before) &&
    (operatorOf(token.image)?.takes.length === 2);
}

/** Whether what comes at `index` is compared with what stands before. */
function isValueDue(tokens: readonly IToken[], index: number): boolean {
  return isComparing(tokens, index - 1) || isListed(tokens, index);
}

/** Whether what comes at `index` is an item of a list after `in`. */
function isListed(tokens: readonly IToken[], index: number): boolean {
  return comparisonBefore(tokens, index) !== undefined &&
    [T.OpenSquare, T.Comma].includes(tokens[index - 1]!.tokenType);
}

/** The operator that waits for the value at `index`, or for a list around it. */
function comparisonBefore(
  tokens: readonly IToken[],
  index: number,
): number | undefined {
  if (isComparing(tokens, index - 1)) return index - 1;
  for (let at = index - 1; at >= 0; at--) {
    const { tokenType } = tokens[at]!;
    if (tokenType === T.OpenSquare) {
      return isComparing(tokens, at - 1) ? at - 1 : undefined;
    }
    const isItem = tokenType === T.Comma || tokenType === T.Dots ||
      isLiteral(tokens[at]!);
    if (!isItem) return isComparing(tokens, at) ? at : undefined;
  }
  return undefined;
}

/** Whether a value can end with the token. */
function endsValue(token: IToken): boolean {
  const { tokenType } = token;
  return tokenType === T.Word || tokenType === T.Close ||
    tokenType === T.CloseSquare || tokenType === T.Star || isLiteral(token);
}

function isLiteral({ tokenType }: IToken): boolean {
  return tokenType.CATEGORIES?.includes(T.AnyLiteral) === true;
}

function isWord({ tokenType }: IToken): boolean {
  return tokenType === T.Word ||
    tokenType.CATEGORIES?.includes(T.AnyWord) === true;
}

function endOf({ startOffset, image }: IToken): number {
  return startOffset + image.length;
}

function field(text: string, doc: string): Suggestion {
  return { text, kind: "field", doc };
}

function value(text: string, doc?: string): Suggestion {
  return { text, kind: "value", ...doc !== undefined && { doc } };
}

/** A function; with arguments the cursor goes between its parentheses. */
function call(name: string, doc: string, hasArguments: boolean): Suggestion {
  const text = hasArguments ? `${name}(` : `${name}()`;
  return { text, kind: "function", doc };
}

/** The first of those with the same text. */
function unique(suggestions: readonly Suggestion[]): Suggestion[] {
  const seen = new Map<string, Suggestion>();
  for (const each of suggestions) {
    if (!seen.has(each.text)) seen.set(each.text, each);
  }
  return [...seen.values()];
}
