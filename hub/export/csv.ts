/** Rows of the feed as CSV (RFC 4180). */
import { type Batch, FLAG } from "../../api/batch.ts";
import type { End } from "../../entry/entry.ts";
import { toRfc3339 } from "../../entry/json.ts";

const COLUMNS = [
  ...["id", "timestamp", "protocol", "src", "srcPort", "dst", "dstPort"],
  ...["status", "failed", "elapsedTime", "requestSize", "responseSize"],
  "summary",
  ...["srcIp", "srcPod", "srcNamespace", "srcService", "srcWorkload"],
  ...["srcNode", "dstIp", "dstPod", "dstNamespace", "dstService"],
  ...["dstWorkload", "dstNode", "seenBy"],
];

/** The first line. */
export const CSV_HEAD = COLUMNS.join(",") + "\r\n";

/** A line for each row. */
export function toCsv(batch: Batch): string {
  let text = "";
  for (let row = 0; row < batch.count; row++) {
    text += cellsOf(batch, row).map(toCell).join(",") + "\r\n";
  }
  return text;
}

function cellsOf(batch: Batch, row: number): (string | number | undefined)[] {
  const elapsed = batch.elapsed[row]!;
  return [
    batch.id(row),
    toRfc3339(batch.timestamp[row]!),
    batch.word(batch.protocol[row]!),
    batch.word(batch.src[row]!),
    batch.srcPort[row] || undefined,
    batch.word(batch.dst[row]!),
    batch.dstPort[row] || undefined,
    batch.word(batch.status[row]!),
    String((batch.flags[row]! & FLAG.FAILED) !== 0),
    Number.isNaN(elapsed) ? undefined : elapsed,
    batch.requestSizeOf(row),
    batch.responseSizeOf(row),
    batch.text(row),
    ...namesOf(batch.endOf(row, "src")),
    ...namesOf(batch.endOf(row, "dst")),
    batch.seenBy(row).join(" "),
  ];
}

const namesOf = (end: End): (string | undefined)[] => [
  end.ip,
  end.pod,
  end.namespace,
  end.service,
  end.workload,
  end.node,
];

/**
 * One value. What a spreadsheet would run as a formula is made a text: packets
 * are written by strangers.
 */
function toCell(value: string | number | undefined): string {
  if (typeof value !== "string") return String(value ?? "");
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
