/** Runs `export` over a hub: the file comes as the hub makes it. */
import type { ExportRequest } from "../api/hub.ts";
import { HUB } from "../api/paths.ts";
import { MISSING_HEADER } from "../hub/routes/export.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { openTarget } from "./export_target.ts";
import { messageOf } from "./hub_message.ts";
import type { HubAddress } from "./local_hub.ts";
import { say } from "./output.ts";
import { Progress } from "./progress.ts";

/** What to fetch, and where to put it. */
export interface HubExport extends ExportRequest {
  readonly format: "pcap" | "pcapng";
  /** Whether the form was asked for by name. */
  readonly isStrict: boolean;
  readonly output: string;
}

/**
 * Fetches what matches, whole or not at all.
 *
 * @throws CommandError, or the signal's reason
 */
export async function exportFromHub(
  { output, isStrict, ...request }: HubExport,
  address: HubAddress,
  signal: AbortSignal,
): Promise<ExitCode> {
  const response = await post(address, request, signal);
  checkForm(response, request.format, isStrict, output);
  using target = openTarget(output);
  const progress = new Progress(() => 0);
  let bytes = 0;
  try {
    for await (const piece of response.body ?? []) {
      target.write(piece);
      progress.update(bytes += piece.length);
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    signal.throwIfAborted();
    throw lost(address, error);
  } finally {
    progress.end();
  }
  target.keep();
  const missing = response.headers.get(MISSING_HEADER);
  if (missing) say(`thresher: missing: ${decodeURIComponent(missing)}`);
  say(`thresher: ${bytes} bytes written`);
  return EXIT.DONE;
}

/** @throws CommandError */
async function post(
  { url, token }: HubAddress,
  request: ExportRequest,
  signal: AbortSignal,
): Promise<Response> {
  const target = URL.parse(HUB.export, url);
  if (!target || !["http:", "https:"].includes(target.protocol)) {
    throw new CommandError(
      EXIT.MISUSED,
      `"${url}" is no hub: write http://HOST:PORT`,
    );
  }
  let response: Response;
  try {
    response = await fetch(target, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(request),
      signal,
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new CommandError(
      EXIT.NOT_READY,
      `The hub at ${url} cannot be reached`,
      cause,
    );
  }
  if (response.ok) return response;
  const message = messageOf(await response.text());
  throw new CommandError(
    response.status === 401
      ? EXIT.NO_RIGHT
      : response.status === 400
      ? EXIT.MISUSED
      : EXIT.FAILED,
    `The hub refuses: ${message}`,
  );
}

/** Packets of several link types come as pcapng, whatever was asked. */
function checkForm(
  response: Response,
  wanted: "pcap" | "pcapng",
  isStrict: boolean,
  output: string,
): void {
  const isOther = wanted === "pcap" &&
    response.headers.get("content-type")?.includes("pcapng");
  if (!isOther || !isStrict && output !== "-") return;
  void response.body?.cancel();
  throw new CommandError(
    EXIT.MISUSED,
    "The packets have several link types, which a pcap file cannot hold: ask " +
      "for --format pcapng",
  );
}

const lost = ({ url }: HubAddress, cause: unknown): CommandError =>
  new CommandError(
    EXIT.FAILED,
    `The hub at ${url} broke off before all packets were sent; nothing was kept`,
    cause,
  );
