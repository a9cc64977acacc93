/**
 * A node of a cluster with its pods, made of network namespaces: the kernel
 * routes between them and translates addresses by the rules that it is given.
 *
 * Needs root, iproute2, nftables and a kernel that can translate.
 */
import { join } from "node:path";
import type { Command } from "./network.ts";
import { ip, pidsIn, sleep, untilListens } from "./network.ts";
import { kill, Program } from "./program.ts";

/** Pods of the node, and a machine at the other end of its uplink. */
export const PLACES = {
  client: { ip: "10.1.0.7", ip6: "fd01::7" },
  server: { ip: "10.1.0.9", ip6: "fd01::9" },
  other: { ip: "10.1.0.10", ip6: "fd01::10" },
  outside: { ip: "192.0.2.50", ip6: "fd02::50" },
} as const;

export type Place = keyof typeof PLACES;

/** Addresses of the node, on its uplink and as the pods' gateway. */
export const NODE = { ip: "192.0.2.1", ip6: "fd02::1" } as const;
const GATEWAY = { ip: "169.254.1.1", ip6: "fe80::1" } as const;

/** How long a server may take until it listens. */
const START_MS = 30_000;

/** A node. Disposing of it ends what runs there and removes it. */
export class TranslatingNode implements AsyncDisposable {
  /** Working directory of everything run here; removed at the end. */
  readonly folder: string;
  readonly #unique: string;
  readonly #running = new Set<Program>();

  private constructor(folder: string) {
    this.folder = folder;
    this.#unique = `thresher-${Deno.pid}-${folder.slice(-6)}`;
  }

  /** @throws Error if not root, or without iproute2 */
  static async create(): Promise<TranslatingNode> {
    const folder = await Deno.makeTempDir({ prefix: "thresher-node-" });
    await Deno.chmod(folder, 0o777);
    const node = new TranslatingNode(folder);
    try {
      await node.#connect();
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    }
    return node;
  }

  /** Starts a program. It is ended with the node at the latest. */
  start(on: Place | "node", command: Command): Program {
    const words = typeof command === "string" ? ["sh", "-c", command] : command;
    const child = new Deno.Command("ip", {
      args: ["netns", "exec", this.#nameOf(on), ...words],
      cwd: this.folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const program = new Program(child);
    this.#running.add(program);
    void program.ended.then(() => this.#running.delete(program));
    return program;
  }

  /** Runs a program to its end. @throws Error with what it wrote, if it failed */
  async run(on: Place | "node", command: Command): Promise<string> {
    const program = this.start(on, command);
    const code = await program.ended;
    if (code === 0) return program.stdout;
    throw new Error(
      `On the ${on}, \`${command}\` ended with ${code}:\n` +
        `${program.stdout}${program.stderr}`.trim(),
    );
  }

  /** Starts a server, and gives it once it listens. */
  async serve(
    on: Place,
    command: Command,
    port: number,
    transport: "tcp" | "udp" = "tcp",
  ): Promise<Program> {
    const server = this.start(on, command);
    await untilListens(server, port, transport, START_MS);
    return server;
  }

  /**
   * Translates from now on by these rules alone.
   *
   * @param rules lines of nftables: `prerouting` changes whom a packet is for,
   *   `postrouting` whom it is from
   */
  async translate(
    rules: {
      readonly prerouting: readonly string[];
      readonly postrouting?: readonly string[];
    },
  ): Promise<void> {
    const { prerouting, postrouting = [] } = rules;
    const table = [
      "flush ruleset",
      "table inet services {",
      "chain prerouting {",
      "type nat hook prerouting priority dstnat; policy accept;",
      ...prerouting,
      "}",
      "chain postrouting {",
      "type nat hook postrouting priority srcnat; policy accept;",
      ...postrouting,
      "}",
      "}",
    ].join("\n");
    await this.run("node", ["nft", table]);
  }

  /**
   * Captures on all interfaces of the node while something happens.
   *
   * @returns the file, and the number of packets in it
   */
  async capture(
    happens: () => Promise<void>,
  ): Promise<{ readonly file: string; readonly packets: number }> {
    const file = join(this.folder, "capture.pcap");
    const tcpdump = this.start("node", [
      ..."tcpdump -i any -n -Z root -U --immediate-mode".split(" "),
      ...`-s 4096 --time-stamp-precision=nano -w ${file}`.split(" "),
      "tcp or udp",
    ]);
    while (!tcpdump.stderr.includes("listening on")) {
      if (!tcpdump.isRunning) throw new Error(tcpdump.stderr);
      await sleep(10);
    }
    await happens();
    await sleep(300);
    await tcpdump.stop("SIGINT");
    await tcpdump.ended;
    const packets = Number(/(\d+) packets? captured/.exec(tcpdump.stderr)?.[1]);
    const isWhole =
      / 0 packets dropped by kernel|\n0 packets dropped by kernel/;
    if (!(packets > 0) || !isWhole.test(tcpdump.stderr)) {
      throw new Error(`The capture is not whole: ${tcpdump.stderr}`);
    }
    return { file, packets };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((program) => program.stop()));
    for (const place of [...Object.keys(PLACES), "node"]) {
      const name = this.#nameOf(place as Place | "node");
      for (const pid of await pidsIn(name)) kill(pid, "SIGKILL");
      await new Deno.Command("ip", {
        args: ["netns", "delete", name],
        stderr: "null",
      }).output();
    }
    await Deno.remove(this.folder, { recursive: true });
  }

  #nameOf(place: Place | "node"): string {
    return `${this.#unique}-${place}`;
  }

  async #connect(): Promise<void> {
    const node = this.#nameOf("node");
    await ip("netns", "add", node);
    await ip("-n", node, "link", "set", "lo", "up");
    await this.run("node", [
      ..."sysctl -qw net.ipv4.ip_forward=1".split(" "),
      ..."net.ipv6.conf.all.forwarding=1".split(" "),
      ..."net.ipv4.conf.all.rp_filter=0".split(" "),
      ..."net.ipv4.conf.default.rp_filter=0".split(" "),
      ..."net.ipv4.conf.all.send_redirects=0".split(" "),
      ..."net.ipv4.conf.default.send_redirects=0".split(" "),
    ]);
    for (const place of Object.keys(PLACES) as Place[]) {
      await this.#addPlace(node, place);
    }
  }

  /** A pod has a cable of its own to the node, as most plugins lay it. */
  async #addPlace(node: string, place: Place): Promise<void> {
    const name = this.#nameOf(place);
    const { ip: ip4, ip6 } = PLACES[place];
    const isPod = place !== "outside";
    const gateway = isPod ? GATEWAY : NODE;
    await ip("netns", "add", name);
    await ip(
      ...["link", "add", place, "netns", node, "type", "veth"],
      ...["peer", "name", "eth0", "netns", name],
    );
    await ip("-n", name, "link", "set", "lo", "up");
    await ip("-n", name, "address", "add", `${ip4}/32`, "dev", "eth0");
    await ip(
      "-n",
      name,
      "address",
      "add",
      `${ip6}/128`,
      "dev",
      "eth0",
      "nodad",
    );
    await ip("-n", name, "link", "set", "eth0", "up");
    await ip("-n", node, "address", "add", `${gateway.ip}/32`, "dev", place);
    await ip(
      ...["-n", node, "address", "add", `${gateway.ip6}/128`],
      ...["dev", place, "nodad"],
    );
    await ip("-n", node, "link", "set", place, "up");
    await ip("-n", node, "route", "add", ip4, "dev", place);
    await ip("-n", node, "route", "add", ip6, "dev", place);
    await ip("-n", name, "route", "add", gateway.ip, "dev", "eth0");
    await ip("-n", name, "route", "add", gateway.ip6, "dev", "eth0");
    await ip("-n", name, "route", "add", "default", "via", gateway.ip);
    await ip(
      ...["-n", name, "-6", "route", "add", "default"],
      ...["via", gateway.ip6, "dev", "eth0"],
    );
  }
}
