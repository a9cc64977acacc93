/**
 * What live capture costs beside `tcpdump -w`, a part of `deno task nightly`:
 *
 * ```sh
 * deno run -A tests/bench/capture.ts [SECONDS [PER_SECOND [RUNS]]]
 * ```
 *
 * A sender on one core, in a network namespace of its own; those who capture
 * take turns on the other core, on the same traffic: 1,024 flows, IPv4 and IPv6,
 * TCP and UDP, 400 bytes on average. All hear all interfaces and write to the
 * same disk. Processor time is that of the whole process from its start.
 *
 * What is sent is nothing that a dissector speaks for. So `--store all` is what
 * compares with tcpdump, byte by byte; by default headers alone are stored once
 * that is known.
 *
 * Needs root, ip, taskset and tcpdump.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Network, sleep } from "../record/network.ts";
import { killUnderLoad } from "../worker/live/killing.ts";
import { median, type Row } from "./measure.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const SENDER = fileURLToPath(
  new URL("../worker/capture/send.ts", import.meta.url),
);

/** Bytes of either one's ring. */
const RING_MIB = 16;

/** How long the last packets may take to be written, ms. */
const SETTLE = 1500;

/** How long nothing comes while it is measured what that costs, ms. */
const QUIET = 5000;

/** Times that a worker is killed. */
const KILLS = 50;

/** Ticks of a second in `/proc/PID/stat`. */
const HERTZ = 100;

/** How one capture went. */
interface Outcome {
  /** Packets that were written. */
  readonly packets: number;
  readonly dropped: number;
  /** Processor time, µs for each packet. */
  readonly perPacket: number;
  /** Memory resident before there were packets, and at most, MB. */
  readonly resting: number;
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

const thresher = (store: string) => (folder: string): Contender => ({
  command: [
    ...[Deno.execPath(), "run", "-A", CLI, "worker"],
    ...["--data-dir", folder, "--storage-limit", "4GB", "--store", store],
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
  await sleep(QUIET);
  const idle = (await cpuOf(program.pid) - before) / (QUIET / 1000) * 100;
  const resting = await memoryOf(program.pid, "VmRSS");
  const said = await network.run("client", [
    ...["taskset", "-c", "1", Deno.execPath(), "run", "-A", SENDER],
    ...["eth0", `${frames}`, `${perSecond}`],
  ]);
  await sleep(SETTLE);
  const cpu = await cpuOf(program.pid);
  const peak = await memoryOf(program.pid, "VmHWM");
  await program.stop("SIGINT");
  await program.ended;
  const count = (what: RegExp) => what.exec(program.stderr)?.[1];
  return {
    packets: Number(count(packets)),
    // Who lost nothing does not say how many that is.
    dropped: Number(count(dropped) ?? 0),
    perPacket: cpu * 1e6 / frames,
    resting,
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

async function memoryOf(
  pid: number,
  what: "VmRSS" | "VmHWM",
): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const kib = new RegExp(`^${what}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  return Number(kib) * 1024 / 1e6;
}

function print(name: string, outcome: Outcome): void {
  const { packets, dropped, perPacket, resting, peak, idle, rate } = outcome;
  console.log(
    [
      name.padEnd(11),
      `${packets} packets at ${Math.round(rate / 1000)} k/s`,
      `${dropped} dropped`,
      `${perPacket.toFixed(3)} us each`,
      `${resting.toFixed(0)} to ${peak.toFixed(0)} MB`,
      `idle ${idle.toFixed(1)} %`,
    ].join(", "),
  );
}

/** Those who capture, in the order in which they take turns. */
const CONTENDERS = {
  all: thresher("all"),
  dissectable: thresher("dissectable"),
  tcpdump,
} as const;

type Name = keyof typeof CONTENDERS;

/** How nice this session is to others, from -20 to 19. */
const NICENESS = "-18";

/**
 * Has what runs here come before other work of the machine, where the kernel
 * groups processes by their session (`sched(7)`, autogroup).
 */
async function comeFirst(): Promise<void> {
  try {
    await Deno.writeTextFile("/proc/self/autogroup", NICENESS);
  } catch (error) {
    // Where it does not: then the machine has to be quiet.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** How each run of each went. */
async function compare(
  seconds: number,
  perSecond: number,
  runs: number,
): Promise<Record<Name, Outcome[]>> {
  const outcomes: Record<Name, Outcome[]> = {
    all: [],
    dissectable: [],
    tcpdump: [],
  };
  await comeFirst();
  for (let i = 0; i < runs; i++) {
    for (const name of Object.keys(CONTENDERS) as Name[]) {
      const frames = seconds * perSecond;
      const outcome = await run(CONTENDERS[name], frames, perSecond);
      print(name, outcome);
      outcomes[name].push(outcome);
    }
  }
  return outcomes;
}

const cost = (outcomes: readonly Outcome[]): number =>
  median(outcomes.map(({ perPacket }) => perPacket));

/** Lines of the table of `deno task nightly`. */
export async function captured(
  seconds = 20,
  perSecond = 300_000,
  runs = 3,
): Promise<Row[]> {
  const outcomes = await compare(seconds, perSecond, runs);
  const { tcpdump, ...ours } = outcomes;
  const of = `capture of ${Math.round(perSecond / 1000)} k/s`;
  const rows = (["all", "dissectable"] as const).map((store) => ({
    what: `${of}, --store ${store}, processor time, to tcpdump -w`,
    ours: `${cost(ours[store]).toFixed(2)} us`,
    theirs: `${cost(tcpdump).toFixed(2)} us`,
    reached: cost(ours[store]) / cost(tcpdump),
    goal: 1.5,
    unit: "times",
  }));
  const all = Object.values(ours).flat();
  const missing = ({ packets, dropped }: Outcome) =>
    Math.max(0, seconds * perSecond - packets) + dropped;
  const worst = (value: (outcome: Outcome) => number) =>
    Math.max(...all.map(value));
  const alone = { theirs: "", ours: "" };
  return [
    ...rows,
    {
      ...alone,
      what: `${of}, packets missing`,
      reached: worst(missing),
      goal: 0,
      unit: "packets",
    },
    {
      ...alone,
      what: `${of}, most memory`,
      reached: worst(({ peak }) => peak),
      goal: 150,
      unit: "MB",
    },
    {
      ...alone,
      what: "capture, memory while nothing comes",
      reached: worst(({ resting }) => resting),
      goal: 150,
      unit: "MB",
    },
    {
      ...alone,
      what: "capture, processor time while nothing comes",
      reached: worst(({ idle }) => idle),
      goal: 1,
      unit: "%",
    },
  ];
}

/** Another line: a worker is killed again and again. */
export async function killed() {
  const { packets } = await killUnderLoad(KILLS, 7);
  return [{
    what: `${KILLS} kills under load, ${packets} packets stored, lost`,
    ours: "",
    theirs: "",
    // Otherwise it throws.
    reached: 0,
    goal: 0,
    unit: "packets",
  }];
}

if (import.meta.main) {
  const [seconds, perSecond, runs] = Deno.args.map(Number);
  for (const row of await captured(seconds, perSecond, runs)) {
    const { what, reached, goal, unit } = row;
    console.log(`${what}: ${reached.toFixed(2)} ${unit} (goal ${goal})`);
  }
}
