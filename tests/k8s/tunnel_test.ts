/** Tunnels to pods through the fake API server, with real connections in them. */
import { equal, match, ok, rejects } from "node:assert/strict";
import type { ClusterAccess } from "../../k8s/access.ts";
import { Client } from "../../k8s/client.ts";
import { ClusterError } from "../../k8s/cluster_error.ts";
import { type FakeApiServer, startFakeApiServer } from "./fake_api_server.ts";
import { until } from "./until.ts";

/** A pod with one listening port, whose connections `serve` answers. */
async function withPod(
  serve: (conn: Deno.Conn) => Promise<void>,
  run: (client: Client, server: FakeApiServer) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) served.push(serve(conn));
  })();
  await using server = await startFakeApiServer({
    kubelet: () =>
      Promise.resolve({
        ip: "10.78.0.1",
        dial: (wanted) =>
          wanted === 8080
            ? Deno.connect({ hostname: "127.0.0.1", port })
            : Promise.reject(new Deno.errors.ConnectionRefused("refused")),
      }),
  });
  server.put("Pod", {
    metadata: { name: "hub", namespace: "default" },
    spec: { containers: [{ name: "hub" }] },
  });
  await until(
    "the pod runs",
    () => server.find("Pod", "hub", "default")?.status?.phase === "Running",
  );
  using client = new Client(accessTo(server));
  try {
    await run(client, server);
  } finally {
    listener.close();
    await accepting;
    await Promise.all(served);
  }
}

const accessTo = (server: FakeApiServer, token = "admin-token") => ({
  context: "fake",
  server: server.url,
  namespace: "default",
  credentials: () =>
    Promise.resolve({ headers: { authorization: `Bearer ${token}` } }),
} satisfies ClusterAccess);

const echo = async (conn: Deno.Conn) => {
  try {
    await conn.readable.pipeTo(conn.writable);
  } catch {
    // The other end went: all there is to know.
  }
};

Deno.test("bytes go both ways", () =>
  withPod(echo, async (client) => {
    const tunnel = await client.dial("hub", "default", 8080);
    const writer = tunnel.writable.getWriter();
    const reader = tunnel.readable.getReader();
    for (const text of ["first", "second"]) {
      await writer.write(new TextEncoder().encode(text));
      const { value } = await reader.read();
      equal(new TextDecoder().decode(value), text);
    }
    tunnel.close();
    equal((await reader.read()).done, true);
  }));

Deno.test("a large answer arrives whole, and ends when the pod says", () => {
  const size = 20 << 20;
  return withPod(async (conn) => {
    const writer = conn.writable.getWriter();
    const part = new Uint8Array(65536).fill(7);
    for (let sent = 0; sent < size; sent += part.length) {
      await writer.write(part);
    }
    await writer.close();
  }, async (client) => {
    const tunnel = await client.dial("hub", "default", 8080);
    let got = 0;
    for await (const chunk of tunnel.readable) got += chunk.length;
    equal(got, size);
  });
});

Deno.test("whoever does not read holds up the sender, and costs no memory", () => {
  const part = new Uint8Array(65536);
  let sent = 0;
  return withPod(async (conn) => {
    const writer = conn.writable.getWriter();
    try {
      while (sent < 1 << 30) {
        await writer.write(part);
        sent += part.length;
      }
    } catch {
      // Closed at the end of the test.
    }
  }, async (client) => {
    const tunnel = await client.dial("hub", "default", 8080);
    let before = -1;
    await until("nothing moves any more", async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const isStill = sent === before;
      before = sent;
      return isStill;
    });
    ok(sent < 64 << 20, `${sent} bytes are on their way`);
    tunnel.close();
  });
});

Deno.test("a port on which nothing listens is named", () =>
  withPod(echo, async (client) => {
    const tunnel = await client.dial("hub", "default", 9999);
    const error = await tunnel.readable.getReader().read().catch((e) => e);
    ok(error instanceof ClusterError);
    match(error.message, /Nothing listens on port 9999 in pod "hub"/);
  }));

Deno.test("a pod that is not there, or not ours, is told apart", () =>
  withPod(echo, async (client, server) => {
    const faultOf = (client: Client, pod: string) =>
      client.dial(pod, "default", 8080).then(
        () => "none",
        (error: ClusterError) => error.fault,
      );
    equal(await faultOf(client, "gone"), "missing");
    using viewer = new Client(accessTo(server, "viewer"));
    equal(await faultOf(viewer, "hub"), "forbidden");
    using stranger = new Client(accessTo(server, "nobody"));
    equal(await faultOf(stranger, "hub"), "unauthorized");
    await rejects(
      () => viewer.dial("hub", "default", 8080),
      /get and to create pods\/portforward/,
    );
  }));

Deno.test("a tunnel that is cut ends, and says so to the writer", () =>
  withPod(echo, async (client, server) => {
    const tunnel = await client.dial("hub", "default", 8080);
    const reader = tunnel.readable.getReader();
    const writer = tunnel.writable.getWriter();
    await writer.write(new Uint8Array([1]));
    await reader.read();
    server.cut();
    await reader.read().catch(() => {});
    await rejects(() => writer.write(new Uint8Array([2])), /was closed/);
    const again = await client.dial("hub", "default", 8080);
    again.close();
  }));
