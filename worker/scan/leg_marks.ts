/**
 * What an exchange is known by on the legs of a service mesh.
 *
 * A proxy takes what its application says and says it on a connection of its
 * own: no packet is the same before and behind it. So an exchange is known
 * there by what is said. Proxies add and change headers of HTTP; the method,
 * the target, the host, the status and the bodies they leave as they are.
 */
import type { Entry, Marks } from "../../entry/entry.ts";
import type { Multimap } from "../../entry/field.ts";
import { tagOfText } from "../../stream/marks.ts";

/** Headers by which tracing systems know a request, the better ones first. */
const TRACES = ["traceparent", "x-request-id"] as const;

/** Marks of what was seen on a leg. */
export function marksOfLeg(entry: Entry): Marks {
  const { request, response } = entry;
  if (entry.protocol !== "http") return marksOfBytes(entry);
  const asked = request as Asked | undefined;
  const answered = response as Answered | undefined;
  return {
    asked: asked &&
      toMark(asked.method, asked.target, asked.host, asked.bodySize),
    answered: answered && toMark(answered.status, answered.bodySize),
    traced: asked && traceOf(asked.headers),
  };
}

/** What is read of a request of HTTP; any of it may be absent. */
interface Asked {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  readonly bodySize?: number;
  readonly headers?: Multimap;
}

/** The same of a response. */
interface Answered {
  readonly status?: number;
  readonly bodySize?: number;
}

/** What is no HTTP passes a proxy byte by byte. */
function marksOfBytes(entry: Entry): Marks {
  const { protocol, summary, status, request, response } = entry;
  return {
    asked: request && toMark(protocol, summary, entry.requestSize),
    answered: response && toMark(protocol, status, entry.responseSize),
  };
}

/**
 * The request's name, if it has one; the lowest bit says by which header. Of
 * `traceparent` the trace alone: each proxy that takes part gives it a span of
 * its own (Trace Context §3.2).
 */
function traceOf(headers: Multimap = {}): number | undefined {
  for (const [which, name] of TRACES.entries()) {
    const value = headers[name];
    if (typeof value !== "string") continue;
    const trace = name === "traceparent" ? value.split("-")[1] : value;
    return (toMark(name, trace) & ~1 | which) >>> 0 || 2;
  }
  return undefined;
}

function toMark(...parts: readonly (string | number | undefined)[]): number {
  return tagOfText(parts.join("\n")) >>> 0 || 1;
}
