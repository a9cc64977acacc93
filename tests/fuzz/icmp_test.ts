/**
 * ICMP and ICMPv6 under random bytes: recorded messages that were changed, and
 * messages made up. Whatever comes, there is no error, and little is kept.
 */
import { deepEqual, ok } from "node:assert/strict";
import type { Ending } from "../../dissectors/dissector.ts";
import { icmp } from "../../dissectors/icmp/icmp.ts";
import { type Chunk, START } from "../dissectors/dissect.ts";
import { parse } from "../dissectors/parse.ts";
import { readRecordings } from "../dissectors/recordings.ts";
import { concat, Random } from "./random.ts";

const CASES = 12_000;

/** Bytes of saved state for each message that was read. */
const MAX_STATE = 400;

const recordings = readRecordings("icmp").filter(({ transport }) =>
  transport === "icmp"
);

const TYPES = {
  4: [0, 3, 4, 5, 8, 8, 0, 11, 12, 13, 14, 17, 42, 200],
  6: [1, 2, 3, 4, 128, 128, 129, 129, 133, 134, 135, 136, 137, 143, 200],
};

/** A packet as an error quotes it, with what a hostile sender puts there. */
function anyPacket(random: Random): Uint8Array {
  const payload = random.bytes(random.int(0, 60));
  if (random.chance(0.2)) return payload;
  const protocol = random.pick([1, 6, 17, 47, 58, 132]);
  if (random.chance(0.5)) {
    const header = random.bytes(20);
    header[0] = 0x45;
    header[9] = protocol;
    if (random.chance(0.7)) header[6] = header[7] = 0;
    return concat(header, payload);
  }
  const header = random.bytes(40);
  header[0] = 0x60;
  const chain = [0, 43, 44, 60, protocol, protocol];
  header[6] = random.pick(chain);
  const extensions = Array.from({ length: random.int(0, 10) }, () => {
    const size = random.int(0, 2);
    const extension = random.bytes(8 + 8 * size);
    extension[0] = random.pick(chain);
    extension[1] = size;
    if (random.chance(0.7)) extension[2] = extension[3] = 0;
    return extension;
  });
  return concat(header, ...extensions, payload);
}

function anyMessage(random: Random, version: 4 | 6): Uint8Array {
  const header = Uint8Array.of(
    ...[random.pick(TYPES[version]), random.pick([0, 1, 4]), 0, 0],
    ...[0, random.int(0, 2), 0, random.int(0, 3)],
  );
  const message = concat(header, anyPacket(random));
  return random.chance(0.2)
    ? message.subarray(0, random.int(0, message.length))
    : message;
}

function anyChunk(random: Random, version: 4 | 6): Chunk {
  const side = random.pick(["client", "server"] as const);
  if (random.chance(0.02)) return { expire: START + random.int(0, 100) * 1e6 };
  if (random.chance(0.02)) return { side, gap: 1 };
  const bytes = random.chance(0.3)
    ? random.mutate(random.pick(random.pick(recordings).segments).bytes)
    : anyMessage(random, version);
  return { side, bytes };
}

Deno.test("ICMP: messages survive in any order and shape", () => {
  let exchanges = 0;
  for (let seed = 1; seed <= CASES; seed++) {
    const random = new Random(seed);
    const ipVersion = random.pick([4, 6] as const);
    const chunks = Array.from(
      { length: random.int(1, 12) },
      () => anyChunk(random, ipVersion),
    );
    const server = {
      ip: random.pick(["10.0.0.2", "fd00::2", "ff02::1", "224.0.0.1"]),
    };
    const options = {
      ...{ ipVersion, server, client: { ip: "10.0.0.1" } },
      ending: random.pick<Ending>(["closed", "reset", "cut"]),
    };
    try {
      const given = parse(icmp, chunks, {
        ...options,
        check: (parser) => ok(parser.save().length < 500 + 12 * MAX_STATE),
      });
      exchanges += given.length;
      if (!random.chance(0.1)) continue;
      deepEqual(parse(icmp, chunks, { ...options, resumed: true }), given);
    } catch (error) {
      throw new Error(`Seed ${seed}`, { cause: error });
    }
  }
  ok(exchanges > CASES);
});
