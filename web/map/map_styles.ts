/** The look of the service map. */
import { css } from "lit";
import { base, buttons, chips } from "../styles.ts";

export const mapStyles = [
  base,
  buttons,
  chips,
  css`
    :host {
      background: var(--surface-raised);
      border-bottom: 1px solid var(--line-strong);
      container-type: inline-size;
      display: grid;
      grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr);
      height: clamp(240px, 58dvh, 720px);
      min-height: 0;
      position: relative;
      /* Figures lie over the feed. */
      z-index: 2;
    }

    .head {
      align-items: center;
      display: flex;
      gap: 8px;
      min-height: 40px;
      padding: 5px 10px 5px 14px;
    }

    .head p {
      color: var(--text-muted);
      display: flex;
      flex: 1;
      flex-wrap: wrap;
      font-size: var(--size-data);
      font-variant-numeric: tabular-nums;
      gap: 0 14px;
      margin: 0;
    }

    .head button {
      font-size: var(--size-data);
      height: 26px;
    }

    .levels {
      background: var(--surface-sunken);
      border-radius: var(--radius);
      display: flex;
      gap: 2px;
      padding: 2px;
    }

    .levels button {
      border-radius: 4px;
      height: 22px;
      padding: 0 9px;
    }

    .levels button[aria-pressed="true"] {
      background: var(--surface-overlay);
      box-shadow: var(--shadow);
      color: var(--text);
    }

    b {
      color: var(--text);
      font-weight: 600;
    }

    .scroller {
      background-color: var(--surface);
      background-image: radial-gradient(
        color-mix(in srgb, var(--line) 80%, transparent) 1px,
        transparent 1px
      );
      background-size: 20px 20px;
      border-block: 1px solid var(--line);
      display: grid;
      overflow: auto;
      place-content: safe center;
      scrollbar-color: var(--line-strong) transparent;
      scrollbar-width: thin;
    }

    .canvas {
      position: relative;
    }

    .canvas svg {
      display: block;
      overflow: visible;
    }

    .node {
      align-items: start;
      background: var(--surface-overlay);
      border: 1px solid var(--line-strong);
      border-radius: 8px;
      box-shadow: var(--shadow);
      color: var(--text);
      display: flex;
      flex-direction: column;
      gap: 5px;
      justify-content: center;
      overflow: hidden;
      padding: 0 11px;
      position: absolute;
      text-align: left;
    }

    .node.dense {
      align-items: center;
      border-radius: 6px;
      flex-direction: row;
      gap: 6px;
      justify-content: start;
      padding: 0 8px;
    }

    .node:hover {
      background: var(--surface-hover);
      border-color: var(--text-faint);
      color: var(--text);
    }

    .node[aria-pressed="true"] {
      background: var(--accent-soft);
      border-color: var(--accent);
      color: var(--text);
    }

    .node.others {
      border-style: dashed;
      box-shadow: none;
      cursor: default;
    }

    .node :is(.main, .sub bdi) {
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
    }

    .main {
      font: 600 var(--size) / 16px var(--font);
      max-width: 100%;
    }

    .dense .main {
      flex: 0 1 auto;
      font: 500 var(--size-data) / 16px var(--font);
      min-width: 40px;
    }

    .sub {
      color: var(--text-muted);
      display: flex;
      font: 400 var(--size-small) / 13px var(--font);
      gap: 8px;
      max-width: 100%;
      min-width: 0;
    }

    .sub bdi:empty {
      display: none;
    }

    .dense .sub {
      flex: 0 10 auto;
    }

    .rate,
    .node .failed {
      flex: none;
      font-family: var(--font-data);
    }

    .failed {
      color: var(--failed);
    }

    .node .failed {
      font-weight: 600;
    }

    .failed i,
    .failing i {
      background: var(--failed);
      display: inline-block;
      forced-color-adjust: none;
      height: 7px;
      margin-right: 4px;
      width: 7px;
    }

    .link,
    .label {
      --colour: light-dark(
        oklch(0.66 0.11 var(--hue)),
        oklch(0.64 0.1 var(--hue))
      );
      cursor: pointer;
      outline: none;
    }

    .plain {
      --colour: light-dark(#8a97a4, #6d7b8a);
    }

    .failing {
      --colour: var(--failed);
    }

    .line,
    .reach {
      fill: none;
    }

    .reach {
      pointer-events: stroke;
      stroke: transparent;
      stroke-width: 14px;
    }

    .line {
      stroke: var(--colour);
      stroke-linecap: butt;
      stroke-width: var(--width);
      transition: opacity var(--quick);
    }

    .failing .line {
      stroke-dasharray: 8 4;
    }

    .arrow {
      fill: var(--colour);
      stroke: var(--colour);
      stroke-linejoin: round;
      stroke-width: calc(var(--width) * 0.5);
    }

    .near .line {
      stroke-width: calc(var(--width) + 1px);
    }

    .plate {
      fill: var(--surface);
      stroke: var(--line);
    }

    :is(.near, .picked) .plate {
      stroke: var(--colour);
    }

    .picked .plate {
      fill: var(--accent-soft);
      stroke: var(--accent);
    }

    .link:focus-visible {
      --colour: var(--focus);
    }

    .faint {
      opacity: 0.22;
    }

    .node.faint {
      opacity: 0.45;
    }

    text {
      fill: var(--text-muted);
      font: 500 11px var(--font-data);
    }

    .label text.protocol {
      fill: light-dark(
        oklch(0.45 0.13 var(--hue)),
        oklch(0.82 0.11 var(--hue))
      );
      font-weight: 600;
    }

    .label.plain text.protocol {
      fill: var(--text-muted);
    }

    .label text.failed {
      fill: var(--failed);
      font-weight: 600;
    }

    .sign {
      fill: var(--failed);
    }

    .legend {
      align-items: center;
      color: var(--text-muted);
      display: flex;
      font-size: var(--size-small);
      gap: 4px 18px;
      min-height: 32px;
      padding: 3px 14px;
    }

    .protocols {
      display: flex;
      flex: 1;
      gap: 6px;
      min-width: 0;
      overflow: auto;
      padding: 2px;
      scrollbar-width: none;
    }

    .legend button {
      border: 0;
      flex: none;
      font-family: var(--font-data);
      font-size: var(--size-small);
      height: 24px;
      padding: 0 8px;
    }

    .legend button[aria-pressed="true"] {
      box-shadow: 0 0 0 1.5px currentColor;
    }

    .sample {
      align-items: center;
      display: flex;
      flex: none;
      gap: 7px;
    }

    .sample path {
      stroke: var(--text-faint);
    }

    .sample .thin {
      stroke-width: 1.25px;
    }

    .sample .thick {
      stroke-width: 4.5px;
    }

    .sample.failing path {
      stroke: var(--failed);
      stroke-dasharray: 8 4;
      stroke-width: 2px;
    }

    .sample.failing i {
      margin: 0 -1px 0 0;
    }

    .tip {
      background: var(--surface-overlay);
      border: 1px solid var(--line-strong);
      border-radius: var(--radius);
      box-shadow: var(--shadow-overlay);
      max-width: min(440px, calc(100vw - 24px));
      padding: 9px 12px 10px;
      pointer-events: none;
      position: absolute;
      z-index: 5;
    }

    .tip h3 {
      font: 600 var(--size-data) / 1.4 var(--font-data);
      margin: 0;
      overflow-wrap: anywhere;
    }

    .tip p {
      color: var(--text-muted);
      font-size: var(--size-small);
      margin: 0;
    }

    .tip table {
      border-collapse: collapse;
      font: var(--size-small) / 1 var(--font-data);
      font-variant-numeric: tabular-nums;
      margin-top: 7px;
    }

    .tip :is(th, td) {
      padding: 3px 12px 3px 0;
      text-align: left;
      white-space: nowrap;
    }

    .tip th {
      color: var(--text-muted);
      font-weight: 500;
    }

    .tip :is(th, td):last-child {
      padding-right: 0;
    }

    .tip .number {
      text-align: right;
    }

    .muted {
      color: var(--text-muted);
    }

    @container (max-width: 720px) {
      .sample,
      .head p span + span {
        display: none;
      }
    }

    @media (forced-colors: active) {
      .line,
      .arrow {
        stroke: CanvasText;
      }
    }
  `,
];
