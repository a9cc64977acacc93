/** The examples of operators are their tests. */
import { deepEqual, ok } from "node:assert/strict";
import { ARITHMETIC } from "../../kfl/operators/arithmetic.ts";
import { COMPARISONS } from "../../kfl/operators/comparison.ts";
import { apply, type Operator } from "../../kfl/operators/operator.ts";
import { CONSTRUCTORS, OPERATORS } from "../../kfl/operators/registry.ts";
import { Binary, type Value } from "../../kfl/value.ts";
import { Random } from "../fuzz/random.ts";

for (const operator of OPERATORS) {
  const { name, examples } = operator;

  Deno.test(`${name} gives what its examples say`, () => {
    ok(examples.length > 0);
    for (const [self, args, expected] of examples) {
      deepEqual(apply(operator, self, args), expected);
    }
  });

  Deno.test(`${name} of nil is nil, and of a list goes through it`, () => {
    const [self, args] = examples[0]!;
    deepEqual(apply(operator, undefined, args), undefined);
    if (operator.takes[0] === "any") return;
    deepEqual(apply(operator, [self, undefined], args), [
      apply(operator, self, args),
      undefined,
    ]);
  });

  Deno.test(`${name} of what it does not take is nil`, () => {
    if (operator.takes[0] === "any") return;
    const [, args] = examples[0]!;
    for (const self of [true, 5, 5n, { a: 1 }]) {
      deepEqual(apply(operator, self, args), undefined);
    }
  });

  if (operator.requires) {
    Deno.test(`what ${name} requires stands in all that it is true of`, () => {
      for (const [self, args] of examples) requires(operator, self, args);
      const random = new Random(5);
      for (let n = 0; n < 5000; n++) {
        requires(operator, randomText(random), [randomPattern(random)]);
      }
    });
  }
}

function requires(
  operator: Operator,
  self: Value,
  args: readonly Value[],
): void {
  if (apply(operator, self, args) !== true) return;
  const text = self instanceof Binary ? self.text : String(self);
  for (const required of operator.requires!(...args)) {
    ok(
      text.includes(required),
      `${self} ${operator.name} ${args}: ${required}`,
    );
  }
}

/** Texts of few letters, so that patterns match. */
function randomText(random: Random): string {
  return Array.from(
    { length: random.int(0, 6) },
    () => random.pick(["a", "b", "c", ".", "*", "+", "é", "[", "\\", "{"]),
  ).join("");
}

function randomPattern(random: Random): string {
  return Array.from(
    { length: random.int(0, 5) },
    () =>
      random.pick([
        "a",
        "b",
        "ab",
        ".",
        "*",
        "+",
        "?",
        "(b|c)",
        "(ab)",
        "[ab]",
        "[^a]",
        "[]a]",
        "\\.",
        "\\*",
        "\\\\",
        "\\b",
        "\\w",
        "{2}",
        "{0,1}",
        "^",
        "$",
        "é",
        "(?i)",
        "|",
        "\\Qa*\\E",
        "\\x61",
      ]),
  ).join("");
}

for (const { name, examples, evaluate } of COMPARISONS) {
  Deno.test(`${name} gives what its examples say`, () => {
    for (const [left, right, expected] of examples) {
      deepEqual(evaluate(left, right), expected);
    }
  });
}

for (const { name, examples, evaluate } of ARITHMETIC) {
  Deno.test(`${name} gives what its examples say`, () => {
    for (const [left, right, expected] of examples) {
      deepEqual(evaluate(left, right), expected);
    }
  });
}

for (const { name, examples, evaluate } of CONSTRUCTORS) {
  Deno.test(`${name}() gives what its examples say`, () => {
    for (const [args, expected] of examples) {
      deepEqual(evaluate(0, ...args), expected);
    }
  });
}
