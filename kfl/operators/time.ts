/** Functions that give a time. They are worked out when the query starts. */
import { COUNTED, parseDatetime } from "../time.ts";
import type { Constructor } from "./operator.ts";

export const now: Constructor = {
  name: "now",
  doc: "When the query started",
  parameters: [],
  gives: "time",
  examples: [[[], 0]],
  evaluate: (now) => now,
};

export const datetime: Constructor = {
  name: "datetime",
  doc:
    "The time that the text says, as RFC 3339 or as `10/28/2021, 9:13:02.905 PM` in UTC",
  parameters: [["text", "text"]],
  gives: "time",
  examples: [
    [["1970-01-01T00:00:01Z"], 1_000_000],
    [["1/1/1970, 1:00:00.000 AM"], 3_600_000_000],
  ],
  evaluate: (_now, text) => parseDatetime(String(text)),
};

/** `seconds(n)` to `years(n)`: that much from now, before it where n < 0. */
export const counted: readonly Constructor[] = Object.entries(COUNTED).map(
  ([name, us]): Constructor => ({
    name,
    doc: `The time that many ${name} from now; in the past where below zero`,
    parameters: [["n", "number"]],
    gives: "time",
    examples: [[[-5], -5 * us]],
    evaluate: (now, n) => now + Math.round(Number(n) * us),
  }),
);
