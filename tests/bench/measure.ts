/** What a program costs: wall time, processor time and memory. */

/** One run of a program. */
export interface Run {
  /** What it wrote; empty where that was not kept. */
  readonly stdout: string;
  /** Seconds from its start to its end. */
  readonly wall: number;
  /** Seconds of processor, its own and the kernel's for it, to a hundredth. */
  readonly cpu: number;
  /** Most memory resident at once, bytes. */
  readonly peak: number;
}

/** A line of the table of `deno task nightly`. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly theirs: string;
  /** In the unit of `goal`: what was reached, and what it may be at most. */
  readonly reached: number;
  readonly goal: number;
  readonly unit: string;
}

/**
 * Runs a program to its end under `time(1)`.
 *
 * @param stdout `null` where it writes more than memory holds
 * @throws Error with what it said, if it failed
 */
export async function measure(
  command: readonly string[],
  stdout: "piped" | "null" = "piped",
): Promise<Run> {
  const costs = await Deno.makeTempFile();
  try {
    const start = performance.now();
    const output = await new Deno.Command("time", {
      args: ["-q", "-o", costs, "-f", "%U %S %M", ...command],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout,
    }).output();
    const wall = (performance.now() - start) / 1000;
    if (!output.success) {
      const said = new TextDecoder().decode(output.stderr).trim();
      throw new Error(`\`${command.join(" ")}\` failed:\n${said}`);
    }
    const [user, system, kib] = (await Deno.readTextFile(costs)).split(" ")
      .map(Number);
    return {
      stdout: stdout === "piped" ? new TextDecoder().decode(output.stdout) : "",
      wall,
      cpu: user! + system!,
      peak: kib! * 1024,
    };
  } finally {
    await Deno.remove(costs);
  }
}

/** Runs two programs by turns, so that both meet the same machine. */
export async function alternate(
  first: () => Promise<Run>,
  second: () => Promise<Run>,
  count: number,
): Promise<[Run[], Run[]]> {
  const runs: [Run[], Run[]] = [[], []];
  for (let i = 0; i < count; i++) {
    runs[0].push(await first());
    runs[1].push(await second());
  }
  return runs;
}

/** The middle one of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
