/** Commands that are about a cluster, as their users meet them. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { FakeCluster } from "./fake_cluster.ts";

Deno.test("tap installs, shows, and takes away what it made", async () => {
  await using cluster = await FakeCluster.start();
  const before = cluster.server.namesOf("Pod");
  const tap = cluster.run("tap", "^carts", "-n", "shop", "--port", "0");
  const [, url] = await cluster.says(tap, /open (http:\S+)/);
  match(tap.stderr, /^thresher: context "fake" at http:\/\/127\.0\.0\.1/);
  match(tap.stderr, /Kubernetes v1\.36\.2, 2 nodes to capture on/);
  match(tap.stderr, /NAMESPACE +POD +NODE\n +shop +carts-7d9f-x +node-a/);
  match(tap.stderr, /hub ready, workers 2 of 2/);
  deepEqual(cluster.pickers.at(-1)?.toPreview().selection, {
    pod: "^carts",
    namespaces: ["shop"],
  });
  const page = await fetch(url!, { redirect: "manual" });
  await page.body?.cancel();
  equal(page.status, 303);
  ok(cluster.ours().length > 10);
  Deno.kill(tap.pid, "SIGINT");
  equal(await tap.ended, 130);
  match(tap.stderr, /1\d objects were removed; nothing is left of them/);
  deepEqual(cluster.ours(), []);
  deepEqual(cluster.server.namesOf("Pod"), before);
});
