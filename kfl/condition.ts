/**
 * Condition: what may be concluded about a filter before its entries are known.
 *
 * A condition has the shape of its filter (`and`, `or`, `not`) over tests that a
 * stage can judge: yes, no, or cannot tell. A test says *yes* only if it is true
 * of every entry that can still come, and *no* only if it is true of none; then
 * the same holds for the whole, whatever is negated, by Kleene's logic. What no
 * early stage can judge is `unknown`.
 */
import type { Entry, Transport } from "../entry/entry.ts";
import { evaluate, satisfies } from "./interpreter.ts";
import { operatorOf } from "./operators/registry.ts";
import { everyNode, readsOnly } from "./tree.ts";
import type { LiteralRule, Select, Typed } from "./typed.ts";
import { type Form, truth } from "./value.ts";
import { intersection, timeBounds, type Window } from "./window.ts";

/** What can be concluded early. Plain data, part of the plan. */
export type Condition =
  | { readonly kind: "and" | "or"; readonly of: readonly Condition[] }
  | { readonly kind: "not"; readonly of: Condition }
  | Test;

/** What a stage judges. */
export type Test =
  | { readonly kind: "known"; readonly value: boolean }
  | { readonly kind: "unknown" }
  | { readonly kind: "transport"; readonly among: readonly Transport[] }
  /** A test of both ends and the transport, for a flow without direction. */
  | { readonly kind: "ends"; readonly test: Typed }
  /** The same, and of what the ends are called. */
  | { readonly kind: "names"; readonly test: Typed }
  /** `exact` unless a version is tested too, which makes yes unsure. */
  | {
    readonly kind: "protocol";
    readonly among: readonly string[];
    readonly exact: boolean;
  }
  | { readonly kind: "time"; readonly window: Window }
  /** A test of the node that captured it. */
  | { readonly kind: "node"; readonly test: Typed }
  | FieldTest;

/**
 * A test of fields that protocols declare. Where none of the rules speaks for
 * an entry, all that the test reads is nil, and it gives `otherwise`.
 */
export interface FieldTest {
  readonly kind: "fields";
  readonly rules: readonly FieldRule[];
  readonly otherwise: boolean;
}

/** What a field test needs to be true of the entries of some protocols. */
export interface FieldRule {
  readonly protocols: readonly string[];
  /** Absent where nothing can be concluded from the bytes of the flow. */
  readonly evidence?: Evidence | undefined;
}

/** Texts that stand in the bytes of a flow if a test is true. */
export interface Evidence {
  /** Numbers of needles, one of which must be found. */
  readonly any: readonly number[];
  /** Numbers of needles, any of which annuls this. */
  readonly unless: readonly number[];
}

/** A text to look for in the bytes of a flow. ASCII: one encoding only. */
export interface Needle {
  readonly text: string;
  /** Whether ASCII letters may stand in either case. */
  readonly caseless: boolean;
}

/** A condition with what its evidence refers to. */
export interface Staged {
  readonly condition: Condition;
  readonly needles: readonly Needle[];
}

/** Most needles of a plan; further evidence is left out. */
export const MAX_NEEDLES = 256;

/** Shorter texts stand in nearly all flows. */
const MIN_NEEDLE = 2;

/** All that can be concluded early about a filter. */
export function stage(filter: Typed): Staged {
  const stager = new Stager();
  const condition = stager.condition(filter);
  return { condition, needles: stager.needles };
}

const UNKNOWN: Test = { kind: "unknown" };
const TRANSPORTS: readonly Transport[] = ["tcp", "udp", "icmp", "sctp"];
/** Forms in which a text is equal to itself alone. */
const AS_WRITTEN: readonly Form[] = ["text", "bytes", "address", "json"];
/** For expressions of which the sources are absent or given beside it. */
const NOTHING = {} as Entry;

class Stager {
  readonly needles: Needle[] = [];
  readonly #numbers = new Map<string, number>();

  condition(node: Typed): Condition {
    if (node.kind === "constant") return known(truth(evaluate(node, NOTHING)));
    if (readsOnly(node, "transport")) return transportTest(node);
    if (readsOnly(node, "transport", "ends")) {
      return { kind: "ends", test: node };
    }
    switch (node.kind) {
      case "and":
      case "or":
        return this.#joined(node.kind, node.of);
      case "not":
        return negated(this.condition(node.of));
      case "protocol":
        return {
          kind: "protocol",
          among: node.among,
          exact: node.versions === undefined,
        };
      default:
        return this.#test(node);
    }
  }

  /**
   * What reads the ends alone stays together: `src.ip == a and dst.port == b`
   * is false of more flows than either of the two. So does what reads names,
   * which fewer stages can judge.
   */
  #joined(kind: "and" | "or", of: readonly Typed[]): Condition {
    const grouped = Map.groupBy(of, groupOf);
    const parts = (grouped.get("others") ?? []).map((node) =>
      this.condition(node)
    );
    if (kind === "and") mergeTimes(parts);
    for (const group of ["names", "ends"] as const) {
      const [first, ...rest] = grouped.get(group) ?? [];
      if (!first) continue;
      const test: Typed = rest.length > 0
        ? { kind, of: [first, ...rest] }
        : first;
      parts.unshift({ kind: group, test });
    }
    return joined(kind, parts);
  }

  #test(node: Typed): Condition {
    const window = timeBounds(node);
    if (window) return { kind: "time", window };
    const among = protocolsNamed(node);
    if (among) return { kind: "protocol", among, exact: true };
    if (readsOnly(node, "node")) return { kind: "node", test: node };
    if (readsOnly(node, ...OF_ENDS)) return { kind: "names", test: node };
    return readsOnly(node, "half") ? this.#fieldTest(node) : UNKNOWN;
  }

  #fieldTest(node: Typed): Test {
    const protocols = declaring(node);
    if (!protocols) return UNKNOWN;
    const otherwise = truth(evaluate(node, NOTHING));
    const clues = otherwise ? undefined : cluesOf(node);
    const rules = clues
      ? this.#rules(clues, protocols)
      : [{ protocols: [...protocols] }];
    return { kind: "fields", rules, otherwise };
  }

  /** The clues that the literal rules of the protocols admit as evidence. */
  #rules(
    { select, texts }: Clues,
    protocols: ReadonlySet<string>,
  ): FieldRule[] {
    const rules: FieldRule[] = [];
    const left = new Set(protocols);
    for (const variant of select.variants) {
      const { protocols: speaking = [], literal, form } = variant;
      const evidence = literal && AS_WRITTEN.includes(form)
        ? this.#evidence(literal, texts)
        : undefined;
      // Without evidence they are in the last rule, with all the others.
      if (!evidence) continue;
      rules.push({ protocols: speaking, evidence });
      for (const name of speaking) left.delete(name);
    }
    if (left.size > 0) rules.push({ protocols: [...left] });
    return rules;
  }

  #evidence(
    { caseless, unless }: LiteralRule,
    texts: readonly string[],
  ): Evidence | undefined {
    const needles = texts.map((text) => ({ text: searchable(text), caseless }));
    if (needles.some(({ text }) => text.length < MIN_NEEDLE)) return undefined;
    const marks = unless.map((text) => ({ text, caseless: true }));
    const any = this.#numbered(needles);
    const annulled = this.#numbered(marks);
    return any && annulled && { any, unless: annulled };
  }

  /** The needles' numbers; `undefined` where there is no room for them. */
  #numbered(needles: readonly Needle[]): number[] | undefined {
    const numbers: number[] = [];
    for (const needle of needles) {
      const key = `${needle.caseless} ${needle.text}`;
      let number = this.#numbers.get(key);
      if (number === undefined) {
        if (this.needles.length >= MAX_NEEDLES) return undefined;
        number = this.needles.push(needle) - 1;
        this.#numbers.set(key, number);
      }
      if (!numbers.includes(number)) numbers.push(number);
    }
    return numbers;
  }
}

/** What is known of a flow's two ends, if their names are. */
const OF_ENDS = ["transport", "ends", "names"] as const;

/** With which others a part of a conjunction is judged. */
function groupOf(node: Typed): "ends" | "names" | "others" {
  if (readsOnly(node, "transport")) return "others";
  if (readsOnly(node, "transport", "ends")) return "ends";
  return readsOnly(node, ...OF_ENDS) ? "names" : "others";
}

/** The transports for which a test of nothing else is true. */
function transportTest(node: Typed): Test {
  const among = TRANSPORTS.filter((transport) =>
    satisfies(node, { ...NOTHING, transport })
  );
  if (among.length === 0) return known(false);
  return among.length === TRANSPORTS.length
    ? known(true)
    : { kind: "transport", among };
}

/** The names that `protocol == "…"` or `protocol in […]` compares with. */
function protocolsNamed(node: Typed): readonly string[] | undefined {
  const isProtocol = (each: Typed) =>
    each.kind === "select" && each.variable === undefined &&
    each.text === "protocol";
  if (node.kind === "compare" && node.operator === "==") {
    const other = isProtocol(node.left)
      ? node.right
      : isProtocol(node.right)
      ? node.left
      : undefined;
    const text = other && textOf(other);
    return text === undefined ? undefined : [text];
  }
  if (node.kind !== "in" || !isProtocol(node.left)) return undefined;
  return writtenTexts(node);
}

/** The texts after `in`, where there is nothing else. */
function writtenTexts(
  { right }: Typed & { kind: "in" },
): readonly string[] | undefined {
  if (right.kind !== "items") return undefined;
  const texts = right.items.map((item) =>
    item.kind === "value" ? textOf(item.of) : undefined
  );
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

function textOf(node: Typed): string | undefined {
  if (node.kind !== "constant") return undefined;
  const { constant } = node;
  return constant.type === "text" || constant.type === "address"
    ? constant.value
    : undefined;
}

/** The protocols that declare what is read; `undefined` where all may. */
function declaring(node: Typed): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  const all = everyNode(node, (each) => {
    if (each.kind !== "select" || each.variable !== undefined) return true;
    for (const { protocols } of each.variants) {
      if (!protocols) return false;
      for (const name of protocols) names.add(name);
    }
    return true;
  });
  return all ? names : undefined;
}

/** Texts, one of which stands in what a path leads to if a test is true. */
interface Clues {
  readonly select: Select;
  readonly texts: readonly string[];
}

/** What a test that is false of nil needs to be true, if it says so plainly. */
function cluesOf(node: Typed): Clues | undefined {
  switch (node.kind) {
    case "compare": {
      if (node.operator !== "==") return undefined;
      return clues(node.left, textOf(node.right)) ??
        clues(node.right, textOf(node.left));
    }
    case "in": {
      const texts = writtenTexts(node);
      return node.left.kind === "select" && texts && texts.length > 0
        ? { select: node.left, texts }
        : undefined;
    }
    case "call": {
      const args = node.args.map(textOf);
      if (args.some((arg) => arg === undefined)) return undefined;
      const required = operatorOf(node.name)?.requires?.(...args as string[]);
      return clues(node.on, longest(required ?? []));
    }
    case "quantifier":
      return node.every ? undefined : cluesOf(node.body);
    case "and":
      return node.of.map(cluesOf).find((each) => each !== undefined);
    default:
      return undefined;
  }
}

function clues(node: Typed, text: string | undefined): Clues | undefined {
  return node.kind === "select" && text !== undefined
    ? { select: node, texts: [text] }
    : undefined;
}

function longest(texts: readonly string[]): string | undefined {
  return texts.toSorted((a, b) => b.length - a.length)[0];
}

/**
 * The longest part of a text that has the same bytes however it is encoded. A
 * dissector may have decoded other letters from Latin-1 or repaired them.
 */
function searchable(text: string): string {
  return longest(text.match(/[\0-\x7f]+/g) ?? []) ?? "";
}

function known(value: boolean): Test {
  return { kind: "known", value };
}

/** `not`, without what says nothing. */
function negated(of: Condition): Condition {
  if (of.kind === "unknown") return of;
  if (of.kind === "known") return known(!of.value);
  return of.kind === "not" ? of.of : { kind: "not", of };
}

/** Several bounds of time as one. */
function mergeTimes(parts: Condition[]): void {
  const times = parts.filter((part) => part.kind === "time");
  if (times.length < 2) return;
  const window = intersection(times.map(({ window }) => window));
  const [first] = times;
  const rest = parts.filter((part) => part.kind !== "time" || part === first);
  parts.splice(
    0,
    parts.length,
    ...rest.map((part) =>
      part === first ? { kind: "time", window } as const : part
    ),
  );
}

/** `and` or `or`, without what says nothing. */
export function joined(
  kind: "and" | "or",
  parts: readonly Condition[],
): Condition {
  const decisive = kind === "or";
  const of: Condition[] = [];
  let unknown = false;
  for (
    const part of parts.flatMap((each) => each.kind === kind ? each.of : [each])
  ) {
    if (part.kind === "unknown") unknown = true;
    else if (part.kind !== "known") of.push(part);
    else if (part.value === decisive) return part;
  }
  if (unknown) of.push(UNKNOWN);
  return of.length === 0
    ? known(!decisive)
    : of.length === 1
    ? of[0]!
    : { kind, of };
}
