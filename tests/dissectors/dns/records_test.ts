/**
 * Record data against the zone file that the server read: what went over the
 * wire is written again as it was written by hand.
 */
import { deepEqual, equal } from "node:assert/strict";
import { readData } from "../../../dissectors/dns/rdata.ts";
import { Names } from "../../../dissectors/dns/wire.ts";
import { typeName } from "../../../dissectors/dns/parameters.ts";
import { replay } from "../dissect.ts";

const FOLDER = new URL("../../../dissectors/dns/fixtures/", import.meta.url);
const ORIGIN = "types.test";

interface ZoneRecord {
  readonly name: string;
  readonly type: string;
  readonly data: unknown;
}

/** The records of a zone file in which each has a line. */
function readZone(text: string): ZoneRecord[] {
  return text.split("\n").filter((line) => /^[^;$\s]/.test(line)).map(
    (line) => {
      const [, owner, type, data] = /^(\S+)\s+(\S+)\s+(.*)$/.exec(line)!;
      const name = owner === "@" ? ORIGIN : `${owner}.${ORIGIN}`;
      const value = type === "TXT" ? toTexts(data!) : withoutFinalDots(data!);
      return { name, type: type!, data: value };
    },
  );
}

/** Names in an entry have no final dot. */
function withoutFinalDots(data: string): string {
  return data.replace(/("(?:[^"\\]|\\.)*")|(?<=[^\s.])\.(?=\s|$)/g, "$1");
}

/** The quoted texts, their escapes undone. */
function toTexts(data: string): string[] {
  return [...data.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) =>
    text!.replace(
      /\\(\d{3}|.)/g,
      (_, it: string) => it.length === 3 ? String.fromCharCode(Number(it)) : it,
    )
  );
}

const key = ({ name, type, data }: ZoneRecord) =>
  JSON.stringify([name, type, data]);

Deno.test("a transferred zone reads as the file that it was made from", () => {
  const zone = readZone(Deno.readTextFileSync(new URL("types.zone", FOLDER)));
  const entries = replay(Deno.readFileSync(new URL("types.pcap", FOLDER)));
  const answers = entries
    .filter(({ summary }) => summary === `AXFR ${ORIGIN}`)
    .flatMap(({ response }) => (response as { answers: ZoneRecord[] }).answers);
  const [start] = answers;
  equal(key(answers.at(-1)!), key(start!), "a transfer ends with its SOA");
  deepEqual(
    answers.slice(0, -1).map(key).sort(),
    zone.map(key).sort(),
  );
});

/** Records that BIND 9.18 does not know, and damaged ones. */
const FURTHER: readonly [
  what: string,
  type: number,
  hex: string,
  data: unknown,
][] = [
  ["a text", 261, "0671 6e61 6d65 6d", '"qnamem"'],
  ["two texts", 262, "03 425443 04 62633131", '"BTC" "bc11"'],
  ["one text", 263, "03 544350", '"TCP"'],
  ["its target", 66, "003b 01 14e9 03 666f6f 00", "CDS 1 5353 foo"],
  ["base64", 67, "00ff10", "AP8Q"],
  ["base64", 68, "00ff10", "AP8Q"],
  ["a port", 11, "0a000001 06 00000040", "10.0.0.1 6 25"],
  ["which has no form", 10, "0102", "\\# 2 0102"],
  ["two names", 14, "0161 00 0162 00", "a b"],
  [
    "a signature",
    24,
    "0001 05 03 00015180 00000000 00000000 0a52 00 ff",
    "A 5 3 86400 19700101000000 19700101000000 2642 . /w==",
  ],
  ["a key", 25, "0100 03 05 ff", "256 3 5 /w=="],
  ["a bitmap", 30, "0161 00 40000022", "a A PX NXT"],
  [
    "a key",
    249,
    "0161 00 00000000 00000001 0003 0000 0001 ff 0000",
    "a 19700101000000 19700101000001 3 0 1 /w== 0",
  ],
  [
    "a MAC",
    250,
    "0161 00 000065000000 012c 0002 ffff 04d2 0000 0000",
    "a 1694498816 300 2 //8= 1234 0 0",
  ],
  ["a digest", 32769, "0001 05 01 ff", "1 5 1 FF"],
  ["which has no form", 103, "00", "\\# 1 00"],
  ["no data", 1, "", undefined],
  ["an A of three bytes", 1, "0a0000", "\\# 3 0A0000"],
  ["an A of five bytes", 1, "0a00000100", "\\# 5 0A00000100"],
  ["an MX cut in its name", 15, "000a 04 6d61", "\\# 5 000A046D61"],
  ["an MX with a looping name", 15, "000a c002", "\\# 4 000AC002"],
  ["a TXT whose text is too short", 16, "05 6162", "\\# 3 056162"],
  ["a TXT that is not UTF-8", 16, "02 ff41", [{ base64: "/0E=" }]],
  [
    "a LOC of another version",
    29,
    "01" + "00".repeat(15),
    "\\# 16 01" + "00".repeat(15),
  ],
  ["an NSEC with an empty window", 47, "00 00 00", "\\# 3 000000"],
  [
    "an NSEC with a long window",
    47,
    "00 00 21" + "00".repeat(33),
    "\\# 36 000021" + "00".repeat(33),
  ],
  ["an APL of an unknown family", 42, "0003 08 01 0a", "\\# 5 000308010A"],
  [
    "an APL with a long address",
    42,
    "0001 08 05 0a0a0a0a0a",
    "\\# 9 000108050A0A0A0A0A",
  ],
  ["an IPSECKEY with an unknown gateway", 45, "0a 04 02 00", "\\# 4 0A040200"],
  [
    "a service parameter cut short",
    64,
    "0001 00 0001 0008 02",
    "\\# 8 0001000001000802",
  ],
  [
    "a service parameter whose list is",
    64,
    "0001 00 0001 0002 0268",
    "\\# 9 000100000100020268",
  ],
  ["a service parameter without value", 64, "0001 00 0008 0000", "1 . ohttp"],
];

for (const [what, type, hex, data] of FURTHER) {
  Deno.test(`record data: ${typeName(type)}, ${what}`, () => {
    const bytes = Uint8Array.fromHex(hex.replaceAll(" ", ""));
    deepEqual(readData(new Names(bytes), type, 0, bytes.length), data);
  });
}
