/** `worker`, where it may not do what it is told. */
import { equal, match } from "node:assert/strict";
import { thresher } from "./program.ts";
import { Scratch } from "./scratch.ts";

Deno.test("a worker that would answer unencrypted does not begin to capture", async () => {
  using scratch = new Scratch();
  const { folder } = scratch;
  await Deno.writeTextFile(`${folder}/secret`, crypto.randomUUID());
  const { code, stderr } = await thresher(folder, [
    ...["worker", "--listen", ":7700", "--secret-file", "secret"],
    ...["--data-dir", "packets"],
  ]);
  equal(code, 2, stderr);
  match(stderr, /^thresher: Cannot listen on .*--tls-cert.*\n$/);
});
