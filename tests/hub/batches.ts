/** Entries for tests of the hub, and the batches in which workers send them. */
import { Batch, BatchWriter, type Form, type Head } from "../../api/batch.ts";
import type { Random } from "../fuzz/random.ts";

/** What an entry is ordered by, and a text to know it by. */
export interface Made {
  readonly node: string;
  readonly timestamp: number;
  readonly completed: number;
  readonly place: number;
  readonly n: number;
  /** What is sent for it; by default itself, as JSON. */
  readonly text?: string;
}

/** What a row of a batch was made of. */
export const madeOf = (batch: Batch, row: number): Made =>
  JSON.parse(batch.text(row));

/** As the feed and the answers of one node are ordered. */
export function compareStored(a: Made, b: Made): number {
  return a.timestamp - b.timestamp || compareIds(a, b);
}

/** As queries that follow are ordered. */
export function compareCompleted(a: Made, b: Made): number {
  return a.completed - b.completed || compareIds(a, b);
}

function compareIds(a: Made, b: Made): number {
  if (a.node !== b.node) return a.node < b.node ? -1 : 1;
  return a.place - b.place || a.n - b.n;
}

/** Entries of one node, in no order; many begin at the same time. */
export function makeEntries(
  random: Random,
  node: string,
  count: number,
  from = 1e15,
): Made[] {
  return Array.from({ length: count }, (_, i) => {
    const timestamp = from + random.int(0, 3 * count);
    return {
      node,
      timestamp,
      completed: timestamp + random.int(0, 20),
      place: i >> 1,
      n: i & 1,
    };
  });
}

/** Entries as a worker sends them, a message for each batch. */
export function* toBatches(
  entries: readonly Made[],
  sizeOf: () => number,
  form: Form = "row",
): Iterable<Uint8Array<ArrayBuffer>> {
  const writer = new BatchWriter(form);
  for (let at = 0; at < entries.length;) {
    const end = Math.min(entries.length, at + sizeOf());
    for (; at < end; at++) addTo(writer, entries[at]!);
    yield writer.take();
  }
}

/** Adds one entry. */
export function addTo(writer: BatchWriter, made: Made): void {
  writer.add(headOf(made), made, made.text ?? JSON.stringify(made));
}

function headOf({ node, timestamp, completed, place }: Made): Head {
  return {
    timestamp,
    completed,
    elapsed: completed - timestamp,
    requestSize: 100,
    responseSize: 1000,
    protocol: "http",
    status: 200,
    failed: false,
    decrypted: false,
    node: { name: node },
    src: { ip: `10.0.0.${place % 200}`, port: 40_000 },
    dst: { ip: "10.0.1.1", port: 80 },
  };
}
