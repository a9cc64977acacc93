/** Made-up service maps. */
import type { MapAnswer, MapEdge } from "../../../api/hub.ts";
import { Random } from "../../fuzz/random.ts";

/** An answer about at most so many ends, of which some speak with themselves. */
export function randomMap(
  random: Random,
  ends: number,
): Pick<MapAnswer, "edges" | "ends"> {
  const names = Array.from({ length: ends }, (_, i) => `end-${i}.shop`);
  const edges = Array.from(
    { length: random.int(1, 3 * ends) },
    (): MapEdge => ({
      src: random.pick(names),
      dst: random.pick(names),
      protocol: random.pick(["http", "dns", "redis"]),
      count: random.int(1, 1000),
      failed: random.int(0, 1),
      requestBytes: random.int(0, 1000),
      responseBytes: random.int(0, 1000),
      elapsedTime: { p50: 1, p95: 2, p99: 3 },
    }),
  );
  const told = Map.groupBy(
    edges,
    ({ src, dst, protocol }) => [src, dst, protocol].join(),
  );
  const distinct = [...told.values()].map(([edge]) => edge!)
    .sort((a, b) => b.count - a.count);
  const used = new Set(distinct.flatMap(({ src, dst }) => [src!, dst!]));
  return {
    edges: distinct,
    ends: [...used].map((end) => ({
      end,
      by: "name",
      value: end,
      namespace: "shop",
    })),
  };
}

/** The same in another order. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const rest = [...items];
  return items.map(() => rest.splice(random.int(0, rest.length - 1), 1)[0]!);
}
