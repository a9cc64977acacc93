/** Runs `import`. */
import { hostname } from "node:os";
import { findSavefiles } from "../worker/capture/savefile.ts";
import { importSavefiles } from "../worker/shards/import.ts";
import {
  DEFAULT_STORAGE_LIMIT,
  StoreWriter,
} from "../worker/shards/store_writer.ts";
import { dataFolder } from "./data_folder.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { Interruption } from "./interruption.ts";
import { say } from "./output.ts";
import { mayWait } from "./places.ts";
import { openEach, orCommandError } from "./savefiles.ts";
import { toCommandError } from "./search_folder.ts";

/** What `import` was told. */
export interface ImportOptions {
  readonly pcap: readonly string[];
  readonly dataDir?: string;
  readonly storageLimit?: number;
}

/** Copies the savefiles' packets into the data folder. */
export async function runImport(options: ImportOptions): Promise<ExitCode> {
  const files = orCommandError(() => findSavefiles(options.pcap));
  const folder = dataFolder(options.dataDir);
  using writer = open(folder, options.storageLimit ?? DEFAULT_STORAGE_LIMIT);
  using interruption = new Interruption(!mayWait(options.pcap));
  const { signal } = interruption;
  for (const { name, file, onProgress, endProgress } of openEach(files)) {
    const [imported] = await importSavefiles(writer, [{ name, file }], {
      signal,
      onProgress,
    });
    endProgress();
    say(`thresher: ${name}: ${imported!.packets} packets imported`);
    if (imported!.damage !== undefined) {
      say(`thresher: ${name}: damaged, ${imported!.damage}`);
    }
    if (writer.stopped) {
      say(`thresher: packets were not kept: ${describe(writer.stopped)}`);
      return EXIT.FAILED;
    }
  }
  if (writer.retention.deleted.until > 0) {
    say(
      "thresher: the oldest packets were deleted to stay below the storage " +
        "limit; raise it with --storage-limit to keep more",
    );
  }
  return EXIT.DONE;
}

function describe(cause: string): string {
  return cause === "full" ? "the disk is full" : cause;
}

function open(folder: string, storageLimit: number): StoreWriter {
  try {
    return StoreWriter.open(folder, { node: hostname(), storageLimit });
  } catch (error) {
    throw toCommandError(error);
  }
}
