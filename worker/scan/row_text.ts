/**
 * A row of a batch as one text: what a sorter keeps of it.
 *
 * The head as JSON, a line end, then the text as it is, for most of an entry is
 * its text, and to escape that twice would cost more than all else.
 */
import type { Head } from "../../api/batch.ts";
import type { End } from "../../entry/entry.ts";
import type { Rendered } from "./rendering.ts";

const LINE_END = 0x0a;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Writes a row. */
export function toRowText({ head, position, text }: Rendered): string {
  // Named one by one: a head may have getters, which JSON passes over.
  const known: Head & Rendered["position"] = {
    timestamp: head.timestamp,
    completed: head.completed,
    elapsed: head.elapsed,
    requestSize: head.requestSize,
    responseSize: head.responseSize,
    protocol: head.protocol,
    status: head.status,
    failed: head.failed,
    decrypted: head.decrypted,
    incomplete: head.incomplete,
    node: { name: head.node.name },
    leg: head.leg,
    marks: head.marks,
    src: toNamedEnd(head.src),
    dst: toNamedEnd(head.dst),
    place: position.place,
    n: position.n,
  };
  return `${JSON.stringify(known)}\n${text}`;
}

/** Reads what {@link toRowText} wrote, as UTF-8. */
export function fromRowText(bytes: Uint8Array): Rendered {
  const end = bytes.indexOf(LINE_END);
  const head: Head & Rendered["position"] = JSON.parse(
    decoder.decode(bytes.subarray(0, end)),
  );
  const text = decoder.decode(bytes.subarray(end + 1));
  return { head, position: head, text };
}

function toNamedEnd(end: End): End {
  const { ip, port, name, pod, namespace, service, workload, node } = end;
  return { ip, port, name, pod, namespace, service, workload, node };
}
