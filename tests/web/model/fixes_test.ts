import { deepEqual, ok } from "node:assert/strict";
import type { Diagnostic } from "../../../kfl/diagnostic.ts";
import { compileQuery } from "../../../kfl/query.ts";
import { applyFix, fixesOf } from "../../../web/model/fixes.ts";
import { schema } from "../../kfl/schema.ts";

const check = (text: string): readonly Diagnostic[] =>
  compileQuery(text, schema, { now: 0 }).diagnostics ?? [];

/** The text after each fix of its first mistake. */
function fixed(text: string): string[] {
  const [first] = check(text);
  ok(first, text);
  return fixesOf(text, first, check).map((fix) => applyFix(text, fix));
}

Deno.test("a sign of another language becomes ours", () => {
  deepEqual(fixed('request.path = "/"'), ['request.path == "/"']);
  deepEqual(fixed("http & failed"), ["http && failed", "http and failed"]);
  deepEqual(fixed("request.path =~ 'x'"), ["request.path matches 'x'"]);
  deepEqual(fixed("http AND dns"), ["http and dns"]);
});

Deno.test("a name becomes the one that was meant", () => {
  deepEqual(fixed("htp"), ["http"]);
  deepEqual(fixed('request.methd == "GET"'), ['request.method == "GET"']);
  deepEqual(fixed("src.prt == 1"), ["src.port == 1"]);
  deepEqual(fixed('redis.key == "x"'), ['request.key == "x"']);
  deepEqual(fixed("port.x == 1"), ["src.port == 1", "dst.port == 1"]);
  deepEqual(fixed("request.path.size == 1"), ["request.path.size() == 1"]);
  deepEqual(fixed('protocol == "htpp"'), ['protocol == "http"']);
});

Deno.test("quotes are put around a text and taken off a number", () => {
  deepEqual(fixed("request.path == 5"), ['request.path == "5"']);
  deepEqual(fixed('elapsedTime > "1s"'), ["elapsedTime > 1s"]);
});

Deno.test("a hint that explains or gives an example changes nothing", () => {
  for (
    const text of [
      "1..5",
      "failed == 1",
      "request.path",
      'request.path == "\\d"',
      'timestamp > "yesterday"',
      "http and response.status == r'4..'",
    ]
  ) deepEqual(fixed(text), [], text);
});

Deno.test("whatever is offered takes its mistake away", async () => {
  const cases = await Deno.readTextFile(
    new URL("../../kfl/cases/errors.md", import.meta.url),
  );
  let offered = 0;
  for (const [, text] of cases.matchAll(/```kfl\n([^]*?)\n```\n\n```error/g)) {
    const before = check(text!);
    for (const diagnostic of before) {
      for (const fix of fixesOf(text!, diagnostic, check)) {
        const after = check(applyFix(text!, fix));
        ok(after.length <= before.length, text!);
        const isThere = (each: Diagnostic) =>
          each.message === diagnostic.message &&
          each.span.from === diagnostic.span.from;
        ok(!after.some(isThere), text!);
        offered++;
      }
    }
  }
  ok(offered > 20, `${offered} fixes`);
});
