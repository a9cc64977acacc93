/** Names that the hub gives the ends of single entries. */
import { deepEqual } from "node:assert/strict";
import type { Claim } from "../../entry/names.ts";
import { namesAt, type NameSource } from "../../hub/names.ts";

const CLAIMS: readonly Claim[] = ["10.1.0.7", "10.1.0.9"].map((address) => ({
  address,
  from: 0,
  to: Infinity,
  names: { pod: `pod-${address}` },
}));

const SOURCE: NameSource = {
  claims: () => CLAIMS,
  listen: () => ({ [Symbol.dispose]() {} }),
};

Deno.test("an end on a pod's loopback has the pod's names, one on another's none", () => {
  const ends = [
    { ip: "127.0.0.1", port: 80, podIp: "10.1.0.7" },
    { ip: "10.1.0.9", port: 80 },
    { ip: "127.0.0.1", port: 80 },
  ];
  deepEqual(
    namesAt(SOURCE, ends, 1000).map((names) => names?.pod),
    ["pod-10.1.0.7", "pod-10.1.0.9", undefined],
  );
});
