/**
 * TLS over TCP: records -> handshakes (RFC 8446 §5, RFC 5246 §6, and SSL 3.0,
 * RFC 6101 §5; a first ClientHello may be framed as SSL 2.0 framed it).
 *
 * What an end sends goes through phases:
 *
 *     clear ──ChangeCipherSpec──► changed ──anything encrypted──► sealed
 *       └───────────anything encrypted────────────────────────────┘
 *
 * In `changed` all is encrypted up to TLS 1.2; but TLS 1.3 sends the message
 * for show, so that a hello or an alert may still come. Once `sealed` only the
 * headers of records are read, and nothing is kept. A hello in clear leads back
 * to the beginning. After a gap whose end is no record boundary nothing can be
 * read any more: the end is `deaf`.
 */
import { Malformed } from "../../stream/malformed.ts";
import type { Mark, StreamReader } from "../../stream/reader.ts";
import type { Side } from "../dissector.ts";
import { toAlert } from "./alert.ts";
import { Assembly, type AssemblyState } from "./assembly.ts";
import { Carrier } from "./carrier.ts";
import { type HandshakeExchange, Handshakes } from "./handshake.ts";
import { HANDSHAKE } from "./names.ts";

/** Content types of records (RFC 8446 §B.1, RFC 6520). */
export const CONTENT = {
  CHANGE_CIPHER_SPEC: 20,
  ALERT: 21,
  HANDSHAKE: 22,
  APPLICATION_DATA: 23,
  HEARTBEAT: 24,
} as const;

/** Bytes of a record's header: type, version, size. */
export const HEADER_SIZE = 5;

/** Bytes of a record, with what encryption may add (RFC 5246 §6.2.3). */
export const MAX_RECORD = 2 ** 14 + 2048;

/** Bytes of an alert in clear: level and description. */
const ALERT_SIZE = 2;

/** Bytes of a hello up to the size of its session id. */
const HELLO_START = 4 + 2 + 32 + 1;

type Phase = "clear" | "changed" | "sealed" | "deaf";

/** Nothing to give, without a generator to say so. */
const NOTHING: readonly HandshakeExchange[] = [];

/** What is known of one end between two packets. */
class Sender {
  phase: Phase = "clear";
  /** Whether no record of it was read. */
  isFirst = true;
  /** Whether the next byte may be inside a record. */
  isUnaligned: boolean;
  /** Of the record being read. */
  type = 0;
  size = 0;
  mark: Mark | undefined;
  /** Bytes of the record to come; 0 between records. */
  left = 0;
  readonly assembly = new Assembly();

  constructor(isUnaligned: boolean) {
    this.isUnaligned = isUnaligned;
  }

  /** Whether nothing of the record but its header was read or lost. */
  get isAtStart(): boolean {
    return this.left === this.size;
  }

  save(): SenderState {
    const { assembly, ...plain } = this;
    return { ...plain, assembly: assembly.save() };
  }

  restore({ assembly, ...plain }: SenderState): void {
    Object.assign(this, plain);
    this.assembly.restore(assembly);
  }
}

/** A sender as plain data. */
interface SenderState {
  readonly phase: Phase;
  readonly isFirst: boolean;
  readonly isUnaligned: boolean;
  readonly type: number;
  readonly size: number;
  readonly mark?: Mark | undefined;
  readonly left: number;
  readonly assembly: AssemblyState;
}

/** Reads the handshakes of one TCP flow. */
export class TlsParser extends Carrier<SenderState, Sender> {
  /** @param midStream whether the first byte read may be inside a record */
  constructor(midStream: boolean) {
    super(
      { client: new Sender(midStream), server: new Sender(midStream) },
      new Handshakes("t"),
    );
  }

  override read(side: Side, reader: StreamReader): Iterable<HandshakeExchange> {
    const sender = this.senders[side];
    return skipEncrypted(sender, reader)
      ? NOTHING
      : this.#readGuarded(side, sender, reader);
  }

  override gap(
    side: Side,
    size: number,
    reader: StreamReader,
  ): Iterable<HandshakeExchange> {
    const sender = this.senders[side];
    const lost = reader.available + size;
    this.handshakes.lose(side);
    if (sender.left > 0 && lost <= sender.left) {
      sender.left -= lost;
      if (sender.type === CONTENT.HANDSHAKE) sender.assembly.lose(lost);
    } else {
      sender.left = 0;
      sender.isFirst = false;
      sender.isUnaligned = true;
      sender.assembly.loseTrack();
    }
    return NOTHING;
  }

  /** What breaks the rules ends the handshake that it interrupts. */
  *#readGuarded(
    side: Side,
    sender: Sender,
    reader: StreamReader,
  ): Generator<HandshakeExchange> {
    try {
      yield* this.#readRecords(side, sender, reader);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      const exchange = this.handshakes.end("closed");
      if (exchange) yield exchange;
      throw error;
    }
  }

  *#readRecords(
    side: Side,
    sender: Sender,
    reader: StreamReader,
  ): Generator<HandshakeExchange> {
    while (true) {
      const step = this.#step(side, sender, reader);
      if (step === "wait") return;
      if (step) yield step;
    }
  }

  /** Reads a header, a message, or whatever is here of something else. */
  #step(side: Side, sender: Sender, reader: StreamReader): Step {
    if (sender.left === 0) return this.#beginRecord(side, sender, reader);
    if (sender.phase === "clear" && sender.type === CONTENT.HANDSHAKE) {
      return this.#readMessage(side, sender, reader);
    }
    if (sender.isAtStart && sender.type === CONTENT.HANDSHAKE) {
      return this.#readHello(side, sender, reader);
    }
    if (sender.isAtStart && sender.type === CONTENT.ALERT) {
      return this.#readAlert(side, sender, reader);
    }
    return skip(sender, reader);
  }

  #beginRecord(side: Side, sender: Sender, reader: StreamReader): Step {
    if (sender.phase === "deaf") return skip(sender, reader);
    if (sender.isFirst && startsAsSsl2(reader)) {
      return this.#readSsl2(side, sender, reader);
    }
    switch (readHeader(sender, reader)) {
      case "wait":
        return "wait";
      case "none":
        return this.#misunderstand(side, sender);
    }
    switch (sender.type) {
      case CONTENT.APPLICATION_DATA:
        return this.#seal(side, sender);
      case CONTENT.CHANGE_CIPHER_SPEC:
        if (sender.phase === "clear") sender.phase = "changed";
    }
    return undefined;
  }

  /** A ClientHello as SSL 2.0 framed it: two bytes of size, the first bit set. */
  #readSsl2(side: Side, sender: Sender, reader: StreamReader): Step {
    if (reader.available < SSL2_START) return "wait";
    if (!isSsl2Hello(reader.unread())) return this.#misunderstand(side, sender);
    const size = 2 + ((reader.peek(0)! & 0x7f) << 8 | reader.peek(1)!);
    if (reader.available < size) return "wait";
    const first = reader.mark();
    const body = reader.bytes(size)!.slice(2);
    sender.isFirst = sender.isUnaligned = false;
    const last = reader.lastMark();
    return this.handshakes.message(side, {
      ...{ type: HANDSHAKE.CLIENT_HELLO, framing: "ssl2", body },
      ...{ first, last, size },
    });
  }

  #readMessage(side: Side, sender: Sender, reader: StreamReader): Step {
    const { assembly } = sender;
    if (assembly.isLost) {
      if (!sender.isAtStart) return skip(sender, reader);
      assembly.reset(); // most often a record begins with a message
    }
    const limit = Math.min(sender.left, reader.available);
    if (limit === 0) return "wait";
    const before = reader.offset;
    const message = assembly.read(
      reader,
      limit,
      () => sender.isAtStart ? sender.mark! : reader.mark(),
    );
    sender.left -= reader.offset - before;
    if (message !== "encrypted") {
      return message && this.handshakes.message(side, message);
    }
    assembly.reset();
    return this.#seal(side, sender);
  }

  /** Looks whether a record that should be encrypted is a hello in clear. */
  #readHello(side: Side, sender: Sender, reader: StreamReader): Step {
    switch (findHello(sender, reader)) {
      case "wait":
        return "wait";
      case "none":
        skip(sender, reader);
        return this.#seal(side, sender);
    }
    sender.phase = "clear";
    sender.assembly.reset();
    this.handshakes.unsilence(side);
    return undefined;
  }

  #readAlert(side: Side, sender: Sender, reader: StreamReader): Step {
    if (sender.phase === "sealed") return skip(sender, reader);
    if (sender.size !== ALERT_SIZE) return this.#seal(side, sender);
    if (reader.available < ALERT_SIZE) return "wait";
    sender.left = 0;
    const alert = toAlert(reader.u8()!, reader.u8()!);
    if (!alert) return this.#seal(side, sender);
    const first = sender.mark!;
    const size = HEADER_SIZE + ALERT_SIZE;
    return this.handshakes
      .alert(side, alert, { first, last: reader.lastMark(), size });
  }

  #seal(side: Side, sender: Sender): Step {
    sender.phase = "sealed";
    return this.handshakes.silence(side);
  }

  /** What comes next is no record. */
  #misunderstand(side: Side, sender: Sender): Step {
    if (!sender.isUnaligned) throw new Malformed("No TLS record begins here");
    sender.phase = "deaf";
    return this.handshakes.leave(side);
  }
}

/** `wait` for more bytes; else something was read, perhaps to an exchange. */
type Step = "wait" | HandshakeExchange | undefined;

/**
 * Skips what an end sends once nothing of it is in clear.
 *
 * @returns false if something must be looked at
 */
function skipEncrypted(sender: Sender, reader: StreamReader): boolean {
  if (sender.phase === "deaf") return reader.skip(reader.available);
  if (sender.phase !== "sealed") return false;
  while (true) {
    if (sender.left === 0) {
      const header = readHeader(sender, reader);
      if (header === "wait") return true;
      if (header === "none") return false;
    }
    const mayBeHello = sender.type === CONTENT.HANDSHAKE && sender.isAtStart &&
      findHello(sender, reader) !== "none";
    if (mayBeHello) return false;
    if (skip(sender, reader) === "wait") return true;
  }
}

/** Skips what is here of a record; of a deaf end everything. */
function skip(sender: Sender, reader: StreamReader): Step {
  const size = sender.phase === "deaf"
    ? reader.available
    : Math.min(sender.left, reader.available);
  if (size === 0) return "wait";
  reader.skip(size);
  if (sender.phase !== "deaf") sender.left -= size;
  return undefined;
}

/** Reads the header of the next record, if the next bytes are one. */
function readHeader(
  sender: Sender,
  reader: StreamReader,
): "read" | "wait" | "none" {
  if (reader.available < HEADER_SIZE) return "wait";
  const type = reader.peek(0)!;
  const size = reader.peek(3)! << 8 | reader.peek(4)!;
  if (!isHeader(type, reader.peek(1)!, reader.peek(2)!, size)) return "none";
  sender.mark = type === CONTENT.HANDSHAKE || type === CONTENT.ALERT
    ? reader.mark()
    : undefined;
  reader.skip(HEADER_SIZE);
  sender.type = type;
  sender.size = sender.left = size;
  sender.isFirst = sender.isUnaligned = false;
  return "read";
}

/**
 * Whether these may be a record's header. Only application data may be empty
 * (RFC 8446 §5.1).
 */
export function isHeader(
  type: number,
  major: number,
  minor: number,
  size: number,
): boolean {
  return type >= CONTENT.CHANGE_CIPHER_SPEC && type <= CONTENT.HEARTBEAT &&
    major === 3 && minor <= 4 && size <= MAX_RECORD &&
    (size > 0 || type === CONTENT.APPLICATION_DATA);
}

/**
 * Whether a handshake record holds just a hello. It is strict, for encrypted
 * bytes must not pass for one.
 */
function findHello(
  sender: Sender,
  reader: StreamReader,
): "hello" | "wait" | "none" {
  const type = reader.peek();
  if (type === undefined) return "wait";
  const isHello = type === HANDSHAKE.CLIENT_HELLO ||
    type === HANDSHAKE.SERVER_HELLO;
  if (!isHello || sender.size < HELLO_START) return "none";
  if (reader.available < HELLO_START) return "wait";
  const start = reader.unread();
  const size = start[1]! << 16 | start[2]! << 8 | start[3]!;
  const fits = 4 + size === sender.size && start[4] === 3 && start[5]! <= 4 &&
    start[HELLO_START - 1]! <= 32;
  return fits ? "hello" : "none";
}

/** Bytes of an SSL 2.0 CLIENT-HELLO that tell it from everything else. */
export const SSL2_START = 11;

/** Whether the next byte can be no record's, but one of SSL 2.0. */
function startsAsSsl2(reader: StreamReader): boolean {
  const first = reader.peek();
  return first !== undefined && first >= 0x80;
}

/**
 * Whether bytes begin an SSL 2.0 CLIENT-HELLO that offers SSL 3.0 or TLS: its
 * parts have to fill its record exactly (RFC 5246 §E.2).
 *
 * @param head {@link SSL2_START} bytes or more
 */
export function isSsl2Hello(head: Uint8Array): boolean {
  const u16 = (at: number) => head[at]! << 8 | head[at + 1]!;
  const [specs, sessionId, challenge] = [u16(5), u16(7), u16(9)];
  return head[0]! >= 0x80 && head[2] === HANDSHAKE.CLIENT_HELLO &&
    head[3] === 3 && head[4]! <= 4 &&
    specs > 0 && specs % 3 === 0 && (sessionId === 0 || sessionId === 16) &&
    challenge >= 16 && challenge <= 32 &&
    (u16(0) & 0x7fff) === 9 + specs + sessionId + challenge;
}
