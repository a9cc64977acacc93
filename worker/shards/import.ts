/**
 * Savefiles into a folder of shards: the packets as they are, times to the
 * nanosecond, in the order in which they stand in the files.
 */
import type { FrameBatch } from "../../packet/frame.ts";
import type { SavefileReader } from "../../packet/savefile.ts";
import type { OpenSavefile } from "../capture/savefile.ts";
import { walk, type WalkOptions } from "../capture/walk.ts";
import type { StoreWriter } from "./store_writer.ts";

/** A savefile to import. */
export interface ImportSource {
  /** As facts shall name it. */
  readonly name: string;
  readonly file: OpenSavefile;
}

/** What became of one savefile. */
export interface ImportedSource {
  readonly name: string;
  readonly packets: number;
  /** Packets that the capturing machine lost, as far as the file tells. */
  readonly dropped: number;
  /** What is wrong with the file and where; absent if nothing is. */
  readonly damage: string | undefined;
}

/**
 * Imports savefiles one after the other, each into shards of its own.
 *
 * @returns what became of each; what was stored, dropped or cut is in the
 *   writers' counters
 */
export async function importSavefiles(
  writer: StoreWriter,
  sources: Iterable<ImportSource>,
  options: WalkOptions = {},
): Promise<ImportedSource[]> {
  const imported: ImportedSource[] = [];
  for (const source of sources) {
    imported.push(await importSavefile(writer, source, options));
  }
  return imported;
}

async function importSavefile(
  writer: StoreWriter,
  { name, file }: ImportSource,
  options: WalkOptions,
): Promise<ImportedSource> {
  const { reader } = file;
  writer.beginSource(name);
  let secrets = 0;
  let time = 0;
  let linkType = reader.interfaces[0]?.linkType ?? 0;
  const packets = await walk(file, options, (batch) => {
    for (; secrets < reader.secrets.length; secrets++) {
      const { type, data } = reader.secrets[secrets]!;
      writer.addFact({ kind: "secrets", type, data });
    }
    linkType = appendByLinkType(writer, reader, batch);
    time = batch.time[batch.count - 1]!;
  });
  // Files say how many were lost, and not when.
  if (reader.dropped > 0) {
    writer.writer(linkType).addDrop("capture", reader.dropped, time);
  }
  writer.beginSource(undefined);
  return { name, packets, dropped: reader.dropped, damage: reader.damage };
}

/**
 * Gives runs of rows to the writers of their link types.
 *
 * @returns the link type of the last row
 */
function appendByLinkType(
  writer: StoreWriter,
  reader: SavefileReader,
  batch: FrameBatch,
): number {
  const { interfaces } = reader;
  const linkTypeOf = (row: number) =>
    interfaces[batch.interface[row]!]!.linkType;
  let from = 0;
  while (from < batch.count) {
    const linkType = linkTypeOf(from);
    let to = from + 1;
    while (to < batch.count && linkTypeOf(to) === linkType) to++;
    writer.writer(linkType).append(batch, interfaces, from, to);
    from = to;
  }
  return linkTypeOf(batch.count - 1);
}
