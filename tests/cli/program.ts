/** The program as a child process, as its users meet it. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** The command line of the program, for a shell. */
export const THRESHER = [Deno.execPath(), "run", "-A", "--quiet", CLI]
  .map((word) => `'${word}'`).join(" ");

/** How it ended, and what it said. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program in a folder. */
export function thresher(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return output(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", CLI, ...args],
      cwd: folder,
      env: { ...plainEnv(folder), ...env },
      stdin: "null",
    }),
  );
}

/** Runs a line of shell in which `thresher` is the program. */
export function shell(folder: string, line: string): Promise<Outcome> {
  return output(
    new Deno.Command("bash", {
      args: ["-c", `thresher() { ${THRESHER} "$@"; }\n${line}`],
      cwd: folder,
      env: plainEnv(folder),
      stdin: "null",
    }),
  );
}

/** Starts the program; the caller waits for it to end. */
export function start(
  folder: string,
  args: readonly string[],
  { env, ...options }: Pick<
    Deno.CommandOptions,
    "stdin" | "stdout" | "stderr" | "env"
  > = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", CLI, ...args],
    cwd: folder,
    env: { ...plainEnv(folder), ...env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    ...options,
  }).spawn();
}

/** Temporary files go where a test can see them; nothing else is inherited. */
function plainEnv(folder: string): Record<string, string> {
  return {
    TMPDIR: folder,
    XDG_STATE_HOME: join(folder, "state"),
    XDG_CONFIG_HOME: join(folder, "config"),
    // No cluster, unless a test names one.
    KUBECONFIG: join(folder, "none"),
    THRESHER_TOKEN: "",
    NO_COLOR: "",
  };
}

async function output(command: Deno.Command): Promise<Outcome> {
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}
