/** The numbers of DTLS records: they tell that datagrams were lost. */
import { CONTENT } from "./record.ts";

/** Runs of consecutive numbers that are told apart. */
const MAX_RUNS = 64;

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
  /** Numbers that came, as runs in order: the first, and that after the last. */
  runs: [from: number, to: number][] = [];
  hasChanged = false;
  /** Whether something is missing that no number tells of. */
  isBroken = false;

  /** Whether records in clear are missing. */
  get isHoled(): boolean {
    return this.isBroken || this.runs.length > 1;
  }

  /** The least that came. */
  get first(): number | undefined {
    return this.runs[0]?.[0];
  }

  add({ type, epoch, number }: NumberedRecord): void {
    if (epoch > 0) {
      if (!this.hasChanged) this.isBroken = true;
      return;
    }
    if (type === CONTENT.CHANGE_CIPHER_SPEC) this.hasChanged = true;
    if (this.runs.length === MAX_RUNS) return; // holed for good
    const before = this.runs.findLastIndex(([from]) => from <= number);
    const after = this.runs[before + 1];
    const run = this.runs[before];
    if (run && number < run[1]) return; // repeated by the network
    const joinsBefore = run?.[1] === number;
    const joinsAfter = after?.[0] === number + 1;
    if (joinsBefore) run[1] = joinsAfter ? after[1] : number + 1;
    else if (joinsAfter) after[0] = number;
    else this.runs.splice(before + 1, 0, [number, number + 1]);
    if (joinsBefore && joinsAfter) this.runs.splice(before + 1, 1);
  }

  /**
   * The next record may have any number: after a HelloVerifyRequest the server
   * takes that of the client (RFC 6347 §4.2.1).
   */
  rebase(): void {
    this.runs = [];
  }
}
