/** The version of plans, apart from what makes them: pages need no planner. */

/** Raised with every change; a worker refuses plans of other versions. */
export const PLAN_VERSION = 2;
