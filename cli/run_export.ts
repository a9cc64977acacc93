/** Runs `export`. */
import { PROTOCOLS } from "../dissectors/registry.ts";
import type { Plan } from "../kfl/plan.ts";
import type { ByteSink } from "../packet/savefile_writer.ts";
import {
  findSavefiles,
  type SavefilePath,
} from "../worker/capture/savefile.ts";
import { CannotReread, exportSavefile } from "../worker/scan/export.ts";
import { MixedLinkTypes, PacketOutput } from "../worker/scan/packet_output.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import type { ExportCommandOptions } from "./export.ts";
import { toPlan } from "./filter.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import { OutputClosed, say } from "./output.ts";
import { Progress } from "./progress.ts";
import { openOrSkip, orCommandError, totalSize } from "./savefiles.ts";

/** Copies the wanted packets to the output. */
export async function runExport(
  kfl: string,
  options: ExportCommandOptions,
): Promise<ExitCode> {
  const { from, to } = options;
  const now = Date.now() * 1000;
  const plan = toPlan(kfl, { now, from, to, bodies: false });
  const files = orCommandError(() => findSavefiles(options.pcap));
  refuseOverwriting(files, options.output);
  using interruption = new Interruption();
  const job = { plan, files, exact: options.exact === true };
  const { signal } = interruption;
  try {
    return await exportAs(formatOf(options), job, options, signal);
  } catch (error) {
    if (error instanceof Interrupted) return EXIT.INTERRUPTED;
    if (error instanceof CannotReread) {
      throw new CommandError(EXIT.MISUSED, error.message, error);
    }
    if (!(error instanceof MixedLinkTypes)) throw error;
    if (options.format === "pcap" || options.output === "-") {
      throw new CommandError(
        EXIT.MISUSED,
        `${error.message}: ask for --format pcapng`,
        error,
      );
    }
    return await exportAs("pcapng", job, options, signal);
  }
}

/** What to export from where. */
interface Job {
  readonly plan: Plan;
  readonly files: readonly SavefilePath[];
  readonly exact: boolean;
}

async function exportAs(
  format: "pcap" | "pcapng",
  { plan, files, exact }: Job,
  options: ExportCommandOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  using target = openTarget(options.output);
  const output = new PacketOutput(target, format);
  const progress = new Progress(totalSize(files.map(({ path }) => path)));
  let done = 0;
  try {
    for (const { path, named } of files) {
      using file = openOrSkip(path, named);
      if (!file) continue;
      output.begin(file.reader.interfaces);
      await exportSavefile(file, output, {
        plan,
        protocols: PROTOCOLS,
        exact,
        signal,
        onProgress: (position) => progress.update(done + position),
      });
      done += file.size ?? 0;
      const { damage } = file.reader;
      if (damage !== undefined) say(`thresher: ${path}: damaged, ${damage}`);
    }
    output.finish();
  } finally {
    progress.end();
  }
  target.keep();
  say(`thresher: ${output.frames} packets written`);
  return EXIT.DONE;
}

function formatOf(
  { format, output }: ExportCommandOptions,
): "pcap" | "pcapng" {
  return format ?? (output.endsWith(".pcapng") ? "pcapng" : "pcap");
}

/** @throws CommandError if the output is one of the inputs */
function refuseOverwriting(
  files: readonly SavefilePath[],
  output: string,
): void {
  const target = identityOf(output);
  if (target === undefined) return;
  for (const { path } of files) {
    if (identityOf(path) !== target) continue;
    throw new CommandError(
      EXIT.MISUSED,
      `"${output}" is read and cannot be written at once: name another file with -o`,
    );
  }
}

/** What a path leads to, by device and inode. */
function identityOf(path: string): string | undefined {
  if (path === "-") return undefined;
  try {
    const { dev, ino, isFile } = Deno.statSync(path);
    return isFile ? `${dev} ${ino}` : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Where the savefile goes; a file that was not kept is removed again. */
interface Target extends ByteSink, Disposable {
  keep(): void;
}

function openTarget(path: string): Target {
  if (path === "-") {
    return {
      write: (bytes) => writeAll(Deno.stdout, bytes),
      keep() {},
      [Symbol.dispose]() {},
    };
  }
  const file = open(path);
  let isKept = false;
  return {
    write: (bytes) => writeAll(file, bytes),
    keep() {
      isKept = true;
    },
    [Symbol.dispose]() {
      const { isFile } = file.statSync();
      file.close();
      if (!isKept && isFile) Deno.removeSync(path);
    },
  };
}

function open(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, {
      write: true,
      create: true,
      truncate: true,
      mode: 0o600,
    });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const denied = error instanceof Deno.errors.PermissionDenied;
    throw new CommandError(
      denied ? EXIT.NO_RIGHT : EXIT.FAILED,
      `Cannot write "${path}": ${denied ? "permission denied" : error.message}`,
      error,
    );
  }
}

function writeAll(
  file: { writeSync(bytes: Uint8Array): number },
  bytes: Uint8Array,
): void {
  try {
    for (let at = 0; at < bytes.length;) {
      at += file.writeSync(bytes.subarray(at));
    }
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) {
      throw new OutputClosed("Nobody reads standard output", { cause: error });
    }
    throw error;
  }
}
