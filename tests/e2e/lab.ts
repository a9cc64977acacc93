/**
 * Any number of hosts on one switch, made of network namespaces.
 *
 * Hub, workers, servers, clients and browsers run here as processes of their
 * own, on hosts with names of their own, unseen by the rest of this machine.
 * Needs root, iproute2 and util-linux.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Command,
  ip,
  pidsIn,
  type RunOptions,
  sleep,
  untilListens,
} from "../record/network.ts";
import { kill, Program } from "../record/program.ts";

/** How long anything may take that takes a moment, ms. */
export const PATIENCE = 30_000;

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** Thresher itself, from its source. */
export const THRESHER = [Deno.execPath(), "run", "-A", "--quiet", CLI];

/** The hosts. Disposing of them ends what runs there and removes them. */
export class Lab implements AsyncDisposable {
  /** Working directory of everything run here; removed at the end. */
  readonly folder: string;
  /** Those on the switch; a host's place among them is its address. */
  readonly #hosts: readonly string[];
  /** Network namespaces that were made, by their full names. */
  readonly #namespaces = new Set<string>();
  readonly #unique: string;
  readonly #running = new Set<Program>();
  #removed: Promise<void> | undefined;
  readonly #interrupted = () => void this.#abandon();

  private constructor(folder: string, hosts: readonly string[]) {
    this.folder = folder;
    this.#hosts = hosts;
    this.#unique = `thresher-${Deno.pid}-${folder.slice(-6)}`;
  }

  /** Makes hosts of these names, each with `lo` and `eth0` on the switch. */
  static async create(...hosts: readonly string[]): Promise<Lab> {
    const folder = await Deno.makeTempDir({ prefix: "thresher-lab-" });
    // Servers that give up root, such as redis, write here too.
    await Deno.chmod(folder, 0o777);
    const lab = new Lab(folder, hosts);
    Deno.addSignalListener("SIGINT", lab.#interrupted);
    Deno.addSignalListener("SIGTERM", lab.#interrupted);
    try {
      await lab.#connect();
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  /** A host's address on the switch. */
  address(host: string): string {
    const number = this.#hosts.indexOf(host) + 1;
    if (number === 0) throw new Error(`There is no host "${host}"`);
    return `10.30.0.${number}`;
  }

  /** The name of a host's network namespace. */
  namespace(host: string): string {
    return `${this.#unique}-${host}`;
  }

  /** Where programs on a host put what they need for a while. */
  temporaryFolder(host: string): string {
    return join(this.folder, "tmp", host);
  }

  /** The words that run a program on a host, for whoever starts it otherwise. */
  wordsFor(host: string, command: Command): string[] {
    const words = typeof command === "string"
      ? ["sh", "-c", command]
      : [...command];
    return [
      ...["ip", "netns", "exec", this.namespace(host)],
      ...["unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', host],
      ...words,
    ];
  }

  /** Starts a program on a host. It is ended with the lab at the latest. */
  start(
    host: string,
    command: Command,
    { input, env }: RunOptions = {},
  ): Program {
    const [program, ...args] = this.wordsFor(host, command);
    const child = new Deno.Command(program!, {
      args,
      cwd: this.folder,
      env: {
        // Each host has folders of its own, as machines do.
        XDG_STATE_HOME: join(this.folder, "state", host),
        TMPDIR: this.temporaryFolder(host),
        THRESHER_TOKEN: "",
        NO_COLOR: "1",
        ...env,
      },
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const running = new Program(child, input);
    this.#running.add(running);
    void running.ended.then(() => this.#running.delete(running));
    return running;
  }

  /** Starts Thresher on a host. */
  thresher(host: string, ...args: readonly string[]): Program {
    return this.start(host, [...THRESHER, ...args]);
  }

  /**
   * Runs a program on a host to its end.
   *
   * @returns what it wrote to standard output
   * @throws Error with what it wrote, if it failed
   */
  async run(
    host: string,
    command: Command,
    options: RunOptions = {},
  ): Promise<string> {
    const program = this.start(host, command, options);
    const code = await program.ended;
    if (code === 0) return program.stdout;
    const text = typeof command === "string" ? command : command.join(" ");
    throw new Error(
      `On ${host}, \`${text}\` ended with ${code}:\n` +
        `${program.stdout}${program.stderr}`.trim(),
    );
  }

  /** Adds a host that has nothing but `lo`, and is on no switch. */
  async addHost(host: string): Promise<void> {
    const name = this.namespace(host);
    await Deno.mkdir(this.temporaryFolder(host), { recursive: true });
    await ip("netns", "add", name);
    this.#namespaces.add(name);
    await ip("-n", name, "link", "set", "lo", "up");
  }

  /** Removes a host with all that runs there. */
  async removeHost(host: string): Promise<void> {
    const name = this.namespace(host);
    // What they left in the background; all of it came from us.
    for (const pid of await pidsIn(name)) kill(pid, "SIGKILL");
    await new Deno.Command("ip", {
      args: ["netns", "delete", name],
      stderr: "null",
    }).output();
    this.#namespaces.delete(name);
  }

  /** Waits until a program listens. @throws Error with what it wrote, if not */
  listens(
    program: Program,
    port: number,
    transport: "tcp" | "udp" = "tcp",
  ): Promise<void> {
    return untilListens(program, port, transport, PATIENCE);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#removed ??= this.#remove();
  }

  async #connect(): Promise<void> {
    await this.addHost("switch");
    const center = this.namespace("switch");
    await ip("-n", center, "link", "add", "br0", "type", "bridge");
    await ip("-n", center, "link", "set", "br0", "up");
    for (const [i, host] of this.#hosts.entries()) {
      await this.addHost(host);
      const name = this.namespace(host);
      await ip(
        ...["link", "add", "eth0", "netns", name, "type", "veth"],
        ...["peer", "name", `port${i}`, "netns", center],
      );
      await ip("-n", center, "link", "set", `port${i}`, "master", "br0", "up");
      const address = `${this.address(host)}/24`;
      await ip("-n", name, "address", "add", address, "dev", "eth0");
      await ip("-n", name, "link", "set", "eth0", "up");
    }
  }

  async #remove(): Promise<void> {
    await Promise.all([...this.#running].map((program) => program.stop()));
    const prefix = this.namespace("");
    for (const name of [...this.#namespaces]) {
      await this.removeHost(name.slice(prefix.length));
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
}

/**
 * Waits until something is there.
 *
 * @returns what it gave, once that is neither absent nor false
 * @throws Error that says what never came
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  patience: number = PATIENCE,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + patience;
  while (true) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline) {
      throw new Error(`It never came to be: ${what}`);
    }
    await sleep(20);
  }
}
