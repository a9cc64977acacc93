/** Flows within pods' own networks, as a service mesh makes them. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Packet } from "../../packet/packet.ts";
import { networkOf, toInterface } from "../../packet/pod_network.ts";
import type { Flow } from "../../stream/flow.ts";
import type { SavedDormant } from "../../stream/dormant.ts";
import { type FlowState, FlowTable } from "../../stream/flow_table.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import { Random } from "../fuzz/random.ts";
import { toPackets } from "./notation.ts";

const POD_IPS: { readonly [network: number]: readonly string[] } = {
  1: ["10.1.0.7", "fd00::7"],
  2: ["10.1.0.8"],
};

const podIpsOf = (network: number) => POD_IPS[network] ?? [];

const APP = "10.1.0.7:42472";
const PROXY = "127.0.0.1:15001";
const SERVICE = "10.96.0.10:80";

function within(network: number, lines: readonly string[]): Packet[] {
  const packets = toPackets(lines);
  for (const packet of packets) packet.network = network;
  return packets;
}

function open(ended: Flow[] = []): FlowTable {
  return new FlowTable({ onEnd: (flow) => ended.push(flow), podIpsOf });
}

/** The flow of each packet, and who sent it. */
function findAll(table: FlowTable, packets: readonly Packet[]) {
  return packets.map((packet) => {
    const flow = table.find(packet);
    return { flow, fromClient: table.fromClient };
  });
}

const REDIRECTED = [
  `${APP}>${PROXY} SYN seq=99`,
  `${SERVICE}>${APP} SYN seq=299 ack=100`,
  `${APP}>${PROXY} seq=100 ack=300 "GET /"`,
  `${SERVICE}>${APP} seq=300 ack=105 "200"`,
  `${SERVICE}>${APP} FIN seq=303 ack=105`,
  `${APP}>${PROXY} FIN seq=105 ack=304`,
];

Deno.test("an interface tells the network of a pod, whatever else its number", () => {
  equal(networkOf(toInterface(1)), 1);
  equal(networkOf(toInterface(0xffff)), 0xffff);
  // As Linux numbers them.
  equal(networkOf(0), 0);
  equal(networkOf(2 ** 31 - 1), 0);
  equal(networkOf(-1), 0);
});

Deno.test("both ways of a redirected connection are one flow, meant for whom the answers come from", () => {
  const ended: Flow[] = [];
  const table = open(ended);
  const found = findAll(table, within(1, REDIRECTED));
  deepEqual(
    found.map(({ fromClient }) => fromClient),
    [true, false, true, false, false, true],
  );
  const { flow } = found[0]!;
  for (const each of found) equal(each.flow, flow);
  deepEqual(flow.shownClient, { ip: "10.1.0.7", port: 42472 });
  deepEqual(flow.shownServer, { ip: "10.96.0.10", port: 80 });
  deepEqual(flow.server, { ip: "127.0.0.1", port: 15001, podIp: "10.1.0.7" });
  equal(flow.meshLeg, "outbound");
  equal(flow.analysis!.low.packets, 3);
  table.endAll();
  equal(ended.length, 1);
});

Deno.test("redirected datagrams, and IPv6, are no other case", () => {
  const names = findAll(
    open(),
    within(1, [
      `10.1.0.7:5000>127.0.0.1:15053 UDP "question"`,
      `10.96.0.10:53>10.1.0.7:5000 UDP "answer"`,
    ]),
  );
  equal(names[1]!.flow, names[0]!.flow);
  deepEqual(names[0]!.flow.shownServer, { ip: "10.96.0.10", port: 53 });
  const v6 = findAll(
    open(),
    within(1, [
      "[fd00::7]:4000>[::1]:15001 SYN seq=99",
      "[fd00:1::9]:80>[fd00::7]:4000 SYN seq=7 ack=100",
    ]),
  );
  equal(v6[1]!.flow, v6[0]!.flow);
  deepEqual(v6[0]!.flow.shownServer, { ip: "fd00:1::9", port: 80 });
  equal(v6[0]!.flow.server.podIp, "fd00::7");
});

Deno.test("the same ends in two pods' networks, and on the node, are three flows", () => {
  const table = open();
  const line = [`127.0.0.1:40000>127.0.0.1:8080 SYN seq=1`];
  const flows = [0, 1, 2, 0, 1, 2].map((network) =>
    findAll(table, within(network, line))[0]!.flow
  );
  equal(new Set(flows).size, 3);
  deepEqual(flows.slice(0, 3), flows.slice(3));
  deepEqual(flows.slice(0, 3).map(({ server }) => server.podIp), [
    undefined,
    "10.1.0.7",
    "10.1.0.8",
  ]);
});

Deno.test("on the wire nothing is taken for redirected", () => {
  const found = findAll(open(), within(0, REDIRECTED.slice(0, 2)));
  equal(found[0]!.flow === found[1]!.flow, false);
  equal(found[0]!.flow.meshLeg, undefined);
});

Deno.test("an answer that another connection has asked for is that one's", () => {
  const table = open();
  // As with TPROXY: the proxy speaks to the application as its client.
  const [asked, answer] = findAll(
    table,
    within(1, [
      "10.2.0.3:5555>10.1.0.7:8080 SYN seq=1",
      "10.1.0.7:8080>10.2.0.3:5555 SYN seq=5 ack=2",
    ]),
  );
  equal(answer!.flow, asked!.flow);
  equal(asked!.flow.meshLeg, "inbound");
  deepEqual(asked!.flow.shownServer, { ip: "10.1.0.7", port: 8080 });
});

Deno.test("ends of a connection that is over may be redirected anew", () => {
  const ended: Flow[] = [];
  const table = open(ended);
  const first = findAll(table, within(1, REDIRECTED));
  const again = within(1, [
    `${APP}>${PROXY} SYN seq=5099 @3`,
    `10.96.0.99:80>${APP} SYN seq=6299 ack=5100`,
  ]);
  const second = findAll(table, again);
  equal(second[1]!.flow, second[0]!.flow);
  equal(second[0]!.flow === first[0]!.flow, false);
  deepEqual(second[0]!.flow.shownServer, { ip: "10.96.0.99", port: 80 });
  table.endAll();
  equal(ended.length, 2);
});

const LEGS: readonly [string, "inbound" | "outbound" | undefined][] = [
  ["127.0.0.6:5000>10.1.0.7:8080", "inbound"],
  ["10.1.0.7:5000>10.1.0.7:8080", "inbound"],
  ["127.0.0.1:5000>10.1.0.7:8080", "inbound"],
  ["127.0.0.6:5000>127.0.0.1:8080", "inbound"],
  ["10.1.0.7:5000>127.0.0.1:4140", "outbound"],
  // Two containers of a pod.
  ["127.0.0.1:5000>127.0.0.1:6379", undefined],
];

for (const [ends, leg] of LEGS) {
  Deno.test(`${ends} is ${leg ?? "between containers"}`, () => {
    const [found] = findAll(open(), within(1, [`${ends} SYN seq=1`]));
    equal(found!.flow.meshLeg, leg);
  });
}

Deno.test("a redirected flow goes on where it was saved, awake or asleep", () => {
  for (const sleeps of [false, true]) {
    const before = open();
    const packets = within(1, REDIRECTED);
    const { flow } = findAll(before, packets.slice(0, 3))[0]!;
    const after = open();
    if (sleeps) {
      const saved = encodeState(before.saveDormant([flow]));
      after.sleep(decodeState(saved) as never, "woken");
    } else {
      const saved = encodeState(before.save(flow) as never);
      after.resume(decodeState(saved) as never);
    }
    // An answer comes first.
    const found = findAll(after, packets.slice(3));
    equal(new Set(found.map(({ flow }) => flow)).size, 1);
    deepEqual(found.map(({ fromClient }) => fromClient), [false, false, true]);
    const resumed = found[0]!.flow;
    equal(resumed.midStream, false);
    deepEqual(resumed.shownServer, { ip: "10.96.0.10", port: 80 });
    equal(resumed.server.podIp, "10.1.0.7");
    after.endAll();
  }
});

/** Ends of which any two may speak. */
const ENDS = [
  APP,
  "10.1.0.7:8080",
  PROXY,
  "127.0.0.1:4140",
  "127.0.0.6:42472",
  SERVICE,
  "10.96.0.99:80",
] as const;

function randomLine(random: Random, time: number): string {
  const [from, to] = [random.pick(ENDS), random.pick(ENDS)];
  const flags = random.pick(["SYN", "", "", "", "FIN", "RST", "UDP"]);
  const ack = random.chance(0.8) ? `ack=${random.int(1, 50)}` : "";
  return `${from}>${to} ${flags} seq=${random.int(1, 50)} ${ack} ` +
    `@${time / 1e6}`;
}

Deno.test("law: saved and resumed anywhere, whatever comes, flows are the same", () => {
  let redirected = 0;
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(seed);
    let time = 1e9;
    const lines = Array.from({ length: 200 }, () => {
      time += random.pick([1000, 1e6, 70e6]);
      return randomLine(random, time);
    });
    const packets = within(1, lines);
    const whole = open();
    let parts = open();
    for (const packet of packets) {
      if (random.chance(0.1)) parts = resumed(parts, random);
      const [one, other] = [whole.find(packet), parts.find(packet)];
      equal(other.firstPlace, one.firstPlace);
      equal(parts.fromClient, whole.fromClient);
      equal(parts.fromLow, whole.fromLow);
      deepEqual(other.client, one.client);
      deepEqual(other.server, one.server);
      if (one.meantFor) redirected++;
    }
    whole.endAll();
    parts.endAll();
  }
  ok(redirected > 100);
});

/** Another table that goes on with the flows of one, some of them asleep. */
function resumed(table: FlowTable, random: Random): FlowTable {
  const flows = table.flows().sort((a, b) => a.last - b.last || a.id - b.id);
  const [asleep, awake] = [[], []] as [Flow[], Flow[]];
  for (const flow of flows) (random.chance(0.5) ? asleep : awake).push(flow);
  const next = open();
  const saved = encodeState({
    awake: awake.map((flow) => table.save(flow)),
    asleep: table.saveDormant(asleep),
  } as never);
  const state = decodeState(saved) as never as {
    awake: FlowState[];
    asleep: SavedDormant;
  };
  for (const flow of state.awake) next.resume(flow);
  next.sleep(state.asleep, "woken");
  return next;
}
