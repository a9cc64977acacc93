/** What a command asks: savefiles, a data folder, or a hub (DESIGN §8). */
import type { CommonOptions } from "./common_options.ts";
import { dataFolder } from "./data_folder.ts";
import { CommandError, EXIT } from "./exit.ts";
import { findLocalHub, type HubAddress, tokenFor } from "./local_hub.ts";
import { statOf } from "./places.ts";

/** Savefiles and folders of them, or a folder of shards. */
export type Source =
  | { readonly pcap: readonly string[] }
  | { readonly dataDir: string };

/** What names a hub. */
export interface HubOptions {
  readonly hub?: string;
  readonly tokenFile?: string;
}

/**
 * The hub that the options name, else the one that runs on this machine if
 * they name nothing else.
 *
 * @throws CommandError
 */
export function toHub(
  { pcap, dataDir, hub, tokenFile }: CommonOptions & HubOptions,
): HubAddress | undefined {
  if (hub !== undefined) return { url: hub, token: tokenFor(tokenFile) };
  return pcap || dataDir !== undefined ? undefined : findLocalHub();
}

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
    "There is nothing to ask: name savefiles with --pcap, a folder with " +
      "--data-dir, or a hub with --hub; without any, the hub that runs here " +
      `is asked, or what \`thresher import\` put into "${usual}"`,
  );
}
