/** What is known of a flow, in the two bits below its slot's stamp. */
export const VERDICT = {
  UNKNOWN: 0,
  /** A dissector speaks for it. */
  KEEP: 1,
  /** None does. */
  HEADERS_ONLY: 2,
} as const;

export type Verdict = typeof VERDICT[keyof typeof VERDICT];

/** Bits of a stamp that are the verdict. */
export const VERDICT_BITS = 3;
