import { deepEqual, equal, throws } from "node:assert/strict";
import { Packet } from "../../packet/packet.ts";
import type { SavedDormant } from "../../stream/dormant.ts";
import type { Flow, FlowEnding } from "../../stream/flow.ts";
import { type FlowState, FlowTable } from "../../stream/flow_table.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import { toPacket, toPackets } from "./notation.ts";

/** A flow as text: client, server, packets of both, ending. */
function toLine(flow: Flow, ending: FlowEnding): string {
  const end = ({ ip, port }: Flow["client"]) =>
    port === undefined ? ip : `${ip}:${port}`;
  const { low, high } = flow.analysis ??
    { low: { packets: 0 }, high: { packets: 0 } };
  const [sent, received] = flow.clientIsLow ? [low, high] : [high, low];
  const joined = flow.midStream ? " mid-stream" : "";
  return `${flow.transport} ${end(flow.client)} ${end(flow.server)} ` +
    `${sent.packets}/${received.packets} ${ending}${joined}`;
}

interface Case {
  readonly name: string;
  readonly packets: readonly string[];
  /** Flows in the order in which they ended. */
  readonly gives: readonly string[];
  readonly knownPorts?: readonly number[];
  readonly maxFlows?: number;
}

const HTTP = "tcp 10.0.0.1:40000 10.0.0.2:80";

const CASES: readonly Case[] = [
  {
    name: "a connection is one flow in both directions",
    packets: [
      "C SYN seq=99",
      "S SYN seq=299 ack=100",
      "C seq=100 ack=300",
    ],
    gives: [`${HTTP} 2/1 cut`],
  },
  {
    name: "who sent the SYN is the client, whatever the ports say",
    packets: ["S SYN seq=99", "C SYN seq=5 ack=100"],
    gives: ["tcp 10.0.0.2:80 10.0.0.1:40000 1/1 cut"],
  },
  {
    name: "who got the SYN+ACK is the client",
    packets: ["C SYN seq=5 ack=100", "S seq=100 ack=6"],
    gives: ["tcp 10.0.0.2:80 10.0.0.1:40000 1/1 cut"],
  },
  {
    name: "of a connection joined later a well-known port is the server's",
    packets: ['S seq=5 ack=100 "data"', "C seq=100 ack=9"],
    gives: [`${HTTP} 1/1 cut mid-stream`],
  },
  {
    name: "a port that somebody knows is the server's",
    packets: ["10.0.0.2:6379>10.0.0.1:2000 seq=1 ack=1"],
    knownPorts: [6379],
    gives: ["tcp 10.0.0.1:2000 10.0.0.2:6379 0/1 cut mid-stream"],
  },
  {
    name: "of two well-known ports the lower one is the server's",
    packets: ["10.0.0.1:53>10.0.0.2:500 UDP", "10.0.0.2:500>10.0.0.1:53 UDP"],
    gives: ["udp 10.0.0.2:500 10.0.0.1:53 1/1 cut"],
  },
  {
    name: "between unknown ports who is heard first asks",
    packets: ["10.0.0.9:5000>10.0.0.1:4000 UDP"],
    gives: ["udp 10.0.0.9:5000 10.0.0.1:4000 1/0 cut"],
  },
  {
    name: "between equal ports who is heard first asks",
    packets: ["10.0.0.9:123>10.0.0.1:123 UDP"],
    gives: ["udp 10.0.0.9:123 10.0.0.1:123 1/0 cut"],
  },
  {
    name: "both FINs close a connection",
    packets: [
      "C SYN seq=99",
      "S FIN seq=300 ack=100",
      "C FIN seq=100 ack=301",
      "S seq=301 ack=101",
    ],
    gives: [`${HTTP} 2/2 closed`],
  },
  {
    name: "one FIN does not close a connection",
    packets: ["C SYN seq=99", "C FIN seq=100", "C FIN seq=100"],
    gives: [`${HTTP} 3/0 cut`],
  },
  {
    name: "an RST resets a connection, even one that was closed",
    packets: [
      "C FIN seq=100 ack=300",
      "S FIN seq=300 ack=101",
      "C RST seq=101",
    ],
    gives: [`${HTTP} 2/1 reset mid-stream`],
  },
  {
    name: "late segments stay with a connection that ended",
    packets: [
      "C SYN seq=99 @0",
      "S RST seq=0 ack=100 @1",
      "S RST seq=0 ack=100 @60",
      "C seq=100 ack=1 @120",
    ],
    gives: [`${HTTP} 2/2 reset`],
  },
  {
    name: "a connection that ended does not linger for ever",
    packets: [
      "C SYN seq=99 @0",
      "S RST seq=0 ack=100 @1",
      "S RST seq=0 ack=100 @62",
    ],
    gives: [`${HTTP} 1/1 reset`, `${HTTP} 0/1 reset mid-stream`],
  },
  {
    name: "a SYN with another number begins another connection after a reset",
    packets: ["C SYN seq=99", "S RST seq=0 ack=100", "C SYN seq=5000"],
    gives: [`${HTTP} 1/1 reset`, `${HTTP} 1/0 cut`],
  },
  {
    name: "a SYN with another number begins another connection at once",
    packets: ["C SYN seq=99", "S SYN seq=3 ack=100", "C SYN seq=5000"],
    gives: [`${HTTP} 1/1 cut`, `${HTTP} 1/0 cut`],
  },
  {
    name: "a SYN sent again begins nothing, also after a refusal",
    packets: [
      "C SYN seq=99",
      "C SYN seq=99",
      "S RST seq=0 ack=100",
      "C SYN seq=99",
    ],
    gives: [`${HTTP} 3/1 reset`],
  },
  {
    name: "the server's SYN+ACK sent again begins nothing",
    packets: [
      "C SYN seq=99",
      "S SYN seq=3 ack=100",
      "S SYN seq=3 ack=100",
      "S SYN seq=777 ack=100",
    ],
    gives: [`${HTTP} 1/3 cut`],
  },
  {
    name: "a SYN+ACK of another connection begins it where its SYN is missing",
    packets: [
      "C SYN seq=99",
      "S SYN seq=3 ack=100",
      "S SYN seq=777 ack=9000",
    ],
    gives: [`${HTTP} 1/1 cut`, `${HTTP} 0/1 cut`],
  },
  {
    name: "a SYN after the middle of a connection begins another",
    packets: ['C seq=100 ack=300 "x"', "C SYN seq=700"],
    gives: [`${HTTP} 1/0 cut mid-stream`, `${HTTP} 1/0 cut`],
  },
  {
    name: "a SYN after what only the other end said of an older one is new",
    packets: ["S FIN seq=300 ack=101", "C SYN seq=700"],
    gives: [`${HTTP} 0/1 cut mid-stream`, `${HTTP} 1/0 cut`],
  },
  {
    name: "a SYN captured after its SYN+ACK or ACK belongs to them",
    packets: [
      "S SYN seq=299 ack=100 @1",
      "C seq=100 ack=300 @1.1",
      "C SYN seq=99 @1.2",
    ],
    gives: [`${HTTP} 2/1 cut`],
  },
  {
    name: "a SYN that is older than its connection's data belongs to it",
    packets: ['C seq=500 ack=300 "x" @2', "C SYN seq=99 @1"],
    gives: [`${HTTP} 2/0 cut`],
  },
  {
    name: "both SYNs of a simultaneous open are one connection",
    packets: [
      "C SYN seq=99",
      "S SYN seq=299",
      "S SYN seq=299 ack=100",
      "C SYN seq=99 ack=300",
    ],
    gives: [`${HTTP} 2/2 cut`],
  },
  {
    name: "sequence numbers that wrap begin nothing",
    packets: [
      "C SYN seq=0xffffffff",
      "S SYN seq=0xffffffff ack=0",
      "C SYN seq=0xffffffff",
      "C seq=0 ack=0",
    ],
    gives: [`${HTTP} 3/1 cut`],
  },
  {
    name: "a connection that idles for hours stays one",
    packets: ["C SYN seq=99 @0", "S SYN seq=1 ack=100 @1", "C seq=100 @90000"],
    gives: [`${HTTP} 2/1 cut`],
  },
  {
    name: "a connection nobody hears of for days is given up",
    packets: ["C SYN seq=99 @0", "S SYN seq=1 ack=100 @0", "C seq=100 @500000"],
    gives: [`${HTTP} 1/1 cut`, `${HTTP} 1/0 cut mid-stream`],
  },
  {
    name: "an attempt that nobody answers is given up after five minutes",
    packets: ["C SYN seq=99 @0", "C SYN seq=99 @63", "C SYN seq=99 @364"],
    gives: [`${HTTP} 2/0 cut`, `${HTTP} 1/0 cut`],
  },
  {
    name: "datagrams are one flow until they are silent for five minutes",
    packets: [
      "10.0.0.9:5000>10.0.0.1:4000 UDP @0",
      "10.0.0.1:4000>10.0.0.9:5000 UDP @300",
      "10.0.0.9:5000>10.0.0.1:4000 UDP @600.000001",
    ],
    gives: [
      "udp 10.0.0.9:5000 10.0.0.1:4000 1/1 closed",
      "udp 10.0.0.9:5000 10.0.0.1:4000 1/0 cut",
    ],
  },
  {
    name: "a clock that was set back does not end flows",
    packets: [
      "10.0.0.9:5000>10.0.0.1:4000 UDP @10000",
      "10.0.0.9:5000>10.0.0.1:4000 UDP @100",
      "10.0.0.9:5000>10.0.0.1:4000 UDP @200",
    ],
    gives: ["udp 10.0.0.9:5000 10.0.0.1:4000 3/0 cut"],
  },
  {
    name: "UDP and TCP between the same ends are two flows",
    packets: ["C SYN seq=99", "C UDP"],
    gives: [`${HTTP} 1/0 cut`, "udp 10.0.0.1:40000 10.0.0.2:80 1/0 cut"],
  },
  {
    name: "ICMP is one flow for two addresses",
    packets: [
      "10.0.0.1>10.0.0.2 ICMP",
      "10.0.0.2>10.0.0.1 ICMP",
      "10.0.0.1>10.0.0.3 ICMP",
    ],
    gives: [
      "icmp 10.0.0.1 10.0.0.2 0/0 cut",
      "icmp 10.0.0.1 10.0.0.3 0/0 cut",
    ],
  },
  {
    name: "IPv6 ends are compared whole",
    packets: [
      "[2001:db8::1]:4000>[2001:db8::2]:80 SYN seq=1",
      "[2001:db8::2]:80>[2001:db8::1]:4000 SYN seq=5 ack=2",
      "[2001:db8::1:1]:4000>[2001:db8::2]:80 SYN seq=1",
      "[2001:db9::1]:4000>[2001:db8::2]:80 SYN seq=1",
    ],
    gives: [
      "tcp 2001:db8::1:4000 2001:db8::2:80 1/1 cut",
      "tcp 2001:db8::1:1:4000 2001:db8::2:80 1/0 cut",
      "tcp 2001:db9::1:4000 2001:db8::2:80 1/0 cut",
    ],
  },
  {
    name: "an end that talks to itself is one flow",
    packets: ["10.0.0.1:80>10.0.0.1:80 SYN seq=1", "10.0.0.1:80>10.0.0.1:80"],
    gives: ["tcp 10.0.0.1:80 10.0.0.1:80 2/0 cut"],
  },
  {
    name: "who sent INIT is the client of an association",
    packets: [
      "10.0.0.2:80>10.0.0.1:40000 SCTP hex=01000004",
      "10.0.0.1:40000>10.0.0.2:80 SCTP hex=02000004",
    ],
    gives: ["sctp 10.0.0.2:80 10.0.0.1:40000 1/1 cut"],
  },
  {
    name: "who got INIT_ACK is the client of an association",
    packets: ["10.0.0.1:40000>10.0.0.2:80 SCTP hex=02000004"],
    gives: ["sctp 10.0.0.2:80 10.0.0.1:40000 0/1 cut"],
  },
  {
    name: "an association ends by SHUTDOWN_COMPLETE or ABORT",
    packets: [
      "10.0.0.1:1>10.0.0.2:2 SCTP hex=0e000004",
      "10.0.0.1:1>10.0.0.2:3 SCTP hex=06000004",
      "10.0.0.1:1>10.0.0.2:4 SCTP",
    ],
    gives: [
      "sctp 10.0.0.2:2 10.0.0.1:1 0/1 closed",
      "sctp 10.0.0.2:3 10.0.0.1:1 0/1 reset",
      "sctp 10.0.0.2:4 10.0.0.1:1 0/1 cut",
    ],
  },
  {
    name: "a full table ends the flow that was silent longest",
    packets: [
      "10.0.0.1:1>10.0.0.2:1025 UDP",
      "10.0.0.1:1>10.0.0.2:1026 UDP",
      "10.0.0.1:1>10.0.0.2:1025 UDP",
      "10.0.0.1:1>10.0.0.2:1027 SYN",
    ],
    maxFlows: 2,
    gives: [
      "udp 10.0.0.2:1026 10.0.0.1:1 0/1 cut",
      "udp 10.0.0.2:1025 10.0.0.1:1 0/2 cut",
      "tcp 10.0.0.1:1 10.0.0.2:1027 1/0 cut",
    ],
  },
  {
    name: "a full table ends flows that are over before others",
    packets: [
      "10.0.0.1:1>10.0.0.2:1025 UDP",
      "C RST seq=1",
      "10.0.0.1:1>10.0.0.2:1026 UDP",
    ],
    maxFlows: 2,
    gives: [
      `${HTTP} 1/0 reset mid-stream`,
      "udp 10.0.0.2:1025 10.0.0.1:1 0/1 cut",
      "udp 10.0.0.2:1026 10.0.0.1:1 0/1 cut",
    ],
  },
];

/** Flows as they end, with `beforeEach` packet what it does to the table. */
function flowsOf(
  { packets, knownPorts, maxFlows }: Case,
  beforeEach: (table: FlowTable, packet: Packet) => void = () => {},
): readonly string[] {
  const lines: string[] = [];
  const table = new FlowTable({
    onEnd: (flow, ending) => lines.push(toLine(flow, ending)),
    knownPorts,
    maxFlows,
  });
  for (const packet of toPackets(packets)) {
    beforeEach(table, packet);
    table.find(packet);
  }
  table.endAll();
  return lines;
}

for (const each of CASES) {
  Deno.test(each.name, () => {
    deepEqual(flowsOf(each), each.gives);
  });

  Deno.test(`${each.name}, also if the table makes room all the time`, () => {
    const early = flowsOf(each, (table, { time }) => table.expire(time));
    deepEqual([...early].sort(), [...each.gives].sort());
  });

  // A flow that ended is not carried to another table, nor found in a full one.
  if (each.maxFlows) continue;
  Deno.test(`${each.name}, also if it goes on in other tables`, () => {
    deepEqual(flowsInOtherTables(each), each.gives);
  });

  Deno.test(`${each.name}, also if all flows sleep between packets`, () => {
    deepEqual(foundAsleep(each), found(each));
  });
}

/** Which flow each packet is found to be of, and what is known of it. */
function found({ packets, knownPorts }: Case): readonly string[] {
  const table = new FlowTable({ onEnd() {}, knownPorts });
  return Array.from(
    toPackets(packets),
    (packet) => describe(table.find(packet)),
  );
}

/** As above, where every packet is looked up in a table of its own. */
function foundAsleep({ packets, knownPorts }: Case): readonly string[] {
  let table = new FlowTable<string>({ onEnd() {}, knownPorts });
  return Array.from(toPackets(packets), (packet) => {
    const saved = table.saveDormant(table.flows());
    table = new FlowTable<string>({ onEnd() {}, knownPorts });
    table.sleep(decodeState(encodeState(saved)) as SavedDormant, "woken");
    const flow = table.find(packet);
    // One that was taken out of its sleep is known; a new one is nobody's.
    equal(flow.state, flow.firstPlace === packet.place ? undefined : "woken");
    return describe(flow);
  });
}

function describe(flow: Flow<unknown>): string {
  const { clientIsLow, midStream, first, firstPlace, last, lastPlace } = flow;
  return [clientIsLow, midStream, first, firstPlace, last, lastPlace].join(" ");
}

Deno.test("flows that sleep are not forgotten when their table is saved", () => {
  const [first, other, second] = toPackets([
    "C SYN seq=1 @1",
    "C SYN seq=1 @2",
    "S SYN seq=1 ack=2 @3",
  ]);
  other!.srcPort++;
  let table = new FlowTable<string>({ onEnd() {} });
  const { id } = table.find(first!);
  equal(id, 0);
  for (let i = 0; i < 3; i++) {
    const saved = table.saveDormant(table.flows());
    table = new FlowTable<string>({ onEnd() {} });
    table.sleep(saved, "woken");
    table.find(other!);
  }
  equal(table.find(second!).firstPlace, first!.place);
});

Deno.test("a flow that sleeps is found whatever was looked up before", () => {
  const [first, other, second] = toPackets([
    "C SYN seq=1",
    "[fd00::1]:40000>[fd00::2]:80 SYN seq=1",
    "S SYN seq=1 ack=2",
  ]);
  const table = new FlowTable<string>({ onEnd() {} });
  table.find(first!);
  const woken = new FlowTable<string>({ onEnd() {} });
  woken.sleep(table.saveDormant(table.flows()), "woken");
  woken.find(other!);
  equal(woken.find(second!).firstPlace, first!.place);
});

Deno.test("dormant flows that are damaged are refused", () => {
  const table = new FlowTable<string>({ onEnd() {} });
  table.find(toPacket("C SYN seq=1", 0));
  const saved = table.saveDormant(table.flows());
  for (const keys of [new Uint8Array(0), saved.keys.subarray(4)]) {
    throws(() => table.sleep({ ...saved, keys }, ""), RangeError);
  }
  const numbers = saved.numbers.subarray(1);
  throws(() => table.sleep({ ...saved, numbers }, ""), RangeError);
});

/** Moves every flow to a new table before each packet. */
function flowsInOtherTables({ packets, knownPorts }: Case): readonly string[] {
  const lines: string[] = [];
  const onEnd = (flow: Flow, ending: FlowEnding) => {
    lines.push(toLine(flow, ending));
  };
  let table = new FlowTable({ onEnd, knownPorts });
  let open = new Set<Flow>();
  for (const packet of toPackets(packets)) {
    const next = new FlowTable({
      onEnd: (flow, ending) => {
        open.delete(flow);
        onEnd(flow, ending);
      },
      knownPorts,
    });
    const resumed = [...open].sort((a, b) => a.last - b.last).map((flow) =>
      next.resume(decodeState(encodeState(table.save(flow))) as FlowState)
    );
    table = next;
    open = new Set(resumed);
    open.add(table.find(packet));
  }
  table.endAll();
  return lines;
}

Deno.test("a table says which end sent the packet", () => {
  const table = new FlowTable({ onEnd() {} });
  table.find(toPacket("C SYN seq=1", 0));
  deepEqual([table.fromClient, table.fromLow], [true, true]);
  const flow = table.find(toPacket("S SYN seq=1 ack=2", 0));
  deepEqual([table.fromClient, table.fromLow], [false, false]);
  flow.flip();
  table.find(toPacket("S seq=2 ack=2", 0));
  deepEqual([table.fromClient, table.fromLow], [true, false]);
  equal(flow.client.ip, "10.0.0.2");
  equal(flow.serverPort, 40000);
});

Deno.test("packets of which nothing is wanted keep a flow from ending", () => {
  const table = new FlowTable({ onEnd() {} });
  const [first, late] = toPackets([
    "10.0.0.1:4000>10.0.0.9:5000 UDP @1",
    "10.0.0.1:4000>10.0.0.9:5000 UDP @500",
  ]);
  const flow = table.find(first!);
  table.goesOn(flow, 250e6, 7);
  table.expire(302e6);
  equal(flow.isOver, false);
  deepEqual([flow.last, flow.lastPlace], [250e6, 7]);
  equal(table.find(late!), flow);
  table.expire(900e6);
  equal(flow.isOver, true);
  table.goesOn(flow, 901e6, 9);
  equal(flow.last, 500e6);
});

Deno.test("a table keeps what its owner left in a flow", () => {
  const table = new FlowTable<string>({ onEnd() {} });
  table.find(toPacket("C SYN seq=1", 0)).state = "mine";
  equal(table.find(toPacket("S SYN seq=1 ack=2", 0)).state, "mine");
});

Deno.test("a flow knows when and where its first and last packets came", () => {
  const table = new FlowTable({ onEnd() {} });
  const [first, middle, last] = toPackets([
    "C SYN seq=1 @5",
    "C seq=2 @9",
    "C seq=2 @7",
  ]);
  table.find(first!);
  table.find(middle!);
  const flow = table.find(last!);
  deepEqual([flow.first, flow.firstPlace], [5e6, 1]);
  deepEqual([flow.last, flow.lastPlace], [9e6, 3]);
});

Deno.test("a table that grows finds its flows again", () => {
  const table = new FlowTable<number>({ onEnd() {} });
  const packet = toPacket("C SYN seq=1", 0);
  for (let port = 1; port < 5000; port++) {
    packet.srcPort = port;
    table.find(packet).state = port;
  }
  equal(table.size, 4999);
  for (let port = 1; port < 5000; port++) {
    packet.srcPort = port;
    equal(table.find(packet).state, port);
  }
  equal(table.found, 4999);
});

Deno.test("a table counts flows that had to make room", () => {
  const ended: FlowEnding[] = [];
  const table = new FlowTable({
    onEnd: (_, ending) => ended.push(ending),
    maxFlows: 100,
  });
  const packet = toPacket("C SYN seq=1", 0);
  for (let port = 1; port <= 150; port++) {
    packet.srcPort = port;
    table.find(packet);
  }
  equal(table.evicted, 50);
  equal(table.size, 100);
  deepEqual(new Set(ended), new Set(["cut"]));
});

Deno.test("a table does not save a flow that is over", () => {
  const table = new FlowTable({ onEnd() {} });
  const flow = table.find(toPacket("C SYN seq=1", 0));
  table.endAll();
  throws(() => table.save(flow), /over/);
});

Deno.test("a table does not resume a flow that it has", () => {
  const table = new FlowTable({ onEnd() {} });
  const flow = table.find(toPacket("C SYN seq=1", 0));
  throws(() => table.resume(table.save(flow)), /already/);
});

Deno.test("seeds change where flows lie and nothing else", () => {
  const lines = [0, 1, 12345].map((seed) => {
    const lines: string[] = [];
    const table = new FlowTable({
      onEnd: (flow, ending) => lines.push(toLine(flow, ending)),
      seed,
    });
    const packet = toPacket("C SYN seq=1", 0);
    for (let port = 1; port < 100; port++) {
      packet.srcPort = port;
      table.find(packet);
    }
    table.endAll();
    return lines;
  });
  deepEqual(lines[1], lines[0]);
  deepEqual(lines[2], lines[0]);
});
