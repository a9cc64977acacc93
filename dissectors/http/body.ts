/**
 * The body of one message while it is read, and what is kept of it.
 */

/** Bytes kept of a body, and bytes that undoing a coding may give. */
export const MAX_BODY = 8 * 1024 * 1024;

/** What is remembered of all bodies of one direction. */
export interface Tally {
  /** How many became too large when their codings were undone. */
  overgrown: number;
  /** How many more had a broken coding than had none that was. */
  broken: number;
}

/** The tally of a direction without a body yet. */
export function newTally(): Tally {
  return { overgrown: 0, broken: 0 };
}

/** How many times what came of a body is made room for if it is announced. */
const MAX_BELIEF = 16;

const EMPTY = new Uint8Array(0);

/** A body after its chunks were joined, its other codings not undone. */
export class Body {
  /** Bytes of it on the wire, whether captured and kept or not. */
  size = 0;
  /** Whether its end was seen. */
  isEnded = false;
  /** Whether some of it was not captured. */
  hasGap = false;
  /** Whether its bytes are wanted at all. */
  readonly keeps: boolean;
  readonly tally: Tally;
  #bytes: Uint8Array = EMPTY;
  #kept = 0;

  constructor(keeps: boolean, tally: Tally = newTally()) {
    this.keeps = keeps;
    this.tally = tally;
  }

  /** What was kept: its beginning, up to the first gap or {@link MAX_BODY}. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#kept);
  }

  /** Whether all of it was captured and kept. */
  get isWhole(): boolean {
    return this.isEnded && !this.hasGap && this.#kept === this.size;
  }

  /** Whether further bytes would be kept. */
  get wantsMore(): boolean {
    return this.keeps && !this.hasGap && this.#kept < MAX_BODY;
  }

  /**
   * Adds bytes, of which it keeps a copy if it {@link wantsMore}.
   *
   * @param announced how many the peer says will come, these among them
   */
  add(bytes: Uint8Array, announced: number = bytes.length): void {
    this.size += bytes.length;
    const taken = Math.min(bytes.length, MAX_BODY - this.#kept);
    const needed = this.#kept + taken;
    if (this.#kept === 0) {
      // Most bodies come in one piece.
      this.#bytes = bytes.slice(0, taken);
    } else {
      if (needed > this.#bytes.length) {
        this.#grow(needed, this.#kept + announced);
      }
      this.#bytes.set(bytes.subarray(0, taken), this.#kept);
    }
    this.#kept = needed;
  }

  /** Counts bytes that are not kept. */
  skip(size: number): void {
    this.size += size;
  }

  /** Counts bytes that capture missed. */
  lose(size: number): void {
    this.size += size;
    this.hasGap = true;
  }

  /** Plain data for {@link restored}. */
  save(): BodyState {
    const { size, isEnded, hasGap, keeps } = this;
    return { size, isEnded, hasGap, keeps, bytes: this.bytes };
  }

  static restored(state: BodyState): Body {
    const body = new Body(state.keeps);
    if (state.bytes.length > 0) body.add(state.bytes);
    body.size = state.size;
    body.isEnded = state.isEnded;
    body.hasGap = state.hasGap;
    return body;
  }

  #grow(needed: number, announced: number): void {
    const believed = Math.min(announced, MAX_BELIEF * needed);
    const size = Math.max(needed, 2 * this.#bytes.length, believed);
    const bytes = new Uint8Array(Math.min(MAX_BODY, size));
    bytes.set(this.bytes);
    this.#bytes = bytes;
  }
}

/** A saved body. */
export interface BodyState {
  readonly size: number;
  readonly isEnded: boolean;
  readonly hasGap: boolean;
  readonly keeps: boolean;
  readonly bytes: Uint8Array;
}

/** The body of a message that has none. */
export const NO_BODY = new Body(false);
NO_BODY.isEnded = true;
