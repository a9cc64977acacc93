/** Tokens: what programs show to a hub (DESIGN §7). */
import { randomBytes } from "node:crypto";

/** A token that nobody guesses. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}
