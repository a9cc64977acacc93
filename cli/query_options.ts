/** What `query` was told, whoever answers. */
import type { CommonOptions } from "./common_options.ts";
import type { HubOptions } from "./source.ts";

/** The options of `query`. */
export interface QueryOptions extends CommonOptions, HubOptions {
  readonly json?: true;
  readonly count?: true;
  readonly explain?: true;
  readonly strict?: true;
  readonly limit?: number;
  readonly order: "asc" | "desc";
  readonly expect?: number;
  readonly follow?: true;
  /** With `follow`: stored entries to begin with. */
  readonly last?: number;
}
