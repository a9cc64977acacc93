/**
 * A hub over a data folder into which exchanges are written at a given rate,
 * as a capture writes them: they are read from shards, dissected, matched and
 * merged like any others. Prints where its dashboard is.
 *
 * ```sh
 * deno run -A tests/bench/replayed_hub.ts PER_SECOND
 * ```
 */
import { OpenHub } from "../../cli/open_hub.ts";
import { FrameBatch, type Interface } from "../../packet/frame.ts";
import { WorkerService } from "../../worker/serve/service.ts";
import { bytes, ethernet, ipv4, tcp, text } from "../packet/frames.ts";
import { GrowingFolder } from "../worker/serve/growing.ts";

/** Connections on which is talked by turns. */
const CONNECTIONS = 64;

/** Between two writes, ms. */
const TICK = 20;

/** Where TCP's parts stand in a frame, behind Ethernet and IPv4. */
const AT = { seq: 14 + 20 + 4, ack: 14 + 20 + 8 };

const ETHERNET: readonly Interface[] = [{ linkType: 1, snapLength: 262_144 }];

const command = text("*2\r\n$3\r\nGET\r\n$7\r\ncart:17\r\n");
const reply = text("$21\r\nthree pairs of shoes!\r\n");

/** One connection to a Redis server, of which exchanges can be made. */
class Connection {
  readonly #sent: Uint8Array;
  readonly #received: Uint8Array;
  #exchanges = 0;

  constructor(port: number) {
    const [src, dst] = ["10.1.0.7", "10.1.0.9"];
    const ends = { srcPort: port, dstPort: 6379 };
    const back = { srcPort: 6379, dstPort: port };
    this.#sent = ethernet(0x0800, ipv4(6, tcp(command, ends), { src, dst }));
    this.#received = ethernet(
      0x0800,
      ipv4(6, tcp(reply, back), { src: dst, dst: src }),
    );
  }

  /** The packets of the next exchange. */
  next(): Uint8Array[] {
    const number = this.#exchanges++;
    const sent = 1000 + number * command.length;
    const received = 9000 + number * reply.length;
    return [
      numbered(this.#sent, sent, received),
      numbered(this.#received, received, sent + command.length),
    ];
  }
}

function numbered(frame: Uint8Array, seq: number, ack: number): Uint8Array {
  const copy = frame.slice();
  const view = new DataView(copy.buffer);
  view.setUint32(AT.seq, seq);
  view.setUint32(AT.ack, ack);
  return copy;
}

/** Writes exchanges of one tick as one batch, with times just past. */
function write(
  growing: GrowingFolder,
  connections: readonly Connection[],
  count: number,
): void {
  const frames = Array.from(
    { length: count },
    (_, i) => connections[i % connections.length]!.next(),
  ).flat();
  const batch = new FrameBatch(frames.length);
  batch.bytes = bytes(...frames);
  batch.count = frames.length;
  const now = Date.now() * 1000;
  let at = 0;
  for (const [i, { length }] of frames.entries()) {
    batch.start[i] = at;
    batch.captured[i] = batch.original[i] = length;
    batch.time[i] = now - frames.length + i;
    at += length;
  }
  const shards = growing.writer.writer(1);
  shards.append(batch, ETHERNET, 0, frames.length);
  shards.flush();
  growing.stored();
}

if (import.meta.main) {
  const rate = Number(Deno.args[0]);
  const folder = await Deno.makeTempDir();
  const ended = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGTERM", () => ended.resolve());
  try {
    const growing = new GrowingFolder(folder);
    using _writer = growing.writer;
    const connections = Array.from(
      { length: CONNECTIONS },
      (_, i) => new Connection(20_000 + i),
    );
    write(growing, connections, 1);
    using worker = new WorkerService({
      ...{ name: "replay", version: "0.1.0", folder, capture: growing },
      onFault: (fault) => console.error(fault),
    });
    await using hub = await OpenHub.open({
      ...{ hostname: "127.0.0.1", port: 0, links: [worker] },
    });
    console.log(hub.pageUrl());
    let written = 0;
    const begun = performance.now();
    const ticking = setInterval(() => {
      // What a late tick has missed is made up for.
      const due = (performance.now() - begun) / 1000 * rate - written;
      const count = Math.min(Math.floor(due), rate);
      if (count <= 0) return;
      written += count;
      write(growing, connections, count);
    }, TICK);
    await ended.promise;
    clearInterval(ticking);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
