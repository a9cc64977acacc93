/** Handshake messages that DTLS sends in pieces (RFC 6347 §4.2.3). */
import type { Capture } from "../../stream/reader.ts";
import type { Span } from "./handshake.ts";

/** Pieces of a message that wait for the others. */
export const MAX_FRAGMENTS = 128;

/** One piece of a message. */
export interface Fragment {
  /** Bytes of the message before it. */
  readonly offset: number;
  /** Kept. */
  readonly bytes: Uint8Array;
}

/** What {@link FragmentedMessage} is made from again. Plain data. */
export interface FragmentedState {
  readonly type: number;
  readonly size: number;
  readonly fragments: readonly Fragment[];
  readonly span: Span;
}

/** A message of which some pieces have come, in any order. */
export class FragmentedMessage {
  readonly type: number;
  /** Bytes of the whole body. */
  readonly size: number;
  readonly #fragments: Fragment[];
  #span: Span;

  constructor({ type, size, fragments, span }: FragmentedState) {
    this.type = type;
    this.size = size;
    this.#fragments = [...fragments];
    this.#span = span;
  }

  /** Where its pieces were captured, framing included. */
  get span(): Span {
    return this.#span;
  }

  /**
   * Adds a piece, unless it is one that is here already or one too many.
   *
   * @param wireSize its bytes, framing included
   */
  add(fragment: Fragment, last: Capture, wireSize: number): void {
    const { offset, bytes } = fragment;
    const isHere = this.#fragments.some((other) =>
      other.offset === offset && other.bytes.length === bytes.length
    );
    const kept = this.#fragments.reduce((sum, f) => sum + f.bytes.length, 0);
    // Pieces may overlap, but a peer that is honest repeats few bytes.
    const isTooMuch = this.#fragments.length === MAX_FRAGMENTS ||
      kept + bytes.length > 2 * this.size;
    if (isHere || isTooMuch) return;
    this.#fragments.push(fragment);
    this.#span = { ...this.#span, last, size: this.#span.size + wireSize };
  }

  /** The body, once all of it is here. Where pieces overlap the first wins. */
  get body(): Uint8Array | undefined {
    let reach = 0;
    const inOrder = this.#fragments.toSorted((a, b) => a.offset - b.offset);
    for (const { offset, bytes } of inOrder) {
      if (offset > reach) return undefined;
      reach = Math.max(reach, offset + bytes.length);
    }
    if (reach < this.size) return undefined;
    const body = new Uint8Array(this.size);
    for (const { offset, bytes } of this.#fragments.toReversed()) {
      body.set(bytes, offset);
    }
    return body;
  }

  save(): FragmentedState {
    return {
      type: this.type,
      size: this.size,
      fragments: this.#fragments,
      span: this.#span,
    };
  }
}
