import { deepEqual, equal } from "node:assert/strict";
import type { SeenValue, Wanted } from "../../../kfl/completion.ts";
import { KnownValues } from "../../../web/model/known_values.ts";

const PATH: Wanted = { path: "request.path", kfl: "" };
const KEY: Wanted = { path: "request.key", kfl: "redis" };

/** A hub that answers when it is told to. */
function scripted() {
  const asked: { wanted: Wanted; tell: (values: string[]) => void }[] = [];
  const ask = (wanted: Wanted) =>
    new Promise<readonly SeenValue[]>((resolve) => {
      const tell = (values: string[]) =>
        resolve(values.map((value) => ({ value, count: 1 })));
      asked.push({ wanted, tell });
    });
  let now = 0;
  const known = new KnownValues(ask, () => now);
  const news: string[] = [];
  const of = (wanted: Wanted) =>
    known.of(wanted, () => news.push(wanted.path)).map(({ value }) => value);
  return { asked, news, of, pass: (ms: number) => now += ms };
}

const settle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("what is not known is asked once, and told when it comes", async () => {
  const { asked, news, of } = scripted();
  deepEqual([of(PATH), of(PATH)], [[], []]);
  equal(asked.length, 1);
  asked[0]!.tell(["/a"]);
  await settle();
  deepEqual(news, ["request.path"]);
  deepEqual(of(PATH), ["/a"]);
  equal(asked.length, 1);
});

Deno.test("what is old is shown while it is asked again", async () => {
  const { asked, news, of, pass } = scripted();
  of(PATH);
  asked[0]!.tell(["/a"]);
  await settle();
  pass(60_000);
  deepEqual(of(PATH), ["/a"]);
  equal(asked.length, 2);
  // The same again is no news.
  asked[1]!.tell(["/a"]);
  await settle();
  equal(news.length, 1);
});

Deno.test("what nobody wants any more makes no news, and is kept", async () => {
  const { asked, news, of } = scripted();
  of(PATH);
  of(KEY);
  deepEqual(asked.map(({ wanted }) => wanted), [PATH, KEY]);
  asked[0]!.tell(["/a"]);
  await settle();
  deepEqual(news, []);
  deepEqual(of(PATH), ["/a"]);
});
