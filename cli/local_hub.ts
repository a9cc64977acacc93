/**
 * The hub of this machine: its token, and where it is found while it runs.
 * Both lie in a folder that only its user can enter (DESIGN §7, §8).
 */
import { basename, dirname, join } from "node:path";
import { newToken } from "../hub/token.ts";
import { dataFolder } from "./data_folder.ts";
import { CommandError, EXIT, exitCodeFor, reasonOf } from "./exit.ts";

/** What somebody has to know to ask a hub. */
export interface HubAddress {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly token: string;
}

/** Beside the data folder, which holds what was captured and nothing else. */
export const hubFolder = (): string => `${dataFolder(undefined)}-hub`;

/** Where the hub's token is kept, unless `--token-file` says otherwise. */
export const usualTokenFile = (): string => join(hubFolder(), "token");

/** One file for each hub that runs, or whose process was killed. */
const runningFolder = (): string => join(hubFolder(), "running");

/**
 * The hub's token: that of the surroundings or of the file, which is written
 * with a new one if it is not there.
 *
 * @throws CommandError
 */
export function ownToken(file: string | undefined): string {
  const given = Deno.env.get("THRESHER_TOKEN");
  if (file === undefined && given) return checked(given, "THRESHER_TOKEN");
  const path = file ?? usualTokenFile();
  const known = readOwn(path);
  if (known !== undefined) return checked(known.trim(), `"${path}"`);
  const token = newToken();
  writeOwn(path, `${token}\n`);
  return token;
}

/**
 * The token with which to ask a hub.
 *
 * @throws CommandError
 */
export function tokenFor(file: string | undefined): string {
  const given = file === undefined ? Deno.env.get("THRESHER_TOKEN") : undefined;
  if (given) return given;
  const path = file ?? usualTokenFile();
  const token = readOwn(path)?.trim();
  if (token) return token;
  throw new CommandError(
    EXIT.MISUSED,
    `There is no token in "${path}": name the hub's with --token-file, or set THRESHER_TOKEN`,
  );
}

/** Says where the hub is, until disposed of. */
export function announce(address: HubAddress): Disposable {
  const { port } = new URL(address.url);
  const path = join(runningFolder(), `${Deno.pid}-${port}.json`);
  writeOwn(path, JSON.stringify({ ...address, since: Date.now() }));
  return { [Symbol.dispose]: () => removeIfThere(path) };
}

/**
 * The hub that runs on this machine, as far as its file knows; of several, the
 * one that was started last.
 *
 * @throws CommandError
 */
export function findLocalHub(): HubAddress | undefined {
  let newest: Announced | undefined;
  for (const path of filesIn(runningFolder())) {
    const found = readAnnounced(path);
    if (!found) removeIfThere(path); // of a process that was killed
    else if (!newest || found.since > newest.since) newest = found;
  }
  return newest && { url: newest.url, token: newest.token };
}

interface Announced extends HubAddress {
  /** ms since 1970. */
  readonly since: number;
}

/** What a file says; `undefined` if that is of no use any more. */
function readAnnounced(path: string): Announced | undefined {
  const pid = Number(basename(path).split("-")[0]);
  if (!isRunning(pid)) return undefined;
  try {
    const { url, token, since } = JSON.parse(readOwn(path) ?? "");
    const isSound = typeof url === "string" && typeof token === "string" &&
      typeof since === "number";
    return isSound ? { url, token, since } : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** Others look here too, and remove what is of no use. */
function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Files that are wholly written; none if there is no such folder. */
function filesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => /^\d+-\d*\.json$/.test(name))
      .map((name) => join(folder, name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw refusal("read", folder, error);
  }
}

/** Whether there is a process of that number; a killed one leaves its file. */
function isRunning(pid: number): boolean {
  if (Deno.build.os !== "linux") return true;
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function checked(token: string, place: string): string {
  if (token.length >= 16) return token;
  throw new CommandError(
    EXIT.MISUSED,
    `The token in ${place} is too short: it has at least 16 characters`,
  );
}

/** A file of the hub's folder; `undefined` if there is none. @throws CommandError */
export function readOwn(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw refusal("read", path, error);
  }
}

/** Puts a file in place that only its user can read. @throws CommandError */
export function writeOwn(path: string, text: string): void {
  try {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const fresh = `${path}.${Deno.pid}`;
    Deno.writeTextFileSync(fresh, text, { mode: 0o600 });
    Deno.renameSync(fresh, path);
  } catch (error) {
    throw refusal("write", path, error);
  }
}

function refusal(what: string, path: string, error: unknown): unknown {
  const reason = reasonOf(error);
  if (reason === undefined) return error;
  return new CommandError(
    exitCodeFor(error),
    `Cannot ${what} "${path}": ${reason}`,
    error,
  );
}
