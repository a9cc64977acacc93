/** Every operator and function by name. */
import { base64, json, protobuf, xml } from "./bytes.ts";
import { size } from "./list.ts";
import type { Constructor, Operator } from "./operator.ts";
import {
  contains,
  endsWith,
  like,
  lower,
  matches,
  startsWith,
} from "./text.ts";
import { counted, datetime, now } from "./time.ts";

/** In the order of the reference. */
export const OPERATORS: readonly Operator[] = [
  contains,
  startsWith,
  endsWith,
  matches,
  like,
  lower,
  size,
  json,
  xml,
  base64,
  protobuf,
  // Each takes what its `takes` admits, which `apply` sees to.
] as readonly unknown[] as readonly Operator[];

/** In the order of the reference. */
export const CONSTRUCTORS: readonly Constructor[] = [now, ...counted, datetime];

const operators = new Map(OPERATORS.map((each) => [each.name, each]));
const constructors = new Map(CONSTRUCTORS.map((each) => [each.name, each]));

/** The operator of that name. */
export function operatorOf(name: string): Operator | undefined {
  return operators.get(name);
}

/** The function of that name. */
export function constructorOf(name: string): Constructor | undefined {
  return constructors.get(name);
}
