/** Outcome: how an exchange ended, as the feed shows it. */
import { FLAG } from "../../api/batch.ts";

/** Each has a colour and a shape of its own. */
export type Outcome =
  /** It went well. */
  | "ok"
  /** The client was refused, by the server's word. */
  | "refused"
  /** The server failed. */
  | "failed"
  /** No answer came, or the connection was reset. */
  | "unanswered"
  /** Nothing says how it ended. */
  | "unknown";

/** Words for people. */
export const OUTCOME_TEXTS: Readonly<Record<Outcome, string>> = {
  ok: "Succeeded",
  refused: "Refused",
  failed: "Failed",
  unanswered: "No answer",
  unknown: "",
};

/**
 * @param flags of {@link FLAG}
 * @param status the protocol's own word or number; `""` if there is none
 */
export function outcomeOf(flags: number, status: string): Outcome {
  if (flags & (FLAG.NO_RESPONSE | FLAG.RESET)) return "unanswered";
  if (!(flags & FLAG.FAILED)) return status === "" ? "unknown" : "ok";
  return /^4\d\d$/.test(status) ? "refused" : "failed";
}
