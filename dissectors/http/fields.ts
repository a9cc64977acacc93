/**
 * The fields of HTTP messages, whichever version carried them.
 *
 * Their literal rules are those of HTTP/1, where a message is text. What is
 * percent-decoded or put together is found nowhere in the bytes. A line that
 * was folded comes out with a space for its fold (RFC 9112 §5.2), so header
 * values are in the bytes unless the flow has such a line; and a body is,
 * unless it was coded. Text that is not UTF-8 is read as ISO 8859-1: of it just
 * the runs of ASCII are in the bytes.
 */
import {
  bool,
  bytes,
  type Fields,
  list,
  map,
  number,
  text,
} from "../../entry/field.ts";

/** What every folded line has in it; see `unfold` in `field_lines.ts`. */
const FOLDS = ["\r\n ", "\r\n\t"] as const;

/** Header fields that announce a coded body; any other body is as sent. */
const CODINGS = ["content-encoding", "transfer-encoding"] as const;

const headers = map("Header fields by lower-case name").ignoringCase()
  .verbatimUnless(...FOLDS);
const trailers = map("Trailer fields by lower-case name").ignoringCase()
  .verbatimUnless(...FOLDS);
const contentType = text("The `Content-Type` header as sent")
  .verbatimUnless(...FOLDS);
const body = bytes("Body with all codings undone").verbatimUnless(...CODINGS);
const bodySize = number("Bytes of the body with all codings undone");
const bodyCoding = text(
  "Coding that could not be undone: the body still has it",
);

/** Fields of requests and responses. */
export const HTTP_FIELDS = {
  request: {
    method: text("Method as sent, such as `GET`").verbatim(),
    target: text("Request-target as sent").verbatim(),
    path: text("Path of the target, not decoded").verbatim(),
    pathSegments: list(text("A segment"), "The path's parts, percent-decoded"),
    queryString: map("Parameters of the query, percent-decoded"),
    url: text("Scheme, authority and target"),
    host: text("The `Host` header or `:authority`").verbatimUnless(...FOLDS),
    headers,
    trailers,
    cookies: map("Cookies by name").verbatimUnless(...FOLDS),
    contentType,
    form: map("Fields of a form; of a file its name"),
    body,
    bodySize,
    bodyCoding,
    streamId: number("HTTP/2 stream"),
    pushed: bool("Whether the server pushed it"),
  },
  response: {
    status: number("Final status code").verbatim(),
    statusText: text("Reason phrase").verbatim(),
    version: text("Where it is not the request's").verbatim(),
    informational: list(
      number("Status"),
      "Status codes of 1xx responses before",
    ),
    headers,
    trailers,
    cookies: map("Cookies that are set, by name").verbatimUnless(...FOLDS),
    contentType,
    body,
    bodySize,
    bodyCoding,
    reset: text("HTTP/2 error that ended the stream, such as `CANCEL`"),
  },
} satisfies Fields;

export type HttpFields = typeof HTTP_FIELDS;
