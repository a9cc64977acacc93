/** How fast a hub merges, and what that leaves for everything else it does. */
import { Batch, BatchWriter } from "../../api/batch.ts";
import { Merge } from "../../hub/merge.ts";
import { Random } from "../fuzz/random.ts";
import { compareStored, makeEntries, toBatches } from "../hub/batches.ts";

const WORKERS = 16;
const ENTRIES = 8192;

/** A worker's answer, a message for each batch. */
function answerOf(worker: number): Uint8Array<ArrayBuffer>[] {
  const random = new Random(worker + 1);
  const entries = makeEntries(random, `node-${worker}`, ENTRIES);
  return [...toBatches(entries.sort(compareStored), () => 2000)];
}

const answers = Array.from({ length: WORKERS }, (_, i) => answerOf(i));

// As a query over a cluster gives it: every worker has part of each second.
Deno.bench(`merge: ${WORKERS * ENTRIES} entries of ${WORKERS} workers`, () => {
  const waiting = answers.map((answer) => [...answer]);
  const next = (source: number) => {
    const message = waiting[source]!.shift();
    if (message) merge.push(source, new Batch(message), 0);
    else merge.end(source);
  };
  const merge = new Merge({
    order: "asc",
    follow: false,
    last: 0,
    onTaken: next,
  });
  for (const source of waiting.keys()) {
    merge.add();
    next(source);
  }
  const writer = new BatchWriter("row");
  let bytes = 0;
  while (!merge.isDone) {
    merge.take(writer, Infinity, 0);
    bytes += writer.take().length;
  }
  if (merge.taken !== WORKERS * ENTRIES) throw new Error(`Got ${merge.taken}`);
});
