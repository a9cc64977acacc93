/** Names of a large cluster that never rests: 5,000 pods and 500 services. */
import { Resolver } from "../../k8s/resolver.ts";
import { Random } from "../fuzz/random.ts";
import { Churn, START, type Step } from "../k8s/churn.ts";

const SIZE = { nodes: 100, pods: 5000, services: 500, addresses: 6000 };

const churn = new Churn(new Random(1), SIZE);
const beginning = [...churn.begin()];

/** Ten seconds at 50 changes a second, 60 times over. */
const changes: { readonly at: number; readonly step: Step }[] = [];
for (let at = START; changes.length < 30_000; at += 20_000) {
  for (const step of churn.step(at)) changes.push({ at, step });
}

function listed(): Resolver {
  const resolver = new Resolver();
  const kinds = ["nodes", "services", "slices", "pods"] as const;
  for (const kind of kinds) resolver.take(kind, { kind: "listing" }, START);
  for (const { kind, change, object } of beginning) {
    resolver.take(kind, { kind: change, object } as never, START);
  }
  for (const kind of kinds) resolver.take(kind, { kind: "listed" }, START);
  return resolver;
}

function churned(): Resolver {
  const resolver = listed();
  for (const { at, step: { kind, change, object } } of changes) {
    resolver.take(kind, { kind: change, object } as never, at);
  }
  return resolver;
}

Deno.bench("names: the first list of 5,000 pods and 500 services", () => {
  if (!listed().isReady) throw new Error("Not ready");
});

Deno.bench("names: that list, then 10 minutes of 50 changes/s", () => {
  if (churned().history.size < 10_000) throw new Error("Too few claims");
});

const { history } = churned();
const addresses = churn.addresses();
const random = new Random(2);
const asked = Array.from({ length: 100_000 }, () => ({
  address: random.pick(addresses),
  port: random.pick([80, 443, 51234]),
  at: START + random.int(0, 600) * 1_000_000,
}));

Deno.bench("names: 100,000 look-ups in that history", () => {
  let found = 0;
  for (const { address, port, at } of asked) {
    if (history.lookup(address, port, at)) found++;
  }
  if (found < 1000) throw new Error(`Found ${found}`);
});
