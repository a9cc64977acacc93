/**
 * A captured HTTP request as a command that sends it again.
 *
 * It is made to be pasted into a shell (bash, zsh, or any of POSIX 2024), and
 * what it holds came from the wire: everything is quoted, and what a terminal
 * would take for a key is written as an escape.
 */
import type { Bytes } from "../../entry/field.ts";
import { REDACTED } from "../../kfl/redaction.ts";
import { type EntryJson, isBase64, isRecord } from "./entry_json.ts";

/** Headers whose values nobody should find in a shell's history. */
const SECRET =
  /^(authorization|proxy-authorization|cookie|x-api-key)$|token|secret|password/;

/** Headers that curl makes itself, or that only that connection needed. */
const MADE_BY_CURL = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "upgrade",
  "http2-settings",
  "expect",
]);

/** Bytes of a body that go into a command; longer ones fit no command line. */
const MAX_BODY = 100_000;

/** A command, and what it leaves out. */
export interface CurlCommand {
  readonly text: string;
  /** One line each. */
  readonly notes: readonly string[];
}

/** The command; `undefined` where the entry is no request that can be sent. */
export function toCurl(entry: EntryJson): CurlCommand | undefined {
  const { request } = entry;
  const url = urlOf(entry);
  const method = request?.["method"];
  if (!request || url === undefined || typeof method !== "string") {
    return undefined;
  }
  if (method === "CONNECT") return undefined;
  const notes: string[] = [];
  const body = bodyOf(request, notes);
  const parts = [
    `curl ${shellQuote(url)}`,
    ...methodOptions(method, body !== undefined),
    ...versionOptions(entry),
    ...urlOptions(url),
    ...headerOptions(request["headers"], url, body !== undefined, notes),
    ...body?.options ?? [],
  ];
  const command = parts.join(" \\\n  ");
  return {
    text: body?.before ? `${body.before} | ${command}` : command,
    notes,
  };
}

/** The request's own URL, or one for the server that it went to. */
function urlOf({ request, dst, decrypted }: EntryJson): string | undefined {
  const url = request?.["url"];
  if (typeof url === "string" && /^https?:\/\/[^/]/i.test(url)) return url;
  const target = request?.["target"];
  if (typeof target !== "string" || !target.startsWith("/")) return undefined;
  const ip = dst.ip.includes(":") ? `[${dst.ip}]` : dst.ip;
  const scheme = decrypted ? "https" : "http";
  return `${scheme}://${ip}${
    dst.port === undefined ? "" : `:${dst.port}`
  }${target}`;
}

function methodOptions(method: string, hasBody: boolean): string[] {
  if (method === "HEAD" && !hasBody) return ["--head"];
  if (method === (hasBody ? "POST" : "GET")) return [];
  return [`-X ${shellQuote(method)}`];
}

function versionOptions({ version, decrypted }: EntryJson): string[] {
  if (version === "2") {
    return [decrypted ? "--http2" : "--http2-prior-knowledge"];
  }
  return version === "1.0" ? ["--http1.0"] : [];
}

function urlOptions(url: string): string[] {
  return [
    // curl would take `[1-3]` and `{a,b}` for lists.
    ...(/[[\]{}]/.test(url) ? ["--globoff"] : []),
    ...(/\/\.{1,2}(\/|$|\?)/.test(url) ? ["--path-as-is"] : []),
  ];
}

function headerOptions(
  headers: unknown,
  url: string,
  hasBody: boolean,
  notes: string[],
): string[] {
  if (!isRecord(headers)) return [];
  const options: string[] = [];
  const authority = /^https?:\/\/([^/?#]*)/i.exec(url)?.[1];
  for (const [name, values] of Object.entries(headers)) {
    const isMade = name.startsWith(":") || MADE_BY_CURL.has(name) ||
      !/^[!#$%&'*+.^_`|~\w-]+$/.test(name);
    if (isMade) continue;
    for (const value of [values].flat().map(String)) {
      if (name === "host" && value === authority) continue;
      if (name === "accept-encoding") {
        options.push("--compressed");
        continue;
      }
      options.push(`-H ${shellQuote(headerLine(name, value, notes))}`);
    }
  }
  // curl adds a type to a body that had none.
  const isUntyped = hasBody && !Object.hasOwn(headers, "content-type");
  if (isUntyped) options.push(`-H ${shellQuote("content-type:")}`);
  return [...new Set(options)];
}

function headerLine(name: string, value: string, notes: string[]): string {
  if (SECRET.test(name) || value.includes(REDACTED)) {
    notes.push(`${name} is left out: put its value in`);
    return `${name}: <${name}>`;
  }
  // A semicolon is how curl writes a header without a value.
  return value === "" ? `${name};` : `${name}: ${value}`;
}

function bodyOf(
  request: { readonly [field: string]: unknown },
  notes: string[],
): { readonly options: string[]; readonly before?: string } | undefined {
  const body = request["body"] as Bytes | undefined;
  if (body === undefined || body === "") return undefined;
  const size = isBase64(body) ? body.base64.length * 0.75 : body.length;
  if (request["bodyCut"] === true || size > MAX_BODY) {
    notes.push("The body is too long for a command: download it as body.bin");
    return { options: ["--data-binary @body.bin"] };
  }
  if (typeof body === "string" && body.includes(REDACTED)) {
    notes.push("Parts of the body are redacted");
  }
  // A text with a NUL fits no argument.
  if (typeof body === "string" && !body.includes("\0")) {
    return { options: [`--data-raw ${shellQuote(body)}`] };
  }
  const base64 = isBase64(body)
    ? body.base64
    : new TextEncoder().encode(body).toBase64();
  return {
    before: `printf %s ${shellQuote(base64)} | base64 -d`,
    options: ["--data-binary @-"],
  };
}

/** What a terminal would act upon, or show as something else. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** One word of a shell, whatever is in it. */
export function shellQuote(text: string): string {
  const isPlain = !UNSAFE.test(text.replaceAll("\n", ""));
  if (isPlain) return `'${text.replaceAll("'", `'\\''`)}'`;
  const encoder = new TextEncoder();
  const escaped = Array.from(text, (sign) => {
    if (sign === "'" || sign === "\\") return `\\${sign}`;
    if (sign === "\n") return "\\n";
    if (!UNSAFE.test(sign)) return sign;
    return Array.from(
      encoder.encode(sign),
      // Three digits, so that one that follows is not taken for a part of it.
      (byte) => `\\${byte.toString(8).padStart(3, "0")}`,
    ).join("");
  });
  return `$'${escaped.join("")}'`;
}
