/**
 * `deno task test [FILE…] [-- …]`: sets up, runs every test, and ends with one
 * plain line: `N passed, N failed, N skipped`.
 *
 * Deno names every test; of several thousand only those matter that failed, so
 * here a file is a line, and what tests print themselves is kept.
 */
import { setUp } from "../tests/setup.ts";

/** How a run of tests ended. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Sets up and runs the tests, printing as it goes. */
export async function test(args: readonly string[]): Promise<Tally> {
  await setUp();
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const deno = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", `--junit-path=${report}`, ...args],
      env: { NO_COLOR: "1" },
      stdout: "piped",
    }).spawn();
    const summary = await condense(deno.stdout);
    const { success } = await deno.status;
    printDetails(await Deno.readTextFile(report));
    return toTally(summary, success);
  } finally {
    await Deno.remove(report);
  }
}

/** The plain line. */
export function toLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/**
 * Prints what `deno test` writes, without its line for each test that went well.
 *
 * @returns its last line of counts; empty if it ended without
 */
async function condense(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<string> {
  let summary = "";
  let begun = ""; // the name of a test that prints or has steps
  for await (const line of linesOf(output)) {
    if (line.endsWith(" ...")) begun = line;
    else if (/^(ok|FAILED) \| \d+ passed/.test(line)) summary = line;
    else if (line !== "" && !/ \.\.\. (ok|ignored) \([^)]*\)$/.test(line)) {
      if (line === "------- output -------") console.log(begun);
      console.log(line.replace(/^running (\d+ tests?) from/, "$1 in"));
    }
  }
  return summary;
}

async function* linesOf(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncIterable<string> {
  let rest = "";
  for await (const text of output.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest) yield rest;
}

function toTally(summary: string, success: boolean): Tally {
  const count = (what: string) =>
    Number(new RegExp(`(\\d+) ${what}`).exec(summary)?.[1] ?? 0);
  const failed = count("failed");
  return {
    passed: count("passed"),
    // Type errors end the run before anything is counted.
    failed: success ? failed : Math.max(1, failed),
    skipped: count("ignored"),
  };
}

/** Prints which tests were skipped and which files took longest. */
function printDetails(junit: string): void {
  const skipped: string[] = [];
  const seconds = new Map<string, number>();
  const cases =
    /<testcase name="(.*?)" classname="(.*?)" time="(.*?)".*?>\s*(<skipped)?/g;
  for (const [, name, file, time, isSkipped] of junit.matchAll(cases)) {
    seconds.set(file!, (seconds.get(file!) ?? 0) + Number(time));
    if (isSkipped) skipped.push(`  ${file}: ${fromXml(name!)}`);
  }
  if (skipped.length > 0) console.log(["Skipped:", ...skipped].join("\n"));
  const slowest = [...seconds].sort((a, b) => b[1] - a[1]).slice(0, 10);
  if (slowest.length > 0) console.log("Slowest files, in seconds:");
  for (const [file, time] of slowest) {
    console.log(`${time.toFixed(1).padStart(7)}  ${file}`);
  }
}

function fromXml(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"').replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}

if (import.meta.main) {
  const tally = await test(Deno.args);
  console.log(toLine(tally));
  Deno.exit(tally.failed > 0 ? 1 : 0);
}
