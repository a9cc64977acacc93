/** Runs `query`. */
import { toPlain, toPlainHead } from "../entry/json.ts";
import type { DissectedEntry } from "../dissectors/dissected.ts";
import { explain } from "../kfl/explain.ts";
import type { Plan } from "../kfl/plan.ts";
import { redact } from "../kfl/redaction.ts";
import { SCHEMA } from "../dissectors/registry.ts";
import { TemporaryRuns } from "../worker/scan/runs.ts";
import { countStages, type Coverage } from "../worker/scan/source_scan.ts";
import { Sorter } from "../worker/scan/sorter.ts";
import { describeCoverage, isPartial } from "./coverage.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { toPlan } from "./filter.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import { Output, say } from "./output.ts";
import type { QueryOptions } from "./query.ts";
import { searchFolder } from "./search_folder.ts";
import { type OnMatch, searchSavefiles } from "./savefiles.ts";
import { styleOf, type TableStyle, toHeading, toRow } from "./table.ts";

/** Searches the sources and prints what matches, in order. */
export async function runQuery(
  kfl: string,
  options: QueryOptions,
): Promise<ExitCode> {
  const { from, to, order, limit } = options;
  const plan = toPlan(kfl, {
    now: Date.now() * 1000,
    from,
    to,
    order,
    limit,
    bodies: options.json === true && options.count !== true,
  });
  const style = styleOf(Deno.stdout);
  const render = rendererOf(plan, options.json ? "json" : style);
  const sorter = new Sorter({
    order: plan.order,
    limit: plan.limit,
    store: () => new TemporaryRuns(),
  });
  let matches = 0;
  using interruption = new Interruption();
  let coverages: Coverage[];
  try {
    coverages = await search(options, plan, (entry, node) => {
      matches++;
      if (options.count || options.explain) return;
      const { timestamp, place, n } = entry;
      sorter.add({ timestamp, node, place, n, text: render(entry) });
    }, interruption.signal);
  } catch (error) {
    sorter.close();
    if (error instanceof Interrupted) return EXIT.INTERRUPTED;
    throw error;
  }
  const rows = Math.min(matches, plan.limit ?? Infinity);
  const output = new Output();
  if (options.explain) output.line(explain(plan, countStages(coverages)));
  else if (options.count) output.line(String(rows));
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

/** Searches what the options name. */
function search(
  { pcap, dataDir }: QueryOptions,
  plan: Plan,
  onMatch: OnMatch,
  signal: AbortSignal,
): Promise<Coverage[]> {
  if (pcap && dataDir !== undefined) {
    throw new CommandError(
      EXIT.MISUSED,
      "Name savefiles with --pcap or a folder with --data-dir, not both",
    );
  }
  if (pcap) return searchSavefiles(pcap, plan, onMatch, signal);
  if (dataDir !== undefined) {
    return searchFolder(dataDir, plan, onMatch, signal);
  }
  throw new CommandError(
    EXIT.MISUSED,
    "There is nothing to ask: name savefiles with --pcap, or a folder with --data-dir",
  );
}

/** How an entry becomes a line of JSON, or a row. */
function rendererOf(
  plan: Plan,
  form: "json" | TableStyle,
): (entry: DissectedEntry) => string {
  const hide = plan.redact;
  if (form === "json") {
    return (entry) => JSON.stringify(redact(toPlain(entry, SCHEMA), hide));
  }
  // What a row shows may quote what is hidden: then all of it is looked at.
  return hide.length > 0
    ? (entry) => toRow(redact(toPlain(entry, SCHEMA), hide), form)
    : (entry) => toRow(toPlainHead(entry), form);
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
