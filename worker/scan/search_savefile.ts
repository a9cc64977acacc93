/** A query over a savefile. */
import { toPlace } from "../../stream/reader.ts";
import type { OpenSavefile } from "../capture/savefile.ts";
import { type Coverage, type ScanOptions, SourceScan } from "./source_scan.ts";
import { walk, type WalkOptions } from "./walk.ts";

/** Searches one savefile from its beginning. */
export async function searchSavefile(
  file: OpenSavefile,
  node: string,
  options: ScanOptions & WalkOptions,
): Promise<Coverage> {
  const scan = new SourceScan(node, options);
  const { interfaces } = file.reader;
  await walk(file, options, (batch, first) => {
    for (let i = 0; i < batch.count; i++) {
      const { linkType } = interfaces[batch.interface[i]!]!;
      scan.frame(batch, i, linkType, toPlace(0, first + i));
    }
  });
  scan.end();
  const { damage } = file.reader;
  if (damage !== undefined) scan.coverage.damage.push(damage);
  return scan.coverage;
}
