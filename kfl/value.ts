/**
 * Values: what an expression can be while a filter runs.
 *
 * Most are plain: texts, numbers, booleans, lists, objects. Three need a class,
 * because their plain form would say another thing: times, durations, and bytes
 * that are no text. What is missing is `undefined`, and `null` from JSON is the
 * same (nil).
 */
import { type Bytes, fromBytes } from "../entry/field.ts";
import type { FieldKind } from "../entry/field.ts";
import { parseTime } from "./time.ts";

/** A point in time, µs since 1970. */
export class Moment {
  readonly us: number;
  constructor(us: number) {
    this.us = us;
  }
}

/** A length of time in µs. */
export class Duration {
  readonly us: number;
  constructor(us: number) {
    this.us = us;
  }
}

/** Bytes that are no UTF-8 text. */
export class Binary {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** As text, with U+FFFD for what is none. */
  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }
}

/** Any value. Lists and objects are never changed. */
export type Value =
  | undefined
  | null
  | boolean
  | number
  /** Integers beyond 2^53. */
  | bigint
  | string
  | Moment
  | Duration
  | Binary
  | readonly Value[]
  | PlainObject;

/** A map, or an object of JSON. */
export interface PlainObject {
  readonly [name: string]: Value;
}

/** How the stored form of a value becomes a {@link Value}. */
export type Form =
  | Exclude<FieldKind, "list">
  /** `Entry.timestamp`: µs. */
  | "moment"
  /** `Entry.elapsed`: µs. */
  | "elapsed";

/** Whether there is no value. */
export function isNil(value: Value): value is undefined | null {
  return value === undefined || value === null;
}

/** Whether the value is a map or an object of JSON. */
export function isObject(value: Value): value is PlainObject {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Moment) &&
    !(value instanceof Duration) && !(value instanceof Binary);
}

/** Whether the value counts as true where a condition is asked for. */
export function truth(value: Value): boolean {
  return value === true || Array.isArray(value) && value.some(truth);
}

/** Digits of an integer that a `number` could not hold. */
const DIGITS = /^-?\d{1,400}$/;

/**
 * What an entry holds, as a value.
 *
 * @param stored as `ValuesOf` describes it for a field of that kind
 */
export function toValue(stored: unknown, form: Form): Value {
  if (stored === undefined || stored === null) return undefined;
  if (Array.isArray(stored)) {
    return isPlain(form) ? stored : stored.map((each) => toValue(each, form));
  }
  switch (form) {
    case "number":
      if (typeof stored !== "string") return stored as number;
      return DIGITS.test(stored) ? BigInt(stored) : undefined;
    case "bytes":
      return typeof stored === "string"
        ? stored
        : new Binary(fromBytes(stored as Bytes));
    case "time": {
      const us = parseTime(String(stored));
      return us === undefined ? undefined : new Moment(us);
    }
    case "duration":
      return new Duration(Math.round(stored as number * 1000));
    case "moment":
      return new Moment(stored as number);
    case "elapsed":
      return new Duration(stored as number);
    default:
      return stored as Value;
  }
}

/** Whether values of that form are stored as they are computed with. */
export function isPlain(form: Form): boolean {
  return form === "text" || form === "bool" || form === "address" ||
    form === "map" || form === "object" || form === "json";
}

/** Deepest nesting of values that are compared or searched. */
export const MAX_VALUE_DEPTH = 100;

/**
 * Whether two values are the same: `==`.
 *
 * A list is equal to another with equal elements, and to a scalar if any of its
 * elements is. Values of different kinds are not equal, but for a number next
 * to a duration (milliseconds) and a text next to a time (RFC 3339).
 */
export function equal(a: Value, b: Value, depth = 0): boolean {
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  if (depth > MAX_VALUE_DEPTH) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b)
      ? a.length === b.length && a.every((x, i) => equal(x, b[i], depth + 1))
      : a.some((x) => equal(x, b, depth + 1));
  }
  if (Array.isArray(b)) return b.some((x) => equal(a, x, depth + 1));
  if (isObject(a) && isObject(b)) return sameObject(a, b, depth + 1);
  if (a instanceof Binary) return b instanceof Binary && sameBytes(a, b);
  if (typeof a === "boolean" || typeof b === "boolean") return a === b;
  return order(a, b) === 0;
}

function sameObject(a: PlainObject, b: PlainObject, depth: number): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length &&
    names.every((name) =>
      Object.hasOwn(b, name) && equal(a[name], b[name], depth)
    );
}

function sameBytes(a: Binary, b: Binary): boolean {
  return a.bytes.length === b.bytes.length &&
    a.bytes.every((byte, i) => byte === b.bytes[i]);
}

/**
 * How two scalars are ordered: below 0, 0 or above; `undefined` where they are
 * of kinds that have no order between them. Texts are ordered by UTF-16 unit.
 */
export function order(a: Value, b: Value): number | undefined {
  if (isNumber(a) && isNumber(b)) return ordered(a, b);
  if (typeof a === "string" && typeof b === "string") return ordered(a, b);
  if (a instanceof Duration) {
    const us = b instanceof Duration ? b.us : isNumber(b) ? toUs(b) : undefined;
    return us === undefined ? undefined : ordered(a.us, us);
  }
  if (a instanceof Moment) {
    const us = b instanceof Moment
      ? b.us
      : typeof b === "string"
      ? parseTime(b)
      : undefined;
    return us === undefined ? undefined : ordered(a.us, us);
  }
  const reversed = b instanceof Duration || b instanceof Moment
    ? order(b, a)
    : undefined;
  return reversed === undefined ? undefined : -reversed;
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** Milliseconds as µs. */
function toUs(ms: number | bigint): number {
  return Math.round(Number(ms) * 1000);
}

function ordered<T extends number | bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether `test` holds for the order of any of `a` with any of `b`. */
export function anyOrder(
  a: Value,
  b: Value,
  test: (order: number) => boolean,
  depth = 0,
): boolean {
  if (depth > MAX_VALUE_DEPTH) return false;
  if (Array.isArray(a)) {
    return a.some((x) => anyOrder(x, b, test, depth + 1));
  }
  if (Array.isArray(b)) {
    return b.some((x) => anyOrder(a, x, test, depth + 1));
  }
  const found = order(a, b);
  return found !== undefined && test(found);
}
