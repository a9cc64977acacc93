/**
 * Record data as a zone file writes it.
 *
 * Each type is a list of its fields, read in order and joined by spaces; what
 * cannot be read so is written as any unknown type is, `\# n hex`
 * (RFC 3597 §5). Names have no final dot, as everywhere in an entry.
 */
import { type Json, toBytes } from "../../entry/field.ts";
import { toAddress } from "../../stream/address.ts";
import { serviceKeyName, typeName } from "./parameters.ts";
import { Cursor, type Names } from "./wire.ts";

/** Reads one field as text; "" where the field is optional and absent. */
type Reader = (cursor: Cursor) => string;

const ipv4: Reader = (cursor) => address(cursor.take(4), 4);
const ipv6: Reader = (cursor) => address(cursor.take(16), 6);

function address(bytes: Uint8Array, version: 4 | 6): string {
  return bytes.length === 0 ? "" : toAddress(bytes, 0, version);
}

function name(cursor: Cursor): string {
  const read = cursor.name();
  if (read === undefined) cursor.fail();
  return read ?? "";
}

const u8: Reader = (cursor) => String(cursor.u8());
const u16: Reader = (cursor) => String(cursor.u16());
const u32: Reader = (cursor) => String(cursor.u32());
const u48: Reader = (cursor) => String(cursor.u48());

/** What is left, in upper case as zone files have it. */
const hex: Reader = (cursor) => toHex(cursor.rest());
const base64: Reader = (cursor) => cursor.rest().toBase64();

function toHex(bytes: Uint8Array): string {
  return bytes.toHex().toUpperCase();
}

/** A character string in quotes. */
const quoted: Reader = (cursor) => quote(cursor.string());

/** What is left, in quotes (URI, CAA). */
const quotedRest: Reader = (cursor) => quote(cursor.rest());

/** One or more character strings in quotes. */
const quotedMany: Reader = (cursor) => {
  const texts: string[] = [];
  while (cursor.more) texts.push(quoted(cursor));
  return texts.join(" ");
};

function quote(bytes: Uint8Array): string {
  return `"${escape(bytes)}"`;
}

/** The inside of a quoted string (RFC 1035 §5.1). */
function escape(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    if (byte < 0x20 || byte >= 0x7f) {
      text += "\\" + String(byte).padStart(3, "0");
    } else {
      const char = String.fromCharCode(byte);
      text += char === '"' || char === "\\" ? "\\" + char : char;
    }
  }
  return text;
}

/** A record type. */
const type: Reader = (cursor) => typeName(cursor.u16());

/** Seconds since 1970 as `YYYYMMDDHHmmSS` (RFC 4034 §3.2). */
function seconds(cursor: Cursor): string {
  const iso = new Date(cursor.u32() * 1000).toISOString();
  return iso.slice(0, 19).replaceAll(/[-T:]/g, "");
}

/** A bitmap of types in windows (RFC 4034 §4.1.2). */
function types(cursor: Cursor): string {
  const names: string[] = [];
  while (cursor.more) {
    const window = cursor.u8() << 8;
    const bitmap = cursor.string();
    if (bitmap.length === 0 || bitmap.length > 32) cursor.fail();
    pushTypes(names, window, bitmap);
  }
  return names.join(" ");
}

/** A bitmap of the types below 128 alone (RFC 2535 §5.2). */
function oldTypes(cursor: Cursor): string {
  const names: string[] = [];
  pushTypes(names, 0, cursor.rest().subarray(0, 16));
  return names.join(" ");
}

function pushTypes(names: string[], window: number, bitmap: Uint8Array): void {
  for (let i = 0; i < bitmap.length * 8; i++) {
    if (bitmap[i >> 3]! & 0x80 >> (i & 7)) names.push(typeName(window + i));
  }
}

/** Bytes with a length before them in hex; `-` for none (RFC 5155 §3.3). */
const salt: Reader = (cursor) => toHex(cursor.string()) || "-";

const BASE32_HEX = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

/** A hash with its length before it in base32hex (RFC 5155 §3.3). */
function hash(cursor: Cursor): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of cursor.string()) {
    held = (held << 8 | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32_HEX[held >> bits & 31];
    }
  }
  return bits > 0 ? text + BASE32_HEX[held << (5 - bits) & 31] : text;
}

/** A position on earth (RFC 1876 §3). */
function location(cursor: Cursor): string {
  if (cursor.u8() !== 0) cursor.fail();
  const size = centimetres(cursor.u8());
  const horizontal = centimetres(cursor.u8());
  const vertical = centimetres(cursor.u8());
  const latitude = angle(cursor.u32(), "N", "S");
  const longitude = angle(cursor.u32(), "E", "W");
  const altitude = ((cursor.u32() - 10_000_000) / 100).toFixed(2);
  return [latitude, longitude, altitude + "m", size, horizontal, vertical]
    .join(" ");
}

/** Thousandths of a second of arc, 2^31 being the equator or Greenwich. */
function angle(wire: number, above: string, below: string): string {
  const arc = Math.abs(wire - 2 ** 31);
  const degrees = Math.floor(arc / 3_600_000);
  const minutes = Math.floor(arc / 60_000) % 60;
  const rest = (arc % 60_000 / 1000).toFixed(3);
  return `${degrees} ${minutes} ${rest} ${wire >= 2 ** 31 ? above : below}`;
}

/** A digit and a power of ten, in centimetres, as metres. */
function centimetres(wire: number): string {
  const metres = (wire >> 4) * 10 ** (wire & 15) / 100;
  return (metres < 1 && metres > 0 ? metres.toFixed(2) : metres) + "m";
}

/** Ports of a protocol, as a bitmap (RFC 1035 §3.4.2). */
function services(cursor: Cursor): string {
  const ports: number[] = [];
  cursor.rest().forEach((byte, at) => {
    for (let bit = 0; bit < 8; bit++) {
      if (byte & 0x80 >> bit) ports.push(at * 8 + bit);
    }
  });
  return ports.join(" ");
}

/** Address prefixes (RFC 3123 §5). */
function prefixes(cursor: Cursor): string {
  const items: string[] = [];
  while (cursor.more) {
    const family = cursor.u16();
    const prefix = cursor.u8();
    const length = cursor.u8();
    const given = cursor.take(length & 0x7f);
    const size = family === 1 ? 4 : 16;
    if (family < 1 || family > 2 || given.length > size) cursor.fail();
    const whole = new Uint8Array(size);
    whole.set(given.subarray(0, size));
    const text = address(whole, family === 1 ? 4 : 6);
    items.push(`${length & 0x80 ? "!" : ""}${family}:${text}/${prefix}`);
  }
  return items.join(" ");
}

/** A gateway by its kind: none, IPv4, IPv6 or a name (RFC 4025 §2.5). */
function gateway(cursor: Cursor, kind: number): string {
  if (kind === 0) return ".";
  if (kind === 1) return ipv4(cursor);
  if (kind === 2) return ipv6(cursor);
  if (kind === 3) return name(cursor);
  cursor.fail();
  return "";
}

function ipsecKey(cursor: Cursor): string {
  const precedence = cursor.u8();
  const kind = cursor.u8();
  const algorithm = cursor.u8();
  const to = gateway(cursor, kind);
  return [precedence, kind, algorithm, to, base64(cursor)].join(" ").trimEnd();
}

/** RFC 8777 §4.3. */
function amtRelay(cursor: Cursor): string {
  const precedence = cursor.u8();
  const kind = cursor.u8();
  const discovery = kind >> 7;
  const relay = gateway(cursor, kind & 0x7f);
  return [precedence, discovery, kind & 0x7f, relay].join(" ");
}

/** RFC 8005 §5. */
function hostIdentity(cursor: Cursor): string {
  const tagSize = cursor.u8();
  const algorithm = cursor.u8();
  const keySize = cursor.u16();
  const parts = [
    String(algorithm),
    toHex(cursor.take(tagSize)),
    cursor.take(keySize).toBase64(),
  ];
  while (cursor.more) parts.push(name(cursor));
  return parts.join(" ");
}

/** 64 bits as four groups of hex digits (RFC 6742 §2.1.1). */
function locator(cursor: Cursor): string {
  return cursor.take(8).toHex().replace(/(.{4})(?=.)/g, "$1:");
}

/** All that is left as pairs of hex digits (RFC 7043 §3.2). */
const dashed: Reader = (cursor) =>
  cursor.rest().toHex().replace(/(..)(?=.)/g, "$1-");

const zeroX: Reader = (cursor) => "0x" + cursor.rest().toHex();

/** A CAA tag: letters and digits with their count before them. */
const tag: Reader = (cursor) => escape(cursor.string());

/** Bytes with their 16-bit count before them, count first, if any. */
function counted(cursor: Cursor, toText: (bytes: Uint8Array) => string) {
  const bytes = cursor.take(cursor.u16());
  return bytes.length > 0 ? `${bytes.length} ${toText(bytes)}` : "0";
}

const countedBase64: Reader = (cursor) =>
  counted(cursor, (bytes) => bytes.toBase64());

/** Parameters of a service, keys ascending (RFC 9460 §2.1). */
function parameters(cursor: Cursor): string {
  const texts: string[] = [];
  while (cursor.more) {
    const key = cursor.u16();
    const size = cursor.u16();
    const value = cursor.within(cursor.at + size);
    cursor.take(size);
    const text = cursor.intact ? parameter(key, value) : "";
    if (!value.intact) cursor.fail();
    const label = serviceKeyName(key);
    texts.push(text === "" ? label : `${label}=${text}`);
  }
  return texts.join(" ");
}

/** The value of one service parameter; "" where it has none. */
function parameter(key: number, value: Cursor): string {
  switch (key) {
    case 0:
      return all(value, (c) => serviceKeyName(c.u16()));
    case 1:
      // A comma within an identifier is escaped for the list, and that escape
      // once more for the quoted text (RFC 9460 §7.1.1, appendix A.1).
      return `"${
        all(value, (c) =>
          escape(c.string()).replaceAll("\\", "\\\\")
            .replaceAll(",", "\\\\,"))
      }"`;
    case 3:
      return u16(value);
    case 4:
      return all(value, ipv4);
    case 5:
      return base64(value);
    case 6:
      return all(value, ipv6);
    default:
      return value.more ? quotedRest(value) : "";
  }
}

/** Every item of a list that fills what is left, joined by commas. */
function all(cursor: Cursor, item: Reader): string {
  const texts: string[] = [];
  while (cursor.more) texts.push(item(cursor));
  return texts.join(",");
}

const KEY: readonly Reader[] = [u16, u8, u8, base64];
const DIGEST: readonly Reader[] = [u16, u8, u8, hex];
const SIGNATURE: readonly Reader[] = [
  type,
  u8,
  u8,
  u32,
  seconds,
  seconds,
  u16,
  name,
  base64,
];
const CERTIFICATE_USE: readonly Reader[] = [u8, u8, u8, hex];
const SERVICE: readonly Reader[] = [u16, name, parameters];

/** The fields of each type's data, by the type's number. */
const FIELDS: { readonly [type: number]: readonly Reader[] } = {
  1: [ipv4],
  2: [name],
  3: [name],
  4: [name],
  5: [name],
  6: [name, name, u32, u32, u32, u32, u32],
  7: [name],
  8: [name],
  9: [name],
  11: [ipv4, u8, services],
  12: [name],
  13: [quoted, quoted],
  14: [name, name],
  15: [u16, name],
  17: [name, name],
  18: [u16, name],
  19: [quoted],
  20: [quotedMany],
  21: [u16, name],
  22: [zeroX],
  23: [name],
  24: SIGNATURE,
  25: KEY,
  26: [u16, name, name],
  27: [quoted, quoted, quoted],
  28: [ipv6],
  29: [location],
  30: [name, oldTypes],
  33: [u16, u16, u16, name],
  35: [u16, u16, quoted, quoted, quoted, name],
  36: [u16, name],
  37: [u16, u16, u8, base64],
  39: [name],
  42: [prefixes],
  43: DIGEST,
  44: [u8, u8, hex],
  45: [ipsecKey],
  46: SIGNATURE,
  47: [name, types],
  48: KEY,
  49: [base64],
  50: [u8, u8, u16, salt, hash, types],
  51: [u8, u8, u16, salt],
  52: CERTIFICATE_USE,
  53: CERTIFICATE_USE,
  55: [hostIdentity],
  56: [quotedMany],
  57: KEY,
  58: [name, name],
  59: DIGEST,
  60: KEY,
  61: [base64],
  62: [u32, u16, types],
  63: [u32, u8, u8, hex],
  64: SERVICE,
  65: SERVICE,
  66: [type, u8, u16, name],
  67: [base64],
  68: [base64],
  99: [quotedMany],
  104: [u16, locator],
  105: [u16, ipv4],
  106: [u16, locator],
  107: [u16, name],
  108: [dashed],
  109: [dashed],
  249: [name, seconds, seconds, u16, u16, countedBase64, countedBase64],
  250: [name, u48, u16, countedBase64, u16, u16, countedBase64],
  256: [u16, u16, quotedRest],
  257: [u8, tag, quotedRest],
  258: [quotedMany],
  259: [u32, u32, u8, quoted, base64],
  260: [amtRelay],
  261: [quotedMany],
  262: [quotedMany],
  263: [quotedMany],
  32768: DIGEST,
  32769: DIGEST,
};

const TXT = 16;

/**
 * The data of a record.
 *
 * @param names those of the message, for data may point back to them
 * @returns a text; of TXT the list of its texts; undefined of no data, as in
 *   the deletions of an UPDATE
 */
export function readData(
  names: Names,
  number: number,
  start: number,
  end: number,
): Json | undefined {
  if (start === end) return undefined;
  const cursor = new Cursor(names, start, end);
  const value = number === TXT ? texts(cursor) : joined(cursor, number);
  return value !== undefined && cursor.intact && cursor.at === end
    ? value
    : unknown(names.bytes.subarray(start, end));
}

function texts(cursor: Cursor): Json {
  const list: Json[] = [];
  while (cursor.more) list.push(toBytes(cursor.string()) as Json);
  return list;
}

function joined(cursor: Cursor, number: number): string | undefined {
  const readers = FIELDS[number];
  if (readers === undefined) return undefined;
  let text = "";
  for (const read of readers) {
    const field = read(cursor);
    if (field !== "") text += text === "" ? field : " " + field;
  }
  return text;
}

/** Data of a type that is unknown, or that is not what its type says. */
function unknown(data: Uint8Array): string {
  return `\\# ${data.length} ${toHex(data)}`;
}
