/**
 * The system programs that some tests and benches need: which, from where, and
 * whether they are here.
 *
 * Tests never fail for want of a program: they are skipped, and say so.
 * `deno run -A tests/setup.ts`, which `deno task test` does first, installs
 * what is missing where it may (root on a Debian-like system).
 */
import { join } from "node:path";

/** Programs, each with the Debian package that brings it. */
const PACKAGE_OF = {
  "apt-get": "apt",
  bash: "bash",
  chromium: "chromium",
  containerd: "containerd",
  curl: "curl",
  dnsperf: "dnsperf",
  "docker-registry": "docker-registry",
  "dpkg-deb": "dpkg",
  fish: "fish",
  ip: "iproute2",
  nft: "nftables",
  nginx: "nginx",
  openssl: "openssl",
  pgbench: "postgresql",
  "redis-benchmark": "redis-tools",
  "redis-cli": "redis-tools",
  "redis-server": "redis-server",
  runc: "runc",
  script: "bsdutils",
  setpriv: "util-linux",
  skopeo: "skopeo",
  strace: "strace",
  socat: "socat",
  taskset: "util-linux",
  tcpdump: "tcpdump",
  time: "time",
  tshark: "tshark",
  unbound: "unbound",
  unshare: "util-linux",
  wrk: "wrk",
  zsh: "zsh",
} as const;

/** A program that tests or benches run. */
export type Program = keyof typeof PACKAGE_OF;

/** What tests run. */
const FOR_TESTS: readonly Program[] = [
  "bash",
  "chromium",
  "containerd",
  "curl",
  "dnsperf",
  "docker-registry",
  "fish",
  "ip",
  "nft",
  "nginx",
  "openssl",
  "redis-cli",
  "redis-server",
  "runc",
  "script",
  "setpriv",
  "skopeo",
  "strace",
  "socat",
  "tcpdump",
  "tshark",
  "unbound",
  "unshare",
  "zsh",
];

/** Where programs are, also for users whose PATH leaves out the system's. */
const FOLDERS = [
  ...(Deno.env.get("PATH") ?? "").split(":"),
  ...["/usr/local/sbin", "/usr/sbin", "/sbin"],
];

function isInstalled(program: string): boolean {
  return FOLDERS.some((folder) => {
    try {
      return Deno.statSync(join(folder, program)).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      if (error instanceof Deno.errors.NotADirectory) return false;
      if (error instanceof Deno.errors.PermissionDenied) return false;
      throw error;
    }
  });
}

/**
 * Whether tests that run these programs must be skipped. Says which is missing:
 *
 * ```ts
 * Deno.test({ name: "…", ignore: lacks("tshark"), fn() { … } });
 * ```
 */
export function lacks(...programs: readonly Program[]): boolean {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return false;
  console.warn(`Tests are skipped, for want of: ${missing.join(", ")}`);
  return true;
}

/**
 * Installs what is missing, or says plainly why not. Never fails.
 *
 * @param programs what is needed; by default what tests run
 */
export async function setUp(
  programs: readonly Program[] = FOR_TESTS,
): Promise<void> {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => PACKAGE_OF[program]))];
  const list = packages.join(" ");
  if (Deno.uid() !== 0 || !isInstalled("apt-get")) {
    console.warn(
      `Not everything can run: ${missing.join(", ")} not found.\n` +
        `On Debian: sudo apt-get install ${list}`,
    );
    return;
  }
  console.log(`Installing what is needed: ${list}`);
  const complaint = await install(packages);
  if (complaint === undefined) return;
  console.warn(
    `Not everything can run: apt-get could not install ${list}:\n` + complaint,
  );
}

/** What keeps packages from starting the services that they bring. */
const POLICY = "/usr/sbin/policy-rc.d";

/**
 * Installs packages; starts none of their services.
 *
 * @returns the end of what apt wrote, if it failed
 */
async function install(
  packages: readonly string[],
): Promise<string | undefined> {
  const ours = await forbidServices();
  try {
    // What is known of packages may be absent or old: then learn it first.
    return await apt("install", ...packages) === undefined
      ? undefined
      : await apt("update") ?? await apt("install", ...packages);
  } finally {
    if (ours) await Deno.remove(POLICY);
  }
}

/** Whether the policy that forbids starting services had to be made. */
async function forbidServices(): Promise<boolean> {
  try {
    await Deno.writeTextFile(POLICY, "#!/bin/sh\nexit 101\n", {
      createNew: true,
      mode: 0o755,
    });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

async function apt(...args: readonly string[]): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command("apt-get", {
    args: [
      ...["-y", "-qq", "-o", "DPkg::Lock::Timeout=120"],
      ...["--no-install-recommends", ...args],
    ],
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
  }).output();
  if (success) return undefined;
  const said = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  return said.trimEnd().split("\n").slice(-10).join("\n");
}

if (import.meta.main) await setUp();
