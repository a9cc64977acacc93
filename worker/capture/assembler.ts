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
  /** Sets X. */
  SET_X: 0x01,
  AND: 0x54,
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

/** Puts a program together. */
export class Assembler {
  readonly #code: number[] = [];
  readonly #operand: number[] = [];
  /** Jumps past the next instruction: if the test holds, if it does not. */
  readonly #skips: number[] = [];
  readonly #targets: (Label | undefined)[] = [];

  /** A label that is to be placed. */
  label(): Label {
    return { at: -1 };
  }

  /** Puts a label before the instruction that comes next. */
  place(label: Label): void {
    label.at = this.#code.length;
  }

  /** @param code one of {@link OPERATION} */
  add(code: number, operand = 0): void {
    this.#add(code, operand, 0, undefined);
  }

  /** Ends the program; so many bytes of the packet are let by. */
  give(bytes: number): void {
    this.add(RETURN, bytes);
  }

  go(to: Label): void {
    this.#add(JUMP.ALWAYS, 0, 0, to);
  }

  /** Jumps where A is the value. */
  ifEqual(value: number, to: Label): void {
    this.#if(JUMP.EQUAL, value, to);
  }

  /** Jumps where A is another value. */
  unlessEqual(value: number, to: Label): void {
    this.#unless(JUMP.EQUAL, value, to);
  }

  /** Jumps where A is greater. */
  ifAbove(value: number, to: Label): void {
    this.#if(JUMP.ABOVE, value, to);
  }

  /** Jumps where A is less. */
  ifBelow(value: number, to: Label): void {
    this.#unless(JUMP.AT_LEAST, value, to);
  }

  /** Jumps where A has one of the bits. */
  ifAnyBit(bits: number, to: Label): void {
    this.#if(JUMP.ANY_BIT, bits, to);
  }

  /** The program. Every label that is jumped to has been placed. */
  encode(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#code.length * INSTRUCTION);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < this.#code.length; i++) {
      const target = this.#targets[i];
      const operand = target ? target.at - i - 1 : this.#operand[i]!;
      if (target && operand < 0) throw new Error("A jump back, or nowhere");
      view.setUint16(i * INSTRUCTION, this.#code[i]!, true);
      view.setUint16(i * INSTRUCTION + 2, this.#skips[i]!, true);
      view.setUint32(i * INSTRUCTION + 4, operand, true);
    }
    return bytes;
  }

  // A test's own jumps reach 255 instructions, so each passes over another
  // jump, which reaches all of them.
  #if(code: number, value: number, to: Label): void {
    this.#add(code, value, SKIP.IF_NOT, undefined);
    this.go(to);
  }

  #unless(code: number, value: number, to: Label): void {
    this.#add(code, value, SKIP.IF, undefined);
    this.go(to);
  }

  #add(
    code: number,
    operand: number,
    skips: number,
    target: Label | undefined,
  ): void {
    this.#code.push(code);
    this.#operand.push(operand);
    this.#skips.push(skips);
    this.#targets.push(target);
  }
}

/** Both jumps of a test as they stand in two bytes. */
const SKIP = { IF: 0x0001, IF_NOT: 0x0100 } as const;
