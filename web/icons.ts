/** Icons: strokes on a grid of 16, in the colour of the text. */
import { html, svg, type SVGTemplateResult, type TemplateResult } from "lit";

const icon = (paths: SVGTemplateResult): TemplateResult =>
  html`
    <svg width="16" height="16" viewBox="0 0 16 16" fill="none"
      stroke="currentColor" stroke-width="1.5" stroke-linecap="round"
      stroke-linejoin="round" aria-hidden="true">${paths}</svg>
  `;

export const play = icon(svg`
  <path d="M5 3.500v9l7-4.500z" fill="currentColor" />
`);
export const pause = icon(svg`
  <path d="M5.500 3.500v9M10.500 3.500v9" stroke-width="2" />
`);
export const toEnd = icon(svg`
  <path d="M8 2.500v8M4.500 7.500 8 11l3.500-3.500M3.500 13.500h9" />
`);
export const clock = icon(svg`
  <circle cx="8" cy="8" r="5.750" />
  <path d="M8 4.750V8l2.250 1.500" />
`);
export const download = icon(svg`
  <path d="M8 2.500v7.500M5 7.250 8 10.250l3-3M3 13h10" />
`);
export const sun = icon(svg`
  <circle cx="8" cy="8" r="2.750" />
  <path
    d="M8 1.500v1M8 13.500v1M1.500 8h1M13.500 8h1M3.400 3.400l.7.7M11.900 11.900l.7.7M3.400 12.600l.7-.7M11.900 4.100l.7-.7" />
`);
export const moon = icon(svg`
  <path d="M13 9.500A5.500 5.500 0 0 1 6.500 3a5.500 5.500 0 1 0 6.500 6.500z" />
`);
export const display = icon(svg`
  <rect x="2" y="3" width="12" height="8" rx="1" />
  <path d="M6 13.500h4" />
`);
export const chart = icon(svg`
  <path d="M2.500 13.500h11M4.500 11V8.500M8 11V4M11.500 11V6.500"
    stroke-width="2" />
`);
/** Ends, and lines between them. */
export const network = icon(svg`
  <circle cx="3.500" cy="8" r="1.750" />
  <circle cx="12.500" cy="3.750" r="1.750" />
  <circle cx="12.500" cy="12.250" r="1.750" />
  <path d="M5.200 7.200l5.600-2.600M5.200 8.800l5.600 2.600" />
`);
/** Something that is aimed at. */
export const target = icon(svg`
  <circle cx="8" cy="8" r="4.750" />
  <path d="M8 1.500v3M8 11.500v3M1.500 8h3M11.500 8h3" />
`);
export const help = icon(svg`
  <circle cx="8" cy="8" r="5.750" />
  <path
    d="M6.400 6.300c.2-.9.9-1.300 1.700-1.300.9 0 1.600.6 1.600 1.400 0 1.200-1.700 1.200-1.700 2.300M8 11h.01" />
`);
export const warning = icon(svg`
  <path d="M8 2.500 14 13H2zM8 6.500v3M8 11.300h.01" />
`);
export const close = icon(svg`
  <path d="M4 4l8 8M12 4l-8 8" />
`);

/** The thresher's tail. */
export const brand = html`
  <svg width="24" height="24" viewBox="0 0 32 32"
    aria-hidden="true">
    <rect width="32" height="32" rx="8" fill="#0f2a3a" />
    <path
      d="M5 20.500c6.500.8 11-.6 14-4.300C21.500 13 22.200 8.800 27 5.500c-.9 3.700-1.200 6.300-.1 9.300 1 2.800.9 5.600-.6 8.700-.7-2.700-2-4.200-4.100-4.600-2.900 4.500-9 6.100-17.200 1.600Z"
      fill="#4cc9e6" />
  </svg>
`;
