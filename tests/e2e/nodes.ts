/**
 * The nodes of a cluster and their pods, as hosts of a lab.
 *
 * Every pod has a cable to its node, which routes for it, as the plain plug-in
 * of a cluster's network does: what one pod sends to another passes a cable's
 * end, the node's own interface where it leaves the node, and the other cable.
 * Services are the kernel's translation of addresses on every node.
 */
import type { Command, RunOptions } from "../record/network.ts";
import { ip } from "../record/network.ts";
import type { Program } from "../record/program.ts";
import { Lab } from "./lab.ts";

/** Where the API server is, and whoever watches from outside. */
export const CONTROL = "control";

/** A pod's place in the network. */
export interface PodHost {
  /** Of the lab. */
  readonly host: string;
  readonly ip: string;
}

/** Hosts `control` and those of the nodes. Disposing of it removes them all. */
export class Nodes implements AsyncDisposable {
  readonly lab: Lab;
  readonly names: readonly string[];
  #pods = 0;

  private constructor(lab: Lab, names: readonly string[]) {
    this.lab = lab;
    this.names = names;
  }

  static async create(...names: readonly string[]): Promise<Nodes> {
    const nodes = new Nodes(await Lab.create(CONTROL, ...names), names);
    try {
      await nodes.#route();
    } catch (error) {
      await nodes[Symbol.asyncDispose]();
      throw error;
    }
    return nodes;
  }

  /** A node's address, or that of `control`. */
  address(name: string): string {
    return this.lab.address(name);
  }

  /** Gives a new pod its host, and its cable to the node. */
  async addPod(node: string): Promise<PodHost> {
    const { lab } = this;
    const number = ++this.#pods;
    const [host, cable] = [`pod${number}`, `pod${number}`];
    const [pod, gateway] = [podAddress(this.#numberOf(node), number), GATEWAY];
    const [inside, outside] = [lab.namespace(host), lab.namespace(node)];
    await lab.addHost(host);
    await ip(
      ...["link", "add", "eth0", "netns", inside, "type", "veth"],
      ...["peer", "name", cable, "netns", outside],
    );
    await ip("-n", outside, "address", "add", `${gateway}/32`, "dev", cable);
    await ip("-n", outside, "link", "set", cable, "up");
    await ip("-n", outside, "route", "add", `${pod}/32`, "dev", cable);
    await ip("-n", inside, "address", "add", `${pod}/32`, "dev", "eth0");
    await ip("-n", inside, "link", "set", "eth0", "up");
    await ip("-n", inside, "route", "add", `${gateway}/32`, "dev", "eth0");
    await ip("-n", inside, "route", "add", "default", "via", gateway);
    return { host, ip: pod };
  }

  /** Ends what runs in a pod, and removes its host. */
  async removePod({ host }: PodHost): Promise<void> {
    await this.lab.removeHost(host);
  }

  /** Has every node lead a service's address and port to a pod's. */
  async serve(address: string, port: number, pod: string, to: number) {
    for (const node of this.names) {
      for (const transport of ["tcp", "udp"]) {
        await this.lab.run(node, [
          ...["nft", "add", "rule", "ip", "services", "lead"],
          ...["ip", "daddr", address, transport, "dport", `${port}`],
          ...["dnat", "to", `${pod}:${to}`],
        ]);
      }
      // A pod that asks itself through its service would hear itself answer.
      await this.lab.run(node, [
        ...["nft", "add", "rule", "ip", "services", "hide"],
        ...["ip", "saddr", pod, "ip", "daddr", pod, "masquerade"],
      ]);
    }
  }

  /** Starts a program on a node, on `control`, or in a pod. */
  start(host: string, command: Command, options?: RunOptions): Program {
    return this.lab.start(host, command, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }

  #numberOf(node: string): number {
    const number = this.names.indexOf(node) + 1;
    if (number === 0) throw new Error(`There is no node "${node}"`);
    return number;
  }

  /** Makes routers of the nodes, each knowing the way to the others' pods. */
  async #route(): Promise<void> {
    for (const host of [CONTROL, ...this.names]) {
      for (const [i, node] of this.names.entries()) {
        if (node === host) continue;
        const range = podAddress(i + 1, 0) + "/24";
        await ip(
          ...["-n", this.lab.namespace(host), "route", "add", range],
          ...["via", this.address(node)],
        );
      }
      if (host === CONTROL) continue;
      await this.lab.run(host, "echo 1 > /proc/sys/net/ipv4/ip_forward");
      await this.lab.run(host, ["nft", "-f", "-"], { input: SERVICES });
    }
  }
}

/** The end of every cable at its node: pods are told no more of the network. */
const GATEWAY = "169.254.1.1";

const podAddress = (node: number, pod: number): string =>
  `10.78.${node}.${pod}`;

const SERVICES = `
table ip services {
  chain lead {
    type nat hook prerouting priority dstnat
  }
  chain hide {
    type nat hook postrouting priority srcnat
  }
}
`;
