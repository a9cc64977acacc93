/**
 * `deno task ok`: format, lint, types and every test, as CI does. All of them
 * run, also after one has failed; the line of the tests comes last.
 */
import { test, toLine } from "./run_tests.ts";

const CHECKS = [
  ["fmt", "--check"],
  ["lint"],
  // Frozen: what deno.json names must be pinned in deno.lock.
  ["check", "--frozen"],
];

const failed: string[] = [];
for (const args of CHECKS) {
  const { success } = await new Deno.Command(Deno.execPath(), { args })
    .spawn().status;
  if (!success) failed.push(`deno ${args.join(" ")}`);
}
const tally = await test([]);
for (const check of failed) console.log(`Failed: ${check}`);
console.log(toLine(tally));
Deno.exit(failed.length > 0 || tally.failed > 0 ? 1 : 0);
