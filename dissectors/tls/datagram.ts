/**
 * DTLS over UDP: datagrams -> handshakes (RFC 9147, RFC 6347).
 *
 * A datagram holds records, a record of epoch 0 holds handshake messages or
 * pieces of them. Datagrams get lost, repeated and swapped, so messages are
 * taken as they come and told apart by their numbers. What is no DTLS in a flow
 * is skipped: STUN and RTP share it (RFC 7983).
 */
import type { Mark, StreamReader } from "../../stream/reader.ts";
import type { Side } from "../dissector.ts";
import { toAlert } from "./alert.ts";
import { isKept, MAX_MESSAGE } from "./assembly.ts";
import { Carrier } from "./carrier.ts";
import { FragmentedMessage, type FragmentedState } from "./fragments.ts";
import {
  type HandshakeExchange,
  type HandshakeMessage,
  Handshakes,
  type Span,
} from "./handshake.ts";
import { HANDSHAKE, isHandshakeType } from "./names.ts";
import { CONTENT } from "./record.ts";
import { type NumberedRecord, RecordNumbers } from "./record_numbers.ts";

/** Content types that TLS has not (RFC 9146 §4, RFC 9147 §7). */
const CONNECTION_ID = 25;
const ACK = 26;

/** First byte of a record's version. */
const DTLS_MAJOR = 0xfe;

/** Bytes of a record's header: type, version, epoch, number, size. */
const HEADER_SIZE = 13;

/** Bytes of a message's header: type, size; number, offset and size of a piece. */
const MESSAGE_HEADER_SIZE = 12;

/** Bytes of an alert in clear. */
const ALERT_SIZE = 2;

/** Messages of one end that may wait for the rest of their pieces. */
export const MAX_FRAGMENTED = 4;

/** Messages of one end in a handshake; those with a higher number are skipped. */
const MAX_MESSAGES = 32;

/** What is known of one end between two datagrams. */
class Sender {
  /** Numbers of the messages that are done, a bit for each. */
  done = 0;
  /** By number. */
  readonly fragmented = new Map<number, FragmentedMessage>();
  records = new RecordNumbers();

  /** Whether a handshake was read, or missed. */
  get hasSpoken(): boolean {
    return this.done !== 0 || this.records.hasChanged || this.records.isBroken;
  }

  /** Forgets all, for another handshake begins. */
  reset(): void {
    this.done = 0;
    this.fragmented.clear();
    this.records = new RecordNumbers();
  }

  save(): SenderState {
    return {
      done: this.done,
      fragmented: [...this.fragmented].map(([n, it]) => [n, it.save()]),
      records: { ...this.records },
    };
  }

  restore({ done, fragmented, records }: SenderState): void {
    this.done = done;
    for (const [number, message] of fragmented) {
      this.fragmented.set(number, new FragmentedMessage(message));
    }
    Object.assign(this.records, records);
  }
}

/** A sender as plain data. */
interface SenderState {
  readonly done: number;
  readonly fragmented: readonly (readonly [number, FragmentedState])[];
  readonly records: object;
}

/** Reads the handshakes of one UDP flow. */
export class DtlsParser extends Carrier<SenderState, Sender> {
  constructor() {
    super(
      { client: new Sender(), server: new Sender() },
      new Handshakes("d"),
    );
  }

  /** Consumes one datagram, which is all that the reader holds. */
  override read(side: Side, reader: StreamReader): Iterable<HandshakeExchange> {
    const isOld = isOther(reader) ||
      isEncrypted(reader) && this.handshakes.isSilent(side);
    if (!isOld) return this.#readRecords(side, reader);
    reader.skip(reader.available);
    return NOTHING;
  }

  /** The end of a datagram was not captured. */
  override gap(side: Side): Iterable<HandshakeExchange> {
    this.senders[side].records.isBroken = true;
    this.handshakes.lose(side);
    return NOTHING;
  }

  *#readRecords(
    side: Side,
    reader: StreamReader,
  ): Generator<HandshakeExchange> {
    while (reader.available > 0) {
      const mark = reader.mark();
      const record = toRecord(reader.unread());
      const end = reader.offset + record.size;
      const { records } = this.senders[side];
      if (record.numbered) records.add(record.numbered);
      if (record.isCut) records.isBroken = true;
      this.#judge(side);
      if (record.isEncrypted) {
        const exchange = this.handshakes.silence(side);
        if (exchange) yield exchange;
      } else if (record.numbered) {
        reader.skip(HEADER_SIZE);
        yield* this.#readClear(side, reader, record.numbered, mark, end);
        this.#judge(side);
      }
      reader.skip(end - reader.offset);
    }
  }

  /** Tells whether the numbers of the records show that some were lost. */
  #judge(side: Side): void {
    if (this.senders[side].records.isHoled) this.handshakes.lose(side);
    else this.handshakes.regain(side);
  }

  *#readClear(
    side: Side,
    reader: StreamReader,
    record: NumberedRecord,
    mark: Mark,
    end: number,
  ): Generator<HandshakeExchange> {
    switch (record.type) {
      case CONTENT.ALERT:
        yield* this.#readAlert(side, reader, mark, end);
        break;
      case CONTENT.HANDSHAKE:
        yield* this.#readMessages(side, reader, record, mark, end);
    }
  }

  *#readAlert(
    side: Side,
    reader: StreamReader,
    first: Mark,
    end: number,
  ): Generator<HandshakeExchange> {
    if (end - reader.offset !== ALERT_SIZE) return;
    const alert = toAlert(reader.u8()!, reader.u8()!);
    if (!alert) return;
    const size = HEADER_SIZE + ALERT_SIZE;
    const exchange = this.handshakes
      .alert(side, alert, { first, last: reader.lastMark(), size });
    if (exchange) yield exchange;
  }

  *#readMessages(
    side: Side,
    reader: StreamReader,
    record: NumberedRecord,
    mark: Mark,
    end: number,
  ): Generator<HandshakeExchange> {
    let first = mark;
    let framing = HEADER_SIZE + MESSAGE_HEADER_SIZE;
    while (end - reader.offset >= MESSAGE_HEADER_SIZE) {
      const piece = readPiece(reader, end);
      if (!piece) return;
      if (isVeryFirst(piece, record) && this.senders[side].hasSpoken) {
        this.#reset(side, record);
      }
      const size = framing + piece.bytes.length;
      const span = { first, last: reader.lastMark(), size };
      const message = this.#assemble(side, piece, span);
      if (message) {
        this.handshakes.unsilence(side);
        const exchange = this.handshakes.message(side, message);
        if (exchange) yield exchange;
      }
      // The record's header counts to the first message in it.
      if (reader.offset < end) first = reader.mark();
      framing = MESSAGE_HEADER_SIZE;
    }
  }

  /** A message that this piece makes whole, or a piece that is not kept. */
  #assemble(
    side: Side,
    piece: Piece,
    span: Span,
  ): HandshakeMessage | undefined {
    const { type, size, number, offset, bytes } = piece;
    const sender = this.senders[side];
    const isDone = (sender.done & 1 << number) !== 0;
    // Hellos that come again are counted, and may begin another handshake.
    if (isDone && type !== HANDSHAKE.CLIENT_HELLO) return undefined;
    const whole = { type, framing: "datagram" } as const;
    if (!isKept(type, size)) {
      if (offset + bytes.length === size) finish(sender, piece);
      return { ...whole, ...span, body: undefined };
    }
    if (bytes.length === size) {
      finish(sender, piece);
      return { ...whole, ...span, body: bytes.slice() };
    }
    const message = collect(sender, piece, span);
    const { body } = message;
    if (!body) return undefined;
    finish(sender, piece);
    return { ...whole, ...message.span, body };
  }

  /** Another handshake begins with this record. */
  #reset(side: Side, record: NumberedRecord): void {
    this.senders.client.reset();
    this.senders.server.reset();
    this.senders[side].records.add(record);
  }
}

/** Nothing to give, without a generator to say so. */
const NOTHING: readonly HandshakeExchange[] = [];

/** Whether a datagram is no DTLS, by its first byte (RFC 7983 §7). */
function isOther(reader: StreamReader): boolean {
  const first = reader.peek()!;
  return first < CONTENT.CHANGE_CIPHER_SPEC || first > 63;
}

/** Whether a datagram's first record, and so all of it, is encrypted. */
function isEncrypted(reader: StreamReader): boolean {
  return isShortHeader(reader.peek()!) ||
    reader.peek(1) === DTLS_MAJOR && (reader.peek(3)! | reader.peek(4)!) !== 0;
}

/** Whether it begins the header of DTLS 1.3: bits 001 (RFC 9147 §4). */
const isShortHeader = (first: number): boolean => first >> 5 === 1;

/** Whether a piece begins the first message of a handshake. */
function isVeryFirst(piece: Piece, record: NumberedRecord): boolean {
  return piece.type === HANDSHAKE.CLIENT_HELLO && piece.number === 0 &&
    piece.offset === 0 && record.number === 0;
}

/** Remembers that a message is done. */
function finish(sender: Sender, { type, number }: Piece): void {
  sender.fragmented.delete(number);
  if (type === HANDSHAKE.HELLO_VERIFY_REQUEST) {
    sender.records.rebase();
    return; // the ServerHello may have the same number
  }
  sender.done |= 1 << number;
  if (type === HANDSHAKE.CLIENT_HELLO && sender.records.first !== 0) {
    sender.records.isBroken = true; // it was not the first hello
  }
}

/** A record at the beginning of some bytes of a datagram. */
interface DatagramRecord {
  /** Header included; all that is left where that cannot be known. */
  readonly size: number;
  readonly isEncrypted: boolean;
  /** Whether the capture kept only its beginning. */
  readonly isCut?: boolean;
  /** Absent where that is encrypted, or where the bytes are no record. */
  readonly numbered?: NumberedRecord;
}

/** @param bytes all that is left of the datagram */
function toRecord(bytes: Uint8Array): DatagramRecord {
  const type = bytes[0]!;
  if (isShortHeader(type)) return { size: bytes.length, isEncrypted: true };
  // How long a connection id is was agreed under encryption.
  const isHidden = type === CONNECTION_ID;
  if (!isHeader(bytes) || isHidden) {
    return { size: bytes.length, isEncrypted: isHidden };
  }
  const size = HEADER_SIZE + u16(bytes, 11);
  if (size > bytes.length) {
    return { size: bytes.length, isEncrypted: false, isCut: true };
  }
  const epoch = u16(bytes, 3);
  const number = u24(bytes, 5) * 2 ** 24 + u24(bytes, 8);
  return { size, isEncrypted: epoch > 0, numbered: { type, epoch, number } };
}

/** Whether bytes begin with a record's header. */
function isHeader(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_SIZE &&
    bytes[0]! >= CONTENT.CHANGE_CIPHER_SPEC && bytes[0]! <= ACK &&
    bytes[1] === DTLS_MAJOR && bytes[2]! >= 0xfc && bytes[2] !== 0xfe;
}

const u16 = (bytes: Uint8Array, at: number): number =>
  bytes[at]! << 8 | bytes[at + 1]!;

const u24 = (bytes: Uint8Array, at: number): number =>
  u16(bytes, at) << 8 | bytes[at + 2]!;

/** A piece of a handshake message; mostly all of it. */
interface Piece {
  readonly type: number;
  /** Bytes of the whole message's body. */
  readonly size: number;
  /** Number of the message. */
  readonly number: number;
  readonly offset: number;
  /** Borrowed. */
  readonly bytes: Uint8Array;
}

/** Reads a piece with its header; `undefined` where the bytes are none. */
function readPiece(reader: StreamReader, end: number): Piece | undefined {
  const header = reader.bytes(MESSAGE_HEADER_SIZE)!;
  const bytes = toPieceSize(header) <= end - reader.offset
    ? reader.bytes(toPieceSize(header))!
    : undefined;
  const piece = {
    type: header[0]!,
    size: u24(header, 1),
    number: u16(header, 4),
    offset: u24(header, 6),
  };
  return bytes && isPiece(header) ? { ...piece, bytes } : undefined;
}

const toPieceSize = (header: Uint8Array): number => u24(header, 9);

/** Whether bytes are the header of a piece of a message in clear. */
function isPiece(header: Uint8Array): boolean {
  const size = u24(header, 1);
  return isHandshakeType(header[0]!) && size <= MAX_MESSAGE &&
    u16(header, 4) < MAX_MESSAGES &&
    u24(header, 6) + toPieceSize(header) <= size;
}

/** Adds a piece to the others of its message. */
function collect(
  { fragmented }: Sender,
  { type, size, number, offset, bytes }: Piece,
  span: Span,
): FragmentedMessage {
  const fragment = { offset, bytes: bytes.slice() };
  const before = fragmented.get(number);
  if (before?.type === type && before.size === size) {
    before.add(fragment, span.last, span.size);
    return before;
  }
  if (fragmented.size === MAX_FRAGMENTED) {
    fragmented.delete(fragmented.keys().next().value!);
  }
  const message = new FragmentedMessage({
    ...{ type, size, span },
    fragments: [fragment],
  });
  fragmented.set(number, message);
  return message;
}

/**
 * Whether a datagram is DTLS: its first record must have a header that holds,
 * and in clear a content that does.
 */
export function isDatagram(head: Uint8Array): boolean {
  const { numbered, size } = toRecord(head);
  if (!numbered) return false;
  if (numbered.epoch > 0) return true;
  const content = head.subarray(HEADER_SIZE, size);
  switch (numbered.type) {
    case CONTENT.HANDSHAKE:
      return content.length >= MESSAGE_HEADER_SIZE && isPiece(content);
    case CONTENT.ALERT:
      return content.length === ALERT_SIZE &&
        toAlert(content[0]!, content[1]!) !== undefined;
    case CONTENT.CHANGE_CIPHER_SPEC:
      return content[0] === 1;
    default:
      return false;
  }
}
