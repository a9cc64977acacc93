/**
 * TLS and DTLS under random bytes: recorded flows that were changed, and
 * handshakes made up of records in any order. Whatever comes, there is no
 * error, each entry can be written, and little is kept.
 */
import { ok, throws } from "node:assert/strict";
import type { Ending, Parser, Side } from "../../dissectors/dissector.ts";
import { decodeCertificates } from "../../dissectors/tls/certificate.ts";
import { DtlsParser } from "../../dissectors/tls/datagram.ts";
import { TlsParser } from "../../dissectors/tls/record.ts";
import { tls } from "../../dissectors/tls/tls.ts";
import { leniently } from "../../dissectors/tls/wire.ts";
import { Malformed } from "../../stream/malformed.ts";
import { StreamReader } from "../../stream/reader.ts";
import { type Chunk, dissect, START } from "../dissectors/dissect.ts";
import {
  alert,
  algorithms,
  alpn,
  certificates,
  CHANGE,
  chosen,
  clientHello,
  datagram,
  encrypted,
  extension,
  groups,
  handshake,
  type Hello,
  piece,
  pointFormats,
  record,
  RETRY,
  said,
  serverHello,
  sni,
  versions,
} from "../dissectors/tls/messages.ts";
import { readRecordings, type Recorded } from "../dissectors/recordings.ts";
import { cpuTime } from "./cpu_time.ts";
import { concat, Random } from "./random.ts";

const CASES = 10_000;

/** Bytes of saved state that a flow may need: hellos and certificates. */
const MAX_STATE = 3_000_000;

/** How long 64 KB may take. */
const MAX_MS = 50;

const recordings = readRecordings("tls");
const [SSL2_HELLO] = recordings
  .find(({ name }) => name.startsWith("ssl2_hello"))!.segments;

/** Bodies of Certificate messages, from the recordings of DTLS and TLS. */
const CERTIFICATES = recordings.flatMap(({ transport, segments }) => {
  const all = concat(...segments.map(({ bytes }) => bytes)).toHex();
  const at = transport === "tcp" ? all.search(/16030.....0b00/) / 2 : -1;
  return at < 0 ? [] : [Uint8Array.fromHex(all).subarray(at + 9, at + 2100)];
});

const SIDES = ["client", "server"] as const;
const VERSIONS = [0x0300, 0x0301, 0x0303, 0x0304, 0xfefd, 0x7f12, 0x0a0a];
const SUITES = [0x1301, 0xc02f, 0x0a0a, 0xffff];
const TYPES = [0, 1, 2, 3, 4, 6, 11, 12, 13, 14, 15, 16, 20, 22];

const any = <T>(random: Random, values: readonly T[]): T[] =>
  Array.from({ length: random.int(0, 4) }, () => random.pick(values));

function anyExtension(random: Random): Uint8Array {
  switch (random.int(0, 9)) {
    case 0:
      return sni(random.pick(["carts.shop", "", "a"]));
    case 1:
      return alpn(random.pick(["h2", "", random.bytes(3)]), "http/1.1");
    case 2:
      return groups(...any(random, [29, 23, 0x0a0a]));
    case 3:
      return pointFormats(...any(random, [0, 1]));
    case 4:
      return algorithms(...any(random, [0x0403, 0x0a0a]));
    case 5:
      return versions(...any(random, VERSIONS));
    case 6:
      return chosen(random.pick(VERSIONS));
    case 7:
      return extension(random.pick([35, 41]), random.bytes(random.int(0, 3)));
    case 8:
      return random.bytes(random.int(0, 5)); // breaks the list
    default:
      return extension(random.int(0, 60), random.bytes(random.int(0, 9)));
  }
}

function anyHello(random: Random, isDatagram: boolean): Hello {
  return {
    version: random.pick(VERSIONS),
    seed: random.int(0, 3),
    ...random.chance(0.1) ? { random: RETRY } : {},
    sessionId: new Uint8Array(random.pick([0, 0, 16, 32, 33])),
    suites: any(random, SUITES),
    ...random.chance(0.9)
      ? { extensions: any(random, [0]).map(() => anyExtension(random)) }
      : {},
    ...isDatagram ? { cookie: new Uint8Array(random.pick([0, 0, 8])) } : {},
  };
}

function anyBody(
  random: Random,
  type: number,
  isDatagram: boolean,
): Uint8Array {
  const body = type === 1
    ? clientHello(anyHello(random, isDatagram))
    : type === 2
    ? serverHello(anyHello(random, false))
    : type === 11
    ? random.pick([...CERTIFICATES, certificates(random.bytes(50))])
    : random.bytes(random.int(0, 40));
  return random.chance(0.15) ? random.mutate(body) : body;
}

/** Mostly hellos and certificates: the others say little. */
const anyType = (random: Random): number =>
  random.chance(0.7) ? random.pick([1, 1, 2, 2, 11, 14]) : random.pick(TYPES);

function anyRecord(random: Random): Uint8Array {
  switch (random.int(0, 9)) {
    case 0:
      return alert(random.int(0, 3), random.pick([0, 40, 48, 112, 200]));
    case 1:
      return CHANGE;
    case 2:
      return encrypted(random.int(0, 60), random.pick([21, 22, 23, 23, 24]));
    case 3: {
      const type = anyType(random);
      const message = handshake(type, anyBody(random, type, false));
      const at = random.int(0, message.length);
      // A message over two records; the second may be missing.
      return concat(
        said(message.subarray(0, at)),
        random.chance(0.8) ? said(message.subarray(at)) : new Uint8Array(),
      );
    }
    case 4:
      return random.chance(0.3)
        ? SSL2_HELLO!.bytes
        : record(random.int(19, 25), random.bytes(random.int(0, 9)));
    default: {
      const messages = any(random, [0]).map(() => {
        const type = anyType(random);
        return handshake(type, anyBody(random, type, false));
      });
      return messages.length > 0 ? said(...messages) : CHANGE;
    }
  }
}

function anyDatagram(random: Random): Uint8Array {
  const place = {
    number: random.int(0, 9),
    epoch: random.pick([0, 0, 0, 0, 1]),
  };
  switch (random.int(0, 9)) {
    case 0:
      return datagram({ ...place, type: 21 }, random.bytes(random.int(1, 3)));
    case 1:
      return datagram({ ...place, type: 21 }, Uint8Array.of(2, 40));
    case 2:
      return datagram({ ...place, type: 20 }, Uint8Array.of(1));
    case 3:
      return datagram({ ...place, type: 25 }, random.bytes(9));
    case 4:
      return random.bytes(random.int(1, 30));
    default: {
      const type = random.chance(0.1) ? 3 : anyType(random);
      const body = anyBody(random, type, true);
      const from = random.pick([0, 0, random.int(0, body.length)]);
      const to = random.pick([body.length, random.int(from, body.length)]);
      return datagram(place, piece(type, random.int(0, 3), body, from, to));
    }
  }
}

/** Cuts bytes anywhere, loses some, and lets time and ends come between. */
function* mishandled(
  side: Side,
  bytes: Uint8Array,
  random: Random,
): Generator<Chunk> {
  const most = random.pick([60, 600, 20_000, 20_000]);
  for (let at = 0; at < bytes.length;) {
    const end = at + random.int(1, most);
    if (random.chance(0.02)) {
      yield { side, gap: random.pick([end - at, random.int(1, 3000)]) };
    } else yield { side, bytes: bytes.slice(at, end) };
    at = end;
  }
  if (random.chance(0.02)) yield { side, fin: true };
  if (random.chance(0.01)) yield { expire: START + 100e6 };
}

/** Reads a flow in any circumstances; gives how many entries came of it. */
function survive(
  transport: Recorded["transport"],
  chunks: readonly Chunk[],
  random: Random,
): number {
  return dissect(tls, chunks, {
    transport,
    midStream: random.chance(0.3),
    ending: random.pick<Ending>(["closed", "reset", "cut"]),
    resumed: random.chance(0.05),
  }).length;
}

/** Runs seeded cases; at least some of them must give entries. */
function fuzz(first: number, run: (random: Random) => number): void {
  let entries = 0;
  for (let seed = first; seed < first + CASES; seed++) {
    try {
      entries += run(new Random(seed));
    } catch (error) {
      throw new Error(`Seed ${seed}`, { cause: error });
    }
  }
  ok(entries > CASES / 4, `Only ${entries} entries`);
}

function changed(flow: Recorded, random: Random): Chunk[] {
  const isWhole = flow.transport === "udp";
  return flow.segments.flatMap(({ side, bytes }): Chunk[] => {
    const changed = random.chance(0.2) ? random.mutate(bytes) : bytes;
    return isWhole
      ? [{ side, bytes: changed }]
      : [...mishandled(side, changed, random)];
  });
}

Deno.test("TLS: recorded flows survive any change", () => {
  fuzz(1, (random) => {
    const flow = random.pick(recordings);
    return survive(flow.transport, changed(flow, random), random);
  });
});

Deno.test("TLS: records survive in any order", () => {
  fuzz(1e6, (random) => {
    const chunks: Chunk[] = [];
    for (let n = random.int(1, 8); n > 0; n--) {
      const bytes = random.chance(0.1)
        ? random.mutate(anyRecord(random))
        : anyRecord(random);
      chunks.push(...mishandled(random.pick(SIDES), bytes, random));
    }
    return survive("tcp", chunks, random);
  });
});

Deno.test("DTLS: datagrams survive in any order", () => {
  fuzz(2e6, (random) => {
    const chunks: Chunk[] = [];
    for (let n = random.int(1, 12); n > 0; n--) {
      const records = [0, ...any(random, [0])].map(() => anyDatagram(random));
      const side = random.pick(SIDES);
      chunks.push({ side, bytes: concat(...records) });
      if (random.chance(0.02)) chunks.push({ side, gap: 9 });
      if (random.chance(0.02)) chunks.push({ expire: START + 100e6 });
    }
    return survive("udp", chunks, random);
  });
});

Deno.test("TLS: certificates survive any change", () => {
  fuzz(3e6, (random) => {
    const body = random.mutate(random.pick(CERTIFICATES), 20);
    return decodeCertificates(body)
      .filter(({ sha256 }) => sha256.length === 64).length;
  });
});

Deno.test("TLS and DTLS: 64 KB take little time and less memory", () => {
  const random = new Random(5);
  let slowest = 0;
  for (let i = 0; i < 60; i++) {
    const isStream = random.chance(0.5);
    const parser = isStream ? new TlsParser(true) : new DtlsParser();
    const parts: Uint8Array[] = [];
    for (let size = 0; size < 65_536;) {
      const part = isStream ? anyRecord(random) : anyDatagram(random);
      parts.push(part);
      size += part.length;
    }
    const started = cpuTime();
    drain(parser, isStream ? [concat(...parts)] : parts, random);
    slowest = Math.max(slowest, cpuTime() - started);
    ok(parser.save().length < MAX_STATE);
  }
  // Ten times what it may take, for machines that do much else.
  ok(slowest < 10 * MAX_MS, `The slowest took ${slowest} ms`);
});

function drain(
  parser: Parser,
  parts: readonly Uint8Array[],
  random: Random,
): void {
  const readers = { client: new StreamReader(), server: new StreamReader() };
  for (const [i, part] of parts.entries()) {
    const side = random.pick(SIDES);
    readers[side].append(part, 0, part.length, START, i);
    try {
      for (const { request, response } of parser.read(side, readers[side])) {
        ok(request || response);
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
    readers[side].skip(readers[side].available);
    readers[side].retain();
  }
}

Deno.test("only what is malformed is passed over", () => {
  const ours = new RangeError("a mistake of our own");
  throws(() =>
    leniently(() => {
      throw ours;
    }), ours);
});
