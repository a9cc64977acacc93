/** Tunnels through the proxy that a kubeconfig names. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { issue, makeAuthority } from "../../k8s/certificates.ts";
import { Client } from "../../k8s/client.ts";
import { startFakeApiServer } from "./fake_api_server.ts";
import { until } from "./until.ts";

/** A proxy that connects to wherever it is asked to, and who asked. */
async function withProxy(
  run: (url: string, asked: (string | undefined)[]) => Promise<void>,
  status = 200,
): Promise<void> {
  const asked: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const proxy: Server = createServer();
  proxy.on("connect", (request, socket: Socket, head) => {
    asked.push(request.headers["proxy-authorization"]);
    sockets.add(socket);
    socket.on("error", () => {});
    if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connected\r\n\r\n");
      if (head.length > 0) onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    });
    sockets.add(onward);
    onward.on("error", () => {});
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  const { port } = proxy.address() as AddressInfo;
  try {
    await run(`http://somebody:s%40fe@127.0.0.1:${port}`, asked);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => proxy.close(done));
  }
}

const now = new Date();
const authority = makeAuthority("cluster", now);

/** A pod that repeats what it hears, and a client that comes by the proxy. */
async function withPod(
  proxy: string,
  isSecure: boolean,
  run: (client: Client) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepting = (async () => {
    for await (const conn of listener) {
      conn.readable.pipeTo(conn.writable).catch(() => {});
    }
  })();
  await using server = await startFakeApiServer({
    ...(isSecure && {
      tls: issue(authority, "kubernetes", ["127.0.0.1"], now),
    }),
    kubelet: () =>
      Promise.resolve({
        ip: "10.78.0.1",
        dial: () => Deno.connect({ hostname: "127.0.0.1", port }),
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
  using client = new Client({
    context: "fake",
    server: server.url,
    namespace: "default",
    credentials: () =>
      Promise.resolve({
        headers: { authorization: "Bearer admin-token" },
        ...(isSecure && { ca: authority.cert }),
        proxy,
      }),
  });
  try {
    await run(client);
  } finally {
    listener.close();
    await accepting;
  }
}

for (const isSecure of [false, true]) {
  const how = isSecure ? "with TLS" : "without TLS";
  Deno.test(`a tunnel goes through a proxy, ${how}`, () =>
    withProxy((proxy, asked) =>
      withPod(proxy, isSecure, async (client) => {
        const tunnel = await client.dial("hub", "default", 8080);
        const writer = tunnel.writable.getWriter();
        await writer.write(new TextEncoder().encode("hello"));
        const reader = tunnel.readable.getReader();
        const { value } = await reader.read();
        equal(new TextDecoder().decode(value), "hello");
        deepEqual(asked, [`Basic ${btoa("somebody:s@fe")}`]);
        tunnel.close();
        await reader.closed;
      })
    ));
}

Deno.test("a proxy that refuses is named", () =>
  withProxy((proxy) =>
    withPod(proxy, false, async (client) => {
      await rejects(
        () => client.dial("hub", "default", 8080),
        /through the proxy 127\.0\.0\.1:\d+: it answers 407/,
      );
    }), 407));

Deno.test("a proxy of another kind is refused", () =>
  withPod("ftp://127.0.0.1", false, async (client) => {
    await rejects(
      () => client.dial("hub", "default", 8080),
      /only http:\/\/ and https:\/\/ proxies/,
    );
  }));
