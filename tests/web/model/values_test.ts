/** How values are laid out, read and shown. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { SCHEMA } from "../../../dissectors/registry.ts";
import { compileQuery } from "../../../kfl/query.ts";
import { contentOf, toBody } from "../../../web/model/body.ts";
import { connectionQuery } from "../../../web/model/connection.ts";
import { sectionsOf } from "../../../web/model/half_sections.ts";
import { hexLine, hexLineCount } from "../../../web/model/hex_lines.ts";
import {
  CHILDREN_AT_ONCE,
  ExactNumber,
  JsonTree,
  MAX_ROWS,
  parseJson,
} from "../../../web/model/json_tree.ts";
import { TextLines } from "../../../web/model/text_lines.ts";
import {
  toVisibleText,
  visiblePieces,
} from "../../../web/model/visible_text.ts";
import { Random } from "../../fuzz/random.ts";
import { entryWith, lookup, order } from "../detail_entries.ts";

Deno.test("what would not be seen is shown as a sign", () => {
  equal(toVisibleText("a\0\x1b[0m\x7f"), "a‹NUL›‹ESC›[0m‹007F›");
  equal(toVisibleText("\u202egnp\u200b"), "‹202E›gnp‹200B›");
  equal(toVisibleText("\ud800x"), "‹D800›x");
  equal(toVisibleText("tag\u{e0041}"), "tag‹E0041›");
  equal(toVisibleText("Zoë 日本 שלום 👨‍👩‍👧 ❤️"), "Zoë 日本 שלום 👨‍👩‍👧 ❤️");
  deepEqual(visiblePieces("a\tb", "\t"), [{ text: "a\tb" }]);
  ok(visiblePieces("\0".repeat(100_000)).length < 5000);
});

Deno.test("lines are those of the text, in pieces that fit", () => {
  const lines = (text: string, columns: number) => {
    const read = new TextLines(text, columns);
    return Array.from({ length: read.count }, (_, i) => read.line(i).text);
  };
  deepEqual(lines("", 10), [""]);
  deepEqual(lines("a\r\nb\n\nc", 10), ["a", "b", "", "c"]);
  deepEqual(lines("abcdefgh", 3), ["abc", "def", "gh"]);
  deepEqual(lines("ab😀cd", 3), ["ab", "😀c", "d"]);
});

Deno.test("no character is lost between lines, and none is cut in two", () => {
  const random = new Random(40);
  for (let i = 0; i < 500; i++) {
    const text = Array.from(
      { length: random.int(0, 200) },
      () => random.pick(["a", "b", "\n", "😀", "é"]),
    ).join("");
    const read = new TextLines(text, random.int(2, 20));
    let joined = "";
    for (let at = 0; at < read.count; at++) {
      const { text: line, goesOn } = read.line(at);
      ok(line.isWellFormed());
      joined += line + (goesOn || at === read.count - 1 ? "" : "\n");
    }
    equal(joined, text.replace(/\n$/, ""));
  }
});

Deno.test("bytes are sixteen to a line", () => {
  const bytes = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
  equal(hexLineCount(bytes), 2);
  deepEqual(hexLine(bytes, 1), {
    offset: "00000010",
    groups: ["0d 0a", ""],
    letters: "..",
  });
});

/** Names of the rows of a tree, indented. */
const outline = (tree: JsonTree): string[] =>
  tree.rows.map(({ depth, name, kind }) =>
    "  ".repeat(depth) + (name ?? (kind === "more" ? "more" : "root"))
  );

Deno.test("a tree opens and closes its branches", () => {
  const tree = new JsonTree({ a: [1, { b: 2 }], c: {} }, "x.json()");
  const all = ["root", "  a", "    0", "    1", "      b", "  c"];
  deepEqual(outline(tree), all);
  equal(tree.pathOf(tree.rows[4]!), "x.json().a[1].b");
  tree.toggle(1);
  deepEqual(outline(tree), ["root", "  a", "  c"]);
  tree.toggle(2);
  deepEqual(outline(tree), ["root", "  a", "  c"]);
  tree.openAll();
  deepEqual(outline(tree), all);
  tree.closeAll();
  deepEqual(outline(tree), ["root", "  a", "  c"]);
});

Deno.test("a long list shows its beginning, and more on demand", () => {
  const tree = new JsonTree(Array.from({ length: 12_000 }, () => 0), "x");
  equal(tree.rows.length, 1 + CHILDREN_AT_ONCE + 1);
  tree.toggle(tree.rows.length - 1);
  equal(tree.rows.length, 1 + 2 * CHILDREN_AT_ONCE + 1);
  tree.toggle(tree.rows.length - 1);
  equal(tree.rows.length, 12_001);
  equal(tree.pathOf(tree.rows.at(-1)!), "x[11999]");
});

Deno.test("neither depth nor width is too much for a tree", () => {
  const deep = parseJson("[".repeat(5000) + "]".repeat(5000))!;
  const tree = new JsonTree(deep.value, "x");
  tree.openAll();
  equal(tree.rows.length, 5000);
  ok(tree.pathOf(tree.rows.at(-1)!).endsWith("[0][0]"));
  const wide = Array.from({ length: 300 }, () => Array(4000).fill(0));
  const large = new JsonTree(wide, "x");
  large.openAll();
  ok(large.rows.length <= MAX_ROWS + CHILDREN_AT_ONCE);
});

Deno.test("integers keep their digits", () => {
  const { value } = parseJson(
    '{"id":9007199254740993,"f":0.1234567890123456789}',
  )!;
  deepEqual(value, {
    id: new ExactNumber("9007199254740993"),
    f: 0.1234567890123456789,
  });
  equal(parseJson("{"), undefined);
});

Deno.test("a body is shown as what it is, whatever its header says", () => {
  equal(contentOf('{"a":1}', "text/plain").kind, "json");
  equal(contentOf("<a/>", "application/json").kind, "text");
  equal(contentOf('"x"', "application/json").kind, "text");
  equal(
    contentOf("a=1&b=%20", "application/x-www-form-urlencoded").kind,
    "form",
  );
  equal(contentOf({ base64: "AA==" }, "text/plain").kind, "binary");
  equal(contentOf({ base64: "AA==" }, "image/png").kind, "image");
  equal(contentOf("<svg onload=x>", "image/svg+xml").kind, "text");
  equal(toBody(new TextEncoder().encode("é")), "é");
  ok(toBody(new Uint8Array([0xff])) instanceof Uint8Array);
});

Deno.test("a half is laid out by what its values are", () => {
  const sections = sectionsOf(order.request!, "request");
  deepEqual(
    sections.map((each) => [each.kind, "name" in each ? each.name : ""]),
    [
      ["values", ""],
      ["map", "queryString"],
      ["map", "headers"],
      ["map", "cookies"],
      ["body", ""],
    ],
  );
  const answers = sectionsOf(lookup.response!, "response")[1]!;
  ok(answers.kind === "records");
  equal(answers.path, "response.answers[*]");
  deepEqual(answers.columns, ["name", "type", "class", "ttl", "data"]);
  const nested = sectionsOf({ value: [[1], [2, [3]]] }, "response")[0]!;
  equal(nested.kind, "tree");
});

Deno.test("every path that a half shows is one that KFL knows", () => {
  for (const entry of [order, lookup]) {
    for (const base of ["request", "response"] as const) {
      for (const section of sectionsOf(entry[base]!, base)) {
        const rows = "rows" in section && section.kind !== "records"
          ? section.rows
          : [];
        for (const { path } of rows) {
          const kfl = `${entry.protocol} and exists(${path})`;
          const { diagnostics } = compileQuery(kfl, SCHEMA, { now: 0 });
          equal(diagnostics, undefined, kfl);
        }
      }
    }
  }
});

Deno.test("a connection is its two ends, whoever asks", () => {
  equal(
    connectionQuery(order, 'http and redact("src.pod") and limit(5)'),
    "ip == 10.1.0.7 and ip == 10.1.0.9 and port == 51234 and port == 80 and " +
      'redact("src.pod")',
  );
  const local = { ip: "::1" };
  equal(
    connectionQuery(entryWith({ src: local, dst: local }), ""),
    "src.ip == ::1 and dst.ip == ::1",
  );
  const hidden = { ...order, src: { ...order.src, ip: "[REDACTED]" } };
  equal(
    connectionQuery(hidden, 'redact("src.ip")'),
    'ip == 10.1.0.9 and port == 51234 and port == 80 and redact("src.ip")',
  );
  const { diagnostics } = compileQuery(connectionQuery(order, ""), SCHEMA, {
    now: 0,
  });
  equal(diagnostics, undefined);
});
