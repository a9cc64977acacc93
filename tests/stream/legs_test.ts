/**
 * Which flows are legs of one conversation, and which only look alike.
 *
 * Each line is a packet, as in `notation.ts`, behind where it was captured:
 * `<1` came in by interface 1, `>2` went out by interface 2, of `?3` the
 * direction is not known.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { DIRECTION, type Packet } from "../../packet/packet.ts";
import type { Flow } from "../../stream/flow.ts";
import { FlowTable } from "../../stream/flow_table.ts";
import { Legs } from "../../stream/legs.ts";
import { MAX_SEEN } from "../../stream/marks.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import { cpuTime } from "../fuzz/cpu_time.ts";
import { Random } from "../fuzz/random.ts";
import { toPacket } from "./notation.ts";

const DIRECTIONS = new Map<string | undefined, number>([
  ["<", DIRECTION.IN],
  [">", DIRECTION.OUT],
]);

/** The packets of a case. */
function toCaptured(lines: readonly string[]): Packet[] {
  let time = 0;
  return lines.map((line, index) => {
    const [where, ...rest] = line.split(" ");
    const packet = toPacket(rest.join(" "), time + 10);
    time = packet.time;
    packet.place = index + 1;
    packet.direction = DIRECTIONS.get(where![0]) ?? DIRECTION.UNKNOWN;
    packet.interface = Number(where!.slice(1));
    return packet;
  });
}

/** Flows with their legs, packet by packet. */
class Looking {
  readonly table = new FlowTable<"begun">({ onEnd() {} });
  readonly legs = new Legs<"begun">();

  add(packet: Packet): void {
    const flow = this.table.find(packet);
    const { fromLow } = this.table;
    if (flow.leg) this.legs.look(flow, packet, fromLow);
    else if (!flow.state) this.legs.begin(flow, packet, fromLow);
    flow.state = "begun";
  }

  /** All flows, in the order in which they began. */
  get flows(): Flow<"begun">[] {
    return this.table.flows().sort((a, b) => a.firstPlace - b.firstPlace);
  }

  /** Goes on in another table. */
  moved(): Looking {
    const next = new Looking();
    const flows = this.table.flows().sort((a, b) => a.last - b.last);
    const rows = flows.map((flow) => this.table.save(flow));
    const saved = decodeState(
      encodeState({ rows, legs: this.legs.save(flows) }),
    ) as { rows: typeof rows; legs: ReturnType<Legs<"begun">["save"]> };
    const resumed = saved.rows.map((row) => next.table.resume(row));
    for (const flow of resumed) flow.state = "begun";
    next.legs.resume(saved.legs, resumed);
    return next;
  }
}

function describe(flow: Flow<unknown>): string {
  if (flow.leg?.carrier) return "copy";
  const { ip, port, serviceIp } = flow.shownServer;
  const service = serviceIp === undefined ? "" : ` (${serviceIp})`;
  return `${flow.shownClient.ip}:${flow.shownClient.port} ${ip}:${port}${service}`;
}

interface Case {
  readonly name: string;
  readonly packets: readonly string[];
  readonly flows: readonly string[];
}

const CLIENT = "10.1.0.7:4000";
const VIP = "10.96.0.8:80";
const POD = "10.1.0.9:8080";
const NODE = "10.1.0.1:61000";

const CASES: readonly Case[] = [
  {
    name: "a connection to a service is shown with its pod",
    packets: [
      `<1 ${CLIENT}>${VIP} SYN seq=7`,
      `>2 ${CLIENT}>${POD} SYN seq=7`,
      `<2 ${POD}>${CLIENT} SYN seq=9 ack=8`,
      `>1 ${VIP}>${CLIENT} SYN seq=9 ack=8`,
    ],
    flows: ["copy", "10.1.0.7:4000 10.1.0.9:8080 (10.96.0.8)"],
  },
  {
    name: "behind the node's address it is shown with its client",
    packets: [
      `<1 ${CLIENT}>${VIP} SYN seq=7`,
      `>2 ${NODE}>${POD} SYN seq=7`,
      `<2 ${POD}>${NODE} SYN seq=9 ack=8`,
      `>1 ${VIP}>${CLIENT} SYN seq=9 ack=8`,
    ],
    flows: ["copy", "10.1.0.7:4000 10.1.0.9:8080 (10.96.0.8)"],
  },
  {
    name: "translated twice, it is shown by its outermost ends",
    packets: [
      `<1 ${CLIENT}>${VIP} SYN seq=7`,
      `<2 ${NODE}>${VIP} SYN seq=7`,
      `>3 ${NODE}>${POD} SYN seq=7`,
    ],
    flows: ["copy", "copy", "10.1.0.7:4000 10.1.0.9:8080 (10.96.0.8)"],
  },
  {
    name: "the same number is a chance if the answers differ",
    packets: [
      `<1 ${CLIENT}>${VIP} SYN seq=7`,
      `>2 10.1.0.5:5000>10.1.0.6:80 SYN seq=7`,
      `<2 10.1.0.6:80>10.1.0.5:5000 SYN seq=100 ack=8`,
      `>1 ${VIP}>${CLIENT} SYN seq=9 ack=8`,
    ],
    flows: ["10.1.0.7:4000 10.96.0.8:80", "10.1.0.5:5000 10.1.0.6:80"],
  },
  {
    name: "one that came much later is another",
    packets: [
      `<1 ${CLIENT}>${VIP} SYN seq=7 @1`,
      `>2 ${CLIENT}>${POD} SYN seq=7 @1.2`,
    ],
    flows: ["10.1.0.7:4000 10.96.0.8:80", "10.1.0.7:4000 10.1.0.9:8080"],
  },
  {
    name: "of a connection that goes on, an answer may be the first packet",
    packets: [
      `<2 ${POD}>${CLIENT} seq=9 ack=8 "answer"`,
      `>1 ${VIP}>${CLIENT} seq=9 ack=8 "answer"`,
    ],
    flows: ["copy", "10.1.0.7:4000 10.1.0.9:8080 (10.96.0.8)"],
  },
  {
    name: "in a savefile without directions interfaces tell legs apart",
    packets: [
      `?1 ${CLIENT}>${VIP} SYN seq=7`,
      `?1 ${CLIENT}>10.1.0.5:80 SYN seq=7`,
      `?2 ${CLIENT}>${POD} SYN seq=7`,
    ],
    flows: [
      "copy",
      "10.1.0.7:4000 10.1.0.5:80",
      "10.1.0.7:4000 10.1.0.9:8080 (10.96.0.8)",
    ],
  },
  {
    name: "a datagram to two services finds a pod of each",
    packets: [
      `<1 ${CLIENT}>10.96.0.1:53 UDP "one question"`,
      `<1 ${CLIENT}>10.96.0.2:53 UDP "one question"`,
      `>2 ${CLIENT}>10.1.0.11:53 UDP "one question"`,
      `>3 ${CLIENT}>10.1.0.12:53 UDP "one question"`,
    ],
    flows: [
      ...["copy", "copy"],
      "10.1.0.7:4000 10.1.0.11:53 (10.96.0.1)",
      "10.1.0.7:4000 10.1.0.12:53 (10.96.0.2)",
    ],
  },
  {
    name: "what replicas say alike is each one's own",
    packets: [
      `<1 10.1.0.7:4000>10.96.0.1:8125 UDP "up:1|c"`,
      `<2 10.1.0.8:4001>10.96.0.1:8125 UDP "up:1|c"`,
      `>3 10.1.0.8:4001>10.1.0.9:8125 UDP "up:1|c"`,
      `>3 10.1.0.7:4000>10.1.0.9:8125 UDP "up:1|c"`,
    ],
    flows: [
      ...["copy", "copy"],
      "10.1.0.8:4001 10.1.0.9:8125 (10.96.0.1)",
      "10.1.0.7:4000 10.1.0.9:8125 (10.96.0.1)",
    ],
  },
  {
    name: "what a program hands on is not translated",
    packets: [
      `<1 10.1.0.7:7946>10.1.0.1:7946 UDP "gossip"`,
      `>2 10.1.0.1:7946>10.1.0.9:7946 UDP "gossip"`,
    ],
    flows: ["10.1.0.7:7946 10.1.0.1:7946", "10.1.0.1:7946 10.1.0.9:7946"],
  },
  {
    name: "what comes in twice is not translated",
    packets: [
      `<1 10.1.0.7:4000>10.1.0.9:9000 UDP "beat"`,
      `<2 10.1.0.8:4000>10.1.0.9:9000 UDP "beat"`,
    ],
    flows: ["10.1.0.7:4000 10.1.0.9:9000", "10.1.0.8:4000 10.1.0.9:9000"],
  },
  {
    name: "a service's port may lead elsewhere after a pause",
    packets: [
      `<1 ${CLIENT}>10.96.0.1:53 UDP "one"`,
      `>2 ${CLIENT}>10.1.0.11:53 UDP "one"`,
      `<2 10.1.0.11:53>${CLIENT} UDP "first"`,
      `>1 10.96.0.1:53>${CLIENT} UDP "first"`,
      `<1 ${CLIENT}>10.96.0.1:53 UDP "two" @60`,
      `>3 ${CLIENT}>10.1.0.12:53 UDP "two" @60.1`,
    ],
    flows: [
      "copy",
      "10.1.0.7:4000 10.1.0.11:53 (10.96.0.1)",
      "10.1.0.7:4000 10.1.0.12:53 (10.96.0.1)",
    ],
  },
];

for (const { name, packets, flows } of CASES) {
  Deno.test(`${name}`, () => {
    const looking = new Looking();
    for (const packet of toCaptured(packets)) looking.add(packet);
    deepEqual(looking.flows.map(describe), flows);
  });

  Deno.test(`${name}, wherever it is saved`, () => {
    let looking = new Looking();
    for (const packet of toCaptured(packets)) {
      looking = looking.moved();
      looking.add(packet);
    }
    deepEqual(looking.flows.map(describe), flows);
  });
}

Deno.test("packets that are all alike cost little more than others", () => {
  const random = new Random(1);
  const looking = new Looking();
  const before = cpuTime();
  for (let n = 0; n < 2 * MAX_SEEN; n++) {
    const ends = `10.${random.int(0, 255)}.${n >> 8 & 255}.${n & 255}`;
    const [packet] = toCaptured([`<1 ${ends}:4000>${VIP} SYN seq=7`]);
    looking.add(packet!);
  }
  ok(cpuTime() - before < 5000);
  equal(looking.flows.filter(({ translation }) => translation).length, 0);
});
