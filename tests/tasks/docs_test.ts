import { deepEqual, equal, ok } from "node:assert/strict";
import { SCHEMA } from "../../dissectors/registry.ts";
import { compileQuery } from "../../kfl/query.ts";
import { pathOf, references } from "../../tasks/docs.ts";

for (const [path, text] of await references()) {
  Deno.test(`${path} is what \`deno task docs\` writes`, () => {
    equal(Deno.readTextFileSync(pathOf(path)), text);
  });
}

Deno.test("every filter in docs/kfl.md is understood", () => {
  const text = Deno.readTextFileSync(pathOf("docs/kfl.md"));
  const filters = [...text.matchAll(/```kfl\n([^]*?)```/g)]
    .flatMap(([, block]) => block!.trim().split("\n"));
  ok(filters.length > 20);
  for (const filter of filters) {
    const { diagnostics } = compileQuery(filter, SCHEMA, { now: 0 });
    deepEqual(diagnostics, undefined, filter);
  }
});
