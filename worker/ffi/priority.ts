/** How urgent a thread is to the kernel, beside others (`sched(7)`). */
import { check, libc } from "./libc.ts";

/** `PRIO_PROCESS`: of one thread, and 0 is the one that calls. */
const PRIO_PROCESS = 0;

/** As `nice(1)` counts: a tenth of the processor where others want it too. */
const NICENESS = 10;

/**
 * Has this thread, and those that it starts from now on, give way to what is
 * as urgent as usual. There is no way back without rights.
 *
 * @throws SystemCallError, NoLibrary
 */
export function giveWay(): void {
  check("setpriority", libc().setpriority(PRIO_PROCESS, 0, NICENESS));
}
