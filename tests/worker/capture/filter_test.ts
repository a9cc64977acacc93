/** Programs for the kernel's filter. */
import { deepEqual, equal, throws } from "node:assert/strict";
import {
  compileFilter,
  MAX_NAMED,
  toClosedFilter,
  toFilter,
} from "../../../worker/capture/filter.ts";
import { NoLibrary } from "../../../worker/ffi/libc.ts";
import { BadExpression } from "../../../worker/ffi/libpcap.ts";
import { bytes, ipv4, udp } from "../../packet/frames.ts";

const SNAP = 1000;

/** A packet as the filter sees it: from its network header on. */
interface Seen {
  readonly data: Uint8Array;
  readonly protocol?: number;
  readonly type?: number;
  readonly interface?: number;
  readonly hardware?: number;
}

/** Runs a program as the kernel does; of operations those that we meet. */
function run(program: Uint8Array, packet: Seen): number {
  const view = new DataView(program.buffer);
  const data = new DataView(packet.data.buffer);
  const beside = new Map([
    [0xffff_f000, packet.protocol ?? 0x0800],
    [0xffff_f004, packet.type ?? 0],
    [0xffff_f008, packet.interface ?? 2],
    [0xffff_f01c, packet.hardware ?? 1],
  ]);
  let [a, x] = [0, 0];
  for (let pc = 0;; pc++) {
    const at = pc * 8;
    const code = view.getUint16(at, true);
    const yes = view.getUint8(at + 2);
    const no = view.getUint8(at + 3);
    const k = view.getUint32(at + 4, true);
    const load = (offset: number, size: number) => {
      const known = beside.get(offset);
      if (known !== undefined) return known;
      if (offset + size > data.byteLength) return undefined;
      if (size === 1) return data.getUint8(offset);
      return size === 2 ? data.getUint16(offset) : data.getUint32(offset);
    };
    let loaded: number | undefined = 0;
    if (code === 0x20) loaded = a = load(k, 4)!;
    else if (code === 0x28) loaded = a = load(k, 2)!;
    else if (code === 0x30) loaded = a = load(k, 1)!;
    else if (code === 0x48) loaded = a = load(x + k, 2)!;
    else if (code === 0xb1) loaded = x = (load(k, 1)! & 15) * 4;
    else if (code === 0x15) pc += a === k ? yes : no;
    else if (code === 0x45) pc += (a & k) !== 0 ? yes : no;
    else if (code === 0x54) a &= k;
    else if (code === 0x06) return k;
    else throw new Error(`Operation ${code.toString(16)}`);
    if (loaded === undefined) return 0;
  }
}

const query = { data: ipv4(17, udp(53, bytes("00"))) };

Deno.test("everything is let by, but what leaves by a loopback interface", () => {
  const program = toFilter({ interfaces: undefined, snapLength: SNAP });
  equal(run(program, query), SNAP);
  equal(run(program, { ...query, type: 4 }), SNAP);
  equal(run(program, { ...query, hardware: 772 }), SNAP);
  equal(run(program, { ...query, hardware: 772, type: 4 }), 0);
  equal(run(toClosedFilter(), query), 0);
});

Deno.test("of interfaces only those named are let by, none if none is left", () => {
  const all = Array.from({ length: MAX_NAMED }, (_, i) => 10 + i);
  for (const interfaces of [[], [2], [7, 2, 9], all]) {
    const program = toFilter({ interfaces, snapLength: SNAP });
    const passed = Array.from({ length: 100 }, (_, i) => i)
      .filter((index) => run(program, { ...query, interface: index }) > 0);
    deepEqual(passed, interfaces.toSorted((a, b) => a - b));
  }
});

const ignore = lacksLibpcap();

Deno.test(
  "an expression is tested where the packet's parts are",
  { ignore },
  () => {
    const passes = (expression: string, packet: Seen) => {
      const compiled = compileFilter(expression, SNAP);
      const interfaces = [2, 3];
      const program = toFilter({
        interfaces,
        expression: compiled,
        snapLength: SNAP,
      });
      return run(program, packet) === SNAP;
    };
    equal(passes("udp dst port 53", query), true);
    equal(passes("udp src port 53", query), false);
    equal(passes("udp dst port 53", { ...query, interface: 4 }), false);
    equal(passes("ip and inbound", query), true);
    equal(passes("ip and outbound", query), false);
    equal(passes("arp", { data: bytes("0001"), protocol: 0x0806 }), true);
    // What begins like IPv4 and is not: a spanning tree's frame.
    equal(passes("ip", { data: bytes("4242030000"), protocol: 4 }), false);
  },
);

Deno.test("an expression that is wrong is refused in libpcap's words", {
  ignore,
}, () => {
  throws(() => compileFilter("tcp prot 80", SNAP), {
    name: "BadExpression",
    message: /syntax error/,
  });
  throws(
    () => compileFilter("ether host 02:00:00:00:00:01", SNAP),
    BadExpression,
  );
  throws(() => compileFilter("udp\0", SNAP), BadExpression);
});

function lacksLibpcap(): boolean {
  try {
    compileFilter("ip", SNAP);
    return false;
  } catch (error) {
    if (!(error instanceof NoLibrary)) throw error;
    console.warn(`Tests are skipped, for want of libpcap: ${error.message}`);
    return true;
  }
}
