import { deepEqual, equal } from "node:assert/strict";
import { fromPlace, StreamReader, toPlace } from "../../stream/reader.ts";
import { type ReaderState } from "../../stream/reader.ts";
import { decodeState, encodeState } from "../../stream/state.ts";

/** A reader of chunks, each captured in the packet of its number, from 1. */
function readerOf(...chunks: readonly string[]): StreamReader {
  const reader = new StreamReader();
  chunks.forEach((chunk, i) => append(reader, chunk, i + 1));
  return reader;
}

function append(reader: StreamReader, text: string, place: number): void {
  const bytes = new TextEncoder().encode(text);
  reader.append(bytes, 0, bytes.length, place * 1000, place);
}

const textOf = (bytes: Uint8Array | undefined) =>
  bytes && new TextDecoder().decode(bytes);

Deno.test("a reader gives bytes once they are all there", () => {
  const reader = readerOf("ab");
  equal(reader.bytes(3), undefined);
  append(reader, "cd", 2);
  equal(textOf(reader.bytes(3)), "abc");
  equal(reader.available, 1);
  equal(reader.offset, 3);
});

Deno.test("a reader shows a chunk where it lies", () => {
  const bytes = new Uint8Array([1, 2, 3, 4]);
  const reader = new StreamReader();
  reader.append(bytes, 1, 3, 0, 0);
  equal(reader.unread().buffer, bytes.buffer);
  deepEqual([...reader.unread()], [2, 3]);
});

Deno.test("a reader keeps its own copy of what it retains", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const reader = new StreamReader();
  reader.append(bytes, 0, 3, 0, 0);
  reader.skip(1);
  reader.retain();
  bytes.fill(0);
  deepEqual([...reader.unread()], [2, 3]);
  equal(reader.offset, 1);
});

Deno.test("a reader looks for a byte among the unread ones alone", () => {
  const bytes = new TextEncoder().encode("a\nb\n");
  const reader = new StreamReader();
  reader.append(bytes, 2, 3, 0, 0);
  equal(reader.indexOf(10), -1);
  equal(reader.indexOf(98), 0);
  append(reader, "xb", 1);
  equal(reader.indexOf(98, 1), 2);
});

Deno.test("a failed attempt reads nothing", () => {
  const reader = readerOf("abc");
  equal(reader.attempt((r) => r.skip(2) ? r.bytes(2) : undefined), undefined);
  equal(reader.offset, 0);
  equal(textOf(reader.attempt((r) => r.bytes(2))), "ab");
});

Deno.test("a message begins and ends in the packets of its bytes", () => {
  const reader = readerOf("ab", "cd", "ef");
  deepEqual(reader.mark(), { time: 1000, place: 1, n: 0, offset: 0 });
  reader.skip(3);
  deepEqual(reader.lastMark(), { time: 2000, place: 2, n: 0, offset: 2 });
  deepEqual(reader.mark(), { time: 2000, place: 2, n: 0, offset: 3 });
});

Deno.test("messages that begin in one packet are counted", () => {
  const reader = readerOf("abc", "d");
  equal(reader.mark().n, 0);
  reader.skip(1);
  equal(reader.mark().n, 1);
  equal(reader.mark().n, 1);
  reader.skip(1);
  equal(reader.mark().n, 2);
  reader.skip(1);
  equal(reader.mark().n, 0);
});

Deno.test("the count goes on where a packet filled two holes", () => {
  const reader = new StreamReader();
  append(reader, "a", 7);
  append(reader, "b", 3);
  append(reader, "c", 7);
  const counts = [0, 1, 2].map(() => {
    const { place, n } = reader.mark();
    reader.skip(1);
    return [place, n];
  });
  deepEqual(counts, [[7, 0], [3, 0], [7, 1]]);
});

Deno.test("the last byte keeps its packet when the next chunk comes", () => {
  const reader = readerOf("ab");
  reader.skip(2);
  reader.retain();
  append(reader, "cd", 2);
  equal(reader.lastMark().place, 1);
});

Deno.test("lost bytes count as read, and drop the unread ones", () => {
  const reader = readerOf("abc");
  reader.skip(1);
  reader.loseTo(10);
  equal(reader.available, 0);
  equal(reader.offset, 13);
  append(reader, "x", 2);
  deepEqual(reader.mark(), { time: 2000, place: 2, n: 0, offset: 13 });
});

Deno.test("an empty chunk says when it came, until there are bytes", () => {
  const reader = readerOf("");
  deepEqual(reader.mark(), { time: 1000, place: 1, n: 0, offset: 0 });
  append(reader, "a", 2);
  equal(reader.time, 2000);
});

Deno.test("a reader goes on where it was saved", () => {
  const reader = readerOf("abc", "def");
  reader.mark();
  reader.skip(4);
  reader.mark();
  const state = decodeState(encodeState(reader.save())) as ReaderState;
  const restored = StreamReader.restored(state);
  append(reader, "ghi", 3);
  append(restored, "ghi", 3);
  deepEqual(restored.save(), reader.save());
  equal(restored.lastMark().place, 2);
  restored.skip(1);
  deepEqual(restored.mark(), { time: 2000, place: 2, n: 1, offset: 5 });
});

Deno.test("a place is a shard and a packet", () => {
  deepEqual(fromPlace(toPlace(12345, 678)), { shard: 12345, packet: 678 });
  equal(toPlace(0, 5), 5);
});
