/**
 * KFL of any text: a plan or diagnostics, never an uncaught error, and what a
 * plan gives holds together.
 *
 * `KFL_FUZZ_CASES` says how many cases, `KFL_FUZZ_SEED` with which to begin.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { MAX_DIAGNOSTICS, renderDiagnostics } from "../../kfl/diagnostic.ts";
import {
  compileBytes,
  compileConversation,
  compileFlow,
  compileMessage,
  compileShard,
  isConversationTest,
} from "../../kfl/evaluator.ts";
import { complete } from "../../kfl/completion.ts";
import { explain } from "../../kfl/explain.ts";
import { formatFilter } from "../../kfl/format.ts";
import { satisfies } from "../../kfl/interpreter.ts";
import { compilePacket } from "../../kfl/packet_filter.ts";
import type { Plan } from "../../kfl/plan.ts";
import { compileQuery } from "../../kfl/query.ts";
import { ENTRIES, NOW } from "../kfl/entries.ts";
import { EPOCH, randomFilter } from "../kfl/random_filter.ts";
import { findNeedles, randomTraffic } from "../kfl/random_traffic.ts";
import { schema } from "../kfl/schema.ts";
import { cpuTime } from "./cpu_time.ts";
import { Random } from "./random.ts";

const CASES = Number(Deno.env.get("KFL_FUZZ_CASES") ?? 40_000);
const FIRST_SEED = Number(Deno.env.get("KFL_FUZZ_SEED") ?? 1);

/** Cases in one test, so that a failure does not hide behind the rest. */
const BATCH = 5000;

/** The filters of the cases, right and wrong. */
const SEEDS = [...Deno.readDirSync(new URL("../kfl/cases/", import.meta.url))]
  .flatMap(({ name }) => {
    const url = new URL(`../kfl/cases/${name}`, import.meta.url);
    const text = Deno.readTextFileSync(url);
    return [...text.matchAll(/```kfl\n([^]*?)\n```/g)].map(([, kfl]) => kfl!);
  });

/** Pieces of which a filter, or something like one, is made. */
const PIECES = [
  ..."and or not in true false nil && || ! ( ) [ ] , . .. * + - / == != < <= > >="
    .split(" "),
  ..."= & | ? : ; @ \\ { } % ^ ~ ` # $ === <> =~ and( not( [*] .* 0x 1e 5x 1.."
    .split(
      " ",
    ),
  ..."http redis dns tcp udp gql http2 request response src dst port ip name error"
    .split(" "),
  ..."request.path request.key response.status response.answers[*].ttl timestamp"
    .split(" "),
  ..."elapsedTime protocol transport incomplete request.headers node.name x a"
    .split(" "),
  ..."contains startsWith endsWith matches like lower() size() json() xml() base64()"
    .split(" "),
  ..."now(1) lower(1) exists() contains() like(1, 2) seconds() datetime(1, 2)"
    .split(" "),
  ..."protobuf() exists( any( all( now() seconds( hours( datetime( limit( redact("
    .split(" "),
  ...'"a" \'b\' r"c" r"( "\\d" "\\u{110000}" " r\' "" 42 3.14 -7 9007199254740993'
    .split(" "),
  ..."1e999 1e-999 99999999999999999999w 0.0000001us 9e307 -0".split(" "),
  ..."10KB 4MiB 150us 20ms 5s 1h30m 10.0.0.1 10.0.0.0/8 ::1 fe80::/10 1.2.3 é 😀 \0"
    .split(" "),
];

function randomText(random: Random): string {
  switch (random.int(0, 5)) {
    case 0:
      return randomFilter(random);
    case 1:
      return mutated(random, randomFilter(random));
    case 2:
      return Array.from(
        { length: random.int(1, 12) },
        () => random.pick(PIECES),
      ).join(random.pick([" ", " ", ""]));
    case 3:
      return spliced(random, random.pick(SEEDS), random.pick(SEEDS));
    default:
      return mutated(random, random.pick(SEEDS));
  }
}

/** A filter with some of its words cut, doubled, moved or replaced. */
function mutated(random: Random, text: string): string {
  let parts = text.split(/\b/);
  for (let n = random.int(1, 4); n > 0; n--) {
    const at = random.int(0, parts.length);
    const count = random.int(0, 2);
    switch (random.int(0, 4)) {
      case 0:
        parts.splice(at, count);
        break;
      case 1:
        parts.splice(at, 0, ...parts.slice(at, at + count));
        break;
      case 2:
        parts.splice(at, count, random.pick(PIECES));
        break;
      case 3:
        parts = parts.slice(0, at);
        break;
      default: {
        const piece = parts[at] ?? "";
        const cut = random.int(0, piece.length);
        parts[at] = piece.slice(0, cut) + piece.slice(cut + 1);
      }
    }
  }
  return parts.join("");
}

function spliced(random: Random, a: string, b: string): string {
  const join = random.pick([" and ", " or ", " ", "("]);
  return a.slice(0, random.int(0, a.length)) + join +
    b.slice(random.int(0, b.length));
}

/** All that can be asked of a filter's text. */
function tryText(text: string, random: Random): void {
  const { plan, diagnostics } = compileQuery(text, schema, { now: NOW });
  const cursor = random.int(0, text.length);
  const completion = complete(text, cursor, schema);
  ok(completion.from <= cursor && completion.to === cursor);
  if (plan) tryPlan(plan, random);
  else {
    ok(diagnostics.length > 0 && diagnostics.length <= MAX_DIAGNOSTICS);
    for (const { span } of diagnostics) {
      ok(span.from >= 0 && span.from <= span.to && span.to <= text.length + 1);
    }
    ok(renderDiagnostics(text, diagnostics).startsWith("error: "));
  }
}

function tryPlan(plan: Plan, random: Random): void {
  deepEqual(JSON.parse(JSON.stringify(plan)), plan);
  ok(explain(plan).includes("message"));
  const text = formatFilter(plan.filter);
  const again = compileQuery(text, schema, { now: NOW });
  deepEqual(again.plan?.filter, plan.filter, text);
  const matches = compileMessage(plan);
  for (const entry of Object.values(ENTRIES)) {
    equal(matches(entry), satisfies(plan.filter, entry), text);
  }
  const traffic = randomTraffic(random);
  compileShard(plan)(traffic.shard);
  compileFlow(plan)(traffic.flow);
  const { needles, decide } = compileBytes(plan);
  decide(findNeedles(needles, traffic.bytes), traffic.flow);
  compilePacket(plan);
  if (isConversationTest(plan)) compileConversation(plan);
}

for (let from = 0; from < CASES; from += BATCH) {
  const seed = FIRST_SEED + from / BATCH;
  const count = Math.min(BATCH, CASES - from);
  Deno.test(`${count} random filters, seed ${seed}`, () => {
    const random = new Random(seed);
    for (let n = 0; n < count; n++) {
      const text = randomText(random);
      try {
        tryText(text, random);
      } catch (error) {
        throw new Error(`On ${JSON.stringify(text)}`, { cause: error });
      }
    }
  });
}

/** Texts of 64 KB, and of the most that is read, that are all repetition. */
function* repetitions(): Generator<string> {
  const random = new Random(FIRST_SEED);
  for (const size of [16_384, 65_536]) {
    for (const piece of [...PIECES, "a.b ", "x == ", "a and ", '"\\', "1:"]) {
      yield piece.repeat(Math.floor(size / piece.length));
      yield `${piece} `.repeat(Math.floor(size / (piece.length + 1)));
    }
    for (let n = 0; n < 100; n++) {
      const piece = randomText(random) +
        random.pick([" and ", " or ", " ", ""]);
      yield piece.repeat(Math.ceil(size / Math.max(1, piece.length)))
        .slice(0, size);
    }
    yield "[(".repeat(30) + " ]".repeat(size / 2 - 40);
    yield `src.ip in [${"10.0.0.1, ".repeat(size / 10 - 3)}10.0.0.2]`;
    yield `"${"a".repeat(size - 2)}"`;
    yield `request.path matches "${"(a*)*".repeat(160)}"`;
  }
}

Deno.test("no text of up to 64 KB takes long", () => {
  const random = new Random(FIRST_SEED);
  for (const text of repetitions()) {
    // The least of three: code is compiled and garbage collected meanwhile.
    const took = Math.min(...[1, 2, 3].map(() => {
      const started = cpuTime();
      compileQuery(text, schema, { now: EPOCH });
      return cpuTime() - started;
    }));
    ok(took < 50, `${took} ms for ${JSON.stringify(text.slice(0, 60))}…`);
    complete(text, random.int(0, text.length), schema);
  }
});
