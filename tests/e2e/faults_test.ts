/**
 * An installation on bad days: its API server freezes and busies itself,
 * logins expire, tunnels are cut. No stored packet is lost, whoever watches is
 * told, and what was asked for goes on by itself.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { unzipSync } from "fflate";
import type { Program } from "../record/program.ts";
import { lacks } from "../setup.ts";
import { Kubernetes } from "./kubernetes.ts";
import { eventually, THRESHER } from "./lab.ts";
import { CONTROL } from "./nodes.ts";
import { lacksServices } from "./services.ts";
import { buy, openShop } from "./shop.ts";

/** How long the API server is away, ms. */
const OUTAGE = 20_000;

const ignore = lacksServices() ||
  lacks("nft", "setpriv", "socat", "redis-cli", "tcpdump");

Deno.test({
  name: "an installation in a cluster survives bad days, and tells of them",
  ignore,
  async fn(t) {
    await using cluster = await Kubernetes.start("node-a", "node-b");
    const { server, nodes: { lab } } = cluster;
    await openShop(cluster);
    const login = await loginOf(cluster);
    const flags = ["--kubeconfig", login.kubeconfig];
    const tap = lab.thresher(CONTROL, "tap", "-n", "shop", ...flags);
    const says = (what: RegExp) =>
      eventually(`${what}`, () => {
        if (!tap.isRunning) throw new Error(`It ended: ${tap.stderr}`);
        return what.test(tap.stderr);
      });
    await says(/open http/);
    using followed = follow(
      lab.thresher(CONTROL, "query", "http", "-f", "--json"),
    );
    const seen = (path: string) =>
      eventually(path, () => followed.nodesOf(path).length > 0);

    await t.step("a query follows what pods say", async () => {
      await eventually("a row", async () => {
        await buy(cluster, ["warm-up"]);
        return followed.nodesOf("/carts/warm-up").length > 0;
      });
      await buy(cluster, ["first"]);
      await seen("/carts/first");
    });

    await t.step("a frozen API server stops nothing for good", async () => {
      server.freeze();
      const frozen = delay(OUTAGE);
      await buy(cluster, ["frozen-1", "frozen-2"]);
      await says(/The hub does not answer: .*; trying again/);
      await frozen;
      server.thaw();
      await seen("/carts/frozen-1");
      await seen("/carts/frozen-2");
      await says(/the hub answers again/);
    });

    await t.step("an expired login is renewed by its plug-in", async () => {
      await login.renew();
      // With each look at the cluster, the plug-in is asked again.
      await buy(cluster, ["renewed"]);
      await seen("/carts/renewed");
      server.fail(3, { status: 429, retryAfter: 1 });
      server.expire();
      server.endWatches();
      await buy(cluster, ["busy"]);
      await seen("/carts/busy");
    });

    await t.step(
      "each exchange was shown once, though two nodes saw it",
      () => {
        for (
          const path of ["first", "frozen-1", "frozen-2", "renewed", "busy"]
        ) {
          const nodes = followed.nodesOf(`/carts/${path}`);
          equal(nodes.length, 1, `${path}: ${nodes}`);
        }
      },
    );

    await t.step("what was stored while it was killed is there", async () => {
      await server.down();
      const away = delay(OUTAGE);
      await buy(cluster, ["killed"]);
      await away;
      await server.up();
      const kfl = 'http and request.path == "/carts/killed"';
      await eventually("what was stored", async () => {
        try {
          const text = await lab.run(CONTROL, [
            ...[...THRESHER, "query", kfl, "--count"],
          ]);
          return text.trim() === "1";
        } catch {
          // The tunnel is not yet back.
          return false;
        }
      });
    });

    await t.step("the packets of all nodes come as one file", async () => {
      const file = join(lab.folder, "all.pcap");
      await lab.run(CONTROL, [
        ...[...THRESHER, "pcapdump", "-o", file, ...flags],
      ]);
      const text = await lab.run(CONTROL, [
        "tcpdump",
        "-nn",
        "-tt",
        "-r",
        file,
      ]);
      const times = text.split("\n").filter(Boolean)
        .map((line) => Number(line.split(" ")[0]));
      ok(times.length > 50, `${times.length} packets`);
      deepEqual(times, [...times].sort((a, b) => a - b));
      // A client's request on its own node, and the cache's answer there.
      match(text, /GET \/carts\/first HTTP/);
      match(text, /RESP "set" "session:first"/i);
    });

    await t.step("logs have what hub and workers said", async () => {
      const file = join(lab.folder, "logs.zip");
      await lab.run(CONTROL, [...THRESHER, "logs", "-o", file, ...flags]);
      const files = unzipSync(await Deno.readFile(file));
      const names = Object.keys(files);
      equal(names.filter((name) => /worker\.log$/.test(name)).length, 2);
      ok(names.includes("hub/metrics.txt"));
      ok(!names.includes("missing.txt"), textOf(files["missing.txt"]));
    });

    await t.step("status and check find it well", async () => {
      const status = await lab.run(CONTROL, [
        ...[...THRESHER, "status", ...flags],
      ]);
      match(status, /hub ready, workers 2 of 2/);
      const check = await lab.run(CONTROL, [...THRESHER, "check", ...flags]);
      match(check, /its hub answers, and reaches 2 of 2 workers/);
    });

    await t.step("and nothing is left of it", async () => {
      Deno.kill(tap.pid, "SIGINT");
      equal(await tap.ended, 130, tap.stderr);
      match(tap.stderr, /objects were removed; nothing is left/);
      deepEqual(
        server.namesOf("Pod").filter((name) => name.startsWith("thresher/")),
        [],
      );
    });
  },
});

const textOf = (bytes: Uint8Array | undefined): string =>
  new TextDecoder().decode(bytes);

/** What a query prints while it follows. */
function follow(
  query: Program,
): Disposable & { nodesOf(path: string): string[] } {
  return {
    /** Of each exchange with that path, the node that saw it. */
    nodesOf(path) {
      if (!query.isRunning) throw new Error(`It ended: ${query.stderr}`);
      return query.stdout.split("\n").slice(0, -1)
        .map((line) => JSON.parse(line))
        .filter(({ request }) => request.path === path)
        .map(({ node }) => node.name);
    },
    [Symbol.dispose]: () => void query.stop(),
  };
}

/** A login whose token a plug-in gives, and that can be made to expire. */
async function loginOf({ server, nodes: { lab }, kubeconfig }: Kubernetes) {
  const file = join(lab.folder, "token");
  let token = "";
  const renew = async () => {
    const before = token;
    token = crypto.randomUUID();
    server.tokens.set(token, "admin");
    await Deno.writeTextFile(file, token);
    server.tokens.delete(before);
  };
  await renew();
  const script = 'printf \'{"apiVersion":"client.authentication.k8s.io/v1",' +
    '"kind":"ExecCredential","status":{"token":"%s"}}\' "$(cat "$0")"';
  const config = JSON.parse(await Deno.readTextFile(kubeconfig));
  config.users[0].user = {
    exec: {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "sh",
      args: ["-c", script, file],
      interactiveMode: "Never",
    },
  };
  const path = join(lab.folder, "kubeconfig-of-plugin");
  await Deno.writeTextFile(path, JSON.stringify(config));
  return { kubeconfig: path, renew };
}
