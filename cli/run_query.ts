/** Runs `query`. */
import type { Entry } from "../entry/entry.ts";
import { toPlain, toPlainHead } from "../entry/json.ts";
import type { DissectedEntry } from "../dissectors/dissected.ts";
import type { Plan } from "../kfl/plan.ts";
import { redact } from "../kfl/redaction.ts";
import { SCHEMA } from "../dissectors/registry.ts";
import { TemporaryRuns } from "../worker/scan/runs.ts";
import { countStages } from "../worker/scan/source_scan.ts";
import { Sorter } from "../worker/scan/sorter.ts";
import { byNode, describeCoverage, isPartial } from "./coverage.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { toPlan } from "./filter.ts";
import { Interruption } from "./interruption.ts";
import { Output, say, toJsonLine } from "./output.ts";
import type { QueryOptions } from "./query_options.ts";
import { mayWait } from "./places.ts";
import type { OnMatch, SearchOutcome } from "./savefiles.ts";
import { searchFolder } from "./search_folder.ts";
import { type Source, toHub, toSource } from "./source.ts";
import { styleOf, Table } from "./table.ts";

/** Bytes of an entry beside those of its messages. */
const ENTRY_WEIGHT = 4096;

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
    names: options.count || options.explain ? [] : undefined,
  });
  const hub = toHub(options);
  if (hub) {
    const { queryHub } = await import("./query_hub.ts");
    const { rows, isPartial } = await queryHub(kfl, plan, options, hub);
    return toExitCode(options, rows, isPartial);
  }
  if (options.follow) {
    throw new CommandError(
      EXIT.MISUSED,
      "-f follows what a hub captures: start `thresher tap`, or name one with --hub",
    );
  }
  const source = toSource(options);
  const table = options.json ? undefined : new Table(styleOf(Deno.stdout));
  const render = rendererOf(plan, table);
  using sorter = new Sorter({
    order: plan.order,
    limit: plan.limit,
    store: () => new TemporaryRuns(),
  });
  using interruption = new Interruption(!mayWait(options.pcap ?? []));
  const { signal } = interruption;
  let matches = 0;
  const onMatch: OnMatch = (entry, node) => {
    matches++;
    if (options.count || options.explain) return;
    const { timestamp, place, n } = entry;
    const key = { timestamp, node, place, n };
    if (!sorter.wants(key)) return;
    if (entry.borrowsNothing && plan.limit !== undefined) {
      sorter.addLate(key, {
        weight: weightOf(entry),
        render: () => render(entry),
      });
    } else sorter.add(key, render(entry));
  };
  const { coverages, missing } = await search(source, plan, onMatch, signal);
  const rows = Math.min(matches, plan.limit ?? Infinity);
  const output = new Output(signal);
  if (options.explain) {
    const { explain } = await import("../kfl/explain.ts");
    output.line(explain(plan, countStages(coverages)));
  } else if (options.count) output.line(String(rows));
  else {
    if (table && rows > 0) output.line(table.heading);
    for (const row of sorter.rows()) {
      output.row(row);
      if (output.isFull) await output.flush();
    }
  }
  await output.flush();
  const lines = [...missing, ...byNode(coverages).flatMap(describeCoverage)];
  for (const line of lines) say(`thresher: ${line}`);
  const partial = missing.length > 0 || coverages.some(isPartial);
  return toExitCode(options, rows, partial);
}

/** What reads savefiles is loaded for those who have some. */
async function search(
  source: Source,
  plan: Plan,
  onMatch: OnMatch,
  signal: AbortSignal,
): Promise<SearchOutcome> {
  if ("pcap" in source) {
    const { searchSavefiles } = await import("./savefiles.ts");
    return await searchSavefiles(source.pcap, plan, onMatch, signal);
  }
  return await searchFolder(source.dataDir, plan, onMatch, signal);
}

/** How an entry becomes a row of the table, or without one a line of JSON. */
function rendererOf(
  plan: Plan,
  table: Table | undefined,
): (entry: DissectedEntry) => string {
  const hide = plan.redact;
  if (!table) {
    return (entry) => toJsonLine(redact(toPlain(entry, SCHEMA), hide));
  }
  // What a row shows may quote what is hidden: then all of it is looked at.
  return hide.length > 0
    ? (entry) => table.row(redact(toPlain(entry, SCHEMA), hide))
    : (entry) => table.row(toPlainHead(entry));
}

/** Bytes that a kept entry may take: its messages as sent, and what is made of them. */
function weightOf({ requestSize = 0, responseSize = 0 }: Entry): number {
  return 2 * (requestSize + responseSize) + ENTRY_WEIGHT;
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
