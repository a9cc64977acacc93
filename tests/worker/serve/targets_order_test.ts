/** Orders as they come over a socket: read strictly. */
import { deepEqual, throws } from "node:assert/strict";
import { MAX_POD_NETWORKS } from "../../../api/worker.ts";
import { Refused } from "../../../net/failure.ts";
import { toTargetsOrder } from "../../../worker/serve/targets_order.ts";

const WEB = { uid: "u1", namespace: "shop", pod: "web-1", ips: ["10.1.0.7"] };

Deno.test("an order may name the networks of pods, whatever else it says", () => {
  const ends = [{ ip: "10.1.0.7" }];
  for (const what of [{ all: true }, { ends }]) {
    const order = { revision: "one", ...what, networks: [WEB] };
    deepEqual(toTargetsOrder({ ...order, other: 1 }), order);
  }
  deepEqual(toTargetsOrder({ revision: "one", ends }), {
    ...{ revision: "one", ends },
  });
});

Deno.test("networks that cannot be meant are refused", () => {
  for (
    const networks of [
      ...[null, {}, "shop/web-1", [null], [1]],
      [{ ...WEB, uid: "" }],
      [{ ...WEB, pod: "x".repeat(254) }],
      [{ ...WEB, namespace: undefined }],
      [{ ...WEB, ips: undefined }],
      [{ ...WEB, ips: ["web.shop"] }],
      [{ ...WEB, ips: Array(17).fill("10.1.0.7") }],
      Array(MAX_POD_NETWORKS + 1).fill(WEB),
    ]
  ) {
    const order = { revision: "one", all: true, networks };
    throws(() => toTargetsOrder(order), Refused, JSON.stringify(networks));
  }
});
