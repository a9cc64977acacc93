/**
 * One DNS message, read as far as it is asked.
 *
 * Damage is not an error here: what stands before it is given. A message has
 * no more records than its bytes can hold, so its counts need no limit.
 */
import type { Json } from "../../entry/field.ts";
import {
  className,
  opcodeName,
  rcodeName,
  TYPE,
  typeName,
} from "./parameters.ts";
import { readData } from "./rdata.ts";
import { Cursor, HEADER_SIZE, Names } from "./wire.ts";

/** What is asked. */
export interface Question {
  /** Absent where its bytes cannot be a name. */
  name: string | undefined;
  type: string;
  class: string;
}

/** A resource record. */
export interface ResourceRecord extends Question {
  /** Seconds. */
  ttl: number;
  /** In master-file form; absent where the record has none. */
  data: Json | undefined;
}

/** What the sender says of its EDNS (RFC 6891 §6.1.3). */
export interface Edns {
  udpSize: number;
  version: number;
  dnssecOk: boolean;
}

/** Bits of the header's second word (RFC 1035 §4.1.1). */
const FLAG = {
  AUTHORITATIVE: 0x0400,
  TRUNCATED: 0x0200,
  RECURSION_DESIRED: 0x0100,
  RECURSION_AVAILABLE: 0x0080,
} as const;

/** Upper bit of a class in mDNS: cache flush, or unicast wished. */
const MDNS_BIT = 0x8000;

/** Where the sections of records begin, and the OPT record; 0 is nowhere. */
interface Layout {
  readonly sections: readonly number[];
  readonly opt: number;
}

/**
 * The fields of a message: of a request or of a response, each of which
 * declares those that it has.
 */
export class DnsMessage {
  readonly #bytes: Uint8Array;
  #names: Names | undefined;
  #layout: Layout | undefined;
  /** Whether it is of mDNS or LLMNR; else absent. */
  readonly multicast: true | undefined;
  /** How often a request was sent again before its answer, if it was. */
  retransmissions: number | undefined = undefined;

  /** @param bytes at least a header; borrowed for the message's life */
  constructor(bytes: Uint8Array, multicast: boolean) {
    this.#bytes = bytes;
    this.multicast = multicast || undefined;
  }

  /** The whole message, borrowed. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get id(): number {
    return this.#u16(0);
  }

  get opCode(): string {
    return opcodeName(this.#u16(2) >> 11 & 15);
  }

  get authoritative(): boolean {
    return this.#has(FLAG.AUTHORITATIVE);
  }

  get truncated(): boolean {
    return this.#has(FLAG.TRUNCATED);
  }

  get recursionDesired(): boolean {
    return this.#has(FLAG.RECURSION_DESIRED);
  }

  get recursionAvailable(): boolean {
    return this.#has(FLAG.RECURSION_AVAILABLE);
  }

  /** With the upper bits that EDNS adds (RFC 6891 §6.1.3). */
  get code(): string {
    const lower = this.#u16(2) & 15;
    // Only additional records can be an OPT: most messages have none.
    const opt = this.#u16(10) > 0 ? this.#scanned().opt : 0;
    return rcodeName(opt === 0 ? lower : this.#bytes[opt + 4]! << 4 | lower);
  }

  get edns(): Edns | undefined {
    const opt = this.#u16(10) > 0 ? this.#scanned().opt : 0;
    if (opt === 0) return undefined;
    return {
      udpSize: this.#u16(opt + 2),
      version: this.#bytes[opt + 5]!,
      dnssecOk: (this.#bytes[opt + 6]! & 0x80) !== 0,
    };
  }

  get questions(): Question[] | undefined {
    const cursor = this.#cursor(HEADER_SIZE);
    const questions: Question[] = [];
    for (let n = this.#u16(4); n > 0; n--) {
      const name = cursor.name();
      const type = cursor.u16();
      const class_ = cursor.u16();
      if (!cursor.intact) break;
      questions.push({
        name,
        type: typeName(type),
        class: this.#class(class_),
      });
    }
    return questions.length > 0 ? questions : undefined;
  }

  get answers(): ResourceRecord[] | undefined {
    return this.#records(0);
  }

  get authorities(): ResourceRecord[] | undefined {
    return this.#records(1);
  }

  /** Without OPT, which is no record of anything. */
  get additionals(): ResourceRecord[] | undefined {
    return this.#records(2);
  }

  #u16(at: number): number {
    return this.#bytes[at]! << 8 | this.#bytes[at + 1]!;
  }

  #has(flag: number): boolean {
    return (this.#u16(2) & flag) !== 0;
  }

  /** Counts that the request was sent again. */
  countRetransmission(): void {
    this.retransmissions = (this.retransmissions ?? 0) + 1;
  }

  get #known(): Names {
    return this.#names ??= new Names(this.#bytes);
  }

  #cursor(at: number): Cursor {
    return new Cursor(this.#known, at, this.#bytes.length);
  }

  #class(number: number): string {
    return className(this.multicast ? number & ~MDNS_BIT : number);
  }

  #records(section: number): ResourceRecord[] | undefined {
    const count = this.#u16(6 + 2 * section);
    const start = count > 0 ? this.#scanned().sections[section] : undefined;
    if (start === undefined) return undefined;
    const cursor = this.#cursor(start);
    const records: ResourceRecord[] = [];
    for (let n = count; n > 0 && cursor.more; n--) {
      const name = cursor.name();
      const type = cursor.u16();
      const class_ = cursor.u16();
      const ttl = cursor.u32();
      const size = cursor.u16();
      const data = cursor.at;
      cursor.take(size);
      if (!cursor.intact) break;
      if (type === TYPE.OPT) continue;
      records.push({
        name,
        type: typeName(type),
        class: this.#class(class_),
        ttl,
        data: readData(this.#known, type, data, data + size),
      });
    }
    return records.length > 0 ? records : undefined;
  }

  #scanned(): Layout {
    return this.#layout ??= scan(this.#cursor(HEADER_SIZE));
  }
}

/** Finds the sections; those after damage are absent. */
function scan(cursor: Cursor): Layout {
  const { bytes } = cursor;
  const count = (at: number) => bytes[at]! << 8 | bytes[at + 1]!;
  const sections: number[] = [];
  let opt = 0;
  for (let n = count(4); n > 0 && cursor.intact; n--) skipQuestion(cursor);
  for (let section = 0; section < 3 && cursor.intact; section++) {
    sections.push(cursor.at);
    for (let n = count(6 + 2 * section); n > 0 && cursor.intact; n--) {
      cursor.skipName();
      const fields = cursor.at;
      const type = cursor.u16();
      cursor.take(6);
      cursor.take(cursor.u16());
      if (cursor.intact && type === TYPE.OPT && section === 2) opt = fields;
    }
  }
  return { sections, opt };
}

/** Moves behind a question. */
function skipQuestion(cursor: Cursor): void {
  cursor.skipName();
  cursor.take(4);
}
