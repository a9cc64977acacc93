/**
 * Exchanges a second of DNS, with nothing asked of them: queries of one
 * resolver, ten of them open at any time, as dnsperf keeps them.
 */
import type { ParserContext, Side } from "../../dissectors/dissector.ts";
import { dns } from "../../dissectors/dns/dns.ts";
import { StreamReader } from "../../stream/reader.ts";
import { answer, query } from "../dissectors/dns/messages.ts";

const EXCHANGES = 10_000;
const OPEN = 10;

const CONTEXT: ParserContext = {
  transport: "udp",
  client: { ip: "10.0.0.1", port: 50_000 },
  server: { ip: "10.0.0.2", port: 53 },
  ipVersion: 4,
  midStream: false,
  wantsBodies: false,
};

interface Datagram {
  readonly side: Side;
  readonly bytes: Uint8Array;
}

const datagrams: Datagram[] = [];
for (let n = 0; n < EXCHANGES + OPEN; n++) {
  const name = (id: number) => `carts-${id}.shop.svc.cluster.local`;
  if (n < EXCHANGES) {
    datagrams.push({ side: "client", bytes: query(n, name(n)) });
  }
  const id = n - OPEN;
  if (id >= 0) datagrams.push({ side: "server", bytes: answer(id, name(id)) });
}

/** Reads the datagrams; gives the number of exchanges. */
function read(use?: (it: object) => void): number {
  const parser = dns.open(CONTEXT);
  const readers = { client: new StreamReader(), server: new StreamReader() };
  let exchanges = 0;
  for (const [place, { side, bytes }] of datagrams.entries()) {
    const reader = readers[side];
    reader.append(bytes, 0, bytes.length, place, place);
    for (const exchange of parser.read(side, reader)) {
      use?.(exchange.response!.values);
      exchanges++;
    }
    reader.retain();
  }
  return exchanges;
}

Deno.bench(`dns: ${EXCHANGES} queries and answers`, () => {
  const exchanges = read();
  if (exchanges !== EXCHANGES) throw new Error(`Got ${exchanges}`);
});

Deno.bench(`dns: ${EXCHANGES} queries and answers, records looked at`, () => {
  let found = 0;
  read((response) => {
    const { answers } = response as { answers: { data: unknown }[] };
    if (answers[0]!.data === "10.0.0.9") found++;
  });
  if (found !== EXCHANGES) throw new Error(`Found ${found}`);
});
