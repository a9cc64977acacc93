/**
 * Finds out of which flows more than their headers is worth keeping: of those
 * that a dissector speaks for. The verdict is written into the flow's slot,
 * where the capture thread sees it.
 */
import { PROTOCOLS } from "../../dissectors/registry.ts";
import { Decoder } from "../../packet/decode.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { OUTCOME, Packet } from "../../packet/packet.ts";
import { FlowTable } from "../../stream/flow_table.ts";
import { WaitingRoom } from "../../stream/reassembly.ts";
import { Track, type TrackOptions } from "../scan/track.ts";
import { SLOT } from "../shards/flow_slots.ts";
import type { ProbeQueueReader } from "./probe_queue.ts";
import { VERDICT, type Verdict } from "./verdict.ts";

/** Flows that are probed at a time; of others nothing is found out. */
const MAX_PROBED = 4096;

/**
 * Packets with a payload after which a flow is taken for nobody's. Probes look
 * at 64 places at most; a flow that has them wait so long repeats itself.
 */
const MAX_PACKETS = 256;

/** Bytes that are a payload: probes of idle connections may have one. */
const LEAST_PAYLOAD = 2;

/** A flow that is probed: with another stamp it is another one. */
interface Probed {
  readonly stamp: number;
  /** Absent once all is known. */
  track: Track | undefined;
  /** Packets with a payload. */
  packets: number;
}

/** Probes the packets that the capture thread hands over. */
export class Prober {
  readonly #slots: Uint32Array;
  readonly #decoder = new Decoder();
  readonly #packet = new Packet();
  readonly #table = new FlowTable<Probed>({
    onEnd() {},
    analyzes: false,
    maxFlows: MAX_PROBED,
    knownPorts: PROTOCOLS.dissectors.flatMap(({ ports }) => ports),
  });
  readonly #options: TrackOptions = {
    room: new WaitingRoom(),
    conversation: {
      dissectors: PROTOCOLS.dissectors,
      node: { name: "" },
      wantsBodies: false,
      // Who speaks is all that is asked: nothing is parsed.
      mayMatch: () => false,
      onEntry() {},
      counters: { malformed: 0, opaqueBytes: 0 },
    },
  };

  /** @param slots words of the flows' slots, shared with the capture thread */
  constructor(slots: Uint32Array) {
    this.#slots = slots;
  }

  /** Takes a packet: the one that the queue has just given. */
  add(queue: ProbeQueueReader): void {
    const packet = this.#packet;
    const outcome = this.#decoder.decode(
      queue.bytes,
      0,
      queue.captured,
      queue.original,
      LINKTYPE.LINUX_SLL2,
      queue.time,
      0,
      packet,
    );
    if (outcome !== OUTCOME.PACKET) return;
    const flow = this.#table.find(packet);
    const { stamp, slot } = queue;
    if (flow.state?.stamp !== stamp) {
      const track = new Track(flow, this.#options);
      flow.state = { stamp, track, packets: 0 };
    }
    const verdict = this.#probe(flow.state, packet);
    if (verdict === VERDICT.UNKNOWN) return;
    flow.state.track = undefined;
    this.#say(slot, stamp, verdict);
  }

  #probe(probed: Probed, packet: Packet): Verdict {
    const { track } = probed;
    // Packets were on their way when the verdict was given.
    if (!track) return VERDICT.UNKNOWN;
    if (packet.size >= LEAST_PAYLOAD) probed.packets++;
    track.add(packet, this.#table.fromLow);
    const { protocol, isOpaque } = track.conversation;
    if (protocol !== undefined) return VERDICT.KEEP;
    return isOpaque || probed.packets >= MAX_PACKETS
      ? VERDICT.HEADERS_ONLY
      : VERDICT.UNKNOWN;
  }

  /** Says it of the flow, unless its slot has another by now. */
  #say(slot: number, stamp: number, verdict: Verdict): void {
    Atomics.compareExchange(
      this.#slots,
      slot + SLOT.STAMP,
      stamp,
      (stamp | verdict) >>> 0,
    );
  }
}
