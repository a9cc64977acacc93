/**
 * Packets -> entries: flow table, reassembly and conversations of one source,
 * driven by its packets in the order they were captured.
 *
 * The same code replays a savefile, a shard, and what is being captured. It
 * knows no clock but the packets'.
 */
import type { Entry, NodeRef } from "../../entry/entry.ts";
import {
  Conversation,
  type ConversationCounters,
  type ConversationOptions,
} from "../../dissectors/conversation.ts";
import { DissectedEntry } from "../../dissectors/dissected.ts";
import type {
  AnyDissector,
  AnyFlowDissector,
  Side,
} from "../../dissectors/dissector.ts";
import type { Packet } from "../../packet/packet.ts";
import { type Flow, type FlowEnding, FlowTable } from "../../stream/flow.ts";
import {
  Reassembler,
  type Sink,
  WaitingRoom,
} from "../../stream/reassembly.ts";

/** What the packets are told to. */
export interface ReplayOptions {
  readonly node: NodeRef;
  readonly dissectors: readonly AnyDissector[];
  readonly flowDissectors: readonly AnyFlowDissector[];
  readonly wantsBodies: boolean;
  /**
   * Whether entries of these protocols (`undefined`: of any) on this flow may
   * be asked for. Flows that cannot match are not reassembled.
   */
  readonly mayMatch?:
    | ((flow: Flow<unknown>, protocols?: readonly string[]) => boolean)
    | undefined;
  /** An entry, complete. What it borrows holds until this returns. */
  readonly onEntry: (entry: DissectedEntry) => void;
}

/** How often open flows are looked at for what ran out of time, µs. */
const TICK = 1e6;

/** What a replay counted. */
export interface ReplayCounters extends ConversationCounters {
  /** Flows that a filter ruled out by their ends alone. */
  flowsRuledOut: number;
  flows: number;
}

/**
 * One flow under replay. Its directions are called by their senders, the low
 * and the high end, because which of them is the client may be found out late.
 */
class Track {
  readonly conversation: Conversation;
  readonly low: Direction;
  readonly high: Direction;

  constructor(
    flow: Flow<unknown>,
    conversation: Conversation,
    room: WaitingRoom,
    give: (entries: Iterable<Entry>) => void,
  ) {
    this.conversation = conversation;
    const direction = (isLow: boolean) => {
      const side = (): Side => isLow === flow.clientIsLow ? "client" : "server";
      return new Direction(room, {
        data: (bytes, start, end, time, place) =>
          give(conversation.data(side(), bytes, start, end, time, place)),
        gap: (size) => give(conversation.gap(side(), size)),
        fin: () => give(conversation.finished(side())),
      });
    };
    this.low = direction(true);
    this.high = direction(false);
  }
}

/** One direction of a TCP flow: its reassembly, and where that leads. */
class Direction {
  readonly #reassembler: Reassembler;
  readonly #sink: Sink;

  constructor(room: WaitingRoom, sink: Sink) {
    this.#reassembler = new Reassembler(room);
    this.#sink = sink;
  }

  add(packet: Packet): void {
    this.#reassembler.add(packet, this.#sink);
  }

  acknowledge(packet: Packet): void {
    this.#reassembler.acknowledge(packet, this.#sink);
  }

  end(): void {
    this.#reassembler.end(this.#sink);
  }
}

/** What a flow table keeps for a flow that no entry is wanted of. */
const RULED_OUT = "ruled out";

type FlowState = Track | typeof RULED_OUT;

/** One source's packets, becoming entries. */
export class Replay {
  readonly counters: ReplayCounters = {
    malformed: 0,
    opaqueBytes: 0,
    flows: 0,
    flowsRuledOut: 0,
  };
  readonly #options: ReplayOptions;
  readonly #conversation: ConversationOptions;
  readonly #flowDissectors: ReadonlyMap<string, AnyFlowDissector>;
  readonly #room = new WaitingRoom();
  readonly #table: FlowTable<FlowState>;
  readonly #open = new Set<Track>();
  #nextTick = -Infinity;

  constructor(options: ReplayOptions) {
    this.#options = options;
    const { mayMatch } = options;
    this.#conversation = {
      dissectors: options.dissectors,
      node: options.node,
      wantsBodies: options.wantsBodies,
      counters: this.counters,
      ...mayMatch && { mayMatch },
    };
    this.#flowDissectors = new Map(
      options.flowDissectors.map((d) => [d.name, d]),
    );
    this.#table = new FlowTable<FlowState>({
      onEnd: (flow, ending) => this.#ended(flow, ending),
      keepsHeads: options.wantsBodies,
      knownPorts: options.dissectors.flatMap((d) => d.ports),
    });
  }

  /** Adds a decoded packet; what it borrows may go away afterwards. */
  packet(packet: Packet): void {
    if (packet.time >= this.#nextTick) this.#tick(packet.time);
    const flow = this.#table.find(packet);
    const fromClient = this.#table.fromClient;
    const state = flow.state ??= this.#begin(flow);
    if (state === RULED_OUT) return;
    if (flow.transport === "tcp") {
      this.#segment(state, packet, this.#table.fromLow);
    } else if (flow.transport !== "sctp") {
      this.#give(
        state.conversation.datagram(
          fromClient ? "client" : "server",
          packet.bytes,
          packet.start,
          packet.end,
          packet.time,
          packet.place,
        ),
      );
    }
  }

  /** No more packets come: gives what is still open. */
  end(): void {
    this.#table.endAll();
  }

  #begin(flow: Flow<FlowState>): FlowState {
    this.counters.flows++;
    const { mayMatch } = this.#options;
    if (mayMatch && !mayMatch(flow)) {
      this.counters.flowsRuledOut++;
      return RULED_OUT;
    }
    // Counting costs something, and only the flow's own entry shows it.
    if (mayMatch && !mayMatch(flow, [flow.transport])) {
      flow.analysis = undefined;
    }
    const track = new Track(
      flow,
      new Conversation(flow, this.#conversation),
      this.#room,
      (entries) => this.#give(entries),
    );
    this.#open.add(track);
    return track;
  }

  #segment(track: Track, packet: Packet, fromLow: boolean): void {
    const sent = fromLow ? track.low : track.high;
    const other = fromLow ? track.high : track.low;
    other.acknowledge(packet);
    sent.add(packet);
  }

  #ended(flow: Flow<FlowState>, ending: FlowEnding): void {
    const track = flow.state;
    if (!track || track === RULED_OUT) return;
    this.#open.delete(track);
    if (flow.transport === "tcp") {
      track.low.end();
      track.high.end();
    }
    this.#give(track.conversation.end(ending));
    if (track.conversation.entries === 0) this.#giveFlow(flow);
  }

  /** A flow that nothing dissected is an entry itself. */
  #giveFlow(flow: Flow<FlowState>): void {
    const dissector = this.#flowDissectors.get(flow.transport);
    if (!dissector || !flow.analysis) return;
    const exchange = dissector.describe(flow);
    this.#options.onEntry(
      new DissectedEntry(dissector, exchange, {
        transport: flow.transport,
        client: flow.client,
        server: flow.server,
        node: this.#options.node,
        decrypted: false,
      }),
    );
  }

  #give(entries: Iterable<Entry>): void {
    for (const entry of entries) {
      this.#options.onEntry(entry as DissectedEntry);
    }
  }

  #tick(now: number): void {
    this.#nextTick = now + TICK;
    for (const track of this.#open) this.#give(track.conversation.expire(now));
    this.#table.expire(now);
  }
}
