import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { lacks } from "../setup.ts";
import { Capture } from "./capture.ts";
import { ADDRESS, lacksNetworks, Network } from "./network.ts";

const ignore = lacks("tcpdump", "tshark") || lacksNetworks();

/** The namespaces of this process that there are. */
async function namespaces(): Promise<string[]> {
  const { stdout } = await new Deno.Command("ip", { args: ["netns", "list"] })
    .output();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.startsWith(`thresher-${Deno.pid}-`));
}

Deno.test({
  name: "two hosts talk, and a capture of the server sees both",
  ignore,
  async fn() {
    await using network = await Network.create();
    const capture = await Capture.start(network, { filter: "tcp port 7000" });
    const answer = 'Deno.serve({ port: 7000 }, () => new Response("here"))';
    const server = network.start("server", [Deno.execPath(), "eval", answer]);
    await network.listens(server, 7000);
    const ask =
      `fetch("http://${ADDRESS.server.ip}:7000").then((r) => r.text())`;
    const program = `console.log(await ${ask})`;
    const said = await network.run("client", [
      Deno.execPath(),
      "eval",
      program,
    ]);
    equal(said, "here\n");
    await capture.end();
    const ends = await network.run("client", [
      ...["tshark", "-r", join(network.folder, "capture.pcap")],
      ...["-c", "2", "-T", "fields", "-e", "ip.src"],
    ]);
    deepEqual(ends.trim().split("\n"), [ADDRESS.client.ip, ADDRESS.server.ip]);
  },
});

Deno.test({
  name: "nothing is left of a network",
  ignore,
  async fn() {
    let folder: string;
    {
      await using network = await Network.create();
      folder = network.folder;
      network.start("server", "sleep 600");
      equal((await namespaces()).length, 2);
    }
    deepEqual(await namespaces(), []);
    await rejects(Deno.stat(folder), Deno.errors.NotFound);
  },
});

Deno.test({
  name: "a program that fails is told with what it wrote",
  ignore,
  async fn() {
    await using network = await Network.create();
    await rejects(
      network.run("client", "echo reason >&2; exit 3"),
      /On the client, `echo reason >&2; exit 3` ended with 3:\nreason/,
    );
  },
});
