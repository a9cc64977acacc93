/**
 * Generator: typed filter -> JavaScript that decides it for an entry.
 *
 * The code embeds only numbers and escaped texts; everything else (operators,
 * steps, patterns) comes in as constants by number. What is common and plain (a
 * text or number of a field next to a written one) is decided where it stands,
 * all else by the very functions that the interpreter uses. `laws_test.ts` holds
 * the two against each other.
 */
import type { Entry } from "../entry/entry.ts";
import { withinTest } from "./address.ts";
import { bothEnds, constantValue, quantify, satisfies } from "./interpreter.ts";
import { arithmeticOf, negate } from "./operators/arithmetic.ts";
import { comparisonOf, isMember, type Member } from "./operators/comparison.ts";
import { apply } from "./operators/operator.ts";
import { operatorOf } from "./operators/registry.ts";
import { compileGlob, compileRegex } from "./pattern.ts";
import { isFound } from "./search.ts";
import type {
  Constant,
  Container,
  EndField,
  Item,
  Select,
  Step,
  Typed,
  Variant,
} from "./typed.ts";
import { type Form, isNil, isPlain, toValue, truth } from "./value.ts";
import { walk } from "./walk.ts";

/** Decides whether a filter is true of an entry. */
export type Predicate = (entry: Entry) => boolean;

/** Compiles a filter. Where code may not be generated, it is interpreted. */
export function compilePredicate(filter: Typed): Predicate {
  const generator = new Generator();
  const condition = generator.condition(filter);
  try {
    return generator.link(condition);
  } catch (error) {
    // A page's policy forbids it (CSP without 'unsafe-eval').
    if (!(error instanceof EvalError)) throw error;
    return (entry) => satisfies(filter, entry);
  }
}

/** What generated code calls; it knows them as `R`. */
const RUNTIME = {
  apply,
  bothEnds,
  isFound,
  isMember,
  isNil,
  negate,
  own,
  quantify,
  toValue,
  truth,
  walk,
};

/** A name of a map, which comes from the peer. */
function own(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null &&
      !Array.isArray(value) && Object.hasOwn(value, key)
    ? (value as { [name: string]: unknown })[key]
    : undefined;
}

/** Forms whose stored values are texts, or something that no text equals. */
const TEXTUAL: readonly Form[] = ["text", "address", "bytes"];

/** Most items that are compared one by one. */
const FEW = 8;

/** JavaScript's operators for ours. */
const SIGNS = {
  "==": "===",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
} as const;

const MIRRORED = {
  "==": "==",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
} as const;

type Sign = keyof typeof SIGNS;

class Generator {
  readonly #constants: unknown[] = [];
  /** Functions that read a path, by what they read. */
  readonly #readers = new Map<string, { name: string; code: string }>();
  readonly #variables: string[] = [];

  /** Makes the function whose body returns the condition. */
  link(condition: string): Predicate {
    const readers = [...this.#readers.values()].map(({ code }) => code);
    const body = [
      '"use strict";',
      ...readers,
      `return (e) => { let t; return ${condition}; };`,
    ].join("\n");
    return new Function("R", "K", body)(RUNTIME, this.#constants);
  }

  /** An expression that is a boolean. */
  condition(node: Typed): string {
    switch (node.kind) {
      case "constant":
        return String(
          node.constant.type === "bool" && node.constant.value,
        );
      case "protocol": {
        const protocol = equalsAny("e.protocol", node.among);
        return node.versions
          ? `(${protocol} && ${equalsAny("e.version", node.versions)})`
          : protocol;
      }
      case "transport":
        return `e.transport === ${quoted(node.transport)}`;
      case "and":
      case "or":
        return this.#joined(node.of, node.kind === "and" ? " && " : " || ");
      case "not":
        return `!(${this.condition(node.of)})`;
      case "compare":
        return this.#compared(node.left, node.operator, node.right);
      case "in":
        return this.#contained(node.left, node.right);
      case "call":
        return this.#called(node);
      case "exists":
        return `!R.isNil(${this.#value(node.of)})`;
      case "search":
        return `R.isFound(${quoted(node.text)}, ${
          this.#constant(node.where)
        }, e)`;
      case "select":
        if (isScalar(node, (form) => form === "bool")) {
          return `${this.#stored(node)} === true`;
        }
        return `R.truth(${this.#value(node)})`;
      default:
        return `R.truth(${this.#value(node)})`;
    }
  }

  /** Cheap conditions come first: the order does not change the result. */
  #joined(of: readonly Typed[], sign: string): string {
    const conditions = of.toSorted((a, b) => cost(a) - cost(b))
      .map((each) => this.condition(each));
    return `(${conditions.join(sign)})`;
  }

  #compared(left: Typed, operator: Sign, right: Typed): string {
    if (right.kind === "constant") {
      const plain = this.#plainly(left, operator, right.constant);
      if (plain) return plain;
    } else if (left.kind === "constant") {
      const plain = this.#plainly(right, MIRRORED[operator], left.constant);
      if (plain) return plain;
    }
    const { evaluate } = comparisonOf(operator);
    return `${this.#constant(evaluate)}(${this.#value(left)}, ${
      this.#value(right)
    })`;
  }

  /** A comparison with a constant that JavaScript's own operator decides. */
  #plainly(
    node: Typed,
    operator: Sign,
    constant: Constant,
  ): string | undefined {
    const sign = SIGNS[operator];
    if (node.kind === "ends") {
      const written = node.field === "port"
        ? numberOf(constant)
        : operator === "=="
        ? textOf(constant)
        : undefined;
      return written &&
        anyEnd(node.field, (value) => `${value} ${sign} ${written}`);
    }
    if (node.kind !== "select") return undefined;
    if (operator === "==" && isScalar(node, (f) => TEXTUAL.includes(f))) {
      const text = textOf(constant);
      return text && `${this.#stored(node)} === ${text}`;
    }
    const form = formOf(node);
    const limit = form === "number"
      ? numberOf(constant)
      : form === "moment" && constant.type === "time" ||
          form === "elapsed" && constant.type === "duration"
      ? numeral(constant.value)
      : undefined;
    if (!limit) return undefined;
    const general = this.#constant(comparisonOf(operator).evaluate);
    const value = this.#constant(constantValue(constant));
    return `(typeof (t = ${this.#stored(node)}) === "number" ` +
      `? t ${sign} ${limit} ` +
      `: ${general}(R.toValue(t, ${quoted(form!)}), ${value}))`;
  }

  #contained(left: Typed, right: Container): string {
    if (right.kind === "value") {
      const { evaluate } = comparisonOf("in");
      return `${this.#constant(evaluate)}(${this.#value(left)}, ${
        this.#value(right.of)
      })`;
    }
    const plain = this.#amongPlainly(left, right.items);
    if (plain) return plain;
    const items = right.items.map((item) => this.#member(item));
    return `R.isMember(${this.#value(left)}, [${items.join(", ")}])`;
  }

  /** Membership that comes down to comparisons with constants. */
  #amongPlainly(left: Typed, items: readonly Item[]): string | undefined {
    if (items.length > FEW) {
      const looked = this.#lookedUp(left, items);
      if (looked) return looked;
    }
    const tests: string[] = [];
    for (const item of items) {
      const test = item.kind === "network"
        ? this.#withinPlainly(left, item)
        : item.kind === "value" && item.of.kind === "constant"
        ? this.#plainly(left, "==", item.of.constant)
        : item.kind === "range"
        ? this.#rangePlainly(left, item)
        : undefined;
      if (!test) return undefined;
      tests.push(test);
    }
    return tests.length > 0 ? `(${tests.join(" || ")})` : "false";
  }

  /** Many texts, or many numbers, looked up in a set. */
  #lookedUp(left: Typed, items: readonly Item[]): string | undefined {
    const values = items.map((item) =>
      item.kind === "value" && item.of.kind === "constant"
        ? constantValue(item.of.constant)
        : undefined
    );
    const isNumber = left.kind === "ends"
      ? left.field === "port"
      : left.kind === "select" && formOf(left) === "number";
    const isText = left.kind === "ends"
      ? left.field !== "port"
      : left.kind === "select" &&
        isScalar(left, (form) => TEXTUAL.includes(form));
    const fits = values.every((value) =>
      isNumber ? typeof value === "number" : isText && typeof value === "string"
    );
    if (!fits) return undefined;
    const set = this.#constant(new Set(values));
    return left.kind === "ends"
      ? anyEnd(left.field, (value) => `${set}.has(${value})`)
      : `${set}.has(${this.#stored(left as Select)})`;
  }

  #withinPlainly(
    left: Typed,
    network: { readonly value: string; readonly bits: number },
  ): string | undefined {
    const test = () => this.#constant(memoized(withinTest(network)));
    if (left.kind === "ends" && left.field === "ip") {
      const within = test();
      return anyEnd("ip", (value) => `${within}(${value})`);
    }
    return left.kind === "select" && isScalar(left, (f) => f === "address")
      ? `(typeof (t = ${this.#stored(left)}) === "string" && ${test()}(t))`
      : undefined;
  }

  #rangePlainly(
    left: Typed,
    { low, high }: Item & { kind: "range" },
  ): string | undefined {
    // Both ends of one element: of a list it would be any for each.
    if (left.kind === "ends") {
      const [least, most] = [numberOf(low), numberOf(high)];
      if (left.field !== "port" || !least || !most) return undefined;
      const within = (port: string) =>
        `${port} >= ${least} && ${port} <= ${most}`;
      return `(${within("e.src.port")} || ${within("e.dst.port")})`;
    }
    if (left.kind !== "select" || !formOf(left)) return undefined;
    const from = this.#plainly(left, ">=", low);
    const to = this.#plainly(left, "<=", high);
    return from && to && `(${from} && ${to})`;
  }

  #member(item: Item): string {
    switch (item.kind) {
      case "value":
        return `{ kind: "value", value: ${this.#value(item.of)} }`;
      case "range":
        return this.#constant(
          {
            kind: "range",
            low: constantValue(item.low),
            high: constantValue(item.high),
          } satisfies Member,
        );
      case "network":
        return this.#constant(item);
    }
  }

  /** An operator that gives a boolean: on a text as such, else in general. */
  #called(node: Typed & { kind: "call" }): string {
    const general = `R.truth(${this.#value(node)})`;
    const [arg] = node.args;
    if (arg?.kind !== "constant" || arg.constant.type !== "text") {
      return general;
    }
    const { value } = arg.constant;
    const test = this.#textTest(node.name, value);
    if (!test || node.on.kind !== "select") return general;
    const { on } = node;
    if (!on.variants.every(({ form }) => TEXTUAL.includes(form))) {
      return general;
    }
    const operator = this.#constant(operatorOf(node.name));
    return `(typeof (t = ${this.#value(on)}) === "string" ? ${test} ` +
      `: R.truth(R.apply(${operator}, t, [${quoted(value)}])))`;
  }

  /** What an operator comes down to when `t` is a text. */
  #textTest(name: string, text: string): string | undefined {
    switch (name) {
      case "contains":
        return `t.includes(${quoted(text)})`;
      case "startsWith":
      case "endsWith":
        return `t.${name}(${quoted(text)})`;
      case "matches":
        return `${this.#constant(compileRegex(text))}(t)`;
      case "like":
        return `${this.#constant(compileGlob(text))}(t)`;
      default:
        return undefined;
    }
  }

  /** An expression that is a `Value`. */
  #value(node: Typed): string {
    switch (node.kind) {
      case "constant":
        return this.#literal(node.constant);
      case "select":
        return this.#read(node, true);
      case "ends":
        return `R.bothEnds(${quoted(node.field)}, e)`;
      case "arithmetic": {
        const { evaluate } = arithmeticOf(node.operator);
        return `${this.#constant(evaluate)}(${this.#value(node.left)}, ${
          this.#value(node.right)
        })`;
      }
      case "negative":
        return `R.negate(${this.#value(node.of)})`;
      case "call": {
        const args = node.args.map((arg) => this.#value(arg)).join(", ");
        return `R.apply(${this.#constant(operatorOf(node.name))}, ${
          this.#value(node.on)
        }, [${args}])`;
      }
      case "walk":
        return `R.toValue(R.walk(${this.#value(node.of)}, ${
          this.#constant(node.steps)
        }), "json")`;
      case "list":
        return `[${node.items.map((item) => this.#value(item)).join(", ")}]`;
      case "quantifier": {
        const over = this.#value(node.over);
        const variable = `v${this.#variables.push(node.variable) - 1}`;
        const body = this.condition(node.body);
        this.#variables.pop();
        return `R.quantify(${over}, ${node.every}, (${variable}) => ${body})`;
      }
      default:
        return this.condition(node);
    }
  }

  #literal(constant: Constant): string {
    if (constant.type === "nil") return "undefined";
    return textOf(constant) ?? numberOf(constant) ??
      this.#constant(constantValue(constant));
  }

  /** A path's value as it is stored, without being made a `Value`. */
  #stored(select: Select): string {
    return this.#read(select, false);
  }

  /** A call of the function that reads a path. */
  #read(select: Select, asValue: boolean): string {
    const { variable, variants } = select;
    const key = JSON.stringify([variable !== undefined, variants, asValue]);
    let reader = this.#readers.get(key);
    if (!reader) {
      const name = `r${this.#readers.size}`;
      const base = variable === undefined ? "e" : "v";
      const cases = variants.map((variant) =>
        this.#case(variant, base, asValue)
      );
      const code = `function ${name}(e, v) {\n${
        cases.join("\n")
      }\nreturn undefined;\n}`;
      reader = { name, code };
      this.#readers.set(key, reader);
    }
    const place = variable === undefined
      ? ""
      : `, v${this.#variables.lastIndexOf(variable)}`;
    return `${reader.name}(e${place})`;
  }

  #case(variant: Variant, base: string, asValue: boolean): string {
    const { protocols, steps, form } = variant;
    const stored = this.#steps(base, steps);
    const value = asValue && !isPlain(form)
      ? `R.toValue(${stored}, ${quoted(form)})`
      : stored;
    if (!protocols) return `return ${value};`;
    const labels = protocols.map((name) => `case ${quoted(name)}:`).join(" ");
    return `switch (e.protocol) { ${labels} return ${value}; }`;
  }

  /** A chain of steps; declared names are read where they stand. */
  #steps(base: string, steps: readonly Step[]): string {
    let code = base;
    for (const [i, step] of steps.entries()) {
      if (step.kind === "name") {
        const { name } = step;
        const plain = /^[A-Za-z_]\w*$/.test(name);
        const dot = i === 0 && base === "e" ? "" : "?.";
        code += plain ? `${dot || "."}${name}` : `${dot}[${quoted(name)}]`;
      } else if (step.kind === "key" && !step.ignoresCase) {
        code = `R.own(${code}, ${quoted(step.key)})`;
      } else {
        const rest = steps.slice(i);
        return `R.walk(${code}, ${this.#constant(rest)})`;
      }
    }
    return code;
  }

  #constant(value: unknown): string {
    const known = this.#constants.indexOf(value);
    return `K[${known >= 0 ? known : this.#constants.push(value) - 1}]`;
  }
}

/** Whether a path gives at most one value, always of an admitted form. */
function isScalar(
  { variants }: Select,
  admits: (form: Form) => boolean,
): boolean {
  return variants.every(({ many, form }) => !many && admits(form));
}

/** The one form of a path that gives at most one value. */
function formOf(select: Select): Form | undefined {
  const form = select.variants[0]?.form;
  return isScalar(select, (each) => each === form) ? form : undefined;
}

/** A text as JavaScript. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function textOf(constant: Constant): string | undefined {
  return constant.type === "text" || constant.type === "address"
    ? quoted(constant.value)
    : undefined;
}

function numberOf(constant: Constant): string | undefined {
  return constant.type === "number" && typeof constant.value === "number"
    ? numeral(constant.value)
    : undefined;
}

/** A number as JavaScript; none is infinite or NaN. */
function numeral(value: number): string {
  return value < 0 ? `(${value})` : String(value);
}

function equalsAny(code: string, texts: readonly string[]): string {
  return `(${texts.map((text) => `${code} === ${quoted(text)}`).join(" || ")})`;
}

/** Addresses that are kept with their answer. */
const MAX_ANSWERS = 4096;

/** Few addresses make up most entries, and taking one apart is slow. */
function memoized(
  test: (address: string) => boolean,
): (address: string | undefined) => boolean {
  const answers = new Map<string, boolean>();
  return (address) => {
    if (address === undefined) return false;
    let answer = answers.get(address);
    if (answer === undefined) {
      answer = test(address);
      if (answers.size >= MAX_ANSWERS) answers.clear();
      answers.set(address, answer);
    }
    return answer;
  };
}

/** A test of what either end has of a field. As `R.bothEnds` lists it. */
function anyEnd(field: EndField, test: (value: string) => string): string {
  const names = field === "ip" ? [field, "serviceIp"] : [field];
  const values = names.flatMap((name) => [`e.src.${name}`, `e.dst.${name}`]);
  return `(${values.map(test).join(" || ")})`;
}

/** About how long a condition takes, in comparisons of a number. */
function cost(node: Typed): number {
  switch (node.kind) {
    case "constant":
    case "transport":
    case "protocol":
      return 0;
    case "select":
      return node.variants.some(({ many }) => many) ? 5 : 1;
    case "ends":
      return 2;
    case "and":
    case "or":
      return sum(node.of.map(cost));
    case "list":
      return sum(node.items.map(cost));
    case "not":
    case "negative":
    case "exists":
      return cost(node.of);
    case "walk":
      return 10 + cost(node.of);
    case "compare":
    case "arithmetic":
      return cost(node.left) + cost(node.right);
    case "in":
      return 2 * cost(node.left) +
        (node.right.kind === "value"
          ? cost(node.right.of)
          : node.right.items.length);
    case "call":
      return (EXPENSIVE[node.name] ?? 10) + cost(node.on);
    case "quantifier":
      return 20 + cost(node.over) + 5 * cost(node.body);
    case "search":
      return 1000;
  }
}

const EXPENSIVE: { readonly [operator: string]: number } = {
  matches: 50,
  like: 50,
  json: 500,
  xml: 1000,
  base64: 100,
  protobuf: 500,
};

function sum(costs: readonly number[]): number {
  return costs.reduce((a, b) => a + b, 0);
}
