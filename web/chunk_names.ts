/** Names of the page's chunks; server side, like `assets.ts`. */
import { createHash } from "node:crypto";

/** As the bundler names what it splits off: `editor-RBD5QHEM.js`. */
const SPLIT_OFF = /\b([\w-]+)-[A-Z0-9]{8}\.js\b/g;

/** Chunks that differ only in whom they import do so after that many steps. */
const ROUNDS = 4;

/**
 * Gives chunks names that hang on what they hold, and on nothing else. The
 * bundler's hang on where sources and packages lay, so that the same page had
 * other names on every machine.
 *
 * Chunks may import each other in circles. So names are found in rounds: the
 * first leaves out whom they import, each further one has the names of the last.
 *
 * @param files texts by their names; those that are no chunks keep theirs
 * @returns the files as they are, where two chunks would have one name
 */
export function namedByContent(
  files: ReadonlyMap<string, string>,
): Map<string, string> {
  let names = new Map([...files.keys()].map((name) => [
    name,
    name.replace(SPLIT_OFF, "$1"),
  ]));
  const renamed = (text: string) =>
    text.replaceAll(SPLIT_OFF, (name) => names.get(name) ?? name);
  for (let round = 0; round < ROUNDS; round++) {
    names = new Map([...files].map(([name, text]) => [
      name,
      name.replace(
        SPLIT_OFF,
        (_, stem) => `${stem}-${digestOf(renamed(text))}.js`,
      ),
    ]));
  }
  const result = new Map(
    [...files].map(([name, text]) => [names.get(name)!, renamed(text)]),
  );
  // Twins, which hold the same, are still two modules.
  return result.size === files.size ? result : new Map(files);
}

const digestOf = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
