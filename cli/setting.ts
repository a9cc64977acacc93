/** What a configuration file says, and what is wrong with it. */

/** What stands behind one key. */
export interface Setting {
  readonly key: string;
  /** The key's, from 1. */
  readonly line: number;
  /** One text, several, or a section; nothing if only the key is there. */
  readonly value: string | readonly string[] | readonly Setting[] | undefined;
}

/** Where a file is wrong, and how. */
export class BadConfigFile extends Error {
  override name = "BadConfigFile";
  /** From 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Whether a value is a section: settings for one command. */
export const isSection = (
  value: Setting["value"],
): value is readonly Setting[] =>
  Array.isArray(value) && typeof value[0] === "object";
