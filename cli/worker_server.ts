/** `worker --listen`: the capture answers whoever has the secret. */
import { readSecret } from "../hub/remote_worker.ts";
import type { Listening } from "../net/http.ts";
import type { OwnTraffic } from "../worker/capture/own_traffic.ts";
import {
  checkListening,
  UnsafeListening,
  WorkerServer,
} from "../worker/serve/server.ts";
import { WorkerService } from "../worker/serve/service.ts";
import type { Capturing } from "./capturing.ts";
import { CommandError, EXIT } from "./exit.ts";
import { toListenError } from "./listen_error.ts";
import { say } from "./output.ts";
import { readTextFile } from "./text_file.ts";
import { VERSION } from "./version.ts";

/** Where a worker listens, as options say it. */
export interface ListenOptions {
  readonly listen?: Listening;
  readonly secretFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly awaitTargets?: boolean;
}

/** The same with what the files hold. */
export interface Listens extends Listening {
  readonly secret: string;
}

/**
 * Reads what listening takes; `undefined` if nobody may ask.
 *
 * @throws CommandError
 */
export async function readListens(
  { listen, secretFile, tlsCert, tlsKey, awaitTargets }: ListenOptions,
): Promise<Listens | undefined> {
  if (!listen) {
    if ((secretFile ?? tlsCert ?? tlsKey ?? awaitTargets) === undefined) {
      return undefined;
    }
    throw new CommandError(
      EXIT.MISUSED,
      "--secret-file, --tls-cert, --tls-key and --await-targets belong to " +
        "--listen",
    );
  }
  if (secretFile === undefined) {
    throw new CommandError(
      EXIT.MISUSED,
      "--listen wants a --secret-file, which its hub has too: make one with " +
        "`openssl rand -hex 32 > secret`",
    );
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new CommandError(
      EXIT.MISUSED,
      "--tls-cert and --tls-key belong together",
    );
  }
  const secret = await readTextFile(secretFile, readSecret);
  if (tlsCert === undefined || tlsKey === undefined) {
    // Known before anything is captured.
    orMisused(() => checkListening(listen));
    return { ...listen, secret };
  }
  const cert = await readTextFile(tlsCert);
  const key = await readTextFile(tlsKey);
  return { ...listen, secret, tls: { cert, key } };
}

/** What hubs say to whoever listens there, and try to before. */
export function ownTraffic({ hostname, port }: Listening): OwnTraffic {
  const ips = hostname === "localhost" ? ["127.0.0.1", "::1"] : [hostname];
  return { listening: ips.map((ip) => ({ ip, port })), connections: [] };
}

/**
 * Answers for a capture, which leaves that out of what it captures.
 *
 * @returns ends it
 * @throws CommandError
 */
export async function answerFor(
  capturing: Capturing,
  listens: Listens,
): Promise<AsyncDisposable> {
  const { node, folder } = capturing;
  await using ending = new AsyncDisposableStack();
  const service = ending.use(
    new WorkerService({
      name: node,
      version: VERSION,
      folder,
      capture: capturing,
      onFault: (text) => say(`thresher: ${text}`),
    }),
  );
  const server = ending.use(await start(service, listens));
  const { hostname, tls } = listens;
  await capturing.exclude(ownTraffic({ hostname, port: server.port }));
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  say(
    `thresher: hubs can ask ${tls ? "wss" : "ws"}://${host}:${server.port}`,
  );
  return ending.move();
}

/** @throws CommandError */
async function start(
  service: WorkerService,
  listens: Listens,
): Promise<WorkerServer> {
  const onFault = (error: unknown) =>
    say(`thresher: ${error instanceof Error ? error.stack : error}`);
  try {
    return await WorkerServer.start({ ...listens, service, onFault });
  } catch (error) {
    throw toListenError(error, listens);
  }
}

/** @throws CommandError in place of UnsafeListening */
function orMisused(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof UnsafeListening)) throw error;
    throw new CommandError(EXIT.MISUSED, error.message, error);
  }
}
