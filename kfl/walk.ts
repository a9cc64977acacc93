/** The steps of a path, taken through what an entry holds. */
import type { Outline, Step } from "./typed.ts";
import { MAX_VALUE_DEPTH } from "./value.ts";

/** Most values that one path gives. */
export const MAX_FOUND = 100_000;

/**
 * What a path leads to, as stored; several values as a list, none as
 * `undefined`.
 */
export function walk(base: unknown, steps: readonly Step[]): unknown {
  let found = [base];
  let many = false;
  for (const step of steps) {
    const next: unknown[] = [];
    for (const value of found) {
      if (value === undefined || value === null) continue;
      take(value, step, next);
    }
    many ||= step.kind === "each" || step.kind === "descend" ||
      next.length > 1;
    found = next;
  }
  const present = found.filter((value) =>
    value !== undefined && value !== null
  );
  return many && present.length > 0 ? present : present[0];
}

/** Takes one step from a value that is there. */
function take(value: NonNullable<unknown>, step: Step, into: unknown[]): void {
  switch (step.kind) {
    case "name":
      // Declared, so it may be a getter of whatever class the value has.
      into.push((value as { [name: string]: unknown })[step.name]);
      break;
    case "key":
      takeKey(value, step.key, step.ignoresCase === true, into);
      break;
    case "at":
      if (Array.isArray(value)) into.push(value[step.index]);
      else if (isPlainObject(value)) {
        takeKey(value, `${step.index}`, false, into);
      } else if (step.index === 0) into.push(value);
      break;
    case "each":
      for (
        const each of typeof value === "object" ? Object.values(value) : []
      ) {
        if (into.length < MAX_FOUND) into.push(each);
      }
      break;
    case "descend":
      descend(value, step.name, step.within ?? null, into, 0);
  }
}

/** Names come from the peer: only own ones count. */
function takeKey(
  value: NonNullable<unknown>,
  key: string,
  ignoresCase: boolean,
  into: unknown[],
): void {
  if (!isPlainObject(value)) return;
  if (!ignoresCase) {
    if (Object.hasOwn(value, key)) into.push(value[key]);
    return;
  }
  const wanted = key.toLowerCase();
  for (const name in value) {
    if (name.length === key.length && name.toLowerCase() === wanted) {
      into.push(value[name]);
    }
  }
}

/** Finds a name at any depth, the declared ones first. */
function descend(
  value: unknown,
  name: string,
  within: Outline | null,
  into: unknown[],
  depth: number,
): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > MAX_VALUE_DEPTH) return;
  if (Array.isArray(value)) {
    for (const each of value) descend(each, name, within, into, depth + 1);
    return;
  }
  const object = value as { [name: string]: unknown };
  for (const each of Object.keys(within ?? object)) {
    const below = object[each];
    if (below === undefined || below === null) continue;
    if (each === name && into.length < MAX_FOUND) into.push(below);
    descend(below, name, within?.[each] ?? null, into, depth + 1);
  }
}

function isPlainObject(
  value: unknown,
): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
