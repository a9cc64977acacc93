/**
 * The packets of each conversation, counted with their payload, against what
 * is known of the captures.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  OUTCOME,
  type Packet,
  PROTOCOL,
  toAddress,
} from "../../packet/packet.ts";
import { captures, decodeCapture, hasCaptures, truthOf } from "./captures.ts";

/** Packets between two ends, and the payload that each of them sent. */
interface Conversation {
  frames: number;
  /** By the sender. */
  readonly sent: { [end: string]: number };
}

type Conversations = Map<string, Conversation>;

/** One stream of a truth file. */
interface Stream {
  readonly a: string;
  readonly b: string;
  readonly frames: number;
  /** TCP. */
  readonly a_dir?: { readonly bytes: number };
  readonly b_dir?: { readonly bytes: number };
  /** UDP. */
  readonly bytes_a?: number;
  readonly bytes_b?: number;
}

interface Truth {
  readonly tcp?: { readonly streams: readonly Stream[] };
  readonly udp?: { readonly streams: readonly Stream[] };
}

function conversation(
  all: Conversations,
  transport: string,
  ...ends: readonly [string, string]
): Conversation {
  const key = [transport, ...ends.toSorted()].join(" ");
  let found = all.get(key);
  if (!found) all.set(key, found = { frames: 0, sent: {} });
  return found;
}

function addSent(to: Conversation, end: string, size: number): void {
  if (size > 0) to.sent[end] = (to.sent[end] ?? 0) + size;
}

function expected(truth: Truth): Conversations {
  const all: Conversations = new Map();
  for (const transport of ["tcp", "udp"] as const) {
    for (const stream of truth[transport]?.streams ?? []) {
      const { a, b } = stream;
      const found = conversation(all, transport, a, b);
      found.frames += stream.frames;
      addSent(found, a, stream.a_dir?.bytes ?? stream.bytes_a ?? 0);
      // Where both ends are the same, both directions are the same packets.
      if (a !== b) {
        addSent(found, b, stream.b_dir?.bytes ?? stream.bytes_b ?? 0);
      }
    }
  }
  return all;
}

function toEnd(packet: Packet, at: number, port: number): string {
  const address = toAddress(packet.bytes, at, packet.ipVersion);
  return packet.ipVersion === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What we find, and how many frames contradicted themselves. */
function found(capture: string): { all: Conversations; malformed: number } {
  const all: Conversations = new Map();
  let malformed = 0;
  decodeCapture(capture, ({ outcome, packet }) => {
    if (outcome === OUTCOME.MALFORMED) malformed++;
    if (outcome !== OUTCOME.PACKET) return;
    const { protocol } = packet;
    if (protocol !== PROTOCOL.TCP && protocol !== PROTOCOL.UDP) return;
    if (protocol === PROTOCOL.UDP && hasNoLength(packet)) return;
    const src = toEnd(packet, packet.src, packet.srcPort);
    const dst = toEnd(packet, packet.dst, packet.dstPort);
    const transport = protocol === PROTOCOL.TCP ? "tcp" : "udp";
    const one = conversation(all, transport, src, dst);
    one.frames++;
    addSent(one, src, packet.size);
  });
  return { all, malformed };
}

/** Datagrams whose header has no length are none to the truth. */
function hasNoLength({ bytes, start }: Packet): boolean {
  return bytes[start - 4] === 0 && bytes[start - 3] === 0;
}

const TUNNEL_PORT = /:(2152|3544|4789|4790|6081)( |$)/;

/**
 * Fuzzed captures are left out: there streams go by what tshark guesses of
 * their content. `tshark_test.ts` compares their frames.
 */
const comparable = captures.filter((name) => !name.startsWith("malformed/"));

/**
 * Where the truth counts otherwise, and rightly so by its own rules: it counts
 * every layer of a frame, and believes every length.
 */
function isExplained(
  key: string,
  our: Conversation | undefined,
  their: Conversation | undefined,
  context: { malformed: number; quotes: boolean },
): boolean {
  // Around what is neither TCP nor UDP it counts the tunnel; and where a
  // tunnel holds no packet we count the tunnel.
  if (TUNNEL_PORT.test(key)) return true;
  if (!their) return false;
  const frames = our?.frames ?? 0;
  const fewer = their.frames - frames;
  // It counts a TCP header that contradicts itself.
  if (key.startsWith("tcp")) return fewer > 0 && fewer <= context.malformed;
  // It counts what an ICMP error quotes.
  if (context.quotes && fewer > 0) return true;
  // It believes a UDP length that is beyond the packet.
  return fewer === 0 &&
    Object.entries(our?.sent ?? {}).every(([end, size]) =>
      size <= (their.sent[end] ?? 0)
    );
}

Deno.test({
  name: "conversations have the packets and the payload that they should",
  ignore: !hasCaptures,
  fn: () => {
    let conversations = 0;
    let explained = 0;
    for (const capture of comparable) {
      const truth = truthOf(capture) as Truth & { layers: object };
      const quotes = "icmp" in truth.layers || "icmpv6" in truth.layers;
      const their = expected(truth);
      const { all: our, malformed } = found(capture);
      for (const key of new Set([...our.keys(), ...their.keys()])) {
        conversations++;
        const [mine, known] = [our.get(key), their.get(key)];
        const isSame = JSON.stringify(sorted(mine)) ===
          JSON.stringify(sorted(known));
        if (isSame) continue;
        explained++;
        const context = { malformed, quotes };
        if (isExplained(key, mine, known, context)) continue;
        deepEqual(mine, known, `${capture}: ${key}`);
      }
    }
    ok(conversations > 1500, `${conversations} conversations`);
    ok(explained < conversations / 50, `${explained} of ${conversations}`);
  },
});

function sorted(one: Conversation | undefined): unknown {
  return one && [one.frames, Object.entries(one.sent).toSorted()];
}

Deno.test({
  name: "every capture is read to its end, or to a damage that is told",
  ignore: !hasCaptures,
  fn: () => {
    const damaged = captures.filter((capture) =>
      decodeCapture(capture, () => {}) !== undefined
    );
    equal(damaged.length, 1, damaged.join());
  },
});
