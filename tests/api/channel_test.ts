/** Channels over real sockets and ports: one behaves as the other does. */
import { deepEqual, equal } from "node:assert/strict";
import {
  type Channel,
  type Message,
  PortChannel,
  SocketChannel,
} from "../../api/channel.ts";

/** Two ends, and how to let go of what is behind them. */
interface Pair {
  readonly near: Channel;
  readonly far: Channel;
  end(): Promise<void>;
}

function overPorts(): Promise<Pair> {
  const { port1, port2 } = new MessageChannel();
  return Promise.resolve({
    near: new PortChannel(port1),
    far: new PortChannel(port2),
    end: () => Promise.resolve(),
  });
}

async function overSockets(): Promise<Pair> {
  const accepted = Promise.withResolvers<Channel>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      accepted.resolve(new SocketChannel(socket));
      return response;
    },
  );
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`);
  const near = new SocketChannel(socket);
  await new Promise((resolve) =>
    socket.addEventListener("open", resolve, { once: true })
  );
  return { near, far: await accepted.promise, end: () => server.shutdown() };
}

/** What one end hears until it is closed. */
function listenTo(channel: Channel): {
  readonly messages: Message[];
  readonly closed: Promise<string>;
  heard(count: number): Promise<void>;
} {
  const messages: Message[] = [];
  const closed = Promise.withResolvers<string>();
  let onMessage = () => {};
  channel.listen({
    onMessage: (message) => {
      messages.push(message);
      onMessage();
    },
    onClose: closed.resolve,
  });
  return {
    messages,
    closed: closed.promise,
    heard: (count) =>
      new Promise((resolve) => {
        onMessage = () => messages.length >= count && resolve();
        onMessage();
      }),
  };
}

for (
  const [kind, open] of [["ports", overPorts], [
    "sockets",
    overSockets,
  ]] as const
) {
  Deno.test(`messages come through ${kind} whole, in order and both ways`, async () => {
    const { near, far, end } = await open();
    const [atNear, atFar] = [listenTo(near), listenTo(far)];
    const bytes = new Uint8Array(300_000).fill(7);
    near.send("grüße");
    near.send(bytes.slice());
    near.send("");
    far.send("back");
    await atFar.heard(3);
    await atNear.heard(1);
    deepEqual(atFar.messages, ["grüße", bytes, ""]);
    deepEqual(atNear.messages, ["back"]);
    near.close();
    await Promise.all([atNear.closed, atFar.closed]);
    await end();
  });

  for (const side of ["near", "far"] as const) {
    Deno.test(`${kind} are closed from the ${side} end once, and both know why`, async () => {
      const pair = await open();
      const ends = [listenTo(pair.near), listenTo(pair.far)];
      pair[side].send("last words");
      pair[side].close("enough");
      pair[side].close("again");
      pair[side].send("into the void");
      deepEqual(await Promise.all(ends.map(({ closed }) => closed)), [
        "enough",
        "enough",
      ]);
      const other = ends[side === "near" ? 1 : 0]!;
      deepEqual(other.messages, ["last words"]);
      await pair.end();
    });
  }

  Deno.test(`a long reason does not keep ${kind} from closing`, async () => {
    const { near, far, end } = await open();
    const [atNear, atFar] = [listenTo(near), listenTo(far)];
    near.close("ü".repeat(200));
    await atNear.closed;
    equal((await atFar.closed).startsWith("üüü"), true);
    await end();
  });
}

Deno.test("a socket whose peer vanishes is closed as lost", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  const accepting = listener.accept();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  const heard = listenTo(new SocketChannel(socket));
  const connection = await accepting;
  connection.close();
  equal(await heard.closed, "connection lost");
  listener.close();
});
