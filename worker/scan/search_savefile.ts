/** A query over a savefile. */
import { toPlace } from "../../stream/reader.ts";
import type { OpenSavefile } from "../capture/savefile.ts";
import { BytesPass } from "./bytes_pass.ts";
import {
  type Coverage,
  flowNamesOf,
  horizonOf,
  type ScanOptions,
  SourceScan,
} from "./source_scan.ts";
import { walk, type WalkOptions } from "../capture/walk.ts";

/** Searches one savefile from its beginning. */
export async function searchSavefile(
  file: OpenSavefile,
  node: string,
  options: ScanOptions & WalkOptions,
): Promise<Coverage> {
  const ruledOut = await searchBytes(file, options);
  const scan = new SourceScan(node, { ...options, ruledOut });
  const { reader } = file;
  await walk(file, options, (batch, first) => {
    const { interfaces } = reader;
    for (let i = 0; i < batch.count; i++) {
      const { linkType } = interfaces[batch.interface[i]!]!;
      scan.frame(batch, i, linkType, toPlace(0, first + i));
    }
  });
  scan.end();
  scan.coverage.lost = reader.dropped;
  if (reader.damage !== undefined) scan.coverage.damage.push(reader.damage);
  return scan.coverage;
}

/** Flows that cannot match by their bytes, where it pays to look. */
async function searchBytes(
  file: OpenSavefile,
  options: ScanOptions & WalkOptions,
): Promise<ReadonlySet<number>> {
  const { plan } = options;
  const pass = new BytesPass(plan, flowNamesOf(options), horizonOf(plan));
  if (plan.needles.length === 0 || !file.canRewind) return pass.ruledOut;
  await walk(file, options, (batch, first) => {
    pass.add(batch, file.reader.interfaces, first);
    return !pass.isFutile;
  });
  if (!pass.isFutile) pass.end();
  file.rewind();
  return pass.ruledOut;
}
