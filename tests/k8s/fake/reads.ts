/** Lists and watches, from the store's history. */
import { apiVersionOf, type Kind } from "./kinds.ts";
import {
  badRequest,
  expired,
  invalidOptions,
  notFound,
  Refusal,
} from "./refusal.ts";
import { selector, type Selects } from "./selector.ts";
import type { Happening, Store, Stored } from "./store.ts";

/** A line of a watch. */
export interface WatchLine {
  readonly type: string;
  readonly object: unknown;
}

/** The answer to a list. Items have neither kind nor version. */
export function list(
  store: Store,
  kind: Kind,
  namespace: string,
  query: URLSearchParams,
) {
  const selects = within(
    namespace,
    selector(query.get("labelSelector"), query.get("fieldSelector")),
  );
  const place = placeOf(store, query);
  const limit = Number(query.get("limit") ?? 0) || Infinity;
  const all = store.allAt(kind, place.version).filter(selects)
    .filter((object) => placeKey(object) > place.after);
  const items = all.slice(0, limit);
  const rest = all.length - items.length;
  const isPlain = !query.has("labelSelector") && !query.has("fieldSelector");
  return {
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata: {
      resourceVersion: String(place.version),
      ...(rest > 0 && {
        continue: toToken(place.version, placeKey(items.at(-1)!)),
        ...(isPlain && { remainingItemCount: rest }),
      }),
    },
    items: items.map(({ kind: _, apiVersion: __, ...rest }) => rest),
  };
}

/** Where a list begins: at what moment, and after which object. */
function placeOf(store: Store, query: URLSearchParams) {
  const token = query.get("continue");
  const version = query.get("resourceVersion") ?? "";
  const match = query.get("resourceVersionMatch");
  if (token) {
    if (version) {
      throw badRequest(
        "specifying resource version is not allowed when using continue",
      );
    }
    const place = fromToken(token);
    if (place.version === -1) return { ...place, version: store.version };
    if (place.version > store.forgotten) return place;
    throw expired(
      "The provided continue parameter is too old to display a consistent " +
        "list result. You can start a new list without the continue parameter, " +
        "or use the continue token in this response to retrieve the remainder " +
        "of the results.",
      toToken(-1, place.after),
    );
  }
  if (match && !version) {
    throw invalidOptions(
      "ListOptions",
      "resourceVersionMatch",
      "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is " +
        "provided",
      "FieldValueForbidden",
    );
  }
  const wanted = version ? toVersion(version, "invalid resource version: ") : 0;
  if (wanted > store.version) throw tooNew(wanted, store.version);
  if (match !== "Exact") return { version: store.version, after: "" };
  if (wanted > store.forgotten) return { version: wanted, after: "" };
  throw expired("The resourceVersion for the provided list is too old.");
}

/** A list that waited in vain for its moment. */
const tooNew = (wanted: number, current: number) =>
  new Refusal(
    504,
    "Timeout",
    `Timeout: Too large resource version: ${wanted}, current: ${current}`,
    {
      causes: [{
        reason: "ResourceVersionTooLarge",
        message: "Too large resource version",
      }],
      retryAfterSeconds: 1,
    },
  );

/** One object. */
export function get(
  store: Store,
  kind: Kind,
  namespace: string,
  name: string,
): Stored {
  const object = store.get(kind, namespace, name);
  if (!object) throw notFound({ ...kind, name });
  return object;
}

/** A watch that has begun. */
export interface Watch {
  /** What is to be sent at once. */
  readonly lines: readonly WatchLine[];
  /** Whether it ends after those. */
  readonly ends: boolean;
  /** What becomes of a happening: a line, or nothing. */
  readonly toLine: (happening: Happening) => WatchLine | undefined;
  /** Where it stands now. */
  readonly bookmark: () => WatchLine;
}

/** Begins a watch; too old a place is told of in its first line. */
export function watch(
  store: Store,
  kind: Kind,
  namespace: string,
  query: URLSearchParams,
): Watch {
  const selects = within(
    namespace,
    selector(query.get("labelSelector"), query.get("fieldSelector")),
  );
  const initial = query.get("sendInitialEvents");
  if (initial && query.get("resourceVersionMatch") !== "NotOlderThan") {
    throw invalidOptions(
      "ListOptions",
      "resourceVersionMatch",
      "Forbidden: sendInitialEvents requires setting resourceVersionMatch to " +
        "NotOlderThan",
      "FieldValueForbidden",
    );
  }
  const text = query.get("resourceVersion") ?? "";
  // Unlike a list's, a watch's bad number is the server's own fault.
  if (text && !/^\d+$/.test(text)) throw new Refusal(500, undefined, bad(text));
  const from = Number(text);
  const toLine = ({ type, object, before, ...one }: Happening) => {
    if (one.kind !== kind || one.version <= from) return undefined;
    const was = before !== undefined && selects(before);
    const is = type !== "DELETED" && selects(object);
    if (!was && !is) return undefined;
    if (is) return { type: was ? "MODIFIED" : "ADDED", object };
    // Whatever leaves the selection goes as it was last seen.
    const { resourceVersion } = object.metadata;
    const last = type === "DELETED" ? object : before!;
    return {
      type: "DELETED",
      object: { ...last, metadata: { ...last.metadata, resourceVersion } },
    };
  };
  const bookmark = (annotations?: Record<string, string>) => ({
    type: "BOOKMARK",
    object: {
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      metadata: {
        resourceVersion: String(Math.max(store.version, from)),
        ...(annotations && { annotations }),
      },
    },
  });
  const begun = { ends: false, toLine, bookmark: () => bookmark() };
  if (from === 0 && initial !== "false") {
    const lines: WatchLine[] = store.all(kind).filter(selects)
      .map((object) => ({ type: "ADDED", object }));
    if (initial && query.get("allowWatchBookmarks") === "true") {
      lines.push(bookmark({ "k8s.io/initial-events-end": "true" }));
    }
    return { ...begun, lines };
  }
  if (from !== 0 && from < store.forgotten) {
    const object = expired(
      `too old resource version: ${from} (${store.forgotten})`,
    ).toStatus();
    return { ...begun, ends: true, lines: [{ type: "ERROR", object }] };
  }
  const missed = from === 0 ? [] : store.since(kind, from);
  const lines = missed.map(toLine).filter((line) => line !== undefined);
  return { ...begun, lines };
}

const within = (namespace: string, selects: Selects): Selects => (object) =>
  (!namespace || object.metadata.namespace === namespace) && selects(object);

const bad = (text: string): string =>
  `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing ` +
  `"${text}": invalid syntax`;

function toVersion(text: string, prefix: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw badRequest(prefix + bad(text));
}

const placeKey = ({ metadata }: Stored): string =>
  `${metadata.namespace ?? ""}/${metadata.name}`;

const toToken = (version: number, after: string): string =>
  new TextEncoder().encode(
    JSON.stringify({ v: "meta.k8s.io/v1", rv: version, start: after }),
  ).toBase64({ alphabet: "base64url", omitPadding: true });

function fromToken(token: string): { version: number; after: string } {
  try {
    const bytes = Uint8Array.fromBase64(token, { alphabet: "base64url" });
    const { rv, start } = JSON.parse(new TextDecoder().decode(bytes)) as {
      rv: number;
      start: string;
    };
    return { version: rv, after: start };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badRequest(
      `invalid continue token: continue key is not valid: ${error.message}`,
    );
  }
}
