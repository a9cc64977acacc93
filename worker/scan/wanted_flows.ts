/** Which flows of a savefile an export wants, and how they are found. */
import type { NameLookup } from "../../entry/names.ts";
import {
  compileConversation,
  type ConversationView,
} from "../../kfl/evaluator.ts";
import type { Plan } from "../../kfl/plan.ts";
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { OUTCOME, type Packet } from "../../packet/packet.ts";
import type { Flow } from "../../stream/flow.ts";
import type { PodIpsOf } from "../../stream/mesh.ts";
import { FlowTable } from "../../stream/flow_table.ts";
import { Legs } from "../../stream/legs.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import type { PacketSource } from "./packet_source.ts";
import { type Protocols, SourceScan } from "./source_scan.ts";

/** Flows, or stretches of flows, that an export keeps. */
export class WantedFlows {
  /** By flow: whole, or stretches of places as beginnings and ends by turns. */
  readonly #flows = new Map<number, "whole" | number[]>();

  /** Wants a conversation with all its packets, on all its legs. */
  addConversation({ id, translation }: Flow): void {
    this.#flows.set(id, "whole");
    for (const other of translation?.others ?? []) {
      if (other.id !== undefined) this.#flows.set(other.id, "whole");
    }
  }

  /** Wants the packets of a flow from one place to another, both included. */
  addStretch(id: number, from: number, to: number): void {
    const known = this.#flows.get(id);
    if (known === "whole") return;
    if (!known) this.#flows.set(id, [from, to]);
    else known.push(from, to);
  }

  /** Whether a packet of the flow is wanted. */
  has(id: number, place: number): boolean {
    const known = this.#flows.get(id);
    if (known === undefined || known === "whole") return known !== undefined;
    for (let i = 0; i < known.length; i += 2) {
      if (place >= known[i]! && place <= known[i + 1]!) return true;
    }
    return false;
  }
}

/** Finds the flows that an export wants, batch by batch. */
export interface FlowFinder {
  add(batch: FrameBatch, interfaces: readonly Interface[], place: number): void;
  /** No more frames come. */
  end(): void;
  readonly wanted: WantedFlows;
}

/** Finds conversations by their ends, transport, sizes and time. */
export class ConversationFinder implements FlowFinder {
  readonly wanted = new WantedFlows();
  readonly #decoder = new FrameDecoder();
  readonly #table: FlowTable<"begun">;
  readonly #legs = new Legs<"begun">();

  constructor(plan: Plan, names: NameLookup, podIpsOf: PodIpsOf) {
    const matches = compileConversation(plan, names);
    this.#table = new FlowTable({
      keepsHeads: false,
      podIpsOf,
      onEnd: (flow) => {
        // A copy goes with the conversation that it is a leg of.
        if (flow.leg?.carrier) return;
        if (matches(toConversation(flow))) this.wanted.addConversation(flow);
      },
    });
  }

  add(
    batch: FrameBatch,
    interfaces: readonly Interface[],
    place: number,
  ): void {
    for (let i = 0; i < batch.count; i++) {
      const outcome = this.#decoder.decode(batch, i, interfaces, place + i);
      if (outcome === OUTCOME.PACKET) this.#addPacket(this.#decoder.packet);
    }
  }

  end(): void {
    this.#table.endAll();
  }

  #addPacket(packet: Packet): void {
    const flow = this.#table.find(packet);
    const { fromLow } = this.#table;
    if (flow.leg) this.#legs.look(flow, packet, fromLow);
    else if (!flow.state) this.#legs.begin(flow, packet, fromLow);
    flow.state = "begun";
  }
}

function toConversation(flow: Flow): ConversationView {
  const { analysis } = flow;
  const low = analysis?.low.bytes ?? 0;
  const high = analysis?.high.bytes ?? 0;
  return {
    transport: flow.transport,
    client: flow.shownClient,
    server: flow.shownServer,
    first: flow.first,
    last: flow.last,
    requestSize: flow.clientIsLow ? low : high,
    responseSize: flow.clientIsLow ? high : low,
  };
}

/** Finds flows on which an entry matches, or the stretches of those entries. */
export class EntryFinder implements FlowFinder {
  readonly wanted = new WantedFlows();
  readonly #scan: SourceScan;

  constructor(
    { node, podIpsOf }: PacketSource,
    plan: Plan,
    names: NameLookup,
    protocols: Protocols,
    exact: boolean,
  ) {
    this.#scan = new SourceScan(node, {
      plan,
      names,
      protocols,
      onMatch: (entry, flow) => {
        if (!exact) this.wanted.addConversation(flow);
        else {for (const { first, last } of entry.messages) {
            this.wanted.addStretch(flow.id, first.place, last.place);
          }}
      },
    });
    this.#scan.podIpsOf = podIpsOf;
  }

  add(
    batch: FrameBatch,
    interfaces: readonly Interface[],
    place: number,
  ): void {
    for (let i = 0; i < batch.count; i++) {
      const { linkType } = interfaces[batch.interface[i]!]!;
      this.#scan.frame(batch, i, linkType, place + i);
    }
  }

  end(): void {
    this.#scan.end();
  }
}
