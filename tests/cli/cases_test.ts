/** Every case of `cases.ts`, two at a time. */
import { equal, match } from "node:assert/strict";
import { type Case, CASES } from "./cases.ts";
import { type Outcome, thresher } from "./program.ts";
import { captures, Scratch } from "./scratch.ts";

Deno.test("command lines print what they should, and end so", async (t) => {
  using scratch = new Scratch(captures());
  const outcomes = await runAll(scratch.folder);
  for (const [i, one] of CASES.entries()) {
    await t.step(one.says, () => check(one, outcomes[i]!));
  }
});

async function runAll(folder: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  const work = async () => {
    while (next < CASES.length) {
      const i = next++;
      outcomes[i] = await thresher(folder, CASES[i]!.args);
    }
  };
  await Promise.all([work(), work(), work()]);
  return outcomes;
}

function check(expected: Case, { code, stdout, stderr }: Outcome): void {
  compare(stderr, expected.stderr ?? (expected.code === undefined ? /^/ : /./));
  compare(stdout, expected.stdout ?? (expected.code === 5 ? /^/ : ""));
  equal(code, expected.code ?? 0);
}

function compare(text: string, expected: string | RegExp): void {
  if (typeof expected === "string") equal(text, expected);
  else match(text, expected);
}
