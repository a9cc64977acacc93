/** A plan that looks for nothing: what else a search does is wanted alone. */
import { type Plan, PLAN_VERSION } from "../../kfl/plan.ts";

/** Shards that were dissected are passed over, and in others all other flows. */
export const NOTHING: Plan = {
  version: PLAN_VERSION,
  now: 0,
  window: {},
  order: "asc",
  follow: false,
  filter: { kind: "constant", constant: { type: "bool", value: false } },
  condition: { kind: "known", value: false },
  needles: [],
  redact: [],
  wantsBodies: false,
  names: ["name"],
};
