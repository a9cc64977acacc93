/**
 * The types a field can have.
 *
 * A dissector declares its fields with these builders. Everything else derives
 * from the declaration: the TypeScript type of the parser's values
 * ({@link ValuesOf}), KFL's checking and completion, the reference, and which
 * parts of a filter may be searched for in undissected bytes
 * ({@link Literal}).
 */

/** Bytes that are not valid UTF-8, as they stand in an entry. */
export interface Base64 {
  readonly base64: string;
}

/** Bytes as an entry shows them: text if valid UTF-8, else base64. */
export type Bytes = string | Base64;

/** Names with values: one text where a name occurs once, else all in order. */
export type Multimap = { readonly [name: string]: string | readonly string[] };

/** A value as JSON can write it. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** What a value of a field is. `json` is any; `duration` is in milliseconds. */
export type FieldKind =
  | "text"
  | "number"
  | "bool"
  | "bytes"
  | "time"
  | "duration"
  | "address"
  | "list"
  | "map"
  | "object"
  | "json";

/**
 * How a value stands in the reassembled bytes of its flow.
 *
 * - `verbatim`: contiguous and unchanged, so its text can be searched for;
 * - `caseless`: the same but for the case of ASCII letters;
 * - `encoded`: anything else, so nothing can be concluded from the bytes.
 */
export type Literal = "verbatim" | "caseless" | "encoded";

/** What a field's declaration says, beside the type of its values. */
export interface FieldShape {
  readonly kind: FieldKind;
  /** One line for the reference. */
  readonly doc: string;
  /** Of a list: what it holds. */
  readonly item?: Field | undefined;
  /** Of an object: its own fields. */
  readonly fields?: FieldMap | undefined;
  readonly literal: Literal;
  /** Byte strings in the flow that make {@link literal} `encoded`. */
  readonly unless: readonly string[];
  /** Of a map: whether its names are compared without letter case. */
  readonly ignoresCase: boolean;
  /** The values it can have, where they are few and known. */
  readonly values: readonly string[];
}

/** One named, typed value of an entry. Immutable: the methods give copies. */
export class Field<T = unknown> implements FieldShape {
  /** Carries the type for {@link ValuesOf}; never present at run time. */
  declare readonly valueType: T;
  readonly kind: FieldKind;
  readonly doc: string;
  readonly item: Field | undefined;
  readonly fields: FieldMap | undefined;
  readonly literal: Literal;
  readonly unless: readonly string[];
  readonly ignoresCase: boolean;
  readonly values: readonly string[];

  constructor(shape: Pick<FieldShape, "kind" | "doc"> & Partial<FieldShape>) {
    this.kind = shape.kind;
    this.doc = shape.doc;
    this.item = shape.item;
    this.fields = shape.fields;
    this.literal = shape.literal ?? "encoded";
    this.unless = shape.unless ?? [];
    this.ignoresCase = shape.ignoresCase ?? false;
    this.values = shape.values ?? [];
  }

  /** Its text stands contiguous and unchanged in the flow's bytes. */
  verbatim(): Field<T> {
    return new Field({ ...this, literal: "verbatim" });
  }

  /** As {@link verbatim}, but letters may stand in either case. */
  caseless(): Field<T> {
    return new Field({ ...this, literal: "caseless" });
  }

  /** Verbatim in flows that contain none of `marks` (in any letter case). */
  verbatimUnless(...marks: string[]): Field<T> {
    return new Field({ ...this, literal: "verbatim", unless: marks });
  }

  /** Of a map: its names are compared without letter case. */
  ignoringCase(): Field<T> {
    return new Field({ ...this, ignoresCase: true });
  }

  /** Names the values it can have, for completion and the reference. */
  oneOf(...values: string[]): Field<T> {
    return new Field({ ...this, values });
  }
}

/** Fields by name. */
export interface FieldMap {
  readonly [name: string]: Field;
}

/** What a dissector declares: the fields of both halves of its exchanges. */
export interface Fields {
  readonly request?: FieldMap;
  readonly response?: FieldMap;
}

/** The values that a map of fields describes; any of them may be absent. */
export type ValuesOf<M extends FieldMap | undefined> = M extends FieldMap
  ? { -readonly [K in keyof M]?: M[K]["valueType"] | undefined }
  : Record<never, never>;

/** A text. */
export const text = (doc: string): Field<string> =>
  new Field({ kind: "text", doc });

/** A number; text above 2^53, so that no digit is lost. */
export const number = (doc: string): Field<number | string> =>
  new Field({ kind: "number", doc });

/** A truth value. */
export const bool = (doc: string): Field<boolean> =>
  new Field({ kind: "bool", doc });

/** Bytes: text if valid UTF-8, else `{"base64": …}`. */
export const bytes = (doc: string): Field<Bytes> =>
  new Field({ kind: "bytes", doc });

/** A moment, as RFC 3339 text. */
export const time = (doc: string): Field<string> =>
  new Field({ kind: "time", doc });

/** A duration in milliseconds. */
export const duration = (doc: string): Field<number> =>
  new Field({ kind: "duration", doc });

/** An IP address as text. */
export const address = (doc: string): Field<string> =>
  new Field({ kind: "address", doc });

/** A list of values of one type. */
export const list = <T>(item: Field<T>, doc: string): Field<readonly T[]> =>
  new Field({ kind: "list", doc, item });

/** Names with values, such as headers. */
export const map = (doc: string): Field<Multimap> =>
  new Field({ kind: "map", doc });

/** A group of named values. */
export const object = <M extends FieldMap>(
  fields: M,
  doc: string,
): Field<ValuesOf<M>> => new Field({ kind: "object", doc, fields });

/** Any value that JSON can write. */
export const json = (doc: string): Field<Json> =>
  new Field({ kind: "json", doc });

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** U+FFFD, which a decoder also gives for what is not valid. */
const REPLACEMENT = "\ufffd";

/** Bytes of which a text is put together sooner than a decoder is called. */
const MAX_SHORT = 12;

/** Bytes as an entry shows them; copies what it is given. */
export function toBytes(raw: Uint8Array): Bytes {
  const short = toShortText(raw);
  if (short !== undefined) return short;
  // A decoder that throws takes fifty times as long, and peers choose how often.
  const text = UTF8.decode(raw);
  const replaced = replacementsIn(text);
  const isValid = replaced === 0 || replaced === sentReplacements(raw);
  return isValid ? text : { base64: raw.toBase64() };
}

/** The text of few bytes that are all ASCII, as names and numbers are. */
export function toShortText(raw: Uint8Array): string | undefined {
  if (raw.length > MAX_SHORT) return undefined;
  let text = "";
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at]!;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function replacementsIn(text: string): number {
  let count = 0;
  for (let at = -1; (at = text.indexOf(REPLACEMENT, at + 1)) >= 0;) count++;
  return count;
}

/** How many of those the peer has sent itself. */
function sentReplacements(raw: Uint8Array): number {
  let count = 0;
  for (let at = 0; (at = raw.indexOf(0xef, at)) >= 0; at++) {
    if (raw[at + 1] === 0xbf && raw[at + 2] === 0xbd) count++;
  }
  return count;
}

/** The bytes that an entry's value stands for. */
export function fromBytes(value: Bytes): Uint8Array {
  return typeof value === "string"
    ? new TextEncoder().encode(value)
    : Uint8Array.fromBase64(value.base64);
}

/** Adds a value to a map that is being built: a second one makes a list. */
export function addTo(
  target: { [name: string]: string | string[] },
  name: string,
  value: string,
): void {
  if (!Object.hasOwn(target, name)) {
    // Names come from the peer: `__proto__` must become a name like any other.
    if (name !== "__proto__") target[name] = value;
    else {
      Object.defineProperty(target, name, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return;
  }
  const before = target[name]!;
  if (Array.isArray(before)) before.push(value);
  else target[name] = [before, value];
}
