/** KFL: reading a filter, and deciding it for entries, flows and packets. */
import { compileFlow, compileMessage } from "../../kfl/evaluator.ts";
import { satisfies } from "../../kfl/interpreter.ts";
import { complete } from "../../kfl/completion.ts";
import { compilePacket } from "../../kfl/packet_filter.ts";
import type { Plan } from "../../kfl/plan.ts";
import { compileQuery } from "../../kfl/query.ts";
import { ENTRIES, MORNING, NOW } from "../kfl/entries.ts";
import { schema } from "../kfl/schema.ts";

function planOf(text: string): Plan {
  const { plan } = compileQuery(text, schema, { now: NOW });
  if (!plan) throw new Error(text);
  return plan;
}

const FAILURES = "http and response.status >= 400 and elapsedTime > 10ms";
const CONTENT =
  'request.path startsWith "/api/" and request.headers["accept"] matches "html" and response.body.json().items.exists(i, i.price > 10)';

Deno.bench("kfl: a filter of three conditions to its plan", () => {
  planOf(FAILURES);
});

const ADDRESSES = Array.from(
  { length: 1000 },
  (_, i) => `10.0.${i >> 8}.${i & 255}`,
);
const LIST = `ip in [${ADDRESSES.join(", ")}]`;

Deno.bench("kfl: a list of 1,000 addresses to its plan", () => {
  planOf(LIST);
});

Deno.bench("kfl: what may come next after a path", () => {
  complete("http and request.", 17, schema);
});

// As the last stage sees them: 14,000 entries of all protocols.
const entries = Array.from({ length: 1000 }, () => Object.values(ENTRIES))
  .flat();

function countMatches(text: string, expected: number): () => void {
  const matches = compileMessage(planOf(text));
  return () => {
    const count = entries.filter(matches).length;
    if (count !== expected) throw new Error(`Got ${count}`);
  };
}

Deno.bench(
  "kfl: 14,000 entries, status and duration",
  countMatches(FAILURES, 1000),
);
Deno.bench(
  "kfl: 14,000 entries, a path",
  countMatches('request.path == "/api/cart"', 1000),
);
Deno.bench(
  "kfl: 14,000 entries, headers and a body",
  countMatches(CONTENT, 1000),
);
Deno.bench("kfl: 14,000 entries, free text", countMatches('"shoe"', 5000));

const interpreted = planOf(FAILURES).filter;
Deno.bench("kfl: 14,000 entries, status and duration, interpreted", () => {
  const count = entries.filter((each) => satisfies(interpreted, each)).length;
  if (count !== 1000) throw new Error(`Got ${count}`);
});

// As a scan sees them before anything is reassembled.
const judge = compileFlow(planOf('dst.port == 6379 and request.key == "a"'));
const flows = Array.from({ length: 10_000 }, (_, i) => ({
  transport: "tcp",
  ends: [{ ip: "10.0.0.1", port: i }, { ip: "10.0.0.2", port: 6379 }],
  first: MORNING,
  last: MORNING + i,
  protocols: i % 2 ? ["http"] : undefined,
} as const));

Deno.bench("kfl: 10,000 flows judged", () => {
  for (const flow of flows) judge(flow);
});

// As an export sees them: columns of a batch of packets.
const COUNT = 65_536;
const rows = {
  protocol: new Uint8Array(COUNT).fill(6),
  version: new Uint8Array(COUNT).fill(4),
  srcPort: Uint16Array.from({ length: COUNT }, (_, i) => i),
  dstPort: new Uint16Array(COUNT).fill(80),
  src: new Uint32Array(COUNT * 4).fill(0x0a000001),
  dst: new Uint32Array(COUNT * 4).fill(0x0a000002),
};
const verdicts = new Uint8Array(COUNT);

for (const text of ["port == 8080", "src.ip == 10.0.0.1 and dst.port == 80"]) {
  const filter = compilePacket(planOf(text))!;
  Deno.bench(`kfl: 65,536 packets, ${text}`, () => {
    filter.judge(rows, COUNT, verdicts);
  });
}
