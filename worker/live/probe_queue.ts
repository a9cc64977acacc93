/**
 * Packets on their way from the capture thread to the one that probes flows,
 * through memory that both share.
 *
 * The capture thread never waits: a packet for which there is no room is left
 * out, and its flow is known a little later, or never, and then kept whole.
 *
 * ```
 * size │ slot │ stamp │ original │ time (8 bytes) │ frame …   from a multiple of 8
 * ```
 */

/** Bytes of the queue. */
const QUEUE = 1 << 20;

/** Bytes of a frame that are handed over: probes look at 4 KiB. */
const MOST = 6 * 1024;

/** Bytes before a frame. */
const HEAD = 24;

/** A size that says: the next packet is at the queue's beginning. */
const WRAP = 0xffff_ffff;

/**
 * Words that say how far each thread is, in bytes modulo 2^32; whether all is
 * over; and how often the reader was told of something.
 */
const CONTROL = { WRITTEN: 0, READ: 1, CLOSED: 2, TOLD: 3, WORDS: 4 } as const;

/** What both threads share. */
export type QueueMemory = SharedArrayBuffer;

/** Memory for a queue. */
export function makeQueueMemory(): QueueMemory {
  return new SharedArrayBuffer(CONTROL.WORDS * 4 + QUEUE);
}

/** The queue as its one writer has it. */
export class ProbeQueueWriter {
  /** Packets for which there was no room. */
  leftOut = 0;
  readonly #control: Int32Array;
  readonly #words: Uint32Array;
  readonly #times: Float64Array;
  readonly #bytes: Uint8Array;
  #written = 0;
  #told = 0;

  constructor(memory: QueueMemory) {
    const begin = CONTROL.WORDS * 4;
    this.#control = new Int32Array(memory, 0, CONTROL.WORDS);
    this.#words = new Uint32Array(memory, begin);
    this.#times = new Float64Array(memory, begin);
    this.#bytes = new Uint8Array(memory, begin);
  }

  /**
   * Hands over a frame, or its beginning.
   *
   * @param slot where the flow's slot begins, and `stamp` what stands there
   * @param original its bytes on the wire
   * @param time µs since 1970
   */
  add(
    slot: number,
    stamp: number,
    bytes: Uint8Array,
    start: number,
    captured: number,
    original: number,
    time: number,
  ): void {
    const size = Math.min(captured, MOST);
    const space = spaceOf(size);
    let at = this.#written % QUEUE;
    const skipped = at + space > QUEUE ? QUEUE - at : 0;
    const read = Atomics.load(this.#control, CONTROL.READ) >>> 0;
    const used = this.#written - read >>> 0;
    if (used + skipped + space > QUEUE) {
      this.leftOut++;
      return;
    }
    if (skipped > 0) {
      this.#words[at / 4] = WRAP;
      at = 0;
    }
    const words = this.#words;
    words[at / 4] = size;
    words[at / 4 + 1] = slot;
    words[at / 4 + 2] = stamp;
    words[at / 4 + 3] = original;
    this.#times[at / 8 + 2] = time;
    this.#bytes.set(bytes.subarray(start, start + size), at + HEAD);
    this.#written = this.#written + skipped + space >>> 0;
  }

  /** Tells the reader of what was added. */
  tell(): void {
    if (this.#written === this.#told) return;
    this.#told = this.#written;
    Atomics.store(this.#control, CONTROL.WRITTEN, this.#written | 0);
    tell(this.#control);
  }
}

/** The queue as its one reader has it; a packet holds until the next. */
export class ProbeQueueReader {
  slot = 0;
  stamp = 0;
  /** A copy, of the same memory each time. */
  readonly bytes: Uint8Array = new Uint8Array(MOST);
  captured = 0;
  original = 0;
  time = 0;
  readonly #control: Int32Array;
  readonly #words: Uint32Array;
  readonly #times: Float64Array;
  readonly #shared: Uint8Array;
  #read = 0;

  constructor(memory: QueueMemory) {
    const begin = CONTROL.WORDS * 4;
    this.#control = new Int32Array(memory, 0, CONTROL.WORDS);
    this.#words = new Uint32Array(memory, begin);
    this.#times = new Float64Array(memory, begin);
    this.#shared = new Uint8Array(memory, begin);
  }

  /**
   * Waits for the next packet.
   *
   * @returns false once the queue is closed
   */
  next(): boolean {
    while (true) {
      // Before it is looked at what there is, so that no word is missed.
      const told = Atomics.load(this.#control, CONTROL.TOLD);
      if (!this.#isEmpty()) break;
      if (Atomics.load(this.#control, CONTROL.CLOSED) !== 0) return false;
      Atomics.wait(this.#control, CONTROL.TOLD, told);
    }
    this.#take();
    return true;
  }

  #isEmpty(): boolean {
    const written = Atomics.load(this.#control, CONTROL.WRITTEN);
    return written === (this.#read | 0);
  }

  #take(): void {
    let at = this.#read % QUEUE;
    if (this.#words[at / 4] === WRAP) {
      this.#read = this.#read + QUEUE - at >>> 0;
      at = 0;
    }
    const size = this.#words[at / 4]!;
    this.slot = this.#words[at / 4 + 1]!;
    this.stamp = this.#words[at / 4 + 2]!;
    this.original = this.#words[at / 4 + 3]!;
    this.time = this.#times[at / 8 + 2]!;
    this.captured = size;
    this.bytes.set(this.#shared.subarray(at + HEAD, at + HEAD + size));
    this.#read = this.#read + spaceOf(size) >>> 0;
    Atomics.store(this.#control, CONTROL.READ, this.#read | 0);
  }
}

/** Ends the reader's wait for good, once it has read what there is. */
export function closeQueue(memory: QueueMemory): void {
  const control = new Int32Array(memory, 0, CONTROL.WORDS);
  Atomics.store(control, CONTROL.CLOSED, 1);
  tell(control);
}

function tell(control: Int32Array): void {
  Atomics.add(control, CONTROL.TOLD, 1);
  Atomics.notify(control, CONTROL.TOLD);
}

function spaceOf(size: number): number {
  return HEAD + (size + 7 & ~7);
}
