/**
 * Two hosts with a cable between them, made of network namespaces.
 *
 * Real servers and clients talk here as they would on two machines, unseen by
 * the rest of this one, on whatever ports they like. Needs root and iproute2.
 */

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

/** How long a server may take until it listens, and a program to end. */
const START_MS = 30_000;
const STOP_MS = 5_000;

/** Both hosts. Disposing of it ends what runs there and removes them. */
export class Network implements AsyncDisposable {
  /** Working directory of everything run here; removed at the end. */
  readonly folder: string;
  readonly #names: Readonly<Record<Host, string>>;
  readonly #running = new Set<Deno.ChildProcess>();

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
  ): Deno.ChildProcess {
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
    if (input !== undefined) void feed(child, input);
    this.#running.add(child);
    void child.status.then(() => this.#running.delete(child));
    return child;
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
    const { success, code, stdout, stderr } = await this
      .start(on, command, options).output();
    const said = new TextDecoder().decode(stdout);
    if (success) return said;
    const complaint = new TextDecoder().decode(stderr);
    throw new Error(
      `On the ${on}, ${
        quote(command)
      } ended with ${code}:\n${said}${complaint}`,
    );
  }

  /**
   * Waits until `server` accepts on a port. Reads the kernel's tables, so that
   * no probing connection is captured.
   *
   * @throws Error with what the server wrote, if it ends first or takes too long
   */
  async listens(
    server: Deno.ChildProcess,
    port: number,
    transport: "tcp" | "udp" = "tcp",
  ): Promise<void> {
    let ended = false;
    void server.status.then(() => ended = true);
    const deadline = Date.now() + START_MS;
    while (!await isOpen(server.pid, port, transport)) {
      if (ended || Date.now() > deadline) {
        await stop(server);
        const { stdout, stderr } = await server.output();
        const said = new TextDecoder().decode(stdout) +
          new TextDecoder().decode(stderr);
        throw new Error(
          `Nothing listens on ${transport} port ${port}:\n${said}`,
        );
      }
      await sleep(20);
    }
  }

  /** Ends a program that {@link start} gave, kindly and then firmly. */
  async stop(child: Deno.ChildProcess, signal?: Deno.Signal): Promise<void> {
    if (this.#running.has(child)) await stop(child, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.stop(child)));
    for (const name of Object.values(this.#names)) {
      // Daemons that went to the background; all of them came from us.
      for (const pid of await pidsIn(name)) signalPid(pid, "SIGKILL");
      await new Deno.Command("ip", {
        args: ["netns", "delete", name],
        stderr: "null",
      }).output();
    }
    await Deno.remove(this.folder, { recursive: true });
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

/** Resolves after `ms` milliseconds. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

async function ip(...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args: [...args] })
    .output();
  if (success) return;
  const complaint = new TextDecoder().decode(stderr).trim();
  throw new Error(
    `Cannot set up the network (\`ip ${args.join(" ")}\`): ${complaint}`,
  );
}

async function pidsIn(name: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("ip", {
    args: ["netns", "pids", name],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean).map(
    Number,
  );
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

async function feed(
  child: Deno.ChildProcess,
  input: string | Uint8Array,
): Promise<void> {
  const bytes = typeof input === "string"
    ? new TextEncoder().encode(input)
    : input;
  const writer = child.stdin.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch (error) {
    // It ended without reading all: its exit status tells whether that is bad.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

async function stop(
  child: Deno.ChildProcess,
  signal: Deno.Signal = "SIGTERM",
): Promise<void> {
  signalPid(child.pid, signal);
  const timer = setTimeout(() => signalPid(child.pid, "SIGKILL"), STOP_MS);
  await child.status;
  clearTimeout(timer);
}

function signalPid(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    // It has ended already.
    const gone = error instanceof Deno.errors.NotFound ||
      error instanceof TypeError;
    if (!gone) throw error;
  }
}

function quote(command: Command): string {
  return "`" + (typeof command === "string" ? command : command.join(" ")) +
    "`";
}
