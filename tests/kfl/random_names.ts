/**
 * Random claims over few addresses, and a look-up in them that is spelled out:
 * what a names table says is held against it.
 */
import type { End } from "../../entry/entry.ts";
import { type Claim, type Names, NODES } from "../../entry/names.ts";
import type { Random } from "../fuzz/random.ts";
import { ADDRESSES, EPOCH, OFFSETS, PORTS } from "./random_filter.ts";

const pod = (name: string, namespace: string, service?: string): Names => ({
  pod: name,
  namespace,
  service,
  workload: name.replace(/-\d$/, ""),
  node: "node-a",
  labels: { app: service ?? "none" },
  name: `${service ?? name}.${namespace}`,
});

const WHO: readonly Names[] = [
  pod("carts-0", "shop", "carts"),
  pod("carts-1", "shop", "carts"),
  pod("web-0", "shop", "web"),
  pod("job-1", "ops"),
  { service: "carts", namespace: "shop", name: "carts.shop" },
  { node: "node-a", zone: "west", name: "node-a" },
  { node: "node-b", name: "node-b" },
];

const SERVICES = WHO.filter((names) => names.service && !names.pod);

/** Times at which names change: those at which entries begin, and between. */
const CHANGES = [-1_000_000, ...OFFSETS, 500_000, 3_000_000]
  .map((offset) => EPOCH + offset).sort((a, b) => a - b);

/**
 * Claims as a history gives them: those of one address together, those of one
 * port of it in order of time.
 */
export function randomClaims(random: Random): Claim[] {
  const claims: Claim[] = [];
  for (const address of ADDRESSES) {
    if (random.chance(0.2)) continue;
    claims.push(...line(random, address, undefined, WHO));
    for (const port of PORTS) {
      if (random.chance(0.15)) claims.push(...line(random, address, port, WHO));
    }
  }
  for (const port of PORTS) {
    if (random.chance(0.4)) {
      claims.push(...line(random, NODES, port, SERVICES));
    }
  }
  return claims;
}

function* line(
  random: Random,
  address: string,
  port: number | undefined,
  who: readonly Names[],
): Generator<Claim> {
  let from = random.pick([-Infinity, -Infinity, ...CHANGES]);
  while (from < Infinity) {
    const later = CHANGES.filter((each) => each > from);
    const to = random.chance(0.5)
      ? Infinity
      : random.pick([...later, Infinity]);
    yield { address, port, from, to, names: random.pick(who) };
    from = random.pick([to, ...later.filter((each) => each > to), Infinity]);
  }
}

/** What an end was called, by looking at every claim. */
export function nameIn(
  claims: readonly Claim[],
  { ip, port }: End,
  at: number,
): Names | undefined {
  const find = (address: string, of: number | undefined) =>
    claims.find((claim) =>
      claim.address === address && claim.port === of && claim.from <= at &&
      at < claim.to
    )?.names;
  const own = port === undefined ? undefined : find(ip, port);
  if (own) return own;
  const any = find(ip, undefined);
  const isNode = any?.node !== undefined && !any.pod && !any.service;
  return isNode && port !== undefined ? find(NODES, port) ?? any : any;
}
