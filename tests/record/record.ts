/**
 * Makes fixtures: captures what real servers and clients say to each other.
 *
 * A script beside the fixtures, run by hand as root, reads as data:
 *
 * ```ts
 * await record("dissectors/redis/fixtures/pipelined.pcap", {
 *   filter: "tcp port 6379",
 *   servers: [{
 *     run: "redis-server --save '' --bind 0.0.0.0 --protected-mode no",
 *     port: 6379,
 *   }],
 *   clients: [{ run: "redis-cli -h $SERVER", input: "SET a 1\nGET a\n" }],
 * });
 * ```
 *
 * Servers run on one host and clients on another (see `network.ts`); `$SERVER`
 * and `$SERVER6`, `$CLIENT` and `$CLIENT6` are their addresses. Nothing in the
 * capture is changed afterwards.
 */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Capture } from "./capture.ts";
import { type Command, type Host, Network, sleep } from "./network.ts";

/** What is to be said, and what of it is kept. */
export interface Recording {
  /** Which packets are kept, in the language of `pcap-filter(7)`. */
  readonly filter: string;
  /** Files in the working directory of all commands, by name. */
  readonly files?: { readonly [name: string]: string | Uint8Array };
  /** Run before anything else: certificates, routes, tunnels, a database. */
  readonly prepare?: readonly Step[];
  /** Started in order, each when the one before it listens. */
  readonly servers?: readonly Server[];
  /** Run in order, each to its end. All must succeed. */
  readonly clients: readonly Client[];
  /**
   * Where the capture listens: the server's `eth0` (the default) gives
   * Ethernet, `any` Linux cooked frames (SLL2), `lo` the server's loopback.
   */
  readonly interface?: string;
  /** Largest packet; without it the kernel hands over segments up to 64 KB. */
  readonly mtu?: number;
  /** Bytes kept of each packet. */
  readonly snaplen?: number;
}

/** A command run before the capture begins. */
export interface Step {
  readonly run: Command;
  /** Default: the server. */
  readonly on?: Host;
}

/** A program that listens. */
export interface Server {
  readonly run: Command;
  /** The clients wait until it is open. */
  readonly port: number;
  /** Default: `tcp`. */
  readonly transport?: "tcp" | "udp";
  /** Default: the server. */
  readonly on?: Host;
}

/** A program that asks; a plain command runs on the client. */
export type Client = Command | {
  readonly run: Command;
  /** Fed to its standard input. */
  readonly input?: string | Uint8Array;
  /** Default: the client. */
  readonly on?: Host;
};

/** Repositories stay small: a fixture beyond this is worth a warning. */
const LARGE = 100_000;

/** For the last segments and for tcpdump to see them. */
const SETTLE_MS = 300;

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Captures a recording into a nanosecond PCAP.
 *
 * @param path where to write it, relative to the repository
 * @throws Error if a program fails, no packet passed the filter, or any was
 *   dropped; then nothing is written
 */
export async function record(
  path: string,
  recording: Recording,
): Promise<void> {
  await using network = await Network.create();
  const { files = {}, prepare = [], servers = [], clients, mtu } = recording;
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeFile(
      join(network.folder, name),
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }
  if (mtu !== undefined) await network.limitPackets(mtu);
  for (const { run, on = "server" } of prepare) await network.run(on, run);
  for (const { run, port, transport, on = "server" } of servers) {
    await network.listens(network.start(on, run), port, transport);
  }
  const capture = await Capture.start(network, recording);
  for (const client of clients) {
    const { run, input, on = "client" } = isCommand(client)
      ? { run: client }
      : client;
    await network.run(on, run, { input });
  }
  await sleep(SETTLE_MS);
  const packets = await capture.end();
  await Deno.copyFile(capture.file, join(root, path));
  report(path, packets, (await Deno.stat(capture.file)).size);
}

function isCommand(client: Client): client is Command {
  return typeof client === "string" || Array.isArray(client);
}

function report(path: string, packets: number, size: number): void {
  console.log(`${path}: ${packets} packets, ${size} bytes`);
  if (size > LARGE) {
    console.warn(
      `${basename(path)} is large for a fixture: say less, or set snaplen`,
    );
  }
}
