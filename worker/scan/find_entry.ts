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
import { FlowTable } from "../../stream/flow_table.ts";
import { Legs } from "../../stream/legs.ts";
import { NO_PODS } from "../../stream/mesh.ts";
import { PASSING } from "../../stream/marks.ts";
import { toPlace } from "../../stream/reader.ts";
import type { WalkOptions } from "../capture/walk.ts";
import { isFlow, NO_FLOW } from "../shards/columns.ts";
import type { Facts } from "../shards/facts.ts";
import { readMeta } from "../shards/meta.ts";
import type { Shard } from "../shards/shard.ts";
import type { Store } from "../shards/store.ts";
import { resumeCheckpoint } from "./checkpoint.ts";
import { Ends } from "./ends.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import { HeldFrames } from "./held_frames.ts";
import { Replay, StaleState } from "./replay.ts";
import { checkpointOf } from "./search_store.ts";
import type { Keeper } from "./selection.ts";
import { lineOf } from "./shard_line.ts";
import {
  anyOf,
  ofConversation,
  ofTime,
  type Picker,
  type Walker,
  walkPicked,
} from "./shard_walk.ts";
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

/** A conversation, on one line. */
export interface Origin {
  readonly line: string;
  /** The ends of the leg that is shown, and those of the others behind it. */
  readonly legs: readonly [Ends, ...Ends[]];
  /** All its packets, as far as it was read. */
  readonly whole: Stretch;
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
  const { line, from, saved } = begin;
  const finder = new Finder(store.node, toPlace(id.shard, id.packet), id.n, {
    ...options,
    saved,
  });
  const wanted = await withOtherLegs(store, begin, options) ??
    { pick: ofConversation(begin.ends && [begin.ends]), from };
  await walkPicked(
    store,
    line,
    wanted.pick,
    { from: wanted.from, to: Infinity },
    finder,
    options,
  );
  finder.end();
  return finder.found ? { line, ...finder.found } : "unknown";
}

/**
 * The packets of a conversation with those of the legs that it had before the
 * one that an entry is shown by, and where they begin; `undefined` if it has no
 * other legs. Their first packets came shortly before its own. Where reading
 * begins at a checkpoint, that knows of them.
 */
async function withOtherLegs(
  store: Store,
  { line, ends, from, saved }: Beginning,
  options: WalkOptions,
): Promise<{ readonly pick: Picker; readonly from: number } | undefined> {
  if (!ends || saved) return undefined;
  const first = firstOf(store, from, ends);
  if (first === undefined) return undefined;
  // They may lie in shards before it.
  const shards = store.numbers().filter((number) => number <= from);
  const early = shards.findLastIndex((number) => {
    using shard = store.attempt(number);
    return shard && lineOf(shard) === line &&
      shard.header.last < first - PASSING;
  });
  const range = { from: shards[early + 1] ?? from, to: from };
  const finder = new LegFinder(ends);
  const pick = ofTime(first - PASSING, first);
  await walkPicked(store, line, pick, range, finder, options);
  if (finder.legs.length === 0) return undefined;
  return {
    pick: anyOf(
      ofConversation([ends], first),
      ofConversation(finder.legs, first - PASSING),
    ),
    from: range.from,
  };
}

/** Time of a conversation's first packet in a shard, µs. */
function firstOf(store: Store, number: number, ends: Ends): number | undefined {
  using shard = store.attempt(number);
  if (!shard) return undefined;
  const { flows } = shard.index;
  const marks = new Uint8Array(flows.count);
  ends.markIn(flows, marks);
  const { flow, time } = shard.columns();
  const row = flow.findIndex((of) => isFlow(of) && marks[of] === 1);
  return row < 0 ? undefined : time[row]!;
}

/** Finds the other legs of a conversation, up to its first packet. */
class LegFinder implements Walker {
  legs: readonly Ends[] = [];
  isDone = false;
  readonly #ends: Ends;
  readonly #decoder = new FrameDecoder();
  readonly #table = new FlowTable<"begun">({ onEnd() {}, keepsHeads: false });
  readonly #legs = new Legs<"begun">();
  #interfaces: readonly Interface[] = [];

  constructor(ends: Ends) {
    this.#ends = ends;
  }

  begin({ interfaces }: Shard): void {
    this.#interfaces = interfaces;
  }

  frame(...[batch, i, , place]: Parameters<Walker["frame"]>): void {
    if (this.isDone) return;
    const { packet } = this.#decoder;
    const outcome = this.#decoder.decode(batch, i, this.#interfaces, place);
    if (outcome !== OUTCOME.PACKET) return;
    const flow = this.#table.find(packet);
    const { fromLow } = this.#table;
    if (flow.leg) this.#legs.look(flow, packet, fromLow);
    else if (!flow.state) this.#legs.begin(flow, packet, fromLow);
    flow.state = "begun";
    if (!this.#ends.isOf(packet)) return;
    this.isDone = true;
    this.legs = flow.translation?.others.map(Ends.ofLeg) ?? [];
  }
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
  /** The flow that gave the entry, once it came. */
  #flow: Flow | undefined;
  /** Its packet captured last, whatever its leg. */
  #last = 0;
  readonly #readsOn: boolean;
  readonly #decoder: FrameDecoder;
  readonly #replay: Replay;
  #interfaces: readonly Interface[] = [];
  #podIpsOf = NO_PODS;

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
        podIpsOf: (network) => this.#podIpsOf(network),
        onEntry: (entry, flow) => {
          if (this.#flow || entry.place !== place || entry.n !== n) return;
          this.#flow = flow;
          this.#last = flow.lastPlace;
          onEntry(entry, flow);
        },
      });
    const begun = saved && resumed(open, saved);
    this.#replay = begun?.replay ?? open();
    this.#decoder = begun?.decoder ?? new FrameDecoder();
  }

  get isDone(): boolean {
    return this.#flow !== undefined && !this.#readsOn;
  }

  /** The conversation of the entry, if that was found. */
  get found(): Omit<Origin, "line"> | undefined {
    const flow = this.#flow;
    if (!flow) return undefined;
    const others = flow.translation?.others ?? [];
    const places = others.map(({ firstPlace }) => firstPlace);
    return {
      legs: [Ends.ofFlow(flow), ...others.map(Ends.ofLeg)],
      whole: {
        first: Math.min(flow.firstPlace, ...places),
        last: Math.max(flow.lastPlace, this.#last),
      },
    };
  }

  begin(shard: Shard): void {
    this.#interfaces = shard.interfaces;
    this.#podIpsOf = (network) => shard.podIpsOf(network);
  }

  frame(...[batch, i, , place]: Parameters<Walker["frame"]>): void {
    const outcome = this.#decoder.decode(batch, i, this.#interfaces, place);
    if (outcome !== OUTCOME.PACKET) return;
    const { packet } = this.#decoder;
    this.#replay.packet(packet);
    // What comes much later is of another connection.
    const flow = this.#flow;
    if (flow?.translation && packet.time - flow.last <= PASSING) {
      this.#last = packet.place;
    }
  }

  passed(time: number): void {
    this.#replay.expire(time);
  }

  end(): void {
    if (!this.isDone) this.#replay.end();
  }
}

/** A reading that goes on from a checkpoint, if that is of any use. */
function resumed(
  open: () => Replay,
  saved: Uint8Array,
): { readonly replay: Replay; readonly decoder: FrameDecoder } | undefined {
  const replay = open();
  const decoder = new FrameDecoder();
  try {
    resumeCheckpoint(saved, replay, decoder.defragmenter);
    return { replay, decoder };
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

/** Gives those packets of some legs on that lie in one of the stretches. */
export async function copyLegs(
  store: Store,
  line: string,
  legs: readonly Ends[],
  stretches: readonly Stretch[],
  keeper: Keeper & { begin(interfaces: readonly Interface[]): void },
  options: WalkOptions,
): Promise<void> {
  const shardOf = (place: number) => Math.floor(place / 2 ** 24);
  const from = Math.min(...stretches.map(({ first }) => shardOf(first)));
  const to = Math.max(...stretches.map(({ last }) => shardOf(last)));
  const copier = new Copier(legs, stretches, keeper);
  const pick = ofConversation(legs);
  await walkPicked(store, line, pick, { from, to }, copier, options);
}

/** Copies the packets of some legs. */
class Copier implements Walker {
  readonly isDone = false;
  readonly #legs: readonly Ends[];
  readonly #stretches: readonly Stretch[];
  readonly #keeper: Keeper & { begin(interfaces: readonly Interface[]): void };
  readonly #decoder = new FrameDecoder();
  readonly #held = new HeldFrames();
  readonly #row = new Uint32Array(1);
  #interfaces: readonly Interface[] = [];

  constructor(
    legs: readonly Ends[],
    stretches: readonly Stretch[],
    keeper: Keeper & { begin(interfaces: readonly Interface[]): void },
  ) {
    this.#legs = legs;
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
    const isKept = this.#legs.some((ends) => ends.isOf(packet)) &&
      this.#stretches.some(({ first, last }) =>
        packet.place >= first && packet.place <= last
      );
    this.#held.release(packet.fragments, isKept ? this.#keeper : undefined);
    if (!isKept) return;
    this.#row[0] = i;
    this.#keeper.rows(batch, this.#row, 1);
  }
}
