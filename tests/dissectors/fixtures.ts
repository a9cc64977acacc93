/** The savefiles beside the dissectors. */

const FOLDER = new URL("../../dissectors/", import.meta.url);

/** A savefile with the entries it gives. */
export interface Fixture {
  /** Such as `redis/pipelined.pcap`. */
  readonly name: string;
  readonly path: string;
  /** Of the entries that it gives. */
  readonly expectedPath: string;
}

/** Every fixture of every dissector, in the order of their names. */
export function findFixtures(): Fixture[] {
  return foldersIn(FOLDER).flatMap((dissector) => {
    const folder = new URL(`${dissector}/fixtures/`, FOLDER);
    return filesIn(folder).filter((name) => /\.pcap(ng)?$/.test(name)).map(
      (name) => ({
        name: `${dissector}/${name}`,
        path: new URL(name, folder).pathname,
        expectedPath:
          new URL(name.replace(/\.pcap(ng)?$/, ".json"), folder).pathname,
      }),
    );
  });
}

function foldersIn(folder: URL): string[] {
  return [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name).sort();
}

function filesIn(folder: URL): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
