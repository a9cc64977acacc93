import { deepEqual, equal, ok } from "node:assert/strict";
import type { Expression } from "../../kfl/ast.ts";
import {
  MAX_CHAIN,
  MAX_DEPTH,
  MAX_TEXT,
  parse,
  validateGrammar,
} from "../../kfl/grammar.ts";

/** The value of a filter that is one literal. */
function literal(text: string): unknown {
  const { expression, diagnostics } = parse(text);
  deepEqual(diagnostics, [], text);
  const { span, ...rest } = expression!;
  deepEqual(span, { from: 0, to: text.length });
  return rest;
}

Deno.test("the grammar has no ambiguity that Chevrotain finds", () => {
  validateGrammar();
});

Deno.test("nothing but blanks is the filter that everything matches", () => {
  deepEqual(parse(""), { diagnostics: [] });
  deepEqual(parse(" \n\t "), { diagnostics: [] });
});

Deno.test("a text is read as JSON writes it", () => {
  const value = '\b\f\n\r\t\0 "quoted" \\ \u2028 \u{1f988} \ud800';
  deepEqual(literal(JSON.stringify(value)), { kind: "text", value });
});

Deno.test("literals", () => {
  const values: { readonly [text: string]: unknown } = {
    "42": { kind: "number", value: 42 },
    "3.25": { kind: "number", value: 3.25 },
    "1e3": { kind: "number", value: 1000 },
    "0x1F": { kind: "number", value: 31 },
    "9007199254740993": { kind: "number", value: "9007199254740993" },
    "-7": { kind: "number", value: -7 },
    "-9007199254740993": { kind: "number", value: "-9007199254740993" },
    "10KB": { kind: "number", value: 10_000 },
    "4MiB": { kind: "number", value: 4 * 1024 * 1024 },
    "1.5GB": { kind: "number", value: 1.5e9 },
    "12B": { kind: "number", value: 12 },
    "150us": { kind: "duration", us: 150 },
    "150µs": { kind: "duration", us: 150 },
    "20ms": { kind: "duration", us: 20_000 },
    "1.5s": { kind: "duration", us: 1_500_000 },
    "1h30m": { kind: "duration", us: 5_400_000_000 },
    "7d": { kind: "duration", us: 604_800_000_000 },
    "2w": { kind: "duration", us: 1_209_600_000_000 },
    "-5m": { kind: "duration", us: -300_000_000 },
    "true": { kind: "bool", value: true },
    "false": { kind: "bool", value: false },
    "nil": { kind: "nil" },
    '"a\\"b\\n\\x41\\u00e9\\u{1f600}"': { kind: "text", value: 'a"b\nAé😀' },
    "'it\\'s \"x\"'": { kind: "text", value: 'it\'s "x"' },
    'r"^\\d+\\"$"': { kind: "regex", pattern: '^\\d+\\"$' },
    "10.0.0.1": { kind: "address", value: "10.0.0.1" },
    "::1": { kind: "address", value: "::1" },
    "2001:DB8:0:0:0:0:0:1": { kind: "address", value: "2001:db8::1" },
    "::ffff:10.0.0.1": { kind: "address", value: "::ffff:10.0.0.1" },
    "10.1.2.3/8": { kind: "network", value: "10.0.0.0", bits: 8 },
    "fe80::/10": { kind: "network", value: "fe80::", bits: 10 },
  };
  for (const [text, value] of Object.entries(values)) {
    deepEqual(literal(text), value, text);
  }
});

Deno.test("every node says where it stands", () => {
  const text =
    'http and not request.path[0].lower() in ["a", 1..5] or -x.y > 2';
  const { expression } = parse(text);
  const seen: string[] = [];
  visit(expression!, (node) => {
    seen.push(`${node.kind} ${text.slice(node.span.from, node.span.to)}`);
  });
  deepEqual(seen, [
    `or ${text}`,
    'and http and not request.path[0].lower() in ["a", 1..5]',
    "name http",
    'not not request.path[0].lower() in ["a", 1..5]',
    'compare request.path[0].lower() in ["a", 1..5]',
    "call request.path[0].lower()",
    "index request.path[0]",
    "member request.path",
    "name request",
    'list ["a", 1..5]',
    'text "a"',
    "range 1..5",
    "number 1",
    "number 5",
    "compare -x.y > 2",
    "negative -x.y",
    "member x.y",
    "name x",
    "number 2",
  ]);
});

/** Visits the nodes of a tree, each before those below it. */
function visit(node: Expression, see: (node: Expression) => void): void {
  see(node);
  for (const part of Object.values(node)) {
    for (const each of Array.isArray(part) ? part : [part]) {
      if (typeof each === "object" && "kind" in each) visit(each, see);
    }
  }
}

Deno.test("words that are keywords can be names after a dot", () => {
  deepEqual(parse("a.in == b.not and c.true == d.or").diagnostics, []);
});

Deno.test("a range is one between literals, and `..` descends after a name", () => {
  equal(parse("x in -5..-1").expression!.kind, "compare");
  const { expression } = parse("a..b == 1");
  ok(expression?.kind === "compare");
  equal(expression.left.kind, "descend");
});

Deno.test("what is too long, too deep or too much is refused at once", () => {
  const refused = (text: string) => parse(text).diagnostics[0]?.code;
  equal(refused("a".repeat(MAX_TEXT + 1)), "limit");
  equal(refused("(".repeat(MAX_DEPTH + 1)), "limit");
  equal(refused("!".repeat(MAX_DEPTH + 1) + "a"), "limit");
  equal(refused("not ".repeat(MAX_DEPTH + 1) + "a"), "limit");
  equal(refused("[".repeat(MAX_DEPTH + 1)), "limit");
  equal(refused("a" + ".b".repeat(MAX_CHAIN + 1)), "limit");
  equal(refused("1" + " + 1".repeat(MAX_CHAIN + 1)), "limit");
  equal(refused("1" + " * 1".repeat(MAX_CHAIN + 1)), "limit");
  deepEqual(parse("(".repeat(60) + "a" + ")".repeat(60)).diagnostics, []);
  deepEqual(parse("a and ".repeat(2000) + "a").diagnostics, []);
});

Deno.test("the filter around a mistake is still read", () => {
  const { expression, diagnostics } = parse("a == and b and c > and d");
  equal(diagnostics.length, 2);
  ok(expression?.kind === "and");
  equal(expression.of.length, 4);
});
