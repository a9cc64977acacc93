/**
 * A containerd of a test's own, and containers of its images.
 *
 * containerd imports and unpacks; runc, which it runs containers by, is called
 * directly, so that a container has exactly what a manifest says.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { eventually, type Lab } from "../e2e/lab.ts";
import { Program } from "../record/program.ts";
import { output } from "../../tasks/image/run.ts";

/** What of a pod's container a runtime looks at. */
export interface Container {
  readonly args: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
  }[];
  readonly securityContext: {
    readonly runAsUser?: number;
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: {
      readonly drop: readonly string[];
      readonly add?: readonly string[];
    };
  };
}

/** What of an image's configuration a runtime looks at. */
interface ImageConfig {
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
  };
}

/** Runs until it is disposed of. */
export class Containerd implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #daemon: Program;
  readonly #mounted: string[] = [];
  readonly #running: Program[] = [];

  private constructor(lab: Lab, folder: string, daemon: Program) {
    this.#lab = lab;
    this.#folder = folder;
    this.#daemon = daemon;
  }

  /** Starts one on a host. */
  static async start(lab: Lab, host: string): Promise<Containerd> {
    const folder = join(lab.folder, "containerd");
    await Deno.mkdir(folder);
    const file = join(folder, "config.toml");
    await Deno.writeTextFile(
      file,
      `version = 2
root = ${JSON.stringify(join(folder, "root"))}
state = ${JSON.stringify(join(folder, "state"))}
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = ${JSON.stringify(join(folder, "socket"))}
`,
    );
    const daemon = lab.start(host, ["containerd", "--config", file]);
    const containerd = new Containerd(lab, folder, daemon);
    await eventually("containerd answers", async () => {
      if (!daemon.isRunning) throw new Error(daemon.stderr);
      const { success } = await containerd.#command("version").output();
      return success;
    });
    return containerd;
  }

  /** @returns what it says */
  async ctr(...args: readonly string[]): Promise<string> {
    const { success, stdout, stderr } = await this.#command(...args).output();
    const [said, complained] = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    if (!success) throw new Error(`ctr ${args.join(" ")}: ${complained}`);
    return said!;
  }

  #command(...args: readonly string[]): Deno.Command {
    const address = join(this.#folder, "socket");
    return new Deno.Command("ctr", { args: ["--address", address, ...args] });
  }

  /** @returns the folder with an image's root file system, of one container */
  async mount(image: string): Promise<string> {
    const folder = join(this.#folder, "mounted");
    await Deno.mkdir(folder);
    await this.ctr("image", "mount", "--rw", image, folder);
    this.#mounted.push(folder);
    return folder;
  }

  /**
   * Starts a container with the rights that a manifest gives it.
   *
   * @param folders of this machine, by where the container has them
   */
  async run(
    host: string,
    root: string,
    config: ImageConfig,
    container: Container & { readonly name: string },
    folders: Readonly<Record<string, string>>,
  ): Promise<Program> {
    const bundle = join(this.#folder, container.name);
    await Deno.mkdir(bundle);
    const network = `/var/run/netns/${this.#lab.namespace(host)}`;
    await Deno.writeTextFile(
      join(bundle, "config.json"),
      JSON.stringify(toSpec(root, config, container, folders, network)),
    );
    const state = join(this.#folder, "runc");
    const id = `${container.name}-${Deno.pid}`;
    const command = new Deno.Command("runc", {
      args: [
        ...["--root", state, "run", "--bundle", bundle],
        ...["--pid-file", join(bundle, "pid"), id],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    const program = new Program(command.spawn());
    this.#running.push(program);
    return program;
  }

  /** What the kernel says of a container's first process. */
  async statusOf({ name }: { readonly name: string }): Promise<string> {
    const pid = await Deno.readTextFile(join(this.#folder, name, "pid"));
    return await Deno.readTextFile(`/proc/${pid}/status`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((program) => program.stop()));
    for (const folder of this.#mounted) await output("umount", [folder]);
    await this.#daemon.stop();
  }
}

/** Why runc can run nothing here; `undefined` if it can. */
export async function lacksContainers(): Promise<string | undefined> {
  const bundle = await Deno.makeTempDir();
  const root = join(bundle, "root");
  await Deno.mkdir(root);
  // The system's own folders, for a program of its own.
  const folders = ["/bin", "/lib", "/lib64", "/usr"].filter(existsSync);
  try {
    const spec = {
      ociVersion: "1.0.0",
      process: { user: { uid: 0, gid: 0 }, args: ["/bin/true"], cwd: "/" },
      root: { path: root, readonly: false },
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        ...folders.map((each) => ({
          destination: each,
          type: "bind",
          source: each,
          options: ["rbind", "ro"],
        })),
      ],
      linux: { namespaces: [{ type: "pid" }, { type: "mount" }] },
    };
    const path = join(bundle, "config.json");
    await Deno.writeTextFile(path, JSON.stringify(spec));
    await output("runc", [
      ...["--root", join(bundle, "state"), "run", "--bundle", bundle],
      `thresher-trial-${Deno.pid}`,
    ]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await Deno.remove(bundle, { recursive: true });
  }
}

/** What Kubernetes would fill in. */
const FIELDS: Readonly<Record<string, string>> = {
  "spec.nodeName": "node",
  "status.podIP": "127.0.0.1",
};

/** The OCI's runtime specification (1.0) of a container. */
function toSpec(
  root: string,
  { config }: ImageConfig,
  { args, env, securityContext }: Container,
  folders: Readonly<Record<string, string>>,
  network: string,
): unknown {
  const { runAsUser, capabilities } = securityContext;
  const user = runAsUser ?? Number(config.User.split(":")[0]);
  const kept = (capabilities.add ?? []).map((name) => `CAP_${name}`);
  const own = user === 0 ? kept : [];
  return {
    ociVersion: "1.0.0",
    process: {
      user: { uid: user, gid: user },
      args: [...config.Entrypoint, ...args],
      env: [
        ...config.Env,
        ...env.map(({ name, value, valueFrom }) =>
          `${name}=${value ?? FIELDS[valueFrom!.fieldRef.fieldPath]}`
        ),
      ],
      cwd: "/",
      capabilities: { bounding: kept, permitted: own, effective: own },
      noNewPrivileges: !securityContext.allowPrivilegeEscalation,
    },
    root: { path: root, readonly: securityContext.readOnlyRootFilesystem },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs" },
      ...Object.entries(folders).map(([destination, source]) => ({
        destination,
        type: "bind",
        source,
        options: ["rbind", destination === "/secrets" ? "ro" : "rw"],
      })),
    ],
    linux: {
      namespaces: [
        ...["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        { type: "network", path: network },
      ],
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"],
    },
  };
}
