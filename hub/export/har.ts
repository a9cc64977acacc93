/**
 * HAR 1.2: exchanges of HTTP as browsers and other tools read them.
 *
 * Entries come as JSON, from which a filter may have hidden anything: so every
 * part is taken only if it is what it should be.
 * @see https://w3c.github.io/web-performance/specs/HAR/Overview.html
 */

/** An entry as JSON (DESIGN §5). */
export type PlainEntry = { readonly [name: string]: unknown };

/** What a file begins with. */
export function harHead(version: string): string {
  const creator = JSON.stringify({ name: "Thresher", version });
  return `{"log":{"version":"1.2","creator":${creator},"entries":[`;
}

/** What it ends with. */
export const HAR_TAIL = "]}}\n";

/** An entry of HTTP; `undefined` for any other, and without a request. */
export function toHar(entry: PlainEntry): object | undefined {
  const request = objectIn(entry, "request");
  const response = objectIn(entry, "response") ?? {};
  const method = textIn(request, "method");
  const url = textIn(request, "url");
  if (!request || method === undefined || url === undefined) return undefined;
  const elapsed = numberIn(entry, "elapsedTime");
  const wait = elapsed ?? -1;
  return {
    startedDateTime: textIn(entry, "timestamp") ?? new Date(0).toISOString(),
    time: elapsed ?? 0,
    request: {
      method,
      url: absolute(url),
      httpVersion: versionOf(entry),
      cookies: toPairs(request["cookies"]),
      headers: toPairs(request["headers"]),
      queryString: toPairs(request["queryString"]),
      headersSize: -1,
      bodySize: numberIn(request, "bodySize") ?? -1,
      ...postDataOf(request),
    },
    response: {
      // What was not answered has a status of 0, as browsers write it.
      status: numberIn(response, "status") ?? 0,
      statusText: textIn(response, "statusText") ?? "",
      httpVersion: textIn(response, "version") ?? versionOf(entry),
      cookies: toPairs(response["cookies"]),
      headers: toPairs(response["headers"]),
      content: contentOf(response),
      redirectURL: headerIn(response, "location") ?? "",
      headersSize: -1,
      bodySize: -1,
    },
    cache: {},
    timings: { send: 0, wait: Math.max(0, wait), receive: 0 },
    ...addressOf(entry),
    ...namesOf(entry),
    comment: textIn(entry, "id") ?? "",
  };
}

/** A name with a value, which is how HAR has headers. */
interface Pair {
  readonly name: string;
  readonly value: string;
}

/** A map whose values are texts or lists of texts. */
function toPairs(map: unknown): Pair[] {
  if (typeof map !== "object" || map === null) return [];
  return Object.entries(map).flatMap(([name, values]) =>
    [values].flat().map((value) => ({ name, value: String(value) }))
  );
}

function postDataOf(request: PlainEntry): object {
  const body = textOf(request["body"]);
  if (body === undefined || body.text === "") return {};
  return {
    postData: {
      mimeType: textIn(request, "contentType") ?? "",
      params: [],
      text: body.text,
      ...body.encoding && { comment: "base64" },
    },
  };
}

function contentOf(response: PlainEntry): object {
  const body = textOf(response["body"]);
  return {
    size: numberIn(response, "bodySize") ?? 0,
    mimeType: textIn(response, "contentType") ?? "",
    ...body,
  };
}

/** A body as text; bytes are written in base64 and said so. */
function textOf(
  body: unknown,
): { text: string; encoding?: "base64" } | undefined {
  if (typeof body === "string") return { text: body };
  if (typeof body !== "object" || body === null) return undefined;
  const base64 = textIn(body as PlainEntry, "base64");
  return base64 === undefined
    ? undefined
    : { text: base64, encoding: "base64" };
}

function addressOf(entry: PlainEntry): object {
  const ip = textIn(objectIn(entry, "dst"), "ip");
  const port = numberIn(objectIn(entry, "src"), "port");
  return {
    ...ip !== undefined && { serverIPAddress: ip },
    ...port !== undefined && { connection: String(port) },
  };
}

/** What the ends are called, in fields of our own, as `_` says. */
function namesOf(entry: PlainEntry): object {
  const client = textIn(objectIn(entry, "src"), "name");
  const server = textIn(objectIn(entry, "dst"), "name");
  return {
    ...client !== undefined && { _src: client },
    ...server !== undefined && { _dst: server },
  };
}

function versionOf(entry: PlainEntry): string {
  const version = textIn(entry, "version");
  return version === undefined ? "" : `HTTP/${version}`;
}

/**
 * An authority alone, as CONNECT has it, is no URL, and a hidden one is none
 * either: tools refuse the whole file for it.
 */
function absolute(url: string): string {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`;
  return URL.canParse(full)
    ? full
    : `http://unknown.invalid/${encodeURIComponent(url)}`;
}

function headerIn(message: PlainEntry, name: string): string | undefined {
  const value = objectIn(message, "headers")?.[name];
  return typeof value === "string" ? value : undefined;
}

function objectIn(
  of: PlainEntry | undefined,
  name: string,
): PlainEntry | undefined {
  const value = of?.[name];
  return typeof value === "object" && value !== null
    ? value as PlainEntry
    : undefined;
}

function textIn(of: PlainEntry | undefined, name: string): string | undefined {
  const value = of?.[name];
  return typeof value === "string" ? value : undefined;
}

function numberIn(
  of: PlainEntry | undefined,
  name: string,
): number | undefined {
  const value = of?.[name];
  return typeof value === "number" ? value : undefined;
}
