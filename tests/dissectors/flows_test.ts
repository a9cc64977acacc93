/** Entries of flows that nothing else dissected. */
import { deepEqual, equal, throws } from "node:assert/strict";
import type { FlowDissector } from "../../dissectors/dissector.ts";
import { DissectedEntry } from "../../dissectors/dissected.ts";
import { sctp } from "../../dissectors/sctp/sctp.ts";
import { tcp } from "../../dissectors/tcp/tcp.ts";
import { udp } from "../../dissectors/udp/udp.ts";
import type { Flow } from "../../stream/flow.ts";
import { FlowTable } from "../../stream/flow_table.ts";
import { toPackets } from "../stream/notation.ts";

interface Case {
  readonly name: string;
  readonly packets: readonly string[];
  readonly gives: {
    readonly summary: string;
    readonly status?: string | undefined;
    readonly failed?: boolean;
    readonly incomplete?: readonly string[];
    readonly request: object;
    readonly response: object;
  };
}

/** What a half of a TCP flow has when nothing happened in it. */
const QUIET = {
  packets: 0,
  bytes: 0,
  streamBytes: 0,
  gaps: 0,
  retransmissions: 0,
  outOfOrder: 0,
  duplicateAcks: 0,
  zeroWindows: 0,
  keepAlives: 0,
};

const TCP_CASES: readonly Case[] = [
  {
    name: "a connection that was opened and closed",
    packets: [
      "C SYN seq=99 @1",
      "S SYN seq=299 ack=100 @1.010",
      "C seq=100 ack=300 @1.0205",
      'C seq=100 ack=300 "hello"',
      'C seq=100 ack=300 "hello" @2',
      'S FIN seq=300 ack=105 "you"',
      "C FIN seq=105 ack=304 @2.5",
    ],
    gives: {
      summary: "complete, closed, 10 → 3 bytes",
      status: "complete",
      request: {
        ...QUIET,
        packets: 5,
        bytes: 10,
        streamBytes: 5,
        retransmissions: 1,
        body: "hello",
      },
      response: {
        ...QUIET,
        packets: 2,
        bytes: 3,
        streamBytes: 3,
        body: "you",
        handshake: "complete",
        reset: false,
        closed: true,
        rtt: 20.5,
        duration: 1500,
      },
    },
  },
  {
    name: "a connection that was refused",
    packets: ["C SYN seq=99 @1", "S RST seq=0 ack=100 @1.25"],
    gives: {
      summary: "refused, reset by server, 0 → 0 bytes",
      status: "refused",
      failed: true,
      request: { ...QUIET, packets: 1 },
      response: {
        ...QUIET,
        packets: 1,
        handshake: "refused",
        reset: true,
        resetBy: "server",
        closed: false,
        duration: 250,
      },
    },
  },
  {
    name: "an attempt that nobody answered",
    packets: ["C SYN seq=99 @1"],
    gives: {
      summary: "unanswered, 0 → 0 bytes",
      status: "unanswered",
      failed: true,
      request: { ...QUIET, packets: 1 },
      response: {
        ...QUIET,
        handshake: "unanswered",
        reset: false,
        closed: false,
        duration: 0,
      },
    },
  },
  {
    name: "a connection reset before anything was said",
    packets: [
      "C SYN seq=99 @1",
      "S SYN seq=299 ack=100 @1",
      "C seq=100 ack=300 @1",
      "C RST seq=100 @1",
    ],
    gives: {
      summary: "complete, reset by client, 0 → 0 bytes",
      status: "complete",
      failed: true,
      request: { ...QUIET, packets: 3 },
      response: {
        ...QUIET,
        packets: 1,
        handshake: "complete",
        reset: true,
        resetBy: "client",
        closed: false,
        rtt: 0,
        duration: 0,
      },
    },
  },
  {
    name: "a connection joined in the middle, heard from the server first",
    packets: [
      'S seq=300 ack=100 "abc" @1',
      'C seq=110 ack=303 "xyz" @1',
      'C seq=100 ack=303 "uvw" @1.5',
      "S RST seq=303 @2",
    ],
    gives: {
      summary: "partial, reset by server, 6 → 3 bytes",
      status: "partial",
      incomplete: ["mid-stream", "gap"],
      request: {
        ...QUIET,
        packets: 2,
        bytes: 6,
        streamBytes: 6,
        gaps: 1,
        retransmissions: 1,
        body: "xyz",
      },
      response: {
        ...QUIET,
        packets: 2,
        bytes: 3,
        streamBytes: 3,
        body: "abc",
        handshake: "partial",
        reset: true,
        resetBy: "server",
        closed: false,
        rtt: 0,
        duration: 1000,
      },
    },
  },
];

const UDP_CASES: readonly Case[] = [
  {
    name: "datagrams of both ends",
    packets: [
      'C UDP "ab" @1',
      "S UDP hex=ff00 @1.1",
      "S UDP @1.2",
    ],
    gives: {
      summary: "1 → 2 packets, 2 → 2 bytes",
      request: { packets: 1, bytes: 2, body: "ab" },
      response: {
        packets: 2,
        bytes: 2,
        body: { base64: "/wA=" },
        duration: 200,
      },
    },
  },
  {
    name: "a datagram without payload",
    packets: ["C UDP @1"],
    gives: {
      summary: "1 → 0 packets, 0 → 0 bytes",
      request: { packets: 1, bytes: 0 },
      response: { packets: 0, bytes: 0, duration: 0 },
    },
  },
];

const SCTP_CASES: readonly Case[] = [
  {
    name: "an association with chunks of known and unknown types",
    packets: [
      "C SCTP hex=01000004 @1",
      "S SCTP hex=0200000400000004 @1.1",
      "C SCTP hex=00000004c8000004 @1.2",
    ],
    gives: {
      summary: "2 → 1 packets, 12 → 8 bytes",
      request: {
        packets: 2,
        bytes: 12,
        chunks: { DATA: 1, INIT: 1, "200": 1 },
      },
      response: {
        packets: 1,
        bytes: 8,
        chunks: { DATA: 1, INIT_ACK: 1 },
        duration: 200,
      },
    },
  },
  {
    name: "an association of which one end is silent",
    packets: ["C SCTP hex=0a000004 @1"],
    gives: {
      summary: "1 → 0 packets, 4 → 0 bytes",
      request: { packets: 1, bytes: 4, chunks: { COOKIE_ECHO: 1 } },
      response: { packets: 0, bytes: 0, duration: 0 },
    },
  },
];

const TABLE = [[tcp, TCP_CASES], [udp, UDP_CASES], [sctp, SCTP_CASES]] as const;

for (const [dissector, cases] of TABLE) {
  for (const { name, packets, gives } of cases) {
    Deno.test(`${dissector.name} describes ${name}`, () => {
      const entry = toEntry(dissector as FlowDissector, flowOf(packets));
      equal(entry.protocol, dissector.name);
      equal(entry.timestamp, 1e6);
      equal(entry.summary, gives.summary);
      equal(entry.status, gives.status);
      equal(entry.failed, gives.failed ?? false);
      deepEqual(entry.incomplete, gives.incomplete);
      deepEqual(present(entry.request!), gives.request);
      deepEqual(present(entry.response!), gives.response);
      equal(entry.elapsed, undefined);
      equal(entry.requestSize, undefined);
    });
  }

  Deno.test(`${dissector.name} declares every field that it gives`, () => {
    for (const { packets } of cases) {
      const { request, response } = toEntry(
        dissector as FlowDissector,
        flowOf(packets),
      );
      for (const [half, values] of Object.entries({ request, response })) {
        const declared = dissector.fields[half as "request" | "response"];
        for (const field of Object.keys(present(values!))) {
          equal(field in declared, true, `${half}.${field}`);
        }
      }
    }
  });

  Deno.test(`${dissector.name} needs a flow that was counted`, () => {
    const flow = flowOf(cases[0]!.packets);
    flow.analysis = undefined;
    throws(() => dissector.describe(flow), /counted/);
  });
}

Deno.test("an entry follows its flow when client and server are swapped", () => {
  const flow = flowOf(['C seq=1 "question"', 'S seq=1 "answer!"']);
  flow.flip();
  const { src, request, response } = toEntry(tcp as FlowDissector, flow);
  equal(src.port, 80);
  equal((request as { body?: string }).body, "answer!");
  equal((response as { body?: string }).body, "question");
});

/** The one flow of the packets, once it is over. */
function flowOf(lines: readonly string[]): Flow {
  const flows: Flow[] = [];
  const table = new FlowTable({ onEnd: (flow) => flows.push(flow) });
  for (const packet of toPackets(lines)) table.find(packet);
  table.endAll();
  equal(flows.length, 1);
  return flows[0]!;
}

function toEntry(dissector: FlowDissector, flow: Flow): DissectedEntry {
  return new DissectedEntry(dissector, dissector.describe(flow), {
    transport: flow.transport,
    client: flow.client,
    server: flow.server,
    node: { name: "test" },
    decrypted: false,
  });
}

/** The values that are there. */
function present(values: object): object {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  );
}
