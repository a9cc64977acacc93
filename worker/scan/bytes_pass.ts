/**
 * The bytes stage: which flows cannot match, by the literals that a match must
 * contain.
 *
 * A file's flows are put in order and searched, without dissecting anything,
 * at a fraction of what that costs. It pays where a literal is rare, so the
 * pass gives up when it rules out little of what it has seen.
 */
import type { NameLookup } from "../../entry/names.ts";
import {
  type BytesStage,
  compileBytes,
  compileFlow,
} from "../../kfl/evaluator.ts";
import type { Plan } from "../../kfl/plan.ts";
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { OUTCOME, type Packet } from "../../packet/packet.ts";
import type { Flow } from "../../stream/flow.ts";
import { FlowTable } from "../../stream/flow_table.ts";
import { Legs } from "../../stream/legs.ts";
import { toPlace } from "../../stream/reader.ts";
import {
  Reassembler,
  type Sink,
  WaitingRoom,
} from "../../stream/reassembly.ts";
import { cannotMatch } from "./flow_view.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import { NeedleSet, NeedleStream } from "./needles.ts";

/** Payload to look at before judging whether the pass pays, bytes. */
const TRIAL = 32 * 1024 * 1024;

/** Part of the payload that has to be ruled out, or the pass ends. */
const WORTHWHILE = 0.3;

/** One direction of a flow that is searched. */
class Direction {
  readonly reassembler: Reassembler;
  readonly sink: Sink;

  constructor(room: WaitingRoom, set: NeedleSet, search: Search) {
    this.reassembler = new Reassembler(room);
    const stream = new NeedleStream(set);
    this.sink = {
      data: (bytes, start, end) => stream.add(bytes, start, end, search.found),
      // What stands across a gap cannot be found.
      gap: () => search.isBroken = true,
      fin() {},
    };
  }
}

/** One flow that is searched. */
class Search {
  readonly found: Uint8Array;
  isBroken = false;
  /** Payload that was searched. */
  bytes = 0;
  readonly #low: Direction;
  readonly #high: Direction;

  constructor(set: NeedleSet, room: WaitingRoom) {
    this.found = new Uint8Array(set.patterns.length);
    this.#low = new Direction(room, set, this);
    this.#high = new Direction(room, set, this);
  }

  /** Searches a segment, or a datagram. */
  add(packet: Packet, isTcp: boolean, fromLow: boolean): void {
    this.bytes += packet.end - packet.start;
    if (packet.missing > 0) this.isBroken = true;
    const sent = fromLow ? this.#low : this.#high;
    if (!isTcp) {
      sent.sink.data(packet.bytes, packet.start, packet.end, 0, 0);
      return;
    }
    const other = fromLow ? this.#high : this.#low;
    other.reassembler.acknowledge(packet, other.sink);
    sent.reassembler.add(packet, sent.sink);
  }

  /** Searches what still waits. */
  end(): void {
    for (const { reassembler, sink } of [this.#low, this.#high]) {
      reassembler.end(sink);
    }
  }
}

/** A flow's search; or why there is none. */
type State = Search | "ruled out" | "may match";

/** Searches a file's flows, batch by batch. */
export class BytesPass {
  /** Ids of the flows that cannot match, once the pass has ended. */
  readonly ruledOut = new Set<number>();
  searched = 0;
  /** Whether it rules out too little to go on. */
  isFutile = false;
  readonly #stage: BytesStage;
  readonly #flowJudge: ReturnType<typeof compileFlow>;
  readonly #set: NeedleSet;
  readonly #room = new WaitingRoom();
  readonly #decoder = new FrameDecoder();
  readonly #table: FlowTable<State>;
  readonly #legs = new Legs<State>();
  readonly #horizon: number;
  readonly #open = new Map<Flow<State>, Search>();
  #payload = 0;
  #isTried = false;

  /**
   * @param names what the ends were called
   * @param horizon packets later than this are passed over, µs
   */
  constructor(plan: Plan, names: NameLookup, horizon: number) {
    this.#stage = compileBytes(plan, names);
    this.#flowJudge = compileFlow(plan, names);
    this.#set = new NeedleSet(this.#stage.needles);
    this.#horizon = horizon;
    this.#table = new FlowTable<State>({
      keepsHeads: false,
      onEnd: (flow) => this.#conclude(flow),
    });
  }

  add(
    batch: FrameBatch,
    interfaces: readonly Interface[],
    first: number,
  ): void {
    if (this.isFutile) return;
    const { packet } = this.#decoder;
    for (let i = 0; i < batch.count; i++) {
      if (batch.time[i]! > this.#horizon) continue;
      const place = toPlace(0, first + i);
      const outcome = this.#decoder.decode(batch, i, interfaces, place);
      if (outcome === OUTCOME.PACKET) this.#addPacket(packet);
    }
    if (!this.#isTried && this.#payload >= TRIAL) this.#judgeWorth();
  }

  /** No more frames come. */
  end(): void {
    this.#table.endAll();
  }

  #addPacket(packet: Packet): void {
    const flow = this.#table.find(packet);
    const { fromLow } = this.#table;
    flow.analysis = undefined;
    if (flow.leg) this.#legs.look(flow, packet, fromLow);
    else if (!flow.state) this.#legs.begin(flow, packet, fromLow);
    flow.state ??= this.#begin(flow);
    const { state } = flow;
    if (state === "ruled out" || state === "may match") return;
    this.#payload += packet.end - packet.start;
    state.add(packet, flow.transport === "tcp", fromLow);
  }

  #begin(flow: Flow<State>): State {
    if (cannotMatch(this.#flowJudge, flow)) return "ruled out";
    if (flow.transport === "sctp") return "may match";
    this.searched++;
    const search = new Search(this.#set, this.#room);
    this.#open.set(flow, search);
    return search;
  }

  #conclude(flow: Flow<State>): void {
    const search = this.#open.get(flow);
    if (!search) return;
    this.#open.delete(flow);
    if (flow.transport === "tcp") search.end();
    if (this.#rulesOut(flow, search)) this.ruledOut.add(flow.id);
  }

  #rulesOut(flow: Flow<State>, search: Search): boolean {
    return !search.isBroken &&
      cannotMatch((view) => this.#stage.decide(search.found, view), flow);
  }

  /** Ends the pass if too much of the payload may match. */
  #judgeWorth(): void {
    this.#isTried = true;
    let open = 0;
    for (const [flow, search] of this.#open) {
      if (!this.#rulesOut(flow, search)) open += search.bytes;
    }
    this.isFutile = open > (1 - WORTHWHILE) * this.#payload;
  }
}
