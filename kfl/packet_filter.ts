/**
 * Packet filter: the part of a plan that a packet's headers decide, compiled to
 * a loop over columns.
 *
 * It serves filters such as `port == 8080`, for which even finding the flow of
 * each packet would be dear. A packet goes one way and an entry of its flow may
 * go either, so a test must come out the same both ways to be certain.
 */
import { parseAddress, parseNetwork } from "./address.ts";
import type { Transport } from "../entry/entry.ts";
import type { Condition } from "./condition.ts";
import type { Plan } from "./plan.ts";
import type { Constant, Item, Typed } from "./typed.ts";

/** Rows of packets, as `packet/columns.ts` fills them. */
export interface PacketRows {
  /** IP protocol numbers; {@link UNSURE} where nothing else holds. */
  readonly protocol: Uint8Array;
  /** 4 or 6. */
  readonly version: Uint8Array;
  readonly srcPort: Uint16Array;
  readonly dstPort: Uint16Array;
  /** Four words a row in network order; IPv4 has the first alone. */
  readonly src: Uint32Array;
  readonly dst: Uint32Array;
}

/** In place of a protocol number: the row says nothing. */
const UNSURE = 255;

/** A test of packets by their headers. */
export interface PacketFilter {
  /**
   * Judges the first `count` rows: 1 where every entry that the packet belongs
   * to matches, 0 where none does, 2 where that is not certain.
   */
  readonly judge: (
    rows: PacketRows,
    count: number,
    verdicts: Uint8Array,
  ) => void;
  /** Whether every row that says something is judged 0 or 1. */
  readonly isCertain: boolean;
}

/** IP protocol numbers of the transports. */
const NUMBERS: { readonly [T in Transport]: readonly number[] } = {
  tcp: [6],
  udp: [17],
  icmp: [1, 58],
  sctp: [132],
};

/**
 * Compiles what headers decide; `undefined` where they decide nothing, or where
 * code may not be generated.
 */
export function compilePacket(plan: Plan): PacketFilter | undefined {
  const { may, must } = conditionCode(plan.condition);
  if (may === "true" && must === "false") return undefined;
  const verdict = may === must
    ? `${may} ? 1 : 0`
    : `${may} ? ${must} ? 1 : 2 : 0`;
  const body = `"use strict";
    const { protocol, version, srcPort, dstPort, src, dst } = rows;
    for (let i = 0; i < count; i++) {
      const p = protocol[i];
      if (p === ${UNSURE}) { verdicts[i] = 2; continue; }
      const v = version[i], a = srcPort[i], b = dstPort[i], w = i * 4;
      verdicts[i] = ${verdict};
    }`;
  try {
    const judge = new Function("rows", "count", "verdicts", body);
    return {
      judge: judge as PacketFilter["judge"],
      isCertain: may === must,
    };
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    return undefined;
  }
}

/** Whether columns of packets decide a test of the ends. */
export function isDecidedByColumns(test: Typed): boolean {
  return testCode(test, false) !== undefined;
}

/** Code that is true where a condition may hold, and where it must. */
interface Bounds {
  readonly may: string;
  readonly must: string;
}

const OPEN: Bounds = { may: "true", must: "false" };

function conditionCode(condition: Condition): Bounds {
  switch (condition.kind) {
    case "known": {
      const code = String(condition.value);
      return { may: code, must: code };
    }
    case "not": {
      const { may, must } = conditionCode(condition.of);
      return { may: negatedCode(must), must: negatedCode(may) };
    }
    case "and":
    case "or": {
      const parts = condition.of.map(conditionCode);
      return {
        may: joinedCode(condition.kind, parts.map(({ may }) => may)),
        must: joinedCode(condition.kind, parts.map(({ must }) => must)),
      };
    }
    case "transport": {
      const code = anyOf(condition.among.map(transportCode));
      return { may: code, must: code };
    }
    case "ends":
      return endsCode(condition.test);
    default:
      return OPEN;
  }
}

function negatedCode(code: string): string {
  if (code === "true") return "false";
  return code === "false" ? "true" : `!${code}`;
}

/** Codes as one, without what makes no difference. */
function joinedCode(kind: "and" | "or", codes: readonly string[]): string {
  const [neutral, decisive] = kind === "and"
    ? ["true", "false"]
    : ["false", "true"];
  if (codes.includes(decisive)) return decisive;
  const telling = new Set(codes.filter((each) => each !== neutral));
  if (telling.size === 0) return neutral;
  return `(${[...telling].join(kind === "and" ? " && " : " || ")})`;
}

/** A test of both ends, tried in both directions. */
function endsCode(test: Typed): Bounds {
  const there = testCode(test, false);
  const back = testCode(test, true);
  if (there === undefined || back === undefined) return OPEN;
  return isSymmetric(test) || there === back
    ? { may: there, must: there }
    : { may: `(${there} || ${back})`, must: `(${there} && ${back})` };
}

/** Whether nothing in it asks which end is which. */
function isSymmetric(node: Typed): boolean {
  switch (node.kind) {
    case "and":
    case "or":
      return node.of.every(isSymmetric);
    case "not":
      return isSymmetric(node.of);
    case "compare":
    case "in":
      return node.left.kind === "ends" ||
        node.kind === "compare" && node.right.kind === "ends";
    default:
      return node.kind === "transport" || node.kind === "constant";
  }
}

/** A test as code; `undefined` where columns cannot decide it. */
function testCode(node: Typed, swapped: boolean): string | undefined {
  switch (node.kind) {
    case "transport":
      return transportCode(node.transport);
    case "and":
    case "or": {
      const parts = node.of.map((each) => testCode(each, swapped));
      return parts.every((part) => part !== undefined)
        ? `(${parts.join(node.kind === "and" ? " && " : " || ")})`
        : undefined;
    }
    case "not": {
      const code = testCode(node.of, swapped);
      return code && `!${code}`;
    }
    case "compare":
      return comparisonCode(node.left, node.operator, node.right, swapped) ??
        comparisonCode(node.right, MIRRORED[node.operator], node.left, swapped);
    case "in": {
      const { left, right } = node;
      if (right.kind !== "items" || right.items.length === 0) return undefined;
      const parts = columnsOf(left, swapped)?.map((column) =>
        right.items.map((item) => itemCode(column, item))
      ).flat();
      return parts?.every((part) => part !== undefined)
        ? anyOf(parts)
        : undefined;
    }
    default:
      return undefined;
  }
}

const MIRRORED = {
  "==": "==",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
} as const;

type Sign = keyof typeof MIRRORED;

function transportCode(transport: Transport): string {
  return anyOf(NUMBERS[transport].map((number) => `p === ${number}`));
}

/** A column that a path stands for. */
interface Column {
  readonly kind: "port" | "ip";
  readonly name: string;
}

/** The columns of a path; two for a field of both ends. */
function columnsOf(node: Typed, swapped: boolean): Column[] | undefined {
  if (node.kind === "ends") {
    if (node.field !== "ip" && node.field !== "port") return undefined;
    return [
      columnOf("src", node.field, swapped),
      columnOf("dst", node.field, swapped),
    ];
  }
  if (node.kind !== "select" || node.variable !== undefined) return undefined;
  const [end, field] = node.text.split(".");
  if (end !== "src" && end !== "dst" || field !== "ip" && field !== "port") {
    return undefined;
  }
  return node.variants[0]?.steps.length === 2
    ? [columnOf(end, field, swapped)]
    : undefined;
}

function columnOf(
  end: "src" | "dst",
  field: "ip" | "port",
  swapped: boolean,
): Column {
  const first = (end === "src") !== swapped;
  return field === "port"
    ? { kind: "port", name: first ? "a" : "b" }
    : { kind: "ip", name: first ? "src" : "dst" };
}

function comparisonCode(
  left: Typed,
  sign: Sign,
  right: Typed,
  swapped: boolean,
): string | undefined {
  if (right.kind !== "constant") return undefined;
  const parts = columnsOf(left, swapped)?.map((column) =>
    column.kind === "port"
      ? portCode(column, sign, right.constant)
      : sign === "=="
      ? addressCode(column, right.constant)
      : undefined
  );
  return parts?.every((part) => part !== undefined) ? anyOf(parts) : undefined;
}

function itemCode(column: Column, item: Item): string | undefined {
  switch (item.kind) {
    case "value":
      if (item.of.kind !== "constant") return undefined;
      return column.kind === "port"
        ? portCode(column, "==", item.of.constant)
        : addressCode(column, item.of.constant);
    case "range": {
      if (column.kind !== "port") return undefined;
      const from = portCode(column, ">=", item.low);
      const to = portCode(column, "<=", item.high);
      return from && to && `(${from} && ${to})`;
    }
    case "network":
      return column.kind === "ip"
        ? networkCode(column, item.value, item.bits)
        : undefined;
  }
}

/** Where there are no ports the column has 0 and the entry has nothing. */
function portCode(
  { name }: Column,
  sign: Sign,
  constant: Constant,
): string | undefined {
  if (constant.type !== "number" || typeof constant.value !== "number") {
    return undefined;
  }
  const operator = sign === "==" ? "===" : sign;
  const hasPorts = sign === "==" && constant.value > 0
    ? ""
    : `!(${transportCode("icmp")}) && `;
  return `(${hasPorts}${name} ${operator} ${constant.value})`;
}

function addressCode(column: Column, constant: Constant): string | undefined {
  if (constant.type !== "address") return undefined;
  const groups = parseAddress(constant.value);
  return groups && networkCode(column, constant.value, groups.length * 16);
}

/** Compares the leading bits, word by word. */
function networkCode(
  { name }: Column,
  value: string,
  bits: number,
): string | undefined {
  const network = parseNetwork(`${value}/${bits}`);
  const groups = network && parseAddress(network.value);
  if (!groups) return undefined;
  const tests = [`v === ${groups.length === 2 ? 4 : 6}`];
  for (let word = 0; word * 32 < bits; word++) {
    const wanted = (groups[2 * word]! * 0x10000 + groups[2 * word + 1]!) >>> 0;
    const covered = Math.min(32, bits - word * 32);
    const mask = covered === 32 ? 0xffffffff : ~(0xffffffff >>> covered) >>> 0;
    const stored = `${name}[w + ${word}]`;
    tests.push(
      mask === 0xffffffff
        ? `${stored} === ${wanted}`
        : `(${stored} & ${mask}) >>> 0 === ${wanted}`,
    );
  }
  return `(${tests.join(" && ")})`;
}

function anyOf(codes: readonly string[]): string {
  return `(${codes.join(" || ")})`;
}
