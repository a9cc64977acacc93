/** Random filters over the fields of a schema, as text. */
import type { Field, FieldMap } from "../../entry/field.ts";
import type { ProtocolSchema } from "../../entry/schema.ts";
import type { Random } from "../fuzz/random.ts";
import { formatTime } from "../../kfl/time.ts";
import { PROTOCOLS } from "./schema.ts";

/** Few values, so that filters and entries meet. Some differ by case alone. */
export const WORDS = [
  "GET",
  "get",
  "/api/cart",
  "/api",
  "cart",
  "session:1",
  "time-out",
  "ab",
  "naïve café",
  "200",
  "Zürich/cart",
] as const;

export const NUMBERS = [0, 1, 17, 200, 404, 5.5, -3] as const;
export const PORTS = [53, 80, 443, 6379, 50001] as const;
export const ADDRESSES = [
  "10.0.0.1",
  "10.0.0.2",
  "192.168.7.9",
  "2001:db8::1",
  "fe80::7",
] as const;
export const NETWORKS = [
  "10.0.0.0/8",
  "10.0.0.2/31",
  "192.168.0.0/16",
  "2001:db8::/32",
  "0.0.0.0/0",
] as const;
export const NAMES = ["host", "X-Id", "accept"] as const;

/** When the random traffic was captured, µs. */
export const EPOCH = Date.UTC(2026, 10, 23) * 1000;
/** Times around it, as offsets in µs. */
export const OFFSETS = [0, 1, 1000, 250_000, 2_000_000] as const;

/** A filter of random shape. */
export function randomFilter(random: Random): string {
  const rest = () => condition(random, random.int(0, 3));
  // What each stage can rule out comes often enough to be tested.
  switch (random.int(0, 20)) {
    case 15:
      return namesTest(random);
    case 16:
      return `${namesTest(random)} and ${endTest(random)}`;
    case 17:
      return `not ${namesTest(random)} or (${rest()})`;
    case 0:
      return `${literalTest(random)} or ${literalTest(random)}`;
    case 1:
    case 12:
    case 18:
      return literalTest(random);
    case 2:
      return `${literalTest(random)} and not ${literalTest(random)}`;
    case 3:
      return `not ${literalTest(random)} or (${rest()})`;
    case 4:
      return `${boundary(random)} and ${endTest(random)}`;
    case 5:
      return `${boundary(random)} and (${rest()})`;
    case 6:
      return boundary(random);
    case 7:
      return `${endTest(random)} and (${rest()})`;
    case 8:
    case 10:
    case 14:
    case 19:
      return endTest(random);
    case 20:
      return `${boundary(random)} and ${namesTest(random)}`;
    case 11:
      return `${boundary(random)} and ${boundary(random)}`;
    case 9:
      return `${boundary(random)} or ${literalTest(random)}`;
    default:
      return rest();
  }
}

/** Paths whose texts stand in the bytes as they are. */
const LITERAL = PROTOCOLS.flatMap(({ name: protocol, fields }) =>
  (["request", "response"] as const).flatMap((half) =>
    Object.entries(fields[half] ?? {})
      .filter(([, field]) => (field.item ?? field).literal !== "encoded")
      .map(([name]) => `${protocol}.${half}.${name}`)
  )
);

function literalTest(random: Random): string {
  const path = random.pick(LITERAL);
  const word = JSON.stringify(random.pick(WORDS));
  return random.pick([
    `${path} == ${word}`,
    `${path} in [${word}, ${JSON.stringify(random.pick(WORDS))}]`,
    `${path} startsWith ${word}`,
    `${path} contains ${word}`,
    `${path} like "*${random.pick(["cart", "GE?", "-out"])}*"`,
    `${path} == r"${random.pick(["^/api/[a-z]+", "sess.*:1", "G?ET"])}"`,
    `${path}.exists(x, x == ${word})`,
  ]);
}

/** A bound of time alone. */
function boundary(random: Random): string {
  const us = EPOCH + random.pick([...OFFSETS, -1000, 5_000_000]);
  return `timestamp ${comparator(random)} "${formatTime(us)}"`;
}

function condition(random: Random, depth: number): string {
  if (depth === 0) return test(random);
  const inner = () => condition(random, random.int(0, depth - 1));
  switch (random.int(0, 6)) {
    case 0:
      return `not (${inner()})`;
    case 1:
      return `!(${inner()})`;
    case 2:
    case 3:
      return `(${inner()}) or (${inner()})`;
    case 4:
      return `${random.pick(PROTOCOLS).name} and (${inner()})`;
    default:
      return `(${inner()}) and (${inner()})`;
  }
}

function test(random: Random): string {
  switch (random.int(0, 12)) {
    case 0:
      return random.pick([
        ...PROTOCOLS.map(({ name }) => name),
        "http",
        "http1",
        "http2",
        "tcp",
        "udp",
      ]);
    case 1:
      return `protocol ${random.pick(["==", "!="])} "${
        random.pick(PROTOCOLS).name
      }"`;
    case 2:
    case 3:
      return random.chance(0.5) ? endTest(random) : namesTest(random);
    case 4:
      return timeTest(random);
    case 5:
      return commonTest(random);
    case 6:
      return random.chance(0.3)
        ? JSON.stringify(random.pick(WORDS))
        : commonTest(random);
    default:
      return protocolTest(random);
  }
}

function endTest(random: Random): string {
  const of = random.pick(["src.", "dst.", ""]);
  const negated = random.chance(0.2) ? "not " : "";
  if (random.chance(0.5)) {
    const port = `${of}port`;
    return negated + random.pick([
      `${port} ${comparator(random)} ${random.pick(PORTS)}`,
      `${port} in [${random.pick(PORTS)}, ${random.pick(PORTS)}]`,
      `${port} in [1, 2, 3, 4, 5, 6, 7, ${random.pick(PORTS)}, 8, 9]`,
      `${port} in ${random.int(0, 100)}..${random.pick(PORTS)}`,
      `src.port ${comparator(random)} dst.port`,
      `exists(${port})`,
    ]);
  }
  const ip = `${of}ip`;
  return negated + random.pick([
    `${ip} == ${random.pick(ADDRESSES)}`,
    `${ip} != "${random.pick(ADDRESSES)}"`,
    `${ip} in ${random.pick(NETWORKS)}`,
    `${ip} in [${random.pick(NETWORKS)}, ${random.pick(ADDRESSES)}]`,
    `${ip} startsWith "10."`,
    `src.ip == dst.ip`,
    `${random.pick(["src", "dst"])}.serviceIp == ${random.pick(ADDRESSES)}`,
  ]);
}

/** A test of what the ends are called. */
function namesTest(random: Random): string {
  const end = random.pick(["src", "dst"]);
  const of = random.pick([`${end}.`, ""]);
  const negated = random.chance(0.2) ? "not " : "";
  return negated + random.pick([
    `${of}service ${random.pick(["==", "!="])} "carts"`,
    `${of}service == "${random.pick(["carts", "web"])}"`,
    `${of}pod == "${random.pick(["carts-0", "web-0"])}"`,
    `${of}pod startsWith "carts"`,
    `${of}pod == r"^(web|job)-"`,
    `${of}namespace in ["ops", "shop"]`,
    `${of}workload like "c?rts"`,
    `${of}name contains "carts"`,
    `${end}.node == "node-a"`,
    `exists(${end}.zone)`,
    `${end}.pod == nil`,
    `${end}.labels["app"] == "${random.pick(["carts", "web"])}"`,
    "src.namespace != dst.namespace",
    "src.service == dst.service",
    `(src.service == "web" and dst.service == "carts")`,
    `(${end}.service == "carts" or dst.port == ${random.pick(PORTS)})`,
    `(${end}.service != "carts" and src.ip != 10.0.0.1)`,
    `pod.exists(p, p endsWith "-0")`,
  ]);
}

function timeTest(random: Random): string {
  const at = formatTime(EPOCH + random.pick(OFFSETS));
  return random.pick([
    boundary(random),
    `timestamp ${comparator(random)} now() - ${random.int(0, 3)}s`,
    `timestamp - 1s ${comparator(random)} "${at}"`,
  ]);
}

function commonTest(random: Random): string {
  const word = JSON.stringify(random.pick(WORDS));
  const number = random.pick(NUMBERS);
  return random.pick([
    "failed",
    "error == false",
    `status ${comparator(random)} ${number}`,
    `status == ${word}`,
    `elapsedTime ${comparator(random)} ${random.int(0, 9)}ms`,
    `elapsedTime ${comparator(random)} ${number}`,
    `requestSize ${comparator(random)} ${number}`,
    `requestSize + responseSize ${comparator(random)} ${number}`,
    `summary contains ${word}`,
    `version == "1.1"`,
    `version < "2"`,
    `incomplete == "gap"`,
    `exists(incomplete)`,
    `decrypted`,
    `transport in ["tcp", "udp"]`,
    `node.name == "node-a"`,
    `exists(request)`,
    `response == nil`,
  ]);
}

/** A test of a field that some protocol declares. */
function protocolTest(random: Random): string {
  const protocol = random.pick(PROTOCOLS);
  const halves = (["request", "response"] as const).filter((half) =>
    protocol.fields[half]
  );
  const half = random.pick(halves);
  const fields = protocol.fields[half]!;
  const name = random.pick(Object.keys(fields));
  const path = `${half}.${name}`;
  const qualified = random.chance(0.25) ? `${protocol.name}.${path}` : path;
  const made = fieldTest(random, qualified, fields[name]!);
  return random.chance(0.2)
    ? `${keywordOf(protocol, random)} and ${made}`
    : made;
}

function keywordOf(protocol: ProtocolSchema, random: Random): string {
  return random.pick([protocol.name, ...protocol.aliases ?? []]);
}

function comparator(random: Random): string {
  return random.pick(["==", "!=", "<", "<=", ">", ">="]);
}

function fieldTest(random: Random, path: string, field: Field): string {
  if (random.chance(0.06)) {
    return random.pick([
      `exists(${path})`,
      `${path} == nil`,
      `${path} != nil`,
    ]);
  }
  const word = JSON.stringify(random.pick(WORDS));
  const other = JSON.stringify(random.pick(WORDS));
  const number = random.pick(NUMBERS);
  switch (field.kind) {
    case "text":
    case "bytes":
    case "address":
      if (field.values.length > 0) {
        return `${path} == "${random.pick(field.values)}"`;
      }
      return random.pick([
        `${path} == ${word}`,
        `${path} == ${word}`,
        `${path} != ${word}`,
        `${path} in [${word}, ${other}]`,
        `${path} in ["b", "c", "d", "e", "f", "g", "h", "i", ${other}]`,
        `${path} contains ${word}`,
        `${path} startsWith ${word}`,
        `${path}.endsWith(${word})`,
        `${path} matches "a[bp].?i"`,
        `${path} == r"^/api"`,
        `${path} == r"(?i)CART$"`,
        `${path} like "*c?rt*"`,
        `${path}.lower() == ${word}`,
        `${path}.size() ${comparator(random)} ${random.int(0, 12)}`,
        `${path} ${comparator(random)} request.method`,
        `${path}.json().a ${comparator(random)} ${number}`,
        `${path}.xml().a.b == ${word}`,
        `${path}.base64() contains ${word}`,
        `${path}.protobuf()[1] == ${number}`,
      ]);
    case "number":
      return random.pick([
        `${path} ${comparator(random)} ${number}`,
        `${path} in [${number}, ${random.pick(NUMBERS)}, 100..300]`,
        `${path} in [2, 3, 4, 5, 6, 7, 8, 9, 10, ${number}]`,
        `${path} * 2 - 1 ${comparator(random)} ${number}`,
        `-${path} < ${number}`,
        `${path} == 18446744073709551615`,
      ]);
    case "bool":
      return random.pick([path, `!${path}`, `${path} == false`]);
    case "time":
      return `${path} ${comparator(random)} "2026-11-23T00:00:00Z"`;
    case "duration":
      return random.pick([
        `${path} ${comparator(random)} 5ms`,
        `${path} ${comparator(random)} ${number}`,
        `${path} * 2 >= 1s`,
      ]);
    case "list":
      return listTest(random, path, field.item!);
    case "map":
      return mapTest(random, path);
    case "object":
      return member(random, path, field.fields!);
    case "json":
      return random.pick([
        `${path}.a ${comparator(random)} ${number}`,
        `${path}["a"][0] == ${word}`,
        `${path}..b == ${word}`,
        `${path} == ${word}`,
        `${path} contains ${word}`,
        `${path}[*].exists(x, x == ${number})`,
        `${path}.exists(x, x.a == ${number})`,
      ]);
  }
}

function listTest(random: Random, path: string, item: Field): string {
  switch (random.int(0, 5)) {
    case 0:
      return `${path}.size() ${comparator(random)} ${random.int(0, 3)}`;
    case 1:
      return fieldTest(random, `${path}[${random.int(0, 2)}]`, item);
    case 2:
      return fieldTest(random, `${path}[*]`, item);
    case 3:
      return `${path}.${random.pick(["exists", "any", "all"])}(x, ${
        fieldTest(random, "x", item)
      })`;
    case 4:
      return item.kind === "text" || item.kind === "bytes"
        ? `${JSON.stringify(random.pick(WORDS))} in ${path}`
        : `exists(${path})`;
    default:
      return item.kind === "object"
        ? member(random, `${path}[*]`, item.fields!)
        : fieldTest(random, path, item);
  }
}

function member(random: Random, path: string, fields: FieldMap): string {
  const name = random.pick(Object.keys(fields));
  return fieldTest(random, `${path}.${name}`, fields[name]!);
}

function mapTest(random: Random, path: string): string {
  const word = JSON.stringify(random.pick(WORDS));
  const name = JSON.stringify(random.pick(NAMES));
  return random.pick([
    `${path}[${name}] == ${word}`,
    `${path}[${name}] != ${word}`,
    `${path}[${name}] startsWith ${word}`,
    `${path}[${name}][0] == ${word}`,
    `${path}.accept contains ${word}`,
    `${path}[*] == ${word}`,
    `${name} in ${path}`,
    `${path}.size() > 1`,
    `${path}[*].exists(x, x like "*a*")`,
  ]);
}
