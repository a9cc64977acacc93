import { equal, ok } from "node:assert/strict";
import {
  compileGlob,
  compileRegex,
  MAX_PATTERN,
  type Test,
} from "../../kfl/pattern.ts";

function regex(pattern: string): Test {
  const test = compileRegex(pattern);
  ok(typeof test === "function", JSON.stringify(test));
  return test;
}

Deno.test("patterns that stall other engines are linear in the text", () => {
  const text = "a".repeat(200_000);
  const started = performance.now();
  for (
    const pattern of [
      "(a+)+b",
      "(a|a)*b",
      "(a|aa)+$b",
      "(.*a){20}b",
      "(a?){30}a{30}b",
      "(x+x+)+y",
      "^(([a-z])+.)+[A-Z]([a-z])+$",
    ]
  ) {
    equal(regex(pattern)(text), false, pattern);
  }
  ok(performance.now() - started < 20_000, "minutes would mean backtracking");
});

Deno.test("patterns that would grow without bound are refused", () => {
  const started = performance.now();
  for (
    const pattern of [
      "a{1001}",
      "((a{100}){100}){100}",
      "(((((a{30}){30}){30}){30}){30})",
      "a".repeat(MAX_PATTERN + 1),
      "(".repeat(900),
      "(?:".repeat(300) + "a" + "){9}".repeat(9),
    ]
  ) {
    ok(typeof compileRegex(pattern) !== "function", pattern.slice(0, 40));
  }
  ok(performance.now() - started < 5000);
});

Deno.test("a pattern is searched for anywhere, and ties itself to the ends", () => {
  equal(regex("b")("abc"), true);
  equal(regex("^b")("abc"), false);
  equal(regex("c$")("abc\n"), false);
  equal(regex("c$")("abc"), true);
  equal(regex("a.c")("a\nc"), false);
  equal(regex("(?s)a.c")("a\nc"), true);
  equal(regex("(?m)^b$")("a\nb\nc"), true);
  equal(regex("(?i)É")("é"), true);
});

Deno.test("a glob fits the whole text, across lines", () => {
  const glob = (pattern: string, text: string) =>
    (compileGlob(pattern) as Test)(text);
  equal(glob("*", ""), true);
  equal(glob("?", ""), false);
  equal(glob("a*c", "a\nbc"), true);
  equal(glob("a*c", "abcd"), false);
  equal(glob("(a+)*", "(a+)bc"), true);
  equal(glob("\\*", "*"), true);
  equal(glob("\\*", "a"), false);
  equal(glob("a\\", "a\\"), true);
  equal(glob("?", "😀"), true);
});
