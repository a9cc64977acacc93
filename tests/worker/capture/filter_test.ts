/** Programs for the kernel's filter. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  compileFilter,
  type FilterOptions,
  MAX_NAMED,
  toClosedFilter,
  toFilter,
  toOwnFilter,
} from "../../../worker/capture/filter.ts";
import {
  type OwnTraffic,
  toOwnPorts,
  toWords,
  type Words,
} from "../../../worker/capture/own_traffic.ts";
import type { TargetEnd } from "../../../api/worker.ts";
import { Targeted, toTargetSet } from "../../../worker/capture/targets.ts";
import { NoLibrary } from "../../../worker/ffi/libc.ts";
import { BadExpression } from "../../../worker/ffi/libpcap.ts";
import { Random } from "../../fuzz/random.ts";
import { run, type Seen } from "./kernel_filter.ts";
import { bytes, ethernet, ipv4, ipv6, tcp, udp } from "../../packet/frames.ts";

const SNAP = 1000;

/** The program alone. */
const toProgram = (options: FilterOptions): Uint8Array =>
  toFilter(options).program;

const query = { data: ipv4(17, udp(53, bytes("00"))) };

Deno.test("everything is let by, but what leaves by a loopback interface", () => {
  const program = toProgram({ interfaces: undefined, snapLength: SNAP });
  equal(run(program, query), SNAP);
  equal(run(program, { ...query, type: 4 }), SNAP);
  equal(run(program, { ...query, hardware: 772 }), SNAP);
  equal(run(program, { ...query, hardware: 772, type: 4 }), 0);
  equal(run(toClosedFilter(), query), 0);
});

Deno.test("of interfaces only those named are let by, none if none is left", () => {
  const all = Array.from({ length: MAX_NAMED }, (_, i) => 10 + i);
  for (const interfaces of [[], [2], [7, 2, 9], all]) {
    const program = toProgram({ interfaces, snapLength: SNAP });
    const passed = Array.from({ length: 100 }, (_, i) => i)
      .filter((index) => run(program, { ...query, interface: index }) > 0);
    deepEqual(passed, interfaces.toSorted((a, b) => a - b));
  }
});

/** Addresses of the node in these tests, and of others. */
const NODE = ["10.0.0.1", "10.0.7.1", "fd20::1", "127.0.0.1", "::1"];
const OTHERS = ["10.0.0.2", "10.0.0.9", "10.1.0.1", "fd20::2", "fd21::1"];

const OWN: OwnTraffic = {
  listening: [
    { ip: "0.0.0.0", port: 8898 },
    { ip: "::", port: 8899 },
    { ip: "10.1.0.1", port: 81 },
    { ip: "none", port: 81 },
  ],
  connections: [{
    local: { ip: "10.0.0.1", port: 5000 },
    remote: { ip: "10.0.0.9", port: 81 },
  }, {
    local: { ip: "fd20::1", port: 5000 },
    remote: { ip: "fd20::2", port: 82 },
  }],
};

/** What those rules say, without regard to how a program says it. */
function isOwn(a: string, aPort: number, b: string, bPort: number): boolean {
  const isListening = (ip: string, port: number) =>
    NODE.includes(ip) && (port === 8899 || port === 8898 && !ip.includes(":"));
  const isConnected = (ends: string) =>
    ends === "10.0.0.1 5000 10.0.0.9 81" || ends === "fd20::1 5000 fd20::2 82";
  return isListening(a, aPort) || isListening(b, bPort) ||
    a === "10.1.0.1" && aPort === 81 || b === "10.1.0.1" && bPort === 81 ||
    isConnected(`${a} ${aPort} ${b} ${bPort}`) ||
    isConnected(`${b} ${bPort} ${a} ${aPort}`);
}

const hexOf = (words: Words): string =>
  words.map((word) => word.toString(16).padStart(8, "0")).join("");

/** A segment between two ends of one IP version. */
function segment(src: string, srcPort: number, dst: string, dstPort: number) {
  const payload = tcp(bytes("00"), { srcPort, dstPort });
  const [a, b] = [toWords(src)!, toWords(dst)!];
  return a.length === 1
    ? ipv4(6, payload, { src, dst })
    : ipv6(6, payload, { src: hexOf(a), dst: hexOf(b) });
}

/** The same as nodes send it to each other. */
function inVxlan(inner: Uint8Array, outer: 4 | 6, port: number): Uint8Array {
  const type = inner[0]! >> 4 === 4 ? 0x0800 : 0x86dd;
  const frame = bytes("0800000000002a00", ethernet(type, inner));
  const header = bytes([0xc0, 0, port >> 8, port & 255], "0000 0000", frame);
  return outer === 4 ? ipv4(17, header) : ipv6(17, header);
}

const typeOf = (data: Uint8Array): number =>
  data[0]! >> 4 === 4 ? 0x0800 : 0x86dd;

Deno.test("what is ours is left out by address and port, also in VXLAN", () => {
  const own = toOwnPorts(OWN, NODE);
  const options = { interfaces: undefined, own, snapLength: SNAP };
  const [filter, counter] = [toProgram(options), toOwnFilter(options)];
  const random = new Random(5);
  const ports = [81, 82, 5000, 8898, 8899, 9000];
  let ours = 0;
  for (let i = 0; i < 20_000; i++) {
    const isIpv6 = random.chance(0.5);
    const ips = [...NODE, ...OTHERS].filter((ip) =>
      ip.includes(":") === isIpv6
    );
    const ends = [
      ...[random.pick(ips), random.pick(ports)],
      ...[random.pick(ips), random.pick(ports)],
    ] as [string, number, string, number];
    const plain = segment(...ends);
    const data = random.chance(0.5)
      ? plain
      : inVxlan(plain, random.pick([4, 6]), random.pick([4789, 8472]));
    const packet = { data, protocol: typeOf(data) };
    const expected = isOwn(...ends);
    if (expected) ours++;
    equal(run(filter, packet), expected ? 0 : SNAP, `${ends}`);
    equal(run(counter, packet), expected ? 1 : 0, `${ends}`);
  }
  ok(ours > 5000 && ours < 15_000, `${ours} of 20,000 were ours`);
});

Deno.test("what only looks like ours is kept", () => {
  const own = toOwnPorts(OWN, NODE);
  const passes = (data: Uint8Array, protocol = typeOf(data)) =>
    run(
      toProgram({ interfaces: undefined, own, snapLength: SNAP }),
      { data, protocol },
    ) === SNAP;
  const ours = segment("10.0.0.2", 8898, "10.0.0.1", 8898);
  equal(passes(ours), false);
  for (let length = 0; length < 24; length++) {
    ok(passes(ours.slice(0, length), 0x0800), `cut to ${length} bytes`);
  }
  ok(passes(bytes("0001"), 0x0806), "ARP");
  const at = { src: "10.0.0.2", dst: "10.0.0.1" };
  const ports = { srcPort: 8898, dstPort: 8898 };
  ok(
    passes(ipv4(6, tcp(bytes(), ports), { ...at, offset: 800 })),
    "a fragment",
  );
  ok(passes(ipv4(17, udp(8898, bytes("00")), at)), "a datagram");
  ok(passes(inVxlan(ours, 4, 4790)), "no VXLAN");
  for (let length = 28; length < 74; length++) {
    ok(passes(inVxlan(ours, 4, 4789).slice(0, length)), `cut to ${length}`);
  }
});

/** Ends to pick targets from, and what is asked of them. */
interface Ends {
  readonly targets: readonly TargetEnd[];
  /** Addresses of packets, those of the targets among them. */
  readonly ips: readonly string[];
}

const PACKETS_PORTS = [53, 80, 443, 8080, 30_000];

/** What an order says, without regard to how a program says it. */
function isTargeted(
  targets: readonly TargetEnd[],
  ends: readonly (readonly [ip: string, port: number])[],
): boolean {
  return ends.some(([ip, port]) =>
    targets.some((end) =>
      end.ip === ip && (!end.ports || end.ports.includes(port))
    )
  );
}

/**
 * Tests a filter, and what looks again behind it, with packets of all kinds.
 *
 * @returns how many packets the filter alone let by that nobody wants
 */
function testTargets(random: Random, { targets, ips }: Ends): number {
  const set = toTargetSet(targets);
  const own = toOwnPorts(OWN, NODE);
  const { program, isExact } = toFilter({
    interfaces: undefined,
    own,
    targets: set,
    snapLength: SNAP,
  });
  ok(program.length <= 4096 * 8);
  const targeted = new Targeted(set);
  let unwanted = 0;
  let wanted = 0;
  for (let i = 0; i < 1500; i++) {
    const src = random.pick(ips);
    const dst = random.pick(
      ips.filter((ip) => ip.includes(":") === src.includes(":")),
    );
    const [from, to] = [
      [src, random.pick(PACKETS_PORTS)],
      [dst, random.pick(PACKETS_PORTS)],
    ] as const;
    const plain = segment(...from, ...to);
    const data = random.chance(0.7)
      ? plain
      : inVxlan(plain, random.pick([4, 6]), random.pick([4789, 8472]));
    const is = isTargeted(targets, [from, to]);
    if (is) wanted++;
    const passed = run(program, { data, protocol: typeOf(data) }) > 0;
    if (is) ok(passed, `${from} ${to}`);
    else if (passed) unwanted++;
    equal(targeted.has(data, 0, data.length), is, `${from} ${to}`);
  }
  equal(isExact && unwanted > 0, false, `${unwanted} are let by`);
  ok(targets.length === 0 || wanted > 0);
  equal(run(program, { data: bytes("0001"), protocol: 0x0806 }), 0);
  return isExact ? 0 : unwanted;
}

function shuffled<T>(random: Random, values: readonly T[]): T[] {
  return values.map((value) => ({ value, at: random.int(0, 2 ** 30) }))
    .sort((a, b) => a.at - b.at).map(({ value }) => value);
}

/** Pods as a network plug-in numbers them: of each family from one network. */
const pod = (n: number): readonly [string, string] => [
  `10.7.${n >> 8}.${n & 255}`,
  `fd20:0:0:7::${n.toString(16)}`,
];

Deno.test("of targets alone packets are let by, from them and to them", () => {
  const random = new Random(6);
  const all = Array.from({ length: 600 }, (_, i) => i + 1);
  for (const count of [0, 1, 2, 3, 100, 250, 600]) {
    const picked = shuffled(random, all).slice(0, count);
    const targets = picked.flatMap(pod).map((ip) => ({ ip }));
    const ips = [...all.flatMap(pod), ...NODE.slice(0, 3), ...OTHERS];
    const only = random.chance(0.5) ? targets : targets.slice(0, 5);
    equal(testTargets(random, { targets: only, ips }), 0, `${count} pods`);
  }
});

Deno.test("a thousand addresses from anywhere are told exactly in the kernel", () => {
  const random = new Random(7);
  const anywhere = () =>
    Array.from({ length: 4 }, () => random.int(1, 254)).join(".");
  const targets = Array.from({ length: 1000 }, () => ({ ip: anywhere() }));
  const near = targets.map(({ ip }) => ip.replace(/\d+$/, "255"));
  const ips = [...targets.map(({ ip }) => ip), ...near];
  const filter = toFilter({
    interfaces: undefined,
    targets: toTargetSet(targets),
    snapLength: SNAP,
  });
  equal(filter.isExact, true);
  equal(testTargets(random, { targets, ips }), 0);
});

Deno.test("more than the kernel can tell apart are told by whoever looks again", () => {
  const random = new Random(8);
  const word = () => random.int(0, 0xffff).toString(16);
  const v4 = () =>
    Array.from({ length: 4 }, () => random.int(1, 254)).join(".");
  const v6 = () => `2001:${Array.from({ length: 7 }, word).join(":")}`;
  const many = (count: number, make: () => string) =>
    Array.from({ length: count }, () => ({ ip: make() }));
  for (
    const targets of [
      many(10_000, v4),
      many(300, v6),
      [...many(5000, v4), ...many(5000, v6)],
      many(1000, v4).map((end) => ({ ...end, ports: [80, 8080] })),
    ]
  ) {
    const picked = shuffled(random, targets).slice(0, 300)
      .map(({ ip }) => toText(ip));
    const others = [...many(300, v4), ...many(300, v6)]
      .map(({ ip }) => toText(ip));
    const { isExact } = toFilter({
      interfaces: undefined,
      targets: toTargetSet(targets),
      snapLength: SNAP,
    });
    equal(isExact, false);
    const same = targets.map((end) => ({ ...end, ip: toText(end.ip) }));
    testTargets(random, { targets: same, ips: [...picked, ...others] });
  }
});

/** An address as others with the same value are written. */
const toText = (ip: string): string =>
  ip.includes(":") ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;

Deno.test("of a pod on its node's address its ports alone are let by", () => {
  const random = new Random(9);
  const targets = [
    { ip: "10.0.0.2", ports: [80, 443] },
    { ip: "10.0.0.2", ports: [8080] },
    { ip: "fd20::2", ports: [53] },
    { ip: "10.1.0.1", ports: [] },
    { ip: "10.7.0.9" },
    { ip: "10.7.0.9", ports: [53] },
  ];
  const ips = [...OTHERS, "10.7.0.9", "10.7.0.8"];
  equal(testTargets(random, { targets, ips }), 0);

  const program = toProgram({
    interfaces: undefined,
    targets: toTargetSet(targets),
    snapLength: SNAP,
  });
  const targeted = new Targeted(toTargetSet(targets));
  const passes = (data: Uint8Array) => {
    const passed = run(program, { data, protocol: typeOf(data) }) > 0;
    equal(targeted.has(data, 0, data.length), passed);
    return passed;
  };
  const at = { src: "10.0.0.9", dst: "10.0.0.2" };
  const query = udp(80, bytes("00"));
  equal(passes(ipv4(17, query, at)), true);
  equal(passes(ipv4(132, query, at)), true, "SCTP");
  equal(passes(ipv4(47, query, at)), false, "GRE");
  equal(passes(ipv4(17, udp(81, bytes("00")), at)), false);
  equal(passes(ipv4(17, query, { ...at, offset: 800 })), false, "a fragment");
  equal(passes(ipv4(17, query, at).slice(0, 22)), false, "cut");
  const options = { ...at, options: bytes("01010100") };
  equal(passes(ipv4(17, query, options)), true, "options");
  equal(passes(ipv4(17, udp(81, bytes("00")), options)), false, "options");
});

Deno.test("a node with thousands of addresses can be captured all the same", () => {
  const random = new Random(10);
  const anywhere = () =>
    `10.${random.int(0, 255)}.${random.int(0, 255)}.${random.int(0, 255)}`;
  const addresses = Array.from({ length: 5000 }, anywhere);
  const listening = [{ ip: "0.0.0.0", port: 48_999 }];
  const own = toOwnPorts({ listening, connections: [] }, addresses);
  const targets = toTargetSet(
    Array.from({ length: 500 }, () => ({ ip: anywhere() })),
  );
  const { isExact } = toFilter({
    ...{ interfaces: undefined, own, targets, snapLength: SNAP },
  });
  equal(isExact, true);
});

Deno.test("what is ours is not told apart without bound", () => {
  const listening = Array.from(
    { length: 1000 },
    (_, i) => ({ ip: `10.0.0.${i % 256}`, port: i + 1 }),
  );
  const own = toOwnPorts({ listening, connections: [] }, NODE);
  const options = { interfaces: undefined, own, snapLength: SNAP };
  throws(() => toFilter(options), BadExpression);
});

const ignore = lacksLibpcap();

Deno.test(
  "an expression is tested where the packet's parts are",
  { ignore },
  () => {
    const passes = (expression: string, packet: Seen) => {
      const compiled = compileFilter(expression, SNAP);
      const interfaces = [2, 3];
      const program = toProgram({
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
