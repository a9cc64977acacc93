/** Where packets are kept, unless `--data-dir` says otherwise (DESIGN §8). */
import { join } from "node:path";
import { CommandError, EXIT } from "./exit.ts";

/** The state folder of the system's services. */
const SYSTEM_STATE = "/var/lib";

/** The data folder: one for all runs of a user. */
export function dataFolder(given: string | undefined): string {
  if (given !== undefined) return given;
  const state = Deno.env.get("XDG_STATE_HOME");
  if (state) return join(state, "thresher");
  if (Deno.build.os !== "windows" && Deno.uid() === 0) {
    return join(SYSTEM_STATE, "thresher");
  }
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
  if (home) return join(home, ".local", "state", "thresher");
  throw new CommandError(
    EXIT.FAILED,
    "There is no home folder to keep packets in: name one with --data-dir",
  );
}
