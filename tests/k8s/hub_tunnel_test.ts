/** The way to a hub that moves, through a server that goes away. */
import { deepEqual, equal, match } from "node:assert/strict";
import { Client } from "../../k8s/client.ts";
import { install } from "../../k8s/deploy.ts";
import { HubTunnel } from "../../k8s/hub_tunnel.ts";
import { objectsOf, USUAL } from "../../k8s/installation.ts";
import { PODS } from "../../k8s/resource.ts";
import { isUsable, readReadiness } from "../../k8s/readiness.ts";
import { type FakeApiServer, startFakeApiServer } from "./fake_api_server.ts";
import { until } from "./until.ts";

/** An installation whose hub pods are real HTTP servers, and a way to them. */
async function withHub(
  run: (
    tunnel: HubTunnel,
    server: FakeApiServer,
    told: string[],
    client: Client,
  ) => Promise<void>,
): Promise<void> {
  let count = 0;
  await using server = await startFakeApiServer({
    kubelet: (pod) => {
      const name = pod.metadata.name;
      const hub = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        () => new Response(name),
      );
      const { port } = hub.addr as Deno.NetAddr;
      return Promise.resolve({
        ip: `10.78.0.${++count}`,
        dial: (wanted) =>
          wanted === 8899
            ? Deno.connect({ hostname: "127.0.0.1", port })
            : Promise.reject(new Deno.errors.ConnectionRefused()),
        stop: () => hub.shutdown(),
      });
    },
  });
  using client = new Client({
    context: "fake",
    server: server.url,
    namespace: "default",
    credentials: () =>
      Promise.resolve({ headers: { authorization: "Bearer admin-token" } }),
  });
  for await (const _ of install(client, objectsOf(USUAL)));
  await until(
    "it is usable",
    async () => isUsable(await readReadiness(client, "thresher")),
  );
  const told: string[] = [];
  const tunnel = new HubTunnel(client, "thresher", { port: 0 }, (news) => {
    told.push(news.kind);
  });
  try {
    await run(tunnel, server, told, client);
  } finally {
    await tunnel.close();
  }
}

/** Asks over a connection of its own. */
async function ask(tunnel: HubTunnel): Promise<string> {
  using http = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const url = `http://127.0.0.1:${tunnel.port}/`;
  const response = await fetch(url, {
    client: http,
    headers: { connection: "close" },
  });
  return await response.text();
}

Deno.test("the hub answers through the tunnel", () =>
  withHub(async (tunnel, _server, told) => {
    const names = await Promise.all([1, 2, 3, 4].map(() => ask(tunnel)));
    for (const name of names) match(name, /^thresher-hub-/);
    deepEqual(told, []);
  }));

Deno.test("when its pod is replaced, the next one answers", () =>
  withHub(async (tunnel, _server, _told, client) => {
    const before = await ask(tunnel);
    await client.delete(PODS, before, "thresher");
    await until("another answers", async () => {
      const name = await ask(tunnel).catch(() => before);
      return name !== before;
    });
  }));

Deno.test("a server that was away is found again, and both are told", () =>
  withHub(async (tunnel, server, told) => {
    await server.down();
    const asked = ask(tunnel);
    await until("it is lost", () => told.length === 1);
    await server.up();
    match(await asked, /^thresher-hub-/);
    deepEqual(told, ["lost", "found"]);
  }));

Deno.test("a port that is taken is passed over", () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return withHub(async (_tunnel, server) => {
    using client = new Client({
      context: "fake",
      server: server.url,
      namespace: "default",
      credentials: () => Promise.resolve({ headers: {} }),
    });
    const port = taken.addr.port;
    const tunnel = new HubTunnel(client, "thresher", { port }, () => {});
    equal(tunnel.port > port, true);
    await tunnel.close();
  }).finally(() => taken.close());
});
