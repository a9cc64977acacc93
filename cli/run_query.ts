/** Runs `query`. */
import { toJson } from "../entry/json.ts";
import type { DissectedEntry } from "../dissectors/dissected.ts";
import { SCHEMA } from "../dissectors/registry.ts";
import { TemporaryRuns } from "../worker/scan/runs.ts";
import type { Coverage } from "../worker/scan/search.ts";
import { Sorter } from "../worker/scan/sorter.ts";
import { describeCoverage, isPartial } from "./coverage.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { toFilter } from "./filter.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import { Output, say } from "./output.ts";
import type { QueryOptions } from "./query.ts";
import { searchSavefiles } from "./savefiles.ts";
import { styleOf, toHeading, toRow } from "./table.ts";

/** Searches the sources and prints what matches, in order. */
export async function runQuery(
  kfl: string,
  options: QueryOptions,
): Promise<ExitCode> {
  const filter = toFilter(kfl, options);
  if (!options.pcap) {
    throw new CommandError(
      EXIT.MISUSED,
      "There is nothing to ask: name savefiles with --pcap",
    );
  }
  const style = styleOf(Deno.stdout);
  const render = options.json
    ? (entry: DissectedEntry) => toJson(entry, SCHEMA)
    : (entry: DissectedEntry) => toRow(entry, style);
  const sorter = new Sorter({
    order: options.order,
    limit: options.limit,
    store: () => new TemporaryRuns(),
  });
  let matches = 0;
  using interruption = new Interruption();
  let coverages: Coverage[];
  try {
    coverages = await searchSavefiles(options.pcap, filter, (entry, node) => {
      matches++;
      if (options.count) return;
      const { timestamp, place, n } = entry;
      sorter.add({ timestamp, node, place, n, text: render(entry) });
    }, interruption.signal);
  } catch (error) {
    sorter.close();
    if (error instanceof Interrupted) return EXIT.INTERRUPTED;
    throw error;
  }
  const rows = Math.min(matches, options.limit ?? Infinity);
  const output = new Output();
  if (options.count) output.line(String(rows));
  else {
    if (!options.json && rows > 0) output.line(toHeading(style));
    for (const row of sorter.rows()) output.line(row.text);
  }
  output.flush();
  for (const line of coverages.flatMap(describeCoverage)) {
    say(`thresher: ${line}`);
  }
  return toExitCode(options, rows, coverages.some(isPartial));
}

function toExitCode(
  options: QueryOptions,
  rows: number,
  partial: boolean,
): ExitCode {
  if (options.expect !== undefined && rows !== options.expect) {
    say(`thresher: expected ${options.expect} rows, got ${rows}`);
    return EXIT.UNEXPECTED;
  }
  if (options.strict && partial) {
    say("thresher: the answer is partial (see above)");
    return EXIT.UNEXPECTED;
  }
  return EXIT.DONE;
}
