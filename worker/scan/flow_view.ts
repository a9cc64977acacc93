/** A flow as plans judge it. */
import type { FlowView } from "../../kfl/evaluator.ts";
import type { Flow } from "../../stream/flow.ts";

/**
 * A flow that has begun; how long it lasts is open.
 *
 * @param protocols all that an entry of it can be; `undefined` while that is
 *   open
 */
export function toView(
  flow: Flow<unknown>,
  protocols: readonly string[] | undefined,
): FlowView {
  return {
    transport: flow.transport,
    ends: [flow.client, flow.server],
    first: flow.first,
    last: Infinity,
    protocols,
  };
}
