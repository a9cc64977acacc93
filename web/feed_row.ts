/**
 * One row of the feed: made once, painted again and again.
 *
 * Ten thousand entries a second leave no time for templates, so a row writes
 * to its text nodes itself, and only where something else is to be shown.
 */
import { FLAG } from "../api/batch.ts";
import type { Place } from "./model/feed_store.ts";
import {
  formatClock,
  formatDay,
  formatLatency,
  formatSize,
  latencyShare,
  MAX_SHOWN_BYTES,
  toShown,
  zoneOffset,
} from "./model/format.ts";
import { OUTCOME_TEXTS, outcomeOf } from "./model/outcome.ts";
import { hueOf } from "./model/protocol_colour.ts";

/** The columns, in their order. */
export const COLUMNS = [
  ["time", "Time"],
  ["protocol", "Protocol"],
  ["status", "Status"],
  ["src", "Source"],
  ["dst", "Destination"],
  ["summary", "Summary"],
  ["latency", "Latency"],
  ["size", "Size"],
  ["node", "Node"],
] as const;

type Column = typeof COLUMNS[number][0];

/** How all rows are painted. */
export interface RowStyle {
  /** Times are shown in UTC, else in the reader's zone. */
  readonly utc: boolean;
  /** Day that rows need not say. */
  readonly today: string;
}

const decoder = new TextDecoder();

/** A row's elements. */
export class FeedRow {
  readonly element = document.createElement("div");
  /** Number of the row that is shown; `undefined` for none. */
  number: number | undefined;
  readonly #cells: Readonly<Record<Column, HTMLElement>> = {
    time: makeCell("time"),
    protocol: makeCell("protocol"),
    status: makeCell("status"),
    src: makeCell("src"),
    dst: makeCell("dst"),
    summary: makeCell("summary"),
    latency: makeCell("latency"),
    size: makeCell("size"),
    node: makeCell("node"),
  };
  readonly #day = document.createElement("span");
  readonly #clock = document.createTextNode("");
  readonly #protocol = document.createElement("span");
  readonly #mark = document.createElement("i");
  readonly #markText = document.createElement("span");
  readonly #status = document.createTextNode("");
  readonly #srcPort = document.createElement("span");
  readonly #dstPort = document.createElement("span");
  readonly #src = document.createElement("bdi");
  readonly #dst = document.createElement("bdi");
  readonly #summary = document.createElement("bdi");
  readonly #bar = document.createElement("i");
  readonly #latency = document.createTextNode("");
  #index = NaN;
  #y = NaN;

  /** @param slot stays the same for the life of the element */
  constructor(slot: number) {
    const { element } = this;
    element.id = `row-${slot}`;
    element.className = "row";
    element.hidden = true;
    element.setAttribute("role", "row");
    const { time, protocol, status, src, dst, summary, latency } = this.#cells;
    this.#day.className = "day";
    this.#protocol.className = "chip";
    this.#markText.className = "unseen";
    this.#bar.className = "bar";
    for (const port of [this.#srcPort, this.#dstPort]) port.className = "port";
    time.append(this.#day, this.#clock);
    protocol.append(this.#protocol);
    status.append(this.#mark, this.#markText, this.#status);
    src.append(this.#src, this.#srcPort);
    dst.append(this.#dst, this.#dstPort);
    summary.append(this.#summary);
    latency.append(this.#bar, this.#latency);
    element.append(...Object.values(this.#cells));
  }

  /**
   * Moves it.
   *
   * @param index its place from the oldest row, for screen readers
   * @param y px from the top of the window
   */
  place(index: number, y: number): void {
    if (index !== this.#index) {
      this.#index = index;
      // The header is the first row.
      this.element.setAttribute("aria-rowindex", String(index + 2));
    }
    if (y === this.#y) return;
    this.#y = y;
    this.element.style.transform = `translateY(${y}px)`;
  }

  /** Shows nothing. */
  clear(): void {
    if (this.number === undefined) return;
    this.number = undefined;
    this.element.hidden = true;
  }

  /** Shows an entry. */
  show(number: number, place: Place, style: RowStyle): void {
    const { batch, row } = place;
    if (this.number === undefined) this.element.hidden = false;
    this.number = number;
    const time = batch.timestamp[row]!;
    const offset = style.utc ? 0 : zoneOffset(time);
    const day = formatDay(time, offset);
    write(this.#day, day === style.today ? "" : `${day} `);
    set(this.#clock, formatClock(time, offset));
    this.#showProtocol(batch.word(batch.protocol[row]!));
    const status = batch.word(batch.status[row]!);
    this.#showStatus(batch.flags[row]!, status);
    const [srcPort, dstPort] = [batch.srcPort[row]!, batch.dstPort[row]!];
    write(this.#src, endText(batch.word(batch.src[row]!), srcPort));
    write(this.#dst, endText(batch.word(batch.dst[row]!), dstPort));
    write(this.#srcPort, portText(srcPort));
    write(this.#dstPort, portText(dstPort));
    write(this.#summary, summaryOf(place));
    this.#showLatency(batch.elapsed[row]!);
    const [sent, received] = [
      batch.requestSizeOf(row),
      batch.responseSizeOf(row),
    ];
    const hasSize = sent !== undefined || received !== undefined;
    write(
      this.#cells.size,
      hasSize ? formatSize((sent ?? 0) + (received ?? 0)) : "",
    );
    write(this.#cells.node, toShown(batch.word(batch.node[row]!)));
  }

  /** Says whether the keyboard is on this row, and whether it is open. */
  mark(isCurrent: boolean, isOpen: boolean): void {
    const { classList } = this.element;
    if (classList.contains("current") !== isCurrent) {
      classList.toggle("current", isCurrent);
      this.element.setAttribute("aria-selected", String(isCurrent));
    }
    classList.toggle("open", isOpen);
  }

  #showProtocol(protocol: string): void {
    const chip = this.#protocol;
    if (chip.textContent === protocol) return;
    chip.textContent = toShown(protocol);
    const hue = hueOf(protocol);
    chip.classList.toggle("plain", hue === undefined);
    if (hue !== undefined) chip.style.setProperty("--hue", String(hue));
  }

  #showStatus(flags: number, status: string): void {
    const outcome = outcomeOf(flags, status);
    const { status: cell } = this.#cells;
    if (cell.dataset["outcome"] !== outcome) {
      cell.dataset["outcome"] = outcome;
      this.element.dataset["outcome"] = outcome;
      // Who cannot see the shape hears it.
      this.#markText.textContent = OUTCOME_TEXTS[outcome];
    }
    const missing = flags & FLAG.RESET ? "reset" : "no answer";
    const isMissing = outcome === "unanswered" && status === "";
    set(this.#status, isMissing ? missing : toShown(status));
  }

  #showLatency(ms: number): void {
    const isKnown = !Number.isNaN(ms);
    set(this.#latency, isKnown ? formatLatency(ms) : "");
    this.#bar.style.transform = `scaleX(${
      isKnown ? latencyShare(ms).toFixed(3) : 0
    })`;
  }
}

function makeCell(column: Column): HTMLElement {
  const cell = document.createElement("div");
  const index = COLUMNS.findIndex(([name]) => name === column);
  cell.className = `cell ${column}`;
  cell.setAttribute("role", "gridcell");
  cell.setAttribute("aria-colindex", String(index + 1));
  return cell;
}

/** A summary's beginning: a hostile one may have megabytes. */
function summaryOf({ batch, row }: Place): string {
  const bytes = batch.textBytes(row);
  return toShown(decoder.decode(bytes.subarray(0, MAX_SHOWN_BYTES)));
}

/** An end's name or address; with a port, IPv6 wants brackets (RFC 3986). */
function endText(end: string, port: number): string {
  const text = toShown(end);
  return port !== 0 && text.includes(":") ? `[${text}]` : text;
}

const portText = (port: number): string => port === 0 ? "" : `:${port}`;

function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function set(node: Text, text: string): void {
  if (node.data !== text) node.data = text;
}
