/** What a command asks: savefiles, or a data folder (DESIGN §8). */
import { dataFolder } from "./data_folder.ts";
import { CommandError, EXIT } from "./exit.ts";
import { statOf } from "./savefiles.ts";

/** Options that name what is asked. */
export interface SourceOptions {
  readonly pcap?: readonly string[] | undefined;
  readonly dataDir?: string | undefined;
}

/** Savefiles and folders of them, or a folder of shards. */
export type Source =
  | { readonly pcap: readonly string[] }
  | { readonly dataDir: string };

/**
 * What the options name, else the user's data folder if packets are kept in it.
 *
 * @throws CommandError
 */
export function toSource({ pcap, dataDir }: SourceOptions): Source {
  if (pcap && dataDir !== undefined) {
    throw new CommandError(
      EXIT.MISUSED,
      "Name savefiles with --pcap or a folder with --data-dir, not both",
    );
  }
  if (pcap) return { pcap };
  if (dataDir !== undefined) return { dataDir };
  const usual = dataFolder(undefined);
  if (statOf(usual)?.isDirectory) return { dataDir: usual };
  throw new CommandError(
    EXIT.MISUSED,
    "There is nothing to ask: name savefiles with --pcap, or a folder with " +
      `--data-dir; without either, what \`thresher import\` put into "${usual}" is asked`,
  );
}
