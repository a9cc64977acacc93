/**
 * Plan: how a query will run, as data.
 *
 * A plan can be printed, sent and compared. It holds all that a worker needs:
 * no schema, no text to parse.
 */
import { NAME_FIELDS, type NameField } from "../entry/names.ts";
import type { Checked } from "./checker.ts";
import { PLAN_VERSION } from "./plan_version.ts";
import type { RedactPath } from "./redaction.ts";
import { namesReadBy, some } from "./tree.ts";
import type { Typed } from "./typed.ts";
import { type Window, windowOf, within } from "./window.ts";
import { type Condition, type Needle, stage } from "./condition.ts";

export { PLAN_VERSION };

/** In which order entries come. */
export type Order = "asc" | "desc";

/** What is asked beside the filter. */
export interface QueryOptions {
  /** When the query starts, µs since 1970: what `now()` is. */
  readonly now: number;
  /** Entries whose `timestamp` is not before it, µs. */
  readonly from?: number | undefined;
  /** Entries whose `timestamp` is not after it, µs. */
  readonly to?: number | undefined;
  /** By default `asc`, the oldest first. */
  readonly order?: Order | undefined;
  /** Most entries of the answer; `limit(n)` in the filter may say less. */
  readonly limit?: number | undefined;
  /** Whether entries that are yet to be captured are asked for too. */
  readonly follow?: boolean | undefined;
  /** Whether bodies are given out. By default they are. */
  readonly bodies?: boolean | undefined;
  /** The names of ends that are given out; by default all. */
  readonly names?: readonly NameField[] | undefined;
  /** Paths of the fields that are given out; by default all. */
  readonly projection?: readonly string[] | undefined;
}

/** A query, ready to be run. Plain data that JSON can write. */
export interface Plan {
  readonly version: typeof PLAN_VERSION;
  readonly now: number;
  /** Where the `timestamp` of every match lies; both ends are in it, µs. */
  readonly window: Window;
  readonly order: Order;
  readonly limit?: number | undefined;
  readonly follow: boolean;
  /** True of exactly the entries that match, the window included. */
  readonly filter: Typed;
  /** What earlier stages may conclude. */
  readonly condition: Condition;
  /** Texts that the bytes of a flow are searched for. */
  readonly needles: readonly Needle[];
  readonly redact: readonly RedactPath[];
  /** Whether somebody will look at bodies: the filter, or the output. */
  readonly wantsBodies: boolean;
  /** The names of ends that the filter reads, and those that are given out. */
  readonly names: readonly NameField[];
  readonly projection?: readonly string[] | undefined;
}

/** Makes the plan of a filter that was found to be right. */
export function plan(checked: Checked, options: QueryOptions): Plan {
  const filter = within(checked.filter, options);
  const limits = [checked.limit, options.limit].filter((n) => n !== undefined);
  const { order = "asc", follow = false, bodies = true } = options;
  const shown = options.names ?? NAME_FIELDS;
  return {
    version: PLAN_VERSION,
    now: options.now,
    window: windowOf(filter),
    order,
    ...(limits.length > 0 ? { limit: Math.min(...limits) } : {}),
    follow,
    filter,
    ...stage(filter),
    redact: checked.redact,
    wantsBodies: bodies || readsBodies(filter),
    names: NAME_FIELDS.filter((field) =>
      shown.includes(field) || namesReadBy(filter).includes(field)
    ),
    ...(options.projection ? { projection: options.projection } : {}),
  };
}

/** Whether the filter reads any body. */
function readsBodies(node: Typed): boolean {
  return some(
    node,
    (each) =>
      each.kind === "search" || each.kind === "select" && each.readsBody,
  );
}
