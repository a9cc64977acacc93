import { deepEqual, equal, ok } from "node:assert/strict";
import { parseProtobuf } from "../../kfl/formats/protobuf.ts";
import { parseXml } from "../../kfl/formats/xml.ts";
import { concat, Random } from "../fuzz/random.ts";

Deno.test("XML is read by the names of its elements", () => {
  deepEqual(
    parseXml(`<?xml version="1.0"?>
      <!DOCTYPE bookstore SYSTEM "x.dtd">
      <!-- <ignored/> -->
      <bookstore xmlns:x='urn:x'>
        <book id="1" x:lang = 'en'><title>A &amp; B &#x41;&#66; &unknown;</title></book>
        <book id="2"><title>C</title>and text</book>
        <empty/><blank> </blank>
        <raw><![CDATA[<not> & markup]]></raw>
      </bookstore>`),
    {
      bookstore: {
        "@xmlns:x": "urn:x",
        book: [
          { "@id": "1", "@x:lang": "en", title: "A & B AB &unknown;" },
          { "@id": "2", title: "C", "#text": "and text" },
        ],
        empty: "",
        blank: "",
        raw: "<not> & markup",
      },
    },
  );
});

Deno.test("what is no XML gives nothing", () => {
  for (
    const text of [
      "",
      "text",
      "<a>",
      "</a>",
      "<a></b>",
      "<a></a><b></b>",
      "<a></a>text",
      "<a b=c></a>",
      "<a",
      "<a><![CDATA[x</a>",
      "<!-- x",
      "<1/>",
      "<a>".repeat(200) + "</a>".repeat(200),
    ]
  ) equal(parseXml(text), undefined, text);
});

Deno.test("names that every object has are names like others", () => {
  const parsed = parseXml(
    "<a><__proto__>x</__proto__><constructor>y</constructor></a>",
  );
  deepEqual(Object.entries(parsed!.a as object), [
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
});

/** A field with its tag. */
function field(number: number, wire: number, ...content: number[]): Uint8Array {
  return Uint8Array.of(number << 3 | wire, ...content);
}

function text(number: number, value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return concat(field(number, 2, bytes.length), bytes);
}

Deno.test("Protocol Buffers are read by field number", () => {
  const inner = concat(field(1, 0, 0x96, 0x01), text(2, "shoe"));
  const message = concat(
    field(1, 0, 5),
    field(2, 5, 1, 0, 0, 0),
    field(3, 1, 2, 0, 0, 0, 0, 0, 0, 0),
    text(4, "naïve"),
    concat(field(5, 2, inner.length), inner),
    field(6, 2, 2, 0xff, 0xfe),
    field(1, 0, 6),
    field(1, 0, 7),
    field(7, 0, ...new Array<number>(9).fill(0xff), 0x01),
  );
  deepEqual(parseProtobuf(message), {
    1: [5, 6, 7],
    2: 1,
    3: 2,
    4: "naïve",
    5: { 1: 150, 2: "shoe" },
    6: { base64: "//4=" },
    7: 18446744073709551615n,
  });
});

Deno.test("what is no message gives nothing", () => {
  for (
    const bytes of [
      [],
      [0],
      [0x08],
      [0x08, ...new Array<number>(11).fill(0xff)],
      [0x0a, 5, 1],
      [0x0b, 0x0c],
      [0x0d, 1, 2, 3],
      [0x09, 1],
    ]
  ) equal(parseProtobuf(Uint8Array.from(bytes)), undefined, `${bytes}`);
});

Deno.test("any bytes are read in bounded time and depth", () => {
  const random = new Random(3);
  const started = performance.now();
  for (let n = 0; n < 2000; n++) {
    const bytes = random.bytes(random.int(0, 200));
    parseProtobuf(bytes);
    parseXml(
      new TextDecoder().decode(bytes).replaceAll(
        /[^ ]/g,
        () =>
          random.pick(["<", ">", "/", "a", '"', "=", " ", "!", "[", "]", "-"]),
      ),
    );
  }
  let deep: Uint8Array = text(1, "x");
  for (let n = 0; n < 1000 && deep.length < 60_000; n++) {
    const size = deep.length;
    const length = size < 128 ? [size] : [size & 127 | 128, size >> 7];
    if (size >= 16_384) break;
    deep = concat(field(1, 2, ...length), deep);
  }
  ok(parseProtobuf(deep));
  for (
    const hostile of [
      "<a ".repeat(20_000),
      "<a" + " ".repeat(65_000),
      "<".repeat(65_000),
      "<a b='" + "'".repeat(60_000),
      "<![CDATA[".repeat(7000),
      "&".repeat(65_000),
      "<a>" + "&#x".repeat(20_000) + "</a>",
      "<a/>".repeat(16_000),
      "<a>".repeat(16_000),
      "<a " + 'b="c" '.repeat(10_000) + "/>",
    ]
  ) parseXml(hostile);
  ok(performance.now() - started < 20_000, "minutes would mean backtracking");
});
