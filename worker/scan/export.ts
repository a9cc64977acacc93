/** The packets of a savefile that an export keeps, found and given on. */
import { isConversationTest } from "../../kfl/evaluator.ts";
import { compilePacket } from "../../kfl/packet_filter.ts";
import type { Plan } from "../../kfl/plan.ts";
import type { OpenSavefile } from "../capture/savefile.ts";
import {
  ByFlow,
  ByHeaders,
  Everything,
  type Keeper,
  type Selection,
} from "./selection.ts";
import type { Protocols } from "./source_scan.ts";
import { BATCH, walk, type WalkOptions } from "../capture/walk.ts";
import {
  ConversationFinder,
  EntryFinder,
  type FlowFinder,
} from "./wanted_flows.ts";

/** What to export. */
export interface ExportOptions extends WalkOptions {
  readonly plan: Plan;
  readonly protocols: Protocols;
  /** Only the packets of matching exchanges, not their whole conversations. */
  readonly exact: boolean;
}

/** The file would have to be read twice, and cannot be. */
export class CannotReread extends Error {
  override name = "CannotReread";
}

/**
 * Gives the frames that are wanted to `keeper`.
 *
 * @throws CannotReread
 */
export async function exportSavefile(
  file: OpenSavefile,
  keeper: Keeper,
  options: ExportOptions,
): Promise<void> {
  const selection = await select(file, keeper, options);
  await walk(file, options, (batch, first) => {
    selection.add(batch, file.reader.interfaces, first);
  });
}

async function select(
  file: OpenSavefile,
  keeper: Keeper,
  { plan, protocols, exact, ...options }: ExportOptions,
): Promise<Selection> {
  const { filter } = plan;
  if (
    filter.kind === "constant" && filter.constant.type === "bool" &&
    filter.constant.value
  ) {
    return new Everything(keeper);
  }
  const isConversations = !exact && isConversationTest(plan);
  if (isConversations) {
    const headers = compilePacket(plan);
    if (headers?.isCertain) return new ByHeaders(headers, BATCH, keeper);
  }
  if (!file.canRewind) {
    throw new CannotReread(
      "This filter reads its input twice: name a file in place of -",
    );
  }
  const finder: FlowFinder = isConversations
    ? new ConversationFinder(plan)
    : new EntryFinder(plan, protocols, exact);
  await walk(file, options, (batch, first) => {
    finder.add(batch, file.reader.interfaces, first);
  });
  finder.end();
  file.rewind();
  return new ByFlow(finder.wanted, BATCH, keeper);
}
