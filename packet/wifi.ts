/**
 * IEEE 802.11 frames, and the headers that capture puts before them.
 *
 * Only data frames that are neither encrypted, fragmented nor aggregated
 * carry a packet that we can give: an aggregate holds several.
 */
import { type Cursor, NEXT, type Next } from "./cursor.ts";
import { readLlc } from "./ethernet.ts";

/** In the second byte of frame control (IEEE 802.11 §9.2.4.1). */
const TO_AND_FROM_DISTRIBUTION = 3;
const MORE_FRAGMENTS = 0x04;
const PROTECTED = 0x40;
const HAS_HT_CONTROL = 0x80;

const DATA = 2;
/** Bits of a data frame's subtype. */
const HAS_NO_DATA = 4;
const HAS_QOS = 8;

/** Moves over an 802.11 header; `padded` to a multiple of four bytes. */
export function readWifi(cursor: Cursor, padded: boolean): Next {
  if (!cursor.has(24)) return NEXT.MALFORMED;
  const type = cursor.u8(0) >> 2 & 3;
  const subtype = cursor.u8(0) >> 4;
  const flags = cursor.u8(1);
  const fragment = cursor.u8(22) & 15;
  if (type !== DATA || (subtype & HAS_NO_DATA) !== 0) return NEXT.OTHER;
  if ((flags & (PROTECTED | MORE_FRAGMENTS)) !== 0 || fragment !== 0) {
    return NEXT.OTHER;
  }
  let size = 24;
  if ((flags & TO_AND_FROM_DISTRIBUTION) === TO_AND_FROM_DISTRIBUTION) {
    size += 6;
  }
  if ((subtype & HAS_QOS) !== 0) {
    if (!cursor.has(size + 2)) return NEXT.MALFORMED;
    const isAggregate = (cursor.u8(size) & 0x80) !== 0;
    if (isAggregate) return NEXT.OTHER;
    size += (flags & HAS_HT_CONTROL) !== 0 ? 6 : 2;
  }
  cursor.at += padded ? Math.ceil(size / 4) * 4 : size;
  return readLlc(cursor);
}

/** Moves over a radiotap header (https://www.radiotap.org) and the frame's. */
export function readRadiotap(cursor: Cursor): Next {
  if (!cursor.has(8)) return NEXT.MALFORMED;
  const size = little16(cursor, 2);
  if (size < 8 || !cursor.has(size)) return NEXT.MALFORMED;
  const padded = (radiotapFlags(cursor, size) & 0x20) !== 0;
  cursor.at += size;
  return readWifi(cursor, padded);
}

/** The field `Flags` of a radiotap header; 0 where it is absent. */
function radiotapFlags(cursor: Cursor, size: number): number {
  const HAS_TIME = 1;
  const HAS_FLAGS = 2;
  const present = cursor.u8(4);
  if ((present & HAS_FLAGS) === 0) return 0;
  // Each bitmap's top bit says that another follows.
  let at = 8;
  while (at < size && (cursor.u8(at - 1) & 0x80) !== 0) at += 4;
  if ((present & HAS_TIME) !== 0) at = Math.ceil(at / 8) * 8 + 8;
  return at < size ? cursor.u8(at) : 0;
}

/** Moves over a Prism header, or an AVS one under the same link type. */
export function readPrism(cursor: Cursor): Next {
  if (!cursor.has(8)) return NEXT.MALFORMED;
  if (cursor.u16(0) === 0x8021) return readAvs(cursor);
  // In the byte order of the machine that captured.
  const little = little16(cursor, 4);
  return skip(cursor, little !== 0 ? little : cursor.u16(6));
}

/** Moves over an AVS header. */
export function readAvs(cursor: Cursor): Next {
  return cursor.has(8) ? skip(cursor, cursor.u32(4)) : NEXT.MALFORMED;
}

function skip(cursor: Cursor, size: number): Next {
  if (size < 8 || !cursor.has(size)) return NEXT.MALFORMED;
  cursor.at += size;
  return readWifi(cursor, false);
}

function little16(cursor: Cursor, ahead: number): number {
  return cursor.u8(ahead) | cursor.u8(ahead + 1) << 8;
}
