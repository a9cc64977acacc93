/**
 * `deno task nightly`: how Thresher compares with tcpdump and tshark on a
 * gibibyte of real traffic (see `traffic.ts`), and what memory it takes.
 *
 * What both give is compared first: a fast wrong answer is none. Runs take
 * turns and the median counts; tshark needs minutes for each. Ends with 1 if a
 * goal was missed.
 *
 * `deno task nightly export memory` measures these alone.
 */
import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setUp } from "../setup.ts";
import { captured, killed } from "./capture.ts";
import { churned } from "./cluster_hub.ts";
import { fed } from "./dashboard.ts";
import { watched } from "./watching.ts";
import { alternate, measure, median, type Row, type Run } from "./measure.ts";
import { cacheFolder, largeTraffic, traffic } from "./traffic.ts";

/** Runs of each. */
const RUNS = 5;

const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const thresher = [Deno.execPath(), "run", "-A", cli];

/** Packets of one port, as a file: against `tcpdump -r -w`. */
async function exported(capture: string, folder: string): Promise<Row> {
  const [ours, theirs] = [join(folder, "ours.pcap"), join(folder, "theirs")];
  const [us, tcpdump] = await alternate(
    () =>
      measure([
        ...thresher,
        ...["export", "port == 8080", "--pcap", capture, "-o", ours],
      ]),
    () =>
      measure([
        ...["tcpdump", "--time-stamp-precision=nano", "-r", capture],
        ...["-w", theirs, "port 8080"],
      ]),
    RUNS,
  );
  // All but the file headers, which differ in the snapshot length.
  await measure(["cmp", "--ignore-initial=24", ours, theirs]);
  const [a, b] = [median(us.map(cpuOf)), median(tcpdump.map(cpuOf))];
  return {
    what: "export 'port == 8080', processor time, to tcpdump -r -w",
    ours: seconds(a),
    theirs: seconds(b),
    reached: a / b,
    goal: 0.8,
    unit: "times",
  };
}

/** Failed requests, counted: against `tshark -Y`. */
async function counted(capture: string): Promise<Row> {
  const [us, tshark] = await alternate(
    () =>
      measure([
        ...thresher,
        ...["query", "http and response.status >= 400", "--count"],
        ...["--pcap", capture],
      ]),
    () =>
      measure([
        ...["tshark", "-n", "-r", capture, "-d", "tcp.port==8080,http"],
        ...["-Y", "http.response.code >= 400"],
        ...["-T", "fields", "-e", "http.response.code"],
      ]),
    RUNS,
  );
  const failed = failuresIn(tshark[0]!);
  for (const run of tshark) equal(failuresIn(run), failed);
  for (const { stdout } of us) equal(Number(stdout), failed);
  const [a, b] = [median(us.map(wallOf)), median(tshark.map(wallOf))];
  return {
    what: `count of ${failed} failed requests, time, to tshark -Y`,
    ours: seconds(a),
    theirs: seconds(b),
    reached: a / b,
    goal: 1 / 40,
    unit: "times",
  };
}

/** How many failures tshark names. */
function failuresIn({ stdout }: Run): number {
  // A packet may end several answers: then its codes stand in one line.
  return stdout.split(/[\n,]/).filter((code) => Number(code) >= 400).length;
}

/** The newest requests, from a data folder that was read before. */
async function newest(capture: string, folder: string): Promise<Row[]> {
  const data = join(folder, "data");
  const imported = await measure([
    ...thresher,
    ...["import", "--pcap", capture, "--data-dir", data],
    ...["--storage-limit", "8GB"],
  ]);
  const ask = (source: readonly string[]) =>
    measure([
      ...thresher,
      ...["query", "http", "--order", "desc", "--limit", "100", "--json"],
      ...source,
    ]);
  const fromFile = await ask(["--pcap", capture]);
  const first = await ask(["--data-dir", data]);
  deepEqual(entriesIn(first), entriesIn(fromFile));
  const runs: Run[] = [];
  for (let i = 0; i < RUNS; i++) runs.push(await ask(["--data-dir", data]));
  const wall = median(runs.map(wallOf));
  return [
    {
      what: "newest 100 requests from a data folder, time",
      ours: seconds(wall),
      theirs: "",
      reached: wall * 1000,
      goal: 300,
      unit: "ms",
    },
    memory("import", imported),
    memory("newest 100 from a savefile", fromFile),
    memory("newest 100 from a folder never asked before", first),
  ];
}

/** Most memory that a run took. */
function memory(what: string, { peak }: Run): Row {
  return {
    what: `${what}, most memory`,
    ours: `${(peak / 1e6).toFixed(0)} MB`,
    theirs: "",
    reached: peak / 1e6,
    goal: 300,
    unit: "MB",
  };
}

/** What was answered, but for what says where it was captured. */
function entriesIn({ stdout }: Run): unknown[] {
  return stdout.trim().split("\n").map((line) => {
    const { id: _, node: __, ...entry } = JSON.parse(line);
    return entry;
  });
}

/** What makes much of everything, or keeps it. */
const HEAVY: readonly (readonly string[])[] = [
  ["query", "http and response.status >= 400", "--count"],
  ["query", "", "--count"],
  ["query", "", "--json"],
  ["query", "", "--order", "desc", "--limit", "100", "--json"],
];

/** Memory, whatever the size. */
async function peaks(capture: string, folder: string): Promise<Row[]> {
  const { size } = await Deno.stat(capture);
  const target = join(folder, "peak.pcap");
  const rows: Row[] = [];
  for (const command of [...HEAVY, ["export", "port == 8080", "-o", target]]) {
    const run = await measure(
      [...thresher, ...command, "--pcap", capture],
      "null",
    );
    const asked = command.filter((argument) => argument !== target)
      .map((argument) => argument || "''").join(" ");
    rows.push(memory(`${(size / 1e9).toFixed(1)} GB: ${asked}`, run));
  }
  return rows;
}

/** Memory of the first answer that a folder gives, which dissects all of it. */
async function firstPeak(capture: string, folder: string): Promise<Row> {
  const data = join(folder, "cold");
  await measure([
    ...thresher,
    ...["import", "--pcap", capture, "--data-dir", data],
    ...["--storage-limit", "8GB"],
  ]);
  const run = await measure(
    [...thresher, "query", "", "--json", "--data-dir", data],
    "null",
  );
  return memory("all entries from a folder never asked before", run);
}

const cpuOf = ({ cpu }: Run): number => cpu;
const wallOf = ({ wall }: Run): number => wall;
const seconds = (value: number): string => `${value.toFixed(2)} s`;

function print(rows: readonly Row[]): void {
  const table = [["", "Thresher", "other", "reached", "goal", ""]];
  for (const { what, ours, theirs, reached, goal, unit } of rows) {
    const digits = unit === "times" ? 3 : 0;
    table.push([
      ...[what, ours, theirs, `${reached.toFixed(digits)} ${unit}`],
      ...[`≤ ${goal} ${unit}`, reached <= goal ? "met" : "MISSED"],
    ]);
  }
  const widths = table[0]!.map((_, column) =>
    Math.max(...table.map((row) => row[column]!.length))
  );
  for (const row of table) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)
    );
    console.log(cells.join("  ").trimEnd());
  }
}

/** What can be asked for by name; all by default. */
const MEASURES: Readonly<Record<string, (folder: string) => Promise<Row[]>>> = {
  export: async (folder) => [await exported(await traffic(), folder)],
  count: async () => [await counted(await traffic())],
  newest: async (folder) => await newest(await traffic(), folder),
  memory: async (folder) => [
    await firstPeak(await traffic(), folder),
    ...await peaks(await traffic(), folder),
    ...await peaks(await largeTraffic(), folder),
  ],
  capture: () => captured(),
  kills: () => killed(),
  watching: () => watched(),
  cluster: () => churned(),
  feed: () => fed(),
};

async function main(names: readonly string[]): Promise<void> {
  await setUp(["tcpdump", "time", "tshark"]);
  await Deno.mkdir(cacheFolder(), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: cacheFolder() });
  try {
    const rows: Row[] = [];
    for (const name of names) {
      const rowsOf = MEASURES[name];
      if (!rowsOf) throw new Error(`There is no measure "${name}"`);
      rows.push(...await rowsOf(folder));
    }
    console.log(`Medians of ${RUNS} runs by turns.`);
    print(rows);
    if (rows.some(({ reached, goal }) => reached > goal)) Deno.exitCode = 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  await main(Deno.args.length > 0 ? Deno.args : Object.keys(MEASURES));
}
