/**
 * What live capture costs beside `tcpdump -w`:
 *
 * ```sh
 * deno run -A tests/bench/capture.ts [SECONDS [PER_SECOND [RUNS]]]
 * ```
 *
 * A sender on one core, in a network namespace of its own; the two take turns
 * on the other core, on the same traffic: 1,024 flows, IPv4 and IPv6, TCP and
 * UDP, 400 bytes on average. Both hear all interfaces and write to the same
 * disk. Processor time is that of the whole process from its start.
 *
 * Needs root, ip, taskset and tcpdump.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Network, sleep } from "../record/network.ts";
import { median } from "./measure.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const SENDER = fileURLToPath(
  new URL("../worker/capture/send.ts", import.meta.url),
);

/** Bytes of either one's ring. */
const RING_MIB = 16;

/** How long the last packets may take to be written, ms. */
const SETTLE = 1500;

/** Ticks of a second in `/proc/PID/stat`. */
const HERTZ = 100;

/** How one capture went. */
interface Outcome {
  /** Packets that were written. */
  readonly packets: number;
  readonly dropped: number;
  /** Processor time, µs for each packet. */
  readonly perPacket: number;
  /** Most memory resident at once, MB. */
  readonly peak: number;
  /** Of one core, before there were packets, in percent. */
  readonly idle: number;
  /** How many the sender sent, each second. */
  readonly rate: number;
}

/** A program that captures, and what it says at its end. */
interface Contender {
  readonly command: readonly string[];
  readonly starts: string;
  readonly packets: RegExp;
  readonly dropped: RegExp;
}

const thresher = (folder: string): Contender => ({
  command: [
    ...[Deno.execPath(), "run", "-A", CLI, "worker"],
    ...["--data-dir", folder, "--storage-limit", "4GB"],
    ...["--ring-size", `${RING_MIB}MiB`],
  ],
  starts: "capturing on",
  packets: /(\d+) packets/,
  dropped: /kernel dropped (\d+)/,
});

const tcpdump = (file: string): Contender => ({
  command: [
    ...["tcpdump", "-i", "any", "-n", "-Z", "root", "-w", file],
    ...["--time-stamp-precision=nano", "-B", `${RING_MIB * 1024}`],
  ],
  starts: "listening on",
  packets: /(\d+) packets captured/,
  dropped: /(\d+) packets dropped by kernel/,
});

async function run(
  contender: (where: string) => Contender,
  frames: number,
  perSecond: number,
): Promise<Outcome> {
  await using network = await Network.create();
  const { command, starts, packets, dropped } = contender(
    join(network.folder, "packets"),
  );
  const program = network.start("server", ["taskset", "-c", "0", ...command]);
  while (!program.stderr.includes(starts)) {
    if (!program.isRunning) throw new Error(program.stderr);
    await sleep(20);
  }
  await sleep(SETTLE);
  const before = await cpuOf(program.pid);
  await sleep(SETTLE);
  const idle = (await cpuOf(program.pid) - before) / (SETTLE / 1000) * 100;
  const said = await network.run("client", [
    ...["taskset", "-c", "1", Deno.execPath(), "run", "-A", SENDER],
    ...["eth0", `${frames}`, `${perSecond}`],
  ]);
  await sleep(SETTLE);
  const cpu = await cpuOf(program.pid);
  const peak = await peakOf(program.pid);
  await program.stop("SIGINT");
  await program.ended;
  const count = (what: RegExp) => Number(what.exec(program.stderr)?.[1]);
  return {
    packets: count(packets),
    dropped: count(dropped),
    perPacket: cpu * 1e6 / frames,
    peak,
    idle,
    rate: frames / JSON.parse(said).seconds,
  };
}

/** Seconds of processor that a process has used, in all its threads. */
async function cpuOf(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const [user, system] = stat.slice(stat.lastIndexOf(")")).split(" ")
    .slice(12, 14).map(Number);
  return (user! + system!) / HERTZ;
}

async function peakOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024 / 1e6;
}

function print(name: string, outcome: Outcome): void {
  const { packets, dropped, perPacket, peak, idle, rate } = outcome;
  console.log(
    [
      name.padEnd(9),
      `${packets} packets at ${Math.round(rate / 1000)} k/s`,
      `${dropped} dropped`,
      `${perPacket.toFixed(3)} us each`,
      `${peak.toFixed(0)} MB`,
      `idle ${idle.toFixed(1)} %`,
    ].join(", "),
  );
}

async function main(
  [seconds = "20", perSecond = "300000", runs = "3"]: string[],
): Promise<void> {
  const frames = Number(seconds) * Number(perSecond);
  const costs: Record<string, number[]> = { thresher: [], tcpdump: [] };
  for (let i = 0; i < Number(runs); i++) {
    for (const [name, contender] of Object.entries({ thresher, tcpdump })) {
      const outcome = await run(contender, frames, Number(perSecond));
      print(name, outcome);
      costs[name]!.push(outcome.perPacket);
    }
  }
  const ratio = median(costs.thresher!) / median(costs.tcpdump!);
  console.log(`Processor time: ${ratio.toFixed(2)} times tcpdump's (medians)`);
}

if (import.meta.main) await main(Deno.args);
