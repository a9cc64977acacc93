/** Copies of one packet on several interfaces. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Decoder } from "../../../packet/decode.ts";
import { FrameBatch } from "../../../packet/frame.ts";
import { LINKTYPE } from "../../../packet/link.ts";
import { OUTCOME, Packet, toAddress } from "../../../packet/packet.ts";
import { MAX_SIFTED, Sifter } from "../../../worker/live/sifter.ts";
import { concat, Random } from "../../fuzz/random.ts";
import {
  bytes,
  ethernet,
  extension,
  ipv4,
  ipv6,
  tcp,
  udp,
} from "../../packet/frames.ts";

/** A packet at an interface, as the ring has it. */
interface Captured {
  readonly frame: Uint8Array;
  /** ms */
  readonly time: number;
}

type Way = "in" | "out";

/** A cooked frame. */
function at(index: number, way: Way, packet: Uint8Array, tagged = false) {
  const version = packet[0]! >> 4;
  const type = version === 4 ? "0800" : version === 6 ? "86dd" : "0806";
  const kind = way === "out" ? "04" : "00";
  const number = index.toString(16).padStart(8, "0");
  return bytes(
    `${tagged ? "8100" : type} 0000 ${number} 0001 ${kind} 06`,
    "02000000000a 0000",
    tagged ? bytes(`0064${type}`) : bytes(),
    packet,
  );
}

/** Numbers of the frames that are kept. */
function keptOf(sifter: Sifter, frames: readonly Captured[]): number[] {
  const batch = new FrameBatch(frames.length);
  batch.bytes = concat(...frames.map(({ frame }) => frame));
  let start = 0;
  for (const [row, { frame, time }] of frames.entries()) {
    batch.start[row] = start;
    batch.captured[row] = batch.original[row] = frame.length;
    batch.time[row] = time * 1000;
    batch.position[row] = row;
    start += frame.length;
  }
  batch.count = frames.length;
  sifter.setInterfaces([2, 3, 4, 9]);
  sifter.sift(batch);
  return Array.from(batch.position.subarray(0, batch.count));
}

const sifted = (...frames: Uint8Array[]): number[] =>
  keptOf(new Sifter(), frames.map((frame) => ({ frame, time: 5000 })));

const there = ipv4(6, tcp(bytes("01")));
const back = ipv4(6, tcp(bytes("02"), { srcPort: 80, dstPort: 40000 }), {
  src: "10.0.0.2",
  dst: "10.0.0.1",
});
const vxlan = (inner: Uint8Array) =>
  ipv4(17, udp(4789, bytes("0800000000002a00", ethernet(0x0800, inner))), {
    src: "192.168.0.1",
    dst: "192.168.0.2",
  });

Deno.test("a packet that passes several interfaces is kept once", () => {
  deepEqual(
    sifted(
      ...[at(2, "in", there), at(3, "in", there), at(4, "out", there)],
      ...[at(4, "in", back), at(3, "out", back), at(2, "out", back)],
      ...[at(2, "in", there), at(3, "in", there)],
    ),
    [0, 3, 6],
  );
});

Deno.test("in and out of the same interface are two places", () => {
  deepEqual(sifted(at(2, "in", there), at(2, "out", there)), [0]);
});

Deno.test("a repeat at home is a retransmission", () => {
  deepEqual(sifted(at(2, "in", there), at(2, "in", there)), [0, 1]);
});

Deno.test("what leaves in a tunnel or behind a tag is a copy", () => {
  deepEqual(sifted(at(2, "in", there), at(9, "out", vxlan(there))), [0]);
  deepEqual(sifted(at(2, "in", there), at(9, "out", there, true)), [0]);
  deepEqual(sifted(at(9, "in", vxlan(back)), at(2, "out", back)), [0]);
});

Deno.test("a flow of IPv6 is known behind extension headers", () => {
  const segment = ipv6(6, tcp(bytes("01")));
  const extended = ipv6(0, extension(6, tcp(bytes("01"))));
  deepEqual(sifted(at(2, "in", segment), at(3, "out", extended)), [0]);
});

Deno.test("fragments have a home of their own", () => {
  const first = ipv4(17, udp(53, bytes("00")), { more: true });
  const last = ipv4(17, bytes("00 00"), { offset: 16 });
  deepEqual(
    sifted(
      ...[at(2, "in", first), at(3, "out", first)],
      ...[at(2, "in", last), at(3, "out", last)],
    ),
    [0, 2],
  );
});

Deno.test("what belongs to no flow is kept wherever it is", () => {
  const arp = bytes("0001080006040001");
  const cut = there.subarray(0, 12);
  deepEqual(
    sifted(...[arp, cut].flatMap((p) => [at(2, "in", p), at(3, "in", p)])),
    [0, 1, 2, 3],
  );
});

Deno.test("when home was silent for a second it is elsewhere", () => {
  const frames = [
    ...[[2, 0], [3, 1], [3, 900], [2, 950], [3, 1900], [3, 1951], [2, 1952]],
  ].map(([index, time]) => ({ frame: at(index!, "in", there), time: time! }));
  const sifter = new Sifter();
  deepEqual(keptOf(sifter, frames), [0, 3, 5]);
  equal(sifter.copies, 4);
  equal(sifter.copiedBytes, 4 * frames[0]!.frame.length);
});

Deno.test("an interface that is gone is nobody's home", () => {
  const sifter = new Sifter();
  const frames = [1, 2].map((time) => ({ frame: at(7, "in", there), time }));
  deepEqual(keptOf(sifter, [...frames, { ...frames[0]!, time: 3 }]), [0, 1, 2]);
  const elsewhere = { frame: at(2, "in", there), time: 4 };
  deepEqual(keptOf(sifter, [elsewhere, elsewhere]), [0, 1]);
});

Deno.test("a clock that is set back does not make copies of all that follows", () => {
  const frames = [[2, 5_000_000], [3, 1000], [2, 1001]].map((
    [index, time],
  ) => ({ frame: at(index!, "in", there), time: time! }));
  deepEqual(keptOf(new Sifter(), frames), [0, 1]);
});

Deno.test("more flows than there are slots are captured all the same", () => {
  const sifter = new Sifter();
  const random = new Random(8);
  const packet = at(2, "in", there);
  const SOURCE = 20 + 12;
  const flows = 1.5 * MAX_SIFTED;
  let kept = 0;
  for (let i = 0; i < flows; i += 1024) {
    const frames = Array.from({ length: 1024 }, () => {
      const frame = packet.slice();
      frame.set(random.bytes(4), SOURCE);
      return { frame, time: i };
    });
    kept += keptOf(sifter, frames).length;
  }
  equal(kept, flows);
});

/** What the rule says, without regard to speed. */
class Oracle {
  readonly #homes = new Map<string, { place: string; time: number }>();
  readonly #decoder = new Decoder();

  isCopy({ frame, time }: Captured): boolean {
    const packet = new Packet();
    const { length } = frame;
    const type = LINKTYPE.LINUX_SLL2;
    const outcome = this.#decoder.decode(
      ...[frame, 0, length, length, type, time * 1000, 0, packet] as const,
    );
    if (outcome !== OUTCOME.PACKET) return false;
    const { bytes, src, dst, ipVersion, srcPort, dstPort, protocol } = packet;
    const flow = [
      ...[toAddress(bytes, src, ipVersion), srcPort],
      ...[toAddress(bytes, dst, ipVersion), dstPort, protocol],
    ].join();
    const place = `${packet.interface} ${packet.direction}`;
    const home = this.#homes.get(flow);
    if (home && home.place !== place && time - home.time <= 1000) return true;
    this.#homes.set(flow, { place, time });
    return false;
  }
}

Deno.test("of random traffic those are kept that the rule says", () => {
  const random = new Random(9);
  let copies = 0;
  let frames = 0;
  for (let round = 0; round < 100; round++) {
    const captured: Captured[] = [];
    const addresses = Array.from({ length: 2 }, () => random.bytes(16));
    let time = 1000;
    for (let i = 0; i < 300; i++) {
      time += random.chance(0.1) ? random.int(0, 1200) : random.int(0, 3);
      const [a, b] = [random.pick(addresses), random.pick(addresses)];
      const ports = { srcPort: 7, dstPort: random.int(7, 8) };
      const segment = random.chance(0.5)
        ? { protocol: 6, bytes: tcp(bytes("00"), ports) }
        : { protocol: 17, bytes: udp(ports.dstPort, bytes("00")) };
      const packet = random.chance(0.5)
        ? ipv6(segment.protocol, segment.bytes, {
          src: a.toHex(),
          dst: b.toHex(),
        })
        : ipv4(segment.protocol, segment.bytes, {
          src: a.subarray(0, 4).join("."),
          dst: b.subarray(0, 4).join("."),
        });
      const carried = random.chance(0.2) && packet[0]! >> 4 === 4
        ? vxlan(packet)
        : packet;
      const way = random.pick(["in", "out"] as const);
      const frame = at(random.int(2, 4), way, carried, random.chance(0.2));
      captured.push({ frame, time });
    }
    const oracle = new Oracle();
    const expected = captured.flatMap((one, i) =>
      oracle.isCopy(one) ? [] : [i]
    );
    deepEqual(keptOf(new Sifter(), captured), expected);
    frames += captured.length;
    copies += captured.length - expected.length;
  }
  ok(copies > frames / 4 && copies < frames * 3 / 4, `${copies} of ${frames}`);
});
