/**
 * What answers called whom, in all that a source has: for whoever has to know
 * it before a packet is looked at.
 */
import { AnsweredNames } from "../../entry/answered_names.ts";
import type { WalkOptions } from "../capture/walk.ts";
import type { Store } from "../shards/store.ts";
import { NOTHING } from "./nothing.ts";
import type { PacketSource } from "./packet_source.ts";
import { searchStore } from "./search_store.ts";
import { type Protocols, SourceScan } from "./source_scan.ts";

/** The same of a folder. Shards that were dissected need not be searched. */
export async function answeredIn(
  store: Store,
  options: WalkOptions & { readonly protocols: Protocols },
): Promise<AnsweredNames> {
  const answered = new AnsweredNames();
  const search = { ...options, plan: NOTHING, answered, onMatch() {} };
  await searchStore(store, search);
  return answered;
}

/** The same of packets that are read from their beginning, and not rewound. */
export async function answeredOf(
  source: PacketSource,
  { protocols, ...options }: WalkOptions & { readonly protocols: Protocols },
): Promise<AnsweredNames> {
  const answered = new AnsweredNames();
  const search = { plan: NOTHING, protocols, answered, onMatch() {} };
  const scan = new SourceScan(source.node, search);
  await source.walk(options, (batch, interfaces, place) => {
    for (let i = 0; i < batch.count; i++) {
      const { linkType } = interfaces[batch.interface[i]!]!;
      scan.frame(batch, i, linkType, place + i);
    }
  });
  scan.end();
  return answered;
}
