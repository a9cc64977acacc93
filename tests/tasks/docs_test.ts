import { equal } from "node:assert/strict";
import { pathOf, references } from "../../tasks/docs.ts";

for (const [path, text] of await references()) {
  Deno.test(`${path} is what \`deno task docs\` writes`, () => {
    equal(Deno.readTextFileSync(pathOf(path)), text);
  });
}
