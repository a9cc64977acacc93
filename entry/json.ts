/**
 * entry -> JSON, as `query --json` and the API write it (DESIGN §5, FIELDS).
 */
import type { End, Entry } from "./entry.ts";
import { type Bytes, type FieldMap, fromBytes, toBytes } from "./field.ts";
import type { Half, Schema } from "./schema.ts";

/** Bytes of a body that JSON shows; the rest is left out and said so. */
export const MAX_JSON_BODY = 1024 * 1024;

/** Named values as JSON can write them; absent ones are `undefined`. */
export type Plain = Record<string, unknown>;

/**
 * A moment as RFC 3339 in UTC with microseconds.
 *
 * @param time µs since 1970
 */
export function toRfc3339(time: number): string {
  const seconds = Math.floor(time / 1e6);
  const micros = Math.round(time - seconds * 1e6);
  // Date takes ±8.64e15 ms; a time beyond it stands for damaged bytes.
  const date = new Date(Math.max(-6.2e13, Math.min(2.5e14, seconds * 1000)));
  return date.toISOString().slice(0, -4) +
    String(micros).padStart(6, "0") + "Z";
}

/** A duration in µs as milliseconds. */
export function toMilliseconds(duration: number): number {
  return duration / 1000;
}

/** What every entry has, as plain data: all but the protocol's own fields. */
export function toPlainHead(entry: Entry): Plain {
  return {
    id: entry.id,
    protocol: entry.protocol,
    version: entry.version,
    decrypted: entry.decrypted,
    timestamp: toRfc3339(entry.timestamp),
    elapsedTime: entry.elapsed === undefined
      ? undefined
      : toMilliseconds(entry.elapsed),
    node: { name: entry.node.name, ip: entry.node.ip },
    leg: entry.leg,
    seenBy: entry.seenBy,
    src: toPlainEnd(entry.src),
    dst: toPlainEnd(entry.dst),
    summary: entry.summary,
    status: entry.status,
    failed: entry.failed,
    requestSize: entry.requestSize,
    responseSize: entry.responseSize,
    incomplete: entry.incomplete,
  };
}

/** An entry as plain data with just what is present, in the order of FIELDS. */
export function toPlain(entry: Entry, schema: Schema): Plain {
  return {
    ...toPlainHead(entry),
    request: toPlainHalf(entry, "request", schema),
    response: toPlainHalf(entry, "response", schema),
  };
}

/** An entry that borrows nothing of what it was made of. */
export function copyEntry(entry: Entry, schema: Schema): Entry {
  const copyOf = (half: Half) => {
    const values = entry[half];
    const fields = schema.fieldsOf(entry.protocol, half);
    return values && JSON.parse(JSON.stringify(pick(values as Plain, fields)));
  };
  return {
    id: entry.id,
    protocol: entry.protocol,
    version: entry.version,
    transport: entry.transport,
    decrypted: entry.decrypted,
    timestamp: entry.timestamp,
    completed: entry.completed,
    elapsed: entry.elapsed,
    node: entry.node,
    leg: entry.leg,
    seenBy: entry.seenBy,
    marks: entry.marks,
    src: entry.src,
    dst: entry.dst,
    summary: entry.summary,
    status: entry.status,
    failed: entry.failed,
    requestSize: entry.requestSize,
    responseSize: entry.responseSize,
    incomplete: entry.incomplete,
    request: copyOf("request"),
    response: copyOf("response"),
  };
}

function toPlainEnd(end: End): Plain {
  return {
    ip: end.ip,
    port: end.port,
    name: end.name,
    pod: end.pod,
    namespace: end.namespace,
    service: end.service,
    serviceIp: end.serviceIp,
    podIp: end.podIp,
    workload: end.workload,
    node: end.node,
    zone: end.zone,
    labels: end.labels,
  };
}

function toPlainHalf(
  entry: Entry,
  half: Half,
  schema: Schema,
): Plain | undefined {
  const values = entry[half];
  if (!values) return undefined;
  const plain = pick(values as Plain, schema.fieldsOf(entry.protocol, half));
  const body = plain["body"];
  if (isBytes(body)) {
    const raw = fromBytes(body);
    if (raw.length > MAX_JSON_BODY) {
      plain["body"] = toBytes(raw.subarray(0, wholeCharacters(raw, body)));
      plain["bodyCut"] = true;
    }
  }
  return plain;
}

/** The declared fields, whether they are stored or worked out by getters. */
function pick(values: Plain, fields: FieldMap): Plain {
  const plain: Plain = {};
  for (const name of Object.keys(fields)) {
    const value = values[name];
    if (value !== undefined) plain[name] = value;
  }
  return plain;
}

function isBytes(value: unknown): value is Bytes {
  return typeof value === "string" ||
    typeof value === "object" && value !== null && "base64" in value;
}

/** Where to cut a body so that a text does not end inside a character. */
function wholeCharacters(raw: Uint8Array, body: Bytes): number {
  let end = MAX_JSON_BODY;
  if (typeof body === "string") {
    while (end > 0 && (raw[end]! & 0xc0) === 0x80) end--;
  }
  return end;
}
