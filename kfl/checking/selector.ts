/** Selectors: paths from a field, a protocol or a variable. */
import { object } from "../../entry/field.ts";
import { COMMON_FIELDS, type Half } from "../../entry/schema.ts";
import type { Expression } from "../ast.ts";
import { closest } from "../diagnostic.ts";
import type { EndField, Typed, Variant } from "../typed.ts";
import {
  anyPlace,
  follow,
  formatPath,
  isStuck,
  pathOf,
  type Place,
  placeOf,
  readsBody,
  type Stuck,
  type Written,
} from "./paths.ts";
import {
  type Checking,
  type Context,
  type Result,
  type VariablePlace,
  WRONG,
} from "./scope.ts";
import { ourPath } from "./spellings.ts";
import { BOOL, element, type Shape, type Type } from "./types.ts";
import { isCommon, isEndList, type Keyword } from "./vocabulary.ts";

const COMMON = object(COMMON_FIELDS, "An entry");

/** A selector: a field, a protocol or a variable, and steps from it. */
export function select(
  check: Checking,
  expression: Expression,
  context: Context,
): Result {
  const { root, steps } = pathOf(expression);
  if (root.kind !== "name") return walkOn(check, root, steps, context);
  if (steps.length === 0) {
    const bare = bareWord(check, root.name, context) ??
      nodeByName(check, expression, context);
    if (bare) return bare;
  }
  const places = placesOf(check, expression, context);
  if (places.length === 0) return WRONG;
  const variable = context.variables.has(root.name) ? root.name : undefined;
  const qualified = variable === undefined &&
    qualifier(check, root.name, context) !== undefined && steps.length > 0;
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
function bareWord(
  check: Checking,
  name: string,
  context: Context,
): Result | undefined {
  if (context.variables.has(name)) return undefined;
  if (isEndList(name)) {
    const item = { kind: kindOfEnd(name) } as const;
    return {
      node: { kind: "ends", field: name },
      type: [{ kind: "list", item }],
    };
  }
  if (isCommon(name)) return undefined;
  const keyword = check.vocabulary.keyword(name);
  return keyword && { node: keyword.node, type: BOOL };
}

/** `node` by itself is the node's name. */
function nodeByName(
  check: Checking,
  expression: Expression,
  context: Context,
): Result | undefined {
  const isNode = expression.kind === "name" && expression.name === "node" &&
    !context.variables.has("node");
  if (!isNode) return undefined;
  const { span } = expression;
  const path = { kind: "member", of: expression, name: "name" } as const;
  return select(check, { ...path, nameSpan: span, span }, context);
}

/** Steps after something that is no name, such as a call. */
function walkOn(
  check: Checking,
  root: Expression,
  written: readonly Written[],
  context: Context,
): Result {
  const of = check.value(root, context);
  if (of.type.length === 0 || written.length === 0) return of;
  if (of.node.kind === "constant" && written[0]!.kind === "descend") {
    check.report(
      "type",
      written[0]!.span,
      "The ends of a range are literals",
      "compare with `>=` and `<=`",
    );
    return WRONG;
  }
  const ends = of.type.map((shape) =>
    follow({ ...anyPlace([]), shape }, written)
  );
  const places = ends.filter((end): end is Place => !isStuck(end));
  if (places.length === 0) {
    reportStuck(check, ends.find(isStuck)!, written, root);
    return WRONG;
  }
  return {
    node: { kind: "walk", of: of.node, steps: places[0]!.steps },
    type: union(places.map(shapeAt)),
  };
}

/** Where a selector leads, by protocol; reports where it leads nowhere. */
export function placesOf(
  check: Checking,
  expression: Expression,
  context: Context,
): VariablePlace[] {
  const { root, steps } = pathOf(expression);
  if (root.kind !== "name") return [{ place: anyPlace([]) }];
  const { name } = root;
  const variable = context.variables.get(name);
  if (variable) {
    return followed(
      check,
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
    return followed(check, [{ end }], steps, root);
  }
  if (name === "request" || name === "response") {
    return declaredField(check, name, steps, context, root);
  }
  if (isEndList(name)) {
    check.report(
      "type",
      expression.span,
      `\`${name}\` is the list of both ends and has no parts`,
      `write \`src.${name}\` or \`dst.${name}\``,
    );
    return [];
  }
  if (isCommon(name)) return commonField(check, name, steps, root);
  const qualified = qualifiedPlaces(check, name, steps, context);
  if (!qualified) reportUnknown(check, expression, context);
  return qualified ?? [];
}

/** `http.request.path`: a path that also names a protocol. */
function qualifiedPlaces(
  check: Checking,
  name: string,
  [first, ...rest]: readonly Written[],
  context: Context,
): VariablePlace[] | undefined {
  const keyword = qualifier(check, name, context);
  if (!keyword || first?.kind !== "member") return undefined;
  const root: Expression = {
    kind: "name",
    name: first.name,
    span: first.span,
  };
  // Alone, `tcp` would be the transport.
  const test = check.vocabulary.transport(name)
    ? isCalled(check, name, context)
    : keyword.node;
  if (first.name === "request" || first.name === "response") {
    check.imply(name, test);
    const left = context.protocols.filter((each) =>
      keyword.covers.includes(each)
    );
    const protocols = left.length > 0 ? left : keyword.covers;
    const within = { ...context, protocols };
    return declaredField(check, first.name, rest, within, root);
  }
  if (!isCommon(first.name)) return undefined;
  check.imply(name, test);
  return commonField(check, first.name, rest, root);
}

/** `protocol == "name"` */
function isCalled(check: Checking, name: string, context: Context): Typed {
  const span = { from: 0, to: 0 };
  const { node } = check.value({
    kind: "compare",
    operator: "==",
    left: { kind: "name", name: "protocol", span },
    right: { kind: "text", value: name, span },
    span,
  }, context);
  return node;
}

/** A field that every entry has. */
function commonField(
  check: Checking,
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
  return followed(check, [{ end: follow(place, steps) }], steps, root);
}

/** A field that protocols declare. */
function declaredField(
  check: Checking,
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
    const fields = check.vocabulary.fieldsOf(protocol, half);
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
  if (ends.length > 0) return followed(check, ends, steps, root);
  reportField(check, half, steps, context, root);
  return [];
}

/** The places among the ends; reports the furthest mistake if there is none. */
function followed(
  check: Checking,
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
  if (places.length === 0 && furthest) {
    reportStuck(check, furthest, steps, root);
  }
  return places;
}

function reportStuck(
  check: Checking,
  { stuckAt, message, hint }: Stuck,
  steps: readonly Written[],
  root: Expression,
): void {
  const step = steps[stuckAt]!;
  const name = root.kind === "name"
    ? root.name
    : root.kind === "call"
    ? `${root.name}()`
    : "it";
  const text = formatPath(name, steps.slice(0, stuckAt));
  const ours = ourPath(formatPath(name, steps));
  check.report(
    "unknown",
    { from: Math.min(root.span.from, step.span.from), to: step.span.to },
    `\`${text}\`: ${message[0]!.toLowerCase()}${message.slice(1)}`,
    ours ? `write \`${ours}\`` : hint,
  );
}

/** Reports a path whose first word means nothing. */
function reportUnknown(
  check: Checking,
  expression: Expression,
  context: Context,
): void {
  const { root, steps } = pathOf(expression);
  if (root.kind !== "name") return;
  const { name } = root;
  const ours = ourPath(formatPath(name, steps));
  if (ours) {
    return check.report(
      "unknown",
      expression.span,
      `There is no \`${formatPath(name, steps)}\``,
      `write \`${ours}\``,
    );
  }
  const keyword = qualifier(check, name, context);
  const [first] = steps;
  // After a protocol's name it is its field that was meant: `redis.key`.
  const [word, protocols, span] = keyword && first?.kind === "member"
    ? [first.name, keyword.covers, expression.span] as const
    : [name, context.protocols, root.span] as const;
  const halves = (["request", "response"] as const).filter((half) =>
    check.vocabulary.declares(protocols, half, word)
  );
  const meant = keyword ? undefined : closest(name, check.vocabulary.words());
  check.report(
    "unknown",
    span,
    `There is no \`${keyword ? formatPath(name, steps) : name}\``,
    halves.length > 0
      ? `did you mean ${
        halves.map((half) => `\`${half}.${word}\``).join(" or ")
      }?`
      : meant && `did you mean \`${meant}\`?`,
  );
}

/** Reports a name that no protocol at hand declares in that half. */
function reportField(
  check: Checking,
  half: Half,
  steps: readonly Written[],
  context: Context,
  root: Expression,
): void {
  const text = formatPath(half, steps);
  const span = { from: root.span.from, to: steps[0]!.span.to };
  const known = new Set(
    context.protocols.flatMap((protocol) =>
      Object.keys(check.vocabulary.fieldsOf(protocol, half))
    ),
  );
  const name = formatPath("", steps.slice(0, 1)).replace(/^\./, "");
  const others = check.vocabulary.declaring(half, name);
  const narrowed = context.protocols.length < check.vocabulary.protocols.length;
  const within = narrowed
    ? ` in ${check.vocabulary.listed(context.protocols)}`
    : "";
  const ours = ourPath(text);
  const meant = closest(name, known);
  const other = half === "request" ? "response" : "request";
  const otherHalf = check.vocabulary.declares(context.protocols, other, name);
  check.report(
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
      ? `it is a field of ${check.vocabulary.listed(others)}`
      : undefined,
  );
}

/** A protocol before a path. There `tcp` is the flow that nothing dissects. */
export function qualifier(
  check: Checking,
  name: string,
  context: Context,
): Keyword | undefined {
  return context.variables.has(name) || isCommon(name)
    ? undefined
    : check.vocabulary.protocol(name);
}

function kindOfEnd(name: EndField): "address" | "number" | "text" {
  return name === "ip" ? "address" : name === "port" ? "number" : "text";
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
