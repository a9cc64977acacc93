/** Runs `query` over a hub: what it answers is printed as it comes. */
import { isIP } from "node:net";
import { type Batch, FLAG } from "../api/batch.ts";
import type { Channel } from "../api/channel.ts";
import type {
  Answer,
  Failure,
  NodeCoverage,
  QueryRequest,
} from "../api/messages.ts";
import { HUB } from "../api/paths.ts";
import { type Plain, toRfc3339 } from "../entry/json.ts";
import { ask, ChannelLost, isBatch } from "../hub/ask.ts";
import { dial } from "../hub/dial.ts";
import { renderDiagnostics } from "../kfl/diagnostic.ts";
import { explain, type StageCounts, STAGES } from "../kfl/explain.ts";
import type { Plan } from "../kfl/plan.ts";
import { describeCoverage, isPartial } from "./coverage.ts";
import { CommandError, EXIT } from "./exit.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import type { HubAddress } from "./local_hub.ts";
import { escapeJson, Output, say } from "./output.ts";
import { Progress } from "./progress.ts";
import type { QueryOptions } from "./query_options.ts";
import { styleOf, Table } from "./table.ts";

/** What an answer came to. */
export interface HubOutcome {
  /** Lines that were printed, or would have been. */
  readonly rows: number;
  readonly isPartial: boolean;
}

/**
 * Asks a hub, and prints its answer.
 *
 * @param plan of the same filter, to be explained
 * @throws CommandError, Interrupted
 */
export async function queryHub(
  kfl: string,
  plan: Plan,
  options: QueryOptions,
  address: HubAddress,
): Promise<HubOutcome> {
  using interruption = new Interruption();
  const { signal } = interruption;
  const channel = await connect(address);
  const printer = new Printer(options, new Output(signal));
  try {
    for await (const part of ask(channel, requestOf(kfl, options), signal)) {
      if (isBatch(part)) await printer.print(part);
      else printer.hear(part, kfl);
    }
  } catch (error) {
    if (error instanceof ChannelLost) {
      throw new CommandError(
        EXIT.FAILED,
        `The hub at ${address.url} was lost: ${error.message}`,
        error,
      );
    }
    // Whoever follows an answer ends it so.
    if (!(error instanceof Interrupted && options.follow)) throw error;
  } finally {
    printer.end();
  }
  const outcome = await printer.finish(plan);
  if (signal.aborted) throw signal.reason;
  return outcome;
}

/** @throws CommandError */
async function connect({ url, token }: HubAddress): Promise<Channel> {
  const target = toSocketUrl(url);
  try {
    return await dial(target, `the hub at ${url}`, {
      headers: { authorization: `Bearer ${token}` },
    });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const isDenied = error.message.endsWith("another secret");
    throw new CommandError(
      isDenied ? EXIT.NO_RIGHT : EXIT.NOT_READY,
      isDenied
        ? `The hub at ${url} wants another token: name its file with --token-file`
        : error.message,
      error,
    );
  }
}

/** @throws CommandError */
function toSocketUrl(text: string): URL {
  const url = URL.parse(HUB.query, text);
  if (!url || !["http:", "https:"].includes(url.protocol)) {
    throw new CommandError(
      EXIT.MISUSED,
      `"${text}" is no hub: write http://HOST:PORT`,
    );
  }
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

function requestOf(kfl: string, options: QueryOptions): QueryRequest {
  const { from, to, order, limit, follow, last, json, count } = options;
  return {
    kfl,
    from,
    to,
    limit,
    output: count || options.explain ? "count" : json ? "entry" : "row",
    ...follow ? { follow, last } : { order },
  };
}

/** Prints what a hub says, in the form that was asked for. */
class Printer {
  readonly #options: QueryOptions;
  readonly #output: Output;
  readonly #table: Table | undefined;
  readonly #progress = new Progress(() => this.#total);
  #total = 0;
  #rows = 0;
  #matches = 0;
  #coverage: readonly NodeCoverage[] = [];
  readonly #warned = new Set<string>();

  constructor(options: QueryOptions, output: Output) {
    this.#options = options;
    this.#output = output;
    this.#table = options.json ? undefined : new Table(styleOf(Deno.stdout));
  }

  async print(batch: Batch): Promise<void> {
    this.#progress.end();
    for (let row = 0; row < batch.count; row++) {
      if (this.#table) {
        if (this.#rows === 0) this.#output.line(this.#table.heading);
        this.#output.line(this.#table.row(toPlainRow(batch, row)));
      } else this.#output.line(escapeJson(batch.text(row)));
      this.#rows++;
      if (this.#output.isFull) await this.#output.flush();
    }
    if (this.#options.follow) await this.#output.flush();
  }

  /** @throws CommandError */
  hear(answer: Answer, kfl: string): void {
    if ("error" in answer) throw toCommandError(answer.error, kfl);
    if ("progress" in answer) {
      this.#total = answer.progress.total;
      if (!this.#options.follow) this.#progress.update(answer.progress.done);
    }
    if ("done" in answer) this.#matches = answer.done.matches;
    if (!("coverage" in answer)) return;
    if (this.#options.follow) this.#tellChanges(answer.coverage);
    this.#coverage = answer.coverage;
    for (const warning of answer.warnings ?? []) this.#warn(warning);
  }

  /** Takes the bar away. */
  end(): void {
    this.#progress.end();
  }

  async finish(plan: Plan): Promise<HubOutcome> {
    const { count, explain: isExplained } = this.#options;
    const rows = count || isExplained ? this.#matches : this.#rows;
    if (isExplained) {
      this.#output.line(explain(plan, stagesOf(this.#coverage)));
    } else if (count) this.#output.line(String(rows));
    await this.#output.flush();
    for (const coverage of this.#coverage) {
      for (const line of linesOf(coverage, plan)) say(`thresher: ${line}`);
    }
    return {
      rows,
      isPartial: this.#coverage.some((each) =>
        isPartial(each) || linesOf(each, plan).length > 0
      ),
    };
  }

  /** Said once, though an answer that goes on repeats it. */
  #warn(warning: string): void {
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    say(`thresher: ${warning}`);
  }

  /** Workers come and go while an answer goes on. */
  #tellChanges(coverage: readonly NodeCoverage[]): void {
    const known = new Map(this.#coverage.map((each) => [each.node, each]));
    for (const { node, missing } of coverage) {
      const before = known.get(node)?.missing;
      if (missing && !before) {
        say(`thresher: ${node}: missing, ${missing.reason}`);
      } else if (!missing && before) say(`thresher: ${node}: back`);
    }
  }
}

/** What the answer lacks of a node; one line each. */
function linesOf(coverage: NodeCoverage, plan: Plan): string[] {
  const { node, missing, deletedUntil } = coverage;
  const lines = describeCoverage(coverage);
  if (missing) {
    lines.push(
      `${node}: missing since ${toRfc3339(missing.since)}, ${missing.reason}`,
    );
  }
  const from = plan.window.from ?? -Infinity;
  if (deletedUntil !== undefined && deletedUntil >= from) {
    lines.push(
      `${node}: packets until ${toRfc3339(deletedUntil)} were deleted to ` +
        "stay below the storage limit",
    );
  }
  return lines;
}

/** What the stages of all nodes counted. */
function stagesOf(coverages: readonly NodeCoverage[]): StageCounts {
  return Object.fromEntries(STAGES.flatMap((stage) => {
    const counts = coverages.flatMap(({ stages }) => stages[stage] ?? []);
    if (counts.length === 0) return [];
    const sum = (of: "in" | "out") =>
      counts.reduce((total, count) => total + count[of], 0);
    return [[stage, { in: sum("in"), out: sum("out") }]];
  }));
}

/** A row of a batch, as a table takes it. */
function toPlainRow(batch: Batch, row: number): Plain {
  const elapsed = batch.elapsed[row]!;
  const flags = batch.flags[row]!;
  return {
    timestamp: toRfc3339(batch.timestamp[row]!),
    protocol: batch.word(batch.protocol[row]!),
    src: toEnd(batch.word(batch.src[row]!), batch.srcPort[row]!),
    dst: toEnd(batch.word(batch.dst[row]!), batch.dstPort[row]!),
    status: batch.word(batch.status[row]!) || undefined,
    elapsedTime: Number.isNaN(elapsed) ? undefined : elapsed,
    summary: batch.text(row),
    failed: (flags & FLAG.FAILED) !== 0,
    incomplete: incompleteOf(flags),
  };
}

/** A batch has one word for each end: its name, or else its address. */
function toEnd(word: string, port: number): object {
  if (isIP(word) === 0) return { name: word };
  return port === 0 ? { ip: word } : { ip: word, port };
}

function incompleteOf(flags: number): string[] | undefined {
  if ((flags & FLAG.INCOMPLETE) === 0) return undefined;
  if ((flags & FLAG.NO_RESPONSE) !== 0) return ["no response"];
  return [(flags & FLAG.RESET) !== 0 ? "reset" : "incomplete"];
}

function toCommandError(
  { code, message, diagnostics }: Failure,
  kfl: string,
): CommandError {
  if (code === "kfl" && diagnostics) {
    return new CommandError(
      EXIT.MISUSED,
      `the filter is not understood\n${renderDiagnostics(kfl, diagnostics)}`,
    );
  }
  const isMisused = code === "message" || code === "version";
  return new CommandError(
    code === "denied" ? EXIT.NO_RIGHT : isMisused ? EXIT.MISUSED : EXIT.FAILED,
    `The hub refuses: ${message}`,
  );
}
