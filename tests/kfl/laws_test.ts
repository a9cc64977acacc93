/**
 * The laws of evaluation, over random filters and random traffic:
 *
 * - what a stage rules out does not match, and what it is sure of does;
 * - generated code says what the interpreter says;
 * - a plan says the same after it was written and read as JSON.
 *
 * That the laws can fail is a law too: plans that were made wrong on purpose
 * are caught.
 */
import { equal, ok } from "node:assert/strict";
import { toParts } from "../../api/names.ts";
import { NamesTable } from "../../api/names_table.ts";
import type { Entry } from "../../entry/entry.ts";
import { type Claim, isNode, type NameLookup } from "../../entry/names.ts";
import type { Condition, Evidence, Test } from "../../kfl/condition.ts";
import {
  compileBlock,
  compileBytes,
  compileConversation,
  compileFlow,
  compileMessage,
  compileShard,
  isConversationTest,
  NO,
  type Ternary,
  UNKNOWN,
  YES,
} from "../../kfl/evaluator.ts";
import { satisfies } from "../../kfl/interpreter.ts";
import { compilePacket, type PacketRows } from "../../kfl/packet_filter.ts";
import type { Plan } from "../../kfl/plan.ts";
import { compileQuery } from "../../kfl/query.ts";
import { parseAddress } from "../../kfl/address.ts";
import { Random } from "../fuzz/random.ts";
import { EPOCH, randomFilter } from "./random_filter.ts";
import { randomClaims } from "./random_names.ts";
import { findNeedles, randomTraffic, type Traffic } from "./random_traffic.ts";
import { schema } from "./schema.ts";

const NOW = EPOCH + 2_000_000;

/** Flows that each filter is tried on. */
const FLOWS = 6;

/** What happened to the cases; a case is a filter and an entry. */
class Tally {
  cases = 0;
  matches = 0;
  readonly pruned = { shard: 0, block: 0, flow: 0, bytes: 0, packet: 0 };
  /** Of those that a flow rules out or is sure of, the ones by its names. */
  named = 0;
  sure = 0;
  conversations = 0;
}

/** A stage's answer about an entry that the entry contradicts. */
interface Violation {
  readonly stage: string;
  readonly filter: string;
  readonly entry: Entry;
}

/** Who was called what, as a worker is told it. */
function tableOf(claims: readonly Claim[], { names }: Plan): NameLookup {
  return new NamesTable(toParts(claims, names));
}

/**
 * Tries one plan on random traffic; gives the first violation.
 *
 * @param toNames how early stages look names up
 */
function tryPlan(
  text: string,
  plan: Plan,
  random: Random,
  tally: Tally,
  toNames: (claims: readonly Claim[], plan: Plan) => NameLookup = tableOf,
): Violation | undefined {
  const claims = randomClaims(random);
  const names = toNames(claims, plan);
  const shard = compileShard(plan);
  const block = compileBlock(plan);
  const flow = compileFlow(plan, names);
  const nameless = compileFlow(plan);
  const bytes = compileBytes(plan, names);
  const message = compileMessage(plan);
  const packet = compilePacket(plan)?.judge;
  const conversation = isConversationTest(plan)
    ? compileConversation(plan, names)
    : undefined;
  for (let n = 0; n < FLOWS; n++) {
    const traffic = randomTraffic(random, claims);
    const found = findNeedles(bytes.needles, traffic.bytes);
    const answers: { [stage: string]: Ternary } = {
      shard: shard(traffic.shard),
      block: block(traffic.flow),
      flow: flow(traffic.flow),
      bytes: bytes.decide(found, traffic.flow),
    };
    for (const entry of traffic.entries) {
      const matches = satisfies(plan.filter, entry);
      const violation = (stage: string) => ({ stage, filter: text, entry });
      // A packet shows the addresses of one leg alone.
      if (packet && !isTranslated(entry)) {
        answers.packet = judgeByPacket(packet, traffic);
      }
      tally.cases++;
      if (matches) tally.matches++;
      for (const [stage, answer] of Object.entries(answers)) {
        if (answer === UNKNOWN) continue;
        if (answer !== (matches ? YES : NO)) return violation(stage);
      }
      count(tally, answers);
      if (nameless(traffic.flow) !== answers["flow"]) tally.named++;
      if (message(entry) !== matches) return violation("message");
      if (conversation) {
        tally.conversations++;
        if (conversation(conversationOf(entry, traffic)) !== matches) {
          return violation("conversation");
        }
      }
    }
  }
  return undefined;
}

/** A case counts for the first stage that rules it out; shards come first. */
function count(tally: Tally, answers: { [stage: string]: Ternary }): void {
  for (const stage of ["shard", "block", "flow", "packet"] as const) {
    if (answers[stage] === NO) tally.pruned[stage]++;
  }
  if (answers.bytes === NO && answers.flow !== NO) tally.pruned.bytes++;
  if (answers.flow === YES) tally.sure++;
}

const isTranslated = ({ src, dst }: Entry) =>
  (src.serviceIp ?? dst.serviceIp) !== undefined;

/** An entry as a conversation that lasted one moment. */
function conversationOf(entry: Entry, { flow: { ends: [a, b] } }: Traffic) {
  const isFromA = entry.src.ip === a.ip && entry.src.port === a.port &&
    entry.src.serviceIp === a.serviceIp;
  return {
    transport: entry.transport,
    client: isFromA ? a : b,
    server: isFromA ? b : a,
    first: entry.timestamp,
    last: entry.timestamp,
    requestSize: entry.requestSize!,
    responseSize: entry.responseSize!,
  };
}

const NUMBERS = { tcp: 6, udp: 17, icmp: 1, sctp: 132 };

/** What a packet of the flow, in either direction, is judged to be. */
function judgeByPacket(
  filter: (rows: PacketRows, count: number, verdicts: Uint8Array) => void,
  { flow }: Traffic,
): Ternary {
  const rows = {
    protocol: new Uint8Array(4),
    version: new Uint8Array(4),
    srcPort: new Uint16Array(4),
    dstPort: new Uint16Array(4),
    src: new Uint32Array(16),
    dst: new Uint32Array(16),
  };
  const [a, b] = flow.ends;
  for (const [row, [src, dst]] of [[a, b], [b, a]].entries()) {
    rows.protocol[row] = NUMBERS[flow.transport];
    rows.version[row] = src!.ip.includes(":") ? 6 : 4;
    rows.srcPort[row] = src!.port ?? 0;
    rows.dstPort[row] = dst!.port ?? 0;
    rows.src.set(words(src!.ip), row * 4);
    rows.dst.set(words(dst!.ip), row * 4);
  }
  const verdicts = new Uint8Array(4).fill(9);
  filter(rows, 2, verdicts);
  equal(verdicts[0], verdicts[1], "both directions are judged alike");
  equal(verdicts[2], 9, "no row beyond the count is written");
  return verdicts[0] as Ternary;
}

function words(ip: string): number[] {
  const groups = parseAddress(ip)!;
  const words: number[] = [];
  for (let i = 0; i < groups.length; i += 2) {
    words.push((groups[i]! * 0x10000 + groups[i + 1]!) >>> 0);
  }
  return words;
}

/** The plans of random filters that are right. */
function* plans(
  random: Random,
  count: number,
): Generator<{ text: string; plan: Plan }> {
  for (let n = 0; n < count;) {
    const text = randomFilter(random);
    const { plan } = compileQuery(text, schema, { now: NOW, names: [] });
    if (!plan) continue; // an impossible comparison, or a field ruled out
    n++;
    yield { text, plan };
  }
}

Deno.test("what a stage says is true of every entry that can come", () => {
  const random = new Random(20261123);
  const tally = new Tally();
  while (tally.cases < 100_000) {
    for (const { text, plan } of plans(random, 100)) {
      const sent = JSON.parse(JSON.stringify(plan)) as Plan;
      const violation = tryPlan(text, sent, random, tally);
      ok(!violation, `Wrong: ${JSON.stringify(violation, undefined, 1)}`);
    }
  }
  const share = (n: number) => n / tally.cases;
  const { pruned } = tally;
  ok(share(tally.matches) > 0.25, `${share(tally.matches)} match`);
  ok(share(tally.matches) < 0.75, `${share(tally.matches)} match`);
  ok(share(tally.sure) > 0.05, `${share(tally.sure)} are sure to match`);
  ok(share(tally.named) > 0.1, `names decide ${share(tally.named)}`);
  for (const [stage, n] of Object.entries(pruned)) {
    ok(share(n) > 0.1, `${stage} prunes ${share(n)}`);
  }
});

/** Plans made wrong: each changes one kind of test in a condition. */
const MUTANTS: {
  readonly [name: string]: (test: Test, plan: Plan) => Test;
} = {
  "a direction that is taken for granted": (test) =>
    test.kind !== "ends" && test.kind !== "names" ? test : {
      ...test,
      test: {
        kind: "or",
        of: [
          test.test,
          JSON.parse(
            JSON.stringify(test.test).replaceAll('"src"', '"dst"'),
          ),
        ],
      },
    },
  "coded bodies that are searched as if they were plain": (test) =>
    withEvidence(test, (evidence) => ({ ...evidence, unless: [] })),
  "needles that must all be found": (test, plan) =>
    withEvidence(test, (evidence) =>
      evidence.any.length < 2 ? evidence : {
        ...evidence,
        any: evidence.any.filter((n) =>
          plan.needles[n]!.text.length ===
            Math.max(...evidence.any.map((m) => plan.needles[m]!.text.length))
        ).slice(0, 1),
      }),
  "fields that count as missing where they are not": (test) =>
    test.kind === "fields" && test.rules.length > 0
      ? { ...test, rules: test.rules.slice(1) }
      : test,
  "versions that do not matter": (test) =>
    test.kind === "protocol" ? { ...test, exact: true } : test,
  "times that are off by one": (test) =>
    test.kind === "time" && test.window.from !== undefined
      ? { ...test, window: { ...test.window, from: test.window.from + 1 } }
      : test,
  "missing fields that count as found": (test) =>
    test.kind === "fields" ? { ...test, otherwise: !test.otherwise } : test,
  "what is unknown taken for true": (test) =>
    test.kind === "unknown" ? { kind: "known", value: true } : test,
};

function withEvidence(
  test: Test,
  change: (evidence: Evidence) => Evidence,
): Test {
  if (test.kind !== "fields") return test;
  const rules = test.rules.map((rule) =>
    rule.evidence ? { ...rule, evidence: change(rule.evidence) } : rule
  );
  return { ...test, rules };
}

function mutated(
  condition: Condition,
  change: (test: Test) => Test,
): Condition {
  switch (condition.kind) {
    case "and":
    case "or":
      return {
        ...condition,
        of: condition.of.map((each) => mutated(each, change)),
      };
    case "not":
      return { ...condition, of: mutated(condition.of, change) };
    default:
      return change(condition);
  }
}

for (const [name, change] of Object.entries(MUTANTS)) {
  Deno.test(`a wrong plan is caught: ${name}`, () => {
    const random = new Random(7);
    for (const { text, plan } of plans(random, 20_000)) {
      const wrong = {
        ...plan,
        condition: mutated(plan.condition, (test) => change(test, plan)),
      };
      if (tryPlan(text, wrong, random, new Tally())) return;
    }
    throw new Error("The laws hold for a plan that is wrong");
  });
}

/** Look-ups made wrong: what early stages must not take for granted. */
const LOOKUPS: {
  readonly [name: string]: (
    claims: readonly Claim[],
    plan: Plan,
  ) => NameLookup;
} = {
  "names that are for ever what they were first": (claims, plan) => {
    const table = tableOf(claims, plan);
    return {
      at: (end, time) => table.at(end, time),
      during: (end, first) => [table.at(end, first)],
    };
  },
  "ends without a name at times that always have it": (claims, plan) => {
    const table = tableOf(claims, plan);
    return {
      at: (end, time) => table.at(end, time),
      during(end, first, last) {
        const all = table.during(end, first, last)!;
        const known = all.filter((names) => names !== undefined);
        return known.length > 0 ? known : all;
      },
    };
  },
  "ports of an address that are all alike": (claims, plan) =>
    tableOf(claims.filter(({ port }) => port === undefined), plan),
  "nodes that open no ports": (claims, plan) =>
    tableOf(claims.filter(({ address }) => address !== "*"), plan),
  "ports of nodes that every address opens": (claims, plan) => {
    const opened = claims.filter(({ address }) => address === "*");
    const addresses = new Set(claims.map(({ address }) => address));
    const owned = [...addresses].flatMap((address) => [
      ...claims.filter((claim) => claim.address === address),
      ...opened.filter(({ port }) =>
        !claims.some((claim) =>
          claim.address === address && claim.port === port
        )
      ).map((claim) => ({ ...claim, address })),
    ]);
    return tableOf(owned, plan);
  },
  "claims that end a moment late": (claims, plan) =>
    tableOf(claims.map((claim) => ({ ...claim, to: claim.to + 1 })), plan),
  "nodes whose pods are theirs": (claims, plan) =>
    tableOf(claims.filter(({ names }) => isNode(names)), plan),
};

for (const [name, toNames] of Object.entries(LOOKUPS)) {
  Deno.test(`a wrong look-up is caught: ${name}`, () => {
    const random = new Random(9);
    for (const { text, plan } of plans(random, 20_000)) {
      if (plan.names.length === 0) continue;
      if (tryPlan(text, plan, random, new Tally(), toNames)) return;
    }
    throw new Error("The laws hold for a look-up that is wrong");
  });
}

Deno.test("needles with letter case are not found without it", () => {
  const random = new Random(8);
  for (const { text, plan } of plans(random, 20_000)) {
    const needles = plan.needles.map((each) => ({ ...each, caseless: false }));
    if (needles.length === 0) continue;
    if (tryPlan(text, { ...plan, needles }, random, new Tally())) return;
  }
  throw new Error("Letter case made no difference");
});
