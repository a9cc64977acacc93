/**
 * Checker: AST and schema -> typed AST, or what is wrong with it.
 *
 * It goes down the tree with the protocols that the conjunction around a node
 * still leaves, so that in `redis and request.key == "x"` the key is that of
 * Redis. A mistake is reported where it is made and the rest is still checked:
 * an expression that cannot be typed has the empty type, which fits anywhere.
 */
import { normalizeAddress, parseNetwork } from "./address.ts";
import type { Expression } from "./ast.ts";
import {
  closest,
  type Diagnostic,
  type DiagnosticCode,
  MAX_DIAGNOSTICS,
  type Span,
} from "./diagnostic.ts";
import { asConstant, fold } from "./fold.ts";
import { mismatch, notCondition } from "./mismatch.ts";
import { constructorOf, operatorOf, OPERATORS } from "./operators/registry.ts";
import type { Parameter } from "./operators/operator.ts";
import {
  anyPlace,
  follow,
  formatPath,
  isStuck,
  outlineOf,
  pathOf,
  type Place,
  placeOf,
  readsBody,
  type Stuck,
  type Written,
} from "./paths.ts";
import { compileGlob, compileRegex } from "./pattern.ts";
import { parse } from "./grammar.ts";
import { type RedactPath, redactPaths } from "./redaction.ts";
import { ourFunction, ourPath, ourWord } from "./spellings.ts";
import {
  type Constant,
  type Container,
  END_LISTS,
  type EndField,
  type Item,
  type Searched,
  type Typed,
  type Variant,
} from "./typed.ts";
import {
  BOOL,
  calculated,
  canEqual,
  canOrder,
  describe,
  element,
  type Shape,
  some,
  type Type,
  typeOf,
} from "./types.ts";
import {
  COMMON_FIELDS,
  type Half,
  type ProtocolSchema,
  type Schema,
} from "../entry/schema.ts";
import { object } from "../entry/field.ts";
import type { Transport } from "../entry/entry.ts";
import { parseTime } from "./time.ts";

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
 * @param now when the query starts, µs since 1970: what `now()` is
 */
export function check(
  expression: Expression | undefined,
  schema: Schema,
  now: number,
): Checked {
  return new Checker(schema, now).check(expression);
}

/** A node with what it can be. */
interface Result {
  readonly node: Typed;
  readonly type: Type;
}

/** What surrounds a node. */
interface Context {
  /** Names of the protocols that the conjunction leaves. */
  readonly protocols: readonly string[];
  readonly variables: ReadonlyMap<string, readonly VariablePlace[]>;
}

/** What a variable is for the entries of some protocols. */
interface VariablePlace {
  readonly protocols?: readonly string[] | undefined;
  readonly place: Place;
}

const TRUE: Typed = {
  kind: "constant",
  constant: { type: "bool", value: true },
};
/** Stands for what was reported. */
const WRONG: Result = { node: TRUE, type: [] };

const COMMON = object(COMMON_FIELDS, "An entry");

class Checker {
  readonly #schema: Schema;
  readonly #now: number;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #redact: RedactPath[] = [];
  #limit: number | undefined;
  #searches = 0;
  /** Protocol tests that the paths of the condition at hand imply. */
  #implied = new Map<string, Typed>();

  constructor(schema: Schema, now: number) {
    this.#schema = schema;
    this.#now = now;
  }

  check(expression: Expression | undefined): Checked {
    const context: Context = {
      protocols: this.#everyProtocol(),
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

  #everyProtocol(): string[] {
    return this.#schema.protocols.map(({ name }) => name);
  }

  // Conditions

  /** A condition that may hold `limit` and `redact` if it is at the top. */
  #conjunct(
    expression: Expression,
    context: Context,
    top: boolean,
  ): Typed {
    if (expression.kind === "and") {
      const left = this.#narrowed(expression, context);
      return joined(
        "and",
        expression.of.map((each) => this.#conjunct(each, left, top)),
      );
    }
    const { kind } = expression;
    if (top && kind === "call" && !expression.on) {
      if (expression.name === "limit") {
        return this.#limited(expression, context);
      }
      if (expression.name === "redact") {
        return this.#redacted(expression, context);
      }
    }
    return this.#condition(expression, context);
  }

  /** Anything that is true or false. */
  #condition(expression: Expression, context: Context): Typed {
    switch (expression.kind) {
      case "and":
        return this.#conjunct(expression, context, false);
      case "or":
        return joined(
          "or",
          expression.of.map((each) => this.#condition(each, context)),
        );
      case "not":
        return expression.sign === "not"
          ? { kind: "not", of: this.#condition(expression.of, context) }
          : this.#negated(expression, context);
      case "text":
        return this.#search(expression.value, expression.span, context);
      case "missing":
        return TRUE;
    }
    const outer = this.#implied;
    this.#implied = new Map();
    const { node, type } = this.#value(expression, context);
    const implied = [...this.#implied.values()];
    this.#implied = outer;
    if (type.length > 0 && !type.some(isCondition)) {
      this.#report("type", expression.span, ...notCondition(expression, type));
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
      const { type } = of.kind === "text"
        ? { type: typeOf("text") }
        : this.#silently(() => this.#value(of, context));
      if (type.length > 0 && !type.some(isCondition)) {
        this.#report(
          "type",
          expression.span,
          `\`!\` takes true or false, and this is ${describe(type)}`,
          "`not` negates a whole comparison; `!=` says that two differ",
        );
        return TRUE;
      }
    }
    return { kind: "not", of: this.#condition(of, context) };
  }

  /** The context of a conjunction's members. */
  #narrowed(
    expression: Expression & { kind: "and" | "or" },
    context: Context,
  ): Context {
    let protocols = context.protocols;
    for (const each of expression.of) {
      const left = this.#protocolsOf(each, context);
      if (!left) continue;
      const both = protocols.filter((name) => left.includes(name));
      if (both.length === 0 && protocols.length > 0 && left.length > 0) {
        this.#report(
          "impossible",
          each.span,
          `No entry can be this and ${this.#listed(protocols)}`,
          "join them with `or`",
        );
        return context;
      }
      protocols = both;
    }
    return { ...context, protocols };
  }

  #listed(protocols: readonly string[]): string {
    const shown = protocols.slice(0, 3).map((name) => `\`${name}\``).join(", ");
    return protocols.length > 3 ? `one of ${shown}, …` : shown;
  }

  /** The protocols for which a condition can be true, if it says so plainly. */
  #protocolsOf(
    expression: Expression,
    context: Context,
  ): readonly string[] | undefined {
    switch (expression.kind) {
      case "name":
        if (context.variables.has(expression.name)) return undefined;
        return this.#keyword(expression.name)?.covers;
      case "not": {
        const { of } = expression;
        if (of.kind !== "name" || context.variables.has(of.name)) {
          return undefined;
        }
        const keyword = this.#keyword(of.name);
        // A version or a transport leaves the protocol open.
        if (keyword?.node.kind !== "protocol" || keyword.node.versions) {
          return undefined;
        }
        return this.#everyProtocol()
          .filter((name) => !keyword.covers.includes(name));
      }
      case "and": {
        let left: readonly string[] | undefined;
        for (const each of expression.of) {
          const some = this.#protocolsOf(each, context);
          left = left && some
            ? left.filter((x) => some.includes(x))
            : left ?? some;
        }
        return left;
      }
      case "or": {
        const all = expression.of.map((each) =>
          this.#protocolsOf(each, context)
        );
        return all.every((some) => some !== undefined)
          ? [...new Set(all.flat())]
          : undefined;
      }
      case "compare":
        return this.#protocolsCompared(expression, context);
      case "call":
        return expression.on && this.#qualified(expression.on, context);
      default:
        return isSelector(expression)
          ? this.#qualified(expression, context)
          : undefined;
    }
  }

  #protocolsCompared(
    { operator, left, right }: Expression & { kind: "compare" },
    context: Context,
  ): readonly string[] | undefined {
    if (
      operator === "==" && left.kind === "name" && right.kind === "text" &&
      !context.variables.has(left.name)
    ) {
      const { value } = right;
      if (left.name === "protocol") {
        return this.#everyProtocol().filter((name) => name === value);
      }
      if (left.name === "transport") {
        return this.#transportKeyword(value)?.covers;
      }
    }
    return this.#qualified(left, context) ?? this.#qualified(right, context);
  }

  /** The protocols that a path names before `request` or `response`. */
  #qualified(
    expression: Expression,
    context: Context,
  ): readonly string[] | undefined {
    if (!isSelector(expression)) return undefined;
    const { root, steps } = pathOf(expression);
    if (root.kind !== "name" || steps.length === 0) return undefined;
    return this.#qualifier(root.name, context)?.covers;
  }

  // Functions that are no conditions

  /** `limit(n)`, which is true. */
  #limited(
    call: Expression & { kind: "call" },
    context: Context,
  ): Typed {
    const [n] = this.#arguments(call, context, ["number"]) ?? [];
    if (n === undefined) return TRUE;
    if (!Number.isInteger(n) || Number(n) < 1) {
      this.#report("arguments", call.span, "A limit is a whole number from 1");
      return TRUE;
    }
    this.#limit = Math.min(this.#limit ?? Infinity, Number(n));
    return TRUE;
  }

  /** `redact("path", …)`, which is true. */
  #redacted(
    call: Expression & { kind: "call" },
    context: Context,
  ): Typed {
    if (call.args.length === 0) {
      this.#report("arguments", call.span, "`redact` takes at least one path");
    }
    for (const arg of call.args) {
      const path = arg.kind === "text" ? parse(arg.value).expression : arg;
      const paths = path && redactPaths(path);
      if (!paths) {
        this.#report(
          "arguments",
          arg.span,
          "`redact` takes paths",
          'such as `redact("request.headers.authorization")`',
        );
        continue;
      }
      const known = this.#diagnostics.length;
      this.#value(path, { ...context, protocols: this.#everyProtocol() });
      // Mistakes inside of a quoted path are shown at the quotes.
      for (let n = known; n < this.#diagnostics.length; n++) {
        const diagnostic = this.#diagnostics[n]!;
        this.#diagnostics[n] = { ...diagnostic, span: arg.span };
      }
      this.#redact.push(...paths);
    }
    return TRUE;
  }

  /** The constants that a function was given; reports what does not fit. */
  #arguments(
    call: Expression & { kind: "call" },
    context: Context,
    kinds: readonly ("number" | "text")[],
  ): (number | string)[] | undefined {
    if (call.args.length !== kinds.length) {
      this.#report(
        "arguments",
        call.span,
        `\`${call.name}\` takes ${counted(kinds.length, "argument")}`,
      );
      return undefined;
    }
    const values: (number | string)[] = [];
    for (const [i, arg] of call.args.entries()) {
      const { node, type } = this.#value(arg, context);
      if (type.length === 0) return undefined;
      const constant = node.kind === "constant" ? node.constant : undefined;
      if (!constant || constant.type !== kinds[i]) {
        this.#report(
          "arguments",
          arg.span,
          `\`${call.name}\` takes ${
            kinds[i] === "number" ? "a number" : "a text"
          } that is written out`,
        );
        return undefined;
      }
      values.push(constant.value as number | string);
    }
    return values;
  }

  // Values

  #value(expression: Expression, context: Context): Result {
    switch (expression.kind) {
      case "missing":
        return WRONG;
      case "and":
      case "or":
      case "not": {
        const reported = this.#diagnostics.length;
        const node = this.#condition(expression, context);
        return reported < this.#diagnostics.length
          ? WRONG
          : { node, type: BOOL };
      }
      case "text":
      case "number":
      case "bool":
      case "address":
      case "nil":
      case "duration":
      case "regex":
      case "network":
        return this.#literal(expression);
      case "range":
        this.#report(
          "type",
          expression.span,
          "A range is no value",
          "write `x in 1..9`",
        );
        return WRONG;
      case "list":
        return this.#list(expression.items, context);
      case "compare":
        return this.#compare(expression, context);
      case "arithmetic": {
        const left = this.#value(expression.left, context);
        const right = this.#value(expression.right, context);
        if (left.type.length === 0 || right.type.length === 0) return WRONG;
        const { operator } = expression;
        const type = calculated(operator, left.type, right.type);
        if (type.length === 0) {
          this.#report(
            "type",
            expression.span,
            `\`${operator}\` does not work on ${describe(left.type)} and ${
              describe(right.type)
            }`,
            [left, right].some(({ type }) => type.some(isTimed))
              ? 'durations have a unit, as `5s`; times are quoted, as `"2026-11-23T10:13:00Z"`, in `datetime(…)`'
              : undefined,
          );
          return WRONG;
        }
        return {
          node: fold({
            kind: "arithmetic",
            operator,
            left: left.node,
            right: right.node,
          }),
          type,
        };
      }
      case "negative": {
        const of = this.#value(expression.of, context);
        const type = of.type.filter(({ kind }) =>
          kind === "number" || kind === "duration" || kind === "json"
        );
        if (of.type.length > 0 && type.length === 0) {
          this.#report(
            "type",
            expression.span,
            `\`-\` does not work on ${describe(of.type)}`,
          );
        }
        return { node: fold({ kind: "negative", of: of.node }), type };
      }
      case "call":
        return expression.on
          ? this.#method(expression, expression.on, context)
          : this.#function(expression, context);
      default:
        return this.#path(expression, context);
    }
  }

  #literal(
    expression: Expression & {
      kind:
        | "text"
        | "number"
        | "bool"
        | "address"
        | "nil"
        | "duration"
        | "regex"
        | "network";
    },
  ): Result {
    switch (expression.kind) {
      case "regex":
        this.#pattern(expression.pattern, "pattern", expression.span);
        this.#report(
          "type",
          expression.span,
          "A regular expression can only be searched for",
          'write `x == r"…"` or `x matches "…"`',
        );
        return WRONG;
      case "network":
        this.#report(
          "type",
          expression.span,
          "A network is no value",
          `write \`src.ip in ${expression.value}/${expression.bits}\``,
        );
        return WRONG;
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

  #list(items: readonly Expression[], context: Context): Result {
    const results = items.map((item) => this.#value(item, context));
    if (results.some(({ type }) => type.length === 0)) return WRONG;
    const shapes = results.flatMap(({ type }) => type);
    const [first] = shapes;
    const same = shapes.every(({ kind }) => kind === first?.kind);
    return {
      node: { kind: "list", items: results.map(({ node }) => node) },
      type: [{ kind: "list", item: same && first ? first : { kind: "json" } }],
    };
  }

  // Comparisons

  #compare(
    expression: Expression & { kind: "compare" },
    context: Context,
  ): Result {
    const { operator, left, right } = expression;
    if (operator === "in") return this.#membership(expression, context);
    if (left.kind === "regex" || right.kind === "regex") {
      return this.#searched(expression, context);
    }
    if (right.kind === "network" && (operator === "==" || operator === "!=")) {
      this.#report(
        "type",
        expression.span,
        "A network is no address",
        "`in` tests whether an address lies in it",
      );
      return WRONG;
    }
    const a = this.#value(left, context);
    const b = this.#value(right, context);
    if (a.type.length === 0 || b.type.length === 0) return WRONG;
    const x = this.#adapted(a, b.type, left.span);
    const y = this.#adapted(b, a.type, right.span);
    if (!x || !y) return WRONG;
    const test = operator === "==" || operator === "!=" ? canEqual : canOrder;
    if (!some(x.type, y.type, test)) {
      this.#report("type", expression.span, ...mismatch(expression, x, y));
      return WRONG;
    }
    if (!this.#isPossible(left, x, y) || !this.#isPossible(right, y, x)) {
      return WRONG;
    }
    if (operator === "!=") {
      const of: Typed = {
        kind: "compare",
        operator: "==",
        left: x.node,
        right: y.node,
      };
      return { node: { kind: "not", of }, type: BOOL };
    }
    return {
      node: { kind: "compare", operator, left: x.node, right: y.node },
      type: BOOL,
    };
  }

  /**
   * A written text as what it is compared with: quoted addresses become
   * addresses and quoted times times. `undefined` where it stands for none.
   */
  #adapted(result: Result, other: Type, span: Span): Result | undefined {
    const { node } = result;
    if (node.kind !== "constant" || node.constant.type !== "text") {
      return result;
    }
    const { value } = node.constant;
    const every = (kind: string) =>
      other.every((shape) => element(shape).kind === kind);
    if (every("address")) {
      const address = normalizeAddress(value);
      if (address !== undefined) {
        return constant({ type: "address", value: address });
      }
      this.#report(
        "literal",
        span,
        `\`${value}\` is no IP address`,
        parseNetwork(value)
          ? "`in` tests whether an address lies in a network"
          : 'search its text with `matches "…"`',
      );
      return undefined;
    }
    if (every("time")) {
      const time = parseTime(value);
      if (time !== undefined) return constant({ type: "time", value: time });
      this.#report(
        "literal",
        span,
        `\`${value}\` is no time`,
        "write it as `2026-11-23T10:13:00Z`, or `now() - 10m`",
      );
      return undefined;
    }
    return result;
  }

  /** Reports a written text that is none of the values a field can have. */
  #isPossible(expression: Expression, a: Result, b: Result): boolean {
    if (b.node.kind !== "constant" || b.node.constant.type !== "text") {
      return true;
    }
    const { value } = b.node.constant;
    if (expression.kind === "name" && expression.name === "protocol") {
      return this.#isProtocol(value, expression.span);
    }
    const values = a.type.flatMap((shape) => {
      const declared = element(shape).field?.values ?? [];
      return declared.length > 0 ? [declared] : [];
    });
    const few = values.length === a.type.length ? values.flat() : [];
    if (few.length === 0 || few.includes(value)) return true;
    const meant = closest(value, few);
    this.#report(
      "impossible",
      expression.span,
      `It is never "${value}"`,
      meant
        ? `did you mean "${meant}"?`
        : `it is one of ${few.map((each) => `"${each}"`).join(", ")}`,
    );
    return false;
  }

  #isProtocol(name: string, span: Span): boolean {
    const known = this.#schema.protocol(name);
    if (known?.name === name) return true;
    const meant = known?.name ??
      closest(name, this.#schema.protocols.map((each) => each.name));
    this.#report(
      "impossible",
      span,
      `There is no protocol "${name}"`,
      meant && `did you mean "${meant}"?`,
    );
    return false;
  }

  /** `x == r"…"` is `x matches "…"`, and `!=` its negation. */
  #searched(
    expression: Expression & { kind: "compare" },
    context: Context,
  ): Result {
    const { operator, left, right, span } = expression;
    const [regex, of] = right.kind === "regex" ? [right, left] : [left, right];
    if (operator !== "==" && operator !== "!=") {
      this.#report(
        "type",
        span,
        `\`${operator}\` does not work on a regular expression`,
      );
      return WRONG;
    }
    const on = this.#value(of, context);
    const { pattern } = regex as Expression & { kind: "regex" };
    if (!this.#pattern(pattern, "pattern", regex.span)) return WRONG;
    if (on.type.length === 0) return WRONG;
    if (!on.type.some((shape) => admits("text", shape))) {
      this.#report(
        "type",
        span,
        ...mismatch(expression, on, {
          node: TRUE,
          type: typeOf("regex"),
        }),
      );
      return WRONG;
    }
    const call: Typed = {
      kind: "call",
      name: "matches",
      on: on.node,
      args: [constant({ type: "text", value: pattern }).node],
    };
    return {
      node: operator === "==" ? call : { kind: "not", of: call },
      type: BOOL,
    };
  }

  #membership(
    expression: Expression & { kind: "compare" },
    context: Context,
  ): Result {
    const left = this.#value(expression.left, context);
    const named = this.#isNamed(expression, context);
    if (named) return { node: { kind: "exists", of: named }, type: BOOL };
    const container = this.#container(expression.right, left, context);
    if (left.type.length === 0 || !container) return WRONG;
    return {
      node: { kind: "in", left: left.node, right: container },
      type: BOOL,
    };
  }

  /** `"name" in map`: the value of that name, by the map's rule for case. */
  #isNamed(
    { left, right }: Expression & { kind: "compare" },
    context: Context,
  ): Typed | undefined {
    if (left.kind !== "text" || !isSelector(right)) return undefined;
    const of = this.#silently(() => this.#value(right, context));
    if (of.type.length === 0 || of.type.some(({ kind }) => kind !== "map")) {
      return undefined;
    }
    const { span } = right;
    const index = {
      kind: "index",
      of: right,
      index: left.value,
      span,
    } as const;
    return this.#value(index, context).node;
  }

  /** What stands after `in`. */
  #container(
    right: Expression,
    left: Result,
    context: Context,
  ): Container | undefined {
    if (right.kind === "list") {
      const items = right.items.map((item) => this.#item(item, left, context));
      return items.every((item) => item !== undefined)
        ? { kind: "items", items }
        : undefined;
    }
    const addresses = left.type.length > 0 &&
      left.type.every((shape) => element(shape).kind === "address");
    const single = ["range", "network"].includes(right.kind) ||
      right.kind === "text" && addresses;
    if (single) {
      const item = this.#item(right, left, context);
      return item && { kind: "items", items: [item] };
    }
    const of = this.#value(right, context);
    if (of.type.length === 0) return undefined;
    const kinds = ["list", "map", "json", "object"];
    if (!of.type.some(({ kind }) => kinds.includes(kind))) {
      this.#report(
        "type",
        right.span,
        `\`in\` takes a list, a range or a network, and this is ${
          describe(of.type)
        }`,
        of.type.some(({ kind }) => kind === "text" || kind === "bytes")
          ? "`contains` looks for a part of a text"
          : undefined,
      );
      return undefined;
    }
    return { kind: "value", of: of.node };
  }

  /** One of the items after `in`. */
  #item(item: Expression, left: Result, context: Context): Item | undefined {
    if (item.kind === "range") return this.#range(item, left, context);
    if (item.kind === "network" || item.kind === "text") {
      const network = item.kind === "network"
        ? { value: item.value, bits: item.bits }
        : left.type.some((shape) => element(shape).kind === "address")
        ? parseNetwork(item.value)
        : undefined;
      if (network) {
        const kinds = ["address", "text", "json"];
        if (
          some(
            left.type,
            typeOf("network"),
            (a) => kinds.includes(element(a).kind),
          )
        ) {
          return { kind: "network", ...network };
        }
        this.#report(
          "type",
          item.span,
          `Only addresses lie in a network, and this is ${describe(left.type)}`,
        );
        return undefined;
      }
    }
    const result = this.#value(item, context);
    if (result.type.length === 0 || left.type.length === 0) return undefined;
    const adapted = this.#adapted(result, left.type, item.span);
    if (!adapted) return undefined;
    if (!some(left.type, adapted.type, canEqual)) {
      this.#report(
        "type",
        item.span,
        `${describe(adapted.type)} is never among what is ${
          describe(left.type)
        }`
          .replace(/^./, (letter) => letter.toUpperCase()),
      );
      return undefined;
    }
    return { kind: "value", of: adapted.node };
  }

  #range(
    range: Expression & { kind: "range" },
    left: Result,
    context: Context,
  ): Item | undefined {
    const ends = [range.low, range.high].map((end) => {
      const result = this.#value(end, context);
      return result.type.length > 0
        ? this.#adapted(result, left.type, end.span)
        : undefined;
    });
    const [low, high] = ends;
    if (!low || !high || left.type.length === 0) return undefined;
    if (low.node.kind !== "constant" || high.node.kind !== "constant") {
      this.#report(
        "type",
        range.span,
        "The ends of a range are literals",
        "compare with `>=` and `<=`",
      );
      return undefined;
    }
    if (
      !some(left.type, low.type, canOrder) ||
      !some(left.type, high.type, canOrder)
    ) {
      this.#report(
        "type",
        range.span,
        `${describe(left.type)} cannot lie between ${describe(low.type)} and ${
          describe(high.type)
        }`.replace(/^./, (letter) => letter.toUpperCase()),
      );
      return undefined;
    }
    return {
      kind: "range",
      low: low.node.constant,
      high: high.node.constant,
    };
  }

  // Calls

  /** `name(…)` with nothing before it. */
  #function(
    call: Expression & { kind: "call" },
    context: Context,
  ): Result {
    const { name, nameSpan, span, args } = call;
    if (name === "limit" || name === "redact") {
      this.#report(
        "place",
        span,
        `\`${name}\` says something of the whole query`,
        `join it with \`and\` to all the rest: \`(…) and ${name}(…)\``,
      );
      return WRONG;
    }
    if (name === "exists") return this.#exists(call, context);
    const constructor = constructorOf(name);
    if (constructor) {
      const kinds = constructor.parameters.map(([, kind]) => kind);
      const values = this.#arguments(call, context, kinds);
      if (!values) return WRONG;
      const us = constructor.evaluate(this.#now, ...values);
      if (us === undefined || !Number.isFinite(us)) {
        this.#report(
          "literal",
          args[0]?.span ?? span,
          `\`${values[0]}\` is no time`,
          "write it as `2026-11-23T10:13:00Z`",
        );
        return WRONG;
      }
      return constant({ type: "time", value: us });
    }
    const ours = ourFunction(name);
    const operator = operatorOf(name) ?? ["any", "all"].includes(name);
    const known = [
      "exists",
      "limit",
      "redact",
      "now",
      "datetime",
      ...OPERATORS.map((each) => each.name),
    ];
    const meant = closest(name, known);
    this.#report(
      "unknown",
      nameSpan,
      `There is no function \`${name}\``,
      ours
        ? `write ${ours}`
        : operator
        ? `write it after its value: \`request.path.${name}(…)\``
        : meant && `did you mean \`${meant}\`?`,
    );
    return WRONG;
  }

  /** `exists(path)` */
  #exists(call: Expression & { kind: "call" }, context: Context): Result {
    const [arg] = call.args;
    if (call.args.length !== 1 || !arg) {
      this.#report(
        "arguments",
        call.span,
        "`exists` takes one path",
        "on a list it takes a variable and a condition: `list.exists(x, x == 1)`",
      );
      return WRONG;
    }
    const of = this.#value(arg, context);
    if (of.type.length === 0) return WRONG;
    if (of.node.kind === "constant") {
      this.#report("arguments", arg.span, "`exists` takes a path");
      return WRONG;
    }
    return { node: { kind: "exists", of: of.node }, type: BOOL };
  }

  /** `on.name(…)` or `on name arg`. */
  #method(
    call: Expression & { kind: "call" },
    on: Expression,
    context: Context,
  ): Result {
    const { name, nameSpan, args } = call;
    if (["exists", "any", "all"].includes(name)) {
      return this.#quantifier(call, on, context);
    }
    const operator = operatorOf(name);
    if (!operator) {
      this.#value(on, context);
      const word = ourWord(name);
      const meant = closest(name, [
        ...OPERATORS.map((each) => each.name),
        "exists",
        "any",
        "all",
        "and",
        "or",
        "in",
      ]);
      this.#report(
        "unknown",
        nameSpan,
        `There is no operator \`${name}\``,
        word
          ? `write \`${word}\``
          : meant
          ? `did you mean \`${meant}\`?`
          : "join conditions with `and` or `or`",
      );
      return WRONG;
    }
    const receiver = this.#value(on, context);
    const expected = operator.takes.length - 1;
    if (args.length !== expected) {
      this.#report(
        "arguments",
        call.span,
        `\`${name}\` takes ${counted(expected, "argument")}`,
      );
      return WRONG;
    }
    const given = args.map((arg, i) =>
      this.#argument(arg, operator.takes[i + 1]!, name, context)
    );
    if (receiver.type.length === 0) return WRONG;
    const fitting = receiver.type.filter((shape) =>
      admits(operator.takes[0]!, shape)
    );
    if (fitting.length === 0) {
      this.#report(
        "type",
        nameSpan,
        `\`${name}\` does not work on ${describe(receiver.type)}`,
        name === "contains" ? "`in` tests for an element" : undefined,
      );
      return WRONG;
    }
    if (given.some((each) => each === undefined)) return WRONG;
    const lifted = operator.takes[0] !== "any" &&
      fitting.some(({ kind }) => kind === "list");
    const result: Shape = { kind: operator.gives };
    return {
      node: fold({
        kind: "call",
        name,
        on: receiver.node,
        args: given.map((each) => each!.node),
      }),
      type: lifted ? [{ kind: "list", item: result }] : [result],
    };
  }

  #argument(
    arg: Expression,
    parameter: Parameter,
    name: string,
    context: Context,
  ): Result | undefined {
    if (parameter === "pattern" || parameter === "glob") {
      const text = arg.kind === "regex" && parameter === "pattern"
        ? arg.pattern
        : arg.kind === "text"
        ? arg.value
        : undefined;
      if (text === undefined) {
        if (arg.kind !== "missing") {
          this.#report(
            "arguments",
            arg.span,
            `\`${name}\` takes a text that is written out`,
          );
        }
        return undefined;
      }
      return this.#pattern(text, parameter, arg.span)
        ? constant({ type: "text", value: text })
        : undefined;
    }
    const result = this.#value(arg, context);
    if (result.type.length === 0) return undefined;
    if (result.type.some((shape) => admits(parameter, shape))) return result;
    this.#report(
      "type",
      arg.span,
      `\`${name}\` takes a text, and this is ${describe(result.type)}`,
      result.type.some(({ kind }) => kind === "number")
        ? "put it in quotes"
        : undefined,
    );
    return undefined;
  }

  /** Whether a pattern is well-formed; reports it if not. */
  #pattern(text: string, parameter: "pattern" | "glob", span: Span): boolean {
    const test = parameter === "glob" ? compileGlob(text) : compileRegex(text);
    if (typeof test === "function") return true;
    this.#report(
      "literal",
      span,
      `The pattern cannot be used: ${test.problem}`,
    );
    return false;
  }

  /** `list.exists(x, condition)`, the same as `any`, or `all`. */
  #quantifier(
    call: Expression & { kind: "call" },
    on: Expression,
    context: Context,
  ): Result {
    const [named, body] = call.args;
    if (call.args.length !== 2 || named?.kind !== "name" || !body) {
      this.#report(
        "arguments",
        call.span,
        `\`${call.name}\` takes a variable and a condition`,
        `such as \`${call.name}(x, x == "a")\``,
      );
      return WRONG;
    }
    const { name } = named;
    if (context.variables.has(name)) {
      this.#report(
        "arguments",
        named.span,
        `There is a variable \`${name}\` already`,
      );
      return WRONG;
    }
    const over = this.#value(on, context);
    if (over.type.length === 0) return WRONG;
    if (!over.type.some(({ kind }) => kind === "list" || kind === "json")) {
      this.#report(
        "type",
        call.nameSpan,
        `\`${call.name}\` takes a list, and this is ${describe(over.type)}`,
        over.type.some(({ kind }) => kind === "map")
          ? "`[*]` gives the values of a map"
          : undefined,
      );
      return WRONG;
    }
    const variables = new Map(context.variables)
      .set(name, this.#elements(over, on, context));
    return {
      node: {
        kind: "quantifier",
        every: call.name === "all",
        over: over.node,
        variable: name,
        body: this.#condition(body, { ...context, variables }),
      },
      type: BOOL,
    };
  }

  /** What an element of a list is. */
  #elements(
    over: Result,
    on: Expression,
    context: Context,
  ): readonly VariablePlace[] {
    if (over.node.kind !== "select") {
      const shapes = over.type.map(element);
      const place = anyPlace([]);
      return [{ place: { ...place, shape: shapes[0] ?? place.shape } }];
    }
    return this.#silently(() => this.#placesOf(on, context)).map(
      ({ protocols, place }) => {
        const { field, shape } = place;
        const item = shape.kind === "list" ? field?.item : field;
        const inside = item ? placeOf(item, []) : anyPlace([]);
        const literal = inside.literal ?? place.literal;
        const inBody = place.inBody;
        return { protocols, place: { ...inside, literal, inBody } };
      },
    );
  }

  // Paths

  /** A selector: a field, a protocol or a variable, and steps from it. */
  #path(expression: Expression, context: Context): Result {
    const { root, steps } = pathOf(expression);
    if (root.kind !== "name") return this.#walk(root, steps, context);
    if (steps.length === 0) {
      const bare = this.#bare(root.name, context);
      if (bare) return bare;
    }
    const places = this.#placesOf(expression, context);
    if (places.length === 0) return WRONG;
    const variable = context.variables.has(root.name) ? root.name : undefined;
    const qualified = variable === undefined &&
      this.#qualifier(root.name, context) !== undefined && steps.length > 0;
    const text = qualified && steps[0]?.kind === "member"
      ? formatPath(steps[0].name, steps.slice(1))
      : formatPath(root.name, steps);
    const variants = merged(places.map(({ protocols, place }): Variant => ({
      ...(protocols ? { protocols } : {}),
      steps: place.steps,
      // Elements of a list were made values when the list was read.
      form: variable !== undefined && place.steps.length === 0
        ? "json"
        : place.form,
      many: place.many || place.shape.kind === "list",
      ...(place.literal ? { literal: place.literal } : {}),
    })));
    return {
      node: {
        kind: "select",
        text,
        ...(variable === undefined ? {} : { variable }),
        variants,
        readsBody: places.some(({ place }) => readsBody(place)),
      },
      type: union(places.map(({ place }) => shapeAt(place))),
    };
  }

  /** A word that needs no steps: a protocol, a transport, a list of ends. */
  #bare(name: string, context: Context): Result | undefined {
    if (context.variables.has(name)) return undefined;
    if (isEndList(name)) {
      const item = { kind: kindOfEnd(name) } as const;
      return {
        node: { kind: "ends", field: name },
        type: [{ kind: "list", item }],
      };
    }
    if (name in COMMON_FIELDS) return undefined;
    const keyword = this.#keyword(name);
    return keyword && { node: keyword.node, type: BOOL };
  }

  /** Steps after something that is no name, such as a call. */
  #walk(
    root: Expression,
    written: readonly Written[],
    context: Context,
  ): Result {
    const of = this.#value(root, context);
    if (of.type.length === 0 || written.length === 0) return of;
    const ends = of.type.map((shape) =>
      follow({ ...anyPlace([]), shape }, written)
    );
    const places = ends.filter((end): end is Place => !isStuck(end));
    if (places.length === 0) {
      this.#stuck(ends.find(isStuck)!, written, root);
      return WRONG;
    }
    return {
      node: { kind: "walk", of: of.node, steps: places[0]!.steps },
      type: union(places.map(shapeAt)),
    };
  }

  /** Where a selector leads, by protocol; reports where it leads nowhere. */
  #placesOf(expression: Expression, context: Context): VariablePlace[] {
    const { root, steps } = pathOf(expression);
    if (root.kind !== "name") return [{ place: anyPlace([]) }];
    const { name } = root;
    const variable = context.variables.get(name);
    if (variable) {
      return this.#followed(
        variable.map(({ protocols, place }) => ({
          protocols,
          end: follow(place, steps),
        })),
        steps,
        root,
      );
    }
    if (name === "error") {
      const end = follow(
        placeOf(COMMON_FIELDS.failed, [{ kind: "name", name: "failed" }]),
        steps,
      );
      return this.#followed([{ end }], steps, root);
    }
    if (name === "request" || name === "response") {
      return this.#half(name, steps, context, root);
    }
    if (isEndList(name)) {
      this.#report(
        "type",
        expression.span,
        `\`${name}\` is the list of both ends and has no parts`,
        `write \`src.${name}\` or \`dst.${name}\``,
      );
      return [];
    }
    if (name in COMMON_FIELDS) return this.#common(name, steps, root);
    const qualifier = this.#qualifier(name, context);
    const [first, ...rest] = steps;
    if (qualifier && first?.kind === "member") {
      const head: Expression = {
        kind: "name",
        name: first.name,
        span: first.span,
      };
      if (["request", "response"].includes(first.name)) {
        this.#implied.set(name, qualifier.node);
        return this.#half(
          first.name as Half,
          rest,
          { ...context, protocols: qualifier.covers },
          head,
        );
      }
      if (first.name in COMMON_FIELDS) {
        this.#implied.set(name, qualifier.node);
        return this.#common(first.name, rest, head);
      }
    }
    this.#unknown(expression, context);
    return [];
  }

  /** A field that every entry has. */
  #common(
    name: string,
    steps: readonly Written[],
    root: Expression,
  ): VariablePlace[] {
    const field = COMMON.fields![name]!;
    const from = placeOf(field, [{ kind: "name", name }]);
    const place: Place = name === "timestamp"
      ? { ...from, form: "moment" }
      : name === "elapsedTime"
      ? { ...from, form: "elapsed", steps: [{ kind: "name", name: "elapsed" }] }
      : from;
    return this.#followed([{ end: follow(place, steps) }], steps, root);
  }

  /** A field that protocols declare. */
  #half(
    half: Half,
    steps: readonly Written[],
    context: Context,
    root: Expression,
  ): VariablePlace[] {
    const [first, ...rest] = steps;
    if (!first) {
      return [{
        place: placeOf(object({}, half), [{ kind: "name", name: half }]),
      }];
    }
    const ends: { protocols: string[]; end: Place | Stuck }[] = [];
    for (const protocol of context.protocols) {
      const fields = this.#schema.fieldsOf(protocol, half);
      const from = placeOf(object(fields, half), [{
        kind: "name",
        name: half,
      }]);
      if (first.kind === "descend") {
        ends.push({ protocols: [protocol], end: follow(from, steps) });
        continue;
      }
      const name = first.kind === "member"
        ? first.name
        : first.kind === "index"
        ? String(first.index)
        : undefined;
      const field = name !== undefined && Object.hasOwn(fields, name)
        ? fields[name]
        : undefined;
      if (name === undefined || !field) continue;
      const end = follow(
        placeOf(field, [{ kind: "name", name: half }, { kind: "name", name }]),
        rest,
      );
      ends.push({
        protocols: [protocol],
        end: isStuck(end) ? { ...end, stuckAt: end.stuckAt + 1 } : end,
      });
    }
    if (ends.length > 0) return this.#followed(ends, steps, root);
    this.#unknownField(half, steps, context, root);
    return [];
  }

  /** The places among the ends; reports the furthest mistake if there is none. */
  #followed(
    ends: readonly {
      protocols?: readonly string[] | undefined;
      end: Place | Stuck;
    }[],
    steps: readonly Written[],
    root: Expression,
  ): VariablePlace[] {
    const places: VariablePlace[] = [];
    let furthest: Stuck | undefined;
    for (const { protocols, end } of ends) {
      if (!isStuck(end)) places.push({ protocols, place: end });
      else if (!furthest || end.stuckAt > furthest.stuckAt) furthest = end;
    }
    if (places.length === 0 && furthest) this.#stuck(furthest, steps, root);
    return places;
  }

  #stuck(
    { stuckAt, message, hint }: Stuck,
    steps: readonly Written[],
    root: Expression,
  ): void {
    const step = steps[stuckAt]!;
    const name = root.kind === "name" ? root.name : "(…)";
    const text = formatPath(name, steps.slice(0, stuckAt));
    const ours = ourPath(formatPath(name, steps));
    this.#report(
      "unknown",
      { from: Math.min(root.span.from, step.span.from), to: step.span.to },
      `\`${text}\`: ${message[0]!.toLowerCase()}${message.slice(1)}`,
      ours ? `write \`${ours}\`` : hint,
    );
  }

  // Names

  /** A protocol's or transport's keyword. */
  #keyword(
    name: string,
  ): { node: Typed; covers: readonly string[] } | undefined {
    return this.#transportKeyword(name) ?? this.#protocolKeyword(name);
  }

  /** `tcp`, `udp`… test the transport, not the protocol. */
  #transportKeyword(
    name: string,
  ): { node: Typed; covers: readonly string[] } | undefined {
    if (!COMMON_FIELDS.transport.values.includes(name)) return undefined;
    const transport = name as Transport;
    return {
      node: { kind: "transport", transport },
      covers: this.#schema.protocols
        .filter(({ transports }) => transports.includes(transport))
        .map((protocol) => protocol.name),
    };
  }

  #protocolKeyword(
    name: string,
  ): { node: Typed; covers: readonly string[] } | undefined {
    const covers = this.#schema.covered(name);
    if (covers.length > 0) {
      return { node: { kind: "protocol", text: name, among: covers }, covers };
    }
    const versioned = this.#schema.protocols.find(({ versions }) =>
      versions && Object.hasOwn(versions, name)
    );
    if (!versioned) return undefined;
    const among = this.#schema.covered(versioned.name);
    const versions = versioned.versions![name]!;
    return {
      node: { kind: "protocol", text: name, among, versions },
      covers: among,
    };
  }

  /** A protocol before a path. There `tcp` is the flow that nothing dissects. */
  #qualifier(
    name: string,
    context: Context,
  ): { node: Typed; covers: readonly string[] } | undefined {
    return context.variables.has(name) || name in COMMON_FIELDS
      ? undefined
      : this.#protocolKeyword(name);
  }

  /** Reports a path whose first word means nothing. */
  #unknown(expression: Expression, context: Context): void {
    const { root, steps } = pathOf(expression);
    if (root.kind !== "name") return;
    const { name } = root;
    const ours = ourPath(formatPath(name, steps));
    if (ours) {
      return this.#report(
        "unknown",
        expression.span,
        `There is no \`${formatPath(name, steps)}\``,
        `write \`${ours}\``,
      );
    }
    const [first] = steps;
    const under = first?.kind === "member" && this.#qualifier(name, context)
      ? first.name
      : name;
    const halves = (["request", "response"] as const).filter((half) =>
      context.protocols.some((protocol) =>
        Object.hasOwn(this.#schema.fieldsOf(protocol, half), under)
      )
    );
    const meant = closest(name, this.#words());
    this.#report(
      "unknown",
      under === name ? root.span : expression.span,
      `There is no \`${under === name ? name : formatPath(name, steps)}\``,
      halves.length > 0
        ? `did you mean ${
          halves.map((half) => `\`${half}.${under}\``).join(" or ")
        }?`
        : meant && `did you mean \`${meant}\`?`,
    );
  }

  /** Every word that an expression can begin with. */
  #words(): string[] {
    return [
      ...Object.keys(COMMON_FIELDS),
      ...END_LISTS,
      "request",
      "response",
      "error",
      ...this.#schema.protocols.flatMap(keywordsOf),
    ];
  }

  /** Reports a name that no protocol at hand declares in that half. */
  #unknownField(
    half: Half,
    steps: readonly Written[],
    context: Context,
    root: Expression,
  ): void {
    const text = formatPath(half, steps);
    const span = { from: root.span.from, to: steps[0]!.span.to };
    const known = new Set(
      context.protocols.flatMap((protocol) =>
        Object.keys(this.#schema.fieldsOf(protocol, half))
      ),
    );
    const name = formatPath("", steps.slice(0, 1)).replace(/^\./, "");
    const others = this.#schema.declared(half, name).map((x) => x.protocol);
    const narrowed = context.protocols.length < this.#schema.protocols.length;
    const within = narrowed ? ` in ${this.#listed(context.protocols)}` : "";
    const ours = ourPath(text);
    const meant = closest(name, known);
    const other = half === "request" ? "response" : "request";
    const otherHalf = context.protocols.some((protocol) =>
      Object.hasOwn(this.#schema.fieldsOf(protocol, other), name)
    );
    this.#report(
      "unknown",
      span,
      `There is no \`${half}.${name}\`${within}`,
      ours
        ? `write \`${ours}\``
        : meant
        ? `did you mean \`${half}.${meant}\`?`
        : otherHalf
        ? `did you mean \`${other}.${name}\`?`
        : others.length > 0
        ? `it is a field of ${this.#listed(others)}`
        : undefined,
    );
  }

  // Free text

  #search(text: string, span: Span, context: Context): Typed {
    if (text === "") {
      this.#report("arguments", span, "An empty text is found everywhere");
      return TRUE;
    }
    if (++this.#searches > MAX_SEARCHES) {
      this.#report("limit", span, `More than ${MAX_SEARCHES} bare texts`);
      return TRUE;
    }
    const where: { [protocol: string]: Searched[string] } = {};
    for (const name of context.protocols) {
      const outline = (half: Half) =>
        outlineOf(object(this.#schema.fieldsOf(name, half), half)) ?? {};
      where[name] = {
        request: outline("request"),
        response: outline("response"),
      };
    }
    return { kind: "search", text, where };
  }

  // Reports

  #report(
    code: DiagnosticCode,
    span: Span,
    message: string,
    hint?: string,
  ): void {
    if (this.#diagnostics.length > 2 * MAX_DIAGNOSTICS) return;
    this.#diagnostics.push({
      code,
      span,
      message,
      ...(hint ? { hint } : {}),
    });
  }

  /** Works something out of which the mistakes are reported elsewhere. */
  #silently<T>(work: () => T): T {
    const reported = this.#diagnostics.length;
    const implied = new Map(this.#implied);
    const searches = this.#searches;
    const result = work();
    this.#diagnostics.length = reported;
    this.#implied = implied;
    this.#searches = searches;
    return result;
  }
}

function constant(value: Constant): Result {
  return {
    node: { kind: "constant", constant: value },
    type: typeOf(value.type),
  };
}

/** Conditions as one; what is always true needs no mention in an `and`. */
function joined(kind: "and" | "or", of: readonly Typed[]): Typed {
  const flat = of.flatMap((each) => each.kind === kind ? each.of : [each]);
  const needed = kind === "and"
    ? flat.filter((each) => asConstant(each) !== true)
    : flat;
  return needed.length === 0
    ? TRUE
    : needed.length === 1
    ? needed[0]!
    : { kind, of: needed };
}

function isCondition(shape: Shape): boolean {
  const { kind } = element(shape);
  return kind === "bool" || kind === "json" || kind === "nil";
}

function isTimed({ kind }: Shape): boolean {
  return kind === "time" || kind === "duration";
}

function isSelector(expression: Expression): boolean {
  return ["name", "member", "index", "each", "descend"]
    .includes(expression.kind);
}

function isEndList(name: string): name is EndField {
  return (END_LISTS as readonly string[]).includes(name);
}

function kindOfEnd(name: EndField): "address" | "number" | "text" {
  return name === "ip" ? "address" : name === "port" ? "number" : "text";
}

function keywordsOf(protocol: ProtocolSchema): string[] {
  return [
    protocol.name,
    ...protocol.aliases ?? [],
    ...Object.keys(protocol.versions ?? {}),
  ];
}

/** Whether an operator's parameter takes values of the shape. */
function admits(parameter: Parameter, shape: Shape): boolean {
  if (parameter === "any") {
    return ["list", "map", "object", "json", "text", "bytes", "address"]
      .includes(shape.kind);
  }
  return ["text", "bytes", "address", "json"].includes(element(shape).kind);
}

/** The shape of all that a place may give. */
function shapeAt({ many, shape }: Place): Shape {
  return many && shape.kind !== "list" ? { kind: "list", item: shape } : shape;
}

/** Shapes without those that say nothing new. */
function union(shapes: readonly Shape[]): Type {
  const seen = new Map<string, Shape>();
  for (const shape of shapes) {
    const key = `${shape.kind} ${element(shape).kind}`;
    const values = element(shape).field?.values ?? [];
    if (!seen.has(key) || values.length === 0) seen.set(key, shape);
  }
  return [...seen.values()];
}

/** One variant for all protocols that read a path alike. */
function merged(variants: readonly Variant[]): Variant[] {
  const groups = new Map<string, Variant>();
  for (const variant of variants) {
    const { protocols, ...rest } = variant;
    const key = JSON.stringify(rest);
    const before = groups.get(key);
    groups.set(
      key,
      before?.protocols && protocols
        ? { ...variant, protocols: [...before.protocols, ...protocols] }
        : variant,
    );
  }
  return [...groups.values()];
}

function counted(n: number, noun: string): string {
  return n === 0 ? `no ${noun}s` : n === 1 ? `one ${noun}` : `${n} ${noun}s`;
}
