/** What a merged savefile says of packets that are not in it. */
import { equal, match, ok } from "node:assert/strict";
import { mergePackets } from "../../hub/export/merged_packets.ts";
import { PacketStream } from "../../hub/export/packet_stream.ts";
import { FrameBatch } from "../../packet/frame.ts";
import {
  ofBytes,
  SavefileReader,
  SavefileWriter,
} from "../../packet/savefile.ts";
import { concat } from "../fuzz/random.ts";
import { lacks } from "../setup.ts";

const TIME = 1_700_000_000_000_000;

/** A worker's savefile, as it comes over the network. */
async function* sent(): AsyncGenerator<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const writer = new SavefileWriter(
    { write: (bytes) => pieces.push(bytes.slice()) },
    "pcap",
    { linkType: 1, snapLength: 0 },
  );
  const batch = new FrameBatch(1);
  batch.count = 1;
  batch.bytes = new Uint8Array(60);
  batch.captured[0] = batch.original[0] = 60;
  batch.time[0] = TIME;
  writer.copy(batch, 0);
  writer.flush();
  yield concat(...pieces);
}

async function merged(format: "pcap" | "pcapng"): Promise<Uint8Array> {
  const streams = [
    await PacketStream.open("a", sent(), 7),
    await PacketStream.open("b", sent()),
    await PacketStream.open("c", sent(), 5),
  ];
  const pieces: Uint8Array[] = [];
  const missing = ["d: Connection refused", "e: it answers 503"];
  for await (const piece of mergePackets(streams, format, missing)) {
    pieces.push(piece);
  }
  return concat(...pieces);
}

Deno.test("a merged pcapng says which nodes are missing, and what the others lost", async () => {
  const bytes = await merged("pcapng");
  const text = new TextDecoder().decode(bytes);
  match(text, /missing: d: Connection refused\nmissing: e: it answers 503/);
  const reader = new SavefileReader(ofBytes(bytes));
  const batch = new FrameBatch(10);
  let frames = 0;
  while (reader.next(batch)) frames += batch.count;
  equal(frames, 3);
  equal(reader.damage, undefined);
  equal(reader.dropped, 12);
});

Deno.test("a merged classic PCAP has no place for it", async () => {
  const reader = new SavefileReader(ofBytes(await merged("pcap")));
  ok(reader.next(new FrameBatch(10)));
  equal(reader.dropped, 0);
});

Deno.test({
  name: "Wireshark reads what a merged pcapng says",
  // It comes with capinfos.
  ignore: lacks("tshark"),
  async fn() {
    const path = await Deno.makeTempFile({ suffix: ".pcapng" });
    try {
      await Deno.writeFile(path, await merged("pcapng"));
      const { stdout } = await new Deno.Command("capinfos", { args: [path] })
        .output();
      const said = new TextDecoder().decode(stdout);
      match(said, /missing: d: Connection refused/);
      match(said, /Number of packets = 1/);
    } finally {
      await Deno.remove(path);
    }
  },
});
