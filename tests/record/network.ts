/**
 * Two hosts with a cable between them, made of network namespaces.
 *
 * Real servers and clients talk here as they would on two machines, unseen by
 * the rest of this one, on whatever ports they like. Needs root and iproute2.
 */

import { lacks } from "../setup.ts";
import { kill, Program } from "./program.ts";

/** One of the two hosts. */
export type Host = "client" | "server";

/** Their addresses; fixed, so that a recording made again differs little. */
export const ADDRESS = {
  client: { ip: "10.20.0.1", ip6: "fd20::1", mac: "02:00:00:00:00:01" },
  server: { ip: "10.20.0.2", ip6: "fd20::2", mac: "02:00:00:00:00:02" },
} as const;

/** A program with its arguments, or a line for the shell. */
export type Command = string | readonly string[];

/** How a program is run. */
export interface RunOptions {
  /** Fed to its standard input. */
  readonly input?: string | Uint8Array | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** How long a server may take until it listens. */
const START_MS = 30_000;

/** Both hosts. Disposing of it ends what runs there and removes them. */
export class Network implements AsyncDisposable {
  /** Working directory of everything run here; removed at the end. */
  readonly folder: string;
  readonly #names: Readonly<Record<Host, string>>;
  readonly #running = new Set<Program>();
  #removed: Promise<void> | undefined;
  readonly #interrupted = () => void this.#abandon();

  private constructor(folder: string, names: Readonly<Record<Host, string>>) {
    this.folder = folder;
    this.#names = names;
  }

  /**
   * Makes both hosts: `eth0` on each, joined, and their own `lo`.
   *
   * @throws Error if not root, or without iproute2
   */
  static async create(): Promise<Network> {
    const folder = await Deno.makeTempDir({ prefix: "thresher-network-" });
    // Servers that give up root, such as nginx and PostgreSQL, write here too.
    await Deno.chmod(folder, 0o777);
    const unique = `thresher-${Deno.pid}-${folder.slice(-6)}`;
    const network = new Network(folder, {
      client: `${unique}-client`,
      server: `${unique}-server`,
    });
    Deno.addSignalListener("SIGINT", network.#interrupted);
    Deno.addSignalListener("SIGTERM", network.#interrupted);
    try {
      await network.#connect();
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  /** Starts a program on a host. It is ended with the network at the latest. */
  start(
    on: Host,
    command: Command,
    { input, env }: RunOptions = {},
  ): Program {
    const words = typeof command === "string" ? ["sh", "-c", command] : command;
    const child = new Deno.Command("ip", {
      args: ["netns", "exec", this.#names[on], ...words],
      cwd: this.folder,
      env: {
        CLIENT: ADDRESS.client.ip,
        CLIENT6: ADDRESS.client.ip6,
        SERVER: ADDRESS.server.ip,
        SERVER6: ADDRESS.server.ip6,
        ...env,
      },
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const program = new Program(child, input);
    this.#running.add(program);
    void program.ended.then(() => this.#running.delete(program));
    return program;
  }

  /**
   * Runs a program on a host to its end.
   *
   * @returns what it wrote to standard output
   * @throws Error with what it wrote, if it failed
   */
  async run(
    on: Host,
    command: Command,
    options: RunOptions = {},
  ): Promise<string> {
    const program = this.start(on, command, options);
    const code = await program.ended;
    if (code === 0) return program.stdout;
    const said = `${program.stdout}${program.stderr}`.trim();
    const text = typeof command === "string" ? command : command.join(" ");
    throw new Error(`On the ${on}, \`${text}\` ended with ${code}:\n${said}`);
  }

  /**
   * Waits until `server` accepts on a port. Reads the kernel's tables, so that
   * no probing connection is captured.
   *
   * @throws Error with what the server wrote, if it ends first or takes too long
   */
  listens(
    server: Program,
    port: number,
    transport: "tcp" | "udp" = "tcp",
  ): Promise<void> {
    return untilListens(server, port, transport, START_MS);
  }

  /**
   * Makes the kernel cut what is sent into packets of at most `mtu` bytes
   * itself, instead of handing on segments of up to 64 KB.
   */
  async limitPackets(mtu: number): Promise<void> {
    for (const name of Object.values(this.#names)) {
      for (const device of ["eth0", "lo"]) {
        await ip(
          ...["-n", name, "link", "set", device, "mtu", `${mtu}`],
          ...["gso_max_segs", "1", "gso_max_size", `${mtu}`],
        );
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#removed ??= this.#remove();
  }

  async #remove(): Promise<void> {
    await Promise.all([...this.#running].map((program) => program.stop()));
    for (const name of Object.values(this.#names)) {
      // Daemons that went to the background; all of them came from us.
      for (const pid of await pidsIn(name)) kill(pid, "SIGKILL");
      await new Deno.Command("ip", {
        args: ["netns", "delete", name],
        stderr: "null",
      }).output();
    }
    await Deno.remove(this.folder, { recursive: true });
    Deno.removeSignalListener("SIGINT", this.#interrupted);
    Deno.removeSignalListener("SIGTERM", this.#interrupted);
  }

  /** Namespaces outlive the process that made them, unless removed. */
  async #abandon(): Promise<void> {
    await this[Symbol.asyncDispose]();
    Deno.exit(130);
  }

  async #connect(): Promise<void> {
    const { client, server } = this.#names;
    await ip("netns", "add", client);
    await ip("netns", "add", server);
    await ip(
      ...["link", "add", "eth0", "netns", client],
      ...["address", ADDRESS.client.mac, "type", "veth"],
      ...["peer", "name", "eth0", "netns", server],
      ...["address", ADDRESS.server.mac],
    );
    for (const host of ["client", "server"] as const) {
      const name = this.#names[host];
      const { ip: ip4, ip6 } = ADDRESS[host];
      await ip("-n", name, "link", "set", "lo", "up");
      await ip("-n", name, "address", "add", `${ip4}/24`, "dev", "eth0");
      await ip(
        ...["-n", name, "address", "add", `${ip6}/64`, "dev", "eth0", "nodad"],
      );
      await ip("-n", name, "link", "set", "eth0", "up");
    }
  }
}

/** Whether networks cannot be made here; then tests that need one are skipped. */
export function lacksNetworks(): boolean {
  if (Deno.build.os !== "linux" || lacks("ip")) return true;
  const name = `thresher-${Deno.pid}-trial`;
  const [made] = ["add", "delete"].map((action) =>
    new Deno.Command("ip", { args: ["netns", action, name] }).outputSync()
  );
  if (made!.success) return false;
  const complaint = new TextDecoder().decode(made!.stderr).trim();
  console.warn(
    `Tests are skipped, for want of network namespaces: ${complaint}`,
  );
  return true;
}

/** Resolves after `ms` milliseconds. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `ip`. @throws Error with what it said, if it failed */
export async function ip(...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args: [...args] })
    .output();
  if (success) return;
  const complaint = new TextDecoder().decode(stderr).trim();
  throw new Error(
    `Cannot set up the network (\`ip ${args.join(" ")}\`): ${complaint}`,
  );
}

/** The processes in a network namespace. */
export async function pidsIn(name: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("ip", {
    args: ["netns", "pids", name],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean).map(
    Number,
  );
}

/**
 * Waits until a program listens. The kernel is asked, so that no probing
 * connection is captured.
 *
 * @param patience ms
 * @throws Error with what the program wrote, if it ends first or takes too long
 */
export async function untilListens(
  program: Program,
  port: number,
  transport: "tcp" | "udp",
  patience: number,
): Promise<void> {
  const deadline = Date.now() + patience;
  while (!await isOpen(program.pid, port, transport)) {
    if (!program.isRunning || Date.now() > deadline) {
      await program.stop();
      throw new Error(
        `Nothing listens on ${transport} port ${port}:\n` +
          `${program.stdout}${program.stderr}`.trim(),
      );
    }
    await sleep(20);
  }
}

/** Whether anything in the namespace of process `pid` is bound to the port. */
async function isOpen(
  pid: number,
  port: number,
  transport: "tcp" | "udp",
): Promise<boolean> {
  const local = ":" + port.toString(16).toUpperCase().padStart(4, "0");
  const listening = transport === "tcp" ? "0A" : "07"; // as the kernel has it
  for (const table of [transport, `${transport}6`]) {
    const rows = await Deno.readTextFile(`/proc/${pid}/net/${table}`).catch(
      () => "", // the process has ended
    );
    for (const row of rows.split("\n").slice(1)) {
      const [, address, , state] = row.trim().split(/\s+/);
      if (address?.endsWith(local) && state === listening) return true;
    }
  }
  return false;
}
