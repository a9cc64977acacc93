/** Why nobody can be answered where a command was to listen. */
import { CommandError, EXIT, exitCodeFor, reasonOf } from "./exit.ts";

/** The port is taken. `tap` then tries the next one. */
export class PortTaken extends CommandError {
  override name = "PortTaken";
}

/** Why the system does not let us listen. */
const WORDS: { readonly [code: string]: string | undefined } = {
  EACCES: "permission denied",
  EADDRNOTAVAIL: "this machine does not have that address",
  ENOTFOUND: "nobody knows that name",
};

/** What a command says of an error of the system's; others stay as they are. */
export function toListenError(
  error: unknown,
  { hostname, port }: { readonly hostname: string; readonly port: number },
): unknown {
  const where = `${hostname}:${port}`;
  const code = error instanceof Error && "code" in error
    ? error.code
    : undefined;
  if (code === "EADDRINUSE") {
    return new PortTaken(
      EXIT.FAILED,
      `Cannot listen on ${where}: another program does; name a free port`,
      error,
    );
  }
  const reason = WORDS[String(code)] ?? reasonOf(error);
  if (reason === undefined) return error;
  return new CommandError(
    code === "EACCES" ? EXIT.NO_RIGHT : exitCodeFor(error),
    `Cannot listen on ${where}: ${reason}`,
    error,
  );
}
