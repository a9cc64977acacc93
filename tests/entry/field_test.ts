import { deepEqual, equal } from "node:assert/strict";
import { fromBytes, toBytes, toShortText } from "../../entry/field.ts";
import { concat, Random } from "../fuzz/random.ts";

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Pieces of which valid and broken UTF-8 is made. */
const PIECES = [
  "a",
  "GET",
  "\u00e9",
  "\u20ac",
  "\u{1f988}",
  "\ufffd",
  "\ufeff",
].map((text) => new TextEncoder().encode(text));

/** UTF-8, of which some is broken. */
function randomBytes(random: Random): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let n = random.int(0, 12); n > 0; n--) {
    const piece = random.pick(PIECES);
    const isCut = random.chance(0.05);
    pieces.push(isCut ? piece.subarray(0, random.int(0, 2)) : piece);
    if (random.chance(0.02)) pieces.push(random.bytes(random.int(1, 3)));
  }
  return concat(...pieces);
}

function isValid(raw: Uint8Array): boolean {
  try {
    STRICT.decode(raw);
    return true;
  } catch {
    return false;
  }
}

Deno.test("bytes are text exactly if they are valid UTF-8", () => {
  const random = new Random(0x0ff);
  const seen = { valid: 0, broken: 0 };
  for (let i = 0; i < 20_000; i++) {
    const raw = randomBytes(random);
    const value = toBytes(raw);
    equal(typeof value === "string", isValid(raw), `${raw}`);
    deepEqual(fromBytes(value), raw);
    seen[isValid(raw) ? "valid" : "broken"]++;
  }
  equal(Math.min(seen.valid, seen.broken) > 2000, true, JSON.stringify(seen));
});

Deno.test("a short text is the same however it is made", () => {
  equal(toShortText(Uint8Array.of()), "");
  equal(toShortText(Uint8Array.of(0, 0x7f)), "\0\x7f");
  equal(toShortText(Uint8Array.of(0x61, 0x80)), undefined);
  equal(toShortText(new Uint8Array(13)), undefined);
});
