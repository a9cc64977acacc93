/**
 * What URLs and forms are made of: percent-encoding, parameters, and the four
 * forms of a request's target (RFC 9112 §3.2).
 */
import { addTo, type Multimap } from "../../entry/field.ts";
import { isAscii, toLatin1, toText } from "./latin1.ts";

/** Parameters of a query or a form; further ones are left out. */
export const MAX_PARAMETERS = 10_000;

/** The parts of a request's target, each as sent. */
export interface Target {
  /** Of the absolute form. */
  readonly scheme?: string | undefined;
  readonly authority?: string | undefined;
  readonly path?: string | undefined;
  /** Without its `?`. */
  readonly query?: string | undefined;
}

const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i;

/** Takes a target apart. That of CONNECT is just an authority. */
export function parseTarget(target: string, method: string): Target {
  if (method === "CONNECT") return { authority: target };
  const absolute = ABSOLUTE.exec(target);
  const rest = absolute ? target.slice(absolute[0].length) : target;
  // Fragments are not sent (RFC 9110 §7.1); those that are belong to nothing.
  const hash = rest.indexOf("#");
  const shown = hash < 0 ? rest : rest.slice(0, hash);
  const mark = shown.indexOf("?");
  return {
    scheme: absolute?.[1],
    authority: absolute?.[2],
    path: mark < 0 ? shown : shown.slice(0, mark),
    query: mark < 0 ? undefined : shown.slice(mark + 1),
  };
}

/** The segments of a path, percent-decoded (RFC 3986 §3.3). */
export function toSegments(path: string): string[] {
  const segments = (path.startsWith("/") ? path.slice(1) : path).split("/");
  return segments.map((segment) => percentDecode(segment));
}

/** `a=1&b=2` as a map; `undefined` if there is no parameter in it. */
export function parseParameters(text: string): Multimap | undefined {
  const parameters: { [name: string]: string | string[] } = {};
  let count = 0;
  for (let at = 0; at < text.length && count < MAX_PARAMETERS;) {
    let end = text.indexOf("&", at);
    if (end < 0) end = text.length;
    if (end > at) {
      const pair = text.slice(at, end);
      const equals = pair.indexOf("=");
      const name = equals < 0 ? pair : pair.slice(0, equals);
      const value = equals < 0 ? "" : pair.slice(equals + 1);
      addTo(parameters, formDecode(name), formDecode(value));
      count++;
    }
    at = end + 1;
  }
  return count > 0 ? parameters : undefined;
}

function formDecode(text: string): string {
  return percentDecode(text.replaceAll("+", " "));
}

const ENCODED = /%([0-9a-f]{2})/gi;

/** What `%41` stands for; a percent sign without two digits stays. */
export function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  // Characters above U+00FF were decoded from UTF-8 already: back to bytes.
  const raw = isAscii(text) ? text : toByteCharacters(text);
  return toText(
    raw.replace(ENCODED, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
  );
}

const UTF8 = new TextEncoder();

/** The UTF-8 of a text, a character for each byte. */
function toByteCharacters(text: string): string {
  const bytes = UTF8.encode(text);
  return toLatin1(bytes, 0, bytes.length);
}
