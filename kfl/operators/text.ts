/** Operators on texts, and on bytes as far as they are texts. */
import {
  compileGlob,
  compileRegex,
  globLiterals,
  regexLiterals,
  type Test,
} from "../pattern.ts";
import { Binary } from "../value.ts";
import type { Operator } from "./operator.ts";

/** A text, or bytes that are none. */
type Textual = string | Binary;

const CAFE = new Binary(new Uint8Array([0x63, 0x61, 0x66, 0xe9]));

export const contains: Operator<Textual, [part: Textual]> = {
  name: "contains",
  doc: "Whether the part stands anywhere in the text",
  takes: ["bytes", "bytes"],
  parameters: ["part"],
  gives: "bool",
  examples: [
    ["/api/cart", ["cart"], true],
    ["/api/cart", ["Cart"], false],
    ["/api/cart", [""], true],
    [CAFE, ["caf"], true],
  ],
  evaluate: (text, part) =>
    bytewise(text, part, (whole, piece) => whole.includes(piece)),
  requires: (part) => written(part),
};

export const startsWith: Operator<Textual, [prefix: Textual]> = {
  name: "startsWith",
  doc: "Whether the text begins with the prefix",
  takes: ["bytes", "bytes"],
  parameters: ["prefix"],
  gives: "bool",
  examples: [
    ["/api/cart", ["/api"], true],
    ["/API/cart", ["/api"], false], // letter case counts
    [CAFE, ["caf"], true],
  ],
  evaluate: (text, prefix) =>
    bytewise(text, prefix, (whole, piece) => whole.startsWith(piece)),
  requires: (prefix) => written(prefix),
};

export const endsWith: Operator<Textual, [suffix: Textual]> = {
  name: "endsWith",
  doc: "Whether the text ends with the suffix",
  takes: ["bytes", "bytes"],
  parameters: ["suffix"],
  gives: "bool",
  examples: [
    ["/api/cart", ["/cart"], true],
    ["/api/cart/", ["/cart"], false],
    [CAFE, ["af"], false],
  ],
  evaluate: (text, suffix) =>
    bytewise(text, suffix, (whole, piece) => whole.endsWith(piece)),
  requires: (suffix) => written(suffix),
};

export const matches: Operator<string, [pattern: string]> = {
  name: "matches",
  doc:
    "Whether the regular expression (RE2) is found anywhere in the text; `^` and `$` tie it to its ends",
  takes: ["text", "pattern"],
  parameters: ["pattern"],
  gives: "bool",
  examples: [
    ["application/json; charset=utf-8", ["json"], true],
    ["/v2/items", ["^/v[12]/"], true],
    ["/api/v2/items", ["^/v[12]/"], false],
    ["/API", ["(?i)api"], true],
  ],
  evaluate: (text, pattern) => usable(compileRegex(pattern))(text),
  requires: regexLiterals,
};

export const like: Operator<string, [glob: string]> = {
  name: "like",
  doc:
    "Whether the whole text has the form of the glob: `*` is any run of characters, `?` any one",
  takes: ["text", "glob"],
  parameters: ["glob"],
  gives: "bool",
  examples: [
    ["/api/carts/items", ["/api/*/items"], true],
    ["/api/carts/items/5", ["/api/*/items"], false],
    ["web-1", ["web-?"], true],
    ["2 * 3", ["* \\* *"], true],
  ],
  evaluate: (text, glob) => usable(compileGlob(glob))(text),
  requires: globLiterals,
};

export const lower: Operator<string, []> = {
  name: "lower",
  doc: "The text in lower case",
  takes: ["text"],
  gives: "text",
  examples: [["Content-Type", [], "content-type"]],
  evaluate: (text) => text.toLowerCase(),
};

/** Compares as text where both are, else byte by byte. */
function bytewise(
  whole: Textual,
  piece: Textual,
  test: (whole: string, piece: string) => boolean,
): boolean {
  return typeof whole === "string" && typeof piece === "string"
    ? test(whole, piece)
    : test(toLatin1(whole), toLatin1(piece));
}

/** The bytes as a text of as many characters, U+0000 to U+00FF. */
function toLatin1(value: Textual): string {
  const bytes = typeof value === "string"
    ? new TextEncoder().encode(value)
    : value.bytes;
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

function written(part: Textual): string[] {
  return typeof part === "string" ? [part] : [];
}

/** A pattern that was found to be good when the filter was checked. */
function usable(test: Test | { problem: string }): Test {
  return typeof test === "function" ? test : () => false;
}
