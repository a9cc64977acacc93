/** A request -> a plan, or all that is wrong with it. */
import {
  type Failure,
  FIRST_CREDIT,
  type Output,
  type QueryRequest,
} from "../api/messages.ts";
import { ROW_NAMES } from "../api/batch.ts";
import { NAME_FIELDS } from "../entry/names.ts";
import { SCHEMA } from "../dissectors/registry.ts";
import type { Plan } from "../kfl/plan.ts";
import { compileQuery } from "../kfl/query.ts";
import { Refused } from "../net/failure.ts";
import { nowMicros } from "./clock.ts";

/** The names of ends that an answer has. */
const SHOWN = {
  ...{ entry: NAME_FIELDS, row: ROW_NAMES },
  ...{ mark: [], count: [] },
} as const;

/** A request that was understood. */
export interface PlannedQuery {
  readonly plan: Plan;
  /** The same, of what began before the query did. */
  readonly toStoredPlan: () => Plan;
  readonly output: Output;
  readonly last: number;
  readonly credit: number;
}

/** Compiles a request; `now()` is the present. */
export function planQuery(request: QueryRequest): PlannedQuery | Failure {
  const { kfl, from, order, limit, follow } = request;
  const output = request.output ?? "entry";
  const now = nowMicros();
  const planUntil = (to: number | undefined) =>
    compileQuery(kfl, SCHEMA, {
      ...{ now, from, to, order, limit, follow },
      bodies: output === "entry",
      names: SHOWN[output],
    });
  const { plan, diagnostics } = planUntil(request.to);
  if (!plan) {
    const [first] = diagnostics;
    return { code: "kfl", message: first!.message, diagnostics };
  }
  return {
    plan,
    toStoredPlan: () => planUntil(Math.min(now, request.to ?? now)).plan!,
    output,
    last: follow ? request.last ?? 0 : 0,
    credit: request.credit ?? FIRST_CREDIT,
  };
}

/** Whether a request could not be planned. */
export function isFailure(
  planned: PlannedQuery | Failure,
): planned is Failure {
  return "code" in planned;
}

/** @throws Refused with all that is wrong with the filter */
export function planOrRefuse(request: QueryRequest): PlannedQuery {
  const planned = planQuery(request);
  if (!isFailure(planned)) return planned;
  throw new Refused("kfl", planned.message, planned.diagnostics);
}
