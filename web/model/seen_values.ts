/** Values that the feed has shown lately, for completion. */
import type { Batch } from "../../api/batch.ts";
import type { FeedStore } from "./feed_store.ts";

/** The newest rows that are looked through. */
const MAX_ROWS = 5000;

const MAX_VALUES = 50;

/** A value of a row; `""` if it has none. */
type Reader = (batch: Batch, row: number) => string;

const end = (side: "src" | "dst"): Reader => (batch, row) =>
  batch.word(batch[side][row]!);
const port = (side: "srcPort" | "dstPort"): Reader => (batch, row) =>
  batch[side][row] === 0 ? "" : String(batch[side][row]);
const isAddress = (text: string): boolean => /^[\d.]+$|:/.test(text);
const onlyIf = (
  read: Reader,
  test: (text: string) => boolean,
): Reader =>
(batch, row) => {
  const text = read(batch, row);
  return test(text) ? text : "";
};
const isName = (text: string): boolean => !isAddress(text);

const READERS: Readonly<Record<string, readonly Reader[]>> = {
  protocol: [(batch, row) => batch.word(batch.protocol[row]!)],
  status: [(batch, row) => batch.word(batch.status[row]!)],
  "node.name": [(batch, row) => batch.word(batch.node[row]!)],
  "src.ip": [onlyIf(end("src"), isAddress)],
  "dst.ip": [onlyIf(end("dst"), isAddress)],
  ip: [onlyIf(end("src"), isAddress), onlyIf(end("dst"), isAddress)],
  "src.name": [onlyIf(end("src"), isName)],
  "dst.name": [onlyIf(end("dst"), isName)],
  name: [onlyIf(end("src"), isName), onlyIf(end("dst"), isName)],
  "src.port": [port("srcPort")],
  "dst.port": [port("dstPort")],
  port: [port("srcPort"), port("dstPort")],
};

/** Values of a path in the newest rows, the most frequent first. */
export function seenValues(store: FeedStore, path: string): string[] {
  const readers = Object.hasOwn(READERS, path) ? READERS[path]! : [];
  if (readers.length === 0) return [];
  const counts = new Map<string, number>();
  const least = Math.max(store.first, store.end - MAX_ROWS);
  for (let number = store.end - 1; number >= least; number--) {
    const place = store.locate(number)!;
    for (const read of readers) {
      const value = read(place.batch, place.row);
      if (value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, MAX_VALUES)
    .map(([value]) => value);
}
