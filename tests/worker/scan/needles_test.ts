import { deepEqual, equal } from "node:assert/strict";
import {
  type Needle,
  NeedleSet,
  NeedleStream,
} from "../../../worker/scan/needles.ts";
import { Random } from "../../fuzz/random.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function occurs(needle: string, text: string, caseless = false): boolean {
  const found = new Uint8Array(1);
  const haystack = bytes(text);
  new NeedleSet([{ text: needle, caseless }])
    .search(haystack, 0, haystack.length, found);
  return found[0] === 1;
}

Deno.test("A needle is found anywhere, and in its own case only", () => {
  equal(occurs("cart", "GET /api/cart"), true);
  equal(occurs("GET", "GET /api/cart"), true);
  equal(occurs("Cart", "GET /api/cart"), false);
  equal(occurs("carts", "GET /api/cart"), false);
  equal(occurs("", "x"), true);
  equal(occurs("x", ""), false);
});

Deno.test("A caseless needle is found in either case", () => {
  equal(occurs("content-type", "Content-TYPE: x", true), true);
  equal(occurs("ÄB", "Äb", true), false); // only ASCII letters have a case
});

Deno.test("Needles that straddle chunks are found, others are not (50,000 seeded)", () => {
  const random = new Random(7);
  let hits = 0;
  for (let i = 0; i < 50_000; i++) {
    const letters = () =>
      Array.from(
        { length: random.int(1, 5) },
        () => random.pick("abAB".split("")),
      )
        .join("");
    const needles: Needle[] = Array.from(
      { length: random.int(1, 3) },
      () => ({ text: letters(), caseless: random.chance(0.4) }),
    );
    const chunks = Array.from({ length: random.int(1, 6) }, letters);
    const set = new NeedleSet(needles);
    const stream = new NeedleStream(set);
    const found = new Uint8Array(needles.length);
    for (const chunk of chunks) {
      stream.add(bytes("#" + chunk), 1, chunk.length + 1, found);
    }
    const whole = chunks.join("");
    const expected = needles.map(({ text, caseless }) =>
      Number(
        caseless
          ? whole.toLowerCase().includes(text.toLowerCase())
          : whole.includes(text),
      )
    );
    deepEqual([...found], expected, JSON.stringify({ i, needles, chunks }));
    hits += found.reduce((sum, hit) => sum + hit, 0);
  }
  equal(hits > 20_000 && hits < 80_000, true, `${hits} hits`);
});
