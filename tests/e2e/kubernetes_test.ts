/**
 * The whole way on a cluster, as somebody goes it: one command deploys, opens
 * and shows; pods talk and have names; what goes wrong is said and heals; and
 * in the end nothing is left.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { lacks } from "../setup.ts";
import { Kubernetes } from "./kubernetes.ts";
import { eventually, THRESHER } from "./lab.ts";
import { CONTROL } from "./nodes.ts";
import { lacksServices } from "./services.ts";
import { buy, openShop, podOf, restock } from "./shop.ts";
import { Watcher } from "./watcher.ts";

const ignore = lacksServices() ||
  lacks("chromium", "nft", "setpriv", "socat", "redis-cli");

Deno.test({
  name: "tap deploys to a cluster, shows it, and leaves nothing behind",
  ignore,
  async fn(t) {
    await using cluster = await Kubernetes.start("node-a", "node-b");
    const { server, nodes: { lab } } = cluster;
    await openShop(cluster);
    const before = everything(cluster);
    const flags = ["--kubeconfig", cluster.kubeconfig];
    const tap = lab.thresher(CONTROL, "tap", "--no-browser", "-n", "shop", ...[
      ...flags,
    ]);
    const url = await eventually("an address to open", () => {
      if (!tap.isRunning) throw new Error(`It ended: ${tap.stderr}`);
      return /open (http:\S+)/.exec(tap.stderr)?.[1];
    });
    await using watcher = await Watcher.start(lab, CONTROL, UNREACHED);
    const { page } = watcher;

    const entries = async (kfl: string): Promise<Named[]> => {
      const text = await lab.run(CONTROL, [
        ...[...THRESHER, "query", kfl, "--json"],
      ]);
      return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    };

    await t.step("the page opens, and both nodes answer", async () => {
      await page.goto(url);
      await watcher.isTold("Live");
      await watcher.isTold(/^2 nodes/);
    });

    await t.step("pods that talk are shown by their names", async () => {
      await watcher.filter("http or redis");
      await buy(cluster, ["1", "2"]);
      await watcher.sees("GET /carts/2");
      const row = page.locator("entry-list .row:not(.head):not([hidden])")
        .filter({ hasText: "GET /carts/2" }).first();
      match(await row.innerText(), /web[\s\S]*carts/);
      await watcher.filter('dst.service == "carts"');
      await watcher.sees("GET /carts/1");
      ok((await watcher.rows()).every(({ protocol }) => protocol === "http"));
    });

    await t.step("the terminal asks the same hub", async () => {
      const found = await entries('http and dst.service == "carts"');
      // Each node keeps what its pods say; what both have is shown once.
      equal(found.length, 2);
      for (const { node, seenBy } of found) {
        deepEqual([node.name, seenBy], ["node-a", ["node-b"]]);
      }
      // The client's node is where the service's address becomes the pod's.
      const [{ src, dst }] = found as [Named];
      equal(src.pod, podOf(cluster, "web", "shop")!.metadata.name);
      equal(dst.pod, podOf(cluster, "carts", "shop")!.metadata.name);
      equal(dst.namespace, "shop");
      equal(dst.ip, podOf(cluster, "carts", "shop")!.status!.podIP);
      equal(dst.serviceIp, "10.96.0.10");
      deepEqual(await entries('http and src.namespace == "depot"'), []);
    });

    await t.step("of others nothing is stored", async () => {
      await restock(cluster, "/before");
      await buy(cluster, ["3"]);
      await watcher.filter("");
      await watcher.sees("GET /carts/3");
      deepEqual(await entries('request.path == "/before"'), []);
    });

    await t.step("a second tap captures others from now on", async () => {
      const second = lab.thresher(CONTROL, "tap", "--no-browser", ...[
        ...["-n", "depot", ...flags],
      ]);
      await eventually("its address", () => {
        if (!second.isRunning) throw new Error(`It ended: ${second.stderr}`);
        return second.stderr.includes("open http");
      });
      await eventually("somebody else's request", async () => {
        await restock(cluster, "/after");
        return (await entries('request.path == "/after"')).length > 0;
      });
      Deno.kill(second.pid, "SIGINT");
      equal(await second.ended, 130, second.stderr);
      ok(tap.isRunning);
      match(everything(cluster).join(), /thresher-hub/);
    });

    await t.step(
      "a worker that crashes is missed, and comes back",
      async () => {
        const worker = server.namesOf("Pod").map((name) => name.split("/")[1]!)
          .find((name) =>
            name.startsWith("thresher-worker") &&
            cluster.kubelets.hostOf(name) === "node-b"
          )!;
        Deno.kill(cluster.kubelets.programOf(worker)!.pid, "SIGKILL");
        await watcher.isTold("1 of 2 nodes");
        await watcher.isTold(/^2 nodes/);
      },
    );

    await t.step(
      "what happens while its API server is away is kept",
      async () => {
        await server.down();
        await restock(cluster, "/alone");
        await watcher.isTold("Hub lost");
        await server.up();
        await watcher.filter('request.path == "/alone"');
        await watcher.sees("GET /alone");
      },
    );

    await t.step("a hub that is replaced is found again", async () => {
      const hub = server.namesOf("Pod").map((name) => name.split("/")[1]!)
        .find((name) => name.startsWith("thresher-hub"))!;
      server.drop("Pod", hub, "thresher");
      await eventually(
        "another hub",
        () =>
          server.namesOf("Pod").some((name) =>
            name.includes("/thresher-hub") && !name.endsWith(hub)
          ),
      );
      await eventually("an answer", async () => {
        try {
          return (await entries('request.path == "/alone"')).length === 1;
        } catch {
          return false;
        }
      }, 60_000);
    });

    await t.step("Ctrl-C removes everything, and says so", async () => {
      Deno.kill(tap.pid, "SIGINT");
      equal(await tap.ended, 130, tap.stderr);
      deepEqual(everything(cluster), before);
    });
  },
});

/** What is named of an entry. */
interface Named {
  readonly node: { readonly name: string };
  readonly seenBy?: readonly string[];
  readonly src: End;
  readonly dst: End;
}

type End = Readonly<
  Partial<Record<"ip" | "pod" | "namespace" | "service" | "serviceIp", string>>
>;

/** A page whose hub is away says so in the console, whoever asked. */
const UNREACHED = /Failed to load resource|WebSocket connection/;

/** All that the cluster has of what an installation consists of. */
function everything({ server }: Kubernetes): string[] {
  const kinds = [
    ...["Namespace", "Pod", "Deployment", "DaemonSet", "Service", "Secret"],
    ...["ServiceAccount", "ClusterRole", "ClusterRoleBinding"],
    ...["NetworkPolicy"],
  ];
  return kinds.flatMap((kind) =>
    server.namesOf(kind).map((name) => `${kind} ${name}`)
  );
}
