import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const task = fileURLToPath(
  new URL("../../tasks/run_tests.ts", import.meta.url),
);

/** What the task says to one file of tests, and how it ends. */
async function run(source: string): Promise<{ code: number; lines: string[] }> {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "sample_test.ts");
    await Deno.writeTextFile(file, source);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", task, file],
    }).output();
    return {
      code,
      lines: new TextDecoder().decode(stdout).trimEnd().split("\n"),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a run of tests ends in one plain line", async () => {
  const { code, lines } = await run(`
    Deno.test("goes well", () => {});
    Deno.test("has a step", async (t) => {
      await t.step("of its own", () => {});
    });
    Deno.test({ name: "waits for <better> times", ignore: true, fn() {} });
  `);
  equal(lines.at(-1), "2 passed, 0 failed, 1 skipped");
  equal(code, 0);
  match(lines.join("\n"), /^Skipped:\n {2}.*: waits for <better> times$/m);
});

Deno.test("a failed test fails the run, and says why", async () => {
  const { code, lines } = await run(`
    Deno.test("goes well", () => {});
    Deno.test("goes wrong", () => { throw new Error("the reason"); });
  `);
  equal(lines.at(-1), "1 passed, 1 failed, 0 skipped");
  equal(code, 1);
  match(lines.join("\n"), /goes wrong[^]*the reason/);
});

Deno.test("a file that cannot be read fails the run", async () => {
  for (const source of ["const n: number = 'text';", "throw new Error();"]) {
    const { code, lines } = await run(source);
    equal(lines.at(-1), "0 passed, 1 failed, 0 skipped");
    equal(code, 1);
  }
});
