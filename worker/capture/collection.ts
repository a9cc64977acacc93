/**
 * Garbage, collected in time.
 *
 * V8 collects late where memory is plenty: it lets a heap of 30 MB grow to
 * several times that. Long work that must stay within bounds asks for it.
 */
import v8 from "node:v8";
import vm from "node:vm";

/** Bytes below which there is no need. */
const FLOOR = 72 * 1024 * 1024;

/** Growth since the last collection that calls for another one. */
const GROWTH = 1.6;

let threshold = FLOOR;
let collect: (() => void) | undefined;

/** Collects garbage if much of it may have come together. Else next to free. */
export function collectIfDue(): void {
  if (heldBytes() < threshold) return;
  collect ??= exposed();
  collect();
  threshold = Math.max(FLOOR, GROWTH * heldBytes());
}

function heldBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** V8's own collector, which it only shows to contexts made after it is told to. */
function exposed(): () => void {
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc");
}
