/**
 * Checker: AST and schema -> typed AST, or what is wrong with it.
 *
 * It goes down the tree with the protocols that the conjunction around a node
 * still leaves, so that in `redis and request.key == "x"` the key is that of
 * Redis. A mistake is reported where it is made and the rest is still checked:
 * an expression that cannot be typed has the empty type, which fits anywhere.
 *
 * This file has the tree's conditions and plain values; `checking/` has the
 * rest: comparisons, calls, selectors.
 */
import { object } from "../entry/field.ts";
import type { Half, Schema } from "../entry/schema.ts";
import type { Expression } from "./ast.ts";
import { callFunction, callOperator } from "./checking/call.ts";
import { compare } from "./checking/comparison.ts";
import { notCondition } from "./checking/mismatch.ts";
import { protocolsOf } from "./checking/narrowing.ts";
import { outlineOf } from "./checking/paths.ts";
import {
  type Checking,
  constant,
  type Context,
  isSelector,
  type Result,
  TRUE,
  WRONG,
} from "./checking/scope.ts";
import { select } from "./checking/selector.ts";
import {
  BOOL,
  calculated,
  describe,
  element,
  type Shape,
  typeOf,
} from "./checking/types.ts";
import { Vocabulary } from "./checking/vocabulary.ts";
import { isPattern, writtenArguments } from "./checking/written.ts";
import {
  type Diagnostic,
  type DiagnosticCode,
  MAX_DIAGNOSTICS,
  type Span,
} from "./diagnostic.ts";
import { asConstant, fold } from "./fold.ts";
import { parse } from "./grammar.ts";
import { type RedactPath, redactPaths } from "./redaction.ts";
import type { Searched, Typed } from "./typed.ts";

/** Most bare texts in one filter: each carries all the fields it looks into. */
export const MAX_SEARCHES = 16;

/** A filter that was checked. */
export interface Checked {
  /** Meaningless where there are diagnostics. */
  readonly filter: Typed;
  /** Of `limit(n)`. */
  readonly limit?: number | undefined;
  /** Of `redact(…)`: the paths whose values are hidden. */
  readonly redact: readonly RedactPath[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Looks every name up, and says what cannot be.
 *
 * @param expression absent where the filter is empty: then everything matches
 * @param now when the query starts, µs since 1970: what `now()` is
 */
export function check(
  expression: Expression | undefined,
  schema: Schema,
  now: number,
): Checked {
  return new Checker(new Vocabulary(schema), now).check(expression);
}

/** What looks names up for an unfinished filter, and reports to nobody. */
export function openChecking(schema: Schema): Checking {
  return new Checker(new Vocabulary(schema), 0);
}

class Checker implements Checking {
  readonly vocabulary: Vocabulary;
  readonly now: number;
  #diagnostics: Diagnostic[] = [];
  readonly #redact: RedactPath[] = [];
  #limit: number | undefined;
  #searches = 0;
  /** Protocol tests that the paths of the condition at hand imply. */
  #implied = new Map<string, Typed>();

  constructor(vocabulary: Vocabulary, now: number) {
    this.vocabulary = vocabulary;
    this.now = now;
  }

  check(expression: Expression | undefined): Checked {
    const context = {
      protocols: this.vocabulary.protocols,
      variables: new Map(),
    };
    const filter = expression
      ? this.#conjunct(expression, context, true)
      : TRUE;
    const diagnostics = this.#diagnostics
      .sort((a, b) => a.span.from - b.span.from)
      .slice(0, MAX_DIAGNOSTICS);
    return { filter, limit: this.#limit, redact: this.#redact, diagnostics };
  }

  // Conditions

  condition(expression: Expression, context: Context): Typed {
    if (this.#isFull()) return TRUE;
    switch (expression.kind) {
      case "and":
        return this.#conjunct(expression, context, false);
      case "or":
        return joined(
          "or",
          expression.of.map((each) => this.condition(each, context)),
        );
      case "not":
        return expression.sign === "not"
          ? { kind: "not", of: this.condition(expression.of, context) }
          : this.#negated(expression, context);
      case "text":
        return this.#search(expression.value, expression.span, context);
      case "missing":
        return TRUE;
      default:
        return this.#atom(expression, context);
    }
  }

  /** A condition that may hold `limit` and `redact` if it is at the top. */
  #conjunct(expression: Expression, context: Context, top: boolean): Typed {
    if (expression.kind === "and") {
      const left = this.#narrowed(expression.of, context);
      return joined(
        "and",
        expression.of.map((each) => this.#conjunct(each, left, top)),
      );
    }
    if (top && expression.kind === "call" && !expression.on) {
      if (expression.name === "limit") {
        return this.#limited(expression, context);
      }
      if (expression.name === "redact") {
        return this.#redacted(expression, context);
      }
    }
    return this.condition(expression, context);
  }

  /** A condition without conditions in it, with the protocols it names. */
  #atom(expression: Expression, context: Context): Typed {
    const outer = this.#implied;
    this.#implied = new Map();
    const within = this.#narrowed([expression], context);
    const { node, type } = this.value(expression, within);
    const implied = [...this.#implied.values()];
    this.#implied = outer;
    if (
      implied.length > 1 && protocolsOf(this, expression, context)?.length === 0
    ) {
      this.report(
        "impossible",
        expression.span,
        "No entry is of all these protocols",
      );
    }
    if (type.length > 0 && !type.some(isCondition)) {
      this.report("type", expression.span, ...notCondition(expression, type));
    }
    return joined("and", [...implied, node]);
  }

  /** `!x`, which binds so tightly that it is easily misread. */
  #negated(
    expression: Expression & { kind: "not" },
    context: Context,
  ): Typed {
    const { of } = expression;
    if (of.kind === "text" || isSelector(of)) {
      const type = of.kind === "text"
        ? typeOf("text")
        : this.silently(() => this.value(of, context)).type;
      if (type.length > 0 && !type.some(isCondition)) {
        this.report(
          "type",
          expression.span,
          `\`!\` takes a boolean, and this is ${describe(type)}`,
          "`not` negates a whole comparison; `!=` says that two differ",
        );
        return TRUE;
      }
    }
    return { kind: "not", of: this.condition(of, context) };
  }

  /**
   * The context of a conjunction's members. Where the conjunction contradicts
   * what is around it, as in `redis and not (http and failed)`, it is checked
   * by itself: it is never true, and filters that are joined stay right.
   */
  #narrowed(members: readonly Expression[], context: Context): Context {
    let own = this.vocabulary.protocols;
    for (const each of members) {
      const left = protocolsOf(this, each, context);
      // What can be true of none is wrong in itself, and reported there.
      if (!left || left.length === 0) continue;
      const both = own.filter((name) => left.includes(name));
      if (both.length > 0) own = both;
      else {
        this.report(
          "impossible",
          each.span,
          `No entry can be this and ${this.vocabulary.listed(own)}`,
          "join them with `or`",
        );
      }
    }
    const both = context.protocols.filter((name) => own.includes(name));
    return { ...context, protocols: both.length > 0 ? both : own };
  }

  /** A bare text, searched in all that the protocols at hand declare. */
  #search(text: string, span: Span, context: Context): Typed {
    if (text === "") {
      this.report("arguments", span, "An empty text is found everywhere");
      return TRUE;
    }
    if (++this.#searches > MAX_SEARCHES) {
      this.report("limit", span, `More than ${MAX_SEARCHES} bare texts`);
      return TRUE;
    }
    const where: { [protocol: string]: Searched[string] } = {};
    for (const name of context.protocols) {
      const outline = (half: Half) =>
        outlineOf(object(this.vocabulary.fieldsOf(name, half), half)) ?? {};
      where[name] = {
        request: outline("request"),
        response: outline("response"),
      };
    }
    return { kind: "search", text, where };
  }

  // What says something of the whole query

  /** `limit(n)`, which is true. */
  #limited(call: Expression & { kind: "call" }, context: Context): Typed {
    const [n] = writtenArguments(this, call, context, ["number"]) ?? [];
    if (n === undefined) return TRUE;
    if (!Number.isInteger(n) || Number(n) < 1) {
      this.report("arguments", call.span, "A limit is a whole number from 1");
      return TRUE;
    }
    this.#limit = Math.min(this.#limit ?? Infinity, Number(n));
    return TRUE;
  }

  /** `redact("path", …)`, which is true. */
  #redacted(call: Expression & { kind: "call" }, context: Context): Typed {
    if (call.args.length === 0) {
      this.report("arguments", call.span, "`redact` takes at least one path");
    }
    // What is hidden is hidden in every entry, whatever matches.
    const everywhere = { ...context, protocols: this.vocabulary.protocols };
    for (const arg of call.args) {
      const path = arg.kind === "text" ? parse(arg.value).expression : arg;
      const paths = path && redactPaths(path);
      if (!paths) {
        this.report(
          "arguments",
          arg.span,
          "`redact` takes paths",
          'such as `redact("request.headers.authorization")`',
        );
        continue;
      }
      const mistakes = this.mistakesOf(() => this.value(path, everywhere));
      // Those inside of a quoted path are shown at the quotes.
      for (const mistake of mistakes) {
        this.#diagnostics.push({ ...mistake, span: arg.span });
      }
      this.#redact.push(...paths);
    }
    return TRUE;
  }

  // Values

  value(expression: Expression, context: Context): Result {
    if (this.#isFull()) return WRONG;
    switch (expression.kind) {
      case "missing":
        return WRONG;
      case "and":
      case "or":
      case "not":
        return this.#asValue(expression, context);
      case "text":
      case "number":
      case "bool":
      case "address":
      case "nil":
      case "duration":
        return written(expression);
      case "regex":
        if (isPattern(this, expression.pattern, "pattern", expression.span)) {
          this.report(
            "type",
            expression.span,
            "A regular expression can only be searched for",
            'write `x == r"…"` or `x matches "…"`',
          );
        }
        return WRONG;
      case "network":
        this.report(
          "type",
          expression.span,
          "A network is no value",
          `write \`src.ip in ${expression.value}/${expression.bits}\``,
        );
        return WRONG;
      case "range":
        this.report(
          "type",
          expression.span,
          "A range is no value",
          "write `x in 1..9`",
        );
        return WRONG;
      case "list":
        return this.#list(expression.items, context);
      case "compare":
        return compare(this, expression, context);
      case "arithmetic":
        return this.#arithmetic(expression, context);
      case "negative":
        return this.#negative(expression, context);
      case "call":
        return expression.on
          ? callOperator(this, expression, expression.on, context)
          : callFunction(this, expression, context);
      default:
        return select(this, expression, context);
    }
  }

  /** A condition where a value is asked for: `(a and b) == true`. */
  #asValue(expression: Expression, context: Context): Result {
    const reported = this.#diagnostics.length;
    const node = this.condition(expression, context);
    return reported < this.#diagnostics.length ? WRONG : { node, type: BOOL };
  }

  #list(items: readonly Expression[], context: Context): Result {
    const results = items.map((item) => this.value(item, context));
    if (results.some(({ type }) => type.length === 0)) return WRONG;
    const shapes = results.flatMap(({ type }) => type);
    const [first] = shapes;
    const same = shapes.every(({ kind }) => kind === first?.kind);
    return {
      node: { kind: "list", items: results.map(({ node }) => node) },
      type: [{ kind: "list", item: same && first ? first : { kind: "json" } }],
    };
  }

  #arithmetic(
    expression: Expression & { kind: "arithmetic" },
    context: Context,
  ): Result {
    const { operator, span } = expression;
    const left = this.value(expression.left, context);
    const right = this.value(expression.right, context);
    if (left.type.length === 0 || right.type.length === 0) return WRONG;
    const type = calculated(operator, left.type, right.type);
    if (type.length === 0) {
      const isTimed = [...left.type, ...right.type].some(({ kind }) =>
        kind === "time" || kind === "duration"
      );
      this.report(
        "type",
        span,
        `\`${operator}\` does not work on ${describe(left.type)} and ${
          describe(right.type)
        }`,
        isTimed
          ? '`5s` is a duration, `datetime("2026-11-23T10:13:00Z")` a time'
          : undefined,
      );
      return WRONG;
    }
    const node = fold({
      kind: "arithmetic",
      operator,
      left: left.node,
      right: right.node,
    });
    return { node, type };
  }

  #negative(
    expression: Expression & { kind: "negative" },
    context: Context,
  ): Result {
    const of = this.value(expression.of, context);
    const type = of.type.filter(({ kind }) =>
      kind === "number" || kind === "duration" || kind === "json"
    );
    if (of.type.length > 0 && type.length === 0) {
      this.report(
        "type",
        expression.span,
        `\`-\` does not work on ${describe(of.type)}`,
      );
    }
    return { node: fold({ kind: "negative", of: of.node }), type };
  }

  imply(keyword: string, test: Typed): void {
    this.#implied.set(keyword, test);
  }

  // Reports

  report(
    code: DiagnosticCode,
    span: Span,
    message: string,
    hint?: string,
  ): void {
    this.#diagnostics.push({ code, span, message, ...(hint ? { hint } : {}) });
  }

  /** Whether there are more mistakes than are shown: then nobody reads on. */
  #isFull(): boolean {
    return this.#diagnostics.length > MAX_DIAGNOSTICS;
  }

  silently<T>(work: () => T): T {
    const reported = this.#diagnostics;
    const implied = this.#implied;
    const searches = this.#searches;
    this.#diagnostics = [];
    this.#implied = new Map();
    const result = work();
    this.#diagnostics = reported;
    this.#implied = implied;
    this.#searches = searches;
    return result;
  }

  mistakesOf(work: () => void): readonly Diagnostic[] {
    return this.silently(() => {
      work();
      return this.#diagnostics;
    });
  }
}

/** A literal as a value. */
function written(
  expression: Expression & {
    kind: "text" | "number" | "bool" | "address" | "nil" | "duration";
  },
): Result {
  switch (expression.kind) {
    case "nil":
      return constant({ type: "nil" });
    case "duration":
      return constant({ type: "duration", value: expression.us });
    case "number":
      return constant({ type: "number", value: expression.value });
    case "bool":
      return constant({ type: "bool", value: expression.value });
    default:
      return constant({ type: expression.kind, value: expression.value });
  }
}

/** Conditions as one; what is always true needs no mention in an `and`. */
function joined(kind: "and" | "or", of: readonly Typed[]): Typed {
  const flat = of.flatMap((each) => each.kind === kind ? each.of : [each]);
  const needed = kind === "and"
    ? flat.filter((each) => asConstant(each) !== true)
    : flat;
  if (needed.length === 0) return TRUE;
  return needed.length === 1 ? needed[0]! : { kind, of: needed };
}

/** Whether it can stand where a condition is asked for. */
function isCondition(shape: Shape): boolean {
  const { kind } = element(shape);
  return kind === "bool" || kind === "json" || kind === "nil";
}
