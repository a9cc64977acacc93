import { ok } from "node:assert/strict";
import { lacksNetworks } from "../../record/network.ts";
import { killUnderLoad } from "./killing.ts";

/** `deno task nightly` has more. */
const ROUNDS = 4;

Deno.test({
  name: "a worker that is killed under load has lost nothing that was stored",
  ignore: lacksNetworks(),
  async fn() {
    const { packets } = await killUnderLoad(ROUNDS, 12);
    ok(packets > 10_000, `${packets} packets were stored`);
  },
});
