/** Messages: what is sent is read, and nothing else is. */
import { deepEqual, equal, throws } from "node:assert/strict";
import { BadMessage } from "../../api/batch.ts";
import {
  type Ask,
  MAX_CREDIT,
  MAX_LAST,
  MAX_TEXT,
  readAnswer,
  readAsk,
  readGrant,
  readQueryRequest,
} from "../../api/messages.ts";
import { SCHEMA } from "../../dissectors/registry.ts";
import { compileQuery } from "../../kfl/query.ts";
import { Random } from "../fuzz/random.ts";

/** What is left of a value when it was sent. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const ask = (): Ask => ({
  plan: compileQuery("http and response.status >= 500", SCHEMA, { now: 1e15 })
    .plan!,
  output: "row",
  last: 100,
  credit: 4,
  after: { completed: 5, place: 7, n: 1 },
});

Deno.test("a question comes through as it was asked", () => {
  const question = {
    kfl: "http",
    from: 1,
    to: 2,
    order: "desc",
    limit: 10,
    last: 0,
    output: "count",
    credit: 3,
  };
  deepEqual(sent(readQueryRequest(JSON.stringify(question))), question);
});

Deno.test("a plain client sends the filter itself", () => {
  deepEqual(readQueryRequest("http and error"), { kfl: "http and error" });
  deepEqual(readQueryRequest(""), { kfl: "" });
});

Deno.test("a question to a worker comes through, plan and all", () => {
  deepEqual(sent(readAsk(JSON.stringify(ask()))), sent(ask()));
  const { after: _, ...first } = ask();
  equal(readAsk(JSON.stringify(first)).after, undefined);
});

Deno.test("a plan of another version is refused, and says what to do", () => {
  const other = { ...ask(), plan: { ...ask().plan, version: 99 } };
  throws(() => readAsk(JSON.stringify(other)), /same version/);
});

Deno.test("what breaks a bound or has the wrong type is refused by name", () => {
  const wrong: [part: object, name: RegExp][] = [
    [{}, /"kfl" must/],
    [{ kfl: 5 }, /"kfl" must/],
    [{ kfl: "", from: "now" }, /"from" must/],
    [{ kfl: "", to: 1.5 }, /"to" must/],
    [{ kfl: "", order: "up" }, /"order" must/],
    [{ kfl: "", limit: -1 }, /"limit" must/],
    [{ kfl: "", follow: 1 }, /"follow" must/],
    [{ kfl: "", last: MAX_LAST + 1 }, /"last" must/],
    [{ kfl: "", output: "xml" }, /"output" must/],
    [{ kfl: "", credit: MAX_CREDIT + 1 }, /"credit" must/],
    [{ kfl: "", follow: true, order: "desc" }, /oldest first/],
    [{ kfl: "", folow: true }, /no "folow"/],
  ];
  for (const [part, name] of wrong) {
    throws(() => readQueryRequest(JSON.stringify(part)), name);
  }
  for (const after of [5, {}, { completed: 1, place: -1, n: 0 }]) {
    throws(() => readAsk(JSON.stringify({ ...ask(), after })), /"after" must/);
  }
  throws(() => readGrant('{"credit":-1}'), /"credit" must/);
  throws(() => readGrant("{}"), BadMessage);
  throws(() => readAnswer("{}"), BadMessage);
  throws(() => readAnswer("[]"), BadMessage);
  throws(() => readQueryRequest("{" + " ".repeat(MAX_TEXT)), /too long/);
});

Deno.test("damaged messages are refused or read, and nothing else happens", () => {
  const random = new Random(11);
  const sound = [
    JSON.stringify({ kfl: "http", from: 1, follow: true, credit: 3 }),
    JSON.stringify(ask()),
    '{"credit":4}',
    '{"done":{"matches":4},"coverage":[]}',
  ].map((text) => new TextEncoder().encode(text));
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = random.mutate(random.pick(sound));
    const text = new TextDecoder().decode(bytes);
    for (const read of [readQueryRequest, readAsk, readGrant, readAnswer]) {
      try {
        read(text);
      } catch (error) {
        if (!(error instanceof BadMessage)) throw error;
        refused++;
      }
    }
  }
  equal(refused > 20_000, true, `${refused} were refused`);
});
