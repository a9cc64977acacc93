/**
 * Savefiles as workers: each is imported into a data folder of its own, and
 * answered for by the code that answers for captured packets.
 *
 * The folders are temporary (`TMPDIR` says where) and go with the program.
 */
import { join } from "node:path";
import type { SavefileAdded } from "../api/hub.ts";
import type { OpenSavefile } from "../worker/capture/savefile.ts";
import type { ImportedSource } from "../worker/shards/import.ts";
import { importSavefiles } from "../worker/shards/import.ts";
import { StoreWriter } from "../worker/shards/store_writer.ts";
import { Store } from "../worker/shards/store.ts";
import { ScanPool } from "../worker/serve/scan_pool.ts";
import { WorkerService } from "../worker/serve/service.ts";
import { CommandError, EXIT } from "./exit.ts";
import { say } from "./output.ts";
import { VERSION } from "./version.ts";

/** The disk decides: a savefile is shown whole or not at all. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** Every question of every page is one to each savefile. */
const MAX_QUERIES = 4096;

/** A savefile that is answered for. */
export interface SavefileWorker {
  readonly worker: WorkerService;
  readonly added: SavefileAdded;
}

/** The workers of all savefiles that are shown. */
export class SavefileWorkers implements AsyncDisposable {
  readonly #folder: string;
  /** One for all: each thread takes some 40 MB. */
  readonly #pool: ScanPool;
  readonly #workers: WorkerService[] = [];
  readonly #names = new Set<string>();

  private constructor(folder: string) {
    this.#folder = folder;
    this.#pool = new ScanPool({
      folder,
      queries: MAX_QUERIES,
      onFault: sayFault,
    });
  }

  /** Makes room for them. */
  static async open(): Promise<SavefileWorkers> {
    return new SavefileWorkers(
      await Deno.makeTempDir({ prefix: "thresher-savefiles-" }),
    );
  }

  /** A path beside the folders, for a file that is on its way here. */
  scratchPath(): string {
    return join(this.#folder, `${crypto.randomUUID()}.upload`);
  }

  /**
   * Imports a savefile.
   *
   * @param name of its node; a number is added where it is taken
   * @throws CommandError if there is no room for it
   */
  async add(
    name: string,
    file: OpenSavefile,
    options: {
      readonly signal?: AbortSignal;
      readonly onProgress?: (position: number) => void;
    } = {},
  ): Promise<SavefileWorker> {
    const node = this.#freeName(name);
    this.#names.add(node);
    const folder = join(this.#folder, String(this.#names.size));
    const imported = await this.#import(node, folder, file, options);
    const worker = new WorkerService({
      name: node,
      version: VERSION,
      folder,
      pool: this.#pool,
      onFault: sayFault,
    });
    this.#workers.push(worker);
    return { worker, added: summarize(node, folder, imported) };
  }

  async #import(
    node: string,
    folder: string,
    file: OpenSavefile,
    options: Parameters<SavefileWorkers["add"]>[2],
  ): Promise<ImportedSource> {
    using writer = StoreWriter.open(folder, { node, storageLimit: NO_LIMIT });
    const [imported] = await importSavefiles(
      writer,
      [{ name: node, file }],
      options,
    );
    if (writer.stopped) {
      throw new CommandError(
        EXIT.FAILED,
        `There is no room for "${node}" in "${this.#folder}": set TMPDIR to ` +
          "a folder with more",
      );
    }
    return imported!;
  }

  #freeName(name: string): string {
    let free = name;
    for (let n = 2; this.#names.has(free); n++) free = `${name}#${n}`;
    return free;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pool.close();
    for (const worker of this.#workers) worker.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function sayFault(text: string): void {
  say(`thresher: ${text}`);
}

function summarize(
  node: string,
  folder: string,
  { packets, damage }: ImportedSource,
): SavefileAdded {
  const shards = Store.open(folder).survey();
  const times = shards.filter((shard) => shard.packets > 0);
  return {
    node,
    packets,
    ...times.length > 0 && {
      first: Math.min(...times.map(({ first }) => first)),
      last: Math.max(...times.map(({ last }) => last)),
    },
    ...damage !== undefined && { damage },
  };
}
