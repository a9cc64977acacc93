/** How a command's action hands its exit code to the program. */
import type { Command } from "commander";
import type { ExitCode } from "./exit.ts";

const codes = new WeakMap<Command, ExitCode>();

/** An action for commander that remembers the exit code it gave. */
export function finish<A extends unknown[]>(
  action: (...args: A) => Promise<ExitCode>,
): (this: Command, ...args: A) => Promise<void> {
  return async function (...args) {
    codes.set(this, await action(...args));
  };
}

/** The exit code of an action that {@link finish} made. */
export function exitCodeOf(command: Command): ExitCode | undefined {
  return codes.get(command);
}
