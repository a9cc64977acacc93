/** Operators that look into a body: they read a format and give what it says. */
import { parseProtobuf } from "../formats/protobuf.ts";
import { parseXml } from "../formats/xml.ts";
import { Binary, MAX_VALUE_DEPTH, type Value } from "../value.ts";
import type { Operator } from "./operator.ts";

/** Longest text or bytes that are read as a format. */
export const MAX_FORMATTED = 16 * 1024 * 1024;

/** A text, or bytes that are none. */
type Textual = string | Binary;

export const json: Operator<string, []> = {
  name: "json",
  doc: "The text read as JSON; nil where it is none",
  takes: ["text"],
  gives: "json",
  examples: [
    ['{"error": {"code": 17}}', [], { error: { code: 17 } }],
    ["[1, 2]", [], [1, 2]],
    ["GET", [], undefined],
  ],
  evaluate(text) {
    if (text.length > MAX_FORMATTED) return undefined;
    try {
      return JSON.parse(text) as Value;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return undefined;
    }
  },
};

export const xml: Operator<string, []> = {
  name: "xml",
  doc:
    "The text read as XML, by the names of its elements: an element with text alone is that text, attributes are `@name`, further text is `#text`; nil where it is no XML",
  takes: ["text"],
  gives: "json",
  examples: [
    ["<a><b>1</b><b>2</b></a>", [], { a: { b: ["1", "2"] } }],
    ['<a id="7">x</a>', [], { a: { "@id": "7", "#text": "x" } }],
    ["GET", [], undefined],
  ],
  evaluate: (text) => text.length > MAX_FORMATTED ? undefined : parseXml(text),
};

export const base64: Operator<string, []> = {
  name: "base64",
  doc: "What the text stands for in Base64, ordinary or URL-safe; nil if not",
  takes: ["text"],
  gives: "bytes",
  examples: [
    ["aGVsbG8=", [], "hello"],
    ["aGVsbG8", [], "hello"],
    ["a", [], undefined],
  ],
  evaluate(text) {
    if (text.length > MAX_FORMATTED) return undefined;
    const alphabet = /[-_]/.test(text) ? "base64url" : "base64";
    try {
      return toTextual(Uint8Array.fromBase64(text, { alphabet }));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return undefined;
    }
  },
};

export const protobuf: Operator<Textual, []> = {
  name: "protobuf",
  doc:
    "The bytes read as a Protocol Buffers message without its schema, by field number (`[1]`): numbers, texts, bytes and messages as far as their form tells; nil where it is none",
  takes: ["bytes"],
  gives: "json",
  examples: [
    ["\x08\x05", [], { 1: 5 }],
    ["\n\x04cart", [], { 1: "cart" }],
    ["GET /", [], undefined],
  ],
  evaluate(raw) {
    const bytes = typeof raw === "string"
      ? new TextEncoder().encode(raw)
      : raw.bytes;
    if (bytes.length > MAX_FORMATTED) return undefined;
    return parseProtobuf(bytes, MAX_VALUE_DEPTH);
  },
};

/** Bytes as a text where they are one. */
function toTextual(bytes: Uint8Array): Textual {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return new Binary(bytes);
  }
}
