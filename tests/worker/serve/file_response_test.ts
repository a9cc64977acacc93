/** A file that comes through a port is whole, or says that it is not. */
import { equal, match, rejects } from "node:assert/strict";
import { type Channel, PortChannel } from "../../../api/channel.ts";
import { Refused } from "../../../net/failure.ts";
import { toResponse } from "../../../worker/serve/file_response.ts";
import { FILE_END } from "../../../worker/serve/thread_messages.ts";

const HEAD = JSON.stringify({ status: 200, headers: { "x-a": "b" } });

/** The response of a file, and the end that sends it. */
function sent(): {
  response: Promise<Response>;
  sender: Channel;
  closed: Promise<string>;
} {
  const { port1, port2 } = new MessageChannel();
  const sender = new PortChannel(port2);
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  sender.listen({ onMessage() {}, onClose: resolve });
  return { response: toResponse(new PortChannel(port1)), sender, closed };
}

Deno.test("a file is its pieces, in order", async () => {
  const { response, sender } = sent();
  sender.send(HEAD);
  for (let n = 0; n < 20; n++) sender.send(Uint8Array.of(n));
  sender.send(FILE_END);
  sender.close();
  const { headers, status } = await response;
  equal(status, 200);
  equal(headers.get("x-a"), "b");
  equal((await (await response).bytes()).join(), [...Array(20).keys()].join());
});

Deno.test("a file without its end is no whole file", async () => {
  const { response, sender } = sent();
  sender.send(HEAD);
  sender.send(Uint8Array.of(1));
  sender.close("gone");
  await rejects((await response).bytes(), /ends too early: gone/);
});

Deno.test("a thread that ends before a file has begun refuses it", async () => {
  for (
    const message of ['{"error":{"code":"internal","message":"died"}}', ""]
  ) {
    const { response, sender } = sent();
    if (message) sender.send(message);
    sender.close("died");
    await rejects(response, (error) => {
      match(String(error), /died/);
      return error instanceof Refused;
    });
  }
});

Deno.test("whoever reads no further has the sender told", async () => {
  const { response, sender, closed } = sent();
  sender.send(HEAD);
  await (await response).body!.cancel();
  match(await closed, /nobody/);
});
