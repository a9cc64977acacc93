import { deepEqual, equal, ok } from "node:assert/strict";
import { compileQuery } from "../../../kfl/query.ts";
import { parse } from "../../../kfl/grammar.ts";
import {
  conjunctsOf,
  editFilter,
  MAX_COMPARED,
  type Pick,
  redactionsOf,
  type Scalar,
  toggleAll,
} from "../../../web/model/filter_edit.ts";
import { pathTo, quoteText } from "../../../web/model/kfl_text.ts";
import { Random } from "../../fuzz/random.ts";
import { randomFilter } from "../../kfl/random_filter.ts";
import { schema } from "../../kfl/schema.ts";

const edit = (text: string, pick: Pick): string | undefined =>
  editFilter(text, pick, schema);

const compiles = (text: string): boolean =>
  compileQuery(text, schema, { now: 0 }).diagnostics === undefined;

const status = (value: Scalar, more: Partial<Pick> = {}): Pick => ({
  path: "response.status",
  value,
  ...more,
});

Deno.test("a value is added with and", () => {
  equal(edit("", status(500)), "response.status == 500");
  equal(edit("http", status(500)), "http and response.status == 500");
  equal(
    edit("http or dns", { path: "src.ip", value: "10.0.0.1" }),
    "(http or dns) and src.ip == 10.0.0.1",
  );
  equal(
    edit("http", status(500, { exclude: true })),
    "http and response.status != 500",
  );
});

Deno.test("several values are added at once, and taken away if all are there", () => {
  const picks = [
    { path: "src.ip", value: "10.0.0.1" },
    { path: "dst.ip", value: "10.0.0.2" },
  ];
  const both = "src.ip == 10.0.0.1 and dst.ip == 10.0.0.2";
  equal(toggleAll("", picks, schema), both);
  equal(
    toggleAll("http and dst.ip == 10.0.0.2", picks, schema),
    `http and dst.ip == 10.0.0.2 and src.ip == 10.0.0.1`,
  );
  equal(toggleAll(`http and ${both}`, picks, schema), "http");
  equal(toggleAll("http and", picks, schema), undefined);
});

Deno.test("the same value again takes it away, however it is written", () => {
  equal(edit("http and response.status == 500", status(500)), "http");
  equal(edit("(http) && (response.status==500)", status(500)), "http");
  equal(edit("response.status == 500", status(500)), "");
  equal(
    edit("(http or dns) and response.status == 500", status(500)),
    "http or dns",
  );
  equal(
    edit('http and src.ip == "10.0.0.1"', {
      path: "src.ip",
      value: "10.0.0.1",
    }),
    "http",
  );
  equal(
    edit('http and request.headers["accept"] == "x"', {
      path: "request.headers.accept",
      value: "x",
    }),
    "http",
  );
});

Deno.test("the opposite of what is there takes its place", () => {
  const exclude = { exclude: true };
  equal(
    edit("response.status == 500 and http", status(500, exclude)),
    "response.status != 500 and http",
  );
  equal(
    edit("not response.status == 500 and http", status(500)),
    "response.status == 500 and http",
  );
  equal(
    edit("failed", { path: "failed", value: true, exclude: true }),
    "not failed",
  );
  equal(edit("not failed", { path: "failed", value: false }), "");
});

Deno.test("or widens the condition on the same path", () => {
  const or = { join: "or" } as const;
  equal(edit("", status(500, or)), "response.status == 500");
  equal(
    edit("http and response.status == 500", status(502, or)),
    "http and response.status in [500, 502]",
  );
  equal(
    edit("response.status in [500, 502] and http", status(404, or)),
    "response.status in [500, 502, 404] and http",
  );
  equal(
    edit("response.status in [500, 502] and http", status(502, or)),
    "response.status == 500 and http",
  );
  equal(
    edit("http and failed", status(500, or)),
    "http and failed or response.status == 500",
  );
  equal(
    edit("http and limit(5)", status(500, or)),
    "(http or response.status == 500) and limit(5)",
  );
});

Deno.test("only takes the place of all but limit and redact", () => {
  equal(
    edit(
      'dns and limit(5) and redact("src.ip")',
      status(500, { join: "only" }),
    ),
    'response.status == 500 and limit(5) and redact("src.ip")',
  );
});

Deno.test("values are written as KFL reads them", () => {
  const add = (path: string, value: Scalar) => edit("", { path, value });
  const header = pathTo("request.headers", 'x-"odd" \\ name');
  equal(add(header, "a"), 'request.headers["x-\\"odd\\" \\\\ name"] == "a"');
  equal(add("request.path", 'a"b\\c\n'), 'request.path == "a\\"b\\\\c\\n"');
  equal(
    add("request.path", "safe\u202egnp.exe"),
    'request.path == "safe\\u202egnp.exe"',
  );
  equal(
    add("response.body.json().a[0].b", 1.5),
    "response.body.json().a[0].b == 1.5",
  );
  equal(add("response.body.json().a", null), "response.body.json().a == nil");
  equal(add("elapsedTime", 12.345), "elapsedTime >= 12.345ms");
  equal(
    add("request.bodySize", "9007199254740993"),
    "request.bodySize == 9007199254740993",
  );
  const long = add("request.path", "/".repeat(MAX_COMPARED + 1));
  ok(long?.startsWith('request.path startsWith "///'), `${long}`);
});

Deno.test("a text that is no filter, or a field that is none, is left alone", () => {
  equal(edit("http and", status(500)), undefined);
  equal(edit("", { path: "request.nothing", value: 1 }), undefined);
  equal(edit("dns", status(500)), undefined);
});

Deno.test("names that are keywords do not cut a filter", () => {
  deepEqual(conjunctsOf("request.headers.and == 'x' and http"), [
    "request.headers.and == 'x'",
    "http",
  ]);
  deepEqual(conjunctsOf("((a and (b or c)) and d)"), ["a", "(b or c)", "d"]);
});

Deno.test("what is hidden by a filter is told", () => {
  deepEqual(redactionsOf('http and redact("src.ip") and limit(1)'), [
    'redact("src.ip")',
  ]);
});

/** What a condition can be about, with values that are hard to write. */
const PATHS = [
  "response.status",
  "request.path",
  "src.ip",
  "dst.port",
  "elapsedTime",
  "failed",
  'request.headers["x-\\"q\\""]',
  "request.headers[*]",
  "request.queryString.and",
  "response.body.json().a[0].b",
  'request.body.json()[1]["\\u202e"]',
];

const SIGNS = [
  '"',
  "\\",
  "'",
  "\n",
  "\0",
  "\b",
  "\u202e",
  "\ud83d\ude00",
  "\ud800",
];

function randomValue(random: Random): Scalar {
  switch (random.int(0, 5)) {
    case 0:
      return random.int(-5, 600);
    case 1:
      return random.int(0, 1e6) / 1000;
    case 2:
      return random.chance(0.5);
    case 3:
      return random.pick(["10.0.0.1", "fe80::7", "9007199254740993"]);
    case 4:
      return "a".repeat(random.int(0, 2 * MAX_COMPARED));
    default:
      return Array.from(
        { length: random.int(0, 6) },
        () => random.chance(0.5) ? random.pick(SIGNS) : "x",
      ).join("");
  }
}

/** Spans and spellings aside, what a filter says. */
function meaning(text: string): string {
  const shape = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(shape);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).filter(([name]) => !/span/i.test(name))
        .map(([name, each]) => [name, shape(each)]),
    );
  };
  return JSON.stringify(shape(parse(text).expression));
}

Deno.test("whatever is picked, the filter is right, and picking again undoes it", () => {
  const random = new Random(20);
  let edited = 0;
  let undone = 0;
  for (let i = 0; i < 4000; i++) {
    const text = random.chance(0.1) ? "" : randomFilter(random);
    if (!compiles(text)) continue;
    const pick: Pick = {
      path: random.pick(PATHS),
      value: randomValue(random),
      exclude: random.chance(0.3),
    };
    const join = random.pick(["and", "and", "or", "only"] as const);
    const after = edit(text, { ...pick, join });
    if (after === undefined) continue;
    edited++;
    ok(compiles(after), after);
    const conditions = conjunctsOf(after).map(meaning);
    if (
      join !== "and" || new Set(conjunctsOf(text).map(meaning)).size <
        conjunctsOf(text).length
    ) continue;
    equal(new Set(conditions).size, conditions.length, after);
    // Where its opposite was there, that is what was replaced.
    const isAdded = conjunctsOf(after).length > conjunctsOf(text).length;
    if (!isAdded) continue;
    const back = edit(after, pick);
    equal(meaning(back!), meaning(conjunctsOf(text).join(" and ")), after);
    undone++;
  }
  ok(edited > 1500 && undone > 700, `${edited} edited, ${undone} undone`);
});

Deno.test("a quoted text reads back, and hides nothing", () => {
  const random = new Random(21);
  for (let i = 0; i < 2000; i++) {
    const value = String.fromCharCode(
      ...Array.from({ length: 8 }, () => random.int(0, 0xffff)),
    );
    const quoted = quoteText(value);
    const { expression, diagnostics } = parse(quoted);
    deepEqual(diagnostics, []);
    ok(expression?.kind === "text");
    equal(expression.value, value);
    ok(!/[\p{Cc}\p{Bidi_Control}]/u.test(quoted), quoted);
  }
});
