/**
 * Every savefile beside a dissector gives the entries beside it, however its
 * bytes are cut; and with any packet lost, or all cut short, an honest subset.
 *
 * `deno task update` rewrites the expected entries.
 */
import { deepEqual, ok } from "node:assert/strict";
import { type JsonEntry, replay } from "./dissect.ts";
import { findFixtures } from "./fixtures.ts";

/** What frames are cut to: heads with little, and with more behind them. */
const SNAP_LENGTHS = [68, 96, 160];

/** Packets above which losing each in turn takes every n-th only. */
const MOST_LOSSES = 60;

for (const { name, path, expectedPath } of findFixtures()) {
  const savefile = Deno.readFileSync(path);

  Deno.test(`${name} gives the entries beside it`, () => {
    const found = replay(savefile);
    if (Deno.env.get("UPDATE")) write(expectedPath, found);
    deepEqual(found, read(expectedPath));
  });

  Deno.test(`${name} gives the same one byte at a time`, () => {
    deepEqual(
      replay(savefile, { bytewise: true }).map(withoutCounts),
      read(expectedPath).map(withoutCounts),
    );
  });

  Deno.test(`${name} gives the same where entries are kept for later`, () => {
    deepEqual(replay(savefile, { late: true }), read(expectedPath));
  });

  Deno.test(`${name} with a packet lost gives an honest subset`, () => {
    const whole = replay(savefile);
    const frames = countFrames(savefile);
    const step = Math.ceil(frames / MOST_LOSSES);
    for (let lost = 0; lost < frames; lost += step) {
      const found = replay(savefile, { drop: (frame) => frame === lost });
      expectSubset(found, whole, `Without packet ${lost}`);
    }
  });

  Deno.test(`${name} with frames cut short gives an honest subset`, () => {
    const whole = replay(savefile);
    for (const snapLength of SNAP_LENGTHS) {
      const found = replay(savefile, { snapLength });
      expectSubset(found, whole, `Of ${snapLength} bytes each`);
    }
  });
}

/** Entries that are whole must be among the whole capture's. */
function expectSubset(
  found: readonly JsonEntry[],
  whole: readonly JsonEntry[],
  how: string,
): void {
  const known = new Set(whole.map(essence));
  for (const entry of found) {
    if (entry["incomplete"] || isFlow(entry)) continue;
    ok(
      known.has(essence(entry)),
      `${how} an entry is invented: ${JSON.stringify(entry)}`,
    );
  }
}

/** What was said; a lost packet may shift when and where it was captured. */
function essence(entry: JsonEntry): string {
  const { protocol, version, src, dst, summary, status, request, response } =
    entry;
  return JSON.stringify([
    protocol,
    version,
    src,
    dst,
    summary,
    status,
    request,
    response,
  ]);
}

function isFlow(entry: JsonEntry): boolean {
  return ["tcp", "udp", "sctp"].includes(entry["protocol"] as string);
}

/** Segments of one byte change how many packets a flow has, and nothing else. */
function withoutCounts(entry: JsonEntry): JsonEntry {
  if (!isFlow(entry)) return entry;
  const { protocol, src, dst, timestamp } = entry;
  return { protocol, src, dst, timestamp };
}

function countFrames(savefile: Uint8Array): number {
  let frames = 0;
  replay(savefile, { drop: () => ++frames > 0 });
  return frames;
}

function read(path: string): JsonEntry[] {
  return JSON.parse(Deno.readTextFileSync(path));
}

function write(path: string, entries: readonly JsonEntry[]): void {
  Deno.writeTextFileSync(path, JSON.stringify(entries, null, 2) + "\n");
}
