/** Aggregates over the rows of an answer: how many, how bad, how slow. */
import { type Batch, FLAG } from "../../api/batch.ts";
import type {
  MapAnswer,
  MapEnd,
  MapLevel,
  StatsAnswer,
  Summary,
} from "../../api/hub.ts";
import type { End } from "../../entry/entry.ts";
import { Sketch } from "./sketch.ts";
import { TimeSeries } from "./time_series.ts";

/** Pairs and statuses that are told apart; all others are counted as one. */
export const MAX_GROUPS = 5000;

const SHARES = [0.5, 0.95, 0.99];

/** A group that is counted. */
class Group {
  #count = 0;
  #failed = 0;
  #requestBytes = 0;
  #responseBytes = 0;
  readonly #elapsed = new Sketch();

  add(batch: Batch, row: number): void {
    this.#count++;
    if (isFailed(batch, row)) this.#failed++;
    this.#requestBytes += batch.requestSizeOf(row) ?? 0;
    this.#responseBytes += batch.responseSizeOf(row) ?? 0;
    const elapsed = batch.elapsed[row]!;
    if (!Number.isNaN(elapsed)) this.#elapsed.add(elapsed);
  }

  get summary(): Summary {
    const [p50, p95, p99] = this.#elapsed.quantiles(SHARES) ?? [];
    return {
      count: this.#count,
      failed: this.#failed,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      ...p50 !== undefined && {
        elapsedTime: { p50, p95: p95!, p99: p99! },
      },
    };
  }
}

const isFailed = (batch: Batch, row: number): boolean =>
  (batch.flags[row]! & FLAG.FAILED) !== 0;

/** Groups by their names; what is too many is in one without a name. */
class Groups {
  readonly #groups = new Map<string, Group>();
  /** Whether some entries are in the group of all others. */
  isCut = false;

  add(name: string, batch: Batch, row: number): void {
    let group = this.#groups.get(name);
    if (!group) {
      const isFull = this.#groups.size >= MAX_GROUPS;
      this.isCut ||= isFull;
      const known = isFull ? OTHERS : name;
      group = this.#groups.get(known) ?? new Group();
      this.#groups.set(known, group);
    }
    group.add(batch, row);
  }

  /** The largest first. */
  *summaries(): Iterable<[name: string, summary: Summary]> {
    const all = [...this.#groups].map(([name, group]) =>
      [name, group.summary] as [string, Summary]
    );
    yield* all.sort(([, a], [, b]) => b.count - a.count);
  }
}

const OTHERS = "";

/** How an answer is spread over time and protocols. */
export class Statistics {
  readonly #all = new Group();
  readonly #series = new TimeSeries();
  readonly #protocols = new Groups();
  readonly #statuses = new Groups();

  add(batch: Batch): void {
    for (let row = 0; row < batch.count; row++) {
      const protocol = batch.word(batch.protocol[row]!);
      this.#all.add(batch, row);
      this.#protocols.add(protocol, batch, row);
      const status = batch.word(batch.status[row]!);
      if (status !== "") {
        this.#statuses.add(JSON.stringify([protocol, status]), batch, row);
      }
      const bytes = (batch.requestSizeOf(row) ?? 0) +
        (batch.responseSizeOf(row) ?? 0);
      this.#series.add(batch.timestamp[row]!, isFailed(batch, row), bytes);
    }
  }

  /** As it is sent. */
  toPlain(): Omit<StatsAnswer, "coverage"> & { readonly statuses: object } {
    return {
      all: this.#all.summary,
      protocols: Array.from(
        this.#protocols.summaries(),
        ([protocol, summary]) => ({ protocol, ...summary }),
      ),
      statuses: Array.from(this.#statuses.summaries(), ([name, { count }]) => {
        const [protocol, status] = name === OTHERS ? [] : JSON.parse(name);
        return { protocol, status, count };
      }),
      series: { step: this.#series.width, steps: this.#series.steps() },
    };
  }
}

/** Who talks to whom, by which protocol. */
export class ServiceMap {
  readonly #level: MapLevel;
  readonly #edges = new Groups();
  readonly #ends = new Map<string, MapEnd>();
  #first = Infinity;
  #last = -Infinity;

  /** @param level what ends with names are told apart by */
  constructor(level: MapLevel = "name") {
    this.#level = level;
  }

  add(batch: Batch): void {
    const ends = this.#endsOf(batch);
    for (let row = 0; row < batch.count; row++) {
      const timestamp = batch.timestamp[row]!;
      if (timestamp < this.#first) this.#first = timestamp;
      if (timestamp > this.#last) this.#last = timestamp;
      const edge = [
        ends(row, "src"),
        ends(row, "dst"),
        batch.word(batch.protocol[row]!),
      ];
      this.#edges.add(JSON.stringify(edge), batch, row);
    }
  }

  /** As it is sent; `isCut` if edges beyond the largest are put together. */
  toPlain(): Omit<MapAnswer, "coverage"> {
    const edges = Array.from(this.#edges.summaries(), ([name, summary]) => {
      const [src, dst, protocol] = name === OTHERS ? [] : JSON.parse(name);
      return { src, dst, protocol, ...summary };
    });
    const named = new Set(edges.flatMap(({ src, dst }) => [src, dst]));
    return {
      edges,
      ends: [...this.#ends.values()].filter(({ end }) => named.has(end)),
      ...edges.length > 0 && { first: this.#first, last: this.#last },
      isCut: this.#edges.isCut,
    };
  }

  /** Tells an end of a row; each pair of words is looked at once. */
  #endsOf(batch: Batch): (row: number, side: "src" | "dst") => string {
    const known = new Map<number, string>();
    return (row, side) => {
      const isSrc = side === "src";
      const shown = (isSrc ? batch.src : batch.dst)[row]!;
      const names = (isSrc ? batch.srcNames : batch.dstNames)[row]!;
      const key = shown * 2 ** 16 + names;
      let end = known.get(key);
      if (end === undefined) {
        const told = toMapEnd(batch.endOf(row, side), this.#level);
        known.set(key, end = told.end);
        // Each edge that is kept has its ends among the first.
        if (this.#ends.size < 2 * MAX_GROUPS) this.#ends.set(end, told);
      }
      return end;
    };
  }
}

/** An end at a level; by its name or address where it has nothing there. */
function toMapEnd(
  { ip, name, workload, namespace }: End,
  level: MapLevel,
): MapEnd {
  const inside = namespace === undefined ? {} : { namespace };
  if (level === "namespace" && namespace !== undefined) {
    return { end: namespace, by: "namespace", value: namespace };
  }
  if (level === "workload" && workload !== undefined) {
    const end = namespace === undefined ? workload : `${workload}.${namespace}`;
    return { end, by: "workload", value: workload, ...inside };
  }
  if (name === undefined) return { end: ip, by: "ip", value: ip };
  return { end: name, by: "name", value: name, ...inside };
}
