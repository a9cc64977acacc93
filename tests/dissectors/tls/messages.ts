/** Messages of TLS and DTLS, written for the tests as its parser reads them. */
import { concat } from "../../fuzz/random.ts";

/** The random of a ServerHello that asks for another ClientHello. */
export const RETRY = Uint8Array.fromHex(
  "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c",
);

/** What a hello says; the rest is as plain as can be. */
export interface Hello {
  readonly version?: number;
  /** Byte of which the random is made. */
  readonly seed?: number;
  readonly random?: Uint8Array;
  readonly sessionId?: Uint8Array;
  readonly suites?: readonly number[];
  /** `undefined` leaves out the block. */
  readonly extensions?: readonly Uint8Array[] | undefined;
  /** DTLS only. */
  readonly cookie?: Uint8Array;
}

/** Body of a ClientHello. */
export function clientHello(hello: Hello = {}): Uint8Array {
  return concat(
    start(hello),
    hello.cookie ? vector(1, hello.cookie) : new Uint8Array(),
    vector(2, numbers(hello.suites ?? [0x1301])),
    vector(1, Uint8Array.of(0)),
    block(hello.extensions),
  );
}

/** Body of a ServerHello. */
export function serverHello(hello: Hello = {}): Uint8Array {
  const suite = hello.suites?.[0] ?? 0x1301;
  return concat(
    start({ seed: 0x5e, ...hello }),
    u16(suite),
    Uint8Array.of(0),
    block(hello.extensions),
  );
}

function start({ version = 0x0303, seed = 0xc1, ...hello }: Hello): Uint8Array {
  return concat(
    u16(version),
    hello.random ?? new Uint8Array(32).fill(seed),
    vector(1, hello.sessionId ?? new Uint8Array()),
  );
}

const block = (extensions?: readonly Uint8Array[]): Uint8Array =>
  extensions ? vector(2, concat(...extensions)) : new Uint8Array();

/** Body of a Certificate message. */
export const certificates = (...ders: readonly Uint8Array[]): Uint8Array =>
  vector(3, concat(...ders.map((der) => vector(3, der))));

/** An extension. */
export const extension = (type: number, body: Uint8Array): Uint8Array =>
  concat(u16(type), vector(2, body));

export const sni = (name: string): Uint8Array =>
  extension(0, vector(2, concat(Uint8Array.of(0), vector(2, ascii(name)))));

export const alpn = (...names: readonly (string | Uint8Array)[]): Uint8Array =>
  extension(
    16,
    vector(
      2,
      concat(
        ...names.map((n) => vector(1, typeof n === "string" ? ascii(n) : n)),
      ),
    ),
  );

export const groups = (...values: readonly number[]): Uint8Array =>
  extension(10, vector(2, numbers(values)));

export const pointFormats = (...values: readonly number[]): Uint8Array =>
  extension(11, vector(1, Uint8Array.from(values)));

export const algorithms = (...values: readonly number[]): Uint8Array =>
  extension(13, vector(2, numbers(values)));

export const versions = (...values: readonly number[]): Uint8Array =>
  extension(43, vector(1, numbers(values)));

/** The version that a server chooses. */
export const chosen = (version: number): Uint8Array =>
  extension(43, u16(version));

/** A handshake message with its header. */
export const handshake = (
  type: number,
  body: Uint8Array = new Uint8Array(),
): Uint8Array => concat(Uint8Array.of(type), vector(3, body));

/** A record of TLS. */
export function record(
  type: number,
  content: Uint8Array,
  version = 0x0303,
): Uint8Array {
  return concat(Uint8Array.of(type), u16(version), vector(2, content));
}

/** Handshake messages in a record. */
export const said = (...messages: readonly Uint8Array[]): Uint8Array =>
  record(22, concat(...messages));

/** An alert in a record. */
export const alert = (level: number, description: number): Uint8Array =>
  record(21, Uint8Array.of(level, description));

/** A record that nobody can read. */
export const encrypted = (size: number, type = 23): Uint8Array =>
  record(type, new Uint8Array(size).fill(0xa5));

/** Where a record of DTLS stands. */
export interface Place {
  readonly number: number;
  readonly epoch?: number;
  readonly type?: number;
}

/** A record of DTLS. */
export function datagram(
  { number, epoch = 0, type = 22 }: Place,
  content: Uint8Array,
): Uint8Array {
  return concat(
    Uint8Array.of(type, 0xfe, 0xfd),
    u16(epoch),
    Uint8Array.of(0, 0),
    u32(number),
    vector(2, content),
  );
}

/** A handshake message of DTLS, or a piece of it. */
export function piece(
  type: number,
  number: number,
  body: Uint8Array,
  from = 0,
  to = body.length,
): Uint8Array {
  return concat(
    Uint8Array.of(type),
    sized(3, body.length),
    u16(number),
    sized(3, from),
    vector(3, body.subarray(from, to)),
  );
}

export const u16 = (value: number): Uint8Array => sized(2, value);

const u32 = (value: number): Uint8Array => sized(4, value);

const numbers = (values: readonly number[]): Uint8Array =>
  concat(...values.map(u16));

/** A number of so many bytes. */
function sized(bytes: number, value: number): Uint8Array {
  const out = new Uint8Array(bytes);
  for (let i = bytes; i-- > 0; value = Math.floor(value / 256)) {
    out[i] = value % 256;
  }
  return out;
}

/** Bytes with their size before them, which takes so many. */
export const vector = (size: number, bytes: Uint8Array): Uint8Array =>
  concat(sized(size, bytes.length), bytes);

export const ascii = (text: string): Uint8Array =>
  new TextEncoder().encode(text);

/** The ChangeCipherSpec record. */
export const CHANGE = record(20, Uint8Array.of(1));
