/**
 * What counts of an API server's answer: status, reason, causes, warnings and
 * the shape of the body; not names that are made up, times, versions, or the
 * wording of messages, which differs between builds.
 */

/** An answer as it is recorded, given by a fake server or by a real one. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where it is JSON, else text. */
  readonly body?: unknown;
  /** Of a watch: its lines. */
  readonly lines?: readonly { readonly line: unknown }[];
}

/** One request of the contract, with what counts of its answer. */
export interface Case {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** Who asks: `admin`, `viewer`, `bad-token` or `anonymous`. */
  readonly as: string;
  readonly contentType?: string | undefined;
  readonly body?: unknown;
  readonly expected: unknown;
}

/** What counts of an answer, as plain data. */
export function digest({ status, headers, body, lines }: Answer): unknown {
  const type = headers["content-type"]?.split(";")[0];
  return prune({
    status,
    type: body === "" || lines?.length === 0 ? undefined : type,
    warned: headers.warning !== undefined || undefined,
    retryAfter: headers["retry-after"],
    body: typeof body === "object" ? digestBody(body as Tree) : undefined,
    lines: lines?.map(({ line }) => {
      const { type, object } = line as { type: string; object: Tree };
      return { type, object: digestBody(object) };
    }),
  });
}

type Tree = Record<string, unknown>;

function digestBody(body: Tree): unknown {
  const metadata = body.metadata as Tree | undefined;
  const details = body.details as Tree | undefined;
  const causes = details?.causes as Tree[] | undefined;
  const items = body.items as Tree[] | undefined;
  return {
    kind: body.kind,
    apiVersion: body.apiVersion,
    status: typeof body.status === "string" ? body.status : undefined,
    allowed: (body.status as Tree | undefined)?.allowed,
    reason: body.reason,
    code: body.code,
    data: body.data,
    about: body.kind === "Status"
      ? [details?.group, details?.kind, details?.name]
      : undefined,
    causes: causes?.map(({ reason, field }) => [reason, field]),
    goesOn: metadata?.continue !== undefined || undefined,
    remains: metadata?.remainingItemCount !== undefined || undefined,
    isDeleting: metadata?.deletionTimestamp !== undefined || undefined,
    items: items?.map((item) => [
      item.kind,
      (item.metadata as Tree).name,
    ]),
  };
}

/** Without what is absent, as JSON would write it. */
const prune = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
