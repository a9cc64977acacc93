/**
 * Requests and responses as their fields show them.
 *
 * Nothing is worked out before it is asked for. The views serve HTTP/1 and
 * HTTP/2 alike: what differs is where a head's parts come from.
 */
import {
  addTo,
  type Bytes,
  type Multimap,
  toBytes,
} from "../../entry/field.ts";
import type { Body } from "./body.ts";
import { type Content, decode } from "./coding.ts";
import type { FieldLines } from "./field_lines.ts";
import { trimBlanks } from "./field_lines.ts";
import { parseForm } from "./form.ts";
import { toCodings } from "./outline.ts";
import {
  parseParameters,
  parseTarget,
  type Target,
  toSegments,
} from "./url.ts";

/** Header fields, wherever they come from. */
export interface Headers {
  /** Fields by lower-case name; `undefined` if there are none. */
  readonly map: Multimap | undefined;
  first(name: string): string | undefined;
  all(name: string): readonly string[];
}

/** What a request's head says. */
export interface RequestHead extends Headers {
  readonly method: string;
  readonly target: string;
  /** `:authority`, where there is such a thing. */
  readonly authority?: string | undefined;
  /** `:scheme`, where there is such a thing. */
  readonly scheme?: string | undefined;
}

/** What a response's head says. */
export interface ResponseHead extends Headers {
  readonly statusText: string | undefined;
}

const NO_CODINGS: readonly string[] = [];

/** What requests and responses have in common. */
abstract class HttpMessage {
  readonly #headers: Headers;
  /** `undefined` for a message that cannot have one. */
  readonly content: Body | undefined;
  /** In lower case, as they were applied; without those undone already. */
  transferCodings: readonly string[];
  trailerLines: FieldLines | undefined;
  #decoded: Content | undefined;

  constructor(
    headers: Headers,
    content: Body | undefined,
    transferCodings: readonly string[] = NO_CODINGS,
  ) {
    this.#headers = headers;
    this.content = content;
    this.transferCodings = transferCodings;
  }

  get headers(): Multimap | undefined {
    return this.#headers.map;
  }

  get trailers(): Multimap | undefined {
    return this.trailerLines?.map;
  }

  get contentType(): string | undefined {
    return this.#headers.first("content-type");
  }

  get body(): Bytes | undefined {
    if (!this.content?.keeps) return undefined;
    const { bytes } = this.#decode(this.content);
    return bytes.length > 0 ? toBytes(bytes) : undefined;
  }

  get bodySize(): number | undefined {
    return this.content && this.#decode(this.content).size;
  }

  get bodyCoding(): string | undefined {
    return this.content && this.#decode(this.content).coding;
  }

  /** The body's bytes, as far as they were kept and its codings undone. */
  protected decodedBody(): Uint8Array | undefined {
    return this.content && this.#decode(this.content).bytes;
  }

  #decode(body: Body): Content {
    // Until the body has ended, more may come.
    if (this.#decoded && body.isEnded) return this.#decoded;
    const codings = body.size > 0 ? this.#codings : NO_CODINGS;
    return this.#decoded = decode(body, codings);
  }

  /** In lower case, in the order in which they were applied. */
  get #codings(): readonly string[] {
    const encodings = this.#headers.all("content-encoding");
    if (encodings.length === 0) return this.transferCodings;
    return [...toCodings(encodings), ...this.transferCodings];
  }
}

/** A request's fields. */
export class HttpRequest extends HttpMessage {
  readonly head: RequestHead;
  #target: Target | undefined;

  constructor(
    head: RequestHead,
    content: Body,
    transferCodings?: readonly string[],
  ) {
    super(head, content, transferCodings);
    this.head = head;
  }

  get method(): string {
    return this.head.method;
  }

  get target(): string {
    return this.head.target;
  }

  get path(): string | undefined {
    return this.#parts.path || undefined;
  }

  get pathSegments(): string[] | undefined {
    const path = this.path;
    return path === undefined ? undefined : toSegments(path);
  }

  get queryString(): Multimap | undefined {
    const { query } = this.#parts;
    return query === undefined ? undefined : parseParameters(query);
  }

  get host(): string | undefined {
    return this.head.authority ?? this.head.first("host") ??
      this.#parts.authority;
  }

  /** As RFC 9112 §3.3 puts it together; absent where no host is known. */
  get url(): string | undefined {
    const { target } = this;
    const { scheme, authority, path } = this.#parts;
    if (scheme !== undefined) return target;
    const host = authority ?? this.host;
    if (!host) return undefined;
    const origin = `${this.head.scheme ?? "http"}://${host}`;
    return authority !== undefined || path === "*" ? origin : origin + target;
  }

  get cookies(): Multimap | undefined {
    return toCookies(
      this.head.all("cookie").flatMap((value) => value.split(";")),
    );
  }

  get form(): Multimap | undefined {
    const type = this.contentType;
    const body = this.decodedBody();
    return type !== undefined && body ? parseForm(type, body) : undefined;
  }

  get #parts(): Target {
    return this.#target ??= parseTarget(this.target, this.method);
  }
}

/** A response's fields. */
export class HttpResponse extends HttpMessage {
  readonly head: ResponseHead;
  /** Absent while only informational responses have come, and in HTTP/0.9. */
  readonly status: number | undefined;
  /** Where it is not the request's. */
  readonly version: string | undefined;
  readonly #informational: readonly number[];

  constructor(
    head: ResponseHead,
    status: number | undefined,
    version: string | undefined,
    informational: readonly number[],
    content: Body | undefined,
    transferCodings?: readonly string[],
  ) {
    super(head, content, transferCodings);
    this.head = head;
    this.status = status;
    this.version = version;
    this.#informational = informational;
  }

  get statusText(): string | undefined {
    return this.head.statusText || undefined;
  }

  get informational(): readonly number[] | undefined {
    return this.#informational.length > 0 ? this.#informational : undefined;
  }

  get cookies(): Multimap | undefined {
    return toCookies(
      this.head.all("set-cookie").map((value) => value.split(";", 1)[0]!),
    );
  }
}

/** Cookies from `name=value` pairs (RFC 6265 §5.4); values as sent. */
function toCookies(pairs: readonly string[]): Multimap | undefined {
  const cookies: { [name: string]: string | string[] } = {};
  let isEmpty = true;
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const name = trimBlanks(equals < 0 ? pair : pair.slice(0, equals));
    if (name === "") continue;
    addTo(cookies, name, equals < 0 ? "" : trimBlanks(pair.slice(equals + 1)));
    isEmpty = false;
  }
  return isEmpty ? undefined : cookies;
}
