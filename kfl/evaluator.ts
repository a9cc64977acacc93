/** Evaluator: plan -> compiled predicates. */
import type { Entry } from "../entry/entry.ts";
import { satisfies } from "./interpreter.ts";
import type { Plan } from "./plan.ts";

/** Whether an entry matches: the last stage, which decides. */
export function compileMessage(plan: Plan): (entry: Entry) => boolean {
  return (entry) => satisfies(plan.filter, entry);
}
