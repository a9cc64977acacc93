/**
 * `deno task compile`: makes `build/thresher`, one file that needs no Deno.
 *
 * What `cli.ts` imports goes in by itself. Threads and other files that the
 * program opens by their URL do not: `FILES` names them, and a test compares
 * it with the sources.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadAssets } from "../web/assets.ts";
import config from "../deno.json" with { type: "json" };

/** Files opened by `new URL("…", import.meta.url)`, from the repository. */
export const FILES: readonly string[] = [
  "worker/live/capture_thread.ts",
  "worker/live/probe_thread.ts",
  "worker/serve/scan_thread.ts",
];

/** Folders that are made first: the dashboard. */
const FOLDERS: readonly string[] = ["web/dist"];

const root = fileURLToPath(new URL("../", import.meta.url));

const TARGET = "build/thresher";

/** What Deno compiles into, and downloads. */
const BASE = `denort-${Deno.build.target}.zip`;

async function compile(): Promise<void> {
  const { problem } = await loadAssets();
  if (problem) fail(problem);
  const include = [...FILES, ...FOLDERS].flatMap((path) => ["--include", path]);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "-A", "--output", TARGET, ...include, "cli.ts"],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "inherit",
    stderr: "piped",
  }).output();
  const said = new TextDecoder().decode(stderr).trimEnd();
  if (success) return console.log(said);
  if (!said.includes("Setting up base binary")) return fail(said);
  fail(
    `Cannot make ${TARGET}: Deno could not download the runtime that it ` +
      `compiles into.\nGet ${BASE} of Deno ${Deno.version.deno} where there ` +
      `is a network, from\nhttps://dl.deno.land/release/v${Deno.version.deno}` +
      `/${BASE},\nunpack it here, and set DENORT_BIN to the path of \`denort\`.`,
  );
}

/** Runs what was made: a base of another kind makes files that do not work. */
async function verify(): Promise<void> {
  const { stdout } = await new Deno.Command(join(root, TARGET), {
    args: ["--version"],
    stdin: "null",
  }).output();
  const version = new TextDecoder().decode(stdout).trim();
  if (version === config.version) return console.log(`${TARGET} is made`);
  await Deno.remove(join(root, TARGET));
  fail(`What was made does not run: is DENORT_BIN the denort of this Deno?`);
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}

if (import.meta.main) {
  await compile();
  await verify();
}
