/** `query KFL`: prints the entries that match. */
import { type Command, Option } from "commander";
import { toCount, toExpectation } from "./arguments.ts";
import { addSource, addWindow } from "./common_options.ts";
import { finish } from "./finish.ts";
// Loaded at once: asked for later, it is waited for longer (a sixth of what it
// takes to show the newest entries).
import { runQuery } from "./run_query.ts";

/** Adds the command to the program. */
export function describeQuery(program: Command): void {
  const command = program.command("query")
    .summary("print the entries that match a filter")
    .description(
      "Prints what was said, one entry a line. Standard output has only " +
        "entries; coverage, progress and warnings go to standard error.",
    )
    .argument("[KFL]", "the filter; '' matches everything", "");
  addSource(command, "ask");
  command
    .addOption(
      new Option(
        "--hub <url>",
        "ask this hub; without --pcap, --data-dir and --hub, the one that " +
          "runs on this machine",
      ).conflicts(["pcap", "dataDir"]),
    )
    .option("--token-file <file>", "the token of that hub")
    .addOption(
      new Option("-f, --follow", "go on with what is captured from now on")
        .conflicts([
          ...["pcap", "dataDir", "order", "count", "explain", "expect"],
        ]),
    )
    .option("--last <n>", "with -f: begin with the last n entries", toCount)
    .option("--json", "print each entry as a line of JSON")
    .option("--count", "print only how many match")
    .option("--limit <n>", "print only the first n in the order", toCount)
    .addOption(
      new Option("--order <order>", "asc: oldest first; desc: newest first")
        .choices(["asc", "desc"]).default("asc"),
    );
  addWindow(command, "entries");
  command
    .option("--explain", "print how the query runs, and what each stage let by")
    .option(
      "--expect <n>",
      'exit with 5 unless n rows (or "none") came out',
      toExpectation,
    )
    .option("--strict", "exit with 5 if the answer is partial")
    .addHelpText(
      "after",
      `
Examples:
  thresher query 'http and response.status >= 500' --pcap capture.pcap
  thresher query 'dns and response.code != "NOERROR"' --pcap captures/ --json
  thresher query 'http and dst.port == 80' --pcap ci.pcap --expect none
  thresher query 'redis and error' -f
`,
    )
    .action(finish(runQuery));
}
