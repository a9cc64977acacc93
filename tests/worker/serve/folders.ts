/** Data folders that tests ask about. */
import { openSavefile } from "../../../worker/capture/savefile.ts";
import { importSavefiles } from "../../../worker/shards/import.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { WorkerService } from "../../../worker/serve/service.ts";
import { findFixtures } from "../../dissectors/fixtures.ts";

/** Has a temporary folder made, and removed. */
export async function withFolder(
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Imports fixtures of the dissectors, such as `redis/pipelined.pcap`. */
export async function importFixtures(
  folder: string,
  names: readonly string[],
  shardBytes = 5000,
): Promise<void> {
  using writer = StoreWriter.open(folder, {
    node: "test",
    storageLimit: 2 ** 30,
    shardBytes,
  });
  for (const name of names) {
    const { path } = findFixtures().find((one) => one.name === name)!;
    using file = openSavefile(path);
    await importSavefiles(writer, [{ name, file }]);
  }
}

/** A worker over a folder, whose faults fail the test. */
export async function withService(
  folder: string,
  use: (service: WorkerService) => Promise<void>,
  threads = 1,
): Promise<void> {
  const faults: string[] = [];
  const service = new WorkerService({
    name: "test",
    version: "0",
    folder,
    threads,
    onFault: (text) => faults.push(text),
  });
  try {
    await use(service);
  } finally {
    service.close();
  }
  if (faults.length > 0) throw new Error(faults.join("\n"));
}
