/** Made-up traffic of a cluster with as many services as wanted. */
import type { End } from "../../entry/entry.ts";
import { Random } from "../fuzz/random.ts";
import type { Exchange } from "./traffic.ts";

/** Layers of services: each asks those of the next ones. */
const LAYERS = ["gateway", "web", "api", "service", "store"];

/** What a layer is asked by. */
const PROTOCOLS = ["http", "http", "http", "grpc", "postgresql"];

const NAMESPACES = ["shop", "payments", "search", "platform"];

/** Exchanges of a kind that differ only in how long they took. */
const EACH = 6;

/**
 * Exchanges between so many ends; of those outside of the cluster some have a
 * name from DNS, and some an address alone.
 */
export function cityOf(ends: number): readonly Exchange[] {
  const random = new Random(ends);
  const layers = LAYERS.map((layer, depth) =>
    Array.from(
      { length: Math.ceil((ends - 3) * [0.04, 0.16, 0.25, 0.35, 0.2][depth]!) },
      (_, i) => serviceOf(layer, depth, i),
    )
  );
  const exchanges: Exchange[] = [];
  const ask = (src: End, dst: End, protocol: string, busy: number) => {
    const isPoor = random.chance(0.1);
    for (let i = 0; i < EACH * busy; i++) {
      exchanges.push(exchangeOf(random, src, dst, protocol, isPoor));
    }
  };
  for (const [depth, layer] of layers.entries()) {
    for (const [i, end] of layer.entries()) {
      const above = layers[depth - 1];
      const busy = 1 + Math.floor(4 / (1 + i));
      if (above) ask(random.pick(above), end, PROTOCOLS[depth]!, busy);
      else ask(OUTSIDE[i % 2]!, end, "tls", 4);
      const below = layers[depth + 1];
      if (below && random.chance(0.5)) {
        ask(end, random.pick(below), PROTOCOLS[depth + 1]!, 1);
      }
      if (depth === 3 && i % 4 === 0) ask(end, layers[2]![0]!, "http", 1);
    }
  }
  ask(layers[2]![0]!, OUTSIDE[2]!, "tls", 2);
  return exchanges.sort(() => random.int(0, 1) - 0.5);
}

/** Ends that no cluster knows. */
const OUTSIDE: readonly End[] = [
  { ip: "203.0.113.9", port: 50000 },
  { ip: "2001:db8:85a3::8a2e:370:7334", port: 50001 },
  {
    ip: "198.51.100.24",
    port: 443,
    name: "ec2-198-51-100-24.eu-central-1.compute.payments.example.com",
  },
];

function serviceOf(layer: string, depth: number, i: number): End {
  const namespace = NAMESPACES[(depth + i) % NAMESPACES.length]!;
  const service = `${layer}-${i}`;
  return {
    ip: `10.${depth}.${i >> 8}.${i & 255}`,
    port: 8080,
    name: `${service}.${namespace}`,
    pod: `${service}-0`,
    workload: service,
    service,
    namespace,
  };
}

function exchangeOf(
  random: Random,
  src: End,
  dst: End,
  protocol: string,
  isPoor: boolean,
): Exchange {
  const failed = random.chance(isPoor ? 0.3 : 0.01);
  return {
    protocol,
    transport: "tcp",
    decrypted: false,
    src,
    dst,
    elapsed: Math.round(3000 * 2 ** (random.int(-30, 40) / 10)),
    summary: `${protocol} of ${dst.name ?? dst.ip}`,
    status: failed ? 500 : 200,
    failed,
    requestSize: random.int(100, 900),
    responseSize: random.int(90, 40_000),
  };
}
