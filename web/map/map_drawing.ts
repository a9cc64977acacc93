/** The nodes and links of the service map, as templates. */
import { html, nothing, svg } from "lit";
import { inlineStyle } from "../inline_style.ts";
import { formatShare } from "../model/format.ts";
import {
  describeLink,
  describeNode,
  isFailing,
  type LabelPiece,
  rateText,
  titleOf,
} from "../model/map_figures.ts";
import type { MapLink, MapNode } from "../model/map_graph.ts";
import { type Box, type Curve, LABEL_HEIGHT } from "../model/map_picture.ts";
import { hueOf } from "../model/protocol_colour.ts";

/** Width of a character of labels, px, and what is beside them. */
const CHARACTER = 6.65;
const PADDING = 6;

/** Between two pieces of a label, and the sign before what failed, px. */
const PIECE_GAP = 7;
const SIGN = 10;

/** Widths of the thinnest and of the widest link, px. */
const WIDTHS = [1.25, 4] as const;

/** What nodes and links have in common. */
interface Item {
  /** Whether the tab key leads to it. */
  readonly isStop: boolean;
  /** Whether something else is looked at. */
  readonly isFaint: boolean;
  /** Whether the filter asks for it. */
  readonly isPicked: boolean;
  readonly onClick: () => void;
  readonly onEnter: () => void;
  readonly onLeave: () => void;
  readonly onFocus: (event: FocusEvent) => void;
}

export interface DrawnNode extends Item {
  readonly node: MapNode;
  readonly box: Box;
  readonly gathered: number;
  readonly span: number;
  readonly isDense: boolean;
}

export function drawNode(drawn: DrawnNode): unknown {
  const { node, box, gathered, span, isDense } = drawn;
  const { main, rest } = titleOf(node.end, gathered);
  const { served } = node;
  const failing = isFailing(served);
  const rate = rateText(served.count || node.sent.count, span);
  return html`
    <button
      class="node ${isDense ? "dense" : ""} ${node.end
        ? ""
        : "others"} ${drawn.isFaint ? "faint" : ""}"
      data-id=${node.id}
      tabindex=${drawn.isStop ? 0 : -1}
      aria-pressed=${node.end ? drawn.isPicked : nothing}
      aria-disabled=${node.end ? nothing : "true"}
      ${inlineStyle({
        left: `${box.x}px`,
        top: `${box.y}px`,
        width: `${box.width}px`,
        height: `${box.height}px`,
      })}
      @click=${drawn.onClick}
      @pointerenter=${drawn.onEnter}
      @pointerleave=${drawn.onLeave}
      @focus=${drawn.onFocus}
    >
      <bdi class="main">${main}</bdi>
      <span class="sub">
        <bdi>${rest}</bdi>
        ${isDense ? nothing : html`
          <span class="rate" aria-hidden="true">${rate}</span>
          ${failing
            ? html`
              <b class="failed" aria-hidden="true"><i></i>${formatShare(
                served.failed,
                served.count,
              )}</b>
            `
            : nothing}
        `}
      </span>
      <span class="unseen">${describeNode(node)}</span>
    </button>
  `;
}

export interface DrawnLink extends Item {
  readonly link: MapLink;
  readonly curve: Curve;
  readonly label: readonly LabelPiece[];
  /** How wide it is drawn, of 1. */
  readonly share: number;
  readonly names: readonly [src: string, dst: string];
  /** Whether it is looked at, or what it ends at is. */
  readonly isNear: boolean;
}

export function drawLink(drawn: DrawnLink): unknown {
  const { link, curve, share, names } = drawn;
  const width = WIDTHS[0] + Math.sqrt(share) * (WIDTHS[1] - WIDTHS[0]);
  return svg`
    <g class="link ${classesOf(drawn)}" data-id=${link.id} role="button"
      tabindex=${drawn.isStop ? 0 : -1}
      aria-label=${describeLink(link, names)}
      aria-pressed=${drawn.isPicked}
      ${inlineStyle({ ...hueStyle(link), "--width": `${width}px` })}
      @click=${drawn.onClick}
      @pointerenter=${drawn.onEnter}
      @pointerleave=${drawn.onLeave}
      @focus=${drawn.onFocus}>
      <path class="reach" d=${curve.line}></path>
      <path class="line" d=${curve.line}></path>
      <path class="arrow" d=${curve.arrow}></path>
    </g>
  `;
}

/** Labels lie above all links; whoever hears has the link itself. */
export function drawLabel(drawn: DrawnLink): unknown {
  const { link, curve: { label: box } } = drawn;
  if (!box) return nothing;
  return svg`
    <g class="label ${classesOf(drawn)}" aria-hidden="true"
      ${inlineStyle(hueStyle(link))}
      @click=${drawn.onClick}
      @pointerenter=${drawn.onEnter}
      @pointerleave=${drawn.onLeave}>
      <rect class="plate" x=${box.x} y=${box.y} width=${box.width}
        height=${LABEL_HEIGHT} rx="4"></rect>
      ${drawPieces(drawn.label, box)}
    </g>
  `;
}

function drawPieces(pieces: readonly LabelPiece[], box: Box): unknown {
  const baseline = box.y + LABEL_HEIGHT / 2 + 4;
  let x = box.x + PADDING;
  return pieces.map(({ text, kind }) => {
    const at = x;
    x += widthOf({ text, kind }) + PIECE_GAP;
    return svg`
      ${kind === "failed"
        ? svg`
          <rect class="sign" x=${at} y=${baseline - 8} width="7"
            height="7"></rect>
        `
        : nothing}
      <text class=${kind} x=${kind === "failed" ? at + SIGN : at}
        y=${baseline}>${text}</text>
    `;
  });
}

const classesOf = ({ link, isFaint, isNear, isPicked }: DrawnLink): string =>
  [
    hueOf(link.parts[0]!.protocol) === undefined && "plain",
    isFailing(link) && "failing",
    isFaint && "faint",
    isNear && "near",
    isPicked && "picked",
  ].filter(Boolean).join(" ");

const hueStyle = ({ parts }: MapLink): { "--hue": string } => ({
  "--hue": String(hueOf(parts[0]!.protocol) ?? 0),
});

/** Width of a label with all that is in it, px. */
export function labelWidth(pieces: readonly LabelPiece[]): number {
  return pieces.reduce((sum, piece) => sum + widthOf(piece), 2 * PADDING) +
    PIECE_GAP * (pieces.length - 1);
}

const widthOf = ({ text, kind }: LabelPiece): number =>
  text.length * CHARACTER + (kind === "failed" ? SIGN : 0);
