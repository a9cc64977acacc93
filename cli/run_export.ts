/** Runs `export`. */
import { PROTOCOLS } from "../dissectors/registry.ts";
import {
  findSavefiles,
  type SavefilePath,
} from "../worker/capture/savefile.ts";
import {
  CannotReread,
  type ExportOptions,
  exportPackets,
} from "../worker/scan/export.ts";
import { answeredIn } from "../worker/scan/answered.ts";
import { MixedLinkTypes, PacketOutput } from "../worker/scan/packet_output.ts";
import { ofSavefile } from "../worker/scan/packet_source.ts";
import { linesOf, ShardGone } from "../worker/scan/shard_line.ts";
import { readsName } from "../worker/scan/source_scan.ts";
import type { Store } from "../worker/shards/store.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import type { CommonOptions } from "./common_options.ts";
import { openTarget, refuseOverwriting } from "./export_target.ts";
import { toPlan } from "./filter.ts";
import { Interruption } from "./interruption.ts";
import { say } from "./output.ts";
import { Progress } from "./progress.ts";
import { mayWait } from "./places.ts";
import { openEach, orCommandError } from "./savefiles.ts";
import { missingFrom, openFolder } from "./search_folder.ts";
import type { HubAddress } from "./local_hub.ts";
import { type HubOptions, toHub, toSource } from "./source.ts";

/** What `export` was told. */
export interface ExportCommandOptions extends CommonOptions, HubOptions {
  readonly output: string;
  readonly format?: "pcap" | "pcapng";
  readonly exact?: true;
}

/** Copies the wanted packets to the output. */
export async function runExport(
  kfl: string,
  options: ExportCommandOptions,
): Promise<ExitCode> {
  const { from, to, output } = options;
  const now = Date.now() * 1000;
  const plan = toPlan(kfl, { now, from, to, bodies: false });
  const hub = toHub(options);
  if (hub) return await fetchExport(kfl, options, hub);
  const source = toSource(options);
  const waits = output === "-" || "pcap" in source && mayWait(source.pcap);
  using interruption = new Interruption(!waits);
  const job = {
    plan,
    protocols: PROTOCOLS,
    exact: options.exact === true,
    signal: interruption.signal,
  };
  const copy = "pcap" in source
    ? copyFromSavefiles(source.pcap, output, job)
    : copyFromFolder(source.dataDir, job);
  try {
    return await exportAs(formatOf(options), copy, output);
  } catch (error) {
    if (error instanceof CannotReread) {
      throw new CommandError(EXIT.MISUSED, error.message, error);
    }
    if (error instanceof ShardGone) {
      throw new CommandError(EXIT.FAILED, error.message, error);
    }
    if (!(error instanceof MixedLinkTypes)) throw error;
    if (options.format === "pcap" || output === "-") {
      throw new CommandError(
        EXIT.MISUSED,
        `${error.message}: ask for --format pcapng`,
        error,
      );
    }
    return await exportAs("pcapng", copy, output);
  }
}

async function fetchExport(
  kfl: string,
  options: ExportCommandOptions,
  hub: HubAddress,
): Promise<ExitCode> {
  const { from, to, exact, output } = options;
  const { exportFromHub } = await import("./export_hub.ts");
  using interruption = new Interruption();
  const isStrict = options.format !== undefined;
  const format = formatOf(options);
  const wanted = { kfl, from, to, exact, format, isStrict, output };
  return await exportFromHub(wanted, hub, interruption.signal);
}

/** Copies what is wanted of all sources, and gives warnings, one line each. */
type Copy = (output: PacketOutput) => Promise<readonly string[]>;

async function exportAs(
  format: "pcap" | "pcapng",
  copy: Copy,
  path: string,
): Promise<ExitCode> {
  using target = openTarget(path);
  const output = new PacketOutput(target, format);
  const warnings = await copy(output);
  output.finish();
  target.keep();
  for (const warning of warnings) say(`thresher: ${warning}`);
  say(`thresher: ${output.frames} packets written`);
  return EXIT.DONE;
}

/** @throws CommandError */
function copyFromSavefiles(
  args: readonly string[],
  target: string,
  job: ExportOptions,
): Copy {
  const files = orCommandError(() => findSavefiles(args));
  const paths = files.map(({ path }) => path);
  refuseOverwriting(paths, target);
  return (output) => copySavefiles(files, output, job);
}

async function copySavefiles(
  files: readonly SavefilePath[],
  output: PacketOutput,
  job: ExportOptions,
): Promise<string[]> {
  const warnings: string[] = [];
  for (const { path, name, file, onProgress } of openEach(files)) {
    // What an output without packets begins with.
    output.begin(file.reader.interfaces);
    const source = ofSavefile(file, name);
    await exportPackets(source, output, { ...job, onProgress });
    const { damage } = file.reader;
    if (damage !== undefined) warnings.push(`${path}: damaged, ${damage}`);
  }
  return warnings;
}

/** @throws CommandError */
function copyFromFolder(folder: string, job: ExportOptions): Copy {
  const store = openFolder(folder);
  return async (output) => {
    const shards = store.survey();
    const progress = new Progress(() =>
      shards.reduce((sum, { bytes }) => sum + bytes, 0)
    );
    try {
      return await copyLines(store, output, job, progress);
    } finally {
      progress.end();
    }
  };
}

async function copyLines(
  store: Store,
  output: PacketOutput,
  job: ExportOptions,
  progress: Progress,
): Promise<string[]> {
  const warnings: string[] = [];
  const answered = readsName(job.plan)
    ? await answeredIn(store, job)
    : undefined;
  let done = 0;
  for (const line of linesOf(store)) {
    let position = 0;
    const onProgress = (now: number) =>
      progress.update(done + (position = now));
    await exportPackets(line, output, { ...job, answered, onProgress });
    done += position;
    warnings.push(...line.damage.map((what) => `${store.node}: ${what}`));
  }
  return [...warnings, ...missingFrom(store, job.plan)];
}

/** What was asked for, or what the file's name says. */
export function formatOf(
  { format, output }: Pick<ExportCommandOptions, "format" | "output">,
): "pcap" | "pcapng" {
  return format ?? (output.endsWith(".pcapng") ? "pcapng" : "pcap");
}
