/** KFL and the options that narrow it -> a plan, or an error that helps. */
import { SCHEMA } from "../dissectors/registry.ts";
import { renderDiagnostics } from "../kfl/diagnostic.ts";
import type { Plan, QueryOptions } from "../kfl/plan.ts";
import { compileQuery } from "../kfl/query.ts";
import { CommandError, EXIT } from "./exit.ts";

/**
 * @throws CommandError that shows what is wrong with the text
 */
export function toPlan(kfl: string, options: QueryOptions): Plan {
  const { plan, diagnostics } = compileQuery(kfl, SCHEMA, options);
  if (plan) return plan;
  throw new CommandError(
    EXIT.MISUSED,
    `the filter is not understood\n${renderDiagnostics(kfl, diagnostics)}`,
  );
}
