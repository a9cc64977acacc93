/** What is heard of a pod's loopback interface. */
import { equal } from "node:assert/strict";
import {
  NOISY_PORTS,
  toLoopbackFilter,
} from "../../../worker/capture/loopback_filter.ts";
import { Random } from "../../fuzz/random.ts";
import { bytes, ipv4, ipv6, tcp, udp } from "../../packet/frames.ts";
import { run } from "./kernel_filter.ts";

const SNAP = 1000;
const LOOPBACK = 772;
const OUTGOING = 4;

const filter = toLoopbackFilter(SNAP);

/** What is let by of a packet that comes in. */
const heard = (data: Uint8Array) => run(filter, { data, hardware: LOOPBACK });

function segment(
  from: string,
  srcPort: number,
  to: string,
  dstPort: number,
): Uint8Array {
  const payload = tcp(bytes("00"), { srcPort, dstPort });
  return ipv4(6, payload, { src: from, dst: to });
}

const SELF6 = "00000000000000000000000000000001";

function segment6(src: string, dst: string, dstPort: number): Uint8Array {
  return ipv6(6, tcp(bytes("00"), { srcPort: 40000, dstPort }), { src, dst });
}

Deno.test("every packet is heard once: as it comes in", () => {
  const data = segment("127.0.0.6", 40000, "10.1.0.7", 8080);
  equal(heard(data), SNAP);
  equal(run(filter, { data, hardware: LOOPBACK, type: OUTGOING }), 0);
});

Deno.test("what application and proxy say is heard, whichever way", () => {
  equal(heard(segment("10.1.0.7", 40000, "127.0.0.1", 15001)), SNAP);
  equal(heard(segment("10.96.0.80", 80, "10.1.0.7", 40000)), SNAP);
  equal(heard(segment("127.0.0.1", 40000, "127.0.0.1", 6379)), SNAP);
  equal(heard(ipv4(17, udp(53, bytes("00")))), SNAP);
  equal(heard(segment6(SELF6, SELF6, 8080)), SNAP);
});

for (const port of NOISY_PORTS) {
  Deno.test(`what a proxy says to itself on port ${port} is not heard`, () => {
    equal(heard(segment("127.0.0.1", 40000, "127.0.0.1", port)), 0);
    equal(heard(segment("127.0.0.1", port, "127.0.0.1", 40000)), 0);
    equal(heard(segment6(SELF6, SELF6, port)), 0);
    // Of another pod it is somebody's answer.
    equal(heard(segment("10.1.0.9", port, "10.1.0.7", 40000)), SNAP);
    equal(heard(segment("10.1.0.7", 40000, "127.0.0.1", port)), SNAP);
    const other = "fd000000000000000000000000000001";
    equal(heard(segment6(other, SELF6, port)), SNAP);
  });
}

Deno.test("what is short or strange is heard rather than lost", () => {
  const random = new Random(41);
  for (let n = 0; n < 2000; n++) {
    const data = random.bytes(random.int(0, 60));
    // Packets of the port by chance are none of these.
    data[0] = random.pick([0x45, 0x46, 0x60, 0, 255]);
    if (data.length > 12) data[12] = 10;
    if (data.length > 8) data[8] = 0xfd;
    equal(heard(data), SNAP);
  }
});

Deno.test("an expression decides of the rest alone", () => {
  // `ret #5`
  const expression = bytes("0600 00 00 05000000");
  const both = toLoopbackFilter(SNAP, expression);
  const noise = segment("127.0.0.1", 40000, "127.0.0.1", 15000);
  const said = segment("127.0.0.1", 40000, "127.0.0.1", 8080);
  equal(run(both, { data: noise, hardware: LOOPBACK }), 0);
  equal(run(both, { data: said, hardware: LOOPBACK }), 5);
});
