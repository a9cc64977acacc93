import { deepEqual, equal } from "node:assert/strict";
import { TCP } from "../../packet/packet.ts";
import {
  MAX_WAITING_BYTES,
  MAX_WAITING_PIECES,
  Reassembler,
  type Sink,
  WaitingRoom,
} from "../../stream/reassembly.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import type { ReassemblerState } from "../../stream/reassembly.ts";
import { toPacket, toPackets } from "./notation.ts";

/** What both directions gave: bytes as text, gaps, and their ends. */
class Log {
  readonly lines: string[] = [];

  sink(name: string): Sink {
    const decoder = new TextDecoder();
    return {
      data: (bytes, start, end, _time, place) =>
        this.lines.push(
          `${name} ${decoder.decode(bytes.subarray(start, end))} #${place}`,
        ),
      gap: (size) => this.lines.push(`${name} gap ${size}`),
      fin: () => this.lines.push(`${name} fin`),
    };
  }
}

interface Case {
  readonly name: string;
  readonly packets: readonly string[];
  /** Bytes with their packet; what the end of the capture gives is after `--`. */
  readonly gives: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "gives payload in order as it comes",
    packets: [
      "C SYN seq=99",
      "S SYN seq=299 ack=100",
      "C seq=100 ack=300",
      'C seq=100 ack=300 "GET"',
      'S seq=300 ack=103 "OK"',
      'C seq=103 ack=302 "PUT"',
    ],
    gives: ["C GET #4", "S OK #5", "C PUT #6", "--"],
  },
  {
    name: "lets a later segment wait for an earlier one",
    packets: [
      "C SYN seq=99",
      'C seq=103 "def"',
      'C seq=106 "ghi"',
      'C seq=100 "abc"',
    ],
    gives: ["C abc #4", "C def #2", "C ghi #3", "--"],
  },
  {
    name: "goes on where sequence numbers wrap",
    packets: [
      "C SYN seq=0xfffffffd",
      'C seq=3 "fgh"',
      'C seq=0xfffffffe "abcde"',
    ],
    gives: ["C abcde #3", "C fgh #2", "--"],
  },
  {
    name: "drops what was sent again",
    packets: [
      "C SYN seq=99",
      'C seq=100 "abc"',
      'C seq=100 "abc"',
      'C seq=101 "bcd"',
      "C SYN seq=99",
    ],
    gives: ["C abc #2", "C d #4", "--"],
  },
  {
    name: "keeps the first copy of bytes that differ",
    packets: [
      "C SYN seq=99",
      'C seq=104 "EF"',
      'C seq=102 "cdefgh"',
      'C seq=100 "abXXXXX"',
      'C seq=106 "ZZi"',
    ],
    gives: ["C ab #4", "C cd #3", "C EF #2", "C gh #3", "C i #5", "--"],
  },
  {
    name: "fills several holes with one segment",
    packets: [
      "C SYN seq=99",
      'C seq=102 "c"',
      'C seq=104 "e"',
      'C seq=106 "g"',
      'C seq=100 "ABCDEFGH"',
    ],
    gives: [
      "C AB #5",
      "C c #2",
      "C D #5",
      "C e #3",
      "C F #5",
      "C g #4",
      "C H #5",
      "--",
    ],
  },
  {
    name: "begins with the first segment where the SYN was not captured",
    packets: ["C seq=777 ack=1", 'C seq=500 "abc"', 'C seq=503 "def"'],
    gives: ["C abc #2", "C def #3", "--"],
  },
  {
    name: "reads data on a SYN",
    packets: ['C SYN seq=99 "hello"', "S SYN seq=9 ack=105", 'C seq=105 "!"'],
    gives: ["C hello #1", "C ! #3", "--"],
  },
  {
    name: "reads data on a SYN that the server did not take once",
    packets: [
      'C SYN seq=99 "hello"',
      "S SYN seq=9 ack=100",
      'C seq=100 ack=10 "hello"',
      'C seq=105 ack=10 "!"',
    ],
    gives: ["C hello #1", "C ! #4", "--"],
  },
  {
    name: "ends a direction at its FIN while the other goes on",
    packets: [
      "C SYN seq=99",
      "S SYN seq=299 ack=100",
      'C FIN seq=100 ack=300 "bye"',
      'S seq=300 ack=104 "so"',
      'S seq=302 ack=104 "on"',
      "S FIN seq=304 ack=104",
    ],
    gives: ["C bye #3", "C fin", "S so #4", "S on #5", "S fin", "--"],
  },
  {
    name: "lets a FIN wait for the bytes before it",
    packets: ["C SYN seq=99", "C FIN seq=103", 'C seq=100 "abc"'],
    gives: ["C abc #3", "C fin", "--"],
  },
  {
    name: "gives nothing after a FIN, and a FIN once",
    packets: [
      "C SYN seq=99",
      'C FIN seq=100 "abc"',
      'C FIN seq=100 "abc"',
      'C seq=103 "more"',
      'C FIN seq=104 "more"',
    ],
    gives: ["C abc #2", "C fin", "--"],
  },
  {
    name: "drops what waits beyond a FIN",
    packets: [
      "C SYN seq=99",
      'C seq=102 "cdef"',
      'C seq=110 "x"',
      "C FIN seq=104",
      'C seq=100 "ab"',
    ],
    gives: ["C ab #5", "C cd #2", "C fin", "--"],
  },
  {
    name: "does not believe a FIN before bytes that were delivered",
    packets: [
      "C SYN seq=99",
      'C seq=100 "abc"',
      "C FIN seq=101",
      'C seq=103 "d"',
    ],
    gives: ["C abc #2", "C d #4", "--"],
  },
  {
    name: "takes no payload of an RST",
    packets: ["C SYN seq=99", 'C seq=100 "ab"', 'C RST seq=102 "why"'],
    gives: ["C ab #2", "--"],
  },
  {
    name: "drops the byte of a keep-alive",
    packets: [
      "C SYN seq=99",
      'C seq=100 "ab"',
      'C seq=101 ack=1 "?"',
      "C seq=101 ack=1",
      'C seq=102 "c"',
    ],
    gives: ["C ab #2", "C c #5", "--"],
  },
  {
    name: "takes the byte of a zero window probe",
    packets: [
      "C SYN seq=99",
      'C seq=100 "ab"',
      "S seq=1 ack=102 win=0",
      'C seq=102 "c"',
      "S seq=1 ack=102 win=0",
      'C seq=102 "cde"',
    ],
    gives: ["C ab #2", "C c #4", "C de #6", "--"],
  },
  {
    name: "reads both directions of a simultaneous open",
    packets: [
      "C SYN seq=99",
      "S SYN seq=299",
      "C SYN seq=99 ack=300",
      "S SYN seq=299 ack=100",
      'C seq=100 ack=300 "a"',
      'S seq=300 ack=101 "b"',
    ],
    gives: ["C a #5", "S b #6", "--"],
  },
  {
    name: "waits for bytes that nobody acknowledged",
    packets: [
      "C SYN seq=99 @0",
      'C seq=103 "def" @1',
      "S seq=1 ack=100 @2",
      "S seq=1 ack=100 @3",
      "C seq=106 ack=1 @90",
    ],
    gives: ["--", "C gap 3", "C def #2"],
  },
  {
    name: "gives up bytes acknowledged 100 ms ago",
    packets: [
      "C SYN seq=99 @0",
      'C seq=103 "def" @1',
      "S seq=1 ack=106 @1.05",
      "S seq=1 ack=106 @1.149",
      "S seq=1 ack=106 @1.15",
    ],
    gives: ["C gap 3", "C def #2", "--"],
  },
  {
    name: "notices with any segment that the pause is over",
    packets: [
      "C SYN seq=99 @0",
      'C seq=103 "def" @1',
      "S seq=1 ack=106 @1.05",
      "C seq=106 ack=1 @1.2",
    ],
    gives: ["C gap 3", "C def #2", "--"],
  },
  {
    name: "takes bytes that are captured soon after their acknowledgement",
    packets: [
      "C SYN seq=99 @0",
      'C seq=103 "def" @1',
      "S seq=1 ack=106 @1.05",
      'C seq=100 "abc" @1.1',
      "S seq=1 ack=106 @1.3",
    ],
    gives: ["C abc #4", "C def #2", "--"],
  },
  {
    name: "lets no answer overtake what it answers",
    packets: [
      "C SYN seq=99 @0",
      "S SYN seq=299 ack=100",
      'C seq=103 "def"',
      'S seq=300 ack=106 "OK"',
    ],
    gives: ["C gap 3", "C def #3", "S OK #4", "--"],
  },
  {
    name: "waits on when the answer is to something earlier",
    packets: [
      "C SYN seq=99 @0",
      "S SYN seq=299 ack=100",
      'C seq=103 "def"',
      'S seq=300 ack=100 "hi"',
      'S seq=302 ack=103 "ho"',
      'C seq=100 "abc"',
    ],
    gives: ["S hi #4", "S ho #5", "C abc #6", "C def #3", "--"],
  },
  {
    name: "gives up only what is acknowledged",
    packets: [
      "C SYN seq=99 @0",
      'C seq=103 "def" @1',
      'C seq=109 "jkl" @1',
      "S seq=1 ack=106 @2",
      "S seq=1 ack=106 @3",
    ],
    gives: ["C gap 3", "C def #2", "--", "C gap 3", "C jkl #3"],
  },
  {
    name: "gives up bytes before a FIN that was acknowledged",
    packets: [
      "C SYN seq=99 @0",
      "C FIN seq=103 @1",
      "S seq=1 ack=104 @2",
      "S seq=1 ack=104 @3",
    ],
    gives: ["C gap 3", "C fin", "--"],
  },
  {
    name: "does not believe an acknowledgement of what cannot have been sent",
    packets: [
      "C SYN seq=99 @0",
      'C seq=103 "def" @1',
      "S seq=1 ack=0x70000000 @2",
      "S seq=1 ack=0x70000000 @3",
      'C seq=100 "abc" @4',
    ],
    gives: ["C abc #5", "C def #2", "--"],
  },
  {
    name: "takes no acknowledgement from an RST",
    packets: [
      "C SYN seq=99 @0",
      'C seq=103 "def" @1',
      "S RST seq=1 ack=106 @2",
      "S RST seq=1 ack=106 @3",
      'C seq=100 "abc" @4',
    ],
    gives: ["C abc #5", "C def #2", "--"],
  },
  {
    name: "gives bytes that the snapshot length left, then a gap",
    packets: [
      "C SYN seq=99",
      'C seq=100 "abc" cut=2',
      'C seq=105 "fgh" cut=1',
      "S seq=1 ack=109",
    ],
    gives: ["C abc #2", "C gap 2", "C fgh #3", "C gap 1", "--"],
  },
  {
    name: "fills what the snapshot length cut with bytes sent again at once",
    packets: [
      "C SYN seq=99",
      'C seq=100 "abc" cut=2',
      'C seq=102 "cde"',
      'C seq=105 "f"',
    ],
    gives: ["C abc #2", "C de #3", "C f #4", "--"],
  },
  {
    name: "knows of cut bytes in segments that wait",
    packets: [
      "C SYN seq=99",
      'C seq=103 "de" cut=3',
      'C seq=103 "de" cut=3',
      'C seq=108 "ij"',
      'C seq=100 "abc"',
    ],
    gives: ["C abc #5", "C de #2", "C gap 3", "C ij #4", "--"],
  },
  {
    name: "gives gaps alone where the snapshot length left no payload",
    packets: [
      "C SYN seq=99",
      "C seq=100 cut=10",
      "S seq=1 ack=110",
      "C seq=115 cut=5",
      "C seq=110 cut=5",
      "C FIN seq=120",
    ],
    gives: ["C gap 10", "C gap 5", "C gap 5", "C fin", "--"],
  },
  {
    name: "finds the FIN in a segment that was cut",
    packets: ["C SYN seq=99", 'C FIN seq=100 "ab" cut=3', "S seq=1 ack=106"],
    gives: ["C ab #2", "C gap 3", "C fin", "--"],
  },
  {
    name: "ignores sequence numbers that are absurd",
    packets: [
      "C SYN seq=99",
      'C seq=0x40000000 "stray"',
      'C seq=0x90000000 "old"',
      'C seq=100 "abc"',
    ],
    gives: ["C abc #4", "--"],
  },
  {
    name: "believes a far segment where the last one ended",
    packets: [
      "C SYN seq=99",
      'C seq=0x40000000 "abc"',
      'C seq=0x40000003 "def"',
    ],
    gives: ["--", `C gap ${0x40000003 - 100}`, "C def #3"],
  },
  {
    name: "goes on after more was lost than sequence numbers can tell",
    packets: [
      "C SYN seq=99 @0",
      'C seq=100 "abc" @1',
      'C seq=0xf0000000 "pause" @2',
      'C seq=0xf0000005 "over" @3',
      "S seq=1 ack=0xf0000009 @4",
      "S seq=1 ack=0xf0000009 @5",
      'C seq=0xf0000009 "!" @6',
    ],
    gives: [
      "C abc #2",
      `C gap ${0xf0000005 - 103}`,
      "C over #4",
      "C ! #7",
      "--",
    ],
  },
  {
    name: "believes a far segment near what was acknowledged",
    packets: [
      "C SYN seq=99 @0",
      'C seq=100 "abc" @1',
      "S seq=1 ack=0x03ffffff @2",
      'C seq=0x04000060 "def" @3',
      "S seq=1 ack=0x04000063 @4",
      "S seq=1 ack=0x04000063 @5",
    ],
    gives: ["C abc #2", `C gap ${0x04000060 - 103}`, "C def #4", "--"],
  },
  {
    name: "gives what waits when the capture ends",
    packets: [
      "C SYN seq=99",
      'C seq=103 "def"',
      'C FIN seq=108 "i"',
    ],
    gives: ["--", "C gap 3", "C def #2", "C gap 2", "C i #3", "C fin"],
  },
];

for (const { name, packets, gives } of CASES) {
  Deno.test(`a reassembler ${name}`, () => {
    deepEqual(reassemble(packets, () => false), gives);
  });

  Deno.test(`a reassembler, saved and restored, ${name}`, () => {
    deepEqual(reassemble(packets, () => true), gives);
  });
}

/** Runs a case, saving and restoring before each packet that `isSaved` picks. */
function reassemble(
  lines: readonly string[],
  isSaved: (place: number) => boolean,
): readonly string[] {
  const log = new Log();
  const sinks = { C: log.sink("C"), S: log.sink("S") };
  let ends = { C: new Reassembler(), S: new Reassembler() };
  for (const packet of toPackets(lines)) {
    if (isSaved(packet.place)) ends = { C: copy(ends.C), S: copy(ends.S) };
    const [own, other] = packet.srcPort === 80
      ? ["S", "C"] as const
      : ["C", "S"] as const;
    ends[other].acknowledge(packet, sinks[other]);
    ends[own].add(packet, sinks[own]);
  }
  log.lines.push("--");
  for (const end of ["C", "S"] as const) ends[end].end(sinks[end]);
  return log.lines;
}

function copy(reassembler: Reassembler): Reassembler {
  const saved = decodeState(encodeState(reassembler.save()));
  return Reassembler.restored(saved as ReassemblerState);
}

const SILENT: Sink = { data() {}, gap() {}, fin() {} };

Deno.test("a reassembler hands out payload in order without a copy", () => {
  const packet = toPacket('C seq=1 "abc"', 0);
  let given: Uint8Array | undefined;
  new Reassembler().add(packet, {
    ...SILENT,
    data: (bytes) => given = bytes,
  });
  equal(given, packet.bytes);
});

Deno.test("a reassembler copies what waits", () => {
  const log = new Log();
  const sink = log.sink("C");
  const reassembler = new Reassembler();
  reassembler.add(toPacket("C SYN seq=99", 0), sink);
  const later = toPacket('C seq=103 "def"', 0);
  reassembler.add(later, sink);
  later.bytes.fill(0);
  reassembler.add(toPacket('C seq=100 "abc"', 0), sink);
  deepEqual(log.lines, ["C abc #0", "C def #0"]);
});

Deno.test("a reassembler gives up a hole when too many bytes wait", () => {
  const size = 60_000;
  const reassembler = new Reassembler();
  const gaps: number[] = [];
  let bytes = 0;
  const sink: Sink = {
    ...SILENT,
    data: (_, start, end) => bytes += end - start,
    gap: (lost) => gaps.push(lost),
  };
  reassembler.add(toPacket("C SYN seq=0", 0), sink);
  const packet = toPacket("C seq=11", 0);
  packet.bytes = new Uint8Array(size);
  packet.start = 0;
  packet.end = size;
  let most = 0;
  while (gaps.length === 0) {
    reassembler.add(packet, sink);
    packet.seq += size;
    most = Math.max(most, reassembler.waiting);
  }
  deepEqual(gaps, [10]);
  equal(reassembler.waiting, 0);
  equal(bytes, packet.seq - 11);
  equal(most, Math.floor(MAX_WAITING_BYTES / size) * size);
});

Deno.test("a reassembler gives up a hole when too many pieces wait", () => {
  const reassembler = new Reassembler();
  let gaps = 0;
  const sink: Sink = { ...SILENT, gap: () => gaps++ };
  reassembler.add(toPacket("C SYN seq=0", 0), sink);
  const packet = toPacket('C "x"', 0);
  for (let i = 0; i <= MAX_WAITING_PIECES; i++) {
    equal(gaps, 0);
    packet.seq = 3 + 2 * i;
    reassembler.add(packet, sink);
  }
  equal(gaps, 1);
  equal(reassembler.waiting, MAX_WAITING_PIECES);
});

Deno.test("one segment that fills thousands of holes does not stall", () => {
  const reassembler = new Reassembler();
  reassembler.add(toPacket("C SYN seq=0", 0), SILENT);
  const packet = toPacket('C "x"', 0);
  for (let i = MAX_WAITING_PIECES; i > 0; i--) {
    packet.seq = 1 + i * 4;
    reassembler.add(packet, SILENT);
  }
  equal(reassembler.waiting, MAX_WAITING_PIECES);
  packet.bytes = new Uint8Array(65_535);
  packet.seq = 2;
  packet.start = 0;
  packet.end = packet.bytes.length;
  const start = performance.now();
  reassembler.add(packet, SILENT);
  const took = performance.now() - start;
  equal(took < 1000, true, `${took} ms`);
});

Deno.test("reassemblers that share a full room give up their own holes", () => {
  const room = new WaitingRoom(4);
  const one = new Reassembler(room);
  const log = new Log();
  one.add(toPacket("C SYN seq=99", 0), log.sink("one"));
  one.add(toPacket('C seq=101 "abc"', 0), log.sink("one"));
  const two = new Reassembler(room);
  two.add(toPacket("C SYN seq=99", 0), log.sink("two"));
  two.add(toPacket('C seq=102 "de"', 0), log.sink("two"));
  deepEqual(log.lines, ["two gap 2", "two de #0"]);
  equal(room.bytes, 3);
  one.end(SILENT);
  equal(room.bytes, 0);
});

Deno.test("a reassembler leaves the room when bytes beyond its FIN go", () => {
  const room = new WaitingRoom();
  const reassembler = new Reassembler(room);
  reassembler.add(toPacket("C SYN seq=99", 0), SILENT);
  reassembler.add(toPacket('C seq=200 "abc"', 0), SILENT);
  reassembler.add(toPacket("C FIN seq=100", 0), SILENT);
  equal(reassembler.isEnded, true);
  equal(room.bytes, 0);
});

Deno.test("a reassembler gives up in between what its next segment would", () => {
  const log = new Log();
  const sink = log.sink("C");
  const reassembler = new Reassembler();
  reassembler.add(toPacket("C SYN seq=99", 0), sink);
  reassembler.add(toPacket('C seq=103 "def"', 0), sink);
  reassembler.add(toPacket('C seq=109 "jkl"', 0), sink);
  reassembler.acknowledge(toPacket("S ack=106", 1000), sink);
  reassembler.acknowledge(toPacket("S ack=112", 2000), sink);
  reassembler.expire(100_999, sink);
  deepEqual(log.lines, []);
  reassembler.expire(101_000, sink);
  deepEqual(log.lines, ["C gap 3", "C def #0"]);
  reassembler.expire(102_000, sink);
  deepEqual(log.lines.slice(2), ["C gap 3", "C jkl #0"]);
});

Deno.test("a reassembler counts strays", () => {
  const reassembler = new Reassembler();
  reassembler.add(toPacket("C SYN seq=0", 0), SILENT);
  for (const seq of [0x20000000, 0x30000000, 0x7fffffff]) {
    const stray = toPacket('C "x"', 0);
    stray.seq = seq;
    stray.flags |= TCP.PSH;
    reassembler.add(stray, SILENT);
  }
  equal(reassembler.strays, 3);
});

Deno.test("a stream of more than 4 GiB goes on in order", () => {
  const size = 1 << 20;
  const reassembler = new Reassembler();
  let total = 0;
  const sink: Sink = {
    data: (_, start, end) => total += end - start,
    gap: () => total = NaN,
    fin() {},
  };
  const packet = toPacket("C", 0);
  packet.bytes = new Uint8Array(size);
  packet.start = 0;
  packet.end = size;
  for (let i = 0; i < 5000; i++) {
    packet.seq = i * size >>> 0;
    reassembler.add(packet, sink);
  }
  equal(total, 5000 * size);
});
