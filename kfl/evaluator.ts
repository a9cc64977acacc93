/**
 * Evaluator: plan -> compiled predicates, one for each stage.
 *
 * Every stage before the last judges the plan's condition by what it knows,
 * with three answers. Only *no* lets a stage throw something away, and only
 * *yes* lets it keep something without looking further.
 */
import type { End, Entry, NodeRef, Transport } from "../entry/entry.ts";
import { type NameLookup, withNames } from "../entry/names.ts";
import type {
  Condition,
  FieldRule,
  FieldTest,
  Needle,
  Test,
} from "./condition.ts";
import { compilePredicate, type Predicate } from "./generator.ts";
import { joined } from "./condition.ts";
import type { Plan } from "./plan.ts";
import { everyNode, readsOnly } from "./tree.ts";
import type { Typed } from "./typed.ts";
import { timeBounds, type Window } from "./window.ts";

/** True of none that can come. */
export const NO = 0;
/** True of all that can come. */
export const YES = 1;
/** Neither is certain. */
export const UNKNOWN = 2;

/** What a stage before the last answers. */
export type Ternary = typeof NO | typeof YES | typeof UNKNOWN;

/** Judges something by what is known of it. */
export type Judge<View> = (view: View) => Ternary;

/** A stretch of time, µs; both ends are in it. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** What a shard's sidecar tells of all the entries in it. */
export interface ShardView extends Span {
  readonly transports: readonly Transport[];
  /** All that an entry of it can be; `undefined` where that is open. */
  readonly protocols: readonly string[] | undefined;
  /** Who captured it, where it is known. */
  readonly node?: NodeRef | undefined;
}

/** What is known of a flow before it is dissected. */
export interface FlowView extends Span {
  readonly transport: Transport;
  /** In any order: an entry may go either way. */
  readonly ends: readonly [End, End];
  /**
   * All that an entry of it can be, its transport's own protocol included
   * unless an exchange surely comes; `undefined` where that is open.
   */
  readonly protocols: readonly string[] | undefined;
}

/** A flow with its direction and sizes, as an export of conversations sees it. */
export interface ConversationView extends Span {
  readonly transport: Transport;
  readonly client: End;
  readonly server: End;
  /** Bytes that the client sent, and the server. */
  readonly requestSize: number;
  readonly responseSize: number;
}

/** The search in a flow's bytes, and what its result means. */
export interface BytesStage {
  readonly needles: readonly Needle[];
  /**
   * Judges a flow all of whose bytes were searched.
   *
   * @param found 1 for each needle that stands in the bytes of either direction
   */
  decide(found: Uint8Array, flow: FlowView): Ternary;
}

/** Whether what a node captured can match; only its name is looked at. */
export function compileNode(plan: Plan): Judge<NodeRef> {
  return compileCondition(plan.condition, (test) => {
    if (test.kind !== "node" || !readsNodeName(test.test)) return cannotTell;
    const satisfies = compilePredicate(test.test);
    return ({ name }) => certain(satisfies({ node: { name } } as Entry));
  });
}

/** Whether the name is all of the node that a test reads. */
function readsNodeName(test: Typed): boolean {
  return everyNode(
    test,
    (each) =>
      each.kind !== "select" || each.variable !== undefined ||
      each.text === "node.name",
  );
}

/** Whether a shard can hold matches. */
export function compileShard(plan: Plan): Judge<ShardView> {
  return compileCondition(plan.condition, (test) => {
    switch (test.kind) {
      case "transport":
        return ({ transports }) => amongAll(transports, test.among);
      case "protocol":
        return ({ protocols }) => judgeProtocols(test, protocols);
      case "time":
        return (shard) => judgeTime(test.window, shard);
      case "node": {
        const satisfies = compilePredicate(test.test);
        return ({ node }) =>
          node ? certain(satisfies({ node } as Entry)) : UNKNOWN;
      }
      case "fields":
        return ({ protocols }) => judgeFields(test, protocols);
      default:
        return cannotTell;
    }
  });
}

/** Whether entries that begin in a stretch of time can match. */
export function compileBlock(plan: Plan): Judge<Span> {
  return compileCondition(
    plan.condition,
    (test) =>
      test.kind === "time"
        ? (block) => judgeTime(test.window, block)
        : cannotTell,
  );
}

/**
 * Whether a flow can give matches.
 *
 * @param names who was called what; without them no test of names is judged
 */
export function compileFlow(plan: Plan, names?: NameLookup): Judge<FlowView> {
  return compileCondition(plan.condition, (test) => {
    if (test.kind !== "fields") return compileFlowTest(test, names);
    return ({ protocols }) => judgeFields(test, protocols);
  });
}

/** Whether a flow can give matches, by what stands in its bytes. */
export function compileBytes(plan: Plan, names?: NameLookup): BytesStage {
  const judge = compileCondition<Searched>(plan.condition, (test) => {
    if (test.kind === "fields") {
      return ({ flow, found }) => judgeFields(test, flow.protocols, found);
    }
    const judge = compileFlowTest(test, names);
    return ({ flow }) => judge(flow);
  });
  return {
    needles: plan.needles,
    decide: (found, flow) => judge({ found, flow }),
  };
}

/** A flow and what was found in its bytes. */
interface Searched {
  readonly flow: FlowView;
  readonly found: Uint8Array;
}

function compileFlowTest(
  test: Exclude<Test, FieldTest>,
  names: NameLookup | undefined,
): Judge<FlowView> {
  switch (test.kind) {
    case "transport":
      return ({ transport }) => certain(test.among.includes(transport));
    case "ends":
      return eitherWay(compilePredicate(test.test));
    case "names":
      return names
        ? byNames(eitherWay(compilePredicate(test.test)), names)
        : cannotTell;
    case "protocol":
      return ({ protocols }) => judgeProtocols(test, protocols);
    case "time":
      return (flow) => judgeTime(test.window, flow);
    default:
      return cannotTell;
  }
}

/** Whether an entry matches: the last stage, which decides. */
export function compileMessage(plan: Plan): Predicate {
  return compilePredicate(plan.filter);
}

/**
 * Whether the filter tests only ends, transport, sizes and time, and so is a
 * test of the conversation, which needs no dissection.
 */
export function isConversationTest(plan: Plan): boolean {
  return conversationCondition(plan.filter) !== undefined;
}

/**
 * Whether a conversation matches, `src` being its client. One that lies only
 * partly within the times asked for matches.
 *
 * @throws Error if the filter is no test of conversations
 */
export function compileConversation(
  plan: Plan,
  names?: NameLookup,
): (conversation: ConversationView) => boolean {
  const condition = conversationCondition(plan.filter);
  if (!condition) throw new Error("The filter tests more than a conversation");
  const judge = compileCondition<ConversationView>(condition, (test) => {
    if (test.kind === "time") {
      return (conversation) => judgeTime(test.window, conversation);
    }
    if (test.kind !== "ends" && test.kind !== "names") return cannotTell;
    const satisfies = compilePredicate(test.test);
    const judge: Judge<Directed & Sizes> = (
      { transport, ends: [src, dst], requestSize, responseSize },
    ) => {
      const sizes = { requestSize, responseSize };
      return certain(satisfies({ transport, src, dst, ...sizes } as Entry));
    };
    const judgeNamed = test.kind === "names" && names
      ? byNames(judge, names)
      : judge;
    return ({ client, server, ...conversation }) =>
      judgeNamed({ ...conversation, ends: [client, server] });
  });
  return (conversation) => judge(conversation) !== NO;
}

/** The filter as a condition on conversations, if it is one. */
function conversationCondition(node: Typed): Condition | undefined {
  if (readsOnly(node, "transport", "ends", "sizes")) {
    return { kind: "ends", test: node };
  }
  if (readsOnly(node, "transport", "ends", "names", "sizes")) {
    return { kind: "names", test: node };
  }
  const window = timeBounds(node);
  if (window) return { kind: "time", window };
  if (node.kind === "not") {
    const of = conversationCondition(node.of);
    return of && { kind: "not", of };
  }
  if (node.kind !== "and" && node.kind !== "or") return undefined;
  const parts = node.of.map(conversationCondition);
  return parts.every((part) => part !== undefined)
    ? joined(node.kind, parts)
    : undefined;
}

// Judging

/** Compiles a condition, given how a stage judges the tests in it. */
function compileCondition<View>(
  condition: Condition,
  compileTest: (test: Test) => Judge<View>,
): Judge<View> {
  switch (condition.kind) {
    case "known": {
      const answer = certain(condition.value);
      return () => answer;
    }
    case "unknown":
      return cannotTell;
    case "not": {
      const judge = compileCondition(condition.of, compileTest);
      return (view) => {
        const answer = judge(view);
        return answer === UNKNOWN ? UNKNOWN : answer === YES ? NO : YES;
      };
    }
    case "and":
    case "or": {
      const judges = condition.of.map((each) =>
        compileCondition(each, compileTest)
      );
      const decisive = condition.kind === "and" ? NO : YES;
      const otherwise = condition.kind === "and" ? YES : NO;
      return (view) => {
        let answer: Ternary = otherwise;
        for (const judge of judges) {
          const each = judge(view);
          if (each === decisive) return decisive;
          if (each === UNKNOWN) answer = UNKNOWN;
        }
        return answer;
      };
    }
    default:
      return compileTest(condition);
  }
}

function cannotTell(): Ternary {
  return UNKNOWN;
}

function certain(answer: boolean): Ternary {
  return answer ? YES : NO;
}

/** Yes if all that can be are among the wanted, no if none is. */
function amongAll<T>(possible: readonly T[], wanted: readonly T[]): Ternary {
  let some = false;
  let all = true;
  for (const each of possible) {
    if (wanted.includes(each)) some = true;
    else all = false;
  }
  return !some ? NO : all ? YES : UNKNOWN;
}

function judgeProtocols(
  { among, exact }: Test & { kind: "protocol" },
  protocols: readonly string[] | undefined,
): Ternary {
  if (!protocols) return UNKNOWN;
  const answer = amongAll(protocols, among);
  return answer === YES && !exact ? UNKNOWN : answer;
}

function judgeTime({ from, to }: Window, { first, last }: Span): Ternary {
  const least = from ?? -Infinity;
  const most = to ?? Infinity;
  if (last < least || first > most) return NO;
  return first >= least && last <= most ? YES : UNKNOWN;
}

/** Two ends, at any time of a stretch. */
interface Directed extends Span {
  readonly transport: Transport;
  readonly ends: readonly [End, End];
}

/** What an export knows of a conversation besides. */
type Sizes = Pick<ConversationView, "requestSize" | "responseSize">;

/** Most pairs of names that are tried for the two ends of a flow. */
const MAX_PAIRS = 64;

/**
 * A judge of ends with names, for ends without: certain is only what holds for
 * all that they may have been called.
 */
function byNames<View extends Directed>(
  judge: Judge<View>,
  names: NameLookup,
): Judge<View> {
  return (view) => {
    const { ends: [a, b], first, last } = view;
    const namesOfA = names.during(a, first, last);
    const namesOfB = names.during(b, first, last);
    if (!namesOfA || !namesOfB) return UNKNOWN;
    if (namesOfA.length * namesOfB.length > MAX_PAIRS) return UNKNOWN;
    let answer: Ternary | undefined;
    for (const nameOfA of namesOfA) {
      for (const nameOfB of namesOfB) {
        const ends = [withNames(a, nameOfA), withNames(b, nameOfB)];
        const each = judge({ ...view, ends });
        if (each === UNKNOWN || each !== (answer ?? each)) return UNKNOWN;
        answer = each;
      }
    }
    return answer ?? UNKNOWN;
  };
}

/** An entry may go either way: certain is only what holds for both. */
function eitherWay(satisfies: Predicate): Judge<Directed> {
  return ({ transport, ends: [a, b] }) => {
    const there = satisfies({ transport, src: a, dst: b } as Entry);
    const back = satisfies({ transport, src: b, dst: a } as Entry);
    return there === back ? certain(there) : UNKNOWN;
  };
}

/**
 * A test of declared fields: decided where no rule speaks for what the flow can
 * be, or where what each of them asks for is not in the bytes.
 */
function judgeFields(
  { rules, otherwise }: FieldTest,
  protocols: readonly string[] | undefined,
  found?: Uint8Array,
): Ternary {
  const possible = rules.some((rule) =>
    speaksFor(rule, protocols) && !isRefuted(rule, found)
  );
  return possible ? UNKNOWN : certain(otherwise);
}

function speaksFor(
  rule: FieldRule,
  protocols: readonly string[] | undefined,
): boolean {
  return !protocols || protocols.some((name) => rule.protocols.includes(name));
}

/** Whether the bytes hold nothing of what the rule asks for. */
function isRefuted({ evidence }: FieldRule, found?: Uint8Array): boolean {
  if (!evidence || !found) return false;
  const stands = (needle: number) => found[needle] === 1;
  return !evidence.unless.some(stands) && !evidence.any.some(stands);
}
