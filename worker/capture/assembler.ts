/**
 * Programs of the kernel's classic packet filter
 * (`Documentation/networking/filter.rst`), put together with labels: jumps go
 * forward alone, as the kernel demands.
 */

/** Bytes of an instruction: its code, two jumps and an operand. */
export const INSTRUCTION = 8;

/** Codes of the operations that are used here. */
export const OPERATION = {
  /** Loads a word, half a word or a byte of the packet, at the operand. */
  LOAD: 0x20,
  /** The same at the operand plus X. */
  LOAD_AT_X: 0x40,
  LOAD_HALF_AT_X: 0x48,
  LOAD_BYTE_AT_X: 0x50,
  /** Loads the packet's length. */
  LOAD_LENGTH: 0x80,
  /** Sets X; to A; back to what was kept of it. */
  SET_X: 0x01,
  A_TO_X: 0x07,
  RECALL_X: 0x61,
  /** Keeps X in one of sixteen places. */
  KEEP_X: 0x03,
  AND: 0x54,
  SHIFT_LEFT: 0x64,
  ADD_X: 0x0c,
  SUBTRACT_X: 0x1c,
} as const;

const JUMP = {
  ALWAYS: 0x05,
  EQUAL: 0x15,
  ABOVE: 0x25,
  AT_LEAST: 0x35,
  ANY_BIT: 0x45,
} as const;

const RETURN = 0x06;

/** A place in a program that jumps go to. */
export interface Label {
  /** Number of the instruction there; -1 until it is placed. */
  at: number;
}

/** Instructions that a test's own jump can pass over. */
const REACH = 255;

/** One instruction; a test that jumps far becomes two. */
interface Step {
  readonly code: number;
  readonly operand: number;
  readonly to?: Label;
  /** Of a test: whether it jumps where it holds, or where it does not. */
  readonly when?: boolean;
}

/** Puts a program together. */
export class Assembler {
  readonly #steps: Step[] = [];

  /** A label that is to be placed. */
  label(): Label {
    return { at: -1 };
  }

  /** Puts a label before the instruction that comes next. */
  place(label: Label): void {
    label.at = this.#steps.length;
  }

  /** @param code one of {@link OPERATION} */
  add(code: number, operand = 0): void {
    this.#steps.push({ code, operand });
  }

  /** Ends the program; so many bytes of the packet are let by. */
  give(bytes: number): void {
    this.add(RETURN, bytes);
  }

  go(to: Label): void {
    this.#steps.push({ code: JUMP.ALWAYS, operand: 0, to });
  }

  /** Jumps where A is the value. */
  ifEqual(value: number, to: Label): void {
    this.#test(JUMP.EQUAL, value, true, to);
  }

  /** Jumps where A is another value. */
  unlessEqual(value: number, to: Label): void {
    this.#test(JUMP.EQUAL, value, false, to);
  }

  /** Jumps where A is the value or greater. */
  ifAtLeast(value: number, to: Label): void {
    this.#test(JUMP.AT_LEAST, value, true, to);
  }

  /** Jumps where A is the value or less. */
  ifAtMost(value: number, to: Label): void {
    this.#test(JUMP.ABOVE, value, false, to);
  }

  /** Jumps where A is less. */
  ifBelow(value: number, to: Label): void {
    this.#test(JUMP.AT_LEAST, value, false, to);
  }

  /** Jumps where A has one of the bits. */
  ifAnyBit(bits: number, to: Label): void {
    this.#test(JUMP.ANY_BIT, bits, true, to);
  }

  /** The program. Every label that is jumped to has been placed. */
  encode(): Uint8Array<ArrayBuffer> {
    const at = this.#positions();
    const bytes = new Uint8Array(at.at(-1)! * INSTRUCTION);
    const view = new DataView(bytes.buffer);
    const write = (
      i: number,
      code: number,
      [holds, fails]: readonly [number, number],
      operand: number,
    ) => {
      view.setUint16(i * INSTRUCTION, code, true);
      view.setUint8(i * INSTRUCTION + 2, holds);
      view.setUint8(i * INSTRUCTION + 3, fails);
      view.setUint32(i * INSTRUCTION + 4, operand, true);
    };
    for (const [i, { code, operand, to, when }] of this.#steps.entries()) {
      const here = at[i]!;
      const size = at[i + 1]! - here;
      if (!to) {
        write(here, code, NEXT, operand);
        continue;
      }
      const distance = at[to.at]! - here - size;
      if (to.at < 0 || distance < 0) throw new Error("A jump back, or nowhere");
      if (when === undefined) write(here, code, NEXT, distance);
      else if (size === 1) {
        write(here, code, when ? [distance, 0] : [0, distance], operand);
      } else {
        // Past a jump that reaches everything, or into it.
        write(here, code, when ? [0, 1] : [1, 0], operand);
        write(here + 1, JUMP.ALWAYS, NEXT, distance);
      }
    }
    return bytes;
  }

  /**
   * Where each step begins, and behind the last their end. To make one test
   * two instructions may put another's target out of reach.
   */
  #positions(): Uint32Array {
    const steps = this.#steps;
    const at = new Uint32Array(steps.length + 1);
    const isFar = new Uint8Array(steps.length);
    for (let changes = true; changes;) {
      for (let i = 0; i < steps.length; i++) at[i + 1] = at[i]! + 1 + isFar[i]!;
      changes = false;
      for (const [i, { to, when }] of steps.entries()) {
        if (!to || when === undefined || isFar[i]) continue;
        if (at[to.at]! - at[i]! - 1 <= REACH) continue;
        isFar[i] = 1;
        changes = true;
      }
    }
    return at;
  }

  #test(code: number, operand: number, when: boolean, to: Label): void {
    this.#steps.push({ code, operand, when, to });
  }
}

/** Of what is no test. */
const NEXT = [0, 0] as const;
