/**
 * The legs of a service mesh: what a client says to the proxy beside it, and
 * that proxy's counterpart to the server, is one exchange and shown once.
 */
import { deepEqual, equal } from "node:assert/strict";
import { Batch, BatchWriter, FLAG } from "../../api/batch.ts";
import { type Leg, type Marks } from "../../entry/entry.ts";
import { Merge } from "../../hub/merge.ts";
import { Random } from "../fuzz/random.ts";

/** What a worker saw of an exchange. */
interface Seen {
  readonly node: string;
  /** Absent on the wire. */
  readonly leg?: Leg;
  readonly begun: number;
  readonly ended: number;
  readonly marks: Marks;
  /** The exchange that it is of. */
  readonly of: number;
}

/** A row as it was given. */
interface Given {
  readonly of: number;
  readonly node: string;
  readonly dst: string;
  readonly legs?: readonly string[];
  readonly seenBy?: readonly string[];
}

type Way = "asc" | "desc" | "live";

const BEGINNING = 1e15;

function add(writer: BatchWriter, seen: Seen): void {
  const { node, leg, begun, ended, marks } = seen;
  // On its own leg a server is known by its pod, a client knows the service.
  const dst = { ip: leg === "inbound" ? "10.1.1.9" : "10.96.0.9", port: 80 };
  const head = {
    timestamp: BEGINNING + begun,
    completed: BEGINNING + ended,
    protocol: "http",
    failed: false,
    decrypted: false,
    node: { name: node },
    src: { ip: "10.1.0.7", port: 4000 },
    dst,
    ...leg && { leg },
    marks,
  };
  const text = JSON.stringify({ of: seen.of, node, dst: dst.ip });
  writer.add(head, { place: begun, n: 0 }, text);
}

/** What is given of all that was seen, in one of the ways of asking. */
function given(all: readonly Seen[], way: Way): Given[] {
  const sign = way === "desc" ? -1 : 1;
  const keyOf = ({ begun, ended }: Seen) => way === "live" ? ended : begun;
  const nodes = [...new Set(all.map(({ node }) => node))].sort();
  const merge = new Merge({
    order: way === "desc" ? "desc" : "asc",
    follow: way === "live",
    last: 0,
    findsTwins: nodes.length > 1,
    onTaken: () => {},
  });
  const rows: Given[] = [];
  const writer = new BatchWriter("entry");
  const takeAll = (now: number): void => {
    while (merge.take(writer, 100, now) > 0) {
      const batch = new Batch(writer.take());
      for (let row = 0; row < batch.count; row++) {
        const entry: Given = JSON.parse(batch.text(row));
        const isPaired = (batch.flags[row]! & FLAG.OUTBOUND) !== 0 &&
          (batch.flags[row]! & FLAG.INBOUND) !== 0;
        equal(isPaired, entry.legs !== undefined);
        equal(batch.word(batch.dst[row]!), entry.dst);
        rows.push(entry);
      }
    }
  };
  for (const [i] of nodes.entries()) {
    merge.add();
    if (way !== "live") continue;
    merge.setStored(i, 0);
    merge.setLive(i);
  }
  takeAll(0);
  for (const [i, node] of nodes.entries()) {
    const own = all.filter((seen) => seen.node === node)
      .sort((a, b) => sign * (keyOf(a) - keyOf(b)));
    const of = new BatchWriter("entry");
    for (const seen of own) add(of, seen);
    merge.push(i, new Batch(of.take()), 0);
  }
  for (const [i] of nodes.entries()) merge.end(i);
  takeAll(0);
  takeAll(10_000);
  return rows;
}

const ASKED = { asked: 11, answered: 22 } as const;

const outbound: Seen = {
  ...{ node: "a", leg: "outbound", begun: 100, ended: 900, marks: ASKED },
  of: 1,
};
const inbound: Seen = {
  ...{ node: "b", leg: "inbound", begun: 300, ended: 700, marks: ASKED },
  of: 1,
};

const CASES: readonly {
  readonly name: string;
  readonly seen: readonly Seen[];
  readonly rows: number;
}[] = [
  { name: "two legs of one exchange", seen: [outbound, inbound], rows: 1 },
  {
    name: "legs of two pods of one node",
    seen: [outbound, { ...inbound, node: "a" }],
    rows: 1,
  },
  {
    name: "on one node, legs of which none lies in the other",
    seen: [outbound, { ...inbound, node: "a", ended: 950 }],
    rows: 2,
  },
  {
    name: "on two nodes, legs whose clocks differ",
    seen: [outbound, { ...inbound, begun: 50, ended: 950 }],
    rows: 1,
  },
  {
    name: "legs that are further apart than clocks may be",
    seen: [outbound, { ...inbound, begun: 2e6, ended: 2e6 + 1 }],
    rows: 2,
  },
  {
    name: "another request",
    seen: [outbound, { ...inbound, marks: { asked: 12, answered: 22 } }],
    rows: 2,
  },
  {
    name: "another answer",
    seen: [outbound, { ...inbound, marks: { asked: 11, answered: 23 } }],
    rows: 2,
  },
  {
    name: "a request of which one leg lost the answer",
    seen: [outbound, { ...inbound, marks: { asked: 11 } }],
    rows: 1,
  },
  {
    name: "the same request by other names of one tracing system",
    seen: [
      { ...outbound, marks: { ...ASKED, traced: 40 } },
      { ...inbound, marks: { ...ASKED, traced: 42 } },
    ],
    rows: 2,
  },
  {
    name: "a request that the proxy gave a name in another tracing system",
    seen: [
      { ...outbound, marks: { ...ASKED, traced: 40 } },
      { ...inbound, marks: { ...ASKED, traced: 43 } },
    ],
    rows: 1,
  },
  {
    name: "two clients that ask the same",
    seen: [outbound, { ...outbound, of: 2, begun: 110, ended: 890 }],
    rows: 2,
  },
];

for (const way of ["asc", "desc", "live"] as const) {
  for (const { name, seen, rows } of CASES) {
    Deno.test(`${name}: ${rows === 1 ? "one row" : `${rows} rows`}, ${way}`, () => {
      equal(given(seen, way).length, rows);
    });
  }

  Deno.test(`the row has the client's end, and the server's of the other leg, ${way}`, () => {
    deepEqual(given([outbound, inbound], way), [{
      ...{ of: 1, node: "a", dst: "10.1.1.9" },
      legs: ["outbound", "inbound"],
      seenBy: ["b"],
    }]);
  });
}

for (let seed = 0; seed < 60; seed++) {
  const way = (["asc", "desc", "live"] as const)[seed % 3]!;
  Deno.test(`many who ask the same at once are all shown once, ${way}, seed ${seed}`, () => {
    const random = new Random(seed);
    const seen: Seen[] = [];
    const count = random.int(1, 60);
    for (let of = 0; of < count; of++) {
      const begun = random.int(0, 3000);
      const ended = begun + random.int(10, 900);
      const within = random.int(begun, ended);
      const whole = { node: "a", of, begun, ended };
      // Whoever asks beyond the mesh, or from without, has one leg alone.
      const kind = random.int(0, 5);
      const marks = kind < 4
        ? { asked: random.int(1, 3), answered: 7 }
        : { asked: 100 + of };
      if (kind !== 4) seen.push({ ...whole, leg: "outbound", marks });
      if (kind === 5) continue;
      const inner = { begun: within, ended: random.int(within, ended) };
      seen.push({ ...whole, ...inner, leg: "inbound", marks });
    }
    const rows = given(seen, way);
    equal(rows.length, count);
    const paired = seen.length - count;
    equal(rows.filter(({ legs }) => legs).length, paired);
  });
}
