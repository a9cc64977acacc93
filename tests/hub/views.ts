/**
 * One traffic as several nodes see it: each loses some packets, begins when it
 * begins, and has a clock of its own.
 */
import { Batch, BatchWriter } from "../../api/batch.ts";
import { PROTOCOLS } from "../../dissectors/registry.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { toPlace } from "../../stream/reader.ts";
import { type Rendered, rendererOf } from "../../worker/scan/rendering.ts";
import { fromRowText, toRowText } from "../../worker/scan/row_text.ts";
import { SourceScan } from "../../worker/scan/source_scan.ts";
import type { Random } from "../fuzz/random.ts";
import type { TimedFrame } from "../worker/scan/interleaved.ts";
import { planOf } from "../worker/serve/asker.ts";

/** How a node sees the traffic. */
export interface Eyes {
  readonly node: string;
  /** Its clock is ahead by so much, µs. */
  readonly skew: number;
  /** Whether it captured a frame. */
  readonly sees: (frame: TimedFrame, number: number) => boolean;
}

/** The rows that a node has, by `(timestamp, id)`, the oldest first. */
export function rowsSeen(
  frames: readonly TimedFrame[],
  { node, skew, sees }: Eyes,
  kfl = "",
): Rendered[] {
  const rows: Rendered[] = [];
  const render = rendererOf("entry", []);
  const scan = new SourceScan(node, {
    plan: planOf(kfl),
    protocols: PROTOCOLS,
    marks: true,
    // What an entry borrows is gone when the next one comes.
    onMatch: (entry) =>
      rows.push(
        fromRowText(new TextEncoder().encode(toRowText(render(entry)))),
      ),
  });
  const batch = new FrameBatch(1);
  frames.forEach((frame, number) => {
    if (!sees(frame, number)) return;
    batch.bytes = frame.bytes;
    batch.count = 1;
    batch.captured[0] = batch.original[0] = frame.bytes.length;
    batch.time[0] = frame.time + skew;
    scan.frame(batch, 0, frame.linkType, toPlace(1, number));
  });
  scan.end();
  return rows.sort((a, b) =>
    a.head.timestamp - b.head.timestamp ||
    a.position.place - b.position.place || a.position.n - b.position.n
  );
}

/** Rows as a worker sends them, in batches of some. */
export function* toBatches(
  rows: readonly Rendered[],
  random: Random,
): Generator<Batch> {
  const writer = new BatchWriter("entry");
  for (let at = 0; at < rows.length;) {
    const end = Math.min(rows.length, at + random.int(1, 40));
    for (; at < end; at++) {
      const { head, position, text } = rows[at]!;
      writer.add(head, position, text);
    }
    yield new Batch(writer.take());
  }
}
