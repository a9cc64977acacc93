/**
 * Fragments: in any order, repeated, overlapping, cut, contradictory, many.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Decoder } from "../../packet/decode.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { OUTCOME, type Outcome, Packet } from "../../packet/packet.ts";
import { Random } from "../fuzz/random.ts";
import { decoded, decodedCut, describe } from "./decoded.ts";
import * as f from "./frames.ts";

const { RAW } = LINKTYPE;
const LETTERS = f.text("abcdefghijklmnopqrstuvwxyz0123456789");
const datagram = f.udp(53, LETTERS);
const WHOLE =
  'udp 10.0.0.1 40000 > 10.0.0.2 53 "abcdefghijklmnopqrstuvwxyz0123456789"';
const WHOLE6 = WHOLE.replace("10.0.0.1", "2001:db8::1")
  .replace("10.0.0.2", "2001:db8::2");

/** The bytes from `from` to `to` of the datagram as a fragment. */
const part = (from: number, to: number, id = 1): Uint8Array =>
  f.ipv4(17, datagram.subarray(from, to), {
    offset: from,
    more: to < datagram.length,
    id,
  });

const part6 = (from: number, to: number): Uint8Array =>
  f.ipv6(
    44,
    f.fragment(
      17,
      { offset: from, more: to < datagram.length },
      datagram.subarray(from, to),
    ),
  );

/** Each order of three fragments. */
const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [
  2,
  1,
  0,
]];

for (const order of ORDERS) {
  Deno.test(`fragments in the order ${order} become whole`, () => {
    const cuts = [0, 16, 32, datagram.length];
    const outcomes = (make: typeof part6) => {
      const decoder = new Decoder();
      return order.map((n) =>
        decoded(RAW, make(cuts[n]!, cuts[n + 1]!), decoder)
      );
    };
    deepEqual(outcomes(part), ["fragment", "fragment", WHOLE]);
    deepEqual(outcomes(part6), ["fragment", "fragment", WHOLE6]);
  });
}

Deno.test("the packet has time and place of the fragment at offset 0, and all places", () => {
  const decoder = new Decoder();
  const packet = new Packet();
  const feed = (frame: Uint8Array, time: number, place: number): Outcome =>
    decoder.decode(
      frame,
      0,
      frame.length,
      frame.length,
      RAW,
      time,
      place,
      packet,
    );
  feed(part(32, 44), 100, 1);
  feed(part(0, 16), 200, 2);
  equal(feed(part(16, 32), 300, 3), OUTCOME.PACKET);
  deepEqual([packet.time, packet.place], [200, 2]);
  equal(describe(packet), WHOLE);
  deepEqual(packet.fragments, [1, 2, 3]);
  equal(feed(f.ipv4(6, f.tcp(LETTERS)), 400, 4), OUTCOME.PACKET);
  deepEqual(packet.fragments, []);
});

Deno.test("where fragments in a tunnel hold nothing, the tunnel counts", () => {
  const decoder = new Decoder();
  const packet = new Packet();
  const feed = (from: number, to: number, time: number): Outcome => {
    // As UDP has it the length of the header is too short for a header.
    const inner = f.ipv4(
      17,
      f.udp(53, LETTERS, { length: 3 }).slice(from, to),
      {
        offset: from,
        more: to < datagram.length,
      },
    );
    const frame = f.ipv4(17, f.vxlan(f.ethernet(0x0800, inner)));
    const size = frame.length;
    return decoder.decode(frame, 0, size, size, RAW, time, time, packet);
  };
  equal(feed(0, 16, 100), OUTCOME.FRAGMENT);
  equal(feed(16, 44, 200), OUTCOME.PACKET);
  equal(packet.dstPort, 4789);
  deepEqual([packet.time, packet.place, packet.fragments], [200, 200, []]);
});

Deno.test("of bytes that came twice the first copy wins", () => {
  const decoder = new Decoder();
  const other = f.ipv4(17, f.text("-".repeat(24)), { offset: 16, more: true });
  equal(decoded(RAW, part(24, 32), decoder), "fragment");
  equal(decoded(RAW, other, decoder), "fragment"); // 16 to 40, of which 24 to 32 are known
  equal(decoded(RAW, part(0, 24), decoder), "fragment");
  equal(
    decoded(RAW, part(32, 44), decoder),
    'udp 10.0.0.1 40000 > 10.0.0.2 53 "abcdefgh--------qrstuvwx--------6789"',
  );
});

Deno.test("a fragment that came already changes nothing", () => {
  const decoder = new Decoder();
  decoded(RAW, part(0, 16), decoder);
  const { cost } = decoder.defragmenter;
  equal(decoded(RAW, part(0, 16), decoder), "fragment");
  equal(decoded(RAW, part(0, 8), decoder), "fragment");
  equal(decoder.defragmenter.cost, cost);
  equal(decoded(RAW, part(16, 44), decoder), WHOLE);
});

Deno.test("packets are told apart by id, ends, protocol and interface", () => {
  const decoder = new Decoder();
  const packet = new Packet();
  const feed = (frame: Uint8Array, number = 0): Outcome => {
    packet.interface = number;
    const size = frame.length;
    return decoder.decode(frame, 0, size, size, RAW, 0, 0, packet);
  };
  const rest = datagram.subarray(16);
  feed(part(0, 16));
  equal(feed(part(16, 44, 2)), OUTCOME.FRAGMENT);
  equal(feed(part(16, 44), 1), OUTCOME.FRAGMENT);
  equal(feed(f.ipv4(6, rest, { offset: 16 })), OUTCOME.FRAGMENT);
  equal(
    feed(f.ipv4(17, rest, { offset: 16, src: "10.0.0.3" })),
    OUTCOME.FRAGMENT,
  );
  equal(feed(part(16, 44)), OUTCOME.PACKET);
  equal(decoder.defragmenter.waiting, 4);
});

Deno.test("in IPv6 the first fragment says what the packet carries", () => {
  const decoder = new Decoder();
  const rest = f.fragment(59, { offset: 16 }, datagram.subarray(16));
  decoded(RAW, f.ipv6(44, rest), decoder);
  equal(decoded(RAW, part6(0, 16), decoder), WHOLE6);
});

Deno.test("extension headers behind a fragment header are read", () => {
  const decoder = new Decoder();
  const payload = f.extension(17, datagram);
  const piece = (from: number, to: number) =>
    f.ipv6(
      44,
      f.fragment(
        60,
        { offset: from, more: to < payload.length },
        payload.subarray(from, to),
      ),
    );
  decoded(RAW, piece(0, 24), decoder);
  equal(decoded(RAW, piece(24, payload.length), decoder), WHOLE6);
});

Deno.test("a whole packet that is a fragment again is malformed", () => {
  const decoder = new Decoder();
  const payload = f.fragment(17, { more: true }, datagram.subarray(0, 24));
  const piece = (from: number, to: number) =>
    f.ipv6(
      44,
      f.fragment(
        44,
        { offset: from, more: to < payload.length },
        payload.subarray(from, to),
      ),
    );
  decoded(RAW, piece(0, 16), decoder);
  equal(decoded(RAW, piece(16, 32), decoder), "malformed");
});

Deno.test("a fragment that contradicts those before it is refused", () => {
  const decoder = new Decoder();
  decoded(RAW, part(16, 44), decoder);
  const shorter = f.ipv4(17, f.text("12345678"), { offset: 24 });
  const longer = f.ipv4(17, f.text("12345678"), { offset: 40, more: true });
  equal(decoded(RAW, shorter, decoder), "malformed");
  equal(decoded(RAW, longer, decoder), "malformed");
  equal(decoder.defragmenter.refused, 2);
  equal(decoded(RAW, part(0, 16), decoder), WHOLE);
});

Deno.test("an end before bytes that have come is refused", () => {
  const decoder = new Decoder();
  decoded(RAW, part(16, 40), decoder);
  const end = f.ipv4(17, f.text("12345678"), { offset: 16 });
  equal(decoded(RAW, end, decoder), "malformed");
});

Deno.test("a packet longer than packets can be is refused", () => {
  const beyond = f.ipv4(17, f.text("12345678"), { offset: 65_528 });
  equal(decoded(RAW, beyond), "malformed");
});

Deno.test("a fragment without a byte that others follow is refused", () => {
  equal(decoded(RAW, f.ipv4(17, f.bytes(), { more: true })), "malformed");
});

Deno.test("an odd size before the last fragment is trimmed in IPv4", () => {
  const decoder = new Decoder();
  const odd = f.ipv4(17, datagram.subarray(0, 19), { more: true });
  equal(decoded(RAW, odd, decoder), "fragment");
  equal(decoded(RAW, part(16, 44), decoder), WHOLE);
});

Deno.test("an odd size before the last fragment is refused in IPv6", () => {
  const odd = f.fragment(17, { more: true }, datagram.subarray(0, 19));
  equal(decoded(RAW, f.ipv6(44, odd)), "malformed");
});

Deno.test("padding behind a fragment is not its payload", () => {
  const decoder = new Decoder();
  const pad = (frame: Uint8Array) =>
    f.ethernet(0x0800, f.bytes(frame, "eeeeeeee eeeeeeee"));
  decoded(LINKTYPE.ETHERNET, pad(part(0, 16)), decoder);
  equal(decoded(LINKTYPE.ETHERNET, pad(part(16, 44)), decoder), WHOLE);
});

Deno.test("a first fragment cut by the snap length stands for its packet", () => {
  equal(
    decodedCut(RAW, part(0, 40), 20 + 8 + 5),
    'udp 10.0.0.1 40000 > 10.0.0.2 53 "abcde" and 31 more',
  );
});

Deno.test("a later fragment cut by the snap length ends the payload", () => {
  const decoder = new Decoder();
  decoded(RAW, part(0, 16), decoder);
  equal(decodedCut(RAW, part(16, 32), 20 + 3, decoder), "fragment");
  equal(
    decoded(RAW, part(32, 44), decoder),
    'udp 10.0.0.1 40000 > 10.0.0.2 53 "abcdefghijk" and 25 more',
  );
});

Deno.test("a packet is given up after thirty seconds of the packets' clock", () => {
  const decoder = new Decoder();
  const packet = new Packet();
  const feed = (frame: Uint8Array, seconds: number): Outcome => {
    const size = frame.length;
    return decoder.decode(frame, 0, size, size, RAW, seconds * 1e6, 0, packet);
  };
  feed(part(0, 16, 1), 0);
  feed(part(0, 16, 2), 20);
  equal(feed(part(16, 44, 2), 50), OUTCOME.PACKET);
  equal(feed(part(16, 44, 1), 50), OUTCOME.FRAGMENT);
  equal(decoder.defragmenter.expired, 1);
});

Deno.test("a flood of fragments costs bounded memory", () => {
  const decoder = new Decoder();
  const packet = new Packet();
  const payload = new Uint8Array(1480);
  for (let id = 0; id < 20_000; id++) {
    const frame = f.ipv4(17, payload, {
      more: true,
      offset: 64_000,
      id: id & 0xffff,
      src: `10.1.${id >> 8 & 255}.${id & 255}`,
    });
    const size = frame.length;
    decoder.decode(frame, 0, size, size, RAW, id, 0, packet);
  }
  const { defragmenter } = decoder;
  ok(defragmenter.waiting <= 4096);
  ok(defragmenter.cost <= 8 * 1024 * 1024);
  equal(defragmenter.evicted + defragmenter.waiting, 20_000);
});

Deno.test("any cut of a packet into fragments, in any order, gives it", () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = new Random(seed);
    const payload = random.bytes(random.int(100, 3000));
    const whole = f.udp(53, payload);
    const fragments: Uint8Array[] = [];
    for (let from = 0; from < whole.length;) {
      const to = Math.min(whole.length, from + 8 * random.int(1, 60));
      // Some reach back over bytes that others bring, with the same content.
      const start = random.chance(0.3) ? from - from % 64 : from;
      fragments.push(f.ipv4(17, whole.subarray(start, to), {
        offset: start,
        more: to < whole.length,
      }));
      from = to;
    }
    const decoder = new Decoder();
    const packet = new Packet();
    let found: Uint8Array | undefined;
    while (fragments.length > 0) {
      const [frame] = fragments.splice(random.int(0, fragments.length - 1), 1);
      const size = frame!.length;
      const outcome = decoder.decode(frame!, 0, size, size, RAW, 0, 0, packet);
      if (outcome === OUTCOME.PACKET) {
        found = packet.bytes.slice(packet.start, packet.end);
      }
    }
    deepEqual(found, payload, `seed ${seed}`);
  }
});
