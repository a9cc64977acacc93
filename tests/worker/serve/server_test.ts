/** A worker over the network: real sockets, as a hub and as an attacker. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { MAX_TEXT } from "../../../api/messages.ts";
import { SECRET_HEADER, WORKER } from "../../../api/paths.ts";
import { RemoteWorker } from "../../../hub/remote_worker.ts";
import { issue, makeAuthority } from "../../../k8s/certificates.ts";
import { HEAD_PATIENCE, MAX_HEAD } from "../../../net/http.ts";
import { UnsafeListening, WorkerServer } from "../../../worker/serve/server.ts";
import { Random } from "../../fuzz/random.ts";
import { ask, askFor, planOf } from "./asker.ts";
import { importFixtures, withFolder, withService } from "./folders.ts";

const SECRET = "0123456789abcdef";

/** A server over some fixtures, and its address. */
async function withServer(
  use: (port: number, remote: RemoteWorker) => Promise<void>,
  fixtures = ["redis/pipelined.pcap", "http/nginx.pcap"],
): Promise<void> {
  await withFolder(async (folder) => {
    await importFixtures(folder, fixtures);
    await withService(folder, async (service) => {
      const faults: unknown[] = [];
      await using server = await WorkerServer.start({
        service,
        hostname: "127.0.0.1",
        port: 0,
        secret: SECRET,
        onFault: (error) => faults.push(error),
      });
      const { port } = server;
      const remote = new RemoteWorker(`ws://127.0.0.1:${port}`, {
        secret: SECRET,
      });
      await use(port, remote);
      deepEqual(faults, []);
    });
  });
}

Deno.test("a hub elsewhere asks as one in the same process", async () => {
  await withServer(async (_, remote) => {
    const asked = await ask(remote, askFor("redis", { output: "entry" }));
    await asked.ended();
    ok(asked.rows.length > 0);
    equal(asked.done?.done.matches, asked.rows.length);
    const id = encodeURIComponent(asked.rows[0]!.id);
    const entry = await remote.fetch(`${WORKER.entries}/${id}`);
    equal(await entry.text(), asked.rows[0]!.text);
    const packets = await remote.fetch(WORKER.packets, {
      method: "POST",
      body: JSON.stringify({ plan: planOf(""), exact: false }),
    });
    equal(packets.headers.get("content-type"), "application/vnd.tcpdump.pcap");
    ok((await packets.bytes()).length > 1000);
  });
});

Deno.test("over TLS a worker may listen anywhere, without it here alone", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap"]);
    const path = `${folder}-tls`;
    await Deno.mkdir(path);
    const { success } = await new Deno.Command("openssl", {
      args: [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256".split(" "),
        ..."-nodes -days 2 -subj /CN=localhost -keyout key -out cert".split(
          " ",
        ),
        ...["-addext", "subjectAltName=IP:127.0.0.1"],
        ...["-addext", "basicConstraints=CA:FALSE"],
      ],
      cwd: path,
      stderr: "null",
    }).output();
    ok(success);
    const cert = await Deno.readTextFile(`${path}/cert`);
    const key = await Deno.readTextFile(`${path}/key`);
    await Deno.remove(path, { recursive: true });
    await withService(folder, async (service) => {
      const options = {
        service,
        hostname: "0.0.0.0",
        port: 0,
        secret: SECRET,
        onFault() {},
      };
      await rejects(WorkerServer.start(options), UnsafeListening);
      const tls = { cert, key };
      await using server = await WorkerServer.start({ ...options, tls });
      const remote = new RemoteWorker(`wss://127.0.0.1:${server.port}`, {
        secret: SECRET,
        ca: cert,
      });
      const asked = await ask(remote, askFor("", { output: "count" }));
      await asked.ended();
      ok(asked.done!.done.matches > 0);
      equal((await remote.fetch(WORKER.health)).status, 200);
      remote.close();
    });
  });
});

Deno.test("a certificate is renewed under connections that go on", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap"]);
    await withService(folder, async (service) => {
      const authority = makeAuthority("thresher", new Date());
      const issued = (name: string) =>
        issue(authority, name, ["127.0.0.1"], new Date());
      await using server = await WorkerServer.start({
        ...{ service, hostname: "127.0.0.1", port: 0, secret: SECRET },
        tls: issued("first"),
        onFault() {},
      });
      const { port } = server;
      const dialled = () =>
        new RemoteWorker(`wss://127.0.0.1:${port}`, {
          ...{ secret: SECRET, ca: authority.cert },
        });
      const before = dialled();
      const standing = await ask(before, askFor("", { credit: 0 }), false);
      equal(await shownBy(port, authority.cert), "first");
      server.renew(issued("second"));
      equal(await shownBy(port, authority.cert), "second");
      standing.grant(16);
      await standing.ended();
      equal(standing.done?.done.matches, standing.rows.length);
      const after = dialled();
      equal((await after.fetch(WORKER.state)).status, 200);
      before.close();
      after.close();
    });
  });
});

/** Whose certificate a new connection is shown, if the authority knows it. */
function shownBy(port: number, ca: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: "127.0.0.1", port, ca }, () => {
    resolve(String(socket.getPeerCertificate().subject.CN));
    socket.destroy();
  });
  socket.on("error", reject);
  return promise;
}

/** What a server answers to bytes; all of it, until it closes. */
async function exchange(port: number, bytes: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await connection.write(new TextEncoder().encode(bytes));
  } catch {
    // Refused before all of it was read.
  }
  let answer = "";
  const chunk = new Uint8Array(4096);
  try {
    for (let n; (n = await connection.read(chunk)) !== null;) {
      answer += new TextDecoder().decode(chunk.subarray(0, n));
    }
  } catch {
    // Cut off.
  }
  return answer;
}

const head = (path: string, ...lines: string[]) =>
  [`GET ${path} HTTP/1.1`, "Host: a", ...lines, "", ""].join("\r\n");

const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];

const ATTACKS: [name: string, bytes: string, status: number][] = [
  ["no secret", head(WORKER.state, "Connection: close"), 401],
  [
    "a wrong secret",
    head(WORKER.state, "Connection: close", `${SECRET_HEADER}: ${SECRET}0`),
    401,
  ],
  [
    "a secret in the query",
    head(`${WORKER.state}?secret=${SECRET}`, "Connection: close"),
    401,
  ],
  ["a WebSocket without it", head(WORKER.query, ...UPGRADE), 401],
  [
    "a WebSocket elsewhere",
    head(WORKER.state, ...UPGRADE, `${SECRET_HEADER}: ${SECRET}`),
    404,
  ],
  [
    "a WebSocket that is none",
    head(
      WORKER.query,
      "Connection: Upgrade",
      "Upgrade: websocket",
      `${SECRET_HEADER}: ${SECRET}`,
    ),
    400,
  ],
  ["a head too long", head("/", `X: ${"x".repeat(2 * MAX_HEAD)}`), 431],
  ["no HTTP", "\x16\x03\x01\x02\x00\x01\r\n\r\n", 400],
  [
    "a body too long",
    `POST ${WORKER.packets} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
    `${SECRET_HEADER}: ${SECRET}\r\nContent-Length: 34000000\r\n\r\n` +
    "x".repeat(100_000),
    413,
  ],
  ["half a head", `GET ${WORKER.state} HTTP/1.1\r\nHo`, 408],
];

Deno.test("whoever must not ask is refused", async () => {
  await withServer(async (port, remote) => {
    for (const [name, bytes, status] of ATTACKS) {
      const began = performance.now();
      const answer = await exchange(port, bytes);
      equal(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1], String(status), name);
      ok(performance.now() - began < 4 * HEAD_PATIENCE, name);
    }
    equal((await remote.fetch(WORKER.health)).status, 200);
  });
});

/** A WebSocket as an attacker who has the secret opens it. */
async function opened(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = head(WORKER.query, ...UPGRADE, `${SECRET_HEADER}: ${SECRET}`);
  await connection.write(new TextEncoder().encode(request));
  const answer = new Uint8Array(1000);
  const size = await connection.read(answer);
  match(new TextDecoder().decode(answer.subarray(0, size!)), /^HTTP\/1.1 101/);
  return connection;
}

/** A frame of a client, masked with zeros. */
function frame(opcode: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(14 + payload.length);
  bytes[0] = 0x80 | opcode;
  bytes[1] = 0xff;
  new DataView(bytes.buffer).setBigUint64(2, BigInt(payload.length));
  bytes.set(payload, 14);
  return bytes;
}

Deno.test("what breaks the protocol of a query ends it, and nothing else", async () => {
  await withServer(async (port, remote) => {
    const random = new Random(7);
    const question = new TextEncoder().encode(JSON.stringify(askFor("http")));
    const running = await ask(
      remote,
      askFor("", { output: "entry", credit: 0 }),
      false,
    );
    for (let n = 0; n < 60; n++) {
      using connection = await opened(port);
      const bytes = random.pick([
        () => random.bytes(random.int(1, 300)),
        () => frame(1, random.mutate(question)),
        () => frame(2, random.bytes(50)),
        () => frame(1, random.bytes(random.int(0, 200))),
        () => random.mutate(frame(1, question), 20),
      ])();
      // It may close before all was written.
      await connection.write(bytes).catch(() => {});
      if (n % 10 === 0) await sleep(10);
    }
    running.grant(100);
    await running.ended();
    equal(running.done?.done.matches, running.rows.length);
  });
});

Deno.test("a message too long closes its connection at once", async () => {
  await withServer(async (port) => {
    using connection = await opened(port);
    const huge = frame(1, new Uint8Array(0));
    new DataView(huge.buffer).setBigUint64(2, BigInt(MAX_TEXT + 1));
    await connection.write(huge);
    const answer = new Uint8Array(1000);
    const size = await connection.read(answer);
    ok(size);
    equal(answer[0], 0x88);
    equal(answer[2]! * 256 + answer[3]!, 1009);
  });
});

Deno.test("a query whose connection is lost ends", async () => {
  await withServer(async (port, remote) => {
    const connection = await opened(port);
    const question = JSON.stringify(askFor("", { credit: 0 }));
    await connection.write(frame(1, new TextEncoder().encode(question)));
    const queries = async () => {
      const text = await (await remote.fetch(WORKER.metrics)).text();
      return Number(/^thresher_worker_queries (\d+)$/m.exec(text)![1]);
    };
    while (await queries() !== 1) await sleep(10);
    connection.close();
    while (await queries() !== 0) await sleep(10);
  });
});
