/**
 * Live packets into shards.
 *
 * It runs in a thread of its own that does nothing else: all that waits for
 * packets has been stored before it waits again, and the kernel hands over a
 * packet after some 50 ms at the latest. So what was captured can soon be asked
 * about, and under load writes are large.
 */
import { FrameBatch } from "../../packet/frame.ts";
import type { CapturedNetworks, LiveSource } from "../capture/source.ts";
import type { InterfaceFact, NetworkFact } from "../shards/facts.ts";
import { Glances } from "../shards/glances.ts";
import type { StoreWriter } from "../shards/store_writer.ts";
import type { ShardWriter, StopCause } from "../shards/writer.ts";
import { type Probing, Sifter } from "./sifter.ts";

/**
 * Frames that are looked at in one go: each by itself, to the end. What copying
 * it touches lies right before the next one, whose headers the processor has
 * fetched by then; to look at the headers of many first is to wait for each.
 */
const ROWS = 1;

/** Frames after which is stored what was taken, though more are waiting. */
const MOST_FRAMES = 1 << 18;

/** Frames after which flows are probed. */
const TOLD_AFTER = 64;

/** How often drops and clocks are looked at, ms. */
const LOOK = 1000;

/** What the clock may be set by unnoticed, µs. */
const CLOCK_STEP = 100e3;

/** What became of the packets so far. */
export interface RecorderState {
  /** Stored. */
  readonly packets: number;
  /** Their bytes in PCAPs. */
  readonly bytes: number;
  /** Lost, for they were not taken out of the kernel's memory in time. */
  readonly droppedByKernel: number;
  /** Left out in the kernel, for they are ours. */
  readonly own: number;
  /** Not stored, for they were stored from another interface. */
  readonly copies: number;
  /** Stored without their payload, for no dissector speaks for their flow. */
  readonly headersOnly: number;
  /** Taken, and not stored for want of room. */
  readonly notStored: number;
  /** Networks of pods that are captured; absent where none ever is. */
  readonly networks: CapturedNetworks | undefined;
  /** Why packets are not stored at the moment; absent if they are. */
  readonly stopped: StopCause | undefined;
}

/** Takes packets from a source and stores them. */
export class Recorder {
  readonly #source: LiveSource;
  readonly #store: StoreWriter;
  readonly #writer: ShardWriter;
  readonly #sifter: Sifter;
  readonly #batch = new FrameBatch(ROWS);
  readonly #glances = new Glances(ROWS);
  #names: ReadonlyMap<number, string> | undefined;
  #networks: CapturedNetworks | undefined;
  #dropped = 0;
  #own = 0;
  #lookedAt = -Infinity;
  /** The clock of packets less that which nobody sets, µs. */
  #clock = toClock();

  /**
   * Both are borrowed.
   *
   * @param probing without it all packets are stored whole
   */
  constructor(source: LiveSource, store: StoreWriter, probing?: Probing) {
    this.#sifter = new Sifter(probing);
    this.#source = source;
    this.#store = store;
    // Frames of live capture have one link type, whatever their interface.
    this.#writer = store.writer(source.interfaces[0]!.linkType);
    this.#noteInterfaces();
    this.#noteNetworks();
  }

  get state(): RecorderState {
    const { packets, bytes, droppedPackets } = this.#writer.counters;
    return {
      packets,
      bytes,
      droppedByKernel: this.#dropped,
      own: this.#own,
      copies: this.#sifter.copies,
      headersOnly: this.#sifter.headersOnly,
      notStored: droppedPackets,
      networks: this.#networks,
      stopped: this.#writer.stopped,
    };
  }

  /** Packets that are stored. */
  get stored(): number {
    return this.#writer.counters.packets;
  }

  /**
   * Waits for packets, and stores what there is.
   *
   * @param patience how long at most, ms
   */
  turn(patience: number = LOOK): void {
    this.#source.wait(Math.min(patience, LOOK));
    const { names, networks } = this.#source;
    if (names !== this.#names) this.#noteInterfaces();
    if (networks !== this.#networks) this.#noteNetworks();
    if (performance.now() - this.#lookedAt >= LOOK) this.#look();
    this.#take();
  }

  /** Ends: what was captured until now is stored. */
  finish(): void {
    const source = this.#source;
    source.stop();
    do {
      source.wait(LOOK);
      this.#take();
    } while (!source.isOver);
    this.#noteDrops();
    this.#writer.flush();
  }

  #take(): void {
    this.#takeFrames();
    this.#sifter.tell();
    this.#writer.flush();
  }

  /** Nothing but the loop, which is compiled as one. */
  #takeFrames(): void {
    const source = this.#source;
    const sifter = this.#sifter;
    const writer = this.#writer;
    const { interfaces } = source;
    const batch = this.#batch;
    const glances = this.#glances;
    for (let frames = 0; frames < MOST_FRAMES && source.next(batch);) {
      frames += batch.count;
      sifter.sift(batch, glances);
      writer.append(batch, interfaces, 0, batch.count, glances);
      if (frames % TOLD_AFTER === 0) sifter.tell();
    }
  }

  /** What need not be seen to with every packet. */
  #look(): void {
    this.#lookedAt = performance.now();
    this.#noteDrops();
    const before = this.#clock;
    this.#clock = toClock();
    const step = this.#clock - before;
    const now = Date.now() * 1000;
    if (Math.abs(step) > CLOCK_STEP) {
      this.#writer.addClockStep(now - Math.round(step), now);
    }
    this.#writer.rotateIfDue(now);
  }

  #noteDrops(): void {
    const { dropped, own } = this.#source.counters();
    this.#own = own;
    const more = dropped - this.#dropped;
    this.#dropped = dropped;
    if (more > 0) this.#writer.addDrop("kernel", more, Date.now() * 1000);
  }

  #noteNetworks(): void {
    const networks = this.#networks = this.#source.networks;
    this.#store.setNetworks(
      (networks?.open ?? []).map(({ number, pod }): NetworkFact => ({
        kind: "network",
        number,
        ...pod,
      })),
    );
  }

  #noteInterfaces(): void {
    const { names, interfaces } = this.#source;
    const { snapLength } = interfaces[0]!;
    this.#names = names;
    this.#sifter.setInterfaces(names.keys());
    this.#store.setInterfaces(
      [...names].map(([id, name]): InterfaceFact => ({
        kind: "interface",
        id,
        snapLength,
        name,
      })),
    );
  }
}

/** µs by which the clock is ahead of one that nobody sets. */
function toClock(): number {
  return (Date.now() - performance.now()) * 1000;
}
