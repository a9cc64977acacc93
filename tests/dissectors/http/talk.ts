/**
 * What two ends say, told straight to the parser: what it gives, as plain data.
 */
import { HTTP_FIELDS } from "../../../dissectors/http/fields.ts";
import { Http1Parser } from "../../../dissectors/http/parser.ts";
import type { Ending, Exchange, Side } from "../../../dissectors/dissector.ts";
import type { FieldMap } from "../../../entry/field.ts";
import { type ReaderState, StreamReader } from "../../../stream/reader.ts";

/** What happens next on a connection; times are in ms, places count packets. */
export type Step =
  | { readonly side: Side; readonly bytes: Uint8Array; readonly place: number }
  | { readonly side: Side; readonly gap: number }
  | { readonly side: Side; readonly fin: true }
  | { readonly expire: number };

/** How the parser is asked. */
export interface TalkOptions {
  readonly midStream?: boolean;
  readonly wantsBodies?: boolean;
  readonly ending?: Ending;
  /** Saves and restores parser and readers between steps. */
  readonly resumed?: boolean;
}

/** Everything of the exchanges, all fields worked out. */
export function talk(
  steps: readonly Step[],
  options: TalkOptions = {},
): unknown[] {
  const context = {
    transport: "tcp",
    client: { ip: "10.0.0.1", port: 50_000 },
    server: { ip: "10.0.0.2", port: 80 },
    ipVersion: 4,
    midStream: options.midStream ?? false,
    wantsBodies: options.wantsBodies ?? true,
  } as const;
  let parser = new Http1Parser(context);
  let readers = { client: new StreamReader(), server: new StreamReader() };
  const found: unknown[] = [];
  let isOver = false;
  const give = (exchanges: Iterable<Exchange<typeof HTTP_FIELDS>>) => {
    for (const exchange of exchanges) {
      found.push(toPlain(exchange));
      if (exchange.next) isOver = true;
    }
  };
  for (const step of steps) {
    if (isOver) break;
    if ("expire" in step) give(parser.expire(step.expire * 1000));
    else if ("gap" in step) {
      const reader = readers[step.side];
      give(parser.gap(step.side, step.gap, reader));
      reader.loseTo(step.gap);
    } else if ("fin" in step) give(parser.end(step.side, "closed", readers));
    else {
      const { side, place } = step;
      const bytes = step.bytes.slice();
      readers[side].append(bytes, 0, bytes.length, place * 1000, place);
      give(parser.read(side, readers[side]));
      readers[side].retain();
      // What was borrowed is gone.
      bytes.fill(0xee);
    }
    if (options.resumed) {
      const saved = parser.save();
      parser = new Http1Parser(context);
      parser.restore(saved);
      readers = {
        client: copied(readers.client),
        server: copied(readers.server),
      };
    }
  }
  if (!isOver) give(parser.end(undefined, options.ending ?? "closed", readers));
  return found;
}

function copied(reader: StreamReader): StreamReader {
  return StreamReader.restored(structuredClone<ReaderState>(reader.save()));
}

function toPlain(exchange: Exchange<typeof HTTP_FIELDS>): unknown {
  const { asker, version, request, response, incomplete, next } = exchange;
  const half = (message: typeof request | typeof response, fields: FieldMap) =>
    message && { ...message, values: pick(message.values, fields) };
  return {
    asker,
    version,
    incomplete,
    next,
    request: half(request, HTTP_FIELDS.request),
    response: half(response, HTTP_FIELDS.response),
  };
}

function pick(values: object, fields: FieldMap): unknown {
  const picked: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const value = (values as Record<string, unknown>)[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
