/** Whether the first bytes of a direction are TLS or DTLS. */
import type { Guess } from "../dissector.ts";
import { toAlert } from "./alert.ts";
import { MAX_MESSAGE } from "./assembly.ts";
import { MAX_HELLO } from "./client_hello.ts";
import { isDatagram } from "./datagram.ts";
import { HANDSHAKE, isHandshakeType } from "./names.ts";
import {
  CONTENT,
  HEADER_SIZE,
  isHeader,
  isSsl2Hello,
  SSL2_START,
} from "./record.ts";

/** The second byte of whatever begins a stream or a datagram: its version. */
const TLS_MAJOR = 3;
const DTLS_MAJOR = 0xfe;

/** What the first bytes of a stream, or a datagram, are. */
export function probe(head: Uint8Array): Guess {
  const [first, major] = head;
  if (first === undefined) return "unsure";
  if (first >= 0x80) return probeSsl2(head);
  if (first < CONTENT.CHANGE_CIPHER_SPEC || first > LAST_TYPE) return "reject";
  if (major === undefined) return "unsure";
  if (major === DTLS_MAJOR) return isDatagram(head) ? "match" : "reject";
  return major === TLS_MAJOR ? probeRecords(head) : "reject";
}

/** The highest content type, that of DTLS's ACK. */
const LAST_TYPE = 26;

function probeSsl2(head: Uint8Array): Guess {
  if (head.length >= SSL2_START) return isSsl2Hello(head) ? "match" : "reject";
  const [, , type = HANDSHAKE.CLIENT_HELLO, major = TLS_MAJOR] = head;
  return type === HANDSHAKE.CLIENT_HELLO && major === TLS_MAJOR
    ? "unsure"
    : "reject";
}

/** Every record that begins in `head` must have a header that holds. */
function probeRecords(head: Uint8Array): Guess {
  let headers = 0;
  for (let at = 0; head.length - at >= HEADER_SIZE; headers++) {
    const [type, major, minor] = head.subarray(at, at + 3);
    const size = head[at + 3]! << 8 | head[at + 4]!;
    if (!isHeader(type!, major!, minor!, size)) return "reject";
    at += HEADER_SIZE + size;
  }
  if (headers === 0) return "unsure";
  const guess = probeContent(head);
  return guess === "unsure" && headers > 1 ? "match" : guess;
}

/** What the content of the first record says. */
function probeContent(head: Uint8Array): Guess {
  const size = head[3]! << 8 | head[4]!;
  const content = head.subarray(HEADER_SIZE, HEADER_SIZE + size);
  switch (head[0]) {
    case CONTENT.HANDSHAKE:
      return probeMessage(content);
    case CONTENT.ALERT:
      if (size > 2 || content.length < 2) return "unsure"; // encrypted, or cut
      return toAlert(content[0]!, content[1]!) ? "match" : "reject";
    case CONTENT.CHANGE_CIPHER_SPEC:
      if (size !== 1) return "reject";
      return content.length === 0
        ? "unsure"
        : content[0] === 1
        ? "match"
        : "reject";
    case CONTENT.APPLICATION_DATA:
      return size > 0 ? "match" : "unsure";
    default:
      return "unsure"; // a heartbeat begins no conversation
  }
}

/** A message that begins a flow is a hello; joined later, it may be any. */
function probeMessage(content: Uint8Array): Guess {
  if (content.length < 6) return "unsure";
  const type = content[0]!;
  const size = content[1]! << 16 | content[2]! << 8 | content[3]!;
  if (!isHandshakeType(type) || size > MAX_MESSAGE) return "unsure";
  switch (type) {
    case HANDSHAKE.CLIENT_HELLO:
      return size <= MAX_HELLO && content[4] === 3 ? "match" : "unsure";
    case HANDSHAKE.SERVER_HELLO: // drafts of TLS 1.3 had versions of their own
      return size <= MAX_HELLO && [3, 0x7f].includes(content[4]!)
        ? "match"
        : "unsure";
    default:
      return "match";
  }
}
