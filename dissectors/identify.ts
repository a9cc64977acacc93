/**
 * Which dissector speaks for a flow.
 *
 * Probes look at the first bytes of each direction. A port only orders the
 * candidates: it is a hint and never proof.
 */
import type { Transport } from "../entry/entry.ts";
import { type AnyDissector, otherSide, type Side } from "./dissector.ts";

/** What identification made of what is known so far. */
export type Identity =
  /** `flipped`: the end taken for the client speaks as the server. */
  | { readonly dissector: AnyDissector; readonly flipped: boolean }
  /** More bytes may tell. */
  | "unsure"
  /** No dissector speaks this. */
  | "none";

/** The first bytes of both directions; empty where none have come. */
export type Heads = { readonly [S in Side]: Uint8Array };

/**
 * @param mayFlip whether it is not certain who opened the flow
 */
export function identify(
  candidates: readonly AnyDissector[],
  transport: Transport,
  heads: Heads,
  ports: { readonly [S in Side]: number },
  mayFlip: boolean,
): Identity {
  let unsure = false;
  let found: Identity = "none";
  let foundAtPort = false;
  for (const dissector of candidates) {
    if (!dissector.transports.includes(transport)) continue;
    for (const flipped of mayFlip ? [false, true] : [false]) {
      const server = ports[flipped ? "client" : "server"];
      const guess = probeBoth(dissector, heads, server, flipped);
      if (guess === "unsure") unsure = true;
      if (guess !== "match") continue;
      const atPort = dissector.ports.includes(server);
      if (found === "none" || atPort && !foundAtPort) {
        found = { dissector, flipped };
        foundAtPort = atPort;
      }
      break;
    }
  }
  if (found !== "none") return found;
  return unsure ? "unsure" : "none";
}

/** A match of either direction counts, unless the other one contradicts it. */
function probeBoth(
  dissector: AnyDissector,
  heads: Heads,
  port: number,
  flipped: boolean,
): "match" | "unsure" | "reject" {
  let matched = false;
  for (const side of ["client", "server"] as const) {
    const head = heads[flipped ? otherSide(side) : side];
    if (head.length === 0) continue;
    const guess = dissector.probe(head, side, port);
    if (guess === "reject") return "reject";
    if (guess === "match") matched = true;
  }
  return matched ? "match" : "unsure";
}
