/**
 * HTTP/1.1, HTTP/1.0 and HTTP/0.9.
 */
import type { Dissector, Guess, Side } from "../dissector.ts";
import { HTTP_FIELDS, type HttpFields } from "./fields.ts";
import { Http1Parser } from "./parser.ts";
import { guessRequest, guessResponse } from "./seek.ts";

/** A request line that goes on beyond this is taken for one. */
const LONG_LINE = 1024;

/** Bytes that are searched for the end of a request line. */
const MAX_LINE = 4096;

const BEGINNING =
  /^[A-Z][A-Z_-]{2,23} (\/|\*|[a-z][a-z0-9+.-]*:|[\w.-]+:\d)[!-~\x80-\xff]*/;

/** HTTP/0.9: what is no word of any other protocol that asks by lines. */
const SIMPLE = /^GET (\/|https?:\/\/)[!-~]*\r?\n/;

/** Looks for a request line from the client, a status line from the server. */
function probe(head: Uint8Array, side: Side): Guess {
  let at = 0;
  // Empty lines may come first (RFC 9112 §2.2).
  while (head[at] === 13 || head[at] === 10) at++;
  if (at > 4) return "reject";
  if (at === head.length) return "unsure";
  if (side === "server") {
    const guess = guessResponse(head, at);
    return guess > 0 ? "match" : guess < 0 ? "reject" : "unsure";
  }
  const guess = guessRequest(head.subarray(0, MAX_LINE), at);
  if (guess > 0) return "match";
  const line = String.fromCharCode(...head.subarray(at, at + LONG_LINE));
  if (guess < 0) return SIMPLE.test(line) ? "match" : "reject";
  const begun = BEGINNING.exec(line)?.[0].length ?? 0;
  return begun === LONG_LINE ? "match" : "unsure";
}

/** HTTP of all versions; of those before 2 the parser. */
export const http: Dissector<HttpFields> = {
  name: "http",
  versions: { http1: ["0.9", "1.0", "1.1"], http2: ["2"] },
  doc: "Requests and responses of HTTP",
  spec: "https://www.rfc-editor.org/rfc/rfc9110",
  transports: ["tcp"],
  ports: [80, 8080, 8000, 8008, 8081, 8888, 3000, 3128, 5000],
  // Heads are strings, and bodies are copied as they come.
  borrowsNothing: true,
  fields: HTTP_FIELDS,
  // A status line, or a request line; what was asked for comes after it.
  leadsTo: [{ protocols: "any", announcedBy: [" 101", "CONNECT "] }],
  probe,
  open: (context) => new Http1Parser(context),
  summarize({ request, response }) {
    if (request) return `${request.values.method} ${request.values.target}`;
    const { status, statusText } = response?.values ?? {};
    return [status, statusText].filter(Boolean).join(" ");
  },
  status: ({ response }) => response?.values.status,
  failed: ({ response }) =>
    Number(response?.values.status ?? 0) >= 400 ||
    response?.values.reset !== undefined,
};
