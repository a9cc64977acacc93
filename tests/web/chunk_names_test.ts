/** The page's files are the same wherever they are built. */
import { deepEqual, equal } from "node:assert/strict";
import { namedByContent } from "../../web/chunk_names.ts";

/** A page that is split in a circle, as a bundler names it on some machine. */
const page = (a: string, b: string, c: string): Map<string, string> =>
  new Map([
    ["main.js", `import"./chunk-${a}.js";import("./editor-${c}.js")`],
    [`chunk-${a}.js`, `export const a=1;import"./chunk-${b}.js";`],
    [`chunk-${b}.js`, `import"./chunk-${a}.js";export const b=2;`],
    [`editor-${c}.js`, `import"./chunk-${b}.js";"no-NAMED123.js"`],
  ]);

Deno.test("chunks have the names of what they hold, and are found by them", () => {
  const here = namedByContent(page("AAAAAAAA", "BBBBBBBB", "CCCCCCCC"));
  deepEqual(
    namedByContent(page("11111111", "22222222", "33333333")),
    here,
  );
  equal([...here.keys()].some((name) => /A{8}|B{8}|C{8}/.test(name)), false);
  for (const text of here.values()) {
    for (const [, name] of text.matchAll(/"\.\/([^"]*)"/g)) {
      equal(here.has(name!), true, `${name}`);
    }
  }
  const other = page("AAAAAAAA", "BBBBBBBB", "CCCCCCCC");
  other.set("chunk-BBBBBBBB.js", "export const b=3;");
  equal(
    [...namedByContent(other).keys()].some((name) =>
      here.has(name) && name !== "main.js"
    ),
    false,
  );
});

Deno.test("chunks that differ in whom they import alone are told apart", () => {
  const files = new Map([
    ["chunk-AAAAAAAA.js", `import"./chunk-CCCCCCCC.js"`],
    ["chunk-BBBBBBBB.js", `import"./chunk-DDDDDDDD.js"`],
    ["chunk-CCCCCCCC.js", "1"],
    ["chunk-DDDDDDDD.js", "2"],
  ]);
  equal(namedByContent(files).size, 4);
  files.set("chunk-DDDDDDDD.js", "1");
  deepEqual(namedByContent(files), files);
});
