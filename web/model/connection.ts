/** The conversation that an entry is part of, as a query. */
import type { EntryJson } from "./entry_json.ts";
import { redactionsOf } from "./filter_edit.ts";

/**
 * A query for everything between the same two ends, either way. What the query
 * that runs hides stays hidden; an end that it hides is not asked for.
 *
 * @param kfl the query that runs
 */
export function connectionQuery(entry: EntryJson, kfl: string): string {
  const { src, dst } = entry;
  const ips = [src.ip, dst.ip].filter((ip) => /^[\da-f.:]+$/i.test(ip));
  const ports = [src.port, dst.port].filter((port) => typeof port === "number");
  // With one address for both, either end alone would be enough for `ip`.
  const addresses = src.ip === dst.ip
    ? ips.map((ip, i) => `${i === 0 ? "src" : "dst"}.ip == ${ip}`)
    : ips.map((ip) => `ip == ${ip}`);
  const both = ports.map((port) => `port == ${port}`);
  return [...addresses, ...new Set(both), ...redactionsOf(kfl)].join(" and ");
}
