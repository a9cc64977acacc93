/** Functions, operators with names, and conditions on the elements of lists. */
import type { Expression } from "../ast.ts";
import { closest } from "../diagnostic.ts";
import { fold } from "../fold.ts";
import type { Parameter } from "../operators/operator.ts";
import { constructorOf, operatorOf, OPERATORS } from "../operators/registry.ts";
import { anyPlace, placeOf } from "./paths.ts";
import {
  type Checking,
  constant,
  type Context,
  counted,
  type Result,
  type VariablePlace,
  WRONG,
} from "./scope.ts";
import { placesOf } from "./selector.ts";
import { ourFunction, ourWord } from "./spellings.ts";
import { BOOL, describe, element, type Shape } from "./types.ts";
import { isPattern, writtenArguments } from "./written.ts";

/** `name(…)` with nothing before it. */
export function callFunction(
  check: Checking,
  call: Expression & { kind: "call" },
  context: Context,
): Result {
  const { name, nameSpan, span, args } = call;
  if (name === "limit" || name === "redact") {
    check.report(
      "place",
      span,
      `\`${name}\` says something of the whole query`,
      `join it with \`and\` to all the rest: \`(…) and ${name}(…)\``,
    );
    return WRONG;
  }
  if (name === "exists") return exists(check, call, context);
  const constructor = constructorOf(name);
  if (constructor) {
    const kinds = constructor.parameters.map(([, kind]) => kind);
    const values = writtenArguments(check, call, context, kinds);
    if (!values) return WRONG;
    const us = constructor.evaluate(check.now, ...values);
    if (us === undefined || !Number.isFinite(us)) {
      check.report(
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
  check.report(
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
function exists(
  check: Checking,
  call: Expression & { kind: "call" },
  context: Context,
): Result {
  const [arg] = call.args;
  if (call.args.length !== 1 || !arg) {
    check.report(
      "arguments",
      call.span,
      "`exists` takes one path",
      "on a list it takes a variable and a condition: `list.exists(x, x == 1)`",
    );
    return WRONG;
  }
  const of = check.value(arg, context);
  if (of.type.length === 0) return WRONG;
  if (of.node.kind === "constant") {
    check.report("arguments", arg.span, "`exists` takes a path");
    return WRONG;
  }
  return { node: { kind: "exists", of: of.node }, type: BOOL };
}

/** `on.name(…)` or `on name arg`. */
export function callOperator(
  check: Checking,
  call: Expression & { kind: "call" },
  on: Expression,
  context: Context,
): Result {
  const { name, nameSpan, args } = call;
  if (["exists", "any", "all"].includes(name)) {
    return quantifier(check, call, on, context);
  }
  const operator = operatorOf(name);
  if (!operator) {
    check.value(on, context);
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
    check.report(
      "unknown",
      nameSpan,
      `There is no operator \`${name}\``,
      word
        ? `write \`${word}\``
        : meant
        ? `did you mean \`${meant}\`?`
        : isInfix(call)
        ? "join conditions with `and` or `or`"
        : undefined,
    );
    return WRONG;
  }
  const receiver = check.value(on, context);
  const expected = operator.takes.length - 1;
  if (args.length !== expected) {
    check.report(
      "arguments",
      call.span,
      `\`${name}\` takes ${counted(expected, "argument")}`,
    );
    return WRONG;
  }
  const given = args.map((arg, i) =>
    argument(check, arg, operator.takes[i + 1]!, name, context)
  );
  if (receiver.type.length === 0) return WRONG;
  const fitting = receiver.type.filter((shape) =>
    admits(operator.takes[0]!, shape)
  );
  if (fitting.length === 0) {
    check.report(
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

function argument(
  check: Checking,
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
        check.report(
          "arguments",
          arg.span,
          `\`${name}\` takes a text that is written out`,
        );
      }
      return undefined;
    }
    return isPattern(check, text, parameter, arg.span)
      ? constant({ type: "text", value: text })
      : undefined;
  }
  const result = check.value(arg, context);
  if (result.type.length === 0) return undefined;
  if (result.type.some((shape) => admits(parameter, shape))) return result;
  check.report(
    "type",
    arg.span,
    `\`${name}\` takes a text, and this is ${describe(result.type)}`,
    result.type.some(({ kind }) => kind === "number")
      ? "put it in quotes"
      : undefined,
  );
  return undefined;
}

/** `list.exists(x, condition)`, the same as `any`, or `all`. */
function quantifier(
  check: Checking,
  call: Expression & { kind: "call" },
  on: Expression,
  context: Context,
): Result {
  const [named, body] = call.args;
  if (call.args.length !== 2 || named?.kind !== "name" || !body) {
    check.report(
      "arguments",
      call.span,
      `\`${call.name}\` takes a variable and a condition`,
      `such as \`${call.name}(x, x == "a")\``,
    );
    return WRONG;
  }
  const { name } = named;
  if (context.variables.has(name)) {
    check.report(
      "arguments",
      named.span,
      `There is a variable \`${name}\` already`,
    );
    return WRONG;
  }
  const over = check.value(on, context);
  if (over.type.length === 0) return WRONG;
  if (!over.type.some(({ kind }) => kind === "list" || kind === "json")) {
    check.report(
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
    .set(name, elementsOf(check, over, on, context));
  return {
    node: {
      kind: "quantifier",
      every: call.name === "all",
      over: over.node,
      variable: name,
      body: check.condition(body, { ...context, variables }),
    },
    type: BOOL,
  };
}

/** What an element of a list is. */
export function elementsOf(
  check: Checking,
  over: Result,
  on: Expression,
  context: Context,
): readonly VariablePlace[] {
  if (over.node.kind !== "select") {
    const shapes = over.type.map(element);
    const place = anyPlace([]);
    return [{ place: { ...place, shape: shapes[0] ?? place.shape } }];
  }
  return check.silently(() => placesOf(check, on, context)).map(
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

/** Whether an operator stands between its values. */
function isInfix({ span, args }: Expression & { kind: "call" }): boolean {
  return args.at(-1)?.span.to === span.to;
}

/** Whether an operator's parameter takes values of the shape. */
export function admits(parameter: Parameter, shape: Shape): boolean {
  if (parameter === "any") {
    return ["list", "map", "object", "json", "text", "bytes", "address"]
      .includes(shape.kind);
  }
  return ["text", "bytes", "address", "json"].includes(element(shape).kind);
}
