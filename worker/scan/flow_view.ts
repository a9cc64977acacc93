/** A flow as plans judge it. */
import { type FlowView, NO, type Ternary } from "../../kfl/evaluator.ts";
import type { Flow } from "../../stream/flow.ts";

/**
 * A flow that has begun, by its own ends; how long it lasts is open.
 *
 * @param protocols all that an entry of it can be; `undefined` while that is
 *   open
 */
function toView(
  flow: Flow<unknown>,
  ends: FlowView["ends"],
  protocols: readonly string[] | undefined,
): FlowView {
  return {
    transport: flow.transport,
    ends,
    first: flow.first,
    last: Infinity,
    protocols,
  };
}

/**
 * Whether a flow cannot match. One that is shown with the ends of several legs
 * is judged by its own as well: that it belongs to them may turn out wrong.
 *
 * @param protocols all that an entry of it can be; `undefined` while that is
 *   open
 */
export function cannotMatch(
  judge: (view: FlowView) => Ternary,
  flow: Flow<unknown>,
  protocols?: readonly string[],
): boolean {
  const own = toView(flow, [flow.client, flow.server], protocols);
  if (judge(own) !== NO) return false;
  // Of one that was redirected answers are yet to tell whom it was meant for.
  if (flow.isRedirected && !flow.meantFor) return false;
  if (!flow.translation && !flow.meantFor) return true;
  const shown = [flow.shownClient, flow.shownServer] as const;
  return judge(toView(flow, shown, protocols)) === NO;
}
