/**
 * Plans that came over a socket.
 *
 * Who may ask has the secret, so that a plan is trusted in what it asks for;
 * but one that is damaged must not look like a mistake of ours.
 */
import { BadMessage } from "../../api/batch.ts";
import {
  compileFlow,
  compileMessage,
  compileShard,
} from "../../kfl/evaluator.ts";
import type { Plan } from "../../kfl/plan.ts";

/** @throws BadMessage if the plan cannot be run */
export function checkPlan(plan: Plan): void {
  const { order, window, limit, redact, needles, filter, condition } = plan;
  const isSound = (order === "asc" || order === "desc") &&
    isObject(window) && isTime(window.from) && isTime(window.to) &&
    (limit === undefined || Number.isSafeInteger(limit) && limit >= 0) &&
    Array.isArray(redact) && redact.every(isPath) && Array.isArray(needles) &&
    isObject(filter) && isObject(condition);
  if (!isSound) throw new BadMessage("The plan is damaged");
  try {
    compileShard(plan);
    compileFlow(plan);
    compileMessage(plan);
  } catch (cause) {
    // Anything can be wrong with the tree of a filter that nobody checked.
    throw new BadMessage("The plan cannot be compiled", { cause });
  }
}

/** Whether a value can be a path to what is hidden. */
export function isPath(value: unknown): boolean {
  return Array.isArray(value) &&
    value.every((step) => isObject(step) && typeof step["kind"] === "string");
}

function isTime(value: unknown): boolean {
  return value === undefined || Number.isFinite(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
