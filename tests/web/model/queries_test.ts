/** What the line for queries remembers, offers and colours. */
import { deepEqual, equal } from "node:assert/strict";
import { SCHEMA } from "../../../dissectors/registry.ts";
import { compileQuery } from "../../../kfl/query.ts";
import { highlights } from "../../../web/model/highlight.ts";
import {
  MAX_RECENT,
  readRecent,
  remember,
} from "../../../web/model/recent_queries.ts";
import { SAMPLE_QUERIES } from "../../../web/model/sample_queries.ts";

Deno.test("the latest query comes first, and each comes once", () => {
  deepEqual(remember(["a", "b"], " b "), ["b", "a"]);
  deepEqual(remember(["a"], "  "), ["a"]);
  const many = Array.from({ length: 60 }, (_, i) => `${i}`)
    .reduce<readonly string[]>(remember, []);
  equal(many.length, MAX_RECENT);
  equal(many[0], "59");
});

Deno.test("what was stored and makes no sense is passed over", () => {
  deepEqual(readRecent(null), []);
  deepEqual(readRecent("{"), []);
  deepEqual(readRecent('{"a":1}'), []);
  deepEqual(readRecent('["a",1,null,"b"]'), ["a", "b"]);
});

Deno.test("every sample asks what can be asked", () => {
  for (const { kfl } of SAMPLE_QUERIES) {
    const [word] = kfl.split(" ");
    const isKnown = !kfl.startsWith(`${word} and `) ||
      SCHEMA.protocol(word!) !== undefined;
    const { diagnostics } = compileQuery(kfl, SCHEMA, { now: 0 });
    equal(diagnostics === undefined, isKnown, kfl);
  }
});

Deno.test("words are coloured by what they are", () => {
  const text = 'http and request.and startsWith "x" or now() > 5s and not nil';
  deepEqual(
    highlights(text, (word) => word === "http").map(({ from, to, kind }) =>
      `${text.slice(from, to)} ${kind}`
    ),
    [
      "http protocol",
      "and keyword",
      "request name",
      "and name",
      "startsWith operator",
      '"x" text',
      "or keyword",
      "now call",
      "> operator",
      "5s number",
      "and keyword",
      "not keyword",
      "nil constant",
    ],
  );
});
