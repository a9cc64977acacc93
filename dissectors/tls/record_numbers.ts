/** The numbers of DTLS records: they tell that datagrams were lost. */
import { CONTENT } from "./record.ts";

/** Records that may overtake one that is missing. */
const MAX_AHEAD = 64;

/** A record, as far as its number goes. */
export interface NumberedRecord {
  readonly type: number;
  readonly epoch: number;
  readonly number: number;
}

/**
 * The records that one end sent in clear (epoch 0). Plain data.
 *
 * Up to DTLS 1.2 a ChangeCipherSpec is the last of them, so one that is missing
 * means that others may be, too.
 */
export class RecordNumbers {
  /** The first that came. */
  first: number | undefined;
  /** All from the first up to this one, itself left out, have come. */
  next: number | undefined;
  /** Those that came although others before them had not. */
  ahead: number[] = [];
  hasChanged = false;
  /** Whether something is missing that no number tells of. */
  isBroken = false;

  /** Whether records in clear are missing. */
  get isHoled(): boolean {
    return this.isBroken || this.ahead.length > 0;
  }

  add({ type, epoch, number }: NumberedRecord): void {
    if (epoch > 0) {
      if (!this.hasChanged) this.isBroken = true;
      return;
    }
    if (type === CONTENT.CHANGE_CIPHER_SPEC) this.hasChanged = true;
    this.first ??= number;
    this.next ??= number;
    if (number > this.next) return this.#wait(number);
    if (number < this.next) return; // repeated by the network
    this.next++;
    while (this.#remove(this.next)) this.next++;
  }

  /**
   * The next record may have any number: after a HelloVerifyRequest the server
   * takes that of the client (RFC 6347 §4.2.1).
   */
  rebase(): void {
    this.next = undefined;
    this.ahead = [];
  }

  #wait(number: number): void {
    const isKnown = this.ahead.includes(number);
    if (!isKnown && this.ahead.length < MAX_AHEAD) this.ahead.push(number);
  }

  #remove(number: number): boolean {
    const at = this.ahead.indexOf(number);
    if (at < 0) return false;
    this.ahead.splice(at, 1);
    return true;
  }
}
