/**
 * Programs in containers, as an engine runs them: a root file system of their
 * own in which what they mount lies where they look for it, and no right of
 * the kernel's that they were not given. Their network is their host's.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A folder of this machine, and where a container has it. */
export interface Mount {
  readonly folder: string;
  readonly path: string;
  readonly readOnly: boolean;
}

/** What a container may. */
export interface Rights {
  readonly user: number;
  /** Capabilities by name, such as `NET_RAW`. */
  readonly capabilities: readonly string[];
}

/** Where Thresher's own image has it; see {@link thresherMounts}. */
const APP = "/thresher";
const RUNTIME = "/runtime";
const CACHE = "/cache";

/** What Thresher runs as in a container: its source, by this very runtime. */
export const THRESHER_ENTRY = [
  join(RUNTIME, "deno"),
  ...["run", "-A", "--quiet", "--cached-only", "--no-check"],
  join(APP, "cli.ts"),
];

/** What takes the place of Thresher's image. */
export async function thresherMounts(): Promise<Mount[]> {
  const source = fileURLToPath(new URL("../..", import.meta.url));
  const runtime = join(await Deno.realPath(Deno.execPath()), "..");
  return [
    { folder: source, path: APP, readOnly: true },
    { folder: runtime, path: RUNTIME, readOnly: true },
    { folder: await cacheFolder(), path: CACHE, readOnly: true },
  ];
}

/** What Thresher in a container must have in its environment. */
export const THRESHER_ENVIRONMENT = { DENO_DIR: CACHE };

/** Where this runtime keeps what it has downloaded. */
async function cacheFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    stderr: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/**
 * The words that run a program in a container; to be run on its host as root.
 *
 * @param root an empty folder that becomes its root
 */
export function contained(
  root: string,
  mounts: readonly Mount[],
  { user, capabilities }: Rights,
  command: readonly string[],
): string[] {
  const kept = capabilities.map((name) => `,+${name.toLowerCase()}`).join("");
  const places = mounts.flatMap(({ folder, path, readOnly }) => [
    ...[folder, path, readOnly ? "ro" : "rw"],
  ]);
  return [
    ...["unshare", "--mount", "sh", "-euc", MAKE_ROOT, root],
    ...[...places, "--"],
    ...["setpriv", `--bounding-set=-all${kept}`, "--inh-caps=-all"],
    ...(user === 0 ? [] : [`--reuid=${user}`, `--regid=${user}`]),
    ...["--clear-groups", "--no-new-privs", ...command],
  ];
}

/**
 * Makes the root: the system's folders, without what is the machine's own, and
 * what is mounted. `$0` is its folder; mounts are three arguments each.
 */
const MAKE_ROOT = `
mount -t tmpfs tmpfs "$0"
for each in /*; do
  case "$each" in /run|/tmp|/root|/home) mkdir "$0$each"; continue;; esac
  if [ -L "$each" ]; then cp -P "$each" "$0$each"
  elif [ -d "$each" ]; then mkdir "$0$each"; mount --rbind "$each" "$0$each"
  fi
done
while [ "$1" != "--" ]; do
  mkdir -p "$0$2"
  mount --bind "$1" "$0$2"
  mount -o "remount,bind,$3" "$0$2"
  shift 3
done
shift
exec chroot "$0" "$@"
`;
