/**
 * Random flows with the entries that they give and the bytes that carried
 * them: what a stage may know and what an entry then is always agree.
 */
import type { Field, FieldMap } from "../../entry/field.ts";
import type { End, Entry, Transport } from "../../entry/entry.ts";
import type { Claim } from "../../entry/names.ts";
import type { ProtocolSchema } from "../../entry/schema.ts";
import type { FlowView, ShardView } from "../../kfl/evaluator.ts";
import type { Needle } from "../../kfl/condition.ts";
import type { Random } from "../fuzz/random.ts";
import {
  ADDRESSES,
  EPOCH,
  NAMES,
  NUMBERS,
  OFFSETS,
  PORTS,
  WORDS,
} from "./random_filter.ts";
import { nameIn } from "./random_names.ts";
import { PROTOCOLS } from "./schema.ts";

/** A flow as the stages see it. */
export interface Traffic {
  readonly shard: ShardView;
  readonly flow: FlowView;
  readonly entries: readonly Entry[];
  /** Everything that both directions carried. */
  readonly bytes: string;
}

/**
 * A flow of random protocols with some entries.
 *
 * @param claims what its ends are called
 */
export function randomTraffic(
  random: Random,
  claims: readonly Claim[] = [],
): Traffic {
  const transport = random.pick<Transport>([
    "tcp",
    "tcp",
    "udp",
    "icmp",
    "sctp",
  ]);
  const spoken = PROTOCOLS.filter(({ transports }) =>
    transports.includes(transport)
  );
  const speakers = Array.from(
    { length: random.int(1, 2) },
    () => random.pick(spoken),
  );
  const ipv6 = random.chance(0.3);
  const ends = [
    end(random, transport, ipv6),
    end(random, transport, ipv6),
  ] as const;
  const first = EPOCH + random.pick(OFFSETS);
  const last = first + random.pick(OFFSETS);
  const carried: string[] = [];
  const entries = Array.from({ length: random.int(1, 3) }, (_, n) => {
    const [src, dst] = random.chance(0.5)
      ? ends
      : ends.toReversed() as [End, End];
    const times = { first, last };
    return entry(
      random,
      random.pick(speakers),
      transport,
      src,
      dst,
      times,
      n,
      carried,
      claims,
    );
  });
  const protocols = speakers.map(({ name }) => name);
  return {
    shard: {
      first: first - random.pick(OFFSETS),
      last: last + random.pick(OFFSETS),
      transports: random.chance(0.5) ? [transport] : ["tcp", "udp", transport],
      protocols: random.chance(0.2)
        ? undefined
        : [...protocols, ...random.chance(0.5) ? ["dns"] : []],
      node: random.chance(0.5) ? { name: "node-a" } : undefined,
    },
    flow: {
      transport,
      ends,
      first,
      last,
      protocols: random.chance(0.6)
        ? undefined
        : [...protocols, ...random.chance(0.3) ? ["tcp"] : []],
    },
    entries,
    bytes: carried.join("\x01"),
  };
}

/** What a search of the bytes for the needles finds. */
export function findNeedles(
  needles: readonly Needle[],
  bytes: string,
): Uint8Array {
  const lower = asciiLower(bytes);
  return Uint8Array.from(
    needles,
    ({ text, caseless }) =>
      Number(
        caseless ? lower.includes(asciiLower(text)) : bytes.includes(text),
      ),
  );
}

function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function end(random: Random, transport: Transport, ipv6: boolean): End {
  const addresses = ADDRESSES.filter((ip) => ip.includes(":") === ipv6);
  return {
    ip: random.pick(addresses),
    ...(transport === "icmp" ? {} : { port: random.pick(PORTS) }),
    ...(random.chance(0.03) && { serviceIp: random.pick(addresses) }),
  };
}

function entry(
  random: Random,
  protocol: ProtocolSchema,
  transport: Transport,
  src: End,
  dst: End,
  times: { readonly first: number; readonly last: number },
  n: number,
  carried: string[],
  claims: readonly Claim[],
): Entry {
  const timestamp = random.int(times.first, times.last);
  const named = (end: End) => ({ ...end, ...nameIn(claims, end, timestamp) });
  const half = (fields: FieldMap | undefined) =>
    random.chance(0.85) ? values(random, fields ?? {}, carried) : undefined;
  return {
    id: `node-a~0~${n}~0`,
    protocol: protocol.name,
    version: random.pick(["1.0", "1.1", "2", undefined]),
    transport,
    decrypted: random.chance(0.2),
    timestamp,
    completed: times.last,
    elapsed: random.pick([undefined, 0, 3000, 5500, 17_000]),
    node: { name: "node-a" },
    src: named(src),
    dst: named(dst),
    summary: `${random.pick(WORDS)} ${random.pick(WORDS)}`,
    status: random.pick([undefined, 200, 404, ...WORDS]),
    failed: random.chance(0.4),
    requestSize: random.pick([undefined, 0, 17, 300]),
    responseSize: random.pick([undefined, 17]),
    incomplete: random.pick([undefined, undefined, ["gap"], ["cut", "reset"]]),
    request: half(protocol.fields.request),
    response: half(protocol.fields.response),
  };
}

function values(
  random: Random,
  fields: FieldMap,
  carried: string[],
): { [name: string]: unknown } {
  const half: { [name: string]: unknown } = {};
  for (const [name, field] of Object.entries(fields)) {
    if (random.chance(0.75)) half[name] = value(random, field, carried);
  }
  return half;
}

/** A value of a field, which goes into the bytes as the field says it does. */
function value(
  random: Random,
  field: Field,
  carried: string[],
  literal = field.literal,
  unless = field.unless,
): unknown {
  switch (field.kind) {
    case "text":
    case "bytes":
    case "address": {
      if (field.kind === "bytes" && random.chance(0.05)) {
        const base64 = random.pick(["Y2Fm6Q==", "L2FwaS9jYXJ0/w=="]);
        if (literal !== "encoded") carried.push(atob(base64));
        return { base64 };
      }
      const text = field.values.length > 0
        ? random.pick(field.values)
        : random.chance(0.1)
        ? random.pick([
          '{"a": 17}',
          "<a><b>cart</b></a>",
          "\x08\x11",
          "Y2FydA==",
        ])
        : random.pick(WORDS);
      carry(random, text, literal, unless, carried);
      return text;
    }
    case "number":
      return random.chance(0.1) ? "18446744073709551615" : random.pick(NUMBERS);
    case "bool":
      return random.chance(0.5);
    case "time":
      return random.pick([
        "2026-11-23T00:00:00.000000Z",
        "2020-01-01T00:00:00Z",
      ]);
    case "duration":
      return random.pick([0, 5, 5.5, 1000]);
    case "list": {
      const item = field.item!;
      const own = item.literal === "encoded";
      return Array.from(
        { length: random.int(1, 3) },
        () =>
          value(
            random,
            item,
            carried,
            own ? literal : item.literal,
            own ? unless : item.unless,
          ),
      );
    }
    case "map":
      return Object.fromEntries(
        NAMES.filter(() => random.chance(0.5)).map((name) => [
          field.ignoresCase ? name.toLowerCase() : name,
          random.chance(0.2)
            ? [random.pick(WORDS), random.pick(WORDS)]
            : random.pick(WORDS),
        ]),
      );
    case "object":
      return values(random, field.fields!, carried);
    case "json":
      return random.pick<unknown>([
        { a: 17, b: "cart" },
        { a: ["GET", { b: "ab" }] },
        [{ a: 1 }, 17],
        "cart",
        404,
        null,
      ]);
  }
}

/** Puts a text into the bytes, by its field's rule. */
function carry(
  random: Random,
  text: string,
  literal: Field["literal"],
  unless: readonly string[],
  carried: string[],
): void {
  if (literal === "encoded") return;
  if (unless.length > 0 && random.chance(0.3)) {
    // Coded: the mark stands there and the text does not.
    carried.push(random.pick(unless).toUpperCase());
    return;
  }
  carried.push(
    literal === "caseless" && random.chance(0.5) ? text.toUpperCase() : text,
  );
}
