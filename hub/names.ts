/**
 * Names for plans: what the hub's cluster calls whoever has an address, cut to
 * what a query asks for.
 */
import type { Claim } from "../entry/names.ts";

/** Who knows what addresses are called. Times are µs since 1970. */
export interface NameSource {
  /**
   * Every claim that holds for some of a stretch of time, its end not
   * included. Those of one address come together, those of one port of it in
   * order of time.
   */
  claims(from: number, to: number): Iterable<Claim>;
  /**
   * Tells of claims that begin or end from now on, those that ended first,
   * until it is disposed of.
   */
  listen(heard: (claims: readonly Claim[]) => void): Disposable;
}
