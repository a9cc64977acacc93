/** What a program costs: wall time, processor time and memory. */

/** One run of a program. */
export interface Run {
  readonly stdout: string;
  /** Seconds from its start to its end. */
  readonly wall: number;
  /** Seconds of processor, its own and the kernel's for it, to a hundredth. */
  readonly cpu: number;
  /** Most memory resident at once, bytes. */
  readonly peak: number;
}

/**
 * Runs a program to its end under `time(1)`.
 *
 * @throws Error with what it said, if it failed
 */
export async function measure(command: readonly string[]): Promise<Run> {
  const costs = await Deno.makeTempFile();
  try {
    const start = performance.now();
    const { success, stdout, stderr } = await new Deno.Command("time", {
      args: ["-q", "-o", costs, "-f", "%U %S %M", ...command],
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const wall = (performance.now() - start) / 1000;
    if (!success) {
      const said = new TextDecoder().decode(stderr).trim();
      throw new Error(`\`${command.join(" ")}\` failed:\n${said}`);
    }
    const [user, system, kib] = (await Deno.readTextFile(costs)).split(" ")
      .map(Number);
    return {
      stdout: new TextDecoder().decode(stdout),
      wall,
      cpu: user! + system!,
      peak: kib! * 1024,
    };
  } finally {
    await Deno.remove(costs);
  }
}

/**
 * Runs two programs by turns, so that both meet the same machine.
 *
 * @param counts how often each runs; the first goes on alone
 */
export async function alternate(
  first: () => Promise<Run>,
  second: () => Promise<Run>,
  counts: readonly [first: number, second: number],
): Promise<[Run[], Run[]]> {
  const runs: [Run[], Run[]] = [[], []];
  for (let i = 0; i < Math.max(...counts); i++) {
    if (i < counts[0]) runs[0].push(await first());
    if (i < counts[1]) runs[1].push(await second());
  }
  return runs;
}

/** The middle one of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
