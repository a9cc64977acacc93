/**
 * Paths: the steps of a selector, followed through declared fields.
 *
 * For each protocol that may speak, a path either leads to a value of some
 * shape or is stuck at one of its steps, which a message can name.
 */
import type { Field, FieldMap } from "../../entry/field.ts";
import type { Expression } from "../ast.ts";
import { closest, type Span } from "../diagnostic.ts";
import { describe, type Shape, shapeOf } from "./types.ts";
import { operatorOf } from "../operators/registry.ts";
import type { LiteralRule, Outline, Step } from "../typed.ts";
import type { Form } from "../value.ts";

/** A step as it is written. */
export type Written =
  & (
    | { readonly kind: "member"; readonly name: string }
    | { readonly kind: "index"; readonly index: number | string }
    | { readonly kind: "each" }
    | { readonly kind: "descend"; readonly name: string }
  )
  & { readonly span: Span };

/** A selector taken apart: what it starts from, and its steps. */
export interface Path {
  readonly root: Expression;
  readonly steps: readonly Written[];
}

/** Takes a selector apart. */
export function pathOf(expression: Expression): Path {
  const steps: Written[] = [];
  let root = expression;
  while (true) {
    const { span } = root;
    switch (root.kind) {
      case "member":
        steps.unshift({ kind: "member", name: root.name, span: root.nameSpan });
        break;
      case "descend":
        steps.unshift({
          kind: "descend",
          name: root.name,
          span: root.nameSpan,
        });
        break;
      case "index":
        steps.unshift({ kind: "index", index: root.index, span });
        break;
      case "each":
        steps.unshift({ kind: "each", span });
        break;
      default:
        return { root, steps };
    }
    root = root.of;
  }
}

/** A path as it is written, in its plainest form. */
export function formatPath(root: string, steps: readonly Written[]): string {
  return root + steps.map((step) => {
    switch (step.kind) {
      case "member":
        return `.${step.name}`;
      case "descend":
        return `..${step.name}`;
      case "each":
        return "[*]";
      case "index":
        return `[${JSON.stringify(step.index)}]`;
    }
  }).join("");
}

/** Where a path leads. */
export interface Place {
  readonly steps: readonly Step[];
  /** Of one value; `many` says that there may be several. */
  readonly shape: Shape;
  readonly form: Form;
  readonly many: boolean;
  /** What declares the value; absent inside of maps and JSON. */
  readonly field?: Field | undefined;
  readonly literal?: LiteralRule | undefined;
  /** Whether one of its names is that of bodies. */
  readonly inBody: boolean;
}

/** Where and why a path leads nowhere. */
export interface Stuck {
  /** The step that cannot be taken. */
  readonly stuckAt: number;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Whether the path leads nowhere. */
export function isStuck(end: Place | Stuck): end is Stuck {
  return "stuckAt" in end;
}

/** The name under which bodies are declared (FIELDS §1). */
const BODY = "body";

/** A declared field before any further step. */
export function placeOf(field: Field, steps: readonly Step[]): Place {
  return {
    steps,
    shape: shapeOf(field),
    form: formOf(field),
    many: false,
    field,
    literal: literalOf(field),
    inBody: steps.some((step) => step.kind === "name" && step.name === BODY),
  };
}

/** Any value at all, as inside of JSON. */
export function anyPlace(steps: readonly Step[]): Place {
  return {
    steps,
    shape: { kind: "json" },
    form: "json",
    many: false,
    inBody: false,
  };
}

/** Whether the value is a body, a part of one, or holds one. */
export function readsBody(place: Place): boolean {
  return place.inBody || place.field !== undefined && holds(place.field, BODY);
}

/** Follows the steps from a place. */
export function follow(from: Place, steps: readonly Written[]): Place | Stuck {
  let place = from;
  for (const [at, step] of steps.entries()) {
    const next = take(place, step);
    if ("message" in next) return { ...next, stuckAt: at };
    place = next;
  }
  return place;
}

type Refusal = Omit<Stuck, "stuckAt">;

/** Takes one step. */
function take(place: Place, step: Written): Place | Refusal {
  switch (step.kind) {
    case "member":
      return toName(place, step.name);
    case "index":
      return typeof step.index === "string"
        ? toName(place, step.index)
        : toElement(place, step.index);
    case "each":
      return toAll(place);
    case "descend":
      return toDepth(place, step.name);
  }
}

/** A name of a group of fields, of a map or of a JSON object. */
function toName(place: Place, name: string): Place | Refusal {
  const { shape, field } = place;
  switch (shape.kind) {
    case "json":
      return below(place, { kind: "key", key: name });
    case "map":
      return entryOf(place, {
        kind: "key",
        key: name,
        ...(field?.ignoresCase ? { ignoresCase: true } : {}),
      });
    case "object": {
      const fields = field?.fields ?? {};
      const found = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (found) return declared(place, found, { kind: "name", name });
      const meant = closest(name, Object.keys(fields));
      return {
        message: `There is no \`${name}\` in it`,
        hint: meant && `did you mean \`${meant}\`?`,
      };
    }
    case "list":
      return {
        message: `A list has no \`${name}\``,
        hint:
          `take all of its elements, \`[*].${name}\`, or one, \`[0].${name}\``,
      };
    default:
      return {
        message: `It is ${describe([shape])} and has no \`${name}\``,
        hint: operatorOf(name) && `write \`.${name}()\``,
      };
  }
}

/** An element of a list. */
function toElement(place: Place, index: number): Place | Refusal {
  const { shape, field } = place;
  const step: Step = { kind: "at", index };
  if (shape.kind === "list") {
    return field?.item ? declared(place, field.item, step) : below(place, step);
  }
  // A name of a map may have one text or several.
  if (shape.kind === "json" || place.many) return below(place, step);
  return { message: `It is ${describe([shape])} and has no elements` };
}

/** All elements of a list, or all values of a map. */
function toAll(place: Place): Place | Refusal {
  const { shape, field } = place;
  const step: Step = { kind: "each" };
  if (shape.kind === "map") return entryOf(place, step);
  if (shape.kind === "list" && field?.item) {
    return { ...declared(place, field.item, step), many: true };
  }
  if (shape.kind === "list" || shape.kind === "json" || place.many) {
    return { ...below(place, step), many: true };
  }
  return { message: `It is ${describe([shape])} and has no elements` };
}

/** All values of a name at any depth; they are compared as JSON. */
function toDepth(place: Place, name: string): Place | Refusal {
  const { field } = place;
  const holdsIt = field
    ? mayHoldAny(field) || holds(field, name)
    : place.shape.kind === "json";
  if (!holdsIt) return { message: `Nothing in it is called \`${name}\`` };
  const within = field ? outlineOf(field) : null;
  const step: Step = { kind: "descend", name, ...(within ? { within } : {}) };
  return {
    ...anyPlace([...place.steps, step]),
    many: true,
    inBody: place.inBody || name === BODY,
  };
}

/** A declared part of what is declared. */
function declared(place: Place, field: Field, step: Step): Place {
  const next = placeOf(field, [...place.steps, step]);
  return {
    ...next,
    many: place.many,
    // What a list says of itself holds for its elements too.
    literal: next.literal ??
      (place.shape.kind === "list" ? place.literal : undefined),
  };
}

/** A part of what only the wire declares. */
function below(place: Place, step: Step): Place {
  return {
    ...place,
    steps: [...place.steps, step],
    shape: place.shape.kind === "json" ? place.shape : { kind: "text" },
    field: undefined,
  };
}

/** Values of a map are texts, or lists of them where a name occurs again. */
function entryOf(place: Place, step: Step): Place {
  return {
    ...place,
    steps: [...place.steps, step],
    shape: { kind: "text" },
    form: "text",
    many: true,
    field: undefined,
  };
}

/** How the values of a field, or of the lists that it is, are stored. */
function formOf(field: Field): Form {
  if (field.kind !== "list") return field.kind;
  return field.item ? formOf(field.item) : "json";
}

function literalOf(field: Field): LiteralRule | undefined {
  if (field.literal === "encoded") {
    return field.kind === "list" && field.item
      ? literalOf(field.item)
      : undefined;
  }
  return { caseless: field.literal === "caseless", unless: field.unless };
}

/** The declared names below a field, where it is a group or a list of them. */
export function outlineOf(field: Field): Outline | null {
  if (field.kind === "list") return field.item ? outlineOf(field.item) : null;
  if (field.kind !== "object" || !field.fields) return null;
  return Object.fromEntries(
    Object.entries(field.fields).map(([name, each]) => [name, outlineOf(each)]),
  );
}

/** The declared fields directly below, through lists. */
function fieldsBelow(field: Field): FieldMap {
  if (field.kind === "list") return field.item ? fieldsBelow(field.item) : {};
  return field.fields ?? {};
}

/** Whether a field of that name is declared somewhere below. */
function holds(field: Field, name: string): boolean {
  return Object.entries(fieldsBelow(field)).some(([each, below]) =>
    each === name || holds(below, name)
  );
}

/** Whether names that nothing declares can stand somewhere below. */
function mayHoldAny(field: Field): boolean {
  if (field.kind === "map" || field.kind === "json") return true;
  if (field.kind === "list" && field.item) return mayHoldAny(field.item);
  return Object.values(field.fields ?? {}).some(mayHoldAny);
}
