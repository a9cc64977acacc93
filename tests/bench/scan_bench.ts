/**
 * How fast packets become matches, all stages together, and what it costs to
 * go on in the midst of a capture: connections of one HTTP exchange each.
 */
import { compileQuery } from "../../kfl/query.ts";
import { PROTOCOLS, SCHEMA } from "../../dissectors/registry.ts";
import { TCP } from "../../packet/packet.ts";
import { toPlace } from "../../stream/reader.ts";
import { SourceScan } from "../../worker/scan/source_scan.ts";
import { bytes, ethernet, ipv4, tcp, text } from "../packet/frames.ts";
import {
  BEGIN,
  type Frame,
  LINKTYPE_ETHERNET,
  toBatch,
} from "../worker/shards/traffic.ts";

const CONNECTIONS = 2000;

const REQUEST = text(
  "GET /api/carts/4711 HTTP/1.1\r\nHost: carts\r\nAccept: */*\r\n\r\n",
);
const RESPONSE = text(
  `HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: application/json\r\n` +
    `Content-Length: 1000\r\n\r\n${"{}".padEnd(1000)}`,
);
const NOTHING = bytes();

/** A connection from a port of its own, opened and closed. */
function* connection(n: number): Generator<Frame> {
  const port = 20_000 + n;
  const [client, server] = ["10.0.0.1", "10.0.0.2"];
  let time = BEGIN + n * 1000;
  const [isn, other] = [Math.imul(n, 0x9e3779b1), Math.imul(n, 0x85ebca6b)];
  const frame = (
    isClient: boolean,
    flags: number,
    seq: number,
    ack: number,
    payload = NOTHING,
  ): Frame => {
    const segment = tcp(payload, {
      srcPort: isClient ? port : 8080,
      dstPort: isClient ? 8080 : port,
      seq: seq + (isClient ? isn : other) >>> 0,
      ack: ack + (isClient ? other : isn) >>> 0,
      flags,
    });
    const [src, dst] = isClient ? [client, server] : [server, client];
    const bytes = ethernet(0x0800, ipv4(6, segment, { src, dst }));
    return {
      time: time += 100,
      nanos: 0,
      bytes,
      original: bytes.length,
      interface: 0,
    };
  };
  const asked = 1 + REQUEST.length;
  const answered = 1 + RESPONSE.length;
  yield frame(true, TCP.SYN, 0, 0);
  yield frame(false, TCP.SYN | TCP.ACK, 0, 1);
  yield frame(true, TCP.ACK, 1, 1, REQUEST);
  yield frame(false, TCP.ACK, 1, asked, RESPONSE);
  yield frame(false, TCP.FIN | TCP.ACK, answered, asked);
  yield frame(true, TCP.FIN | TCP.ACK, asked, answered + 1);
}

const frames = Array.from({ length: CONNECTIONS }, (_, n) => [...connection(n)])
  .flat();
const batch = toBatch(frames);

/** A scan of all frames, not ended. */
function scanOf(kfl: string, isWhole: boolean): SourceScan {
  const { plan } = compileQuery(kfl, SCHEMA, { now: 0, bodies: false });
  if (!plan) throw new Error(`"${kfl}" is not understood`);
  return new SourceScan("bench", {
    plan,
    protocols: PROTOCOLS,
    onMatch() {},
    isWhole,
  });
}

function replay(scan: SourceScan): void {
  for (let i = 0; i < batch.count; i++) {
    scan.frame(batch, i, LINKTYPE_ETHERNET, toPlace(1, i));
  }
}

for (
  const [kfl, expected] of [
    ["http and response.status < 400", CONNECTIONS],
    ["http and response.status >= 400", 0],
    ["dns", 0],
    ["port == 6379", 0],
  ] as const
) {
  Deno.bench(`scan: ${frames.length} packets by \`${kfl}\``, () => {
    const scan = scanOf(kfl, false);
    replay(scan);
    scan.end();
    const { matches } = scan.coverage;
    if (matches !== expected) throw new Error(`Got ${matches}`);
  });
}

const whole = scanOf("", true);
replay(whole);
const saved = whole.replay.save();

Deno.bench(`replay: ${CONNECTIONS} connections that lie behind saved`, () => {
  if (whole.replay.save().length !== saved.length) throw new Error("It grew");
});

Deno.bench(`replay: the same resumed`, () => {
  scanOf("http", false).replay.resume(saved);
});
