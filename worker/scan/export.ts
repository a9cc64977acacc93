/** The packets of a source that an export keeps, found and given on. */
import {
  type AnsweredNames,
  ClaimedOrAnswered,
} from "../../entry/answered_names.ts";
import { type NameLookup, NO_NAMES } from "../../entry/names.ts";
import { isConversationTest } from "../../kfl/evaluator.ts";
import { compilePacket } from "../../kfl/packet_filter.ts";
import type { Plan } from "../../kfl/plan.ts";
import { BATCH, type WalkOptions } from "../capture/walk.ts";
import type { Interface } from "../../packet/frame.ts";
import { answeredOf } from "./answered.ts";
import type { PacketSource } from "./packet_source.ts";
import {
  ByFlow,
  ByHeaders,
  Everything,
  type Keeper,
  type Selection,
} from "./selection.ts";
import { type Protocols, readsName } from "./source_scan.ts";
import {
  ConversationFinder,
  EntryFinder,
  type FlowFinder,
} from "./wanted_flows.ts";

/** What to export. */
export interface ExportOptions extends WalkOptions {
  readonly plan: Plan;
  readonly protocols: Protocols;
  /** What the ends were called; by default nobody has a name. */
  readonly names?: NameLookup | undefined;
  /**
   * What all answers called the others, if that is known already; else the
   * source is read once more where the filter asks for it.
   */
  readonly answered?: AnsweredNames | undefined;
  /** Only the packets of matching exchanges, not their whole conversations. */
  readonly exact: boolean;
}

/** The packets would have to be read twice, and cannot be. */
export class CannotReread extends Error {
  override name = "CannotReread";
}

/** Takes packets of sources one after the other. */
export interface Output extends Keeper {
  /** The frames that follow have these interfaces. */
  begin(interfaces: readonly Interface[]): void;
}

/**
 * Gives the frames that are wanted to `output`.
 *
 * @throws CannotReread
 */
export async function exportPackets(
  source: PacketSource,
  output: Output,
  options: ExportOptions,
): Promise<void> {
  const selection = await select(source, output, options);
  let known: readonly Interface[] | undefined;
  await source.walk(options, (batch, interfaces, place) => {
    if (interfaces !== known) output.begin(known = interfaces);
    selection.add(batch, interfaces, place);
  });
}

async function select(
  source: PacketSource,
  keeper: Keeper,
  options: ExportOptions,
): Promise<Selection> {
  const { plan, protocols, exact } = options;
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
  if (!source.canRewind) {
    throw new CannotReread(
      "This filter reads its input twice: name a file in place of -",
    );
  }
  const names = await namesFor(source, options);
  const finder: FlowFinder = isConversations
    ? new ConversationFinder(plan, names, source.podIpsOf)
    : new EntryFinder(source, plan, names, protocols, exact);
  await source.walk(options, (batch, interfaces, place) => {
    finder.add(batch, interfaces, place);
  });
  finder.end();
  source.rewind();
  return new ByFlow(finder.wanted, BATCH, keeper);
}

/** What ends are called, as far as the filter asks for it. */
async function namesFor(
  source: PacketSource,
  { names = NO_NAMES, answered, ...options }: ExportOptions,
): Promise<NameLookup> {
  if (!readsName(options.plan)) return names;
  if (answered) return new ClaimedOrAnswered(names, answered, false);
  const own = await answeredOf(source, options);
  source.rewind();
  return new ClaimedOrAnswered(names, own, false);
}
