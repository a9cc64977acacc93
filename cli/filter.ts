/** KFL and the options that narrow it -> what a search looks for. */
import type { Filter } from "../worker/scan/search.ts";
import { CommandError, EXIT } from "./exit.ts";

/** The times between which entries must have begun, µs since 1970. */
export interface Window {
  readonly from?: number;
  readonly to?: number;
}

/**
 * @throws CommandError if the text is no filter
 */
export function toFilter(kfl: string, window: Window): Filter {
  if (kfl.trim() !== "") {
    throw new CommandError(
      EXIT.MISUSED,
      `Only '' (everything) is understood so far, not ${kfl}`,
    );
  }
  return {
    matches: () => true,
    wantsBodies: true,
    from: window.from,
    to: window.to,
  };
}
