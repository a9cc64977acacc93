/**
 * Laws: a reading that goes on from a checkpoint gives what one that began at
 * the beginning gives, wherever it is cut: within a packet's fragments, between
 * the legs of a conversation, within a message. And flows that are ruled out by
 * their ends would have given nothing that matches.
 */
import { deepEqual, ok } from "node:assert/strict";
import { PROTOCOLS, SCHEMA } from "../../../dissectors/registry.ts";
import { toPlain } from "../../../entry/json.ts";
import { FrameBatch } from "../../../packet/frame.ts";
import { toPlace } from "../../../stream/reader.ts";
import { SourceScan } from "../../../worker/scan/source_scan.ts";
import { Random } from "../../fuzz/random.ts";
import { planOf } from "../serve/asker.ts";
import { interleaved, type TimedFrame } from "./interleaved.ts";

const FILTERS = [
  "dst.ip == 10.1.0.9",
  "src.ip == 10.1.0.7 and not tcp",
  "dst.serviceIp == 10.96.0.80",
  "dst.serviceIp == nil",
  "ip == 10.96.0.10",
  "not ip == 169.254.1.1",
  "dst.port == 80 or dst.port == 53",
];

/** A reading of frames that can be cut. */
class Reading {
  readonly found: string[] = [];
  readonly scan: SourceScan;

  constructor(kfl: string, isWhole: boolean) {
    this.scan = new SourceScan("test", {
      plan: planOf(kfl),
      protocols: PROTOCOLS,
      isWhole,
      onMatch: (entry) =>
        this.found.push(JSON.stringify(toPlain(entry, SCHEMA))),
    });
  }

  read(frames: readonly TimedFrame[], from: number, to: number): void {
    const batch = new FrameBatch(1);
    for (let i = from; i < to; i++) {
      const { linkType, bytes, time } = frames[i]!;
      batch.bytes = bytes;
      batch.count = 1;
      batch.captured[0] = batch.original[0] = bytes.length;
      batch.time[0] = time;
      this.scan.frame(batch, 0, linkType, toPlace(1, i));
    }
  }
}

for (let seed = 0; seed < 40; seed++) {
  Deno.test(`it does not matter where reading begins anew, seed ${seed}`, () => {
    const random = new Random(seed);
    const frames = interleaved(random, random.int(1, 5));
    const whole = new Reading("", true);
    whole.read(frames, 0, frames.length);
    whole.scan.end();
    ok(whole.found.length > 0);
    for (let n = 0; n < 12; n++) {
      const cut = random.int(0, frames.length);
      const before = new Reading("", true);
      before.read(frames, 0, cut);
      const after = new Reading("", true);
      after.scan.resume(before.scan.save());
      after.read(frames, cut, frames.length);
      after.scan.end();
      deepEqual(
        [...before.found, ...after.found].sort(),
        whole.found.toSorted(),
        `cut at ${cut} of ${frames.length}`,
      );
    }
  });
}

for (let seed = 0; seed < 40; seed++) {
  Deno.test(`what is ruled out by its ends cannot match, seed ${seed}`, () => {
    const random = new Random(seed);
    const frames = interleaved(random, random.int(1, 5));
    for (const kfl of FILTERS) {
      const [all, few] = [true, false].map((isWhole) => {
        const reading = new Reading(kfl, isWhole);
        reading.read(frames, 0, frames.length);
        reading.scan.end();
        return reading.found.sort();
      });
      deepEqual(few, all, kfl);
    }
  });
}
