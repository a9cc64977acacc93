/** DNS messages in the wire format, for tests. */
import { concat } from "../../fuzz/random.ts";

/** Numbers of types and classes that tests use. */
export const A = 1, NS = 2, PTR = 12, AAAA = 28, SRV = 33, OPT = 41;
export const AXFR = 252, ANY = 255;

/** A record; its data in the wire format. */
export interface RecordParts {
  readonly name: string | Uint8Array;
  readonly type?: number;
  readonly class?: number;
  readonly ttl?: number;
  readonly data?: readonly number[] | Uint8Array;
}

/** What a message is made of. */
export interface MessageParts {
  readonly id?: number;
  readonly response?: boolean;
  readonly opcode?: number;
  readonly rcode?: number;
  /** RD, as stub resolvers have it. */
  readonly recursive?: boolean;
  readonly questions?: readonly (readonly [
    name: string | Uint8Array,
    type?: number,
    class_?: number,
  ])[];
  readonly answers?: readonly RecordParts[];
  readonly authorities?: readonly RecordParts[];
  readonly additionals?: readonly RecordParts[];
  /** Written in the place of the sections' sizes. */
  readonly counts?: readonly [number, number, number, number];
}

export const u16 = (value: number): number[] => [value >> 8 & 255, value & 255];

/** A name without compression; its labels may hold any letters. */
export function name(text: string): Uint8Array {
  const labels = text.split(".").filter(Boolean).map((label) => {
    const bytes = new TextEncoder().encode(label);
    return Uint8Array.of(bytes.length, ...bytes);
  });
  return concat(...labels, Uint8Array.of(0));
}

const nameOf = (it: string | Uint8Array) =>
  typeof it === "string" ? name(it) : it;

export function record(parts: RecordParts): Uint8Array {
  const { type = A, class: class_ = 1, ttl = 60, data = [] } = parts;
  return concat(
    nameOf(parts.name),
    Uint8Array.of(...u16(type), ...u16(class_)),
    Uint8Array.of(...u16(ttl >>> 16), ...u16(ttl), ...u16(data.length)),
    Uint8Array.from(data),
  );
}

/** A whole message. */
export function message(parts: MessageParts = {}): Uint8Array {
  const { id = 1, response = false, opcode = 0, rcode = 0 } = parts;
  const { questions = [], answers = [], authorities = [] } = parts;
  const { additionals = [], recursive = true } = parts;
  const sections = [questions, answers, authorities, additionals];
  const counts = parts.counts ?? sections.map(({ length }) => length);
  return concat(
    Uint8Array.of(
      ...u16(id),
      (response ? 0x80 : 0) | opcode << 3 | (recursive ? 1 : 0),
      rcode,
      ...counts.flatMap(u16),
    ),
    ...questions.map(([name, type = A, class_ = 1]) =>
      concat(nameOf(name), Uint8Array.of(...u16(type), ...u16(class_)))
    ),
    ...[...answers, ...authorities, ...additionals].map(record),
  );
}

/** A query for an address. */
export const query = (id: number, name: string, type = A): Uint8Array =>
  message({ id, questions: [[name, type]] });

/** Its answer. */
export const answer = (id: number, name: string, type = A): Uint8Array =>
  message({
    id,
    response: true,
    questions: [[name, type]],
    answers: [{ name, type, data: type === A ? [10, 0, 0, 9] : [] }],
  });

/** A message as it stands on a stream. */
export const framed = (message: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(...u16(message.length)), message);
