/** The conversation that an entry is part of, as a query. */
import type { EntryJson } from "./entry_json.ts";
import { redactionsOf } from "./filter_edit.ts";

/**
 * A query for everything between the same two ends, either way. What the query
 * that runs hides stays hidden.
 *
 * @param kfl the query that runs
 */
export function connectionQuery(entry: EntryJson, kfl: string): string {
  const ends = [entry.src, entry.dst];
  const ips = [...new Set(ends.map(({ ip }) => `ip == ${ip}`))];
  const ports = [
    ...new Set(
      ends.flatMap(({ port }) => port === undefined ? [] : [`port == ${port}`]),
    ),
  ];
  // With one address for both, either end alone would be enough for `ip`.
  const both = ips.length === 1
    ? [`src.ip == ${ends[0]!.ip}`, `dst.ip == ${ends[0]!.ip}`]
    : ips;
  return [...both, ...ports, ...redactionsOf(kfl)].join(" and ");
}
