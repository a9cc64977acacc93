/** What a command asks: savefiles, or a data folder (DESIGN §8). */
import type { CommonOptions } from "./common_options.ts";
import { dataFolder } from "./data_folder.ts";
import { CommandError, EXIT } from "./exit.ts";
import { statOf } from "./savefiles.ts";

/** Savefiles and folders of them, or a folder of shards. */
export type Source =
  | { readonly pcap: readonly string[] }
  | { readonly dataDir: string };

/**
 * What the options name, else the user's data folder if packets are kept in it.
 *
 * @throws CommandError
 */
export function toSource({ pcap, dataDir }: CommonOptions): Source {
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
