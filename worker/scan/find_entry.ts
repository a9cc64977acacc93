/**
 * One entry by its id.
 *
 * Its id names the packet in which it begins, and so the conversation: no other
 * packet is read. Where the conversation began in an earlier shard, reading
 * begins there, or at the checkpoint of a shard in between.
 */
import type { DissectedEntry } from "../../dissectors/dissected.ts";
import type { EntryId } from "../../entry/entry.ts";
import type { Interface } from "../../packet/frame.ts";
import { OUTCOME } from "../../packet/packet.ts";
import type { Flow } from "../../stream/flow.ts";
import { toPlace } from "../../stream/reader.ts";
import type { WalkOptions } from "../capture/walk.ts";
import { isFlow, NO_FLOW } from "../shards/columns.ts";
import type { Facts } from "../shards/facts.ts";
import { readMeta } from "../shards/meta.ts";
import type { Shard } from "../shards/shard.ts";
import type { Store } from "../shards/store.ts";
import { Ends } from "./ends.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import { HeldFrames } from "./held_frames.ts";
import { Replay, StaleState } from "./replay.ts";
import { checkpointOf } from "./search_store.ts";
import type { Keeper } from "./selection.ts";
import { lineOf } from "./shard_line.ts";
import { walkConversation, type Walker } from "./shard_walk.ts";
import type { Protocols } from "./source_scan.ts";

/** Why there is no such entry. */
export type Absence =
  /** Its packets were deleted to stay below the limit. */
  | "deleted"
  /** No entry had that id. */
  | "unknown";

/** What is done with an entry. */
export interface FindOptions extends WalkOptions {
  readonly protocols: Protocols;
  /** Takes it. What it borrows holds until this returns. */
  readonly onEntry: (entry: DissectedEntry, flow: Flow<unknown>) => void;
  /** Whether its conversation is read to its end, so that its flow is whole. */
  readonly readsOn?: boolean;
}

/** A conversation: what is between two ends, on one line. */
export interface Origin {
  readonly line: string;
  readonly ends: Ends;
}

/**
 * Finds an entry.
 *
 * @returns its conversation, or why there is no such entry
 */
export async function findEntry(
  store: Store,
  id: EntryId,
  options: FindOptions,
): Promise<Origin | Absence> {
  if (id.node !== store.node.replaceAll("~", "-")) return "unknown";
  const begin = beginningOf(store, id);
  if (typeof begin === "string") return begin;
  const { line, ends, from, saved } = begin;
  const finder = new Finder(store.node, toPlace(id.shard, id.packet), id.n, {
    ...options,
    saved,
  });
  const to = Infinity;
  await walkConversation(store, line, ends, { from, to }, finder, options);
  finder.end();
  return finder.ends ? { line, ends: finder.ends } : "unknown";
}

/** Where reading begins, and with what. */
interface Beginning {
  readonly line: string;
  /** `undefined` if only decoding can tell. */
  readonly ends: Ends | undefined;
  readonly from: number;
  readonly saved: Uint8Array | undefined;
}

function beginningOf(store: Store, { shard: number, packet }: EntryId):
  | Beginning
  | Absence {
  using shard = store.attempt(number);
  if (!shard) {
    const next = readMeta(store.folder)?.nextShard ?? 0;
    return number > 0 && number < next ? "deleted" : "unknown";
  }
  const { flow, count } = shard.columns();
  const row = packet < count ? flow[packet]! : NO_FLOW.OTHER;
  const line = lineOf(shard);
  if (isFlow(row)) {
    const ends = Ends.of(shard.index.flows, row);
    return { line, ends, ...beginningOfFlow(store, number, row) };
  }
  if (row !== NO_FLOW.FRAGMENT) return "unknown";
  return { line, ends: undefined, ...beginningOfLine(store, number, line) };
}

/** The shard that a flow began in, or one in between that has a checkpoint. */
function beginningOfFlow(
  store: Store,
  number: number,
  row: number,
): Pick<Beginning, "from" | "saved"> {
  let from = number;
  let at: { shard: number; row: number } | undefined = { shard: number, row };
  while (at) {
    using shard = store.attempt(at.shard);
    if (!shard) break;
    from = at.shard;
    const before = predecessorOf(shard.facts, at.row);
    const saved = before && checkpointOf(shard);
    if (saved) return { from, saved };
    at = before && before.shard < at.shard ? before : undefined;
  }
  return { from, saved: undefined };
}

/** Where a flow that goes on in a shard comes from. */
function predecessorOf(
  { continued }: Facts,
  row: number,
): { shard: number; row: number } | undefined {
  const at = continued.row.indexOf(row);
  if (at < 0) return undefined;
  return { shard: continued.shard[at]!, row: continued.shardRow[at]! };
}

/** The newest shard up to `number` that has a checkpoint, or the oldest. */
function beginningOfLine(
  store: Store,
  number: number,
  line: string,
): Pick<Beginning, "from" | "saved"> {
  const older = store.numbers().filter((n) => n <= number).reverse();
  let from = number;
  for (const one of older) {
    using shard = store.attempt(one);
    if (!shard || lineOf(shard) !== line) continue;
    from = one;
    const saved = checkpointOf(shard);
    if (saved) return { from, saved };
  }
  return { from, saved: undefined };
}

/** What a finder is told. */
interface FinderOptions extends FindOptions {
  readonly saved: Uint8Array | undefined;
}

/** Replays one conversation until an entry comes. */
class Finder implements Walker {
  /** Of the entry's conversation, once that was found. */
  ends: Ends | undefined;
  readonly #readsOn: boolean;
  readonly #decoder = new FrameDecoder();
  readonly #replay: Replay;
  #interfaces: readonly Interface[] = [];

  constructor(
    node: string,
    place: number,
    n: number,
    { protocols, onEntry, readsOn = false, saved }: FinderOptions,
  ) {
    this.#readsOn = readsOn;
    const open = () =>
      new Replay({
        node: { name: node },
        ...protocols,
        wantsBodies: true,
        onEntry: (entry, flow) => {
          if (this.ends || entry.place !== place || entry.n !== n) return;
          this.ends = Ends.ofFlow(flow);
          onEntry(entry, flow);
        },
      });
    this.#replay = (saved && resumed(open, saved)) ?? open();
  }

  get isDone(): boolean {
    return this.ends !== undefined && !this.#readsOn;
  }

  begin({ interfaces }: Shard): void {
    this.#interfaces = interfaces;
  }

  frame(...[batch, i, , place]: Parameters<Walker["frame"]>): void {
    const outcome = this.#decoder.decode(batch, i, this.#interfaces, place);
    if (outcome === OUTCOME.PACKET) this.#replay.packet(this.#decoder.packet);
  }

  passed(time: number): void {
    this.#replay.expire(time);
  }

  end(): void {
    if (!this.isDone) this.#replay.end();
  }
}

/** A replay that goes on from a checkpoint, if that is of any use. */
function resumed(open: () => Replay, saved: Uint8Array): Replay | undefined {
  const replay = open();
  try {
    replay.resume(saved);
    return replay;
  } catch (error) {
    if (!(error instanceof StaleState)) throw error;
    return undefined;
  }
}

/** Packets from one place to another, both included. */
export interface Stretch {
  readonly first: number;
  readonly last: number;
}

/** Gives those packets of a conversation on that lie in one of the stretches. */
export async function copyConversation(
  store: Store,
  { line, ends }: Origin,
  stretches: readonly Stretch[],
  keeper: Keeper & { begin(interfaces: readonly Interface[]): void },
  options: WalkOptions,
): Promise<void> {
  const shardOf = (place: number) => Math.floor(place / 2 ** 24);
  const from = Math.min(...stretches.map(({ first }) => shardOf(first)));
  const to = Math.max(...stretches.map(({ last }) => shardOf(last)));
  const copier = new Copier(ends, stretches, keeper);
  await walkConversation(store, line, ends, { from, to }, copier, options);
}

/** Copies the packets of one conversation. */
class Copier implements Walker {
  readonly isDone = false;
  readonly #ends: Ends;
  readonly #stretches: readonly Stretch[];
  readonly #keeper: Keeper & { begin(interfaces: readonly Interface[]): void };
  readonly #decoder = new FrameDecoder();
  readonly #held = new HeldFrames();
  readonly #row = new Uint32Array(1);
  #interfaces: readonly Interface[] = [];

  constructor(
    ends: Ends,
    stretches: readonly Stretch[],
    keeper: Keeper & { begin(interfaces: readonly Interface[]): void },
  ) {
    this.#ends = ends;
    this.#stretches = stretches;
    this.#keeper = keeper;
  }

  begin({ interfaces }: Shard): void {
    this.#interfaces = interfaces;
    this.#keeper.begin(interfaces);
  }

  frame(...[batch, i, , place]: Parameters<Walker["frame"]>): void {
    const { packet } = this.#decoder;
    const outcome = this.#decoder.decode(batch, i, this.#interfaces, place);
    if (outcome === OUTCOME.FRAGMENT) this.#held.hold(batch, i, place);
    if (outcome !== OUTCOME.PACKET) return;
    const isKept = this.#ends.isOf(packet) &&
      this.#stretches.some(({ first, last }) =>
        packet.place >= first && packet.place <= last
      );
    this.#held.release(packet.fragments, isKept ? this.#keeper : undefined);
    if (!isKept) return;
    this.#row[0] = i;
    this.#keeper.rows(batch, this.#row, 1);
  }
}
