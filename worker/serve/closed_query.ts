/** Answers a query that ends: what is stored, in exact order. */
import type { Ask } from "../../api/messages.ts";
import { PROTOCOLS } from "../../dissectors/registry.ts";
import { deletedFor, toNodeCoverage } from "../scan/node_coverage.ts";
import { fromRowText } from "../scan/row_text.ts";
import { searchStore } from "../scan/search_store.ts";
import { type Answering, send } from "./answering.ts";
import { BatchSender } from "./batch_sender.ts";
import { EntrySorter } from "./entry_sorter.ts";
import { ProgressTeller } from "./progress_teller.ts";

/**
 * Answers a query, to its end.
 *
 * @throws what the signal was aborted with
 */
export async function answerClosed(
  { plan, output, marks }: Ask,
  around: Answering,
): Promise<void> {
  const { store, names, answered, channel, credit, signal } = around;
  const progress = new ProgressTeller(channel, store.bytes);
  using rows = output === "count"
    ? undefined
    : new EntrySorter(plan, output, store.folder.path);
  const coverages = await searchStore(store, {
    plan,
    protocols: PROTOCOLS,
    marks,
    names: names?.stored,
    answered,
    onMatch(entry) {
      progress.matches++;
      rows?.add(entry);
    },
    onProgress: (done) => progress.tell(done),
    signal,
  });
  if (rows && output !== "count") {
    const sender = new BatchSender(channel, output, credit, signal);
    await sendRows(rows.rows(), sender);
  }
  const matches = Math.min(progress.matches, plan.limit ?? Infinity);
  const coverage = toNodeCoverage(store, coverages, deletedFor(store, plan));
  send(channel, { done: { matches }, coverage: [coverage] });
}

/**
 * Sends rows in their order, each as `toRowText` writes it.
 *
 * @throws what the sender's signal was aborted with
 */
export async function sendRows(
  rows: Iterable<Uint8Array>,
  sender: BatchSender,
): Promise<void> {
  for (const row of rows) {
    if (sender.isFull) await sender.flush();
    sender.add(fromRowText(row));
  }
  await sender.flush();
}
