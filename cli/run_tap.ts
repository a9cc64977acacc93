/** Runs `tap`: on a cluster, or hub and worker or savefiles in this process. */
import { basename } from "node:path";
import type { SavefileAdded } from "../api/hub.ts";
import type { WorkerLink } from "../api/worker.ts";
import { Refused } from "../net/failure.ts";
import type { TakeSavefile } from "../hub/route.ts";
import {
  CannotOpen,
  findSavefiles,
  openSavefile,
} from "../worker/capture/savefile.ts";
import { WorkerService } from "../worker/serve/service.ts";
import { openBrowser } from "./browser.ts";
import { Capturing, type CapturingOptions } from "./capturing.ts";
import { type Choice, chooseCluster } from "./cluster/choosing.ts";
import type { TapClusterOptions } from "./cluster/tap_cluster.ts";
import { isConfigured } from "./configuration.ts";
import { dataFolder } from "./data_folder.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { USUAL } from "./hub.ts";
import { Interruption } from "./interruption.ts";
import { PortTaken } from "./listen_error.ts";
import { OpenHub } from "./open_hub.ts";
import { say } from "./output.ts";
import { VERSION } from "./version.ts";
import { openEach, orCommandError } from "./savefiles.ts";
import { SavefileWorkers } from "./savefile_workers.ts";

/** What `tap` was told. */
export type TapOptions =
  & CapturingOptions
  & TapClusterOptions
  & Omit<Choice, "regex">;

/** Ports that are tried after the usual one. */
const MORE_PORTS = 20;

/** Bytes of a savefile that is dropped on the page. */
const MAX_UPLOAD = 16e9;

/**
 * Captures, or reads savefiles, and shows them until it is interrupted.
 *
 * @param regex picks pods of a cluster
 */
export async function runTap(
  regex: string | undefined,
  options: TapOptions,
): Promise<ExitCode> {
  using interruption = new Interruption();
  const { signal } = interruption;
  const access = await chooseCluster(
    { ...options, regex },
    signal,
    (name) => isConfigured(options, name),
  );
  if (access) {
    const { tapCluster } = await import("./cluster/tap_cluster.ts");
    return await tapCluster(access, regex, options, interruption);
  }
  await using savefiles = await SavefileWorkers.open();
  if (options.pcap) {
    const links = await importAll(options.pcap, savefiles, signal);
    await using hub = await openHub(options, links, savefiles);
    invite(hub, options);
    await aborted(signal);
  } else await tapHere(options, savefiles, signal);
  return EXIT.INTERRUPTED;
}

/** Captures this machine's packets and shows them. */
async function tapHere(
  options: TapOptions,
  savefiles: SavefileWorkers,
  signal: AbortSignal,
): Promise<void> {
  const folder = dataFolder(options.dataDir);
  const capturing = await start(options, folder);
  signal.addEventListener("abort", () => capturing.stop());
  if (signal.aborted) capturing.stop();
  const { node } = capturing;
  const worker = new WorkerService({
    name: node,
    version: VERSION,
    folder,
    capture: capturing,
    onFault: (text) => say(`thresher: ${text}`),
  });
  try {
    await using hub = await openHub(options, [worker], savefiles);
    const { hostname: ip } = USUAL;
    const listening = [{ ip, port: hub.server.port }];
    await capturing.exclude({ listening, connections: [] });
    invite(hub, options);
    await capturing.ended;
  } finally {
    worker.close();
    capturing.stop();
    await capturing.ended;
  }
}

/** @throws CommandError that says what is missing, and what works without it */
async function start(options: TapOptions, folder: string): Promise<Capturing> {
  try {
    return await Capturing.start(options, folder);
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== EXIT.NO_RIGHT) {
      throw error;
    }
    throw new CommandError(
      error.code,
      `${error.message}. Savefiles can be shown without that: tap --pcap FILE`,
      error,
    );
  }
}

/** Opens a hub at the port that was asked for, or at the first that is free. */
async function openHub(
  options: TapOptions,
  links: readonly WorkerLink[],
  savefiles: SavefileWorkers,
): Promise<OpenHub> {
  const { port: wanted } = options;
  const first = wanted ?? USUAL.port;
  let hub: OpenHub | undefined;
  const takeSavefile: TakeSavefile = async (name, bytes, signal) => {
    const { worker, added } = await receive(savefiles, name, bytes, signal);
    hub!.workers.add(worker);
    return added;
  };
  for (let port = first;; port++) {
    try {
      hub = await OpenHub.open({ ...USUAL, port, links, takeSavefile });
      if (port !== first) {
        say(`thresher: port ${first} is taken; the dashboard is at ${port}`);
      }
      return hub;
    } catch (error) {
      const isLast = wanted !== undefined || port === first + MORE_PORTS;
      if (!(error instanceof PortTaken) || isLast) throw error;
    }
  }
}

/** Says where the dashboard is, and opens it where that can be seen. */
function invite(hub: OpenHub, options: TapOptions): void {
  // Whoever reads this text later must not find the browser's own code used.
  say(`thresher: open ${hub.pageUrl()} (good once, for ten minutes)`);
  if (options.browser && Deno.stderr.isTerminal()) openBrowser(hub.pageUrl());
}

/** Imports the savefiles that the arguments name. @throws CommandError */
async function importAll(
  args: readonly string[],
  savefiles: SavefileWorkers,
  signal: AbortSignal,
): Promise<WorkerLink[]> {
  const files = orCommandError(() => findSavefiles(args));
  const links: WorkerLink[] = [];
  for (const { name, file, onProgress, endProgress } of openEach(files)) {
    const { worker, added } = await savefiles.add(name, file, {
      signal,
      onProgress,
    });
    links.push(worker);
    endProgress();
    sayAdded(added);
  }
  if (links.length > 0) return links;
  throw new CommandError(EXIT.FAILED, "There is no savefile among these");
}

function sayAdded({ node, packets, damage }: SavefileAdded): void {
  say(`thresher: ${node}: ${packets} packets`);
  if (damage !== undefined) say(`thresher: ${node}: damaged, ${damage}`);
}

/** Takes a savefile that comes in pieces. @throws Refused */
async function receive(
  savefiles: SavefileWorkers,
  name: string,
  bytes: AsyncIterable<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): ReturnType<SavefileWorkers["add"]> {
  const path = savefiles.scratchPath();
  try {
    await store(path, bytes);
    using file = openSavefile(path);
    return await savefiles.add(basename(name), file, { signal });
  } catch (error) {
    if (error instanceof CannotOpen) {
      throw new Refused("unsuitable", `"${name}" is no savefile`);
    }
    if (error instanceof CommandError) {
      throw new Refused("large", error.message);
    }
    throw error;
  } finally {
    await Deno.remove(path);
  }
}

/** @throws Refused if there are too many */
async function store(
  path: string,
  bytes: AsyncIterable<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  using file = await Deno.open(path, {
    write: true,
    createNew: true,
    mode: 0o600,
  });
  let size = 0;
  for await (const piece of bytes) {
    size += piece.length;
    if (size > MAX_UPLOAD) throw new Refused("large", "The file is too large");
    for (let at = 0; at < piece.length;) {
      at += await file.write(piece.subarray(at));
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
