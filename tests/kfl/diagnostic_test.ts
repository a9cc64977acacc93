import { equal } from "node:assert/strict";
import { closest, renderDiagnostic } from "../../kfl/diagnostic.ts";

Deno.test("a mistake is shown under the line it is in", () => {
  const text = "http and\n  request.pth == 1\nor dns";
  const from = text.indexOf("request");
  const shown = renderDiagnostic(text, {
    code: "unknown",
    span: { from, to: from + 11 },
    message: "There is no `request.pth`",
    hint: "did you mean `request.path`?",
  });
  equal(
    shown,
    [
      "error: There is no `request.pth`",
      "    request.pth == 1",
      "    ^^^^^^^^^^^ did you mean `request.path`?",
    ].join("\n"),
  );
});

Deno.test("a mistake at the end has a place, too", () => {
  const shown = renderDiagnostic("http and", {
    code: "syntax",
    span: { from: 8, to: 8 },
    message: "Expected a value",
  });
  equal(shown, "error: Expected a value\n  http and\n          ^");
});

Deno.test("of a long line the part around the mistake is shown", () => {
  const text = `${"a or ".repeat(100)}wrong${" or b".repeat(100)}`;
  const [, line, caret] = renderDiagnostic(text, {
    code: "unknown",
    span: { from: 500, to: 505 },
    message: "There is no `wrong`",
  }).split("\n");
  const at = caret!.indexOf("^");
  equal(line!.slice(at, at + 5), "wrong");
  equal(caret!.length, at + 5);
  equal(line!.startsWith("  …") && line!.endsWith("…"), true);
});

Deno.test("a tab before a mistake keeps the caret under it", () => {
  const shown = renderDiagnostic("\twrong", {
    code: "unknown",
    span: { from: 1, to: 6 },
    message: "There is no `wrong`",
  });
  equal(shown, "error: There is no `wrong`\n  \twrong\n  \t^^^^^");
});

Deno.test("the closest word is one that may have been meant", () => {
  const words = ["request.path", "request.pathSegments", "response", "http"];
  equal(closest("request.pth", words), "request.path");
  equal(closest("reqeust.path", words), "request.path");
  equal(closest("REQUEST.PATH", words), "request.path");
  equal(closest("htp", words), "http");
  equal(closest("resp", words), "response");
  equal(closest("something else", words), undefined);
  equal(closest("x", words), undefined);
  equal(closest("a".repeat(1000), ["b".repeat(1000)]), undefined);
});
