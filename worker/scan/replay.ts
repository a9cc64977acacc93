/**
 * Packets -> entries: flow table, reassembly and conversations of one source,
 * driven by its packets in the order they were captured.
 *
 * The same code replays a savefile, a shard, and what is being captured. It
 * knows no clock but the packets'.
 */
import type { NodeRef } from "../../entry/entry.ts";
import {
  type ConversationCounters,
  mayGive,
} from "../../dissectors/conversation.ts";
import { DissectedEntry } from "../../dissectors/dissected.ts";
import type {
  AnyDissector,
  AnyFlowDissector,
} from "../../dissectors/dissector.ts";
import type { Packet } from "../../packet/packet.ts";
import type { SavedDormant } from "../../stream/dormant.ts";
import type { Flow, FlowEnding } from "../../stream/flow.ts";
import {
  type FlowState as SavedFlow,
  FlowTable,
} from "../../stream/flow_table.ts";
import {
  decodeState,
  encodeState,
  fromRows,
  type SavedRows,
  toRows,
} from "../../stream/state.ts";
import { Legs, type SavedLegs } from "../../stream/legs.ts";
import type { PodIpsOf } from "../../stream/mesh.ts";
import { type ReassemblerState, WaitingRoom } from "../../stream/reassembly.ts";
import { marksOfLeg } from "./leg_marks.ts";
import { type SavedTrack, Track, type TrackOptions } from "./track.ts";

/** What the packets are told to. */
export interface ReplayOptions {
  readonly node: NodeRef;
  readonly dissectors: readonly AnyDissector[];
  readonly flowDissectors: readonly AnyFlowDissector[];
  readonly wantsBodies: boolean;
  /** Who it was in whose network a flow was captured. */
  readonly podIpsOf?: PodIpsOf | undefined;
  /** Whether entries are marked, so that other nodes' are known by them. */
  readonly marks?: boolean | undefined;
  /**
   * Whether entries of these protocols (`undefined`: of any) on this flow may
   * be asked for. Flows that cannot match are not reassembled.
   */
  readonly mayMatch?:
    | ((flow: Flow<unknown>, protocols?: readonly string[]) => boolean)
    | undefined;
  /** Whether an earlier reading found a flow unable to match. */
  readonly isRuledOut?: ((flow: Flow<unknown>) => boolean) | undefined;
  /** An entry, complete. What it borrows holds until this returns. */
  readonly onEntry: (entry: DissectedEntry, flow: Flow<unknown>) => void;
}

/** How often open flows are looked at for what ran out of time, µs. */
const TICK = 1e6;

/** What a replay counted. */
export interface ReplayCounters extends ConversationCounters {
  flows: number;
  /** Of these, the ones that cannot match by their ends alone. */
  flowsRuledOut: number;
  /** Of the rest, the ones that cannot match by their bytes. */
  bytesRuledOut: number;
  /** Packets of legs that are not shown. */
  copies: number;
}

/**
 * What a flow table keeps for a flow of which no more entries come, or none
 * that is wanted. Its packets are only told from those of other flows.
 */
const SETTLED = "settled";

/** The same of a flow whose conversation another one gives. */
const COPY = "copy";

type FlowState = Track | typeof SETTLED | typeof COPY;

/** As a saved replay numbers them. */
const STATE = { TRACK: 0, SETTLED: 1, COPY: 2 } as const;

/** What {@link Replay.save} writes. */
interface SavedReplay {
  readonly nextTick: number;
  readonly settled: SavedDormant;
  // Of what does not sleep, in the order in which it was last heard from:
  readonly flows: SavedRows<SavedFlow>;
  readonly states: readonly number[];
  readonly legs: SavedLegs;
  // Of those that have not settled:
  readonly tracks: SavedRows<Omit<SavedTrack, "low" | "high">>;
  readonly low: SavedRows<ReassemblerState>;
  readonly high: SavedRows<ReassemblerState>;
}

/** A saved state that nobody here can go on with. */
export class StaleState extends Error {
  override name = "StaleState";
}

/** One source's packets, becoming entries. */
export class Replay {
  readonly counters: ReplayCounters = {
    malformed: 0,
    opaqueBytes: 0,
    flows: 0,
    flowsRuledOut: 0,
    bytesRuledOut: 0,
    copies: 0,
  };
  readonly #options: ReplayOptions;
  readonly #track: TrackOptions;
  readonly #flowDissectors: ReadonlyMap<string, AnyFlowDissector>;
  readonly #table: FlowTable<FlowState>;
  readonly #open = new Set<Track>();
  readonly #legs = new Legs<FlowState>();
  /** Whether what the present packet completes was given before. */
  #isGiven = false;
  #nextTick = -Infinity;

  constructor(options: ReplayOptions) {
    this.#options = options;
    const { mayMatch } = options;
    this.#track = {
      conversation: {
        dissectors: options.dissectors,
        node: options.node,
        wantsBodies: options.wantsBodies,
        onEntry: (entry, flow) => {
          // What another leg gives is given once.
          if (this.#isGiven || flow.leg?.carrier) return;
          this.#mark(entry, flow);
          options.onEntry(entry, flow);
        },
        counters: this.counters,
        ...mayMatch && { mayMatch },
      },
      room: new WaitingRoom(),
      marks: options.marks,
    };
    this.#flowDissectors = new Map(
      options.flowDissectors.map((d) => [d.name, d]),
    );
    this.#table = new FlowTable<FlowState>({
      onEnd: (flow, ending) => this.#ended(flow, ending),
      keepsHeads: options.wantsBodies,
      podIpsOf: options.podIpsOf,
      knownPorts: options.dissectors.flatMap((d) => d.ports),
    });
  }

  /**
   * Adds a decoded packet; what it borrows may go away afterwards.
   *
   * @returns its flow if that has settled: no entry depends on further packets
   *   of it, though what {@link save} gives does
   */
  packet(packet: Packet): Flow<unknown> | undefined {
    this.expire(packet.time);
    const flow = this.#table.find(packet);
    const { fromLow } = this.#table;
    let isGiven = false;
    if (flow.leg) {
      if (this.#legs.look(flow, packet, fromLow)) this.#becomeCopy(flow);
    } else if (flow.state === undefined) {
      const beginning = this.#legs.begin(flow, packet, fromLow);
      isGiven = beginning === "carrier of what was given";
    }
    const state = flow.state ??= this.#begin(flow);
    if (state === SETTLED || state === COPY) {
      if (state === COPY) this.counters.copies++;
      return isPassedOver(flow) ? flow : undefined;
    }
    this.#isGiven = isGiven;
    state.add(packet, fromLow);
    this.#isGiven = false;
    if (flow.analysis && state.conversation.entries > 0) {
      // Only a flow that gives no other entry is one itself.
      flow.analysis = undefined;
    }
    if (!state.isSettled) return undefined;
    this.#settle(flow, state);
    return isPassedOver(flow) ? flow : undefined;
  }

  /**
   * A packet of a flow that has settled, which is left out.
   *
   * @param flow as {@link packet} gave it
   */
  passed(flow: Flow<unknown>, time: number, place: number): void {
    this.expire(time);
    if (flow.state === COPY) this.counters.copies++;
    // Connections are not told apart by their silence.
    if (flow.transport === "tcp") return;
    // It came out of this table.
    this.#table.goesOn(flow as Flow<FlowState>, time, place);
  }

  /**
   * Gives up, now and then, what was waited for too long. Packets that come do
   * so by themselves; those that are left out, and times at which none come,
   * are to be told.
   *
   * @param now time of a packet, or of which it is known that none is earlier
   */
  expire(now: number): void {
    if (now >= this.#nextTick) this.#tick(now);
  }

  /** No more packets come: gives what is still open. */
  end(): void {
    this.#table.endAll();
  }

  /**
   * All it knows between two packets, as bytes: another replay that is given
   * them by {@link resume} goes on as this one would. Only the replay of every
   * flow, with bodies, can be saved.
   */
  save(): Uint8Array {
    const flows = this.#table.flows().sort((a, b) =>
      a.last - b.last || a.id - b.id
    );
    const watched = this.#legs.watched();
    const sleeps = (flow: Flow<FlowState>) =>
      !(flow.state instanceof Track) && isPassedOver(flow) &&
      !watched.has(flow);
    const awake = flows.filter((flow) => !sleeps(flow));
    const tracks = awake.flatMap(({ state }) =>
      state instanceof Track ? [state.save()] : []
    );
    const saved: SavedReplay = {
      nextTick: this.#nextTick,
      settled: this.#table.saveDormant(flows.filter(sleeps)),
      flows: toRows(awake.map((flow) => this.#table.save(flow))),
      states: awake.map(({ state }) =>
        state === COPY
          ? STATE.COPY
          : state === SETTLED
          ? STATE.SETTLED
          : STATE.TRACK
      ),
      legs: this.#legs.save(awake),
      tracks: toRows(
        tracks.map(({ tag, conversation, parsed, entries }) => ({
          ...{ tag, conversation, parsed, entries },
        })),
      ),
      low: toRows(tracks.map(({ low }) => low)),
      high: toRows(tracks.map(({ high }) => high)),
    };
    return encodeState(saved);
  }

  /**
   * Goes on from {@link save}; to be called before any packet comes.
   *
   * @throws StaleState if the bytes are damaged, or another version's; this
   *   replay is then of no more use
   */
  resume(saved: Uint8Array): void {
    try {
      this.#resume(saved);
    } catch (cause) {
      // What other code wrote can be wrong in any way.
      throw new StaleState("The state cannot be gone on with", { cause });
    }
  }

  #resume(saved: Uint8Array): void {
    const state = decodeState(saved) as SavedReplay;
    this.#nextTick = state.nextTick;
    const flows = fromRows(state.flows);
    const low = fromRows(state.low);
    const high = fromRows(state.high);
    const tracks = fromRows(state.tracks);
    const resumed = flows.map((flow) => this.#table.resume(flow));
    this.#legs.resume(state.legs, resumed);
    let at = 0;
    for (const [i, flow] of resumed.entries()) {
      if (state.states[i] === STATE.TRACK) {
        const track = { ...tracks[at]!, low: low[at]!, high: high[at]! };
        flow.state = this.#begin(flow, track);
        at++;
      } else flow.state = state.states[i] === STATE.COPY ? COPY : SETTLED;
    }
    this.#table.sleep(state.settled, SETTLED);
  }

  #begin(flow: Flow<FlowState>, saved?: SavedTrack): FlowState {
    this.counters.flows++;
    const { mayMatch } = this.#options;
    // Counting costs something, and only the flow's own entry shows it.
    if (mayMatch && !mayMatch(flow, [flow.transport])) {
      flow.analysis = undefined;
    }
    if (mayMatch && !mayMatch(flow)) {
      this.counters.flowsRuledOut++;
      flow.analysis = undefined;
      return SETTLED;
    }
    if (this.#options.isRuledOut?.(flow)) {
      this.counters.bytesRuledOut++;
      flow.analysis = undefined;
      return SETTLED;
    }
    if (saved && !this.#mayGive(flow, saved)) {
      flow.analysis = undefined;
      return SETTLED;
    }
    const track = new Track(flow, this.#track, saved);
    this.#open.add(track);
    return track;
  }

  /** Whether what was saved of a flow is of any use for what is asked now. */
  #mayGive(flow: Flow<FlowState>, { parsed, entries }: SavedTrack): boolean {
    const { conversation } = this.#track;
    const dissector = conversation.dissectors.find((d) => d.name === parsed);
    return !dissector || mayGive(dissector, entries, flow, conversation);
  }

  /** Gives nothing of the flow any more: another one gives it. */
  #becomeCopy(flow: Flow<FlowState>): void {
    flow.analysis = undefined;
    if (flow.state instanceof Track) this.#settle(flow, flow.state);
    flow.state = COPY;
  }

  #settle(flow: Flow<FlowState>, track: Track): void {
    flow.state = SETTLED;
    this.#open.delete(track);
    if (flow.transport === "tcp") track.drain();
  }

  #ended(flow: Flow<FlowState>, ending: FlowEnding): void {
    const track = flow.state;
    if (!(track instanceof Track)) return;
    this.#open.delete(track);
    if (flow.transport === "tcp") track.drain();
    track.conversation.end(ending);
    if (track.conversation.entries === 0) this.#giveFlow(flow, track);
    flow.analysis = undefined;
    flow.state = SETTLED;
  }

  /** A flow that nothing dissected is an entry itself. */
  #giveFlow(flow: Flow<FlowState>, track: Track): void {
    const dissector = this.#flowDissectors.get(flow.transport);
    if (!dissector || !flow.analysis || flow.leg?.carrier) return;
    const exchange = dissector.describe(flow);
    const entry = new DissectedEntry(dissector, exchange, {
      transport: flow.transport,
      client: flow.shownClient,
      server: flow.shownServer,
      node: this.#options.node,
      decrypted: false,
      leg: flow.meshLeg,
    });
    if (this.#options.marks) track.markFlow(entry);
    this.#options.onEntry(entry, flow);
  }

  /** Has what an exchange is known by noted, where somebody may know it so. */
  #mark(entry: DissectedEntry, flow: Flow<unknown>): void {
    if (entry.leg) entry.markAs(marksOfLeg(entry));
    // Its flow is of this table, and goes on until its entries are given.
    else if (this.#options.marks) (flow.state as Track).mark(entry);
  }

  #tick(now: number): void {
    this.#nextTick = now + TICK;
    for (const track of this.#open) track.expire(now);
    this.#table.expire(now);
  }
}

/** Whether no entry depends on further packets of a flow that has settled. */
function isPassedOver({ leg, transport }: Flow<FlowState>): boolean {
  return !leg || leg.isCopy && transport === "tcp";
}
