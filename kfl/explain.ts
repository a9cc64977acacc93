/**
 * Explain: plan -> text, for people and for tests.
 *
 * One line for each stage that can rule something out, with what it asks, and
 * one for the whole filter. What an earlier stage has settled is not repeated;
 * `…` stands for what a stage cannot tell.
 */
import { type Condition, joined, type Test } from "./condition.ts";
import { asConstant } from "./fold.ts";
import { formatFilter } from "./format.ts";
import { isDecidedByColumns } from "./packet_filter.ts";
import type { Plan } from "./plan.ts";
import { formatTime } from "./time.ts";
import { some } from "./tree.ts";
import type { Typed } from "./typed.ts";

/** The stages of a plan, in the order in which they run. */
export const STAGES = [
  "node",
  "shard",
  "block",
  "packet",
  "flow",
  "bytes",
  "message",
] as const;

/** One of the stages. */
export type StageName = typeof STAGES[number];

/** What went into a stage and what came out, in its own units. */
export interface StageCount {
  readonly in: number;
  readonly out: number;
}

/** What the stages of a query counted. */
export type StageCounts = { readonly [S in StageName]?: StageCount };

/** Explains a plan; with what was counted, if it was run. */
export function explain(plan: Plan, counts: StageCounts = {}): string {
  const lines: [name: string, text: string, count?: StageCount][] = [];
  for (const stage of STAGES) {
    const text = stage === "message"
      ? formatMessage(plan.filter)
      : formatStage(plan, stage);
    const count = counts[stage];
    if (text !== undefined || count) {
      lines.push([stage, text ?? "everything", count]);
    }
  }
  const { redact, limit } = plan;
  if (limit !== undefined) {
    lines.push([
      "limit",
      `${limit}, the ${plan.order === "asc" ? "oldest" : "newest"} first`,
    ]);
  }
  if (redact.length > 0) {
    lines.push(["redact", redact.map(formatRedacted).join(", ")]);
  }
  return lines.map(([name, text, count]) =>
    name.padEnd(8) + text +
    (count ? `  (${count.out} of ${count.in})` : "")
  ).join("\n");
}

function formatMessage(filter: Typed): string {
  return asConstant(filter) === true ? "everything" : formatFilter(filter);
}

/** What a stage asks; `undefined` where it can rule nothing out. */
function formatStage(
  { condition, needles }: Plan,
  stage: Exclude<StageName, "message">,
): string | undefined {
  const asked = stage === "bytes"
    ? project(unsettled(condition), false, () => true)
    : project(condition, false, (test) => isJudged(test, stage));
  if (!canBe(asked, false)) return undefined;
  if (stage === "bytes" && !holdsEvidence(asked)) return undefined;
  return formatCondition(
    asked,
    (test) => formatTest(test, stage === "bytes" ? needles : undefined),
  );
}

type EarlyStage = Exclude<StageName, "message" | "bytes">;

/** Whether a stage can judge a test at all. */
function isJudged(test: Test, stage: EarlyStage): boolean {
  switch (test.kind) {
    case "known":
      return true;
    case "unknown":
      return false;
    case "transport":
      return stage !== "node" && stage !== "block";
    case "ends":
      return stage === "flow" ||
        stage === "packet" && isDecidedByColumns(test.test);
    case "names":
      return stage === "flow";
    case "time":
      return stage === "shard" || stage === "block" || stage === "flow";
    case "node":
      return stage === "node" || stage === "shard";
    case "protocol":
    case "fields":
      return stage === "shard" || stage === "flow";
  }
}

/**
 * The condition as a stage sees it: unknown where it cannot judge, or where it
 * can only judge what does not help.
 *
 * @param wanted the answer that helps to rule out: false, but inside of `not`
 */
function project(
  condition: Condition,
  wanted: boolean,
  isJudged: (test: Test) => boolean,
): Condition {
  switch (condition.kind) {
    case "and":
    case "or": {
      const parts = condition.of.map((each) => project(each, wanted, isJudged));
      return parts.every(({ kind }) => kind === "unknown")
        ? { kind: "unknown" }
        : joined(condition.kind, parts);
    }
    case "not": {
      const of = project(condition.of, !wanted, isJudged);
      return of.kind === "unknown" ? of : { kind: "not", of };
    }
    default:
      return isJudged(condition) && canBe(condition, wanted)
        ? condition
        : { kind: "unknown" };
  }
}

/** What the bytes may settle: the parts of a conjunction with evidence. */
function unsettled(condition: Condition): Condition {
  if (condition.kind !== "and") return condition;
  return joined("and", condition.of.filter(holdsEvidence));
}

/** Whether a stage can ever be certain that the condition has that answer. */
function canBe(condition: Condition, answer: boolean): boolean {
  switch (condition.kind) {
    case "and":
    case "or": {
      const parts = condition.of.map((each) => canBe(each, answer));
      const oneDecides = answer === (condition.kind === "or");
      return oneDecides ? parts.some((can) => can) : parts.every((can) => can);
    }
    case "not":
      return canBe(condition.of, !answer);
    case "known":
      return condition.value === answer;
    case "unknown":
      return false;
    case "protocol":
      return !answer || condition.exact;
    case "fields":
      // Certain is only that they are missing, or not in the bytes.
      return condition.otherwise === answer;
    default:
      return true;
  }
}

function holdsEvidence(condition: Condition): boolean {
  switch (condition.kind) {
    case "and":
    case "or":
      return condition.of.some(holdsEvidence);
    case "not":
      return holdsEvidence(condition.of);
    default:
      return condition.kind === "fields" &&
        condition.rules.some(({ evidence }) => evidence !== undefined);
  }
}

function formatCondition(
  condition: Condition,
  formatTest: (test: Test) => string,
): string {
  switch (condition.kind) {
    case "and": {
      // That the rest of a conjunction is unknown goes without saying.
      const said = condition.of.filter(({ kind }) => kind !== "unknown");
      const texts = said.map((each) =>
        each.kind === "or"
          ? `(${formatCondition(each, formatTest)})`
          : formatCondition(each, formatTest)
      );
      return [...new Set(texts)].join(" and ");
    }
    case "or": {
      const texts = condition.of.map((each) =>
        formatCondition(each, formatTest)
      );
      return [...new Set(texts)].join(", or ");
    }
    case "not":
      return `not (${formatCondition(condition.of, formatTest)})`;
    default:
      return formatTest(condition);
  }
}

/** One test as text; with needles, by what they look for. */
function formatTest(test: Test, needles?: Plan["needles"]): string {
  switch (test.kind) {
    case "known":
      return test.value ? "everything" : "nothing";
    case "unknown":
      return "…";
    case "transport":
      return listed(test.among);
    case "ends":
    case "names":
      return formatEnds(test.test);
    case "protocol":
      return `protocol ${listed(test.among)}${test.exact ? "" : " (version?)"}`;
    case "time":
      return `timestamp ${formatWindow(test.window)}`;
    case "node":
      return formatFilter(test.test);
    case "fields":
      return formatFields(test, needles);
  }
}

/** A test of the ends, which a flow without direction sees both ways. */
function formatEnds(test: Typed): string {
  const text = formatFilter(test);
  const paths = new Set<string>();
  some(test, (node) => {
    if (node.kind === "select") paths.add(node.text.split(".")[0]!);
    return false;
  });
  if (paths.size === 0) return text;
  return paths.size === 1
    ? `either end: ${text.replaceAll(/\b(?:src|dst)\.(?=[a-z])/g, "")}`
    : `either way: ${text}`;
}

function formatFields(
  { rules, otherwise }: Test & { kind: "fields" },
  needles?: Plan["needles"],
): string {
  const evident = new Map<string, string[]>();
  for (const { protocols, evidence } of rules) {
    const key = evidence && needles ? formatEvidence(evidence, needles) : "";
    evident.set(key, [...evident.get(key) ?? [], ...protocols]);
  }
  const texts = [...evident].map(([text, protocols]) =>
    text === "" ? `protocol ${listed(protocols)}` : text
  );
  return otherwise ? `not (${texts.join(", or ")})` : texts.join(", or ");
}

function formatEvidence(
  { any, unless }: { any: readonly number[]; unless: readonly number[] },
  needles: Plan["needles"],
): string {
  const quoted = (number: number) => JSON.stringify(needles[number]!.text);
  const caseless = any.some((number) => needles[number]!.caseless);
  return `contains ${any.map(quoted).join(" or ")}` +
    (caseless ? " in any case" : "") +
    (unless.length > 0
      ? ` unless with ${unless.map(quoted).join(" or ")}`
      : "");
}

function formatWindow(
  { from, to }: { from?: number | undefined; to?: number | undefined },
): string {
  if (from === undefined) return `until ${formatTime(to!)}`;
  return `from ${formatTime(from)}` +
    (to === undefined ? "" : ` until ${formatTime(to)}`);
}

function formatRedacted(path: Plan["redact"][number]): string {
  return path.map((step, i) => {
    switch (step.kind) {
      case "name":
        return i === 0 ? step.name : `.${step.name}`;
      case "descend":
        return `..${step.name}`;
      case "at":
        return `[${step.index}]`;
      case "each":
        return "[*]";
      case "json":
        return ".json()";
      case "whole":
        return "";
    }
  }).join("");
}

function listed(names: readonly string[]): string {
  return names.join(" or ");
}
