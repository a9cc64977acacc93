/** `worker --listen`: the capture answers whoever has the secret. */
import { readSecret } from "../hub/remote_worker.ts";
import type { Identity, Listening } from "../net/http.ts";
import type { OwnTraffic } from "../worker/capture/own_traffic.ts";
import {
  checkListening,
  UnsafeListening,
  WorkerServer,
} from "../worker/serve/server.ts";
import { WorkerService } from "../worker/serve/service.ts";
import { type Capturing, nodeName } from "./capturing.ts";
import { CommandError, EXIT } from "./exit.ts";
import { toListenError } from "./listen_error.ts";
import { say } from "./output.ts";
import { ownAddresses, OwnCertificate } from "./own_certificate.ts";
import { readTextFile } from "./text_file.ts";
import { VERSION } from "./version.ts";

/** Where a worker listens, as options say it. */
export interface ListenOptions {
  readonly listen?: Listening;
  readonly secretFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly issuerCert?: string;
  readonly issuerKey?: string;
  readonly awaitTargets?: boolean;
}

/** The same with what the files hold. */
export interface Listens extends Listening {
  readonly secret: string;
  /** Renews what it proves itself by, where it made that itself. */
  readonly own?: OwnCertificate | undefined;
}

/** How often it is looked whether another certificate is due, ms. */
const LOOK = 60_000;

/**
 * Reads what listening takes; `undefined` if nobody may ask.
 *
 * @throws CommandError
 */
export async function readListens(
  options: ListenOptions,
): Promise<Listens | undefined> {
  const { listen, secretFile } = options;
  if (!listen) {
    const given = BELONGING.find(([name]) => options[name] !== undefined);
    if (!given) return undefined;
    throw misused(`${given[1]} belongs to --listen`);
  }
  if (secretFile === undefined) {
    throw misused(
      "--listen wants a --secret-file, which its hub has too: make one with " +
        "`openssl rand -hex 32 > secret`",
    );
  }
  const shown = await readPair(options, "tlsCert", "tlsKey");
  const issuer = await readPair(options, "issuerCert", "issuerKey");
  if (shown && issuer) {
    throw misused("--tls-cert and --issuer-cert exclude each other");
  }
  const secret = await readTextFile(secretFile, readSecret);
  const own = issuer && makeOwn(issuer, options);
  const tls = own?.current ?? shown;
  // Known before anything is captured.
  if (!tls) orMisused(() => checkListening(listen));
  return { ...listen, secret, tls, own };
}

/** Options without which `--listen` does, and which do nothing without it. */
const BELONGING = [
  ["secretFile", "--secret-file"],
  ["tlsCert", "--tls-cert"],
  ["tlsKey", "--tls-key"],
  ["issuerCert", "--issuer-cert"],
  ["issuerKey", "--issuer-key"],
  ["awaitTargets", "--await-targets"],
] as const;

/**
 * A certificate with its key out of their files, if they are named.
 *
 * @throws CommandError
 */
async function readPair(
  options: ListenOptions,
  certName: "tlsCert" | "issuerCert",
  keyName: "tlsKey" | "issuerKey",
): Promise<Identity | undefined> {
  const [cert, key] = [options[certName], options[keyName]];
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    const names = BELONGING.filter(([name]) =>
      name === certName || name === keyName
    );
    throw misused(
      `${names.map(([, flag]) => flag).join(" and ")} belong together`,
    );
  }
  return { cert: await readTextFile(cert), key: await readTextFile(key) };
}

/** @throws CommandError if that is no authority */
function makeOwn(
  authority: Identity,
  { issuerCert, issuerKey }: ListenOptions,
): OwnCertificate {
  try {
    return new OwnCertificate({
      authority,
      name: nodeName(),
      addresses: ownAddresses,
    });
  } catch (error) {
    throw new CommandError(
      EXIT.MISUSED,
      `Cannot make a certificate with "${issuerCert}" and "${issuerKey}": ` +
        `${error instanceof Error ? error.message : error}`,
      error,
    );
  }
}

/** What hubs say to whoever listens there, and try to before. */
export function ownTraffic({ hostname, port }: Listening): OwnTraffic {
  return {
    listening: askedAt(hostname).map((ip) => ({ ip, port })),
    connections: [],
  };
}

/** Addresses under which hubs ask. */
function askedAt(hostname: string): string[] {
  const loopback = ["127.0.0.1", "::1"];
  if (hostname === "localhost") return loopback;
  const isAny = hostname === "0.0.0.0" || hostname === "::";
  const told = Deno.env.get("POD_IP");
  return isAny && told ? [told, ...loopback] : [hostname];
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
  const { hostname, tls, own } = listens;
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
  if (own) {
    const renewal = setInterval(() => {
      if (own.renew()) server.renew(own.current);
    }, LOOK);
    ending.defer(() => clearInterval(renewal));
  }
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
    throw misused(error.message, error);
  }
}

const misused = (message: string, cause?: unknown): CommandError =>
  new CommandError(EXIT.MISUSED, message, cause);
