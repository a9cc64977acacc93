import { deepEqual, equal, ok } from "node:assert/strict";
import { PROTOCOL, TCP } from "../../../packet/packet.ts";
import type { FlowRows } from "../../../worker/shards/columns.ts";
import { CONTINUED } from "../../../worker/shards/facts.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { MemoryFolder } from "./memory_folder.ts";
import {
  BEGIN,
  type Datagram,
  ETHERNET,
  type Frame,
  LINKTYPE_ETHERNET,
  makeTraffic,
  toBatch,
  toEthernet,
  toIpPacket,
} from "./traffic.ts";

const SECOND = 1e6;
const OPTIONS = {
  node: "n",
  storageLimit: 2 ** 30,
  shardDuration: Infinity,
};

const client = { address: [10, 0, 0, 9], port: 40000 };
const server = { address: [10, 0, 0, 1], port: 80 };
const up = { src: client, dst: server, protocol: PROTOCOL.TCP, payload: 5 };
const down = { src: server, dst: client, protocol: PROTOCOL.TCP, payload: 5 };
const syn = { ...up, flags: TCP.SYN, payload: 0 };
const datagram = { ...up, protocol: PROTOCOL.UDP };

/** Packets of one shard, with the seconds at which they come. */
type Stretch = readonly (readonly [seconds: number, packet: Datagram])[];

/** Each stretch becomes a shard. Gives what the facts say of each. */
function continuedIn(
  stretches: readonly Stretch[],
  restart = false,
): string[][] {
  const folder = new MemoryFolder();
  let writer = StoreWriter.open(folder, OPTIONS);
  for (const stretch of stretches) {
    const frames = stretch.map(([seconds, packet]): Frame => {
      const bytes = toEthernet(toIpPacket(packet));
      const time = BEGIN + seconds * SECOND;
      return { time, nanos: 0, bytes, original: bytes.length, interface: 0 };
    });
    const target = writer.writer(LINKTYPE_ETHERNET);
    const batch = toBatch(frames);
    target.append(batch, ETHERNET, 0, batch.count);
    target.rotate();
    if (!restart) continue;
    writer.close();
    writer = StoreWriter.open(folder, OPTIONS);
  }
  writer.close();
  return Array.from(Store.open(folder).shards("oldest first"), ({ facts }) => {
    const { row, shard, shardRow, known } = facts.continued;
    return row.map((at, i) =>
      `${at} from ${shard[i]}/${shardRow[i]}` +
      (known[i]! & CONTINUED.SWAPPED ? " swapped" : "") +
      (known[i]! & CONTINUED.FROM_START ? " from its start" : "")
    );
  });
}

const CASES: readonly {
  readonly name: string;
  readonly stretches: readonly Stretch[];
  readonly expected: readonly string[][];
}[] = [
  {
    name: "a connection goes on from the shard it began in",
    stretches: [[[0, syn], [1, up]], [[2, up]]],
    expected: [[], ["0 from 1/0 from its start"]],
  },
  {
    name: "a connection that began unseen goes on without its start",
    stretches: [[[0, up]], [[1, up]], [[2, up]]],
    expected: [[], ["0 from 1/0"], ["0 from 2/0"]],
  },
  {
    name: "a connection goes on over shards in which it was silent",
    stretches: [[[0, syn], [1, up]], [[2, datagram]], [[3, up]]],
    expected: [[], [], ["0 from 1/0 from its start"]],
  },
  {
    name: "a new connection of the same ends is none that goes on",
    stretches: [[[0, syn], [1, up]], [[2, syn], [3, up]], [[4, up]]],
    expected: [[], [], ["0 from 2/0 from its start"]],
  },
  {
    name: "nothing follows a reset",
    stretches: [[[0, syn], [1, { ...up, flags: TCP.RST }]], [[2, up]]],
    expected: [[], []],
  },
  {
    name: "nothing follows when both ends have closed",
    stretches: [
      [[0, syn], [1, { ...up, flags: TCP.FIN | TCP.ACK }], [1, {
        ...down,
        flags: TCP.FIN | TCP.ACK,
      }]],
      [[2, up]],
    ],
    expected: [[], []],
  },
  {
    name: "the client of the start stays the client",
    stretches: [
      // A client below 1024, so that ports mislead.
      [[0, { ...syn, src: { ...client, port: 79 } }]],
      [[1, {
        ...down,
        src: { ...server, port: 80 },
        dst: {
          ...client,
          port: 79,
        },
      }]],
    ],
    expected: [[], ["0 from 1/0 swapped from its start"]],
  },
  {
    name: "a SYN+ACK goes on from its SYN",
    stretches: [[[0, syn]], [[1, { ...down, flags: TCP.SYN | TCP.ACK }]]],
    expected: [[], ["0 from 1/0 from its start"]],
  },
  {
    name: "datagrams go on for five minutes of silence",
    stretches: [[[0, datagram]], [[299, datagram]], [[700, datagram]]],
    expected: [[], ["0 from 1/0 from its start"], []],
  },
  {
    name: "an earlier capture is not gone on from",
    stretches: [[[1000, up]], [[0, up]]],
    expected: [[], []],
  },
];

for (const { name, stretches, expected } of CASES) {
  Deno.test(name, () => {
    deepEqual(continuedIn(stretches), expected);
  });

  Deno.test(`${name}, also when the writer begins anew`, () => {
    deepEqual(continuedIn(stretches, true), expected);
  });
}

Deno.test("law: a flow that goes on has the same ends where it comes from", () => {
  let continued = 0;
  for (let seed = 0; seed < 30; seed++) {
    const folder = new MemoryFolder();
    {
      using writer = StoreWriter.open(folder, {
        ...OPTIONS,
        shardBytes: 15_000,
      });
      const batch = toBatch(makeTraffic(seed, 1000));
      writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
    }
    const store = Store.open(folder);
    for (const shard of store.shards("oldest first")) {
      const { row, shard: from, shardRow, known } = shard.facts.continued;
      row.forEach((at, i) => {
        ok(from[i]! < shard.number);
        using earlier = store.shard(from[i]!)!;
        const ends = endsOf(shard.index.flows, at);
        const before = endsOf(earlier.index.flows, shardRow[i]!);
        deepEqual(ends.toSorted(), before.toSorted());
        ok(!earlier.index.flows.isOver(shardRow[i]!));
        if ((known[i]! & CONTINUED.FROM_START) === 0) return;
        continued++;
      });
    }
  }
  ok(continued > 100);
});

function endsOf(
  flows: FlowRows,
  row: number,
): string[] {
  equal(row < flows.count, true);
  return [
    `${flows.protocol[row]} ${flows.clientIp(row)}:${flows.clientPort[row]}`,
    `${flows.protocol[row]} ${flows.serverIp(row)}:${flows.serverPort[row]}`,
  ];
}
