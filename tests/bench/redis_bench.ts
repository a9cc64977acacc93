/**
 * Exchanges a second of Redis, with nothing asked of them.
 *
 * As a busy cache sees it: a client that asks for 16 keys at a time, as
 * redis-benchmark -P 16 does, and one that waits for each reply.
 */
import type { ParserContext, Side } from "../../dissectors/dissector.ts";
import { redis } from "../../dissectors/redis/redis.ts";
import { StreamReader } from "../../stream/reader.ts";

const EXCHANGES = 10_000;

const CONTEXT: ParserContext = {
  transport: "tcp",
  client: { ip: "10.0.0.1", port: 50_000 },
  server: { ip: "10.0.0.2", port: 6379 },
  ipVersion: 4,
  midStream: false,
  wantsBodies: false,
};

interface Packet {
  readonly side: Side;
  readonly bytes: Uint8Array;
}

/** GETs of keys of 16 bytes and their values of 32, so many in a packet. */
function gets(pipelined: number): Packet[] {
  const encoder = new TextEncoder();
  const packets: Packet[] = [];
  for (let n = 0; n < EXCHANGES; n += pipelined) {
    const keys = Array.from(
      { length: pipelined },
      (_, i) => `key:${String(n + i).padStart(12, "0")}`,
    );
    const asked = keys.map((key) => `*2\r\n$3\r\nGET\r\n$16\r\n${key}\r\n`);
    const said = keys.map((key) => `$32\r\n${key}${key}\r\n`);
    packets.push({ side: "client", bytes: encoder.encode(asked.join("")) });
    packets.push({ side: "server", bytes: encoder.encode(said.join("")) });
  }
  return packets;
}

/** Reads the packets; gives the number of exchanges. */
function read(packets: readonly Packet[], use?: (it: object) => void): number {
  const parser = redis.open(CONTEXT);
  const readers = { client: new StreamReader(), server: new StreamReader() };
  let exchanges = 0;
  for (const [place, { side, bytes }] of packets.entries()) {
    const reader = readers[side];
    reader.append(bytes, 0, bytes.length, place, place);
    for (const exchange of parser.read(side, reader)) {
      use?.(exchange.request!.values);
      exchanges++;
    }
    reader.retain();
  }
  return exchanges;
}

for (const pipelined of [1, 16]) {
  const packets = gets(pipelined);
  const name = `redis: ${EXCHANGES} GETs, ${pipelined} in a packet`;
  Deno.bench(name, () => {
    const exchanges = read(packets);
    if (exchanges !== EXCHANGES) throw new Error(`Got ${exchanges}`);
  });

  Deno.bench(`${name}, keys looked at`, () => {
    let found = 0;
    read(packets, (request) => {
      const { key } = request as { key: unknown };
      if (key === "key:000000000007") found++;
    });
    if (found !== 1) throw new Error(`Found ${found}`);
  });
}
